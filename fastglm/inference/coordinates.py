"""Coordinates of rows in which the information is the identity: a row's leverage is then its squared length.

Where columns are nearly dependent, products of rows with the inverse of the information cancel most digits. Rows
divided by the triangular factor R of the information, R'R, keep them (Golub and Van Loan 2013, section 5.3).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.linalg import solve_triangular

from ..kernels import double_double as dd
from ..source.streaming_qr import offset

MOST = 2_000_000  # rows times columns squared, up to which double-double arithmetic takes a fraction of a second


class Coordinates(NamedTuple):
    """The coordinates that a triangular factor of the information gives.

    Attributes
    ----------
    root : (r, r) array
        Upper triangular, root' root the information of the coefficients that are not aliased.
    kept : (r,) array of ints
        Their numbers.
    n_params : int
    """

    root: np.ndarray
    kept: np.ndarray
    n_params: int

    @staticmethod
    def of(root, inverse) -> Coordinates:
        """From the factor and the inverse of an information, NaN where aliased."""
        kept = np.flatnonzero(~np.isnan(np.diagonal(inverse)))
        return Coordinates(root, kept, len(inverse))

    @property
    def width(self) -> int:
        """Numbers that a row has."""
        return len(self.kept)

    def rows(self, X) -> np.ndarray:
        """Rows of the design (n, m) in these coordinates, (n, r)."""
        X = X.toarray() if hasattr(X, "toarray") else X
        return solve_triangular(self.root, X[:, self.kept].T, trans=1, check_finite=False).T

    def of_sums(self, sums):
        """The effect of sums of scores on the coefficients: in these coordinates the sums themselves."""
        return sums

    def of_inverse(self, sums):
        """The inverse of a symmetric sum over rows (r, r) in these coordinates."""
        return np.linalg.inv(sums)

    def effects(self, X):
        """The same, and their squared lengths (n,)."""
        q = self.rows(X)
        return q, np.square(q).sum(1)

    def form(self, X, core=None) -> np.ndarray:
        """x' C x of rows (n, m), C the inverse information, or the covariance of a ``core``."""
        q = self.rows(X)
        return np.einsum("ij,ij->i", q if core is None else q @ core, q)

    def directions(self, X):
        """Rows (k, m) as directions: in these coordinates themselves."""
        return self.rows(X)

    def covariance(self, M: np.ndarray) -> np.ndarray:
        """A covariance (r, r) in these coordinates as that of the coefficients, (m, m), NaN where aliased."""
        half = solve_triangular(self.root, M, check_finite=False)
        return placed(solve_triangular(self.root, half.T, check_finite=False), self.kept, self.n_params)


def placed(matrix, kept, m):
    """A matrix of the kept coefficients as one of all (m, m), NaN elsewhere."""
    out = np.full((m, m), np.nan)
    out[np.ix_(kept, kept)] = matrix
    return out


def at_optimum(Q, scores, low, information, repeats) -> np.ndarray:
    """Scores (n,) in the linear predictor at the optimum itself, from those of coefficients nearby.

    Parameters
    ----------
    Q : pair of (n, r) arrays
        The rows, orthonormal with weights ``information`` times ``repeats``.
    scores, low : (n,) arrays
        The scores of one copy of each row, and what their rounding left out.
    information, repeats : (n,) arrays

    Notes
    -----
    What the scores have along the columns is what one more step of Newton's method takes away.
    """
    r, none = (scores[:, None], low[:, None]), np.zeros((len(scores), 1))
    left = dd.total(dd.multiply(Q, dd.multiply((repeats[:, None], none), r)))
    step = dd.total(tuple(part.T for part in dd.multiply(Q, left)))
    step = dd.multiply((information[:, None], none), tuple(part[:, None] for part in step))
    return dd.add(r, dd.negative(step))[0][:, 0]


def residuals(data, X, y, beta):
    """y - X beta - offset of n rows as a pair, as if in twice the digits."""
    terms = dd.two_product(X, np.broadcast_to(-beta, X.shape))
    sums = dd.total(tuple(part.T for part in terms))
    shift = offset(data, 0, len(y))
    return dd.add(dd.two_sum(np.asarray(y, np.float64), -shift), sums)
