"""Link functions: one small class each; the methods are scalar formulas that the row loops compile.

``inverse``, ``slope`` and ``bend`` are the mean and its first and second derivative in the linear predictor.
Links onto (0, 1) also give ``tails``: log mu, log(1 - mu), slope / mu and slope / (1 - mu), exact where mu or 1 - mu
underflows. ``ends`` are the linear predictors at which the mean is within 1e-17 of 0 and of 1, where it gets there
exponentially fast.
"""

from __future__ import annotations

from math import atan, inf, pi, sqrt, tan
from typing import Any, NamedTuple

from ..core.records import Interval
from ..kernels.elementary import (
    exp,
    exp_negative,
    expm1,
    log,
    log1p,
    log_sigmoid,
    logit,
    norm_cdf,
    norm_pdf,
    sigmoid,
    vectorisable,
)
from ..kernels.scalars import atan_unit, mills, norm_quantile
from .registry import NONNEGATIVE, POSITIVE, link

LOG_SQRT_2PI = 0.91893853320467274178  # log(2 pi) / 2
INFINITE = 1e15  # a linear predictor as good as infinite: the tangent of a quarter turn is 1.6e16


def linear_predictor(link: Any, mean: float) -> float:
    """The linear predictor of a mean, infinite where it has none: at an end of the range that is never reached."""
    try:
        eta = float(link.link(float(mean)))
    except (ValueError, ZeroDivisionError, OverflowError):
        return inf
    return eta if abs(eta) < INFINITE else -inf if eta < 0.0 else inf


@link("identity")
class Identity(NamedTuple):
    """mu = eta."""

    power, effect, statsmodels_name, activation = 1.0, "mean", "Identity", "linear"

    def link(self, mu: float) -> float:
        return mu

    def inverse(self, eta: float) -> float:
        return eta

    def slope(self, eta: float) -> float:
        return 1.0

    def bend(self, eta: float) -> float:
        return 0.0

    def tails(self, eta: float) -> tuple[float, float, float, float]:
        return log(eta), log1p(-eta), 1.0 / eta, 1.0 / (1.0 - eta)

    def array_inverse(self, eta: Any, xp: Any) -> Any:
        return eta


@link("log", ends=(-40.0, None))
class Log(NamedTuple):
    """log mu = eta."""

    is_log, effect, statsmodels_name, activation = True, "log mean", "Log", "exponential"

    def link(self, mu: float) -> float:
        return log(mu)

    def inverse(self, eta: float) -> float:
        return exp(eta)

    def slope(self, eta: float) -> float:
        return exp(eta)

    def bend(self, eta: float) -> float:
        return exp(eta)

    def tails(self, eta: float) -> tuple[float, float, float, float]:
        return eta, log(-expm1(eta)), 1.0, 1.0 / expm1(-eta)

    def array_inverse(self, eta: Any, xp: Any) -> Any:
        return xp.exp(eta)


@link("logit", ends=(-40.0, 40.0))
class Logit(NamedTuple):
    """log(mu / (1 - mu)) = eta."""

    effect, statsmodels_name, activation = "log odds", "Logit", "sigmoid"

    def link(self, mu: float) -> float:
        return logit(mu)

    def inverse(self, eta: float) -> float:
        return sigmoid(eta)

    def slope(self, eta: float) -> float:
        return sigmoid(eta) * sigmoid(-eta)

    def bend(self, eta: float) -> float:
        mu, nu = sigmoid(eta), sigmoid(-eta)
        return mu * nu * (nu - mu)

    def tails(self, eta: float) -> tuple[float, float, float, float]:
        return log_sigmoid(eta), log_sigmoid(-eta), sigmoid(-eta), sigmoid(eta)

    def array_inverse(self, eta: Any, xp: Any) -> Any:
        return xp.sigmoid(eta)

    def array_log_tails(self, eta: Any, xp: Any) -> Any:
        return xp.log_sigmoid(eta), xp.log_sigmoid(-eta)


@link("probit", ends=(-8.5, 8.5))
class Probit(NamedTuple):
    """mu is the standard normal distribution function at eta."""

    statsmodels_name = "Probit"

    def link(self, mu: float) -> float:
        return norm_quantile(mu)

    def inverse(self, eta: float) -> float:
        return norm_cdf(eta)

    def slope(self, eta: float) -> float:
        return norm_pdf(eta)

    def bend(self, eta: float) -> float:
        return -eta * norm_pdf(eta)

    def tails(self, eta: float) -> tuple[float, float, float, float]:
        # far is the tail beyond |eta|, at most a half, near the rest
        a = abs(eta)
        ratio, density = mills(a), norm_pdf(a)
        far = ratio * density
        near, log_near = density / (1.0 - far), log1p(-far)
        log_far, inverse = log(ratio) - 0.5 * a * a - LOG_SQRT_2PI, 1.0 / ratio if ratio > 0.0 else inf
        if eta < 0.0:
            return log_far, log_near, inverse, near
        return log_near, log_far, near, inverse

    def array_inverse(self, eta: Any, xp: Any) -> Any:
        return xp.normal_cdf(eta)

    def array_log_tails(self, eta: Any, xp: Any) -> Any:
        return xp.log_normal_cdf(eta), xp.log_normal_cdf(-eta)


@vectorisable
def _double_exponential(eta):
    """log(1 - e^-t) and t e^-t / (1 - e^-t) for t = e^eta."""
    t = exp(eta)
    bound = t if t < 800.0 else 800.0  # beyond which e^-t is zero, and t may be infinite
    nu = exp_negative(-t)
    mu = -expm1(-t)
    log_mu = log1p(-nu) if t > 0.7 else log(mu)
    # below -37 the first corrections, -t/2, are under one unit in the last place
    low = eta < -37.0
    return eta if low else log_mu, 1.0 if low else bound * nu / (mu if mu > 0.0 else 1.0)


@link("cloglog", ends=(-40.0, 3.7))
class CLogLog(NamedTuple):
    """log(-log(1 - mu)) = eta."""

    statsmodels_name = "CLogLog"

    def link(self, mu: float) -> float:
        return log(-log1p(-mu))

    def inverse(self, eta: float) -> float:
        return -expm1(-exp(eta))

    def slope(self, eta: float) -> float:
        return exp(eta - exp(eta))

    def bend(self, eta: float) -> float:
        return (1.0 - exp(eta)) * exp(eta - exp(eta))

    def tails(self, eta: float) -> tuple[float, float, float, float]:
        log_mu, up = _double_exponential(eta)
        return log_mu, -exp(eta), up, exp(eta)

    def array_inverse(self, eta: Any, xp: Any) -> Any:
        return -xp.expm1(-xp.exp(eta))

    def array_log_tails(self, eta: Any, xp: Any) -> Any:
        return xp.log(-xp.expm1(-xp.exp(eta))), -xp.exp(eta)


@link("loglog", ends=(-3.7, 40.0))
class LogLog(NamedTuple):
    """-log(-log mu) = eta, the mirror image of cloglog."""

    statsmodels_name = "LogLog"

    def link(self, mu: float) -> float:
        return -log(-log(mu))

    def inverse(self, eta: float) -> float:
        return exp(-exp(-eta))

    def slope(self, eta: float) -> float:
        return exp(-eta - exp(-eta))

    def bend(self, eta: float) -> float:
        return (exp(-eta) - 1.0) * exp(-eta - exp(-eta))

    def tails(self, eta: float) -> tuple[float, float, float, float]:
        log_nu, down = _double_exponential(-eta)
        return -exp(-eta), log_nu, exp(-eta), down

    def array_inverse(self, eta: Any, xp: Any) -> Any:
        return xp.exp(-xp.exp(-eta))

    def array_log_tails(self, eta: Any, xp: Any) -> Any:
        return -xp.exp(-eta), xp.log(-xp.expm1(-xp.exp(-eta)))


@link("cauchit")
class Cauchit(NamedTuple):
    """mu is the standard Cauchy distribution function at eta."""

    statsmodels_name = "Cauchy"

    def link(self, mu: float) -> float:
        # tan near a quarter turn would cancel
        return -1.0 / tan(pi * mu) if mu < 0.25 else tan(pi * (mu - 0.5))

    def inverse(self, eta: float) -> float:
        # atan(1/eta) keeps the digits of a tail that 0.5 + atan(eta)/pi would cancel
        return atan(-1.0 / eta) / pi if eta < -1.0 else 0.5 + atan(eta) / pi

    def slope(self, eta: float) -> float:
        return 1.0 / (pi * (1.0 + eta * eta))

    def bend(self, eta: float) -> float:
        return -2.0 * eta / (pi * (1.0 + eta * eta) * (1.0 + eta * eta))

    def tails(self, eta: float) -> tuple[float, float, float, float]:
        # far is the tail beyond |eta|, at most a half
        a = abs(eta)
        outside = a > 1.0
        quarter = atan_unit(1.0 / a if outside else a) / pi
        far = quarter if outside else 0.5 - quarter
        slope = 1.0 / (pi * (1.0 + eta * eta))
        log_far, log_near, up_far, up_near = log(far), log1p(-far), slope / far, slope / (1.0 - far)
        if eta < 0.0:
            return log_far, log_near, up_far, up_near
        return log_near, log_far, up_near, up_far

    def array_inverse(self, eta: Any, xp: Any) -> Any:
        return 0.5 + xp.arctan(eta) / pi


@link("inverse", aliases=("1/mu",))
class Inverse(NamedTuple):
    """1 / mu = eta."""

    half_line, power, statsmodels_name = True, -1.0, "InversePower"

    def link(self, mu: float) -> float:
        return 1.0 / mu

    def inverse(self, eta: float) -> float:
        return 1.0 / eta

    def slope(self, eta: float) -> float:
        return -1.0 / (eta * eta)

    def bend(self, eta: float) -> float:
        return 2.0 / (eta * eta * eta)

    def array_inverse(self, eta: Any, xp: Any) -> Any:
        return 1.0 / eta


@link("inverse_squared", domain=POSITIVE, aliases=("1/mu^2", "1/mu2", "inverse.squared"))
class InverseSquared(NamedTuple):
    """1 / mu^2 = eta, the canonical link of the inverse Gaussian up to a factor."""

    half_line, power, statsmodels_name = True, -2.0, "InverseSquared"

    def link(self, mu: float) -> float:
        return 1.0 / (mu * mu)

    def inverse(self, eta: float) -> float:
        return 1.0 / sqrt(eta) if eta > 0.0 else inf

    def slope(self, eta: float) -> float:
        return -0.5 / (eta * sqrt(eta)) if eta > 0.0 else inf

    def bend(self, eta: float) -> float:
        return 0.75 / (eta * eta * sqrt(eta)) if eta > 0.0 else inf

    def array_inverse(self, eta: Any, xp: Any) -> Any:
        return xp.rsqrt(eta)


@link("sqrt", domain=NONNEGATIVE)
class Sqrt(NamedTuple):
    """sqrt(mu) = eta. A fit has eta >= 0, as R's: means of both signs of eta have spurious optima."""

    half_line, power, statsmodels_name = True, 0.5, "Sqrt"

    def link(self, mu: float) -> float:
        return sqrt(mu)

    def inverse(self, eta: float) -> float:
        return eta * eta

    def slope(self, eta: float) -> float:
        return 2.0 * eta

    def bend(self, eta: float) -> float:
        return 2.0

    def array_inverse(self, eta: Any, xp: Any) -> Any:
        return eta * eta


@link("power", domain=Interval(0.0, inf, "neither"))
class Power(NamedTuple):
    """mu^p = eta for a power p other than zero (zero is the log link)."""

    p: float

    half_line = True

    @property
    def power(self) -> float:
        return self.p

    def link(self, mu: float) -> float:
        return exp(self.p * log(mu))

    def inverse(self, eta: float) -> float:
        return exp(log(eta) / self.p)

    def slope(self, eta: float) -> float:
        return exp((1.0 / self.p - 1.0) * log(eta)) / self.p

    def bend(self, eta: float) -> float:
        return (1.0 / self.p) * (1.0 / self.p - 1.0) * exp((1.0 / self.p - 2.0) * log(eta))

    def array_inverse(self, eta: Any, xp: Any) -> Any:
        return xp.power(eta, 1.0 / self.p)
