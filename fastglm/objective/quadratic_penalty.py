"""An objective with a quadratic added to it: a prior, a proximal step, a ridge."""

from __future__ import annotations

import numpy as np

from ..linalg.symmetric import Dense, Diagonal
from ..source.streaming_qr import triangle


class QuadraticPenalty:
    """Half the deviance plus (beta - centre)' P (beta - centre) / 2, less pull' (beta - centre).

    For solvers it is an objective like any other.

    Parameters
    ----------
    objective : Objective
    centre : (p,) array
    precision : (p,) or (p, p) array
        P, or its diagonal.
    pull : (p,) array or float
        The quadratic's own score at the centre.
    """

    linear = bounded = False

    def __init__(self, objective, centre: np.ndarray, precision: np.ndarray, pull: np.ndarray | float = 0.0):
        self.objective, self.centre, self.pull = objective, centre, pull
        self.precision = Diagonal(precision) if precision.ndim == 1 else Dense(precision)
        self.latest = None

    def __getattr__(self, name):
        # what is not changed by a quadratic is the objective's own
        return getattr(self.objective, name)

    @property
    def precise(self) -> bool:
        return self.objective.precise

    @precise.setter
    def precise(self, value: bool) -> None:
        self.objective.precise = value

    def at(self, beta: np.ndarray, order: int = 2):
        """As the objective's, with the quadratic; its own pass stays in ``latest``."""
        self.latest = self.objective.at(beta, order)
        return self.held(self.latest, beta)

    def held(self, q, beta: np.ndarray):
        """A pass of the objective at ``beta``, with the quadratic."""
        away = beta - self.centre
        back = self.precision.times(away)
        pulled = 2.0 * float(np.sum(self.pull * away))
        q = q._replace(deviance=q.deviance + float(away @ back) - pulled, score=q.score - back + self.pull)
        if q.information is not None:
            q = q._replace(information=q.information.plus(self.precision.rescaled(self.objective.scale)))
        return q

    def product(self, beta: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Expected information, the quadratic's included, times ``v``."""
        return self.objective.product(beta, v) + self.precision.times(v)

    def root(self, beta: np.ndarray) -> np.ndarray:
        """R with R'R the information, the quadratic's included."""
        R = self.objective.root(beta)
        added = self.precision.root() * self.objective.scale
        return triangle(np.vstack([R, added.astype(R.dtype)]))
