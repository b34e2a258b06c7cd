"""Centres and scales of columns: standardised coefficients without a standardised copy of X."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse

STRETCH = 4096  # rows looked at in one go


class Scaling(NamedTuple):
    """Columns as (x - centre) * inverse_scale; two (p,) float64 arrays."""

    centre: np.ndarray
    inverse_scale: np.ndarray

    def to_standardised(self, beta: np.ndarray, has_intercept: bool) -> np.ndarray:
        """Coefficients (p + ones, k) of standardised columns from those of X."""
        theta = np.array(beta, np.float64)
        theta[has_intercept:] /= self.inverse_scale[:, None]
        if has_intercept:
            theta[0] += self.centre @ beta[1:]
        return theta

    def to_natural(self, theta: np.ndarray, has_intercept: bool) -> np.ndarray:
        """Coefficients (p + ones, k) of X from those of standardised columns."""
        beta = np.array(theta, np.float64)
        beta[has_intercept:] *= self.inverse_scale[:, None]
        if has_intercept:
            beta[0] -= self.centre @ beta[1:]
        return beta


def standardise(X, rows, centred: bool) -> Scaling:
    """Mean and standard deviation of the columns over the rows used; the root mean square where not centred.

    Parameters
    ----------
    X : (n, p) array or CSR
    rows : (k,) int64 or None
        All rows for None.
    centred : bool
        A CSR matrix is never centred, which would cost its zeros.

    Notes
    -----
    Deviations are taken from the first stretch of rows' mean, so that a large mean cancels no digits (Chan, Golub and
    LeVeque 1983). A constant column is left as it is.
    """
    p = X.shape[1]
    if issparse(X):
        part = X if rows is None else X[rows]
        squares = np.bincount(part.indices, weights=np.square(part.data, dtype=np.float64), minlength=p)
        scale, centre = np.sqrt(squares / part.shape[0]), np.zeros(p)
    else:
        mean, variance = _moments(X, rows)
        centre = mean if centred else np.zeros(p)
        scale = np.sqrt(variance if centred else variance + mean * mean)
        # what rounding leaves of a constant column is no scale
        scale[scale <= 1e-12 * np.abs(mean)] = 0.0
    inverse = np.divide(1.0, scale, out=np.ones(p), where=scale > 0.0)
    return Scaling(np.where(np.isfinite(centre), centre, 0.0), np.where(np.isfinite(inverse), inverse, 1.0))


def _moments(X, rows):
    n = X.shape[0] if rows is None else len(rows)
    shift, sums, squares = None, np.zeros(X.shape[1]), np.zeros(X.shape[1])
    for a in range(0, n, STRETCH):
        part = X[a : a + STRETCH] if rows is None else X[rows[a : a + STRETCH]]
        part = np.asarray(part, np.float64)
        if shift is None:
            shift = part.mean(0)
        part = part - shift
        sums += part.sum(0)
        squares += np.einsum("ij,ij->j", part, part)
    mean = sums / n
    return shift + mean, np.maximum(squares / n - mean * mean, 0.0)
