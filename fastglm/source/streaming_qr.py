"""The triangular root of the information, for designs whose cross-product would lose too many digits."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix, hstack

from ..kernels.dense import orthogonal_triangle
from .task import Task


class RFactor(NamedTuple):
    """An upper triangular R with R'R the information of some rows; adding two stacks and factors them again."""

    R: np.ndarray

    def __add__(self, other: RFactor) -> RFactor:
        return RFactor(triangle(np.vstack([self.R, other.R])))


def triangle(A: np.ndarray) -> np.ndarray:
    """R of A = QR."""
    return np.linalg.qr(A, mode="r") if A.dtype == np.float64 else orthogonal_triangle(A)


class WeightedRows(Task):
    """The triangular factor of a tall matrix, as a Root; a subclass says what its ``rows`` a to b of some data are."""

    def rows(self, data, a: int, b: int) -> np.ndarray:
        """Rows of the tall matrix."""
        raise NotImplementedError

    def of(self, part, runs):
        with np.errstate(all="ignore"):  # of this thread
            roots = [triangle(self.rows(part.data, a, b)) for a, b in runs]
            return RFactor(roots[0] if len(roots) == 1 else triangle(np.vstack(roots)))


def streaming_qr(root: RFactor, m: int) -> np.ndarray:
    """R (m, m) of a tall matrix that may have fewer rows than columns."""
    R = root.R
    return R if R.shape[0] == m else np.vstack([R, np.zeros((m - R.shape[0], m))])


def design(data, a: int, b: int) -> np.ndarray:
    """Rows a to b as float64, the intercept first."""
    parts = [data.X[a:b].astype(np.float64), *(t.rows(slice(a, b)).toarray() for t in data.terms)]
    if data.has_intercept:
        parts.insert(0, np.ones((b - a, 1)))
    X = np.column_stack(parts) if len(parts) > 1 else parts[0]
    return X if data.coding is None else data.coding.design(X)


def predictor(data, a: int, b: int, beta: np.ndarray) -> np.ndarray:
    """Rows a to b of the design times beta, without making the rows."""
    full = beta if data.coding is None else data.coding.expand(beta)
    has_intercept, p = int(data.has_intercept), data.X.shape[1]
    eta = data.X[a:b].astype(np.float64) @ full[has_intercept : has_intercept + p] + (full[0] if has_intercept else 0.0)
    first = has_intercept + p
    for term in data.terms:
        eta += term.rows(slice(a, b)).dot(full[first : first + term.shape[1]])
        first += term.shape[1]
    return eta


def weight(data, a: int, b: int) -> np.ndarray:
    """Prior weight times frequency of rows a to b."""
    w = np.ones(b - a)
    for v in (data.weights, data.freq_weights):
        if v is not None:
            w = w * v[a:b]
    return w


def offset(data, a: int, b: int) -> np.ndarray:
    """Offset plus log exposure of rows a to b."""
    eta = np.zeros(b - a)
    if data.offset is not None:
        eta += data.offset[a:b]
    if data.exposure is not None:
        eta += np.log(data.exposure[a:b])
    return eta


def as_rows(data):
    """The data with all columns in one array, or one CSR matrix where there are terms: what row-wise solvers read."""
    if not data.terms:
        return data
    parts = [csr_matrix(data.X), *(t.tocsr() for t in data.terms)]
    has_intercept = [csr_matrix(np.ones((len(data.y), 1)))] if data.has_intercept else []
    full = hstack([*has_intercept, *parts], format="csr")
    if data.coding is not None:
        full = data.coding.design(full)
    return data._replace(X=full[:, int(data.has_intercept) :], terms=(), coding=None)
