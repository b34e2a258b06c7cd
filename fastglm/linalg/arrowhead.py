"""The factor of an information whose last block is that of a factor's levels, as many as they may be.

With A the fixed columns' block, B the coupling and D the levels' block, which is diagonal, or of several classes has a
block for each level, all is solved through the Schur complement A - B' D^-1 B of the other columns, which is also the
inverse of their covariance. Levels are eliminated first, so that a column is aliased where it depends on levels and
earlier columns.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotrs, dtrtrs

from .inverse import ArrowheadInverse

LARGEST = 4000  # coefficients, up to which the inverse is made as one matrix
HELD = 1e-14  # of a class's weights: where they link classes to the reference by no more, rounding would move them
NOISE = 1e-9  # of a column's length: what rounding leaves in a combination of others


class LevelsFactor(NamedTuple):
    """The factor of the levels' block: ``pivots`` (L,), or of c + 1 classes ``pivots`` (L, c), ``shares`` (L, c, c).

    Classes are eliminated from the last on, which leaves a graph of the others with weights W_ij + W_ik W_jk / d_k,
    d_k the sum of the class's weights, and W_kj / d_k its shares. No term is subtracted, so that all keep their digits
    however rare the reference is in a level (Alfa, Xue and Ye 2002).
    """

    pivots: np.ndarray
    shares: np.ndarray | None = None

    @staticmethod
    def of(last: np.ndarray, held: float = 0.0) -> LevelsFactor:
        """The factor of the block ``last`` of a ``ArrowheadMatrix``.

        Where a level has no rows of the reference, its coefficients run to infinity together, and their sum of scores
        to nothing but rounding: a pivot less than ``held`` of its class's weights is made one that holds them.
        """
        if last.ndim == 1:
            return LevelsFactor(last)
        W, c, total = last.copy(), last.shape[1], last.sum(-1)
        at = np.arange(c)
        pivots, shares = np.empty((len(W), c)), np.zeros_like(W)
        with np.errstate(divide="ignore", invalid="ignore"):
            for k in range(c - 1, -1, -1):
                to = W[:, k, :k].copy()
                pivot = to.sum(1) + W[:, k, k]
                pivots[:, k] = np.where(pivot < held * total[:, k], total[:, k], pivot)
                shares[:, k, :k] = share = to / pivots[:, k, None]
                pairs = share[:, :, None] * to[:, None]
                pairs[:, at[:k], at[:k]] = share * W[:, k, k, None]
                W[:, :k, :k] += pairs
        return LevelsFactor(pivots, shares)

    @property
    def there(self) -> np.ndarray:
        """Which levels have information, (L,)."""
        with np.errstate(divide="ignore"):
            return np.isfinite(1.0 / self.pivots).reshape(len(self.pivots), -1).all(1)

    def some(self, chosen: np.ndarray) -> LevelsFactor:
        """The same of some levels."""
        return LevelsFactor(*(None if v is None else v[chosen] for v in self))

    def solve(self, V: np.ndarray) -> np.ndarray:
        """The inverse of the block times an array (L c, ...)."""
        if self.shares is None:
            return V / (self.pivots if V.ndim == 1 else self.pivots[:, None])
        L, c = self.pivots.shape
        out = V.reshape(L, c, -1).copy()
        for k in range(c - 1, 0, -1):
            out[:, :k] += self.shares[:, k, :k, None] * out[:, k, None]
        out /= self.pivots[:, :, None]
        for k in range(1, c):
            out[:, k] += (self.shares[:, k, None, :k] @ out[:, :k])[:, 0]
        return out.reshape(V.shape)

    def inverse(self) -> np.ndarray:
        """The inverse of the block, (L,) or (L, c, c)."""
        if self.shares is None:
            return 1.0 / self.pivots
        L, c = self.pivots.shape
        found = self.solve(np.tile(np.eye(c), (L, 1))).reshape(L, c, c)
        return 0.5 * (found + found.transpose(0, 2, 1))


class ArrowheadFactor(NamedTuple):
    """A factorisation of D I D, D = diag(scale), for an arrowhead information I in the caller's units.

    ``part`` is the block of D I D of the ``kept`` coefficients, the others' before the levels'; ``triangle`` the
    Cholesky factor of its Schur complement, ``levels`` the factor of the levels' block and ``leverage`` (L, m0) the
    inverse of that times the border.
    """

    whole: Any  # the ArrowheadMatrix that was factored
    part: Any
    triangle: np.ndarray
    leverage: np.ndarray
    levels: LevelsFactor
    scale: np.ndarray
    kept: np.ndarray
    aliased: dict = {}
    accurate: bool = False
    diagonal_only = False
    own = None  # of the columns' lengths beside levels is asked nowhere

    @property
    def told(self) -> np.ndarray:
        """The coefficients that steps tell, (r,)."""
        return self.kept

    def solve(self, g: np.ndarray) -> np.ndarray:
        """The information's inverse times g; zero at aliased coefficients."""
        step, m, s = np.zeros_like(g), len(self.triangle), self.scale[self.kept]
        g = s * g[self.kept]
        core = _solved(self.triangle, g[:m] - g[m:] @ self.leverage)
        step[self.kept] = s * np.concatenate([core, self.levels.solve(g[m:]) - self.leverage @ core])
        return step

    def size(self, beta: np.ndarray) -> float:
        """The norm of the weighted linear predictor X beta."""
        v = beta[self.kept] / self.scale[self.kept]
        return float(np.sqrt(max(self.part.quadratic_form(v), 0.0)))

    def reach(self, beta: np.ndarray) -> float:
        """The largest of the weighted terms x_j beta_j alone."""
        v = beta[self.kept] / self.scale[self.kept]
        return float(np.abs(np.sqrt(self.part.diagonal()) * v).max())

    def faded(self) -> list[np.ndarray]:
        """None: what rows tell of a direction is not looked at."""
        return []

    def inverse(self) -> ArrowheadInverse | np.ndarray:
        """The inverse of the information, NaN where aliased: one matrix, or for very many levels its parts."""
        found = self._parts()
        return found.toarray() if len(self.scale) <= LARGEST else found

    def whole_inverse(self) -> np.ndarray:
        """The inverse of the information as one matrix."""
        return self._parts().toarray()

    def _parts(self):
        whole, m, total = self.whole, len(self.triangle), len(self.scale)
        core, last = _solved(self.triangle, np.eye(m)), LevelsFactor.of(self.part.levels).inverse()
        if len(self.kept) == total:
            return ArrowheadInverse(core, self.leverage, last, self.scale[self.kept], order=whole.order)
        m0 = len(whole.fixed)
        columns, levels = whole.split(self.kept)
        inner = np.concatenate([columns, whole.rows(levels)])
        return ArrowheadInverse(
            _placed(core, (m0, m0), np.ix_(columns, columns)),
            _placed(self.leverage, (total - m0, m0), np.ix_(inner[m:] - m0, columns)),
            _placed(last, whole.levels.shape, levels),
            _placed(self.scale[self.kept], (total,), inner, np.nan),
            order=whole.order,
        )


def arrowhead_cholesky(information: Any, scale: np.ndarray, safe: float, kept=None) -> ArrowheadFactor | None:
    """The factor, or None where a column is so nearly dependent that cross-products have lost too many digits."""
    every = kept is None or len(kept) == len(scale)
    columns, levels = information.split(None if every else kept)
    part = information._replace(order=None) if every else information.part(columns, levels)
    factor = LevelsFactor.of(part.levels, HELD)
    if not factor.there.all():
        return None
    leverage = factor.solve(part.coupling)
    triangle, status = dpotrf(part.fixed - part.coupling.T @ leverage)
    if status or not (np.square(triangle.diagonal()) / np.diagonal(part.fixed)).min(initial=1.0) >= safe:
        return None
    return ArrowheadFactor(information, part, triangle, leverage, factor, scale, information.numbers(columns, levels))


def arrowhead_rank(information: Any, scale: np.ndarray, tolerance: float, kept=None) -> ArrowheadFactor:
    """The factor over the coefficients that depend on no others, and what the others are made of.

    Parameters
    ----------
    information : ArrowheadMatrix
    scale : (m,) array
    tolerance : float
        What a column must keep of its length beside levels and earlier columns not to depend on them.
    kept : array of ints, optional
        The coefficients that are looked at, whose dependence is of no further interest; all without it.

    Returns
    -------
    ArrowheadFactor
        Its ``aliased`` maps a dependent coefficient to the combination {k: c_k} that gives its column; that of a level
        without information is empty.
    """
    columns, levels = information.split(kept)
    factor, none = LevelsFactor.of(information.levels[levels], HELD), np.zeros(0, np.intp)
    there = factor.there
    empty, levels, factor = information.numbers(none, levels[~there]), levels[there], factor.some(there)
    part = information.part(columns, levels)
    leverage = factor.solve(part.coupling)
    length = np.sqrt(np.diagonal(part.fixed))
    inverse = np.divide(1.0, length, out=np.zeros_like(length), where=length > 0.0)
    R, free = _independent((part.fixed - part.coupling.T @ leverage) * inverse * inverse[:, None], tolerance)
    numbers, size = information.numbers(columns[free], levels), np.sqrt(part.diagonal()[len(columns) :])
    aliased = {}
    for j in np.setdiff1d(np.arange(len(columns)), free) if kept is None else ():
        c = dtrtrs(R[:, free], R[:, j])[0] if length[j] > 0.0 and len(free) else np.zeros(len(free))
        # what a column adds beside levels and earlier ones
        c = np.where(np.abs(c) * R[np.arange(len(free)), free] > NOISE, c, 0.0) * length[j] * inverse[free]
        own = leverage[:, j] - leverage[:, free] @ c
        c = np.concatenate([c, np.where(np.abs(own) * size > NOISE * length[j], own, 0.0)])
        j = int(information.numbers(columns[[j]], none)[0])
        c *= scale[numbers] / scale[j]
        found = np.flatnonzero(c)
        aliased[j] = dict(zip(numbers[found].tolist(), c[found].tolist(), strict=True))
    aliased |= {int(j): {} for j in empty if kept is None}
    triangle = np.asfortranarray(R[:, free] * length[free])
    part = part.part(free, np.arange(len(levels)))
    return ArrowheadFactor(information, part, triangle, leverage[:, free], factor, scale, numbers, aliased)


def _independent(S, tolerance):
    """Cholesky's factor R (r, m) of S, whose columns had length one, row by row; columns with no pivot are skipped.

    Returns R and the numbers of the r columns that have a pivot.
    """
    m = len(S)
    R, free = np.zeros((m, m)), []
    for j in range(m):
        r = len(free)
        row = S[j, j:] - R[:r, j] @ R[:r, j:]
        if row[0] > tolerance**2:
            R[r, j:] = row / np.sqrt(row[0])
            free.append(j)
    return R[: len(free)], np.array(free, dtype=np.intp)


def _solved(triangle, b):
    """(T'T)^-1 b, of no columns too, which LAPACK refuses."""
    return dpotrs(triangle, b)[0] if len(triangle) else b


def _placed(part, shape, at, empty=0.0):
    """An array that has ``part`` at some places, and ``empty`` elsewhere."""
    out = np.full(shape, empty)
    out[at] = part
    return out
