"""The R factor of the weighted design, for designs whose cross-product would lose too many digits."""

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


def triangle(matrix: np.ndarray) -> np.ndarray:
    """R of A = QR."""
    return np.linalg.qr(matrix, mode="r") if matrix.dtype == np.float64 else orthogonal_triangle(matrix)


class WeightedRows(Task):
    """A task that gives the R factor of a tall matrix, of which a subclass makes the ``rows``."""

    def rows(self, data, first: int, stop: int) -> np.ndarray:
        """Rows first to stop of the tall matrix, made from those of a Block."""
        raise NotImplementedError

    def of(self, part, runs):
        with np.errstate(all="ignore"):  # the setting belongs to a thread
            roots = [triangle(self.rows(part.data, first, stop)) for first, stop in runs]
            return RFactor(roots[0] if len(roots) == 1 else triangle(np.vstack(roots)))


def streaming_qr(root: RFactor, n_columns: int) -> np.ndarray:
    """R as a square matrix, with zero rows where the tall matrix has fewer rows than columns."""
    R = root.R
    return R if R.shape[0] == n_columns else np.vstack([R, np.zeros((n_columns - R.shape[0], n_columns))])


def design(data, first: int, stop: int) -> np.ndarray:
    """Rows first to stop of the design as float64, the intercept first."""
    parts = [data.X[first:stop], *(term.rows(slice(first, stop)).toarray() for term in data.terms)]
    at = int(data.has_intercept)
    X = np.ones((stop - first, at + sum(part.shape[1] for part in parts)))
    for part in parts:
        X[:, at : at + part.shape[1]] = part
        at += part.shape[1]
    return X if data.coding is None else data.coding.design(X)


def predictor(data, begin: int, stop: int, beta: np.ndarray) -> np.ndarray:
    """Rows first to stop of the design times beta, without making the rows."""
    full = beta if data.coding is None else data.coding.expand(beta)
    has_intercept, p = int(data.has_intercept), data.X.shape[1]
    eta = data.X[begin:stop].astype(np.float64, copy=False) @ full[has_intercept : has_intercept + p] + (
        full[0] if has_intercept else 0.0
    )
    first = has_intercept + p
    for term in data.terms:
        eta += term.rows(slice(begin, stop)).dot(full[first : first + term.shape[1]])
        first += term.shape[1]
    return eta


def weight(data, first: int, stop: int) -> np.ndarray:
    """Prior weight times frequency of rows first to stop."""
    w = np.ones(stop - first)
    for vector in (data.weights, data.freq_weights):
        if vector is not None:
            w = w * vector[first:stop]
    return w


def weighted_sum(w: np.ndarray, values: np.ndarray):
    """The sum over rows of w (n,) times values (n, ...): nothing of rows of weight zero, finite or not."""
    there = w > 0.0
    return w @ values if there.all() else w[there] @ values[there]


def offset(data, first: int, stop: int) -> np.ndarray:
    """Offset plus log exposure of rows first to stop."""
    eta = np.zeros(stop - first)
    if data.offset is not None:
        eta += data.offset[first:stop]
    if data.exposure is not None:
        eta += np.log(data.exposure[first:stop])
    return eta


def as_rows(data):
    """The Block with all columns in one array, or in one CSR matrix where it has terms, for solvers that read rows."""
    if not data.terms:
        return data
    parts = [csr_matrix(data.X), *(term.tocsr() for term in data.terms)]
    has_intercept = [csr_matrix(np.ones((len(data.y), 1)))] if data.has_intercept else []
    full = hstack([*has_intercept, *parts], format="csr")
    if data.coding is not None:
        full = data.coding.design(full)
    return data._replace(X=full[:, int(data.has_intercept) :], terms=(), coding=None)
