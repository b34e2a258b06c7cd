"""Row formulas of likelihoods in several linear predictors: ordered levels, counts with many zeros, shares,
dispersions.

Each loop writes of every row the derivatives of its log-likelihood in the predictors: ``g`` (Q, n) the first ones and
``h`` (Q (Q + 1) / 2, n) the second ones, in the order (0, 0), (0, 1), ... (1, 1), ... It returns the weighted sum of
the log-likelihoods. A predictor may be a constant alone, as thresholds and the logarithm of theta are.
"""

from __future__ import annotations

from math import atan2, erfc, exp, expm1, inf, log, log1p, pi, sqrt

from numpy import empty

from . import elementary
from .compile import inner, jit
from .elementary import HALF_LOG_2PI, log_factorial, vectorisable
from .layout import ADJACENT, CUMULATIVE, HURDLE, INFLATED

SUMMED = 32  # counts whose differences of log-gammas are summed term by term
LARGE = 100.0  # a theta from which on three terms of Stirling's series have all digits
PART = 256  # rows whose 16 numbers stay in the first-level cache
MU, PHI, SHARE, DENSITY = 0, 3 * PART, 9 * PART, 10 * PART  # where these numbers of rows begin
ASYMPTOTIC = 9.0  # from which on seven terms of the series of log gamma and its derivatives have 15 digits


@inner()
def _distribution(link, x):
    """F, 1 - F, the density and its slope of the inverse of a link onto (0, 1)."""
    if link == 0:
        e = exp(-abs(x))
        large = 1.0 / (1.0 + e)
        small = e * large
        low, high = (large, small) if x >= 0.0 else (small, large)
        return low, high, large * small, large * small * (high - low)
    if link == 1:
        f = exp(-0.5 * x * x) / sqrt(2.0 * pi)
        return 0.5 * erfc(-x / sqrt(2.0)), 0.5 * erfc(x / sqrt(2.0)), f, -x * f
    if link == 2:
        e = exp(min(x, 700.0))
        high = exp(-e)
        return -expm1(-e), high, e * high, e * high * (1.0 - e)
    if link == 3:
        e = exp(min(-x, 700.0))
        low = exp(-e)
        return low, -expm1(-e), e * low, e * low * (e - 1.0)
    f = 1.0 / (pi * (1.0 + x * x))
    return atan2(1.0, -x) / pi, atan2(1.0, x) / pi, f, -2.0 * x * f / (1.0 + x * x)


@inner()
def _inverse(link, x):
    """A mean and its first two derivatives in the linear predictor."""
    if link == 5:
        mu = exp(x)
        return mu, mu, mu
    if link == 6:
        return x, 1.0, 0.0
    if link == 7:
        return x * x, 2.0 * x, 2.0
    mu, _, slope, bend = _distribution(link, x)
    return mu, slope, bend


@inner()
def _cumulative(link, eta, i, y, g, h):
    """The log-likelihood of a row with P(Y <= k) = F(threshold_k - eta); derivatives in threshold_k - eta."""
    q, last = eta.shape[0], eta.shape[0] - 1
    low_a, high_a, f_a, d_a = 1.0, 0.0, 0.0, 0.0
    low_b, high_b, f_b, d_b = 0.0, 1.0, 0.0, 0.0
    b = -inf
    if y < last:
        low_a, high_a, f_a, d_a = _distribution(link, eta[y + 1, i] - eta[0, i])
    if y > 0:
        b = eta[y, i] - eta[0, i]
        low_b, high_b, f_b, d_b = _distribution(link, b)
    share = high_b - high_a if b > 0.0 else low_a - low_b
    if not share > 0.0:
        return -inf
    inverse = 1.0 / share
    first_a, first_b = f_a * inverse, -f_b * inverse
    if y < last:
        g[y + 1, i] = first_a
        h[_at(q, y + 1, y + 1), i] = d_a * inverse - first_a * first_a
    if y > 0:
        g[y, i] = first_b
        h[_at(q, y, y), i] = -d_b * inverse - first_b * first_b
    if 0 < y < last:
        h[_at(q, y, y + 1), i] = -first_a * first_b
    return log(share)


@inner()
def _adjacent(eta, i, y, g, h):
    """The same with log P(Y = k) / P(Y = k + 1) = threshold_k - eta."""
    q, last = eta.shape[0], eta.shape[0] - 1
    top, u = 0.0, 0.0
    for j in range(last - 1, -1, -1):
        u += eta[j + 1, i] - eta[0, i]
        top = max(top, u)
    total, own, u = exp(-top), 0.0, 0.0
    for j in range(last - 1, -1, -1):
        u += eta[j + 1, i] - eta[0, i]
        total += exp(u - top)
        if j == y:
            own = u
    below = 0.0
    for j in range(last):
        below += exp(u - top) / total  # P(Y <= j), u being that of level j
        u -= eta[j + 1, i] - eta[0, i]
        g[j + 1, i] = (1.0 if j >= y else 0.0) - below
    for j in range(last):
        below = (1.0 if j >= y else 0.0) - g[j + 1, i]
        for k in range(j, last):
            h[_at(q, j + 1, k + 1), i] = -below * (1.0 - (1.0 if k >= y else 0.0) + g[k + 1, i])
    return own - top - log(total)


@inner()
def _continuation(link, eta, i, y, g, h):
    """The same with P(Y = k | Y >= k) = F(threshold_k - eta)."""
    q, last, total = eta.shape[0], eta.shape[0] - 1, 0.0
    for j in range(min(y + 1, last)):
        low, high, f, d = _distribution(link, eta[j + 1, i] - eta[0, i])
        share, sign = (low, 1.0) if j == y else (high, -1.0)
        if not share > 0.0:
            return -inf
        ratio = sign * f / share
        g[j + 1, i] = ratio
        h[_at(q, j + 1, j + 1), i] = sign * d / share - ratio * ratio
        total += log(share)
    return total


@inner()
def _at(q, i, j):
    """The place of the pair i <= j of q predictors."""
    return i * q - i * (i - 1) // 2 + j - i


@jit()
def ordinal_rows(structure, link, eta, y, w, g, h):
    """Levels y from 0 on; predictors: that of the row, then the thresholds."""
    q, n = eta.shape
    g[:], h[:], total = 0.0, 0.0, 0.0
    for i in range(n):
        if w[i] == 0.0:
            continue
        level = int(y[i])
        if structure == CUMULATIVE:
            value = _cumulative(link, eta, i, level, g, h)
        elif structure == ADJACENT:
            value = _adjacent(eta, i, level, g, h)
        else:
            value = _continuation(link, eta, i, level, g, h)
        total += w[i] * value
        # a threshold comes with the predictor of the row taken from it
        slope, bend = 0.0, 0.0
        first, last = (1, q) if structure != CUMULATIVE else (max(level, 1), min(level + 2, q))
        for j in range(first, last):
            g[j, i] *= w[i]
            slope -= g[j, i]
            for k in range(j, last):
                pair = _at(q, j, k)
                h[pair, i] *= w[i]
                h[j, i] -= h[pair, i]
                bend += h[pair, i]
                if k > j:
                    h[k, i] -= h[pair, i]
                    bend += h[pair, i]
        g[0, i], h[0, i] = slope, bend
    return total


@vectorisable
def _gamma_parts(x):
    """log gamma at x > 0 plus the logarithm of the second number, that number, and the first two derivatives.

    Stirling's series beyond ``ASYMPTOTIC``, nine steps of the recurrence below: x, ... x + 8 but for the middle one, h,
    are four pairs with products s, of which each pair has the sum 2 h, so that sums of 1 / (x + k) and of their squares
    are sums of 1 / s and of 1 / s^2. There is no branch, so that loops over rows are vectorised.
    """
    below = x < ASYMPTOTIC
    low = x if below else 1.0
    h = low + 4.0
    s1 = low * (low + 8.0)
    s2, s3, s4 = s1 + 7.0, s1 + 12.0, s1 + 15.0
    p, q = s1 * s2, s3 * s4
    over = 1.0 / (p * q * h)
    half, scale = p * q * over, h * over  # 1 / h, and one over the product of all s
    one = ((s1 + s2) * q + (s3 + s4) * p) * scale
    two = ((s1 * s1 + s2 * s2) * (q * q) + (s3 * s3 + s4 * s4) * (p * p)) * scale * scale
    first = 2.0 * h * one + half
    second = 4.0 * h * h * two - 2.0 * one + half * half
    z = x + 9.0 if below else x
    u = 1.0 / z
    v = u * u
    size = elementary.log(z)
    value = 1 / 12 - v * (1 / 360 - v * (1 / 1260 - v * (1 / 1680 - v * (1 / 1188 - v * (691 / 360360 - v / 156)))))
    slope = 1 / 12 - v * (1 / 120 - v * (1 / 252 - v * (1 / 240 - v * (1 / 132 - v * (691 / 32760 - v / 12)))))
    bend = 1 / 6 - v * (1 / 30 - v * (1 / 42 - v * (1 / 30 - v * (5 / 66 - v * (691 / 2730 - v * 7 / 6)))))
    return (
        (z - 0.5) * size - z + HALF_LOG_2PI + value * u,
        p * q * h if below else 1.0,
        size - 0.5 * u - v * slope - (first if below else 0.0),
        u + 0.5 * v + v * u * bend + (second if below else 0.0),
    )


@inner()
def gammas(x):
    """log gamma at x > 0 and its first two derivatives."""
    value, product, first, second = _gamma_parts(x)
    return value - log(product), first, second


@inner()
def _far_gamma_steps(y, theta):
    """The same of a large theta, where a difference of log-gammas would lose the digits that theta has before it.

    The difference of Stirling's series, whose first terms are y log theta + (theta + y - 1/2) log(1 + y / theta) - y.
    """
    a, b, rise = 1.0 / (theta + y), 1.0 / theta, log1p(y / theta)
    aa, bb, gap = a * a, b * b, -y / (theta * (theta + y))  # a - b
    value = a * (1 / 12 - aa * (1 / 360 - aa / 1260)) - b * (1 / 12 - bb * (1 / 360 - bb / 1260))
    first = aa * (1 / 12 - aa * (1 / 120 - aa / 252)) - bb * (1 / 12 - bb * (1 / 120 - bb / 252))
    second = a * aa * (1 / 6 - aa * (1 / 30 - aa / 42)) - b * bb * (1 / 6 - bb * (1 / 30 - bb / 42))
    return (
        y * log(theta) + ((theta + y - 0.5) * rise - y) + value,
        rise - 0.5 * gap - first,
        gap + 0.5 * gap * (a + b) + second,
    )


@inner()
def _gamma_steps(y, theta):
    """log gamma(y + theta) - log gamma(theta) of a count, and its two derivatives in theta."""
    if y > SUMMED and theta > LARGE:
        return _far_gamma_steps(y, theta)
    if y > SUMMED:
        high, high_first, high_second = gammas(y + theta)
        low, low_first, low_second = gammas(theta)
        return high - low, high_first - low_first, high_second - low_second
    value, first, second = 0.0, 0.0, 0.0
    for j in range(int(y)):
        value += log(theta + j)
        first += 1.0 / (theta + j)
        second -= 1.0 / ((theta + j) * (theta + j))
    return value, first, second


@inner()
def _count(negative_binomial, y, eta, tau):
    """log f(y) of a count without -log y!, and its derivatives: in eta, in log theta, both, twice each."""
    if not negative_binomial:
        mu = exp(eta)
        return y * eta - mu, y - mu, 0.0, -mu, 0.0, 0.0
    theta, gap = exp(tau), eta - tau
    e = exp(-abs(gap))
    large, small = 1.0 / (1.0 + e), e / (1.0 + e)
    s, r = (large, small) if gap >= 0.0 else (small, large)  # mu and theta over their sum
    log_r, log_s = -max(gap, 0.0) - log1p(e), -max(-gap, 0.0) - log1p(e)
    value, first, second = _gamma_steps(y, theta)
    common = theta * (first + log_r) + theta * s
    return (
        value + theta * log_r + y * log_s,
        y * r - theta * s,
        common - y * r,
        -(y + theta) * s * r,
        y * s * r - theta * s * s,
        common + theta * theta * second + theta * s * s - y * s * r,
    )


@inner()
def _logistic(x):
    """p = 1 / (1 + exp(-x)), 1 - p, and their logarithms."""
    e = exp(-abs(x))
    large, small, tail = 1.0 / (1.0 + e), e / (1.0 + e), log1p(e)
    if x >= 0.0:
        return large, small, -tail, -x - tail
    return small, large, x - tail, -tail


@inner()
def _truncation(c0, e0, t0, ee0, et0, tt0):
    """What truncation at zero takes from a log-likelihood, log(1 - exp(c0)) of the log-probability c0 of zero, and adds
    to its derivatives, in the order of ``_count``."""
    there = -expm1(c0)
    r = exp(c0) / there
    rr = r * (1.0 + r)
    return log(there), r * e0, r * t0, r * ee0 + rr * e0 * e0, r * et0 + rr * e0 * t0, r * tt0 + rr * t0 * t0


@jit()
def truncated_rows(negative_binomial, eta, y, w, g, h):
    """Counts y of one or more, truncated at zero; predictors: log mean, and of the negative binomial log theta."""
    q, n = eta.shape
    g[:], h[:], total = 0.0, 0.0, 0.0
    for i in range(n):
        if w[i] == 0.0:
            continue
        tau = eta[1, i] if q == 2 else 0.0
        c, e, t, ee, et, tt = _count(negative_binomial, y[i], eta[0, i], tau)
        zero = _count(negative_binomial, 0.0, eta[0, i], tau)
        log_there, e0, t0, ee0, et0, tt0 = _truncation(*zero)
        total += w[i] * (c - log_factorial(y[i]) - log_there)
        g[0, i], h[0, i] = w[i] * (e + e0), w[i] * (ee + ee0)
        if q == 2:
            g[1, i], h[1, i], h[2, i] = w[i] * (t + t0), w[i] * (et + et0), w[i] * (tt + tt0)
    return total


@jit()
def count_rows(structure, negative_binomial, eta, y, w, g, h):
    """Counts y; predictors: log mean, logit of the zero part, and of the negative binomial log theta.

    The zero part of an inflated model is the probability of a structural zero (Lambert 1992), that of a hurdle the
    probability of a positive count, whose distribution is truncated at zero (Mullahy 1986).
    """
    q, n = eta.shape
    g[:], h[:], total = 0.0, 0.0, 0.0
    for i in range(n):
        if w[i] == 0.0:
            continue
        tau, zeta = eta[2, i] if q == 3 else 0.0, eta[1, i]
        rise, fall, log_rise, log_fall = _logistic(zeta)
        c0, e0, t0, ee0, et0, tt0 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        if y[i] == 0.0 or structure == HURDLE:
            c0, e0, t0, ee0, et0, tt0 = _count(negative_binomial, 0.0, eta[0, i], tau)
        if structure == INFLATED and y[i] == 0.0:
            # p is the probability that the zero is a structural one
            p, rest, log_p, _ = _logistic(zeta - c0)
            value = zeta - log_p + log_fall
            g[1, i], h[_at(q, 1, 1), i] = p - rise, p * rest - rise * fall
            g[0, i], h[0, i] = rest * e0, rest * ee0 + p * rest * e0 * e0
            h[_at(q, 0, 1), i] = -p * rest * e0
            if q == 3:
                g[2, i], h[_at(q, 2, 2), i] = rest * t0, rest * tt0 + p * rest * t0 * t0
                h[_at(q, 0, 2), i], h[_at(q, 1, 2), i] = rest * et0 + p * rest * e0 * t0, -p * rest * t0
        elif y[i] == 0.0:
            value = log_fall
            g[1, i], h[_at(q, 1, 1), i] = -rise, -rise * fall
        else:
            c, e, t, ee, et, tt = _count(negative_binomial, y[i], eta[0, i], tau)
            value, g[1, i] = c - log_factorial(y[i]), -rise
            h[_at(q, 1, 1), i] = -rise * fall
            if structure == INFLATED:
                value += log_fall
            else:
                log_there, e0, t0, ee0, et0, tt0 = _truncation(c0, e0, t0, ee0, et0, tt0)
                value += log_rise - log_there
                g[1, i] = fall
                e, t, ee, et, tt = e + e0, t + t0, ee + ee0, et + et0, tt + tt0
            g[0, i], h[0, i] = e, ee
            if q == 3:
                g[2, i], h[_at(q, 2, 2), i], h[_at(q, 0, 2), i] = t, tt, et
        for j in range(q):
            g[j, i] *= w[i]
        for j in range(len(h)):
            h[j, i] *= w[i]
        total += w[i] * value
    return total


@inner()
def _share_predictors(mean_link, precision_link, eta, y, first, stop, work):
    """The rows ``MU`` to ``SHARE`` of some rows' numbers: mean and precision with two derivatives each, and y."""
    if mean_link == 0:
        for i in range(stop - first):  # which is vectorised
            mu, rest = elementary.sigmoid(eta[0, first + i]), elementary.sigmoid(-eta[0, first + i])
            work[MU + i], work[MU + PART + i] = mu, mu * rest
            work[MU + 2 * PART + i] = mu * rest * (rest - mu)
    else:
        for i in range(stop - first):
            mu, slope, bend = _inverse(mean_link, eta[0, first + i])
            work[MU + i], work[MU + PART + i], work[MU + 2 * PART + i] = mu, slope, bend
    for i in range(stop - first):
        work[SHARE + i] = y[first + i]
    for i in range(stop - first):
        if i and eta[1, first + i] == eta[1, first + i - 1]:
            for k in range(6):  # a constant precision
                work[PHI + k * PART + i] = work[PHI + k * PART + i - 1]
            continue
        phi, slope, bend = _inverse(precision_link, eta[1, first + i])
        work[PHI + i], work[PHI + PART + i], work[PHI + 2 * PART + i] = phi, slope, bend
        work[PHI + 3 * PART + i], work[PHI + 4 * PART + i], work[PHI + 5 * PART + i] = gammas(phi)


@inner()
def _share_densities(n, work):
    """The rows from ``DENSITY`` on: the log-density, and its derivatives in mean and precision, but for the second in
    the mean divided by phi^2 and that in both."""
    for i in range(n):
        mu, phi, y = work[MU + i], work[PHI + i], work[SHARE + i]
        rest = 1.0 - mu
        a, b = mu * phi, rest * phi
        low, high = elementary.log(y), elementary.log1p(-y)
        gamma_a, product_a, psi_a, tri_a = _gamma_parts(a)
        gamma_b, product_b, psi_b, tri_b = _gamma_parts(b)
        both = elementary.log(product_a * product_b) - gamma_a - gamma_b
        work[DENSITY + i] = work[PHI + 3 * PART + i] + both + (a - 1.0) * low + (b - 1.0) * high
        work[DENSITY + PART + i] = phi * (psi_b - psi_a + low - high)
        work[DENSITY + 2 * PART + i] = work[PHI + 4 * PART + i] + mu * (low - psi_a) + rest * (high - psi_b)
        work[DENSITY + 3 * PART + i] = phi * phi * (tri_a + tri_b)
        work[DENSITY + 4 * PART + i] = phi * (rest * tri_b - mu * tri_a)
        work[DENSITY + 5 * PART + i] = work[PHI + 5 * PART + i] - mu * mu * tri_a - rest * rest * tri_b


@jit()
def beta_rows(mean_link, precision_link, expected, eta, y, w, g, h):
    """Shares y in (0, 1), beta-distributed with mean mu and precision phi (Ferrari and Cribari-Neto 2004).

    ``expected`` writes the expected second derivatives, by which R's ``betareg`` has standard errors.
    """
    total, n, known, work = 0.0, eta.shape[1], 0.0 if expected else 1.0, empty(16 * PART)
    for first in range(0, n, PART):
        stop = min(first + PART, n)
        _share_predictors(mean_link, precision_link, eta, y, first, stop, work)
        _share_densities(stop - first, work)
        for i in range(first, stop):
            k = i - first
            mu, slope, bend = work[MU + k], work[MU + PART + k], work[MU + 2 * PART + k]
            phi, phi_slope, phi_bend = work[PHI + k], work[PHI + PART + k], work[PHI + 2 * PART + k]
            if w[i] == 0.0 or not (0.0 < mu < 1.0 and phi > 0.0):
                g[0, i], g[1, i], h[0, i], h[1, i], h[2, i] = 0.0, 0.0, 0.0, 0.0, 0.0
                total += 0.0 if w[i] == 0.0 else -inf
                continue
            by_mu, by_phi = work[DENSITY + PART + k], work[DENSITY + 2 * PART + k]
            total += w[i] * work[DENSITY + k]
            g[0, i], g[1, i] = w[i] * by_mu * slope, w[i] * by_phi * phi_slope
            h[0, i] = w[i] * (known * by_mu * bend - work[DENSITY + 3 * PART + k] * slope * slope)
            h[1, i] = w[i] * (work[DENSITY + 4 * PART + k] + known * by_mu / phi) * slope * phi_slope
            h[2, i] = w[i] * (work[DENSITY + 5 * PART + k] * phi_slope * phi_slope + known * by_phi * phi_bend)
    return total


@jit()
def double_rows(gamma, eta, r, information, deviance, log_v, w, g, h):
    """Rows with dispersions phi = exp(eta[1]), from their scores, informations and unit deviances at dispersion one.

    The log-density is -(log(2 pi phi V(y)) + deviance / phi) / 2, exact for normal and inverse Gaussian responses and
    the saddlepoint approximation for others; of ``gamma`` responses the exact one, of shape 1 / phi (Smyth 1989).
    Second derivatives are expected ones, of which that of both predictors is zero.
    """
    total = 0.0
    for i in range(eta.shape[1]):
        g[0, i], g[1, i], h[0, i], h[1, i], h[2, i] = 0.0, 0.0, 0.0, 0.0, 0.0
        if w[i] == 0.0:
            continue
        a = exp(-eta[1, i])
        g[0, i], h[0, i] = w[i] * a * r[i], -w[i] * a * information[i]
        if gamma:
            value, psi, tri = gammas(a)
            gap = log(a) - psi - 0.5 * deviance[i]
            total += w[i] * (a * log(a) - a - value - 0.5 * log_v[i] - 0.5 * a * deviance[i])
            g[1, i], h[2, i] = -w[i] * a * gap, w[i] * a * (1.0 - a * tri)
        else:
            total -= 0.5 * w[i] * (2.0 * HALF_LOG_2PI + eta[1, i] + log_v[i] + a * deviance[i])
            g[1, i], h[2, i] = 0.5 * w[i] * (a * deviance[i] - 1.0), -0.5 * w[i]
    return total
