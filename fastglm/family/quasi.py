"""Quasi-likelihood: a variance function and a dispersion, no distribution."""

from __future__ import annotations

from ..core.protocols import RegisteredFamily
from ..errors import InvalidParameterError
from .binomial import Binomial
from .gamma import Gamma
from .gaussian import Gaussian
from .inverse_gaussian import InverseGaussian
from .links import Identity, Log, Logit
from .poisson import Poisson
from .registry import NONNEGATIVE, POSITIVE, REAL, UNIT, family


@family("quasipoisson", link=Log, domain=NONNEGATIVE, dispersion="pearson", aliases=("quasi_poisson",))
class QuasiPoisson(Poisson):
    """V(mu) = mu with a dispersion estimated from Pearson's chi-square."""

    saturated = None


@family("quasibinomial", link=Logit, domain=UNIT, dispersion="pearson", aliases=("quasi_binomial",))
class QuasiBinomial(Binomial):
    """V(mu) = mu (1 - mu) with a dispersion estimated from Pearson's chi-square."""

    saturated = None


@family("quasi(constant)", link=Identity, domain=REAL, dispersion="pearson", aliases=("quasi",))
class QuasiConstant(Gaussian):
    """V(mu) = 1."""

    saturated = None


@family("quasi(mu)", link=Identity, domain=NONNEGATIVE, dispersion="pearson")
class QuasiMu(Poisson):
    """V(mu) = mu."""

    saturated = None


@family("quasi(mu(1-mu))", link=Identity, domain=UNIT, dispersion="pearson")
class QuasiMuNu(Binomial):
    """V(mu) = mu (1 - mu)."""

    saturated = None


@family("quasi(mu^2)", link=Identity, domain=POSITIVE, dispersion="pearson")
class QuasiMuSquared(Gamma):
    """V(mu) = mu^2."""

    saturated = None


@family("quasi(mu^3)", link=Identity, domain=POSITIVE, dispersion="pearson")
class QuasiMuCubed(InverseGaussian):
    """V(mu) = mu^3."""

    saturated = None


VARIANCES = {
    "constant": QuasiConstant,
    "mu": QuasiMu,
    "mu(1-mu)": QuasiMuNu,
    "mu^2": QuasiMuSquared,
    "mu^3": QuasiMuCubed,
}


def Quasi(variance: str = "constant") -> RegisteredFamily:  # noqa: N802, a family in the user's eyes
    """A quasi family with the given variance function, R's ``quasi(variance=)``.

    Parameters
    ----------
    variance : {"constant", "mu", "mu(1-mu)", "mu^2", "mu^3"}

    Raises
    ------
    InvalidParameterError
        For another variance.
    """
    if variance not in VARIANCES:
        raise InvalidParameterError(f"variance={variance!r} is unknown; known: {', '.join(VARIANCES)}")
    return VARIANCES[variance]()
