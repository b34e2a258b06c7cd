"""An objective with a quadratic added to it: a prior, a proximal step, a ridge."""

from __future__ import annotations

import numpy as np

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
        self.objective, self.centre, self.precision, self.pull = objective, centre, precision, pull
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

    def _times(self, v):
        return self.precision * v if self.precision.ndim == 1 else self.precision @ v

    def at(self, beta: np.ndarray, order: int = 2):
        """As the objective's, with the quadratic; its own pass stays in ``latest``."""
        self.latest = self.objective.at(beta, order)
        return self.held(self.latest, beta)

    def held(self, q, beta: np.ndarray):
        """A pass of the objective at ``beta``, with the quadratic."""
        away = beta - self.centre
        back = self._times(away)
        pulled = 2.0 * float(np.sum(self.pull * away))
        q = q._replace(deviance=q.deviance + float(away @ back) - pulled, score=q.score - back + self.pull)
        if q.information is not None:
            scale = self.objective.scale
            added = np.diag(self.precision) if self.precision.ndim == 1 else self.precision
            q = q._replace(information=q.information + added * scale * scale[:, None])
        return q

    def product(self, beta: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Expected information, the quadratic's included, times ``v``."""
        return self.objective.product(beta, v) + self._times(v)

    def root(self, beta: np.ndarray) -> np.ndarray:
        """R with R'R the information, the quadratic's included."""
        added = np.diag(np.sqrt(self.precision)) if self.precision.ndim == 1 else _root(self.precision)
        R = self.objective.root(beta)
        return triangle(np.vstack([R, (added * self.objective.scale).astype(R.dtype)]))


def _root(P):
    """A matrix whose cross-product is P."""
    values, vectors = np.linalg.eigh(P)
    return np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T
