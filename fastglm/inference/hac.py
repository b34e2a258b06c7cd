"""Covariances that hold where rows depend on those before them, and panels of such rows.

    HAC              V (sum over lags j of w_j sum over t of u_t u_{t-j}' and its transpose) V, u_t the row's score
    Driscoll-Kraay   the same of the sums of scores of each time (Driscoll and Kraay 1998, Review of Econ. and Stat. 80)
    panel-HAC        the sum of those within each cluster

as R's ``sandwich::vcovHAC``, ``NeweyWest``, ``kernHAC`` and ``vcovPL`` have them.
"""

from __future__ import annotations

import numpy as np

from ..errors import InvalidParameterError
from ..options.covariance import implement
from . import long_run
from .autocovariances import Lagged, LaggedScores
from .clusters import Sums
from .grouped_scores import labelled, sums_by


class OwnOrder:
    """The series of the rows' scores in their own order: a pass for each number of lags."""

    def __init__(self, fitted, space):
        self.fitted, self.space = fitted, space

    def at(self, lags: int) -> Lagged:
        """The sums up to a lag."""
        return self.fitted.rows.reduce(LaggedScores(self.fitted.scores, self.space, lags))


class InMemory:
    """A series (n, q) that is in memory."""

    def __init__(self, U):
        self.U = U

    def at(self, lags: int) -> Lagged:
        """The sums up to a lag."""
        return Lagged.of(self.U, lags)


@implement("HAC")
def hac(cov, fitted, space) -> np.ndarray:
    """The covariance of one series of rows, in the units of ``space``."""
    refuse_frequencies(cov, fitted)
    if not cov.by:
        return _finished(cov, fitted, space, OwnOrder(fitted, space), fitted.rows.n_rows)
    found = labelled(cov, fitted)
    sums = sums_of_times(found, fitted, space)
    refuse_twice(cov, sums, found)
    return _finished(cov, fitted, space, InMemory(sums.sums[:, :-1]), len(sums.codes))


@implement("Driscoll-Kraay")
def driscoll_kraay(cov, fitted, space) -> np.ndarray:
    """The covariance of the sums of scores of each time, in the units of ``space``."""
    refuse_frequencies(cov, fitted)
    sums = sums_of_times(labelled(cov, fitted), fitted, space)
    return _finished(cov, fitted, space, InMemory(sums.sums[:, :-1]), len(sums.codes))


@implement("panel-HAC")
def panel_hac(cov, fitted, space) -> np.ndarray:
    """The sum over clusters of the covariances of their series, in the units of ``space``."""
    refuse_frequencies(cov, fitted)
    found = labelled(cov, fitted)
    clusters, times = found.ways.sizes
    if clusters < 2:
        raise InvalidParameterError(f"cov={cov.name!r}: all rows are of one cluster; take 'HAC' for one series")
    lag, total = _lag(cov, times), np.zeros((space.width, space.width))
    weight = long_run.weights(cov.option("kernel"), _reach(cov, lag), times)
    for sums in sums_by(found, fitted, space, (0, 1)):
        refuse_twice(cov, sums, found)
        edges = np.flatnonzero(np.diff(sums.codes // times, prepend=-1))
        for U in np.split(sums.sums[:, :-1], edges[1:]):
            total += _summed(Lagged.of(U, min(len(weight), len(U)) - 1), weight)
    return _adjusted(cov, fitted, _around(space, total))


def sums_of_times(found, fitted, space) -> Sums:
    """The sums of the scores of each time, in order."""
    parts = list(sums_by(found, fitted, space, (0,)))
    return Sums(np.concatenate([p.codes for p in parts]), np.concatenate([p.sums for p in parts]))


def _finished(cov, fitted, space, series, n):
    """The covariance of one series of n vectors."""
    bandwidth, prewhiten = _bandwidth(cov, space, series, n, fitted), cov.option("prewhiten")
    return of_weights(cov, fitted, space, series, long_run.weights(cov.option("kernel"), bandwidth, n - prewhiten))


def of_weights(cov, fitted, space, series, weight) -> np.ndarray:
    """The covariance of one series by the weights of its lags 0 ... (lags + 1,)."""
    prewhiten = cov.option("prewhiten")
    sums = series.at(len(weight) - 1 + prewhiten)
    if not prewhiten:
        return _adjusted(cov, fitted, _around(space, _summed(sums, weight)))
    sums, back = _kept(sums, space)
    A = sums.autoregression()
    coloured = np.linalg.solve(np.eye(len(A)) - A, _summed(sums.whitened(A), weight))
    meat = np.linalg.solve(np.eye(len(A)) - A, coloured.T)
    return _adjusted(cov, fitted, _around(space, back @ meat @ back.T))


def _bandwidth(cov, space, series, n, fitted) -> float:
    """The bandwidth that was given, or the automatic one."""
    kernel, prewhiten, asked = cov.option("kernel"), cov.option("prewhiten"), cov.option("bandwidth")
    rule = asked or ("newey-west" if long_run.KERNELS[kernel].newey_west and kernel == "bartlett" else "andrews")
    if cov.option("lag") is not None or not isinstance(rule, str):
        return _reach(cov, _lag(cov, n)) if asked is None else float(asked)
    lags = 1 if rule == "andrews" else long_run.newey_west_lags(kernel, n - prewhiten, prewhiten)
    sums, back = _kept(series.at(max(lags, 1) + prewhiten), space)
    counted = _counted(back, fitted)
    sums = sums.whitened(sums.autoregression()) if prewhiten else sums
    natural = sums.mapped(space.root) if hasattr(space, "root") else sums
    if rule == "andrews":
        found = long_run.andrews(kernel, natural, counted)
    else:
        found = long_run.newey_west(kernel, natural, prewhiten, counted)
        if asked is None:  # as R's NeweyWest, whose lag is a whole number
            found = float(np.floor(found)) + 1.0
    if not np.isfinite(found):
        raise InvalidParameterError(f"cov={cov.name!r}: no automatic bandwidth exists for these scores; give lag=")
    return found


def _lag(cov, n) -> int:
    """The lag that was given, or that of the kind; refused where the series is not longer."""
    lag = cov.option("lag")
    lag = int(np.floor(n**0.25)) if lag is None else lag  # Newey and West (1987)
    if lag >= n:
        raise InvalidParameterError(f"cov={cov.name!r}: lag={lag} needs more than {lag} times, and there are {n}")
    return lag


def _reach(cov, lag) -> float:
    """The bandwidth at which a kernel ends after ``lag``."""
    return float(lag) if cov.option("kernel") == "truncated" else lag + 1.0


def _summed(series: Lagged, weight) -> np.ndarray:
    """The weighted sum over lags and its transpose."""
    half = (
        np.tensordot(weight[: len(series.gammas)], series.gammas[: len(weight)], 1) - 0.5 * weight[0] * series.gammas[0]
    )
    return half + half.T


def _kept(series: Lagged, space):
    """The series of the coefficients that are not aliased, and the matrix (q, kept) that puts them back."""
    kept = np.flatnonzero(space.V.diagonal()) if hasattr(space, "V") else np.arange(space.width)
    back = np.zeros((space.width, len(kept)))
    back[kept, np.arange(len(kept))] = 1.0
    return series.mapped(back), back


def _counted(back, fitted) -> np.ndarray:
    """Which columns bandwidths are chosen from: one, and zero for intercepts beside others."""
    kept = np.flatnonzero(np.isfinite(fitted.beta)) if back.shape[0] != len(fitted.beta) else back.argmax(axis=0)
    counted = np.ones(back.shape[1])
    if fitted.rows.data.has_intercept and len(counted) > 1:
        counted[fitted.scores.constants(kept, fitted.rows.n_columns)] = 0.0
    return counted if counted.any() else np.ones(len(counted))


def _around(space, meat):
    """The inverse information on both sides of a meat."""
    return space.of_sums(space.of_sums(meat).T)


def _adjusted(cov, fitted, found):
    """The covariance times n / (n - k), where that is asked for."""
    n, k = fitted.nobs, fitted.rank
    return found * (n / (n - k) if n > k else np.nan) if cov.option("adjust") else found


def refuse_frequencies(cov, fitted) -> None:
    """Refuse frequency weights, whose rows have no order in time."""
    if fitted.rows.data.freq_weights is not None:
        raise InvalidParameterError(f"cov={cov.name!r}: rows with freq_weights have no order in time; write them out")


def refuse_twice(cov, sums, found) -> None:
    """Refuse a time that two rows have, of one series or of one cluster."""
    twice = np.flatnonzero(sums.sums[:, -1] > 1.0)
    if len(twice):
        code, times = int(sums.codes[twice[0]]), found.ways.sizes[-1]
        place = f"time {found.names[-1][code % times]!s} occurs {int(sums.sums[twice[0], -1])} times"
        where = f" in cluster {found.names[0][code // times]!s}" if len(found.names) > 1 else ""
        raise InvalidParameterError(
            f"cov={cov.name!r}: {place}{where}; each row of a series has a time of its own"
            + ("" if where else "; take 'Driscoll-Kraay' or 'panel-HAC' for panels")
        )
