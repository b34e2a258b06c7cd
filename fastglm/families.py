"""The families, by class and by name."""

from importlib import import_module
from pkgutil import iter_modules

from . import family as _room
from .family.binomial import Binomial
from .family.gamma import Gamma
from .family.gaussian import Gaussian
from .family.inverse_gaussian import InverseGaussian
from .family.multinomial import Multinomial
from .family.negative_binomial import NegativeBinomial
from .family.poisson import Poisson
from .family.quasi import Quasi, QuasiBinomial, QuasiPoisson
from .family.registry import FAMILIES, family
from .family.registry import family_class as family_class
from .family.registry import get_family as get
from .family.several import (
    Beta,
    DoubleGamma,
    DoubleGaussian,
    DoubleInverseGaussian,
    DoubleTweedie,
    HurdleNegativeBinomial,
    HurdlePoisson,
    Ordinal,
    ZeroInflatedNegativeBinomial,
    ZeroInflatedPoisson,
    ZeroTruncatedNegativeBinomial,
    ZeroTruncatedPoisson,
)
from .family.tweedie import Tweedie
from .kernels.fused import fused

__all__ = [
    "Beta",
    "Binomial",
    "DoubleGamma",
    "DoubleGaussian",
    "DoubleInverseGaussian",
    "DoubleTweedie",
    "Gamma",
    "Gaussian",
    "HurdleNegativeBinomial",
    "HurdlePoisson",
    "InverseGaussian",
    "Multinomial",
    "NegativeBinomial",
    "Ordinal",
    "Poisson",
    "Quasi",
    "QuasiBinomial",
    "QuasiPoisson",
    "Tweedie",
    "ZeroInflatedNegativeBinomial",
    "ZeroInflatedPoisson",
    "ZeroTruncatedNegativeBinomial",
    "ZeroTruncatedPoisson",
    "family",
    "fused",
    "get",
    "names",
]


# a family is one file of that folder: its registration is all that a new one needs
for _module in iter_modules(_room.__path__):
    import_module(f"{_room.__name__}.{_module.name}")


def names() -> tuple[str, ...]:
    """The registered families of one mean a row; beside them there are "multinomial" and those of
    several linear predictors, "ordinal", "beta", counts with many zeros, and dispersions with columns of their own."""
    return tuple(FAMILIES)
