"""Logarithms of both tails of the links onto (0, 1), in mpmath; no mean is formed, because it would underflow."""

import mpmath


def exact(link, t):
    """(log mu, log(1 - mu), log slope) in mpmath; logarithms only, because the means themselves underflow."""
    t = mpmath.mpf(t)
    if link == "logit":
        a, b = -log1p_exp(-t), -log1p_exp(t)
        return a, b, a + b
    if link == "probit":
        return log_ncdf(t), log_ncdf(-t), -t * t / 2 - mpmath.log(2 * mpmath.pi) / 2
    if link == "cauchit":
        tail = mpmath.atan2(1, abs(t)) / mpmath.pi
        both = (mpmath.log(tail), mpmath.log1p(-tail))
        return *(both if t < 0 else both[::-1]), -mpmath.log(mpmath.pi * (1 + t * t))
    sign = 1 if link == "cloglog" else -1
    e = mpmath.exp(sign * t)
    ours = mpmath.log(-mpmath.expm1(-e)) if e < 1 else mpmath.log1p(-mpmath.exp(-e)) if e < 1e6 else mpmath.mpf(0)
    return (ours, -e, t - e) if link == "cloglog" else (-e, ours, -t - e)


def log1p_exp(t):
    """log(1 + exp(t))."""
    return t if t > 1e3 else mpmath.log1p(mpmath.exp(t))


def log_ncdf(t):
    """The logarithm of the normal distribution function."""
    tail = mpmath.erfc(abs(t) / mpmath.sqrt(2)) / 2
    return mpmath.log(tail) if t < 0 else mpmath.log1p(-tail)
