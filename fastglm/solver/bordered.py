"""The factor of an information whose last block is diagonal: that of a factor's levels, as many as they may be.

With A the other columns' block, B the border and d the levels' diagonal, all is solved through the Schur complement
A - B' diag(1/d) B of the other columns, which is also the inverse of their covariance.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotrs

from ..moments import Bordered

LARGEST = 4000  # coefficients, up to which the inverse is made as one matrix


class BorderedFactor(NamedTuple):
    """A factorisation of D I D, D = diag(scale), for a bordered information I in the caller's units.

    ``triangle`` is the Cholesky factor of the Schur complement, ``leverage`` (L, m0) is diag(1/d) B.
    """

    information: Bordered
    triangle: np.ndarray
    leverage: np.ndarray
    scale: np.ndarray
    aliased: dict = {}
    accurate: bool = False

    def solve(self, g: np.ndarray) -> np.ndarray:
        """The information's inverse times g."""
        m = len(self.triangle)
        g = self.scale * g
        core = dpotrs(self.triangle, g[:m] - g[m:] @ self.leverage)[0]
        return self.scale * np.concatenate([core, g[m:] / self.information.last - self.leverage @ core])

    def size(self, beta: np.ndarray) -> float:
        """The norm of the weighted linear predictor X beta."""
        v = beta / self.scale
        return float(np.sqrt(max(v @ self.information.times(v), 0.0)))

    def reach(self, beta: np.ndarray) -> float:
        """The largest of the weighted terms x_j beta_j alone."""
        return float(np.abs(np.sqrt(self.information.diagonal()) * beta / self.scale).max())

    def inverse(self) -> BorderedInverse | np.ndarray:
        """The inverse of the information: one matrix, or for very many levels its parts."""
        found = self._parts()
        return found.toarray() if len(self.scale) <= LARGEST else found

    def whole_inverse(self) -> np.ndarray:
        """The inverse of the information as one matrix."""
        return self._parts().toarray()

    def _parts(self):
        m = len(self.triangle)
        core = dpotrs(self.triangle, np.eye(m))[0]
        return BorderedInverse(core, self.leverage, 1.0 / self.information.last, self.scale)


class BorderedInverse(NamedTuple):
    """The inverse of a bordered information by its parts: its diagonal and the block of the other columns are at hand.

    In scaled units the block of the other columns is ``core``; with G the ``leverage``, the border is -G core and the
    levels' own block diag(``last``) + G core G'. That is P core P' + E diag(last) E' with P = [I; -G] and E = [0; I]; a
    sandwich has ``cross`` Q (L, m0) too, and is P core P' + P Q' E' + E Q P' + E diag(last) E'.
    """

    core: np.ndarray
    leverage: np.ndarray
    last: np.ndarray
    scale: np.ndarray
    cross: np.ndarray | None = None

    def __rmul__(self, factor: float) -> BorderedInverse:
        cross = None if self.cross is None else factor * self.cross
        return BorderedInverse(factor * self.core, self.leverage, factor * self.last, self.scale, cross)

    def sandwich(self, meat: Bordered) -> BorderedInverse:
        """This inverse on both sides of a meat, whose last block is diagonal too, in the information's units."""
        G, C = self.leverage, self.core
        border = meat.border - meat.last[:, None] * G
        inner = meat.core - meat.border.T @ G - G.T @ border
        cross = self.last[:, None] * border @ C
        return BorderedInverse(C @ symmetrical(inner) @ C, G, self.last**2 * meat.last, self.scale, cross)

    @property
    def shape(self) -> tuple[int, int]:
        """As of a matrix."""
        return len(self.scale), len(self.scale)

    def diagonal(self) -> np.ndarray:
        """The variances, (m,)."""
        own = self.last + np.einsum("ij,ij->i", self.leverage @ self.core, self.leverage)
        if self.cross is not None:
            own = own - 2.0 * np.einsum("ij,ij->i", self.leverage, self.cross)
        return np.concatenate([np.diagonal(self.core), own]) * self.scale**2

    def block(self, numbers) -> np.ndarray:
        """The matrix of some coefficients, by their numbers."""
        numbers = np.asarray(numbers, dtype=np.intp)
        m = len(self.core)
        # each coefficient as a row of [I; -G] and its own variance
        rows = np.where((numbers < m)[:, None], np.eye(m)[np.minimum(numbers, m - 1)], 0.0)
        long = numbers >= m
        rows[long] = -self.leverage[numbers[long] - m]
        out = rows @ self.core @ rows.T
        if self.cross is not None:
            own = np.zeros_like(rows)
            own[long] = self.cross[numbers[long] - m]
            out += rows @ own.T + own @ rows.T
        same = long[:, None] & (numbers[:, None] == numbers)
        out += np.where(same, self.last[np.maximum(numbers - m, 0)], 0.0)
        s = self.scale[numbers]
        return out * s * s[:, None]

    def quadratic_form(self, rows: np.ndarray) -> np.ndarray:
        """x' C x of each row (n, m) of a dense matrix."""
        rows = rows * self.scale
        m = len(self.core)
        core = rows[:, :m] - rows[:, m:] @ self.leverage
        own = np.square(rows[:, m:]) @ self.last
        if self.cross is not None:
            own += 2.0 * np.einsum("ij,ij->i", core, rows[:, m:] @ self.cross)
        return np.einsum("ij,ij->i", core @ self.core, core) + own

    def toarray(self) -> np.ndarray:
        """The whole matrix (m, m)."""
        return self.block(np.arange(len(self.scale)))


def symmetrical(A: np.ndarray) -> np.ndarray:
    """What rounding left of the symmetry of a matrix made whole."""
    return 0.5 * (A + A.T)


def bordered_cholesky(information: Bordered, scale: np.ndarray, safe: float) -> BorderedFactor | None:
    """The factor, or None where a column is so nearly dependent that cross-products have lost too many digits."""
    if not information.last.min(initial=1.0) > 0.0:
        return None
    leverage = information.border / information.last[:, None]
    schur = information.core - information.border.T @ leverage
    triangle, status = dpotrf(schur)
    if status or not (np.square(triangle.diagonal()) / np.diagonal(information.core)).min(initial=1.0) >= safe:
        return None
    return BorderedFactor(information, triangle, leverage, scale)
