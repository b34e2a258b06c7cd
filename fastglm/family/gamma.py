"""The Gamma distribution, with constant coefficient of variation."""

from __future__ import annotations

from math import lgamma
from math import log as log_
from typing import Any, NamedTuple

import numpy as np

from ..kernels.elementary import exp, log
from ..kernels.fused import fused
from ..kernels.scalars import gamma_gap
from .links import Inverse, Log
from .registry import POSITIVE, family


@family(
    "gamma",
    link=Inverse,
    domain=POSITIVE,
    dispersion="pearson",
    counts_dispersion=True,
    canonical="inverse",
    aliases=("Gamma",),
)
class Gamma(NamedTuple):
    """theta = -1/mu, T(y) = y, a(theta) = -log(-theta), V(mu) = mu^2."""

    variance_power, simulated_intercept, simulated_dispersion = 2.0, 1.0, 0.5
    statsmodels_name = "Gamma"

    def variance(self, mu: float) -> float:
        return mu * mu

    def deviance(self, y: float, mu: float) -> float:
        return 2.0 * gamma_gap(y, mu)

    def start(self, y: float, w: float) -> float:
        return y

    def natural(self, mu: float) -> float:
        return -1.0 / mu

    def log_partition(self, theta: float) -> float:
        return -log(-theta)

    def base_measure(self, y: float, phi: float) -> float:
        k = 1.0 / phi
        return (k - 1.0) * log(y) + k * log(k) - lgamma(k)

    def logpdf(self, y: float, mu: float, w: float, phi: float) -> float:
        # R's weights multiply the log-density rather than the shape
        k = 1.0 / phi
        return w * (-k * (gamma_gap(y, mu) + 1.0) - log(y) + k * log(k) - lgamma(k))

    def saturated(self, y: float, w: float) -> float:
        return -w * log(y)

    @staticmethod
    def loglik(deviance: float, saturated: float, weight_sum: float, nobs: float) -> float:
        """R's ``Gamma()$aic``: the dispersion taken as deviance over the sum of the weights."""
        if deviance <= 0.0:
            return float("inf")
        k = weight_sum / deviance
        return saturated - 0.5 * k * deviance + weight_sum * (k * (log_(k) - 1.0) - lgamma(k))

    def draw(self, rng: Any, mu: Any, phi: Any, weights: Any) -> Any:
        return np.maximum(rng.gamma(1 / phi, phi * mu), np.finfo(float).tiny)

    def density_at_mean(self, y: Any, w: Any, trials: Any, scale: Any) -> Any:
        from scipy.special import gammaln

        shape = w / scale
        return shape * np.log(shape) - shape - gammaln(shape) - np.log(y)

    def frozen(self, mu: Any, scale: Any, trials: Any) -> Any:
        from scipy import stats

        return stats.gamma(1.0 / scale, scale=mu * scale)


@fused(Gamma, Log)
def rows(family, link, eta, y):
    # in ratios to the mean, so that a response in units of 1e-200 is like any other
    mu = exp(eta)
    return (y - mu) / mu, 1.0, 2.0 * gamma_gap(y, mu)


@fused(Gamma, Inverse)
def inverse_rows(family, link, eta, y):
    mu = 1.0 / eta
    return mu - y, mu * mu, 2.0 * gamma_gap(y, mu)
