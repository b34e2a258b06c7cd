"""The triangular root of the information, for designs whose cross-product would lose too many digits."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..kernels.dense import orthogonal_triangle
from ..kernels.evaluate import row_terms


class Root(NamedTuple):
    """An upper triangular R with R'R the information of some rows; adding two stacks and factors them again."""

    R: np.ndarray

    def __add__(self, other: Root) -> Root:
        return Root(triangle(np.vstack([self.R, other.R])))


def triangle(A: np.ndarray) -> np.ndarray:
    """R of A = QR."""
    return np.linalg.qr(A, mode="r") if A.dtype == np.float64 else orthogonal_triangle(A)


def weighted_root(objective, beta: np.ndarray) -> np.ndarray:
    """R of the QR decomposition of diag(h)^(1/2) X diag(scale) at ``beta``, by tall-skinny QR over blocks of rows."""
    data, pair, scale = objective.source.data, objective.pair, objective.scale
    kind = np.longdouble if objective.small else np.float64

    def unit(runs, work):
        roots = []
        for a, b in runs:
            X = design(data, a, b)
            eta = X @ beta + offset(data, a, b)
            h = row_terms(pair, eta, data.y[a:b], weight(data, a, b))[1]
            # extended precision costs little on small data and keeps every digit of the standard errors
            A = X.astype(kind) * scale * np.sqrt(h.astype(kind))[:, None]
            A[h == 0.0] = 0.0
            roots.append(triangle(A))
        return Root(roots[0] if len(roots) == 1 else triangle(np.vstack(roots)))

    with np.errstate(all="ignore"):
        R = objective.source.reduce(unit).R
    m = len(beta)
    return R if R.shape[0] == m else np.vstack([R, np.zeros((m - R.shape[0], m))])


def design(data, a: int, b: int) -> np.ndarray:
    """Rows a to b as float64, the intercept first."""
    X = data.X[a:b].astype(np.float64)
    return np.column_stack([np.ones(b - a), X]) if data.ones else X


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
