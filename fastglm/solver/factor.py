"""Factors of the information: Cholesky where it is accurate, QR with rank detection where it is not."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotri, dpotrs, dtrtrs

SAFE_PIVOT = 1e-7  # 1 - R^2 of a column on the earlier ones; below it the cross-product has lost half the digits
RANK_TOLERANCE = 1e-11  # R's glm.fit; never coupled to the convergence tolerance


class Factor(NamedTuple):
    """A factorisation of the information over the columns that are kept.

    ``triangle`` is upper triangular with triangle' triangle = (D I D) over the kept columns, D = diag(scale).
    """

    triangle: np.ndarray
    scale: np.ndarray
    kept: np.ndarray
    aliased: dict
    accurate: bool

    def solve(self, g: np.ndarray) -> np.ndarray:
        """The information's inverse times g; zero at aliased columns."""
        if len(self.kept) == len(g):
            return self.scale * dpotrs(self.triangle, self.scale * g)[0]
        step = np.zeros_like(g)
        s = self.scale[self.kept]
        step[self.kept] = s * dpotrs(self.triangle, s * g[self.kept])[0]
        return step

    def inverse(self) -> np.ndarray:
        """The inverse of the information, NaN in the rows and columns of aliased ones."""
        half = dpotri(self.triangle)[0]
        half = np.triu(half)
        full = half + half.T
        full[np.diag_indices_from(full)] *= 0.5
        s = self.scale[self.kept]
        full *= s[:, None]
        full *= s
        if len(self.kept) == len(self.scale):
            return full
        out = np.full((len(self.scale),) * 2, np.nan)
        out[np.ix_(self.kept, self.kept)] = full
        return out


class Diagonal(NamedTuple):
    """The information's diagonal alone, the preconditioner where p x p is too much."""

    diagonal: np.ndarray
    accurate: bool = False
    aliased: dict = {}

    def solve(self, g: np.ndarray) -> np.ndarray:
        """g over the diagonal."""
        return g / self.diagonal


def cholesky(information: np.ndarray, scale: np.ndarray) -> Factor | None:
    """Factor D I D, or None where a column is so nearly dependent that only QR can tell."""
    d = np.diagonal(information)
    if not (d > 0.0).all():
        return None
    s = 1.0 / np.sqrt(d)
    triangle, status = dpotrf(information * s[:, None] * s, overwrite_a=True)
    if status or np.square(np.diagonal(triangle)).min() < SAFE_PIVOT:
        return None
    return Factor(triangle, scale * s, np.arange(len(d)), {}, False)


def from_root(R: np.ndarray, scale: np.ndarray) -> Factor:
    """Factor from R of the weighted design's QR: later columns that depend on earlier ones are aliased, as in R."""
    norms = np.sqrt(np.square(R).sum(0))
    s = np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0.0)
    R = R * s
    basis = np.empty_like(R)
    kept, dependent = [], []
    for j in range(R.shape[1]):
        v = R[:, j].copy()
        q = basis[:, : len(kept)]
        for _ in range(2):  # once more, for the digits the first projection cancels
            v -= q @ (q.T @ v)
        size = np.sqrt(v @ v)
        if size > RANK_TOLERANCE:
            basis[:, len(kept)] = v / size
            kept.append(j)
        else:
            dependent.append(j)
    kept = np.array(kept, dtype=np.intp)
    triangle = np.linalg.qr(R[:, kept], mode="r")
    aliased = {j: _combination(triangle, R[:, kept], R[:, j], kept, s, j, scale) for j in dependent}
    return Factor(np.asfortranarray(triangle), scale * s, kept, aliased, True)


def _combination(triangle, basis, v, kept, s, j, scale):
    """The coefficients on kept columns that give column j: {k: c_k}, rounding noise left out."""
    if s[j] == 0.0 or len(kept) == 0:
        return {}
    c = dtrtrs(triangle, dtrtrs(triangle, basis.T @ v, trans=1)[0])[0]
    total = s * scale
    c = np.where(np.abs(c) > 1e-9, c, 0.0) * total[kept] / total[j]
    return {int(k): float(x) for k, x in zip(kept, c, strict=True) if x}
