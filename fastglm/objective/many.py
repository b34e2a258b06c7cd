"""Deviances and scores at many coefficients, of all rows or of a fold each: one read serves them all."""

from __future__ import annotations

import numpy as np

from ..kernels.many import many_rows
from ..source.folds import Folds, first_row
from ..source.pieces import selected_rows
from ..source.streaming_qr import as_rows, offset, weight
from ..source.task import Task

ROWS, SOME = 256, 128  # rows and coefficients of a block, whose linear predictors stay in the second-level cache
ROWS_OF_TERMS = 1 << 11  # of a block of sparse rows, whose products with coefficients are arrays of their own
STRETCH = 1 << 13  # rows whose columns are made at once


class ManySums:
    """What ``ManyScores`` sums at R coefficients: ``deviance`` and ``pearson`` (R,), ``score`` (R, m)."""

    def __init__(self, sums: np.ndarray):
        self.deviance, self.pearson, self.score = sums[:, -2], sums[:, -1], sums[:, :-2]


class ManyScores(Task):
    """Scores at R coefficients, and beside them deviances and Pearson's chi-squares, (R, m + 2).

    Parameters
    ----------
    pair : FamilyLink
    beta : (R, m) array
    folds : Folds, optional
    of : (R,) array, optional
        The fold of each of the coefficients, whose rows alone count: those that it is fitted to.
    scores_only : bool
        Leave the other two sums at zero.
    """

    def __init__(self, pair, beta, folds: Folds | None = None, of=None, scores_only: bool = False):
        self.pair, self.beta, self.folds, self.scores_only = pair, beta, folds, scores_only
        self.fits = np.ones((len(beta), 1), bool) if folds is None else folds.fitted[of]

    def of(self, part, runs):
        total = np.zeros((len(self.beta), self.beta.shape[1] + 2))
        loop = self.pair.scores if self.scores_only else self.pair.rows
        data, size = part.data, ROWS_OF_TERMS if part.data.terms else ROWS
        work, first = np.empty((3, size)), int(data.has_intercept)
        tiles = [slice(k, k + SOME) for k in range(0, len(total), SOME)]
        beta = [self.beta[tile, first:] for tile in tiles]
        if data.terms:
            beta = [np.ascontiguousarray(b.T) for b in beta]
        for a, b in stretches(runs, STRETCH):
            X = columns(data, slice(a, b))
            for begin, stop in stretches([(a, b)], size):
                vectors, rows = self._vectors(part, begin, stop), X[begin - a : stop - a]
                for tile, own in zip(tiles, beta, strict=True):
                    eta = np.ascontiguousarray((rows @ own).T) if data.terms else own @ rows.T
                    r = self._scores(eta, first, vectors, tile, loop, work, total)
                    if first:
                        total[tile, 0] += r.sum(1)
                    total[tile, first:-2] += (rows.T @ r.T).T if data.terms else r @ rows
        return total

    def _vectors(self, part, a, b):
        """Offset, response, weight and part of some rows."""
        y, w = np.ascontiguousarray(part.data.y[a:b], np.float64), weight(part.data, a, b)
        of = np.zeros(b - a, np.intp)
        if self.folds is not None:
            of = np.asarray(self.folds.parts.of(np.arange(a, b) + first_row(part)), np.intp)
        return offset(part.data, a, b), y, w, of

    def _scores(self, eta, first, vectors, tile, loop, work, total):
        """The scores of rows at X beta, (R, n); adds the sums of the deviance."""
        shift = self.beta[tile, 0] if first else np.zeros(len(eta))
        r = np.empty_like(eta)
        counted = not self.scores_only
        many_rows(loop, self.pair.par, eta, shift, *vectors, self.fits[tile], r, work, total[tile], counted)
        return r


def stretches(runs, rows: int):
    """Half-open ranges of at most so many rows."""
    for first, stop in runs:
        for a in range(int(first), int(stop), rows):
            yield a, min(a + rows, int(stop))


def columns(data, rows):
    """Some rows of the design without the intercept, dense where there are numbers alone, else in CSR."""
    if data.terms:
        return as_rows(selected_rows(data, rows)).X
    return data.X[rows].astype(np.float64, copy=False)


def linear_predictors(X, intercept: int, beta: np.ndarray) -> np.ndarray:
    """X and the intercept times coefficients (m, R), without offsets."""
    eta = X @ beta[intercept:]
    if intercept:
        eta += beta[0]
    return eta
