"""Link functions: one small class each; the methods are scalar formulas that the row loops compile.

``inverse``, ``slope`` and ``bend`` are the mean and its first and second derivative in the linear predictor.
Links onto (0, 1) also give ``log_tails``: log mu, log(1 - mu) and log slope, exact where mu or 1 - mu underflows.
"""

from __future__ import annotations

from math import atan, inf, pi, sqrt, tan
from typing import NamedTuple

from ..kernels.elementary import exp, expm1, log, log1p, log_ndtr, log_sigmoid, logit, norm_cdf, norm_pdf, sigmoid
from ..kernels.scalars import norm_quantile
from ..types import Interval
from .registry import POSITIVE, link

LOG_SQRT_2PI = 0.91893853320467274178


@link("identity")
class Identity(NamedTuple):
    """mu = eta."""

    def link(self, mu):
        return mu

    def inverse(self, eta):
        return eta

    def slope(self, eta):
        return 1.0

    def bend(self, eta):
        return 0.0

    def log_tails(self, eta):
        return log(eta), log1p(-eta), 0.0


@link("log")
class Log(NamedTuple):
    """log mu = eta."""

    def link(self, mu):
        return log(mu)

    def inverse(self, eta):
        return exp(eta)

    def slope(self, eta):
        return exp(eta)

    def bend(self, eta):
        return exp(eta)

    def log_tails(self, eta):
        return eta, log(-expm1(eta)), eta


@link("logit")
class Logit(NamedTuple):
    """log(mu / (1 - mu)) = eta."""

    def link(self, mu):
        return logit(mu)

    def inverse(self, eta):
        return sigmoid(eta)

    def slope(self, eta):
        return sigmoid(eta) * sigmoid(-eta)

    def bend(self, eta):
        mu, nu = sigmoid(eta), sigmoid(-eta)
        return mu * nu * (nu - mu)

    def log_tails(self, eta):
        a, b = log_sigmoid(eta), log_sigmoid(-eta)
        return a, b, a + b


@link("probit")
class Probit(NamedTuple):
    """mu is the standard normal distribution function at eta."""

    def link(self, mu):
        return norm_quantile(mu)

    def inverse(self, eta):
        return norm_cdf(eta)

    def slope(self, eta):
        return norm_pdf(eta)

    def bend(self, eta):
        return -eta * norm_pdf(eta)

    def log_tails(self, eta):
        return log_ndtr(eta), log_ndtr(-eta), -0.5 * eta * eta - LOG_SQRT_2PI


@link("cloglog")
class CLogLog(NamedTuple):
    """log(-log(1 - mu)) = eta."""

    def link(self, mu):
        return log(-log1p(-mu))

    def inverse(self, eta):
        return -expm1(-exp(eta))

    def slope(self, eta):
        return exp(eta - exp(eta))

    def bend(self, eta):
        return (1.0 - exp(eta)) * exp(eta - exp(eta))

    def log_tails(self, eta):
        t = exp(eta)
        # below -37 the first correction to log mu = eta is -t/2, under one unit in the last place
        small = eta < -37.0
        log_mu = eta if small else log(-expm1(-t))
        return log_mu, -t, eta - t


@link("loglog")
class LogLog(NamedTuple):
    """-log(-log mu) = eta, the mirror image of cloglog."""

    def link(self, mu):
        return -log(-log(mu))

    def inverse(self, eta):
        return exp(-exp(-eta))

    def slope(self, eta):
        return exp(-eta - exp(-eta))

    def bend(self, eta):
        return (exp(-eta) - 1.0) * exp(-eta - exp(-eta))

    def log_tails(self, eta):
        t = exp(-eta)
        small = eta > 37.0
        log_nu = -eta if small else log(-expm1(-t))
        return -t, log_nu, -eta - t


@link("cauchit")
class Cauchit(NamedTuple):
    """mu is the standard Cauchy distribution function at eta."""

    def link(self, mu):
        return tan(pi * (mu - 0.5))

    def inverse(self, eta):
        # atan(1/eta) keeps the digits of a tail that 0.5 + atan(eta)/pi would cancel
        return atan(-1.0 / eta) / pi if eta < -1.0 else 0.5 + atan(eta) / pi

    def slope(self, eta):
        return 1.0 / (pi * (1.0 + eta * eta))

    def bend(self, eta):
        return -2.0 * eta / (pi * (1.0 + eta * eta) * (1.0 + eta * eta))

    def log_tails(self, eta):
        mu = atan(-1.0 / eta) / pi if eta < -1.0 else 0.5 + atan(eta) / pi
        nu = atan(1.0 / eta) / pi if eta > 1.0 else 0.5 - atan(eta) / pi
        return log(mu), log(nu), -log(pi * (1.0 + eta * eta))


@link("inverse")
class Inverse(NamedTuple):
    """1 / mu = eta."""

    def link(self, mu):
        return 1.0 / mu

    def inverse(self, eta):
        return 1.0 / eta

    def slope(self, eta):
        return -1.0 / (eta * eta)

    def bend(self, eta):
        return 2.0 / (eta * eta * eta)


@link("inverse_squared", domain=POSITIVE, aliases=("1/mu^2", "1/mu2", "inverse.squared"))
class InverseSquared(NamedTuple):
    """1 / mu^2 = eta, the canonical link of the inverse Gaussian up to a factor."""

    def link(self, mu):
        return 1.0 / (mu * mu)

    def inverse(self, eta):
        return 1.0 / sqrt(eta) if eta > 0.0 else inf

    def slope(self, eta):
        return -0.5 / (eta * sqrt(eta)) if eta > 0.0 else inf

    def bend(self, eta):
        return 0.75 / (eta * eta * sqrt(eta)) if eta > 0.0 else inf


@link("sqrt")
class Sqrt(NamedTuple):
    """sqrt(mu) = eta. A negative eta is admitted, so that a mean of zero is an interior point of the fit."""

    def link(self, mu):
        return sqrt(mu)

    def inverse(self, eta):
        return eta * eta

    def slope(self, eta):
        return 2.0 * eta

    def bend(self, eta):
        return 2.0


@link("power", domain=Interval(0.0, inf, "neither"))
class Power(NamedTuple):
    """mu^p = eta for a power p other than zero (zero is the log link)."""

    p: float

    def link(self, mu):
        return exp(self.p * log(mu))

    def inverse(self, eta):
        return exp(log(eta) / self.p)

    def slope(self, eta):
        return exp((1.0 / self.p - 1.0) * log(eta)) / self.p

    def bend(self, eta):
        return (1.0 / self.p) * (1.0 / self.p - 1.0) * exp((1.0 / self.p - 2.0) * log(eta))
