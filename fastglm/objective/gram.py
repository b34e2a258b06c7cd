"""Least squares from its sums alone: an objective that needs no rows."""

from __future__ import annotations

import numpy as np

from .sums import Quadratic


class GramObjective:
    """Half the deviance of least squares, from one pass at some coefficients.

    Parameters
    ----------
    origin : (m,) array
    quadratic : Quadratic
        The pass there, with its information.
    """

    linear = small = sampleable = True
    bounded = divisible = False
    score_cost, line_sizes, n_passes = 1.0, 1, 0.0
    share = 0.0  # of the rows: it has none

    def __init__(self, origin: np.ndarray, quadratic: Quadratic):
        self.origin, self.quadratic, self.n_params = origin, quadratic, len(origin)
        self.scale = np.ones(len(origin))

    def at(self, beta: np.ndarray, order: int = 2) -> Quadratic:
        """The deviance and its derivatives at ``beta``, from the sums."""
        step, q = beta - self.origin, self.quadratic
        fall = q.information.times(step)
        deviance = q.deviance - float(step @ (2.0 * q.score - fall))
        return q._replace(deviance=deviance, score=q.score - fall, pearson=deviance)

    def deviances(self, beta: np.ndarray) -> np.ndarray:
        """The deviances at many coefficients (L, m)."""
        steps, q = beta - self.origin, self.quadratic
        falls = steps @ q.information.toarray()
        return q.deviance - 2.0 * steps @ q.score + (steps * falls).sum(1)


def combined(a: Quadratic, b: Quadratic, sign: float = 1.0) -> Quadratic:
    """The sums over the rows of ``a`` and, by ``sign``, with those of ``b`` or without them."""
    return a._replace(
        deviance=a.deviance + sign * b.deviance,
        score=a.score + sign * b.score,
        information=a.information.plus(b.information.scaled(sign)),
        pearson=a.pearson + sign * b.pearson,
    )


def without(whole: Quadratic, part: Quadratic) -> Quadratic:
    """The sums over the rows of a whole but those of a part."""
    return combined(whole, part, -1.0)
