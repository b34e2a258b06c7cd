"""How well many coefficients predict rows that were held out: one pass for all folds and penalties."""

from __future__ import annotations

import numpy as np

from ..family.means import inverse_link
from ..kernels.evaluate import row_terms
from ..source.folds import Folds, first_row
from ..source.streaming_qr import offset, predictor, weight
from ..source.task import Task
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
                of, w = self.folds.of(np.arange(first + a, first + b)), weight(part.data, a, b)
                for f in np.unique(of).tolist():
                    mine = (of == f) & (w > 0.0)
                    total[f, :-1] += self._losses(part.data, a, b, mine, w[mine], f)
                    total[f, -1] += w[mine].sum()
        return total

    def _losses(self, data, a, b, mine, w, f):
        """The weighted sum of the losses of some rows for each of the fold's coefficients."""
        y, shift = np.asarray(data.y[a:b], np.float64)[mine], offset(data, a, b)[mine]
        etas = (predictor(data, a, b, beta)[mine] + shift for beta in self.beta[f])
        return [self._loss(eta, y, w) for eta in etas]

    def _loss(self, eta, y, w):
        if self.measure == "deviance":
            return row_terms(self.pair, eta, y, w)[2].sum()
        error = y - inverse_link(self.pair.link, eta)
        if self.measure == "class":
            return float(w @ (np.abs(error) > 0.5))
        return float(w @ (error**2 if self.measure == "mse" else np.abs(error)))


class HeldOutClasses(HeldOut):
    """The same of softmax regressions: ``beta`` (F, L, m, K) has all classes' coefficients."""

    def __init__(self, beta: np.ndarray, folds: Folds, measure: str):
        super().__init__(None, beta, folds, measure)

    def _losses(self, data, a, b, mine, w, f):
        y = np.asarray(data.y[a:b])[mine].astype(np.intp)
        etas = (np.column_stack([predictor(data, a, b, own)[mine] for own in beta.T]) for beta in self.beta[f])
        return [self._class_loss(eta, y, w) for eta in etas]

    def _class_loss(self, eta, y, w):
        seen = eta[np.arange(len(y)), y]
        if self.measure == "class":
            return float(w @ (eta.argmax(1) != y))
        return float(2.0 * w @ (np.logaddexp.reduce(eta, axis=1) - seen))
