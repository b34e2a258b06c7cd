"""Scalar formulas shared by the families: deviances without cancellation, and the normal quantile."""

from __future__ import annotations

from math import nan, sqrt

from numba.extending import register_jitable

from .elementary import exp, log, log1p, log_ndtr, norm_pdf, vectorisable

MANY = 1e5  # counts, whose log-factorials lose digits in a difference


@vectorisable
def poisson_gap(y, mu):
    """y log(y/mu) + mu - y, half the Poisson unit deviance, to full relative accuracy where y is near mu.

    Near y = mu the logarithm is replaced by the series of log((1+v)/(1-v)), v = (y-mu)/(y+mu), whose first term
    cancels mu - y exactly (Loader 2000, "Fast and accurate computation of binomial probabilities").
    """
    gap = y - mu
    v = gap / (y + mu)
    s = v * v
    tail = 1 / 3 + s * (1 / 5 + s * (1 / 7 + s * (1 / 9 + s * (1 / 11 + s / 13))))
    near = gap * v + 2.0 * y * v * s * tail
    ratio = y / mu if y > 0.0 else 1.0
    far = y * log(ratio) - gap
    return near if (s < 0.0025) & (y > 0.0) else far


@vectorisable
def gamma_gap(y, mu):
    """(y-mu)/mu - log(y/mu), half the Gamma unit deviance, to full relative accuracy where y is near mu."""
    gap = (y - mu) / mu
    v = (y - mu) / (y + mu)
    s = v * v
    tail = 1 / 3 + s * (1 / 5 + s * (1 / 7 + s * (1 / 9 + s * (1 / 11 + s / 13))))
    near = v * gap - 2.0 * v * s * tail
    far = gap - log(y / mu)
    return near if s < 0.0025 else far


@vectorisable
def log1p_gap(x):
    """x - log(1 + x), to full relative accuracy near zero, by the series of ``gamma_gap``."""
    v = x / (2.0 + x)
    s = v * v
    tail = 1 / 3 + s * (1 / 5 + s * (1 / 7 + s * (1 / 9 + s * (1 / 11 + s / 13))))
    near = v * x - 2.0 * v * s * tail
    return near if s < 0.0025 else x - log1p(x)


@vectorisable
def bernoulli_entropy(y):
    """-y log y - (1-y) log(1-y), zero at both ends."""
    a = y * log(y) if y > 0.0 else 0.0
    b = (1.0 - y) * log1p(-y) if y < 1.0 else 0.0
    return -(a + b)


@register_jitable
def norm_quantile(p):
    """The standard normal quantile: Abramowitz and Stegun 26.2.23, then Halley steps on the logarithm of the tail."""
    if not (p > 0.0 and p < 1.0):
        return nan if not (p == 0.0 or p == 1.0) else (-1.0 if p == 0.0 else 1.0) * 1e308 * 10.0
    if p == 0.5:
        return 0.0
    tail = p if p < 0.5 else 1.0 - p
    log_tail = log(p) if p < 0.5 else log1p(-p)
    t = sqrt(-2.0 * log_tail)
    x = -(t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308))))
    for _ in range(3):
        f = log_ndtr(x) - log_tail
        slope = norm_pdf(x) / tail if tail > 1e-280 else -x
        x -= f / slope
        tail = exp(log_ndtr(x))
    return x if p < 0.5 else -x
