"""Scores of rows summed by what labels the rows: clusters, times, strata and combinations of these."""

from __future__ import annotations

from functools import reduce
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_matrix

from ..core.measured import CLUSTER_SUMS_BYTES
from ..errors import InvalidParameterError
from ..kernels.evaluate import evaluate
from ..rows.cluster_ids import ClusteredSource, Ids, ids_of
from ..source.streaming_qr import offset, predictor
from ..source.task import Task
from .clusters import Clusterings, ClusterScores, SeenIds, Sums
from .row_scores import blocks, columns, repeats, score_parts

OUTER_ROWS = 256  # whose outer products are held at a time; chosen: they stay in the cache


class WithDf(NamedTuple):
    """A covariance in the units of a space, and degrees of freedom of tests by it: of all coefficients, or (m,)."""

    matrix: np.ndarray
    df: Any


class Labelled(NamedTuple):
    """Rows with labels beside them: ``ways`` numbers the labels of each way in the order of ``names``, sorted."""

    source: Any
    ways: Clusterings
    names: tuple[Any, ...]


def labelled(cov, fitted) -> Labelled:
    """The rows of a fit with the labels of a covariance beside them.

    Raises
    ------
    InvalidParameterError, MissingDataError
        For labels that are missing or cannot be sorted, and too many combinations of them.
    """
    source = cov.source
    if source is not None:
        names = tuple(v.ids for v in source.reduce(SeenIds()).values)
        found = Labelled(source, Clusterings(names, tuple(map(len, names))), names)
    else:
        given = [sorted_ids(v, fitted.rows.n_rows, role) for v, role in zip(cov.by, cov.option("roles"), strict=True)]
        names = tuple(own for own, _ in given)
        beside = ClusteredSource(fitted.rows, tuple(Ids(codes) for _, codes in given))
        found = Labelled(beside, Clusterings((None,) * len(given), tuple(map(len, names))), names)
    if np.prod([float(size) for size in found.ways.sizes]) > 2.0**62:
        raise InvalidParameterError(f"cov={cov.name!r}: {found.ways.sizes} labels have too many combinations")
    return found


def sorted_ids(values, n: int, role: str):
    """Labels of rows in memory: those that there are, sorted, and the number of each row's among them."""
    array = np.asarray(values)
    codes = ids_of(array, n, role).codes
    if array.dtype.kind != "O":
        return np.unique(array), codes
    firsts = np.unique(codes, return_index=True)[1]
    try:
        order = sorted(range(len(firsts)), key=lambda i: array[firsts[i]])
    except TypeError:
        raise InvalidParameterError(f"{role} holds values that cannot be sorted, such as numbers beside text") from None
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return array[firsts[order]], place[codes]


class CountedScores(ClusterScores):
    """``ClusterScores`` with the number of rows as a last column."""

    extra = 1
    all_rows = False  # whether rows of weight zero are counted too

    def of(self, part, runs):
        a, b = int(runs[:, 0].min()), int(runs[:, 1].max())
        f, found = repeats(part.data, a, b), []
        for by, low, high in self.jobs:
            codes = self.ways.codes(part, by, slice(a, b))
            counted = np.where(f > 0.0, f, 1.0 * self.all_rows)
            there = (counted > 0.0) & (codes >= low) & (codes < high)
            own, local = np.unique(codes[there], return_inverse=True)
            numbers = np.full(b - a, -1)
            numbers[there] = local.reshape(-1)
            sums = Sums(own, np.zeros((len(own), self.q + self.extra)))
            sums.sums[:, self.q] = np.bincount(numbers[there], weights=counted[there], minlength=len(own))
            found.append((numbers, sums))
        for first, stop in blocks(runs, part.data, self.q):
            rows = slice(first - a, stop - a)
            self._add(part.data, first, stop, [(numbers[rows], s.sums) for numbers, s in found])
        return found[0][1]


class DesignScores(CountedScores):
    """``CountedScores`` of a survey, whose rows of weight zero are part of its design."""

    all_rows = True


class SquaredScores(CountedScores):
    """``CountedScores`` with the sums of outer products of scores after the numbers of rows."""

    @property
    def extra(self) -> int:
        """Columns after the sums."""
        return 1 + self.q * self.q

    def _add(self, data, a, b, found):
        super()._add(data, a, b, found)
        for first in range(a, b, OUTER_ROWS):
            stop = min(first + OUTER_ROWS, b)
            left, right = self._factors(data, first, stop)
            outer = (left[:, :, None] * right[:, None, :]).reshape(stop - first, -1)
            for numbers, sums in found:
                own = numbers[first - a : stop - a]
                rows = np.flatnonzero(own >= 0)
                codes, local = np.unique(own[rows], return_inverse=True)
                pick = csr_matrix((np.ones(len(rows)), (local.reshape(-1), rows)), shape=(len(codes), stop - first))
                sums[codes, self.q + 1 :] += pick @ outer

    def _factors(self, data, a, b):
        """Two matrices whose rows' outer products are summed: scores, and these over the rows' frequencies."""
        U = score_rows(self.scores, self.space, data, a, b)
        f = repeats(data, a, b)
        return U, U / np.where(f > 0.0, f, 1.0)[:, None]  # a row of frequency f has f times its score in U


class DesignSquares(SquaredScores):
    """``SquaredScores`` of a survey, whose rows of weight zero are part of its design."""

    all_rows = True


class InformedScores(SquaredScores):
    """``CountedScores`` with each group's information X' W X after the numbers of rows."""

    def _factors(self, data, a, b):
        f = repeats(data, a, b)
        with np.errstate(all="ignore"):
            h = np.where(f > 0.0, f * self.scores.terms(data, a, b)[1], 0.0)
        X = self.space.rows(columns(data, a, b))
        X = X.toarray() if hasattr(X, "toarray") else X
        return X * h[:, None], X


def sums_by(found: Labelled, fitted, space, by: tuple[Any, ...], task=CountedScores):
    """The sums of scores by the ways ``by`` at once: ``Sums`` with ``task``'s columns after them, of as many values of
    the first way at a time as memory holds, a pass each.
    """
    q = space.width
    sizes = [found.ways.sizes[way] for way in by]
    inner = int(np.prod(sizes[1:], dtype=np.int64))
    width = q + 1 + (q * q if issubclass(task, SquaredScores) else 0)
    most = max(1, CLUSTER_SUMS_BYTES // (8 * width) // inner)
    step = sizes[0] if min(sizes[0] * inner, found.source.n_rows) * width * 8 <= CLUSTER_SUMS_BYTES else most
    for low in range(0, sizes[0], step):
        jobs = ((by, low * inner, min(low + step, sizes[0]) * inner),)
        yield found.source.reduce(task(fitted.scores, found.ways, jobs, space, q))


def score_rows(scores, space, data, a: int, b: int) -> np.ndarray:
    """The scores of rows a to b, (b - a, q), zero where the weight is zero; a row of frequency f has f times its score.

    Parameters
    ----------
    scores : MeanScores, ClassScores or PredictorScores
        ``fitted.scores``.
    space : Products or Coordinates
        In whose units the columns of the design are.
    data : Block
    a, b : int
    """
    parts = score_parts(scores, space, data, a, b)
    return np.hstack([r[:, None] * (X.toarray() if hasattr(X, "toarray") else X) for r, X, _ in parts])


class Gathered(NamedTuple):
    """Rows with the numbers of their labels, all in memory; adding two puts one after the other."""

    X: np.ndarray
    codes: np.ndarray
    columns: np.ndarray

    def __add__(self, other: Gathered) -> Gathered:
        return Gathered(*(np.concatenate(pair) for pair in zip(self, other, strict=True)))


class GatheredRows(Task):
    """Rows of positive weight in the units of ``space``, their labels, and by row the score and the information in the
    linear predictor, the residual y - mu, d mu / d eta and V(mu) / weight: ``Gathered``.

    Parameters
    ----------
    scores : MeanScores
    ways : Clusterings
    by : tuple of int
    space : Products or Coordinates
    """

    journaled = False

    def __init__(self, scores, ways, by, space):
        self.scores, self.ways, self.by, self.space = scores, ways, by, space

    def of(self, part, runs):
        return reduce(Gathered.__add__, [self._of(part, a, b) for a, b in runs.tolist()])

    def _of(self, part, a, b):
        data, pair = part.data, self.scores.pair
        kept = repeats(data, a, b) > 0.0
        eta = predictor(data, a, b, self.scores.beta) + offset(data, a, b)
        w = np.ones(b - a) if data.weights is None else np.asarray(data.weights[a:b], np.float64)
        y = np.asarray(data.y[a:b], np.float64)
        with np.errstate(all="ignore"):
            r, h = self.scores.terms(data, a, b)
            detail = evaluate(pair.family, pair.link, eta, y)
            of_rows = np.column_stack([r[:, 0], h, y - detail.mu, detail.slope, detail.variance / w])
        X = self.space.rows(columns(data, a, b))
        X = X.toarray() if hasattr(X, "toarray") else X
        codes = np.column_stack([self.ways.codes(part, (way,), slice(a, b)) for way in self.by])
        return Gathered(np.asarray(X)[kept], codes[kept], of_rows[kept])
