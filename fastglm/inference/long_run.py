"""Kernels and bandwidths of long-run variances, as R's ``sandwich`` has them (Zeileis 2004).

Newey and West (1987, Econometrica 55; 1994, Review of Economic Studies 61); Andrews (1991, Econometrica 59); Andrews
and Monahan (1992, Econometrica 60) for prewhitening.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .autocovariances import Lagged

SMALL = 1e-7  # weights of lags beyond the last larger one are zero, as in weightsAndrews


def bartlett(x):
    """1 - x within one."""
    return np.where(x > 1.0, 0.0, 1.0 - x)


def parzen(x):
    """Parzen's kernel, two cubics."""
    return np.where(x > 1.0, 0.0, np.where(x < 0.5, 1.0 - 6.0 * x**2 + 6.0 * x**3, 2.0 * (1.0 - x) ** 3))


def quadratic_spectral(x):
    """Andrews' kernel, which has no end."""
    with np.errstate(all="ignore"):
        y = 6.0 * np.pi * x / 5.0
        return np.where(x < 1e-4, 1.0, 3.0 / y**2 * (np.sin(y) / y - np.cos(y)))


def truncated(x):
    """One within one."""
    return np.where(x > 1.0, 0.0, 1.0)


def tukey_hanning(x):
    """A half cosine."""
    return np.where(x > 1.0, 0.0, 0.5 * (1.0 + np.cos(np.pi * x)))


class Kernel(NamedTuple):
    """A kernel of lags over bandwidths, and the constants of its automatic bandwidths.

    ``andrews`` is the factor of Andrews' rule (table of his equation 5.2, 6.2), ``power`` 1 or 2 the derivative at zero
    that it uses; ``newey_west`` the factor of Newey and West's rule and ``rate`` that of its lags, None without one.
    """

    weight: object
    andrews: float
    power: int
    newey_west: float | None = None
    rate: float | None = None
    ends: bool = True


KERNELS = {
    "bartlett": Kernel(bartlett, 1.1447, 1, 1.1447, 2 / 9),
    "parzen": Kernel(parzen, 2.6614, 2, 2.6614, 4 / 25),
    "quadratic-spectral": Kernel(quadratic_spectral, 1.3221, 2, 1.3221, 2 / 25, False),
    "truncated": Kernel(truncated, 0.6611, 2),
    "tukey-hanning": Kernel(tukey_hanning, 1.7462, 2),
}


def weights(kernel: str, bandwidth: float, n: int) -> np.ndarray:
    """The weights of lags 0 ... of a series of n, those after the last that counts left out."""
    chosen = KERNELS[kernel]
    # beyond 1,500 bandwidths the quadratic spectral kernel is below SMALL
    most = min(n, int(bandwidth * (1.0 if chosen.ends else 1500.0)) + 2)
    found = chosen.weight(np.arange(max(most, 1)) / bandwidth) if bandwidth > 0.0 else np.ones(1)
    return found[: int(np.max(np.flatnonzero(np.abs(found) > SMALL))) + 1]


def newey_west_lags(kernel: str, n: int, prewhiten: bool) -> int:
    """The lags that ``newey_west`` looks at."""
    return int(np.floor((3 if prewhiten else 4) * (n / 100.0) ** KERNELS[kernel].rate))


def newey_west(kernel: str, series: Lagged, prewhiten: bool, counted: np.ndarray) -> float:
    """The bandwidth of Newey and West (1994), from the columns of a series that are ``counted`` (q,) (bwNeweyWest)."""
    chosen, n, lags = KERNELS[kernel], series.count, newey_west_lags(kernel, series.count, prewhiten)
    sigma = np.array([counted @ series.gammas[j] @ counted for j in range(lags + 1)]) / n
    j, power = np.arange(1, lags + 1), chosen.power
    level, slope = sigma[0] + 2.0 * sigma[1:].sum(), 2.0 * (j**power * sigma[1:]).sum()
    rate = 1.0 / (2.0 * power + 1.0)
    return float(chosen.newey_west * ((slope / level) ** 2) ** rate * n**rate)


def andrews(kernel: str, series: Lagged, counted: np.ndarray) -> float:
    """The bandwidth of Andrews (1991) by an autoregression of each column that is ``counted`` (bwAndrews)."""
    chosen, n = KERNELS[kernel], series.count
    first, last = series.head[0], series.tail[-1]
    cross, square = np.diagonal(series.gammas[1]), np.diagonal(series.gammas[0])
    now, before, m = series.total - first, series.total - last, n - 1.0
    sxx = square - last**2 - before**2 / m
    sxy = cross - now * before / m
    syy = square - first**2 - now**2 / m
    with np.errstate(all="ignore"):
        rho = sxy / sxx
        sigma = np.maximum(syy - rho * sxy, 0.0) ** 2  # sigma^4 but for a factor that all columns share
        base = (counted * sigma / (1.0 - rho) ** 4).sum()
        if chosen.power == 1:
            alpha = (counted * 4.0 * rho**2 * sigma / ((1.0 - rho) ** 6 * (1.0 + rho) ** 2)).sum() / base
            return float(chosen.andrews * (n * alpha) ** (1 / 3))
        alpha = (counted * 4.0 * rho**2 * sigma / (1.0 - rho) ** 8).sum() / base
        return float(chosen.andrews * (n * alpha) ** (1 / 5))
