"""What a pass sums: deviance, score and curvature, with ``+``."""

from __future__ import annotations

from math import isfinite
from typing import NamedTuple

import numpy as np


class Bordered(NamedTuple):
    """An information whose last block, that of a factor's many levels, is diagonal: [[core, border'], [border, diag]].

    ``core`` (m0, m0) symmetric, ``border`` (L, m0), ``last`` (L,).
    """

    core: np.ndarray
    border: np.ndarray
    last: np.ndarray

    def diagonal(self) -> np.ndarray:
        """The diagonal, (m0 + L,)."""
        return np.concatenate([np.diagonal(self.core), self.last])

    def scaled(self, factor: float) -> Bordered:
        """Times a number."""
        return Bordered(self.core * factor, self.border * factor, self.last * factor)

    def toarray(self) -> np.ndarray:
        """The whole matrix."""
        return np.block([[self.core, self.border.T], [self.border, np.diag(self.last)]])

    def times(self, v: np.ndarray) -> np.ndarray:
        """The product with a vector."""
        m = len(self.core)
        return np.concatenate([self.core @ v[:m] + v[m:] @ self.border, self.border @ v[:m] + self.last * v[m:]])


class Apart:
    """An information with a factor's levels set apart: a bordered one whose coefficients have an order of their own.

    Parameters
    ----------
    bordered : Bordered
    order : (m,) array of ints
        The numbers of its coefficients; as an array it is the matrix in the order of these numbers.
    """

    def __init__(self, bordered: Bordered, order: np.ndarray):
        self.bordered, self.order = bordered, order

    def diagonal(self) -> np.ndarray:
        """The diagonal, (m,)."""
        out = np.empty(len(self.order))
        out[self.order] = self.bordered.diagonal()
        return out

    def scaled(self, factor: float) -> Apart:
        """Times a number."""
        return Apart(self.bordered.scaled(factor), self.order)

    def __array__(self, dtype=None, copy=None):
        core, border, last = self.bordered
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
            information = tuple(np.add(a, b, out=a) for a, b in pairs)
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
            parts = isinstance(information, (Bordered, Apart))
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
