"""Deviances and scores at many coefficients, of all rows or of a fold each: one read serves them all."""

from __future__ import annotations

import numpy as np

from ..kernels.evaluate import row_terms
from ..source.folds import Folds, first_row
from ..source.pieces import selected_rows
from ..source.streaming_qr import as_rows, offset, weight
from ..source.task import Task

NUMBERS = 1 << 15  # linear predictors of a block, within the second-level cache
LEAST_ROWS = 64  # of a block
STRETCH = 1 << 13  # rows whose columns are made at once


class ManySums:
    """What ``ManyScores`` sums at R coefficients: ``deviance`` and ``pearson`` (R,), ``score`` (R, m)."""

    def __init__(self, sums: np.ndarray):
        self.deviance, self.pearson, self.score = sums[-2], sums[-1], np.ascontiguousarray(sums[:-2].T)


class ManyScores(Task):
    """Scores at R coefficients, and below them deviances and Pearson's chi-squares, (m + 2, R).

    Parameters
    ----------
    pair : FamilyLink
    beta : (m, R) array
    folds : Folds, optional
    of : (R,) array, optional
        The fold of each of the coefficients, whose rows alone count: those that it is fitted to.
    """

    def __init__(self, pair, beta: np.ndarray, folds: Folds | None = None, of: np.ndarray | None = None):
        self.pair, self.beta, self.folds, self.fold_of = pair, beta, folds, of

    def begin(self):
        return [np.zeros((len(self.beta) + 2, self.beta.shape[1]))]

    def of(self, part, runs):
        total = np.zeros((len(self.beta) + 2, self.beta.shape[1]))
        rows = max(LEAST_ROWS, NUMBERS // self.beta.shape[1])
        with np.errstate(all="ignore"):  # of this thread
            for a, b in stretches(runs, STRETCH):
                X = columns(part.data, slice(a, b))
                for first, stop in stretches([(a, b)], rows):
                    self._add(total, part, X[first - a : stop - a], first, stop)
        return total

    def _add(self, total, part, X, a, b):
        data, intercept = part.data, int(part.data.has_intercept)
        eta = linear_predictors(X, intercept, self.beta) + offset(data, a, b)[:, None]
        w = weight(data, a, b)[:, None]
        if self.folds is not None:
            w = w * self.folds.fits(self.fold_of, np.arange(a, b) + first_row(part))
        r, h, deviance = row_terms(self.pair, eta, np.asarray(data.y[a:b], np.float64)[:, None], w)
        if intercept:
            total[0] += r.sum(0)
        total[intercept:-2] += X.T @ r
        total[-2] += deviance.sum(0)
        np.multiply(r, r, out=r)
        total[-1] += np.divide(r, h, out=np.zeros_like(r), where=h > 0.0).sum(0)


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
