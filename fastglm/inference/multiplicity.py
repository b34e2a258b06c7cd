"""Several tests at once: adjusted p-values, and the critical values of simultaneous limits.

``p_adjust`` is R's. The single-step adjustment is that of the R package multcomp: the probability that the largest of
all |t| exceeds each (Hothorn, Bretz and Westfall 2008, "Simultaneous inference in general parametric models",
Biometrical Journal 50), by the multivariate t distribution (Genz and Bretz 2009, "Computation of multivariate normal
and t probabilities").
"""

from __future__ import annotations

from math import lgamma, log
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InvalidParameterError
from .wald import p_values, quantile

if TYPE_CHECKING:
    from ..core.records import Array, ArrayLike

METHODS = ("holm", "hochberg", "hommel", "bonferroni", "BH", "BY", "fdr", "sidak", "none")
JOINT = ("tukey", "scheffe", "mvt", "single-step")  # that need the correlation or the number of means
POINTS = 15  # the logarithm to base 2 of those of an integral: single-step p-values are right to about 2e-5
SINGULAR = 1e-10  # squared pivot of a correlation matrix, below which a test is a combination of others


def p_adjust(p: ArrayLike, method: str = "holm", n: int | None = None) -> Array:
    """P-values adjusted for several tests (R's ``p.adjust``).

    Parameters
    ----------
    p : (k,) array_like
        NaN where there is no test, which does not count.
    method : {"holm", "hochberg", "hommel", "bonferroni", "BH", "fdr", "BY", "sidak", "none"}
    n : int, optional
        Tests, of which these are the smallest; by default those that p has.

    Returns
    -------
    (k,) array

    Raises
    ------
    InvalidParameterError
        For p-values outside of [0, 1], an unknown method and too small an n.
    """
    p = np.atleast_1d(np.asarray(p, float))
    if method not in METHODS:
        raise InvalidParameterError(f"method={method!r} is unknown; there are {', '.join(map(repr, METHODS))}")
    there = ~np.isnan(p)
    if np.any((p[there] < 0.0) | (p[there] > 1.0)):
        raise InvalidParameterError("p must lie between 0 and 1")
    n = int(there.sum()) if n is None else n
    if n < there.sum():
        raise InvalidParameterError(f"n={n} is less than the {int(there.sum())} tests")
    found = p.copy()
    if n > 1 and method != "none":
        found[there] = _ADJUST[method](p[there], n)
    return found


def _holm(p, n):
    order = np.argsort(p)
    steps = np.maximum.accumulate((n - np.arange(len(p))) * p[order])
    return _back(np.minimum(1.0, steps), order)


def _upward(factors):
    """A step-up method; ``factors`` of the tests from the largest p-value on."""

    def method(p, n):
        order = np.argsort(p)[::-1]
        ranks = np.arange(len(p), 0, -1)
        return _back(np.minimum(1.0, np.minimum.accumulate(factors(ranks, n) * p[order])), order)

    return method


def _hommel(p, n):
    """Hommel 1988, in the form of Wright 1992."""
    p = np.append(p, np.ones(n - len(p)))
    order = np.argsort(p, kind="stable")
    p = p[order]
    ranks = np.arange(1, n + 1)
    q = pa = np.full(n, np.min(n * p / ranks))
    for m in range(n - 1, 1, -1):
        first, last = np.arange(n - m + 1), np.arange(n - m + 1, n)
        smallest = np.min(m * p[last] / np.arange(2, m + 1))
        q = q.copy()
        q[first] = np.minimum(m * p[first], smallest)
        q[last] = q[n - m]
        pa = np.maximum(pa, q)
    return _back(np.maximum(pa, p), order)


def _back(values, order):
    found = np.empty_like(values)
    found[order] = values
    return found


_ADJUST = {
    "holm": _holm,
    "hochberg": _upward(lambda ranks, n: n + 1 - ranks),
    "BH": _upward(lambda ranks, n: n / ranks),
    "fdr": _upward(lambda ranks, n: n / ranks),
    "BY": _upward(lambda ranks, n: np.sum(1.0 / np.arange(1, n + 1)) * n / ranks),
    "bonferroni": lambda p, n: np.minimum(1.0, n * p),
    "sidak": lambda p, n: -np.expm1(n * np.log1p(-np.minimum(p, 1.0 - 1e-16))),
}
_ADJUST["hommel"] = lambda p, n: _hommel(p, n)[: len(p)]


def check_adjust(method: str) -> str:
    """The name of an adjustment.

    Raises
    ------
    InvalidParameterError
    """
    if method not in METHODS and method not in JOINT:
        known = ", ".join(map(repr, (*METHODS, *JOINT)))
        raise InvalidParameterError(f"adjust={method!r} is unknown; there are {known}")
    return method


def adjusted(method, statistic, p, df, correlation=None, means: int = 0) -> np.ndarray:
    """The adjusted p-values (k,) of tests with statistics (k,) and p-values of their own.

    ``correlation`` (k, k) is that of the statistics, for the multivariate t; ``means`` the number that a Tukey
    adjustment is of.
    """
    check_adjust(method)
    if method in METHODS:
        return p_adjust(p, method)
    if method == "tukey":
        return np.array([tukey_sf(np.sqrt(2.0) * abs(t), means, df) for t in statistic])
    if method == "scheffe":
        from scipy.special import chdtrc, fdtrc

        rank = _rank(correlation)
        return chdtrc(rank, statistic**2) if df is None else fdtrc(rank, df, statistic**2 / rank)
    joint = MaximumOfT(correlation, df)
    found = np.array([joint.sf(abs(t)) for t in statistic])
    return np.clip(found, p, np.minimum(1.0, len(p) * p))


def critical_value(method, level, df, k: int, correlation=None, means: int = 0) -> float:
    """How many standard errors the limits of k estimates reach; methods in steps have those of Bonferroni."""
    check_adjust(method)
    if method in ("none", "BH", "BY", "fdr"):
        return quantile(level, df)
    if method == "sidak":
        return quantile(level ** (1.0 / k), df)
    if method in METHODS:
        return quantile(1.0 - (1.0 - level) / k, df)
    if method == "scheffe":
        return scheffe(level, _rank(correlation), df)
    if method == "tukey":
        return _root(lambda q: tukey_sf(np.sqrt(2.0) * q, means, df), 1.0 - level)
    return MaximumOfT(correlation, df).quantile(level)


def scheffe(level, rank: int, df=None) -> float:
    """The critical value of Scheffe's limits of all combinations of ``rank`` estimates."""
    from scipy.special import chdtri, fdtri

    return float(np.sqrt(chdtri(rank, 1.0 - level) if df is None else rank * fdtri(rank, df, level)))


def _rank(correlation):
    values = np.linalg.eigvalsh(correlation)
    return int((values > 1e-9 * values[-1]).sum())


def _root(tail, target, low=0.0, high=2.0) -> float:
    """The number at which a falling function of probabilities has a value, by bisection on its logarithm."""
    while tail(high) > target:
        high *= 1.5
        if high > 1e4:
            return np.inf
    for _ in range(80):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if tail(middle) > target else (low, middle)
        if high - low < 1e-10 * high:
            break
    return 0.5 * (low + high)


def tukey_sf(q: float, k: int, df: float | None = None) -> float:
    """The probability that the studentised range of k means exceeds q; to about 1e-12, relative for the normal.

    The integral over the largest mean of k phi(z) (Phi(z)^(k-1) - (Phi(z) - Phi(z - q))^(k-1)), and over the density of
    the estimated standard deviation.
    """
    from scipy.special import ndtr

    if np.isnan(q):
        return np.nan
    nodes, weights = np.array([1.0]), np.array([1.0])
    if df is not None and np.isfinite(df):
        nodes, weights = _deviation_nodes(float(df))
    z = (
        np.linspace(-9.0, 9.0 + q * nodes.max(), 1200)[:, None]
        if q * nodes.max() < 40
        else np.linspace(-9, 49, 3000)[:, None]
    )
    below, apart = ndtr(z), ndtr(z - q * nodes)
    ratio = np.where(below > 0.0, np.minimum(apart / np.where(below > 0.0, below, 1.0), 1.0), 0.0)
    with np.errstate(divide="ignore"):
        gone = -np.expm1((k - 1) * np.log1p(-ratio))
    density = k * np.exp(-0.5 * z**2) / np.sqrt(2.0 * np.pi) * below ** (k - 1) * gone
    return float(min(1.0, (density.sum(axis=0) * (z[1, 0] - z[0, 0])) @ weights))


def _deviation_nodes(df):
    """Values of s = sqrt(chi2 / df) and their weights: the trapezoidal rule in log s, where the density is smooth."""
    half = 0.5 * df
    spread = min(12.0 / np.sqrt(2.0 * df), 60.0)
    u = np.linspace(-spread if df > 30 else -min(40.0, 80.0 / df), min(spread, 5.0), 400)
    logs = log(2.0) + half * log(half) - lgamma(half) + df * u - half * np.exp(2.0 * u)
    weights = np.exp(logs) * (u[1] - u[0])
    kept = weights > 1e-18
    return np.exp(u[kept]), weights[kept] / weights.sum()


class MaximumOfT:
    """The largest of |T| of tests with a correlation, which may be singular, by the points of Sobol.

    The correlation is C C' with C in echelon form by pivots; the variables behind are taken one after the other, each
    between the bounds that all tests which end with it leave (Genz and Kwong 2000, "Numerical evaluation of singular
    multivariate normal distributions", Journal of Statistical Computation and Simulation 68).

    Parameters
    ----------
    correlation : (k, k) array
    df : float or None
    """

    def __init__(self, correlation: np.ndarray, df: float | None):
        self.C = echelon(np.asarray(correlation, float))
        self.ends = [np.flatnonzero(_last(self.C) == j) for j in range(self.C.shape[1])]
        from scipy.stats import qmc

        # the same points at every call, so that a quantile is the root of a smooth function
        dims = self.C.shape[1] + (df is not None)
        self.points = np.clip(qmc.Sobol(dims, scramble=True, seed=1).random_base2(POINTS), 1e-15, 1.0 - 1e-15)
        self.s = np.ones(len(self.points))
        if df is not None:
            from scipy.special import gammaincinv

            self.s = np.sqrt(gammaincinv(0.5 * df, self.points[:, -1]) / (0.5 * df))

    def sf(self, t: float) -> float:
        """The probability that the largest exceeds t."""
        from scipy.special import ndtr, ndtri

        if np.isnan(t):
            return np.nan
        inside, y = np.ones(len(self.s)), np.zeros((len(self.s), self.C.shape[1]))
        for j, tests in enumerate(self.ends):
            low, high = np.full(len(self.s), -np.inf), np.full(len(self.s), np.inf)
            for i in tests:
                middle, size = y[:, :j] @ self.C[i, :j], self.C[i, j]
                a, b = (-t * self.s - middle) / size, (t * self.s - middle) / size
                low, high = np.maximum(low, np.minimum(a, b)), np.minimum(high, np.maximum(a, b))
            below, above = ndtr(low), ndtr(np.maximum(high, low))
            inside *= above - below
            y[:, j] = ndtri(np.clip(below + self.points[:, j] * (above - below), 1e-300, 1.0 - 1e-16))
        return float(max(0.0, 1.0 - inside.mean()))

    def quantile(self, level: float) -> float:
        """The number that the largest does not exceed with a probability."""
        return _root(self.sf, 1.0 - level)


def echelon(R: np.ndarray) -> np.ndarray:
    """C (k, r) with C C' = R, whose columns are conditioned on one after the other: a Cholesky factor with pivots."""
    k = len(R)
    C, left, free = np.zeros((k, k)), np.diagonal(R).astype(float).copy(), list(range(k))
    rank = 0
    while free:
        j = max(free, key=lambda i: left[i])
        if left[j] < SINGULAR:
            break
        C[:, rank] = (R[:, j] - C[:, :rank] @ C[j, :rank]) / np.sqrt(left[j])
        left = left - C[:, rank] ** 2
        free = [i for i in free if i != j]
        rank += 1
        C[np.abs(C) < 1e-7] = 0.0
    return C[:, : max(rank, 1)]


def _last(C):
    """The last column in which each row has a number."""
    return C.shape[1] - 1 - np.argmax(C[:, ::-1] != 0.0, axis=1)


def single_step(statistic, correlation, df=None) -> np.ndarray:
    """The single-step p-values (k,) of tests with a correlation (k, k)."""
    statistic = np.asarray(statistic, float)
    return adjusted("mvt", statistic, p_values(statistic, df), df, np.asarray(correlation, float))
