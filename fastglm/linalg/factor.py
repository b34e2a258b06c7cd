"""Factors of the information: Cholesky where it is accurate, QR with rank detection where it is not."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotri, dpotrs, dtrtrs

from ..core.lazy import frozen
from ..kernels import dense
from .arrowhead import ArrowheadFactor

NOISE = 16.0  # units in the last place of a column's length, within which nothing is left of it
FADED = 1e-13  # of the usual weight of a direction's rows, below which a step along it is rounding of the score
USUAL = 0.95  # quantile of directions' weights that others are compared with; chosen: one of twenty may be an outlier's
FEW = 64  # columns of a small matrix


class Cholesky(NamedTuple):
    """A factorisation of the information over the columns that are kept.

    ``triangle`` is upper triangular with triangle' triangle = D I D over the kept columns, D = diag(scale) and I the
    information in the caller's units. ``calm`` is that of fewer columns, where the rows that tell some directions have
    lost too much of their weight for a step along them to be more than rounding.
    """

    triangle: np.ndarray
    scale: np.ndarray
    kept: np.ndarray
    aliased: dict
    accurate: bool
    extended: np.ndarray | None = None
    calm: Cholesky | None = None
    diagonal_only = False

    def solve(self, g: np.ndarray) -> np.ndarray:
        """The information's inverse times g; zero at aliased columns, and where nothing can be told."""
        if self.calm is not None:
            return self.calm.solve(g)
        if len(self.kept) == len(g):
            return self.scale * dpotrs(self.triangle, self.scale * g)[0]
        step = np.zeros_like(g)
        s = self.scale[self.kept]
        if len(s):
            step[self.kept] = s * dpotrs(self.triangle, s * g[self.kept])[0]
        return step

    @property
    def told(self) -> np.ndarray:
        """The coefficients that steps tell, (r,)."""
        return self.kept if self.calm is None else self.calm.kept

    @property
    def own(self) -> np.ndarray:
        """The length of each column that is kept beside earlier ones, (r,), in the caller's units."""
        return np.abs(self.triangle.diagonal() / self.scale[self.kept])

    def faded(self) -> list[np.ndarray]:
        """The directions (m,) along which nothing can be told, either way."""
        if self.calm is None:
            return []
        R, told, found = self.root(), np.isin(self.kept, self.told), []
        for j in np.flatnonzero(~told):
            direction = np.zeros(len(self.scale))
            direction[self.told] = -np.linalg.lstsq(R[:, told], R[:, j], rcond=None)[0]
            direction[self.kept[j]] = 1.0
            found += [direction, -direction]
        return found

    def root(self) -> np.ndarray:
        """The upper triangular R with R'R the information of the kept columns."""
        return self.triangle / self.scale[self.kept]

    def size(self, beta: np.ndarray) -> float:
        """The norm of the weighted linear predictor X beta, the square root of beta' I beta."""
        v = self.triangle @ (beta[self.kept] / self.scale[self.kept])
        return float(np.sqrt(v @ v))

    def reach(self, beta: np.ndarray) -> float:
        """The largest of the weighted terms x_j beta_j alone, before they cancel in the linear predictor."""
        columns = np.sqrt(np.add.reduce(np.square(self.triangle)))
        return float(np.abs(columns * beta[self.kept] / self.scale[self.kept]).max(initial=0.0))

    def inverse(self) -> np.ndarray:
        """The inverse of the information, NaN in the rows and columns of aliased ones."""
        full = _inverse(self.triangle) if self.extended is None else _inverse_extended(self.extended)
        whole = len(self.kept) == len(self.scale)
        s = self.scale if whole else self.scale[self.kept]
        full *= s[:, None]
        full *= s
        if whole:
            return full
        out = np.full((len(self.scale),) * 2, np.nan)
        out[np.ix_(self.kept, self.kept)] = full
        return out


class PermutedFactor(NamedTuple):
    """A factorisation whose last columns, in the order ``order``, are a factor's levels: their block is diagonal."""

    arrowhead: ArrowheadFactor
    order: np.ndarray
    aliased: dict = {}
    accurate: bool = False
    diagonal_only = False

    @property
    def told(self) -> np.ndarray:
        """The coefficients that steps tell: all of them."""
        return self.order

    def solve(self, g: np.ndarray) -> np.ndarray:
        """The information's inverse times g."""
        step = np.empty_like(g)
        step[self.order] = self.arrowhead.solve(g[self.order])
        return step

    def size(self, beta: np.ndarray) -> float:
        """The norm of the weighted linear predictor X beta."""
        return self.arrowhead.size(beta[self.order])

    def reach(self, beta: np.ndarray) -> float:
        """The largest of the weighted terms x_j beta_j alone."""
        return self.arrowhead.reach(beta[self.order])

    def faded(self) -> list[np.ndarray]:
        """None: what rows tell of a direction is not looked at."""
        return []

    def inverse(self) -> np.ndarray:
        """The inverse of the information."""
        whole, back = self.arrowhead.whole_inverse(), np.argsort(self.order)
        return whole[np.ix_(back, back)]


class DiagonalFactor(NamedTuple):
    """The information's diagonal about what columns share with the intercept: a preconditioner where p x p is too much.

    Columns are sums of ``means`` (m,) times the intercept, the first of them, and of deviations that are taken to be
    uncorrelated: the information is about M' D M, with D the ``diagonal`` (m,) and M the identity with ``means`` as its
    first row. Without ``means`` it is D.
    """

    diagonal: np.ndarray
    means: np.ndarray | None = None
    accurate: bool = False
    aliased: dict = {}
    diagonal_only = True

    @property
    def told(self) -> np.ndarray:
        """The coefficients that steps tell: all of them."""
        return np.arange(len(self.diagonal))

    def solve(self, g: np.ndarray) -> np.ndarray:
        """The inverse times g."""
        if self.means is None:
            return g / self.diagonal
        step = (g - self.means * g[0]) / self.diagonal
        step[0] = g[0] / self.diagonal[0]
        step[0] -= self.means[1:] @ step[1:]
        return step

    def size(self, beta: np.ndarray) -> float:
        """An estimate of the norm of the weighted linear predictor."""
        squares = np.square(beta)
        if self.means is not None:
            squares[0] = (self.means @ beta) ** 2
        return float(np.sqrt(squares @ self.diagonal))

    def reach(self, beta: np.ndarray) -> float:
        """The largest of the weighted terms x_j beta_j alone."""
        whole = self.diagonal if self.means is None else self.diagonal + np.square(self.means) * self.diagonal[0]
        return float(np.sqrt((np.square(beta) * whole).max()))

    def faded(self) -> list[np.ndarray]:
        """None: what rows tell of a direction is not looked at."""
        return []


@cache
def _identity(m):
    return frozen(np.eye(m))


def _inverse(triangle):
    if not len(triangle):  # where nothing is left of any column
        return np.zeros((0, 0))
    if len(triangle) <= FEW:
        # dpotri wakes BLAS's threads however small the matrix is
        full = dpotrs(triangle, _identity(len(triangle)))[0]
        return 0.5 * (full + full.T)
    return dense.mirror(dpotri(triangle)[0])


def _inverse_extended(triangle):
    """(T'T)^-1 by back substitution in the precision of T, then rounded."""
    m = len(triangle)
    inverse = np.zeros_like(triangle)
    for i in range(m - 1, -1, -1):
        right = np.zeros(m, triangle.dtype)
        right[i] = 1
        inverse[i] = (right - triangle[i, i + 1 :] @ inverse[i + 1 :]) / triangle[i, i]
    return (inverse @ inverse.T).astype(np.float64)


def dense_cholesky(upper: np.ndarray, scale: np.ndarray, safe: float, kept=None) -> Cholesky | None:
    """Factor a matrix over the columns ``kept``, or None where one is so nearly dependent that QR is needed.

    A pivot over its diagonal entry is 1 - R^2 of that column on the earlier ones, whatever the columns' scale.

    Parameters
    ----------
    upper : (m, m) array
        Of which the upper triangle is read.
    scale : (m,) array
        That columns were multiplied by.
    safe : float
        The least pivot over its diagonal entry.
    kept : array of ints, optional
    """
    if kept is None:
        kept = np.arange(len(scale))
    else:
        upper = upper[np.ix_(kept, kept)]
    triangle, status = dpotrf(upper)
    if status or not np.minimum.reduce(np.square(triangle.diagonal()) / upper.diagonal()) >= safe:
        return None
    return Cholesky(triangle, scale, kept, {}, False)


def from_root(R: np.ndarray, scale: np.ndarray, kept=None, tolerance: float = 1e-11, own=None) -> Cholesky:
    """Factor from R of the weighted design's QR.

    Later columns that depend on earlier ones to a relative ``tolerance`` are aliased, as in R, unless ``kept`` already
    says which are not; then those without information, whose means are at the end of their range, are left out. ``own``
    (r,) are the lengths that X itself leaves of each: what the weights have left of them is the weight of the rows that
    tell a direction, and where that is next to none beside the others', steps are rounding.
    """
    norms = np.sqrt(np.square(R).sum(0))
    s = np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0.0)
    R, calm = R * s, None
    if kept is None:
        kept, dependent = _independent(R, tolerance)
    else:
        if np.isfinite(norms).all():
            free = _independent(R[:, kept], NOISE * np.finfo(R.dtype).eps)[0]
            kept, own = kept[free], None if own is None else own[free]
        dependent = []
    extended = dense.orthogonal_triangle(R[:, kept]) if R.dtype != np.float64 else None
    triangle = np.linalg.qr(R[:, kept], mode="r") if extended is None else extended.astype(np.float64)
    if own is not None and extended is None and len(kept):
        told = kept[_tells(np.abs(triangle.diagonal()) / (scale * s)[kept], own)]
        calm = from_root(R / s, scale, told) if len(told) < len(kept) else None
    aliased = {j: _combination(triangle, R[:, kept], R[:, j], kept, s, j, scale) for j in dependent}
    return Cholesky(np.asfortranarray(triangle), (scale * s).astype(np.float64), kept, aliased, True, extended, calm)


def _tells(left, own):
    """Whether the rows that tell each direction still have weight, beside the largest of all but a few directions':
    a single row of very much makes that of no other little."""
    weights = np.square(left / own)
    return weights > FADED * np.quantile(weights, USUAL, method="lower")


def root_of_products(J: np.ndarray) -> np.ndarray:
    """R with R'R = J (m, m), a cross-product, which has lost half of the digits of what columns leave of others."""
    size = np.sqrt(np.diagonal(J))
    inverse = np.divide(1.0, size, out=np.zeros_like(size), where=size > 0.0)
    values, vectors = np.linalg.eigh(J * inverse * inverse[:, None])
    return np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T * size


def _independent(R, tolerance):
    """The columns of R, each of norm one, that do not depend on earlier ones, and those that do."""
    basis = np.empty_like(R)
    kept, dependent = [], []
    for j in range(R.shape[1]):
        v = R[:, j].copy()
        q = basis[:, : len(kept)]
        for _ in range(2):  # once more, for the digits the first projection cancels
            v -= q @ (q.T @ v)
        size = np.sqrt(v @ v)
        if size > tolerance:
            basis[:, len(kept)] = v / size
            kept.append(j)
        else:
            dependent.append(j)
    return np.array(kept, dtype=np.intp), dependent


def _combination(triangle, basis, v, kept, s, j, scale):
    """The coefficients on kept columns that give column j: {k: c_k}, rounding noise left out."""
    if s[j] == 0.0 or len(kept) == 0:
        return {}
    c = dtrtrs(triangle, dtrtrs(triangle, (basis.T @ v).astype(np.float64), trans=1)[0])[0]
    total = (s * scale).astype(np.float64)
    c = np.where(np.abs(c) > 1e-9, c, 0.0) * total[kept] / total[j]
    return {int(k): float(x) for k, x in zip(kept, c, strict=True) if x}
