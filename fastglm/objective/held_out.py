"""How well many coefficients predict rows that are held out: one pass for all folds and penalties."""

from __future__ import annotations

import numpy as np

from ..family.means import inverse_link
from ..kernels.evaluate import row_terms
from ..source.folds import Folds, first_row
from ..source.pieces import selected_rows
from ..source.streaming_qr import offset, weight
from ..source.task import Task
from .many import linear_predictors
from .passes import line_blocks

LOSSES = ("deviance", "mse", "mae", "class")
TIED = 1e-6  # difference of linear predictors that a certified fit does not tell; classes within it share a row


class PartTotals(Task):
    """The weights of the rows of each part by their class, (B, classes); of one mean a row the sums of w and w y.

    Parameters
    ----------
    parts : Hashed, Numbered or Stretches
    classes : int
        Zero for one mean a row.
    """

    vectors_only = True

    def __init__(self, parts, classes: int):
        self.parts, self.classes = parts, classes

    def of(self, part, runs):
        total, first = np.zeros((self.parts.count, self.classes or 2)), first_row(part)
        for a, b in line_blocks(runs):
            of, w = self.parts.of(np.arange(first + a, first + b)).astype(np.intp), weight(part.data, a, b)
            y = np.asarray(part.data.y[a:b])
            if self.classes:
                total += np.bincount(of * self.classes + y, w, total.size).reshape(total.shape)
            else:
                total += np.stack([np.bincount(of, v, self.parts.count) for v in (w, w * y)], axis=1)
        return total


class HeldOut(Task):
    """The sums of a measure's losses over the held-out rows of each fold, and in the last column of their weights,
    (F, L + 1).

    Parameters
    ----------
    pair : FamilyLink
    beta : (F, L, m) array
        The coefficients that were fitted without each fold.
    folds : Folds
    measure : one of ``LOSSES``
    """

    def __init__(self, pair, beta: np.ndarray, folds: Folds, measure: str):
        self.pair, self.beta, self.folds, self.measure = pair, beta, folds, measure

    def of(self, part, runs):
        total = np.zeros((self.beta.shape[0], self.beta.shape[1] + 1))
        first = first_row(part)
        with np.errstate(all="ignore"):  # of this thread
            for a, b in line_blocks(runs):
                rows = np.arange(a, b)
                of, w = self.folds.parts.of(first + rows), weight(part.data, a, b)
                for f, measured in enumerate(self.folds.measured):
                    mine = measured[of] & (w > 0.0)
                    if mine.any():
                        total[f, :-1] += self._losses(selected_rows(part.data, rows[mine]), w[mine], f)
                        total[f, -1] += w[mine].sum()
        return total

    def _losses(self, data, w, f):
        """The weighted sum of the losses of some rows for each of the fold's coefficients."""
        return losses(self.pair, self.etas(data, f), np.asarray(data.y, np.float64)[:, None], w[:, None], self.measure)

    def etas(self, data, f) -> np.ndarray:
        """The linear predictors of some rows by each of the fold's coefficients, (n, L)."""
        n = len(data.y)
        return linear_predictors(data, self.beta[f].T, 0, n) + offset(data, 0, n)[:, None]


def losses(pair, eta: np.ndarray, y: np.ndarray, w: np.ndarray, measure: str) -> np.ndarray:
    """The weighted sums (L,) of a measure's losses of rows with linear predictors (n, L); y and w are (n, 1)."""
    if measure == "deviance":
        return row_terms(pair, eta, y, w)[2].sum(0)
    if not w.all():  # of rows of weight zero nothing is summed
        there = w[:, 0] > 0.0
        eta, y, w = eta[there], y[there], w[there]
    mu = inverse_link(pair.link, eta)
    if measure == "class":
        called = np.where(np.abs(mu - 0.5) <= 0.25 * TIED, 0.5, mu > 0.5)  # a quarter is the slope of the logit there
        return (w * np.abs(y - called)).sum(0)
    return (w * (np.abs(y - mu) if measure == "mae" else (y - mu) ** 2)).sum(0)


class HeldOutClasses(HeldOut):
    """The same of softmax regressions: ``beta`` (F, L, m, K) has all classes' coefficients."""

    def __init__(self, beta: np.ndarray, folds: Folds, measure: str):
        super().__init__(None, beta, folds, measure)

    def _losses(self, data, w, f):
        y = np.asarray(data.y).astype(np.intp)
        return [self._class_loss(linear_predictors(data, beta, 0, len(y)), y, w) for beta in self.beta[f]]

    def _class_loss(self, eta, y, w):
        if self.measure == "class":
            called = eta >= eta.max(1, keepdims=True) - TIED
            return float(w @ (1.0 - called[np.arange(len(y)), y] / called.sum(1)))
        return float(2.0 * w @ (np.logaddexp.reduce(eta, axis=1) - eta[np.arange(len(y)), y]))
