"""Deviances and scores at many coefficients, of all rows or of a fold each: one read serves them all."""

from __future__ import annotations

import numpy as np

from ..kernels.many import add_terms, many_rows, scatter_terms
from ..matrix.columns import table
from ..source.folds import Folds, first_row
from ..source.streaming_qr import offset, weight
from ..source.task import Task

ROWS, SOME = 256, 128  # rows and coefficients of a block, whose linear predictors stay in the second-level cache


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
        data, stored = part.data, part.packed
        terms, first, p = table(stored.terms), int(data.has_intercept), data.X.shape[1]
        loop = self.pair.scores if self.scores_only else self.pair.rows
        beta = [np.ascontiguousarray(b) for b in tiled(stored.expand(self.beta.T))]
        fits = [np.ascontiguousarray(counted, np.float64) for counted in tiled(self.fits.T)]
        scores, sums = [np.zeros_like(b) for b in beta], [np.zeros((3, b.shape[1])) for b in beta]
        for a, b in stretches(runs, ROWS):
            X, (shift, *vectors) = data.X[a:b].astype(np.float64, copy=False), self._vectors(part, a, b)
            for own, counted, score, total in zip(beta, fits, scores, sums, strict=True):
                eta = X @ own[first : first + p]
                add_terms(terms, a, own[first + p :], eta)
                constant = own[0] if first else np.zeros(eta.shape[1])
                many_rows(loop, self.pair.par, eta, constant, shift, *vectors, counted, total, not self.scores_only)
                score[first : first + p] += X.T @ eta
                scatter_terms(terms, a, eta, score[first + p :])
        score, total = np.concatenate(scores, axis=1), np.concatenate(sums, axis=1)
        if first:
            score[0] = total[0]
        return np.column_stack([stored.reduce(score).T, total[1:].T])

    def _vectors(self, part, a, b):
        """Offset, response, weight and part of some rows."""
        y, w = np.ascontiguousarray(part.data.y[a:b], np.float64), weight(part.data, a, b)
        of = np.zeros(b - a, np.intp)
        if self.folds is not None:
            of = np.asarray(self.folds.parts.of(np.arange(a, b) + first_row(part)), np.intp)
        return offset(part.data, a, b), y, w, of


def tiled(columns):
    """The columns of an array, some at a time."""
    return [columns[:, k : k + SOME] for k in range(0, columns.shape[1], SOME)]


def stretches(runs, rows: int):
    """Half-open ranges of at most so many rows."""
    for first, stop in runs:
        for a in range(int(first), int(stop), rows):
            yield a, min(a + rows, int(stop))


def linear_predictors(data, beta: np.ndarray, a: int, b: int) -> np.ndarray:
    """The rows a to b of a block times coefficients (m, R), offsets left out."""
    full = np.ascontiguousarray(beta if data.coding is None else data.coding.expand(beta))
    first, p = int(data.has_intercept), data.X.shape[1]
    eta = data.X[a:b].astype(np.float64, copy=False) @ full[first : first + p]
    add_terms(table(data.terms), a, full[first + p :], eta)
    if first:
        eta += full[0]
    return eta
