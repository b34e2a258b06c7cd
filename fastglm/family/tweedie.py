"""Tweedie distributions: variance a power of the mean."""

from __future__ import annotations

from math import nan
from typing import Any, NamedTuple

from ..errors import InvalidParameterError
from ..kernels.elementary import exp, log, vectorisable
from ..kernels.fused import fused
from ..kernels.scalars import gamma_gap, poisson_gap
from .gamma import Gamma
from .inverse_gaussian import InverseGaussian
from .links import Log
from .poisson import Poisson
from .registry import NONNEGATIVE, POSITIVE, family
from .tails import of_density, of_tweedie

INVERSES = (0.0, *(1.0 / k for k in range(1, 13)))  # of 1 to 12, as divisions of vectors are slow


@vectorisable
def _unit_deviance(p, y, mu, m):
    """The unit deviance of power p with m = mu^(1-p); at one and two the limits, Poisson's and Gamma's."""
    if p == 1.0:
        return 2.0 * poisson_gap(y, mu)
    if p == 2.0:
        return 2.0 * gamma_gap(y, mu)
    g = (y - mu) / mu
    if abs(g) < 0.03:
        # Taylor at y = mu, where the three terms below cancel: the kth derivative of u^(2-p) falls out of u^-p
        term, total = 0.5 * g * g, 0.0
        for k in range(3, 13):
            total += term
            term *= -(p + (k - 3)) * g * INVERSES[k]
        return 2.0 * mu * m * total
    first, second = 1.0 / (1.0 - p), 1.0 / (2.0 - p)  # the same for all rows, which need no division
    lead = exp((2.0 - p) * log(y)) * first * second if y > 0.0 else 0.0
    return 2.0 * (lead - y * m * first + mu * m * second)


@family("tweedie", link=Log, domain=NONNEGATIVE, mean=POSITIVE, dispersion="pearson", counts_dispersion=True)
class Tweedie(NamedTuple):
    """theta = mu^(1-p)/(1-p), T(y) = y, a(theta) = ((1-p) theta)^((2-p)/(1-p))/(2-p), V(mu) = mu^p, 1 < p < 2.

    The density has no closed form: the log-likelihood of a fit is computed by series, at the dispersion that maximises
    it (``family.tweedie_density``). A power of two and above needs y > 0. ``fit`` estimates a power of None.
    """

    power: float | None

    estimated, profiled = "power", True

    @property
    def variance_power(self) -> float:
        """The power of the mean that the variance is."""
        return self.power

    def variance(self, mu: float) -> float:
        return exp(self.power * log(mu))

    def deviance(self, y: float, mu: float) -> float:
        return _unit_deviance(self.power, y, mu, exp((1.0 - self.power) * log(mu)))

    def start(self, y: float, w: float) -> float:
        return y if y > 0.0 else 0.1

    def draw(self, rng: Any, mu: Any, phi: Any, weights: Any) -> Any:
        k = self.power
        if not 1 < k < 2:
            raise InvalidParameterError(f"the Tweedie power must lie between 1 and 2, got {k}")
        # a Poisson number of gamma jumps
        jumps = rng.poisson(mu ** (2 - k) / (phi * (2 - k)))
        return rng.standard_gamma(jumps * (2 - k) / (k - 1)) * phi * (k - 1) * mu ** (k - 1)

    def tails(self, y: Any, mu: Any, phi: Any, w: Any) -> Any:
        of_limit = {1.0: Poisson(), 2.0: Gamma(), 3.0: InverseGaussian()}.get(self.power)
        if of_limit is not None:
            return of_density(of_limit.frozen(mu, phi / w, 1), y) if self.power > 1.0 else of_limit.tails(y, mu, phi, w)
        if not 1.0 < self.power < 2.0:
            raise InvalidParameterError(
                f"kind='quantile': the probabilities of Tweedie distributions of power {self.power:g} are not computed"
            )
        return of_tweedie(self.power, y, mu, phi / w)

    def natural(self, mu: float) -> float:
        return exp((1.0 - self.power) * log(mu)) / (1.0 - self.power)

    def log_partition(self, theta: float) -> float:
        p = self.power
        return exp((2.0 - p) / (1.0 - p) * log((1.0 - p) * theta)) / (2.0 - p)

    def base_measure(self, y: float, phi: float) -> float:
        return nan


@fused(Tweedie, Log)
def rows(family, link, eta, y):
    p = family.power
    m = exp((1.0 - p) * eta)
    mu = exp(eta)
    return (y - mu) * m, mu * m, _unit_deviance(p, y, mu, m)
