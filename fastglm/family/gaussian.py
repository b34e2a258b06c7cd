"""The normal distribution."""

from __future__ import annotations

from math import log as log_
from math import pi
from typing import Any, NamedTuple

import numpy as np

from ..kernels.elementary import LOG_2PI, log
from ..kernels.fused import fused
from .links import Identity
from .registry import REAL, family


@family(
    "gaussian",
    link=Identity,
    domain=REAL,
    dispersion="pearson",
    counts_dispersion=True,
    canonical="identity",
    aliases=("normal",),
)
class Gaussian(NamedTuple):
    """theta = mu, T(y) = y, a(theta) = theta^2 / 2, V(mu) = 1."""

    linear_link = Identity  # the link under which the score is w (y - eta)
    variance_power, simulated_intercept, statsmodels_name = 0.0, 1.0, "Gaussian"

    def variance(self, mu: float) -> float:
        return 1.0

    def deviance(self, y: float, mu: float) -> float:
        return (y - mu) * (y - mu)

    def start(self, y: float, w: float) -> float:
        return y

    def natural(self, mu: float) -> float:
        return mu

    def log_partition(self, theta: float) -> float:
        return 0.5 * theta * theta

    def base_measure(self, y: float, phi: float) -> float:
        return -0.5 * (y * y / phi + log(2.0 * pi * phi))

    def logpdf(self, y: float, mu: float, w: float, phi: float) -> float:
        return -0.5 * (w * (y - mu) * (y - mu) / phi + log(2.0 * pi * phi / w))

    def saturated(self, y: float, w: float) -> float:
        return 0.5 * log(w)

    @staticmethod
    def loglik(deviance: float, saturated: float, weight_sum: float, nobs: float) -> float:
        """R's ``logLik``: the dispersion at its maximum-likelihood value, deviance over the number of observations."""
        if deviance <= 0.0:
            return float("inf")
        return saturated - 0.5 * nobs * (log_(2.0 * pi * deviance / nobs) + 1.0)

    def draw(self, rng: Any, mu: Any, phi: Any, weights: Any) -> Any:
        return mu + np.sqrt(phi) * rng.standard_normal(mu.shape)

    def density_at_mean(self, y: Any, w: Any, trials: Any, scale: Any) -> Any:
        return 0.5 * (np.log(w / scale) - LOG_2PI) + 0.0 * y

    def frozen(self, mu: Any, scale: Any, trials: Any) -> Any:
        from scipy import stats

        return stats.norm(loc=mu, scale=np.sqrt(scale))


@fused(Gaussian, Identity)
def rows(family, link, eta, y):
    r = y - eta
    return r, 1.0, r * r
