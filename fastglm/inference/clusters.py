"""Clusters of dependent rows: the covariance of the sums of their scores.

Of several ways of clustering the covariances by each are added, those by each pair of them subtracted, and so on
(Cameron, Gelbach and Miller 2011). Each has the factor G / (G - 1) of its own number of clusters, and all share
(n - 1) / (n - k): R's ``sandwich::vcovCL`` with ``type = "HC1"`` and ``cadjust = TRUE``.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csc_matrix

from ..core.measured import CLUSTER_SUMS_BYTES
from ..errors import FastGLMWarning, InvalidParameterError, warn
from ..rows.cluster_ids import ClusteredSource, ids_of
from ..source.task import Task
from .row_scores import blocks, repeats, score_parts

COUNTED = 4  # numbers a row, that are counted rather than sorted; chosen: a sort of a row costs some thirty counts


class Sums(NamedTuple):
    """Sums (clusters, q) of the rows of some clusters, by their numbers, sorted; adding two merges them."""

    codes: np.ndarray
    sums: np.ndarray

    def __add__(self, other: Sums) -> Sums:
        both = np.concatenate([self.codes, other.codes])
        order = np.argsort(both, kind="stable")  # two sorted runs are merged, not sorted
        both = both[order]
        new = np.append(True, both[1:] != both[:-1])[: len(both)]
        places = np.empty(len(both), np.intp)
        places[order] = np.cumsum(new) - 1
        sums = np.zeros((int(new.sum()), self.sums.shape[1]))
        sums[places[: len(self.codes)]] = self.sums
        sums[places[len(self.codes) :]] += other.sums
        return Sums(both[new], sums)


class Levels(NamedTuple):
    """Ids that occur, sorted; adding two joins them."""

    ids: np.ndarray

    def __add__(self, other: Levels) -> Levels:
        if self.ids.dtype.kind != "U":
            return Levels(np.union1d(self.ids, other.ids))
        return Levels(np.array(sorted({*self.ids.tolist(), *other.ids.tolist()})))


class Each(NamedTuple):
    """Several values, added one by one."""

    values: tuple[Any, ...]

    def __add__(self, other: Each) -> Each:
        return Each(tuple(a + b for a, b in zip(self.values, other.values, strict=True)))


class SeenIds(Task):
    """The ids of each way of clustering that occur, an ``Each`` of ``Levels``."""

    vectors_only = True

    def of(self, part, runs):
        return Each(tuple(Levels(np.unique(ids.levels)) for ids in part.clusters))


class Clusterings:
    """How rows are clustered: for each way its ids, sorted, or None where they are numbers, and how many there are."""

    def __init__(self, levels: tuple[Any, ...], sizes: tuple[Any, ...]):
        self.levels, self.sizes, self._numbers = levels, sizes, {}

    def __getstate__(self):
        return self.__dict__ | {"_numbers": {}}

    def __repr__(self):
        return f"Clusterings{self.sizes}"

    def codes(self, part, by: tuple[Any, ...], rows) -> np.ndarray:
        """The number of the cluster of some rows by all of the ways ``by`` at once, int64."""
        total = np.zeros(1, np.int64)
        for way in by:
            ids, levels = part.clusters[way], self.levels[way]
            codes = ids.codes[rows]
            if levels is not None:
                codes = self._places(way, ids.levels)[codes]
            total = total * self.sizes[way] + codes
        return total

    def _places(self, way, ids):
        """The numbers of some ids."""
        levels = self.levels[way]
        if levels.dtype.kind != "U":
            return np.searchsorted(levels, ids)
        if way not in self._numbers:
            self._numbers[way] = {text: i for i, text in enumerate(levels.tolist())}
        numbers = self._numbers[way]
        return np.array([numbers[text] for text in ids.tolist()], np.int64)


class SeenCodes(Task):
    """The numbers of the clusters by some ways that occur, as ``Levels``."""

    vectors_only = True

    def __init__(self, ways, by):
        self.ways, self.by = ways, by

    def of(self, part, runs):
        return Levels(np.unique(np.concatenate([self.ways.codes(part, self.by, slice(a, b)) for a, b in runs])))


def numbered(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The whole numbers among ``codes`` (n,), none of them below zero, sorted, and the place of each code in them."""
    if len(codes) and codes.max() < COUNTED * len(codes):
        there = np.bincount(codes) > 0  # which spares a sort
        return np.flatnonzero(there), (np.cumsum(there) - 1)[codes]
    found, places = np.unique(codes, return_inverse=True)
    return found, places.reshape(-1)


class ClusterScores(Task):
    """The sums of the scores of clusters, an ``Each`` of ``Sums``.

    Parameters
    ----------
    scores : MeanScores, ClassScores or PredictorScores
    ways : Clusterings
    jobs : tuple of (by, low, high)
        The ways of clustering, and which of its clusters, those from number ``low`` to below ``high``.
    space : Products or Coordinates
    q : int
        Coefficients, of all classes.
    """

    def __init__(self, scores, ways, jobs, space, q):
        self.scores, self.ways, self.jobs, self.space, self.q = scores, ways, jobs, space, q

    def of(self, part, runs):
        a, b = int(runs[:, 0].min()), int(runs[:, 1].max())
        f, found = repeats(part.data, a, b), []
        for by, low, high in self.jobs:
            codes = self.ways.codes(part, by, slice(a, b))
            there = (f > 0.0) & (codes >= low) & (codes < high)
            numbers = np.full(b - a, -1)
            own, numbers[there] = numbered(codes[there])
            found.append((numbers, Sums(own, np.zeros((len(own), self.q)))))
        for first, stop in blocks(runs, part.data, self.q):
            rows = slice(first - a, stop - a)
            self._add(part.data, first, stop, [(numbers[rows], s.sums) for numbers, s in found])
        return Each(tuple(sums for _, sums in found))

    def _add(self, data, a, b, found):
        """Add the scores of rows a to b to the sums of their clusters."""
        parts = score_parts(self.scores, self.space, data, a, b)
        for numbers, sums in found:
            there = numbers >= 0
            own, local = slice(None), numbers[there]
            if len(sums) > b - a:
                own, local = numbered(local)
            clusters = len(sums[own])
            ends = np.append(0, np.cumsum(there))
            for r, X, at in parts:
                pick = csc_matrix((r[there], local, ends), shape=(clusters, b - a))
                total = pick @ X
                total = total.toarray() if hasattr(total, "toarray") else total
                sums[own, at] += total


def clustered(cov, fitted, space) -> np.ndarray:
    """The covariance by clusters, in the units of ``space``.

    The sums of the clusters' scores of as many clusters at a time are kept as ``CLUSTER_SUMS_BYTES`` holds, a pass each
    such part of them; the covariance is the sum of the parts'.

    Parameters
    ----------
    cov : CovarianceSpec
    fitted : Fitted
    space : Products or Coordinates

    Raises
    ------
    InvalidParameterError
        For fewer than two clusters.
    """
    n, k, source = fitted.nobs, fitted.rank, cov.source
    if source is None:
        whole = fitted.rows.n_rows
        ids = tuple(ids_of(v, whole, "cluster") for v in cov.by)
        source = ClusteredSource(fitted.rows, ids)
        ways = Clusterings((None,) * len(ids), tuple(int(i.codes.max()) + 1 for i in ids))
    else:
        levels = tuple(v.ids for v in source.reduce(SeenIds()).values)
        ways = Clusterings(levels, tuple(map(len, levels)))
    if np.prod([float(s) for s in ways.sizes]) > 2.0**62:
        raise InvalidParameterError(f"clusters of {len(ways.sizes)} ways have too many combinations: {ways.sizes}")
    q = space.width
    total, counts = np.zeros((q, q)), {}
    for jobs in _passes(source, ways, q):
        found = source.reduce(ClusterScores(fitted.scores, ways, jobs, space, q))
        for (by, *_), sums in zip(jobs, found.values, strict=True):
            square, count = counts.get(by, (0.0, 0))
            effects = space.of_sums(sums.sums)
            counts[by] = square + effects.T @ effects, count + len(sums.codes)
    for by, (square, count) in counts.items():
        if len(by) == 1 and count < 2:
            raise InvalidParameterError(f"cov={cov.name!r}: all rows are of one cluster; there must be two at least")
        factor = count / (count - 1.0) if cov.correction and count > 1 else 1.0
        total += (-1.0) ** (len(by) + 1) * factor * square
    if cov.correction:
        total *= (n - 1.0) / (n - k) if n > k else np.nan
    if len(ways.sizes) > 1 and (np.diagonal(total) < 0.0).any():
        warn(
            FastGLMWarning,
            f"cov={cov.name!r}: the covariance by several ways of clustering is not positive semi-definite here, and "
            "some standard errors are NaN; there are too few clusters for it, cluster by one way",
        )
    return total


def _passes(source, ways, q):
    """The jobs of each pass: all ways and their combinations, cut so that the sums of a pass fit in memory."""
    most = max(1, CLUSTER_SUMS_BYTES // (8 * q))
    passes, room = [], 0
    several = range(len(ways.sizes))
    for by in (by for size in range(1, len(ways.sizes) + 1) for by in combinations(several, size)):
        count = int(np.prod([ways.sizes[way] for way in by], dtype=np.int64))
        edges = [0, count]
        if min(count, source.n_rows) > most:
            # a number of clusters near the number of possible ones need not be: count those that there are
            seen = np.arange(count) if len(by) == 1 else source.reduce(SeenCodes(ways, by)).ids
            edges = [*seen[::most].tolist(), count]
            count = min(most, len(seen))
        for low, high in zip(edges[:-1], edges[1:], strict=True):
            if not passes or min(count, source.n_rows) > room:
                passes.append([])
                room = most
            passes[-1].append((by, low, high))
            room -= min(count, source.n_rows)
    return [tuple(jobs) for jobs in passes]
