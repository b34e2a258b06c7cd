"""What a pass sums: deviance, score and curvature, with ``+``."""

from __future__ import annotations

from math import isfinite
from typing import NamedTuple

import numpy as np


class ArrowheadMatrix(NamedTuple):
    """An information whose last block is that of a factor's many levels: [[core, border'], [border, D]].

    ``core`` (m0, m0) symmetric, ``border`` (L, m0), D = diag(``last``) with ``last`` (L,). Of c + 1 classes a level has
    c coefficients, one after the other: then ``border`` is (L c, m0), and D has a Laplacian's block for each level,
    with the weights ``last`` (L, c, c) of every two classes, and on the diagonal those with the reference. ``order``
    (m0 + L c,) has the numbers of the coefficients, where they are others than these.
    """

    core: np.ndarray
    border: np.ndarray
    last: np.ndarray
    order: np.ndarray | None = None

    def diagonal(self) -> np.ndarray:
        """The diagonal, (m0 + L c,)."""
        own = np.concatenate([np.diagonal(self.core), self.last.sum(-1).ravel() if self.last.ndim == 3 else self.last])
        if self.order is None:
            return own
        out = np.empty_like(own)
        out[self.order] = own
        return out

    def scaled(self, factor: float) -> ArrowheadMatrix:
        """Times a number."""
        return self._replace(core=self.core * factor, border=self.border * factor, last=self.last * factor)

    def rows(self, levels: np.ndarray) -> np.ndarray:
        """The places of the levels' coefficients."""
        c = self.last.shape[1] if self.last.ndim == 3 else 1
        return len(self.core) + (levels[:, None] * c + np.arange(c)).ravel()

    def numbers(self, columns: np.ndarray, levels: np.ndarray) -> np.ndarray:
        """The numbers of the coefficients of some of the core's columns and some levels."""
        places = np.concatenate([columns, self.rows(levels)])
        return places if self.order is None else self.order[places]

    def split(self, numbers: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """The core's columns and the levels that coefficients are of, by their numbers; all for None."""
        m = len(self.core)
        if numbers is None:
            return np.arange(m), np.arange(len(self.last))
        here = np.zeros(m + len(self.border), dtype=bool)
        here[numbers] = True
        here = here if self.order is None else here[self.order]
        return np.flatnonzero(here[:m]), np.flatnonzero(here[m:].reshape(len(self.last), -1).all(1))

    def part(self, columns: np.ndarray, levels: np.ndarray) -> ArrowheadMatrix:
        """The block of some of the core's columns and some levels, its coefficients in this order."""
        core, border = self.core[np.ix_(columns, columns)], self.border
        if len(levels) < len(self.last):
            border = border[self.rows(levels) - len(self.core)]
        return ArrowheadMatrix(core, border[:, columns], self.last[levels])

    def toarray(self) -> np.ndarray:
        """The whole matrix."""
        m, L = len(self.core), len(self.last)
        out = np.zeros((m + len(self.border),) * 2)
        out[:m, :m], out[m:, :m], out[:m, m:] = self.core, self.border, self.border.T
        at = np.arange(m, len(out)).reshape(L, -1)
        out[at[:, :, None], at[:, None]] = blocks(self.last).reshape(L, at.shape[1], -1)
        if self.order is None:
            return out
        back = np.argsort(self.order)
        return out[np.ix_(back, back)]

    def times(self, v: np.ndarray) -> np.ndarray:
        """The product with a vector, in the order of the parts."""
        m = len(self.core)
        own = self.border @ v[:m] + spread(blocks(self.last), v[m:])
        return np.concatenate([self.core @ v[:m] + v[m:] @ self.border, own])


def blocks(last: np.ndarray) -> np.ndarray:
    """The levels' block of a ``ArrowheadMatrix``: its diagonal (L,), or its blocks (L, c, c)."""
    if last.ndim == 1:
        return last
    out, k = -last, np.arange(last.shape[1])
    out[:, k, k] = last.sum(-1)
    return out


def spread(D: np.ndarray, V: np.ndarray) -> np.ndarray:
    """The product of a diagonal (L,), or of blocks (L, c, c), with an array (L c, ...)."""
    if D.ndim == 1:
        return D * V if V.ndim == 1 else D[:, None] * V
    return (D @ V.reshape(len(D), D.shape[1], -1)).reshape(V.shape)


class PermutedArrowhead:
    """An information with a factor's levels set apart: a bordered one whose coefficients have an order of their own.

    Parameters
    ----------
    bordered : ArrowheadMatrix
    order : (m,) array of ints
        The numbers of its coefficients; as an array it is the matrix in the order of these numbers.
    """

    def __init__(self, bordered: ArrowheadMatrix, order: np.ndarray):
        self.bordered, self.order = bordered, order

    def diagonal(self) -> np.ndarray:
        """The diagonal, (m,)."""
        out = np.empty(len(self.order))
        out[self.order] = self.bordered.diagonal()
        return out

    def scaled(self, factor: float) -> PermutedArrowhead:
        """Times a number."""
        return PermutedArrowhead(self.bordered.scaled(factor), self.order)

    def __array__(self, dtype=None, copy=None):
        core, border, last, _ = self.bordered
        first, levels = self.order[: len(core)], self.order[len(core) :]
        out = np.zeros((len(self.order),) * 2)
        out[np.ix_(first, first)] = core
        out[np.ix_(levels, first)] = border
        out[np.ix_(first, levels)] = border.T
        out[levels, levels] = last
        return out if dtype is None else out.astype(dtype, copy=False)


class Quadratic(NamedTuple):
    """The deviance and its derivatives at one beta; adding two is the same over the rows of both.

    ``score`` is minus half the deviance's gradient, ``information`` half its expected Hessian (p, p), its upper
    triangle alone; while units are added, a tuple of arrays of which the objective makes it. ``score_low`` carries what
    rounding leaves out of ``score``.
    """

    deviance: float
    score: np.ndarray
    score_low: np.ndarray
    information: np.ndarray | None
    pearson: float
    max_eta: float

    def __add__(self, other: Quadratic) -> Quadratic:
        total = self.score + other.score
        # the exact rounding error of the sum (Knuth's two-sum), so that precise passes stay precise across units
        z = total - self.score
        low = (self.score - (total - z)) + (other.score - z) + self.score_low + other.score_low
        information = None
        if self.information is not None:
            pairs = zip(self.information, other.information, strict=True)
            # in place, but for arrays that are somebody else's
            information = tuple(np.add(a, b, out=a if a.flags.writeable else None) for a, b in pairs)
        return Quadratic(
            self.deviance + other.deviance,
            total,
            low,
            information,
            self.pearson + other.pearson,
            max(self.max_eta, other.max_eta),
        )

    def scaled(self, factor: float) -> Quadratic:
        """Every sum times ``factor``: a sample's estimate of the whole."""
        information = self.information
        if information is not None:
            parts = isinstance(information, (ArrowheadMatrix, PermutedArrowhead))
            information = information.scaled(factor) if parts else information * factor
        return self._replace(
            deviance=self.deviance * factor,
            score=self.score * factor,
            score_low=self.score_low * factor,
            information=information,
            pearson=self.pearson * factor,
        )

    @property
    def finite(self) -> bool:
        """Whether the deviance exists here: every mean in the family's range."""
        return isfinite(self.deviance)
