"""Symmetric matrices by their structure, behind one protocol: dense, diagonal, and those of factors of many levels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..kernels.dense import symmetric
from .arrowhead import arrowhead_cholesky, arrowhead_rank
from .blocks import block_product, laplacian_blocks
from .factor import Cholesky, PermutedFactor, dense_cholesky

SAFE_PIVOT = 1e-7  # 1 - R^2 of a column on the earlier ones, below which the cross-product has lost too many digits
CROSS_PRODUCT = 1e-6  # of a column's length, below which a cross-product no longer tells what is left of it
FAINTEST = 1e-300  # a diagonal entry that can be divided by


class Dense:
    """A matrix (m, m) of which the upper triangle is read."""

    __slots__ = ("upper",)

    def __init__(self, upper: np.ndarray):
        self.upper = upper

    def __array__(self, dtype=None, copy=None):
        full = self.toarray()
        return full if dtype is None else full.astype(dtype, copy=False)

    def diagonal(self) -> np.ndarray:
        """The diagonal, (m,)."""
        return self.upper.diagonal()

    def toarray(self) -> np.ndarray:
        """The whole matrix, both triangles."""
        return symmetric(self.upper)

    def scaled(self, factor: float) -> Dense:
        """Times a number."""
        return Dense(self.upper * factor)

    def plus(self, other) -> Dense:
        """The sum with another symmetric matrix."""
        return Dense(self.upper + (other.upper if isinstance(other, Dense) else other.toarray()))

    def plus_diagonal(self, d: np.ndarray) -> Dense:
        """The sum with a diagonal (m,)."""
        upper = self.upper.copy()
        upper.flat[:: len(upper) + 1] += d
        return Dense(upper)

    def rescaled(self, scale: np.ndarray) -> Dense:
        """The matrix of columns times ``scale`` (m,)."""
        return Dense(self.upper * scale * scale[:, None])

    def times(self, v: np.ndarray) -> np.ndarray:
        """The product with a vector (m,)."""
        return self.toarray() @ v

    def quadratic_form(self, v: np.ndarray) -> float:
        """v' A v of a vector (m,)."""
        return float(v @ self.times(v))

    def root(self) -> np.ndarray:
        """A matrix (m, m) whose cross-product is this one, positive semidefinite but for rounding."""
        values, vectors = np.linalg.eigh(self.toarray())
        return np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T

    def factor(self, scale: np.ndarray, safe: float = SAFE_PIVOT, kept=None) -> Cholesky | None:
        """Cholesky's factor over the columns ``kept``; None where one is so nearly dependent that QR is needed."""
        return dense_cholesky(self.upper, scale, safe, kept)

    def rank_factor(self, scale: np.ndarray, kept=None) -> None:
        """None: the rows of the design tell more of dependent columns than their cross-product does."""

    def any_solution(self, scale: np.ndarray, g: np.ndarray) -> np.ndarray:
        """A solution of the system that may be singular, in the caller's units."""
        d = np.sqrt(np.maximum(self.diagonal(), FAINTEST))
        scaled = self.toarray() / d / d[:, None]
        return scale * (np.linalg.lstsq(scaled, scale * g / d, rcond=1e-10)[0] / d)


class Diagonal:
    """A diagonal matrix (m, m), by its diagonal ``values`` (m,)."""

    __slots__ = ("values",)

    def __init__(self, values: np.ndarray):
        self.values = values

    def diagonal(self) -> np.ndarray:
        """The diagonal, (m,)."""
        return self.values

    def toarray(self) -> np.ndarray:
        """The whole matrix."""
        return np.diag(self.values)

    def scaled(self, factor: float) -> Diagonal:
        """Times a number."""
        return Diagonal(self.values * factor)

    def plus(self, other):
        """The sum with another symmetric matrix."""
        return other.plus_diagonal(self.values)

    def plus_diagonal(self, d: np.ndarray) -> Diagonal:
        """The sum with a diagonal (m,)."""
        return Diagonal(self.values + d)

    def rescaled(self, scale: np.ndarray) -> Diagonal:
        """The matrix of columns times ``scale`` (m,)."""
        return Diagonal(self.values * scale * scale)

    def times(self, v: np.ndarray) -> np.ndarray:
        """The product with a vector (m,)."""
        return self.values * v

    def quadratic_form(self, v: np.ndarray) -> float:
        """v' A v of a vector (m,)."""
        return float(v @ self.times(v))

    def root(self) -> np.ndarray:
        """The matrix (m, m) whose cross-product is this one."""
        return np.diag(np.sqrt(self.values))


class ArrowheadMatrix(NamedTuple):
    """A matrix whose last block is that of a factor's many levels: [[fixed, coupling'], [coupling, D]].

    ``fixed`` (m0, m0) symmetric, ``coupling`` (L, m0), D = diag(``levels``) with ``levels`` (L,). Of c + 1 classes a
    level has c coefficients, one after the other: then ``coupling`` is (L c, m0), and D has a Laplacian's block for
    each level, with the weights ``levels`` (L, c, c) of every two classes, and on the diagonal those with the
    reference. ``order`` (m0 + L c,) has the numbers of the coefficients, where they are others than these.
    """

    fixed: np.ndarray
    coupling: np.ndarray
    levels: np.ndarray
    order: np.ndarray | None = None

    def __array__(self, dtype=None, copy=None):
        full = self.toarray()
        return full if dtype is None else full.astype(dtype, copy=False)

    def diagonal(self) -> np.ndarray:
        """The diagonal, (m0 + L c,)."""
        last = self.levels.sum(-1).ravel() if self.levels.ndim == 3 else self.levels
        return self._numbered(np.concatenate([np.diagonal(self.fixed), last]))

    def _numbered(self, v):
        """A vector in the order of the parts by the numbers of the coefficients."""
        if self.order is None:
            return v
        out = np.empty_like(v)
        out[self.order] = v
        return out

    def scaled(self, factor: float) -> ArrowheadMatrix:
        """Times a number."""
        return self._replace(fixed=self.fixed * factor, coupling=self.coupling * factor, levels=self.levels * factor)

    def plus(self, other) -> ArrowheadMatrix | Dense:
        """The sum with another symmetric matrix; dense where that couples levels."""
        full, m = other.toarray(), len(self.fixed)
        full = full if self.order is None else full[np.ix_(self.order, self.order)]
        last = full[m:, m:]
        if np.count_nonzero(last) > np.count_nonzero(last.diagonal()):
            return Dense(self.toarray() + other.toarray())
        fixed, coupling = self.fixed + full[:m, :m], self.coupling + full[m:, :m]
        return self._replace(fixed=fixed, coupling=coupling, levels=self._levels_plus(last.diagonal()))

    def plus_diagonal(self, d: np.ndarray) -> ArrowheadMatrix:
        """The sum with a diagonal (m0 + L c,)."""
        d, m = d if self.order is None else d[self.order], len(self.fixed)
        fixed = self.fixed.copy()
        fixed.flat[:: m + 1] += d[:m]
        return self._replace(fixed=fixed, levels=self._levels_plus(d[m:]))

    def _levels_plus(self, d):
        if self.levels.ndim == 1:
            return self.levels + d
        levels, k = self.levels.copy(), np.arange(self.levels.shape[1])
        levels[:, k, k] += d.reshape(len(levels), -1)
        return levels

    def quadratic_form(self, v: np.ndarray) -> float:
        """v' A v of a vector (m0 + L c,)."""
        return float(v @ self.times(v))

    def factor(self, scale: np.ndarray, safe: float = SAFE_PIVOT, kept=None):
        """The factor by the Schur complement of ``fixed``; None where a column is nearly dependent."""
        return arrowhead_cholesky(self, scale, safe, kept)

    def rank_factor(self, scale: np.ndarray, kept=None, tolerance: float = CROSS_PRODUCT):
        """The factor over the coefficients that depend on no others, and what the others are made of."""
        return arrowhead_rank(self, scale, tolerance, kept)

    def any_solution(self, scale: np.ndarray, g: np.ndarray) -> None:
        """None: there is no cheap solution of a singular system."""

    def rows(self, levels: np.ndarray) -> np.ndarray:
        """The places of the levels' coefficients."""
        c = self.levels.shape[1] if self.levels.ndim == 3 else 1
        return len(self.fixed) + (levels[:, None] * c + np.arange(c)).ravel()

    def numbers(self, columns: np.ndarray, levels: np.ndarray) -> np.ndarray:
        """The numbers of the coefficients of some of the fixed columns and some levels."""
        places = np.concatenate([columns, self.rows(levels)])
        return places if self.order is None else self.order[places]

    def split(self, numbers: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """The fixed columns and the levels that coefficients are of, by their numbers; all for None."""
        m = len(self.fixed)
        if numbers is None:
            return np.arange(m), np.arange(len(self.levels))
        chosen = np.zeros(m + len(self.coupling), dtype=bool)
        chosen[numbers] = True
        chosen = chosen if self.order is None else chosen[self.order]
        return np.flatnonzero(chosen[:m]), np.flatnonzero(chosen[m:].reshape(len(self.levels), -1).all(1))

    def part(self, columns: np.ndarray, levels: np.ndarray) -> ArrowheadMatrix:
        """The block of some of the fixed columns and some levels, its coefficients in this order."""
        fixed, coupling = self.fixed[np.ix_(columns, columns)], self.coupling
        if len(levels) < len(self.levels):
            coupling = coupling[self.rows(levels) - len(self.fixed)]
        return ArrowheadMatrix(fixed, coupling[:, columns], self.levels[levels])

    def toarray(self) -> np.ndarray:
        """The whole matrix."""
        m, L = len(self.fixed), len(self.levels)
        out = np.zeros((m + len(self.coupling),) * 2)
        out[:m, :m], out[m:, :m], out[:m, m:] = self.fixed, self.coupling, self.coupling.T
        at = np.arange(m, len(out)).reshape(L, -1)
        out[at[:, :, None], at[:, None]] = laplacian_blocks(self.levels).reshape(L, at.shape[1], -1)
        if self.order is None:
            return out
        back = np.argsort(self.order)
        return out[np.ix_(back, back)]

    def times(self, v: np.ndarray) -> np.ndarray:
        """The product with a vector (m0 + L c,)."""
        v, m = v if self.order is None else v[self.order], len(self.fixed)
        last = self.coupling @ v[:m] + block_product(laplacian_blocks(self.levels), v[m:])
        return self._numbered(np.concatenate([self.fixed @ v[:m] + v[m:] @ self.coupling, last]))


class PermutedArrowhead:
    """The information beside a factor whose levels are eliminated first, though one matrix of all would do.

    Parameters
    ----------
    arrowhead : ArrowheadMatrix
        With its coefficients in the order of its parts.
    order : (m,) array of ints
        The numbers of its coefficients; as an array it is the matrix in the order of these numbers.
    """

    def __init__(self, arrowhead: ArrowheadMatrix, order: np.ndarray):
        self.arrowhead, self.order = arrowhead, order

    @property
    def _numbered(self) -> ArrowheadMatrix:
        return self.arrowhead._replace(order=self.order)

    def __array__(self, dtype=None, copy=None):
        return self._numbered.__array__(dtype, copy)

    def diagonal(self) -> np.ndarray:
        """The diagonal, (m,)."""
        return self._numbered.diagonal()

    def toarray(self) -> np.ndarray:
        """The whole matrix."""
        return self._numbered.toarray()

    def scaled(self, factor: float) -> PermutedArrowhead:
        """Times a number."""
        return PermutedArrowhead(self.arrowhead.scaled(factor), self.order)

    def plus(self, other) -> PermutedArrowhead | Dense:
        """The sum with another symmetric matrix; dense where that couples levels."""
        found = self._numbered.plus(other)
        return found if isinstance(found, Dense) else PermutedArrowhead(found._replace(order=None), self.order)

    def plus_diagonal(self, d: np.ndarray) -> PermutedArrowhead:
        """The sum with a diagonal (m,)."""
        return PermutedArrowhead(self.arrowhead.plus_diagonal(d[self.order]), self.order)

    def times(self, v: np.ndarray) -> np.ndarray:
        """The product with a vector (m,)."""
        return self._numbered.times(v)

    def quadratic_form(self, v: np.ndarray) -> float:
        """v' A v of a vector (m,)."""
        return self._numbered.quadratic_form(v)

    def factor(self, scale: np.ndarray, safe: float = SAFE_PIVOT, kept=None):
        """The factor by the Schur complement; that of the dense matrix over the columns ``kept``."""
        if kept is not None:
            return Dense(self.toarray()).factor(scale, safe, kept)
        found = arrowhead_cholesky(self.arrowhead, scale[self.order], safe)
        return None if found is None else PermutedFactor(found, self.order)

    def rank_factor(self, scale: np.ndarray, kept=None) -> None:
        """None, as of a dense matrix."""

    def any_solution(self, scale: np.ndarray, g: np.ndarray) -> np.ndarray:
        """A solution of the system that may be singular, in the caller's units."""
        return Dense(self.toarray()).any_solution(scale, g)
