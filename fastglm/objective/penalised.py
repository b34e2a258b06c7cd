"""An objective with a smooth penalty added to it: a prior, a proximal step, a ridge."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..source.streaming_qr import triangle

if TYPE_CHECKING:
    from ..core.protocols import Penalty


class Penalised:
    """Half the deviance plus a quadratic penalty. For solvers it is an objective like any other.

    Parameters
    ----------
    objective : Objective
    penalty : Penalty
        Of which the quadratic part is all there is.
    """

    linear = bounded = False
    approachable = False  # the objective's own steps know nothing of the quadratic

    def __init__(self, objective, penalty: Penalty):
        self.objective, self.penalty, self.precision = objective, penalty, penalty.quadratic()
        self.latest = self.curved = None

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
        """As the objective's, with the quadratic; its own pass stays in ``latest``, the last one with curvature in
        ``curved``."""
        self.latest = self.objective.at(beta, order)
        if order == 2:
            self.curved = self.latest
        return self.penalised(self.latest, beta)

    def along(self, beta: np.ndarray, step: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        """The deviances at several sizes of a step, with the quadratic: one pass."""
        added = [2.0 * self.penalty.value(beta + t * step) for t in np.asarray(sizes, np.float64)]
        return self.objective.along(beta, step, sizes) + added

    def penalised(self, q, beta: np.ndarray):
        """A pass of the objective at ``beta``, with the quadratic."""
        q = q._replace(deviance=q.deviance + 2.0 * self.penalty.value(beta), score=q.score + self.penalty.score(beta))
        if q.information is not None:
            q = q._replace(information=q.information.plus(self.precision.rescaled(self.objective.scale)))
        return q

    def product(self, beta: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Expected information, the quadratic's included, times ``v``."""
        return self.objective.product(beta, v) + self.precision.times(v)

    def preconditioner(self, beta: np.ndarray, rows: int) -> np.ndarray:
        """The diagonal of the information of a sample, the quadratic's included."""
        return self.objective.preconditioner(beta, rows) + self.precision.diagonal()

    def intercept_products(self, beta: np.ndarray, rows: int) -> np.ndarray:
        """The first row of the information of a sample, the quadratic's included."""
        return self.objective.intercept_products(beta, rows) + self.precision.times(np.eye(1, len(beta))[0])

    def root(self, beta: np.ndarray) -> np.ndarray:
        """R with R'R the information, the quadratic's included."""
        R = self.objective.root(beta)
        added = self.precision.root() * self.objective.scale
        return triangle(np.vstack([R, added.astype(R.dtype)]))
