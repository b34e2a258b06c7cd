"""The fit of a model without coefficients: one pass, whose linear predictor is the offset, or zero."""

from __future__ import annotations

import numpy as np

from ..errors import InvalidParameterError
from .problem import Solution


class NoFactor:
    """The factor of an information without rows."""

    aliased: dict = {}
    accurate = diagonal_only = False
    told = np.zeros(0, np.intp)

    def solve(self, g: np.ndarray) -> np.ndarray:
        """A step without coefficients."""
        return g

    def size(self, beta: np.ndarray) -> float:
        """The norm of the weighted linear predictor of no coefficients."""
        return 0.0

    reach = size

    def faded(self) -> list[np.ndarray]:
        """None: there are no directions."""
        return []

    def inverse(self) -> np.ndarray:
        """The (0, 0) inverse."""
        return np.zeros((0, 0))


def evaluate(objective) -> Solution:
    """The solution at no coefficients.

    Raises
    ------
    InvalidParameterError
        Where a mean lies outside the family's range, as R's ``glm.fit`` does for an empty model.
    """
    beta = np.zeros(0)
    q = objective.at(beta, 1)
    if not q.finite:
        raise InvalidParameterError(
            "the model has no coefficients, and the offset alone (0 without one) gives means outside the family's range"
        )
    return Solution(beta, q, NoFactor(), 0.0, 0.0, 0, "converged", ())
