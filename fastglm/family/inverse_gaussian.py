"""The inverse Gaussian distribution."""

from __future__ import annotations

from math import inf, pi, sqrt
from math import log as log_
from typing import Any, NamedTuple

import numpy as np

from ..kernels.elementary import LOG_2PI, log
from .links import InverseSquared
from .registry import POSITIVE, family


@family(
    "inverse_gaussian",
    link=InverseSquared,
    domain=POSITIVE,
    dispersion="pearson",
    counts_dispersion=True,
    canonical="inverse_squared",
    aliases=("inverse.gaussian", "invgauss"),
)
class InverseGaussian(NamedTuple):
    """theta = -1/(2 mu^2), T(y) = y, a(theta) = -sqrt(-2 theta), V(mu) = mu^3."""

    variance_power, simulated_dispersion, statsmodels_name = 3.0, 0.5, "InverseGaussian"

    def variance(self, mu: float) -> float:
        return mu * mu * mu

    def deviance(self, y: float, mu: float) -> float:
        return (y - mu) * (y - mu) / (y * mu * mu)

    def start(self, y: float, w: float) -> float:
        return y

    def natural(self, mu: float) -> float:
        return -0.5 / (mu * mu)

    def log_partition(self, theta: float) -> float:
        return -sqrt(-2.0 * theta) if theta < 0.0 else inf

    def base_measure(self, y: float, phi: float) -> float:
        return -0.5 * (1.0 / (phi * y) + log(2.0 * pi * phi) + 3.0 * log(y))

    def logpdf(self, y: float, mu: float, w: float, phi: float) -> float:
        return -0.5 * w * ((y - mu) * (y - mu) / (phi * y * mu * mu) + log(2.0 * pi * phi) + 3.0 * log(y))

    def saturated(self, y: float, w: float) -> float:
        return -1.5 * w * log(y)

    @staticmethod
    def loglik(deviance: float, saturated: float, weight_sum: float, nobs: float) -> float:
        """R's ``inverse.gaussian()$aic``: the dispersion taken as deviance over the sum of the weights."""
        if deviance <= 0.0:
            return inf
        return saturated - 0.5 * weight_sum * (log_(2.0 * pi * deviance / weight_sum) + 1.0)

    def draw(self, rng: Any, mu: Any, phi: Any, weights: Any) -> Any:
        return np.maximum(rng.wald(mu, 1 / phi), np.finfo(float).tiny)

    def density_at_mean(self, y: Any, w: Any, trials: Any, scale: Any) -> Any:
        return 0.5 * (np.log(w / scale) - 3.0 * np.log(y) - LOG_2PI)

    def frozen(self, mu: Any, scale: Any, trials: Any) -> Any:
        from scipy import stats

        return stats.invgauss(mu * scale, scale=1.0 / scale)
