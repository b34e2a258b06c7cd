"""Scalar formulas shared by the families: deviances without cancellation, and the normal quantile."""

from __future__ import annotations

import math
from math import nan, sqrt

from numba.extending import register_jitable

from .elementary import exp, log, log1p, log_ndtr, norm_pdf, vectorisable

MANY = 1e5  # counts, whose log-factorials lose digits in a difference
FAINT = 1e-290  # the least mean by which counts are divided
LOG_FAINT = math.log(FAINT)


@vectorisable
def poisson_gap(y, mu):
    """y log(y/mu) + mu - y, half the Poisson unit deviance, to full relative accuracy where y is near mu.

    Near y = mu the logarithm is replaced by the series of log((1+v)/(1-v)), v = (y-mu)/(y+mu), whose first term
    cancels mu - y exactly (Loader 2000, "Fast and accurate computation of binomial probabilities").
    """
    gap = y - mu
    v = gap / (y + mu)
    s = v * v
    tail = 1 / 3 + s * (1 / 5 + s * (1 / 7 + s * (1 / 9 + s * (1 / 11 + s * (1 / 13)))))
    near = gap * v + 2.0 * y * v * s * tail
    ratio = y / mu if y > 0.0 else 1.0
    far = y * log(ratio) - gap
    return near if (s < 0.0025) & (y > 0.0) else far


@vectorisable
def at_least_faint(mu, y):
    """A mean, or one that the count y can be divided by."""
    return FAINT if (mu < FAINT) & (y > 0.0) else mu


@vectorisable
def below_faint(y, eta):
    """What half the deviance of a count gains where log(mu) = eta falls from log(FAINT) on: it is linear there."""
    return y * (LOG_FAINT - eta) if (eta < LOG_FAINT) & (y > 0.0) else 0.0


@vectorisable
def gamma_gap(y, mu):
    """(y-mu)/mu - log(y/mu), half the Gamma unit deviance, to full relative accuracy where y is near mu."""
    gap = (y - mu) / mu
    v = (y - mu) / (y + mu)
    s = v * v
    tail = 1 / 3 + s * (1 / 5 + s * (1 / 7 + s * (1 / 9 + s * (1 / 11 + s * (1 / 13)))))
    near = v * gap - 2.0 * v * s * tail
    far = gap - log(y / mu)
    return near if s < 0.0025 else far


@vectorisable
def log1p_gap(x):
    """x - log(1 + x), to full relative accuracy near zero, by the series of ``gamma_gap``."""
    v = x / (2.0 + x)
    s = v * v
    tail = 1 / 3 + s * (1 / 5 + s * (1 / 7 + s * (1 / 9 + s * (1 / 11 + s * (1 / 13)))))
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


# Chebyshev interpolants to 2.4e-16, summed in sixty digits, the highest power first: (1 + a) (1 - Phi(a)) / phi(a) for
# a >= 0 in t = (a - 5) / (a + 5), even and odd powers apart, and (atan(x) - x) / x^3 in x^2 up to tan(pi / 8)^2.
MILLS_EVEN = tuple(
    map(
        float.fromhex,
        "0x1.1490d7259110ep-34 -0x1.2a287379c1af2p-30 0x1.5a721689a3db1p-27 -0x1.2168a6677fed5p-24 "
        "0x1.59b6cd2cacdd1p-22 -0x1.7c9ba1c0ac03fp-23 -0x1.a02aa1feba12ap-16 0x1.df3ec40839ddfp-12 "
        "-0x1.1355f47c3cbbfp-8 -0x1.37838b3a6480dp-5 -0x1.0f103e712d242p-4 0x1.3e97eaf5f2eecp-4 "
        "0x1.28273b50efa76p+0".split(),
    )
)
MILLS_ODD = tuple(
    map(
        float.fromhex,
        "-0x1.06ea87375c5b4p-30 0x1.7b0f1fc3805e3p-27 -0x1.4d39d50792f0ep-24 0x1.082372888b676p-21 "
        "-0x1.b7debee1da49ep-19 0x1.7d010b3c70d15p-16 -0x1.19cda437ebfdcp-13 0x1.47ab73fc90055p-16 "
        "0x1.0bd973acc40a7p-6 0x1.f7d96e0d85ca6p-5 0x1.9ac85788f58b1p-6 -0x1.d5fd8ffd0f1aap-3".split(),
    )
)
ARCTAN = tuple(
    map(
        float.fromhex,
        "0x1.0b2fd4fafc6d3p-6 -0x1.1b5f66b589611p-5 0x1.74efa8daddf5bp-5 -0x1.ac7eb0dcb2c9bp-5 0x1.e19aaaad606e7p-5 "
        "-0x1.110e8efdaca1bp-4 0x1.3b13934326ac6p-4 -0x1.745d1661d5f1bp-4 0x1.c71c71c31a1d6p-4 -0x1.249249248d9d2p-3 "
        "0x1.9999999999955p-3 -0x1.5555555555555p-2".split(),
    )
)
TAN_PI_8 = math.tan(math.pi / 8.0)


@vectorisable
def polynomial(coefficients, z):
    """A polynomial of a float by Horner's rule, the highest power first; its loop is unrolled."""
    total = 0.0
    for c in coefficients:
        total = total * z + c
    return total


@vectorisable
def mills(a):
    """(1 - Phi(a)) / phi(a) of a float a >= 0, Mills's ratio of the normal distribution, to 3 ulp; 0 at inf."""
    t = 1.0 - 10.0 / (a + 5.0)
    return (polynomial(MILLS_EVEN, t * t) + t * polynomial(MILLS_ODD, t * t)) / (1.0 + a)


@vectorisable
def atan_unit(u):
    """atan(u) of a float u in [0, 1], to 2 ulp."""
    beyond = u > TAN_PI_8
    x = (u - 1.0) / (u + 1.0) if beyond else u
    return x + x * x * x * polynomial(ARCTAN, x * x) + (0.25 * math.pi if beyond else 0.0)
