"""The binomial distribution of a proportion y of w trials, with every link onto (0, 1)."""

from __future__ import annotations

from math import log as log_
from math import log1p as log1p_
from math import nan
from typing import Any, NamedTuple

import numpy as np

from ..errors import InvalidParameterError
from ..kernels.elementary import (
    HALF_LOG_2PI,
    exp,
    exp_negative,
    log,
    log1p,
    log1pexp,
    log_factorial,
    log_sigmoid,
    logit,
    sigmoid,
    stirling_error,
    vectorisable,
)
from ..kernels.fused import fused, summed
from ..kernels.scalars import MANY, bernoulli_entropy, poisson_gap
from ..kernels.verbs import tails
from .links import Logit
from .registry import UNIT, family
from .tails import WHOLE, of_counts

LANES = 8  # numbers of a vector register at the most; products of fewer rows would leave it idle


@family(
    "binomial",
    link=Logit,
    domain=UNIT,
    canonical="logit",
    binary_is_saturated=True,
    aliases=("bernoulli", "logistic"),
)
class Binomial(NamedTuple):
    """theta = logit(mu), T(y) = y, a(theta) = log(1 + e^theta), V(mu) = mu (1 - mu)."""

    two_outcomes, simulated_intercept, statsmodels_name = True, -0.5, "Binomial"

    def variance(self, mu: float) -> float:
        return mu * (1.0 - mu)

    def deviance(self, y: float, mu: float) -> float:
        return 2.0 * (poisson_gap(y, mu) + poisson_gap(1.0 - y, 1.0 - mu))

    def start(self, y: float, w: float) -> float:
        return (w * y + 0.5) / (w + 1.0)

    def natural(self, mu: float) -> float:
        return logit(mu)

    def log_partition(self, theta: float) -> float:
        return log1pexp(theta)

    def base_measure(self, y: float, phi: float) -> float:
        # one over phi counts the trials
        m = 1.0 / phi
        return log_factorial(m) - log_factorial(m * y) - log_factorial(m - m * y)

    def logpdf(self, y: float, mu: float, w: float, phi: float) -> float:
        k = w * y
        a = k * log(mu) if k > 0.0 else 0.0
        b = (w - k) * log1p(-mu) if w > k else 0.0
        return a + b + log_factorial(w) - log_factorial(k) - log_factorial(w - k)

    def saturated(self, y: float, w: float) -> float:
        if y == 0.0 or y == 1.0:
            return 0.0
        k = w * y
        if k > MANY and w - k > MANY:  # factorials of so many would cancel (Loader 2000)
            rest = stirling_error(w) - stirling_error(k) - stirling_error(w - k)
            return rest - HALF_LOG_2PI - 0.5 * log(w * y * (1.0 - y))
        return log_factorial(w) - log_factorial(k) - log_factorial(w - k) - w * bernoulli_entropy(y)

    def of_zeros_and_ones(self, link: Any) -> Any:
        return Bernoulli()

    @staticmethod
    def events(weighted_y: Any, weight: Any) -> Any:
        return min(weighted_y, weight - weighted_y)

    def variance_slope(self, mu: Any) -> Any:
        return 1.0 - 2.0 * mu

    def draw(self, rng: Any, mu: Any, phi: Any, weights: Any) -> Any:
        if weights is None:
            return (rng.random(mu.shape) < mu).astype(float)
        trials = np.floor(weights).astype(np.int64)
        return rng.binomial(trials, mu) / np.maximum(trials, 1)

    def anscombe_change(self, y: Any, mu: Any, error: Any) -> Any:
        """A beta function (Cox and Snell 1968)."""
        from scipy.special import beta, betainc

        upper = mu > 0.5  # there 1 - mu has the digits, and the function is symmetric
        first, last = np.where(upper, 1.0 - y, mu), np.where(upper, (1.0 - y) + error, y)
        return beta(2 / 3, 2 / 3) * (betainc(2 / 3, 2 / 3, last) - betainc(2 / 3, 2 / 3, first))

    def density_at_mean(self, y: Any, w: Any, trials: Any, scale: Any) -> Any:
        from scipy.special import gammaln, xlog1py, xlogy

        ways = gammaln(trials + 1.0) - gammaln(trials * y + 1.0) - gammaln(trials * (1.0 - y) + 1.0)
        return w * (ways + trials * (xlogy(y, y) + xlog1py(1.0 - y, -y)))

    def frozen(self, mu: Any, scale: Any, trials: Any) -> Any:
        from scipy import stats

        return stats.binom(n=trials, p=mu)

    def tails(self, y: Any, mu: Any, phi: Any, w: Any) -> Any:
        trials = np.rint(w)
        if (np.abs(w - trials) > WHOLE).any():
            row = int(np.argmax(np.abs(w - trials) > WHOLE))
            raise InvalidParameterError(f"kind='quantile': the weight {w[row]:g} in row {row} is no number of trials")
        return of_counts(self.frozen(mu, phi, trials), y * w)


class Bernoulli(Binomial):
    """The binomial where every y is zero or one: the same numbers from shorter formulas."""

    def null_deviance(self, mean: float, weight_sum: float) -> float:
        """The deviance of a constant mean, from the sums alone."""
        if not 0.0 < mean < 1.0:
            return 0.0
        return -2.0 * weight_sum * (mean * log_(mean) + (1.0 - mean) * log1p_(-mean))

    def of_fractions(self) -> Any:
        return Binomial()


@fused(Bernoulli, Logit)
def bernoulli_rows(family, link, eta, y):
    # towards is the linear predictor's lead for the class that was seen
    towards = eta if y > 0.5 else -eta
    mu, nu = sigmoid(eta), sigmoid(-eta)
    return nu if y > 0.5 else -mu, mu * nu, 2.0 * log1pexp(-towards)


@summed(Bernoulli, Logit)
@vectorisable
def bernoulli_sums(n: Any, eta: Any, y: Any, r: Any, h: Any, d: Any) -> None:
    """The sum of log(1 + e) over rows, e = exp(-|eta|), is the logarithm of a product, kept less one to every digit."""
    for i in range(n):
        e = exp_negative(-abs(eta[i]))
        inverse = 1.0 / (1.0 + e)
        seen = y[i] > 0.5
        other = (e if (eta[i] > 0.0) == seen else 1.0) * inverse  # the mean of the class that was not seen
        r[i] = other if seen else -other
        h[i] = e * inverse * inverse
        d[i] = e
    rest = n
    while rest > LANES:
        half = (rest + 1) // 2
        for i in range(rest - half):
            d[i] += d[half + i] * (1.0 + d[i])
        rest = half
    logs = 0.0
    for i in range(rest):
        logs += log1p(d[i])
    for i in range(n):
        towards = eta[i] if y[i] > 0.5 else -eta[i]
        d[i] = -2.0 * towards if towards < 0.0 else 0.0
    d[0] += 2.0 * logs


@fused(Binomial, Logit)
def logit_rows(family, link, eta, y):
    mu, nu = sigmoid(eta), sigmoid(-eta)
    # one of the two terms is zero for a 0-1 response, so neither tail cancels
    r = y * nu - (1.0 - y) * mu
    if y == 0.0:
        d = -2.0 * log_sigmoid(-eta)
    elif y == 1.0:
        d = -2.0 * log_sigmoid(eta)
    elif abs(eta) < 30.0:
        d = 2.0 * (poisson_gap(y, mu) + poisson_gap(1.0 - y, nu))
    else:
        d = -2.0 * (y * log_sigmoid(eta) + (1.0 - y) * log_sigmoid(-eta) + bernoulli_entropy(y))
    return r, mu * nu, d


@fused(Bernoulli, None)
def bernoulli_tail_rows(family, link, eta, y):
    log_mu, log_nu, up, down = tails(link, eta)
    seen = y > 0.5
    d = -2.0 * (log_mu if seen else log_nu)
    inside = (log_mu <= 0.0) & (log_nu <= 0.0)
    return up if seen else -down, up * down if (up > 0.0) & (down > 0.0) else 0.0, d if inside else nan


@fused(Binomial, None)
def tail_rows(family, link, eta, y):
    # slope / mu and slope / (1 - mu) stay finite where the mean itself underflows
    log_mu, log_nu, up, down = tails(link, eta)
    if y == 0.0:
        r, d = -down, -2.0 * log_nu
    elif y == 1.0:
        r, d = up, -2.0 * log_mu
    else:
        mu, nu = exp(log_mu), exp(log_nu)
        r = y * up - (1.0 - y) * down
        if mu > 1e-12 and nu > 1e-12:
            d = 2.0 * (poisson_gap(y, mu) + poisson_gap(1.0 - y, nu))
        else:
            d = -2.0 * (y * log_mu + (1.0 - y) * log_nu + bernoulli_entropy(y))
    if not (log_mu <= 0.0 and log_nu <= 0.0):
        d = nan
    return r, up * down if up > 0.0 and down > 0.0 else 0.0, d
