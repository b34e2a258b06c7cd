"""The factor of an information whose columns were shifted before it was summed."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np


class Shift(NamedTuple):
    """What columns were made less: multiples ``times`` (m,) of a constant one, number ``at``, whose own is zero."""

    at: int
    times: np.ndarray

    def deviations(self, beta: np.ndarray) -> np.ndarray:
        """The coefficients (m,) of the shifted columns, from those of the columns."""
        return self._moved(beta, 1.0)

    def columns(self, beta: np.ndarray) -> np.ndarray:
        """The coefficients (m,) of the columns, from those of the shifted ones."""
        return self._moved(beta, -1.0)

    def _moved(self, beta, sign):
        moved = np.array(beta, dtype=np.float64)
        moved[self.at] = float(beta[self.at] + sign * (np.asarray(beta, np.longdouble) @ self.times))
        return moved


class ShiftedFactor(NamedTuple):
    """A factor over shifted columns, in the units of the columns themselves.

    The shifted columns are X T, T the identity but for the row of the constant: with T nothing is lost of what the
    deviations from the shifts tell.
    """

    deviations: Any
    shift: Shift
    accurate = True
    diagonal_only = False

    @property
    def aliased(self) -> dict:
        """None of the columns."""
        return {}

    @property
    def told(self) -> np.ndarray:
        """The coefficients that steps tell: all of them."""
        return np.arange(len(self.shift.times))

    def solve(self, g: np.ndarray) -> np.ndarray:
        """The information's inverse times g (m,)."""
        return self.shift.columns(self.deviations.solve(g - self.shift.times * g[self.shift.at]))

    def size(self, beta: np.ndarray) -> float:
        """The norm of the weighted linear predictor X beta."""
        return self.deviations.size(self.shift.deviations(beta))

    def reach(self, beta: np.ndarray) -> float:
        """The largest of the weighted terms x_j beta_j alone."""
        return float(np.abs(np.linalg.norm(self.root(), axis=0) * beta).max())

    def faded(self) -> list[np.ndarray]:
        """None: the deviations tell of every direction."""
        return []

    def root(self) -> np.ndarray:
        """The upper triangular R with R'R the information."""
        R, at = self.deviations.root(), self.shift.at
        R = R + np.outer(R[:, at], self.shift.times)
        return R if at == 0 else np.linalg.qr(R, mode="r")

    def inverse(self) -> np.ndarray:
        """The inverse of the information."""
        V, (at, times) = self.deviations.inverse(), self.shift
        V[at] -= times @ V
        V[:, at] -= V @ times
        return V
