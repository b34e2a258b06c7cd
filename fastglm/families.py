"""The families, by class and by name."""

from .family.binomial import Binomial
from .family.gamma import Gamma
from .family.gaussian import Gaussian
from .family.inverse_gaussian import InverseGaussian
from .family.multinomial import Multinomial
from .family.negative_binomial import NegativeBinomial
from .family.poisson import Poisson
from .family.quasi import Quasi, QuasiBinomial, QuasiPoisson
from .family.registry import FAMILIES, family
from .family.registry import get_family as get
from .family.tweedie import Tweedie
from .kernels.fused import fused

__all__ = [
    "Binomial",
    "Gamma",
    "Gaussian",
    "InverseGaussian",
    "Multinomial",
    "NegativeBinomial",
    "Poisson",
    "Quasi",
    "QuasiBinomial",
    "QuasiPoisson",
    "Tweedie",
    "family",
    "fused",
    "get",
    "names",
]


def names() -> tuple[str, ...]:
    """The registered families of one mean a row; beside them there is "multinomial"."""
    return tuple(FAMILIES)
