"""Covariances of coefficients behind one protocol: an array, or beside a factor of very many levels its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..core.lazy import cached_property
from .blocks import block_product, laplacian_blocks

if TYPE_CHECKING:
    from ..core.protocols import SymmetricOperator


class DenseCovariance:
    """A covariance as one ``matrix`` (m, m), NaN where coefficients are aliased."""

    def __init__(self, matrix: np.ndarray):
        self.matrix = matrix

    @cached_property
    def _known(self):
        return np.where(np.isnan(self.matrix), 0.0, self.matrix)

    def toarray(self) -> np.ndarray:
        """The whole matrix."""
        return self.matrix

    def block(self, numbers) -> np.ndarray:
        """The matrix of some coefficients, by their numbers."""
        return self.matrix[np.ix_(numbers, numbers)]

    def quadratic_form(self, rows: np.ndarray) -> np.ndarray:
        """x' C x of each row (n, m) of a dense matrix, aliased coefficients counted as 0."""
        return np.einsum("ij,ij->i", rows @ self._known, rows)

    def of_combinations(self, rows: np.ndarray) -> np.ndarray:
        """The covariance L C L' (k, k) of linear combinations L (k, m), aliased coefficients counted as 0."""
        return rows @ self._known @ rows.T

    def row_numbers(self, classes: int) -> int:
        """Numbers that ``forms`` holds for each row."""
        return len(self.matrix)

    def forms(self, rows: np.ndarray, classes: int) -> np.ndarray:
        """x' C_kl x of each row (n, p) for the blocks C_kl (p, p) of every two classes, (n, classes, classes)."""
        (n, p), C = rows.shape, self._known
        found = np.empty((n, classes, classes))
        for k in range(classes):
            products = (rows @ C[k * p : (k + 1) * p]).reshape(n, classes, p)
            found[:, k] = (products @ rows[:, :, None])[:, :, 0]
        return found

    def _by_class(self, classes):
        """The matrix with axes (class, coefficient, class, coefficient)."""
        p = len(self.matrix) // classes
        return self.matrix.reshape(classes, p, classes, p)

    def same_column(self, classes: int) -> np.ndarray:
        """The covariances between the classes' coefficients of each column, (p, classes, classes)."""
        return np.einsum("kjlj->jkl", self._by_class(classes))

    def mapped(self, change: np.ndarray) -> np.ndarray:
        """The covariance of linear maps ``change`` (classes, classes) of the classes' coefficients."""
        blocks = self._by_class(len(change))
        return np.einsum("ak,kilj,bl->aibj", change, blocks, change, optimize=True).reshape(self.matrix.shape)

    def around(self, meat: SymmetricOperator, scale: np.ndarray) -> np.ndarray:
        """This inverse information on both sides of a meat, whose columns were multiplied by ``scale`` (m,)."""
        gone, bread = np.isnan(self.matrix), self._known
        return np.where(gone, np.nan, bread @ (meat.toarray() / scale / scale[:, None]) @ bread)


class ArrowheadInverse(NamedTuple):
    """The inverse of an arrowhead matrix by its parts: its diagonal and the block of the fixed columns are at hand.

    In scaled units, the levels' coefficients last, the block of the other columns is ``core``; with G the ``leverage``,
    the border is -G core and the levels' own block D + G core G'. D is diagonal, ``last`` (L,), or ``last`` (L, c, c)
    has a block of it for each level. That is P core P' + E D E' with P = [I; -G] and E = [0; I]; a sandwich has
    ``cross`` Q (L c, m0) too, and is P core P' + P Q' E' + E Q P' + E D E'. ``order`` has the coefficients' numbers
    where they are others. Aliased coefficients have zeros in all parts, and NaN in ``scale``.
    """

    core: np.ndarray
    leverage: np.ndarray
    last: np.ndarray
    scale: np.ndarray
    cross: np.ndarray | None = None
    order: np.ndarray | None = None

    def __rmul__(self, factor: float) -> ArrowheadInverse:
        cross = None if self.cross is None else factor * self.cross
        return self._replace(core=factor * self.core, last=factor * self.last, cross=cross)

    def around(self, meat: SymmetricOperator, scale: np.ndarray) -> ArrowheadInverse:
        """This inverse on both sides of a meat of the same form, in the information's units."""
        G, C, D, M = self.leverage, self.core, self.last, laplacian_blocks(meat.levels)
        border = meat.coupling - block_product(M, G)
        inner = meat.fixed - meat.coupling.T @ G - G.T @ border
        last = D @ M @ D if D.ndim == 3 else D**2 * M
        return self._replace(core=C @ symmetrical(inner) @ C, last=last, cross=block_product(D, border) @ C)

    @property
    def shape(self) -> tuple[int, int]:
        """As of a matrix."""
        return len(self.scale), len(self.scale)

    @property
    def _places(self):
        """Where each coefficient is, the levels' last."""
        return np.arange(len(self.scale)) if self.order is None else np.argsort(self.order)

    @property
    def _blocks(self):
        """The levels' blocks (L, c, c)."""
        return self.last.reshape(len(self.last), 1, -1) if self.last.ndim == 1 else self.last

    def diagonal(self) -> np.ndarray:
        """The variances, (m,)."""
        own = np.diagonal(self._blocks, axis1=1, axis2=2).ravel()
        own = own + np.einsum("ij,ij->i", self.leverage @ self.core, self.leverage)
        if self.cross is not None:
            own = own - 2.0 * np.einsum("ij,ij->i", self.leverage, self.cross)
        out = np.concatenate([np.diagonal(self.core), own]) * self.scale**2
        return out if self.order is None else out[self._places]

    def block(self, numbers) -> np.ndarray:
        """The matrix of some coefficients, by their numbers."""
        numbers = np.asarray(numbers, dtype=np.intp)
        numbers = numbers if self.order is None else self._places[numbers]
        m, last = len(self.core), self._blocks
        # each coefficient as a row of [I; -G] and its own variance
        rows, high_cardinality = np.zeros((len(numbers), m)), numbers >= m
        rows[~high_cardinality, numbers[~high_cardinality]] = 1.0
        rows[high_cardinality] = -self.leverage[numbers[high_cardinality] - m]
        out = rows @ self.core @ rows.T
        if self.cross is not None:
            own = np.zeros_like(rows)
            own[high_cardinality] = self.cross[numbers[high_cardinality] - m]
            out += rows @ own.T + own @ rows.T
        level, place = np.divmod(np.maximum(numbers - m, 0), last.shape[1])
        i, j = np.nonzero(high_cardinality[:, None] & high_cardinality & (level[:, None] == level))
        out[i, j] += last[level[i], place[i], place[j]]
        s = self.scale[numbers]
        return out * s * s[:, None]

    def quadratic_form(self, rows: np.ndarray) -> np.ndarray:
        """x' C x of each row (n, m) of a dense matrix, aliased coefficients counted as 0."""
        core, own = self._split(rows)
        return np.einsum("ij,ij->i", core @ self.core, core) + self._own(core, own, core, own)

    def of_combinations(self, rows: np.ndarray) -> np.ndarray:
        """The covariance L C L' (k, k) of linear combinations L (k, m), aliased coefficients counted as 0."""
        core, own = self._split(rows)
        found = core @ self.core @ core.T + own @ block_product(self.last, own.T)
        if self.cross is not None:
            half = core @ (own @ self.cross).T
            found += half + half.T
        return symmetrical(found)

    def row_numbers(self, classes: int) -> int:
        """Numbers that ``forms`` holds for each row: the row itself for each class, and one more."""
        return len(self.scale) * (classes + 1)

    def forms(self, rows: np.ndarray, classes: int) -> np.ndarray:
        """x' C_kl x of each row (n, p) for the blocks C_kl (p, p) of every two classes, (n, classes, classes)."""
        n, p = rows.shape
        parts = []
        for k in range(classes):
            full = np.zeros((n, classes * p))
            full[:, k * p : (k + 1) * p] = rows
            parts.append(self._split(full))
        out = np.empty((n, classes, classes))
        for k, (core, own) in enumerate(parts):
            left = core @ self.core
            for j in range(k + 1):
                value = np.einsum("ij,ij->i", left, parts[j][0]) + self._own(core, own, *parts[j])
                out[:, k, j] = out[:, j, k] = value
        return out

    def same_column(self, classes: int) -> np.ndarray:
        """The covariances between the classes' coefficients of each column, (p, classes, classes)."""
        p = len(self.scale) // classes
        step = max(1, 512 // classes)
        groups = (np.arange(a, min(a + step, p)) for a in range(0, p, step))
        found = []
        for group in groups:
            numbers = (group[:, None] + p * np.arange(classes)).ravel()
            full = self.block(numbers).reshape(len(group), classes, len(group), classes)
            found.append(full[np.arange(len(group)), :, np.arange(len(group))])
        return np.concatenate(found)

    def mapped(self, change: np.ndarray) -> ArrowheadInverse:
        """The covariance of linear maps ``change`` (classes, classes), invertible, of the classes' coefficients."""
        c = len(change)
        core = np.kron(change, np.eye(len(self.core) // c))
        back = np.kron(np.linalg.inv(change), np.eye(len(self.core) // c))

        def levels(V):
            return None if V is None else (change @ V.reshape(len(self.last), c, -1)).reshape(V.shape)

        leverage, cross = levels(self.leverage) @ back, levels(self.cross)
        cross = None if cross is None else cross @ core.T
        last = change @ self.last @ change.T
        return self._replace(core=core @ self.core @ core.T, leverage=leverage, last=last, cross=cross)

    def toarray(self) -> np.ndarray:
        """The whole matrix (m, m)."""
        return self.block(np.arange(len(self.scale)))

    def _split(self, rows):
        """Rows (n, m) in terms of P and of E: (n, m0) and (n, L c)."""
        rows = rows if self.order is None else rows[:, np.argsort(self._places)]
        rows = rows * np.where(np.isnan(self.scale), 0.0, self.scale)
        m = len(self.core)
        return rows[:, :m] - rows[:, m:] @ self.leverage, rows[:, m:]

    def _own(self, core, own, other_core, other):
        """What the levels' own block and ``cross`` add to the form of two rows."""
        value = np.einsum("ij,ij->i", own, block_product(self.last, other.T).T)
        if self.cross is not None:
            value += np.einsum("ij,ij->i", core, other @ self.cross) + np.einsum(
                "ij,ij->i", other_core, own @ self.cross
            )
        return value


def symmetrical(A: np.ndarray) -> np.ndarray:
    """What rounding left of the symmetry of a matrix made whole."""
    return 0.5 * (A + A.T)


def as_covariance(matrix):
    """An array as a ``DenseCovariance``; parts are one already."""
    return DenseCovariance(matrix) if isinstance(matrix, np.ndarray) else matrix
