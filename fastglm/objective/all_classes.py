"""Softmax regression in the coefficients of all classes, none pinned: what a penalty of every class needs."""

from __future__ import annotations

import numpy as np

from ..linalg.symmetric import Dense


class AllClasses:
    """A ``CrossEntropy`` of K classes as a function of K p coefficients, class after class, the reference first.

    A shift common to all classes changes nothing, so that the information is singular.

    Parameters
    ----------
    objective : CrossEntropy
    """

    def __init__(self, objective):
        self.objective, self.n_columns = objective, objective.n_columns
        self.n_classes, self.n_params = objective.n_classes, objective.n_classes * objective.n_columns

    def __getattr__(self, name):
        return getattr(self.objective, name)

    @property
    def n_passes(self) -> float:
        return self.objective.n_passes

    @n_passes.setter
    def n_passes(self, value: float) -> None:
        self.objective.n_passes = value

    @property
    def scale(self) -> np.ndarray:
        """What columns were multiplied by in the information, class after class."""
        return np.tile(self.objective.scale[: self.n_columns], self.n_classes)

    def to_contrasts(self, beta: np.ndarray) -> np.ndarray:
        """The coefficients of the other classes less those of the reference."""
        rows = beta.reshape(self.n_classes, -1)
        return (rows[1:] - rows[0]).ravel()

    def from_contrasts(self, beta: np.ndarray) -> np.ndarray:
        """Coefficients of all classes that sum to zero over them."""
        rows = np.pad(beta.reshape(self.n_classes - 1, -1), ((1, 0), (0, 0)))
        return (rows - rows.mean(0)).ravel()

    def at(self, beta: np.ndarray, order: int = 2):
        """One pass, its score and information those of all classes."""
        q = self.objective.at(self.to_contrasts(beta), order)
        rows = q.score.reshape(self.n_classes - 1, -1)
        q = q._replace(score=np.vstack([-rows.sum(0), rows]).ravel())
        if q.information is None:
            return q
        p, others = self.n_columns, self.n_classes - 1
        J = q.information.toarray().reshape(others, p, others, p)
        whole = np.empty((others + 1, p, others + 1, p))
        whole[1:, :, 1:] = J
        whole[0, :, 1:] = -J.sum(0)
        whole[1:, :, 0] = -J.sum(2)
        whole[0, :, 0] = J.sum((0, 2))
        return q._replace(information=Dense(whole.reshape(self.n_params, self.n_params)))
