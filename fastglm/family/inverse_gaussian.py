"""The inverse Gaussian distribution."""

from __future__ import annotations

from math import inf, pi, sqrt
from math import log as log_
from typing import NamedTuple

from ..kernels.elementary import log
from .links import InverseSquared
from .registry import POSITIVE, family


@family(
    "inverse_gaussian",
    link=InverseSquared,
    domain=POSITIVE,
    dispersion="pearson",
    counts_dispersion=True,
    aliases=("inverse.gaussian", "invgauss"),
)
class InverseGaussian(NamedTuple):
    """theta = -1/(2 mu^2), T(y) = y, a(theta) = -sqrt(-2 theta), V(mu) = mu^3."""

    canonical = "inverse_squared"

    def variance(self, mu):
        return mu * mu * mu

    def deviance(self, y, mu):
        return (y - mu) * (y - mu) / (y * mu * mu)

    def start(self, y, w):
        return y

    def natural(self, mu):
        return -0.5 / (mu * mu)

    def log_partition(self, theta):
        return -sqrt(-2.0 * theta) if theta < 0.0 else inf

    def sufficient(self, y):
        return y

    def base_measure(self, y, phi):
        return -0.5 * (1.0 / (phi * y) + log(2.0 * pi * phi) + 3.0 * log(y))

    def logpdf(self, y, mu, w, phi):
        return -0.5 * w * ((y - mu) * (y - mu) / (phi * y * mu * mu) + log(2.0 * pi * phi) + 3.0 * log(y))

    def saturated(self, y, w):
        return -1.5 * w * log(y)

    @staticmethod
    def loglik(deviance, saturated, weight_sum, nobs):
        """R's ``inverse.gaussian()$aic``: the dispersion taken as deviance over the sum of the weights."""
        if deviance <= 0.0:
            return inf
        return saturated - 0.5 * weight_sum * (log_(2.0 * pi * deviance / weight_sum) + 1.0)
