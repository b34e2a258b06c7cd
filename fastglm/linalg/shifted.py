"""The factor of an information whose columns were shifted before it was summed."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np


class Shift(NamedTuple):
    """What columns were made less: multiples ``times`` (m,) of a constant one, number ``at``, whose own is zero.

    Coefficients are of ``blocks`` linear predictors, of m columns each.
    """

    at: int
    times: np.ndarray
    blocks: int = 1

    @property
    def parts(self) -> list[slice]:
        """The places of each linear predictor's coefficients."""
        m = len(self.times)
        return [slice(b * m, (b + 1) * m) for b in range(self.blocks)]

    def deviations(self, beta: np.ndarray) -> np.ndarray:
        """The coefficients of the shifted columns, from those of the columns."""
        return self._moved(beta, 1.0)

    def columns(self, beta: np.ndarray) -> np.ndarray:
        """The coefficients of the columns, from those of the shifted ones."""
        return self._moved(beta, -1.0)

    def _moved(self, beta, sign):
        moved = np.array(beta, dtype=np.float64)
        for own in self.parts:
            total = np.asarray(beta[own], np.longdouble) @ self.times
            moved[own.start + self.at] = float(beta[own.start + self.at] + sign * total)
        return moved

    def score(self, g: np.ndarray, sign: float = 1.0) -> np.ndarray:
        """The score in the columns' coefficients, from that in the shifted ones'; back with the ``sign`` -1."""
        return np.concatenate([g[own] + sign * self.times * g[own.start + self.at] for own in self.parts])


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
        return np.arange(len(self.shift.times) * self.shift.blocks)

    def solve(self, g: np.ndarray) -> np.ndarray:
        """The information's inverse times g (m,)."""
        return self.shift.columns(self.deviations.solve(self.shift.score(g, -1.0)))

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
        R, shift = np.array(self.deviations.root()), self.shift
        for own in shift.parts:
            R[:, own] += np.outer(R[:, own.start + shift.at], shift.times)
        return R if shift.at == 0 else np.linalg.qr(R, mode="r")

    def inverse(self) -> np.ndarray:
        """The inverse of the information."""
        V, shift = self.deviations.inverse(), self.shift
        for own in shift.parts:
            V[own.start + shift.at] -= shift.times @ V[own]
        for own in shift.parts:
            V[:, own.start + shift.at] -= V[:, own] @ shift.times
        return V
