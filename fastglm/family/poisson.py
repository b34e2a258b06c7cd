"""The Poisson distribution."""

from __future__ import annotations

from math import inf, nan
from typing import Any, NamedTuple

from ..kernels.elementary import LOG_2PI, exp, log, log_factorial, stirling_error
from ..kernels.fused import fused
from ..kernels.scalars import at_least_faint, below_faint, poisson_gap
from .links import Log, Sqrt
from .registry import NONNEGATIVE, family
from .tails import of_counts


@family("poisson", link=Log, domain=NONNEGATIVE, canonical="log", tabulated=True)
class Poisson(NamedTuple):
    """theta = log(mu), T(y) = y, a(theta) = e^theta, V(mu) = mu."""

    variance_power, simulated_intercept, statsmodels_name = 1.0, 0.5, "Poisson"

    def variance(self, mu: float) -> float:
        return mu

    def deviance(self, y: float, mu: float) -> float:
        return 2.0 * poisson_gap(y, mu)

    def start(self, y: float, w: float) -> float:
        return y + 0.1

    def natural(self, mu: float) -> float:
        return log(mu)

    def log_partition(self, theta: float) -> float:
        return exp(theta)

    def base_measure(self, y: float, phi: float) -> float:
        return -log_factorial(y)

    def logpdf(self, y: float, mu: float, w: float, phi: float) -> float:
        a = y * log(mu) if y > 0.0 else 0.0
        return w * (a - mu - log_factorial(y))

    # proportional to w, so that small counts can be looked up
    def saturated(self, y: float, w: float) -> float:
        # y log y - y - log y! without its cancellation, from Stirling's series
        return w * (-0.5 * (LOG_2PI + log(y)) - stirling_error(y)) if y > 0.0 else 0.0

    @staticmethod
    def events(weighted_y: Any, weight: Any) -> Any:
        return weighted_y

    def draw(self, rng: Any, mu: Any, phi: Any, weights: Any) -> Any:
        return rng.poisson(mu).astype(float)

    def density_at_mean(self, y: Any, w: Any, trials: Any, scale: Any) -> Any:
        from scipy.special import gammaln, xlogy

        return w / scale * (xlogy(y, y) - y - gammaln(y + 1.0))

    def frozen(self, mu: Any, scale: Any, trials: Any) -> Any:
        from scipy import stats

        return stats.poisson(mu)

    def tails(self, y: Any, mu: Any, phi: Any, w: Any) -> Any:
        return of_counts(self.frozen(w * mu, phi, 1), w * y)  # a mean of w counts


@fused(Poisson, Log)
def rows(family, link, eta, y):
    mu = exp(eta)
    return y - mu, mu, 2.0 * (poisson_gap(y, at_least_faint(mu, y)) + below_faint(y, eta))


@fused(Poisson, Sqrt)
def sqrt_rows(family, link, eta, y):
    mu = eta * eta
    inside = (eta > 0.0) & (mu > 0.0) & (mu < inf)
    return 2.0 * (y - mu) / eta if inside else nan, 4.0, 2.0 * poisson_gap(y, mu) if inside else nan
