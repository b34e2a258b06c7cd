"""The minimum of a quadratic model of the loss plus an elastic net within bounds.

Coefficients that are free of the penalty are eliminated, the others are found by coordinate descent and, where that is
slow, by Newton steps along the face of those that are not zero.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotrs

from ..kernels.coordinate_descent import descend

SWEEPS, MOST_SWEEPS = 20, 20_000  # of coordinate descent before Newton along the face, and in all; chosen
PRICE = 8  # coefficients, of as many more as a factorisation is worth one more sweep; measured
MOST_ROUNDS = 60  # of sweeps and steps along a face; chosen: problems of the tests take ten
CANCELLED = 1e-8  # of a column's square, left beside the free columns, below which sums need more digits
SAFE_PIVOT = 1e-11  # of a scaled matrix, below which its columns count as dependent


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
            cross, own = H[:first, first:], H[first:, first:]
        else:
            cross, own = H[np.ix_(self.free, self.rest)], H[np.ix_(self.rest, self.rest)]
        self.inverse = np.linalg.pinv(H[np.ix_(self.free, self.free)], rcond=1e-13, hermitian=True)
        self.slopes = self.inverse @ cross
        self.S = own - cross.T @ self.slopes
        self.cancelled = bool((np.diagonal(self.S) < CANCELLED * np.diagonal(H)[self.rest]).any())

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
        b = _descended(self.S, start.copy(), g0, own, tol) if own.separable else own.minimum(self.S, start, g0, tol)
        out = beta.copy()
        out[rest] = b
        out[free] += self.inverse @ score[free] - self.slopes @ (b - start)
        return out


def _descended(S, b, g0, penalty, tol):
    """Rounds of coordinate descent, each followed by a step along the face of the coefficients that are not zero."""
    start, workspace = b.copy(), np.empty(len(b), np.int64)
    arrays = penalty.lasso, penalty.ridge, penalty.lower, penalty.upper, penalty.unit
    g, sweeps, before = g0.copy(), max(SWEEPS, len(b) // PRICE), np.inf
    for _ in range(MOST_ROUNDS):
        descend(S, g, b, *arrays, tol, sweeps, workspace)
        g = g0 - S @ (b - start)
        worst = penalty.violation(b, g)
        if worst <= tol:
            break
        if along_face(S, b, g, penalty):
            g = g0 - S @ (b - start)
            worst = penalty.violation(b, g)
            if worst <= tol:
                break
        if worst >= 0.5 * before and sweeps > 1000:
            break  # rounding leaves no more
        before, sweeps = worst, min(2 * sweeps, MOST_SWEEPS)
    return b


def along_face(S: np.ndarray, b: np.ndarray, g: np.ndarray, penalty) -> bool:
    """Newton's step of the coefficients that are not zero, in place, up to the first that reaches zero or a bound.

    Returns
    -------
    bool
        Whether there was one.
    """
    inside = (b > penalty.lower) & (b < penalty.upper)
    face = np.flatnonzero(inside & ((b != 0.0) | (penalty.lasso == 0.0)))
    if not len(face):
        return False
    x, lasso, ridge = b[face], penalty.lasso[face], penalty.ridge[face]
    A = S[np.ix_(face, face)]
    A.flat[:: len(A) + 1] += ridge
    size = 1.0 / np.sqrt(np.maximum(np.diagonal(A), np.finfo(float).tiny))
    triangle, status = dpotrf(A * size * size[:, None])
    if status != 0 or not np.square(triangle.diagonal()).min(initial=1.0) > SAFE_PIVOT:
        return False
    step = size * dpotrs(triangle, size * (g[face] - ridge * x - lasso * np.sign(x)))[0]
    with np.errstate(all="ignore"):
        to_zero = np.where((lasso > 0.0) & (x * (x + step) < 0.0), -x / step, np.inf)
        to_bound = np.where(step > 0.0, penalty.upper[face] - x, penalty.lower[face] - x) / step
    reach = np.minimum(to_zero, np.where(step != 0.0, to_bound, np.inf))
    t = min(1.0, float(reach.min(initial=1.0)))
    moved = x + t * step
    stops = reach <= t
    at = np.where(to_zero <= t, 0.0, np.where(step > 0.0, penalty.upper[face], penalty.lower[face]))
    b[face] = np.where(stops, at, moved)
    return True
