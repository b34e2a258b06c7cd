"""The negative binomial distribution with its shape theta."""

from __future__ import annotations

from math import lgamma
from typing import Any, NamedTuple

import numpy as np

from ..errors import InvalidParameterError
from ..kernels.elementary import HALF_LOG_2PI, exp, log, log1p, log_factorial, stirling_error, vectorisable
from ..kernels.fused import fused
from ..kernels.scalars import MANY, at_least_faint, below_faint, log1p_gap
from .links import Log
from .registry import NONNEGATIVE, family
from .tails import of_counts


@vectorisable
def _half_deviance(y, mu, k):
    """y log(y/mu) - (y+k) log((y+k)/(mu+k)), arranged so that nothing cancels where y is near mu or far above k."""
    if y == 0.0:
        return k * log1p(mu / k)
    gap = y - mu
    a, b = k * gap / (mu * (y + k)), gap / (mu + k)
    return k * log1p_gap(b) - y * log1p_gap(a) + b * a * k


@family(
    "negative_binomial",
    link=Log,
    domain=NONNEGATIVE,
    tabulated=True,
    aliases=("negbin", "nb", "nbinom", "negative.binomial"),
)
class NegativeBinomial(NamedTuple):
    """theta = log(mu / (mu + k)) for shape k, T(y) = y, a(theta) = -k log(1 - e^theta), V(mu) = mu + mu^2 / k.

    The field ``theta`` is the shape k, as in R's ``MASS::negative.binomial(theta)``; ``fit`` estimates one of None.
    """

    theta: float | None

    statsmodels_name, estimated = "NegativeBinomial", "theta"

    def variance(self, mu: float) -> float:
        return mu + mu * mu / self.theta

    def deviance(self, y: float, mu: float) -> float:
        return 2.0 * _half_deviance(y, mu, self.theta)

    def start(self, y: float, w: float) -> float:
        return y + (1.0 / 6.0 if y == 0.0 else 0.0)

    def natural(self, mu: float) -> float:
        return log(mu / (mu + self.theta))

    def log_partition(self, theta: float) -> float:
        return -self.theta * log1p(-exp(theta))

    def base_measure(self, y: float, phi: float) -> float:
        return lgamma(y + self.theta) - lgamma(self.theta) - log_factorial(y)

    def logpdf(self, y: float, mu: float, w: float, phi: float) -> float:
        k = self.theta
        a = y * log(mu / (mu + k)) if y > 0.0 else 0.0
        return w * (a - k * log1p(mu / k) + lgamma(y + k) - lgamma(k) - log_factorial(y))

    # proportional to w, so that small counts can be looked up
    def saturated(self, y: float, w: float) -> float:
        k = self.theta
        if y > MANY:  # the gammas of so many would cancel (Loader 2000)
            rest = stirling_error(y + k) - stirling_error(y) - stirling_error(k)
            return w * (rest - HALF_LOG_2PI + 0.5 * log(k / y / (y + k)))
        a = y * log(y / (y + k)) if y > 0.0 else 0.0
        return w * (a - k * log1p(y / k) + lgamma(y + k) - lgamma(k) - log_factorial(y))

    @staticmethod
    def events(weighted_y: Any, weight: Any) -> Any:
        return weighted_y

    def variance_slope(self, mu: Any) -> Any:
        return 1.0 + 2.0 * mu / self.theta

    def draw(self, rng: Any, mu: Any, phi: Any, weights: Any) -> Any:
        if not self.theta > 0:
            raise InvalidParameterError(f"theta must be positive, got {self.theta}")
        return rng.poisson(rng.gamma(self.theta, mu / self.theta)).astype(float)

    def anscombe_change(self, y: Any, mu: Any, error: Any) -> Any:
        from scipy.special import hyp2f1

        first, last = (1.5 * t ** (2 / 3) * hyp2f1(1 / 3, 2 / 3, 5 / 3, -t / self.theta) for t in (mu, y))
        return last - first

    def array_loss(self, y: Any, mu: Any, xp: Any) -> Any:
        return (y + self.theta) * xp.log(mu + self.theta) - xp.xlogy(y, mu)

    def density_at_mean(self, y: Any, w: Any, trials: Any, scale: Any) -> Any:
        from scipy.special import gammaln, xlogy

        size, alpha = self.theta, 1.0 / self.theta
        ways = gammaln(y + size) - gammaln(size) - gammaln(y + 1.0)
        return w / scale * (ways + xlogy(y, alpha * y) - (y + size) * np.log1p(alpha * y))

    def frozen(self, mu: Any, scale: Any, trials: Any) -> Any:
        from scipy import stats

        return stats.nbinom(self.theta, self.theta / (self.theta + mu))

    def tails(self, y: Any, mu: Any, phi: Any, w: Any) -> Any:
        return of_counts(self._replace(theta=w * self.theta).frozen(w * mu, phi, 1), w * y)  # a mean of w counts


@fused(NegativeBinomial, Log)
def rows(family, link, eta, y):
    k = family.theta
    mu = exp(eta)
    share = k / (mu + k) if mu < 1e300 else 0.0
    d = 2.0 * (_half_deviance(y, at_least_faint(mu, y), k) + below_faint(y, eta))
    return (y - mu) * share, mu * share, d
