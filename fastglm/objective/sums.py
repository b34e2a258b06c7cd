"""What a pass sums: deviance, score and curvature, with ``+``."""

from __future__ import annotations

from math import isfinite
from typing import NamedTuple

import numpy as np


class Quadratic(NamedTuple):
    """The deviance and its derivatives at one beta; adding two is the same over the rows of both.

    ``score`` is minus half the deviance's gradient, ``information`` half its expected Hessian, a ``SymmetricOperator``
    (m, m); while units are added, a tuple of arrays of which the objective makes it. ``score_low`` carries what
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
            information = information.scaled(factor)
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
