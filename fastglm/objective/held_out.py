"""How well many coefficients predict rows that were held out: one pass for all folds and penalties."""

from __future__ import annotations

import numpy as np

from ..family.means import inverse_link
from ..kernels.evaluate import row_terms
from ..source.folds import Folds, first_row
from ..source.pieces import selected_rows
from ..source.streaming_qr import offset, weight
from ..source.task import Task
from .many import columns, linear_predictors
from .passes import line_blocks

MEASURES = ("deviance", "mse", "mae", "class")


class HeldOut(Task):
    """The sums of a measure's losses over the rows of each fold, and of their weights in the last column, (F, L + 1).

    Parameters
    ----------
    pair : FamilyLink
    beta : (F, L, m) array
        The coefficients that were fitted without each fold.
    folds : Folds
    measure : {"deviance", "mse", "mae", "class"}
    """

    def __init__(self, pair, beta: np.ndarray, folds: Folds, measure: str):
        self.pair, self.beta, self.folds, self.measure = pair, beta, folds, measure

    def of(self, part, runs):
        total = np.zeros((self.beta.shape[0], self.beta.shape[1] + 1))
        first = first_row(part)
        with np.errstate(all="ignore"):  # of this thread
            for a, b in line_blocks(runs):
                rows = np.arange(a, b)
                of, w = self.folds.of(first + rows), weight(part.data, a, b)
                for f in range(self.folds.count):
                    mine = (of == f) & (w > 0.0)
                    if mine.any():
                        total[f, :-1] += self._losses(selected_rows(part.data, rows[mine]), w[mine], f)
                        total[f, -1] += w[mine].sum()
        return total

    def _losses(self, data, w, f):
        """The weighted sum of the losses of some rows for each of the fold's coefficients."""
        n, intercept = len(data.y), int(data.has_intercept)
        etas = linear_predictors(columns(data, slice(0, n)), intercept, self.beta[f].T) + offset(data, 0, n)[:, None]
        return self._loss(etas, np.asarray(data.y, np.float64)[:, None], w[:, None])

    def _loss(self, eta, y, w):
        if self.measure == "deviance":
            return row_terms(self.pair, eta, y, w)[2].sum(0)
        error = y - inverse_link(self.pair.link, eta)
        loss = {"class": lambda: np.abs(error) > 0.5, "mse": lambda: error**2, "mae": lambda: np.abs(error)}
        return (w * loss[self.measure]()).sum(0)


class HeldOutClasses(HeldOut):
    """The same of softmax regressions: ``beta`` (F, L, m, K) has all classes' coefficients."""

    def __init__(self, beta: np.ndarray, folds: Folds, measure: str):
        super().__init__(None, beta, folds, measure)

    def _losses(self, data, w, f):
        n, intercept = len(data.y), int(data.has_intercept)
        X, y = columns(data, slice(0, n)), np.asarray(data.y).astype(np.intp)
        return [self._class_loss(linear_predictors(X, intercept, beta), y, w) for beta in self.beta[f]]

    def _class_loss(self, eta, y, w):
        if self.measure == "class":
            return float(w @ (eta.argmax(1) != y))
        return float(2.0 * w @ (np.logaddexp.reduce(eta, axis=1) - eta[np.arange(len(y)), y]))
