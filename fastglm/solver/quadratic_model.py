"""The minimum of a quadratic model of the loss plus an elastic net within bounds.

Coefficients that are free of the penalty are eliminated, the others are found by coordinate descent and, where that is
slow, by Newton steps along the face of those that are not zero.
"""

from __future__ import annotations

import numpy as np

from ..kernels.elastic_model import minimise
from ..kernels.path_steps import CANCELLED

ONE = np.ones(1)  # the penalty as it is


class QuadraticModel:
    """A quadratic model of half the deviance, b' H b / 2 up to linear terms, H positive semidefinite.

    Parameters
    ----------
    H : (m, m) array
    free : (m,) bool array
        The coefficients that have no penalty and no bound.
    """

    def __init__(self, H: np.ndarray, free: np.ndarray):
        self.is_free = free
        self.free, self.rest = np.flatnonzero(free), np.flatnonzero(~free)
        first = len(self.free)
        if free[:first].all():  # views, as where the intercept alone is free
            corner, cross, own = H[:first, :first], H[:first, first:], H[first:, first:]
        else:
            pairs = (self.free, self.free), (self.free, self.rest), (self.rest, self.rest)
            corner, cross, own = (H[np.ix_(*pair)] for pair in pairs)
        self.inverse = _inverse(corner)
        self.slopes = self.inverse @ cross
        self.S = np.ascontiguousarray(own - cross.T @ self.slopes)
        self.cancelled = np.diagonal(self.S) < CANCELLED * np.diagonal(H)[self.rest]

    def loses(self, penalty) -> bool:
        """Whether columns that may have coefficients are nearly those that are free."""
        return bool(self.cancelled.any() and (self.cancelled & ~penalty.held[self.rest]).any())

    def minimise(self, beta: np.ndarray, score: np.ndarray, penalty, tol: float) -> np.ndarray:
        """The minimum of the model plus a penalty.

        Parameters
        ----------
        beta : (m,) array
            Where the model was made, or any other coefficients within the bounds.
        score : (m,) array
            The model's negative gradient there.
        penalty : ElasticPenalty, or another with a ``minimum`` of its own
        tol : float
            The violation of the optimality conditions, in the penalty's units, that may be left.

        Returns
        -------
        (m,) array
        """
        rest, free = self.rest, self.free
        start, g0 = beta[rest], score[rest] - score[free] @ self.slopes
        own = penalty.of(rest)
        b = self._along(start, g0, own, ONE, tol)[0][0] if own.separable else own.minimum(self.S, start, g0, tol)
        out = beta.copy()
        out[rest] = b
        out[free] += self.inverse @ score[free] - self.slopes @ (b - start)
        return out

    def violation(self, beta: np.ndarray, score: np.ndarray, penalty) -> float:
        """The violation of the optimality conditions where the free coefficients are at the model's minimum."""
        return penalty.of(self.rest).violation(beta[self.rest], score[self.rest] - score[self.free] @ self.slopes)

    def _along(self, start, g0, penalty, sizes, tol):
        """The minima (L, k) with a penalty times each of L sizes, and their violations (L,)."""
        b, left = np.empty((len(sizes), len(start))), np.empty(len(sizes))
        minimise(self.S, start, g0, *penalty_arrays(penalty), sizes, tol, b, left)
        return b, left

    def along_path(self, beta: np.ndarray, score: np.ndarray, penalty, sizes: np.ndarray, tol: float) -> np.ndarray:
        """As ``minimise``, with a separable penalty times each of L sizes: (L, m), each from the one before."""
        rest, free = self.rest, self.free
        start, g0 = beta[rest], score[rest] - score[free] @ self.slopes
        b, _ = self._along(start, g0, penalty.of(rest), sizes, tol)
        out = np.tile(beta, (len(sizes), 1))
        out[:, rest] = b
        out[:, free] += self.inverse @ score[free] - (b - start) @ self.slopes.T
        return out


def _inverse(H):
    """The inverse of a matrix, of a singular one its pseudo-inverse; that of an intercept alone is a number's."""
    if len(H) == 1:
        return 1.0 / H if H[0, 0] > 0.0 else np.zeros((1, 1))
    return np.linalg.pinv(H, rcond=1e-13, hermitian=True)


def penalty_arrays(penalty) -> tuple[np.ndarray, ...]:
    """Lasso, ridge, bounds and unit of an ElasticPenalty."""
    return penalty.lasso, penalty.ridge, penalty.lower, penalty.upper, penalty.unit
