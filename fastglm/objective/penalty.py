"""Penalties of coefficients: a quadratic, and the elastic net's ridge and lasso."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..linalg.symmetric import Dense, Diagonal

SINGULAR = 1e-11  # of the largest eigenvalue of a scaled matrix, below which one is zero but for rounding


class QuadraticPenalty(NamedTuple):
    """(b - centre)' P (b - centre) / 2 less pull' (b - centre): a ridge, a prior, rows that are gone.

    ``precision`` is P, a ``SymmetricOperator`` (m, m); ``centre`` (m,); ``pull`` (m,) or 0 the negative gradient at
    the centre, and ``unit`` (m,) what violations of the optimality conditions are divided by. ``idle`` (m,) bool are
    coefficients that are zero whatever P is, as those of constant columns.
    """

    precision: Any
    centre: np.ndarray
    pull: np.ndarray | float = 0.0
    unit: np.ndarray | float = 1.0
    idle: np.ndarray | None = None

    @property
    def smooth(self) -> bool:
        """Whether there is no other part than the quadratic: there is none."""
        return True

    @property
    def held(self) -> np.ndarray:
        """Which coefficients have no other value than zero, (m,) bool."""
        return np.zeros(len(self.centre), bool) if self.idle is None else self.idle

    def value(self, beta: np.ndarray) -> float:
        """The penalty at ``beta``."""
        away = beta - self.centre
        return 0.5 * float(away @ self.precision.times(away)) - float(np.sum(self.pull * away))

    def score(self, beta: np.ndarray) -> np.ndarray:
        """The negative gradient at ``beta``."""
        return self.pull - self.precision.times(beta - self.centre)

    def prox(self, beta: np.ndarray, size: float | np.ndarray) -> np.ndarray:
        """``beta``: there is no other part than the quadratic."""
        return beta

    def quadratic(self):
        """P."""
        return self.precision

    def active(self, beta: np.ndarray, score: np.ndarray) -> np.ndarray:
        """All coefficients can move."""
        return np.ones(len(beta), bool)

    def violation(self, beta: np.ndarray, score: np.ndarray) -> float:
        """The largest gradient, in units; ``score`` is that of the loss alone."""
        return float((np.abs(score + self.score(beta)) / self.unit).max(initial=0.0))

    def degrees_of_freedom(self, beta: np.ndarray, information) -> float:
        """The trace of (J + P)^-1 J, J the information of all rows."""
        return effective_number(information, self.precision, ~self.held)


class ElasticPenalty(NamedTuple):
    """sum of ridge_j / 2 b_j^2 + lasso_j |b_j| for lower_j <= b_j <= upper_j, ``ridge`` and ``lasso`` (m,) >= 0.

    ``lower`` and ``upper`` are (m,) on both sides of zero, or infinite; ``unit`` (m,) is what violations of the
    optimality conditions are divided by.
    """

    ridge: np.ndarray
    lasso: np.ndarray
    lower: np.ndarray | float = -np.inf
    upper: np.ndarray | float = np.inf
    unit: np.ndarray | float = 1.0

    separable, screened, smooth = True, True, False

    @property
    def kink(self) -> np.ndarray:
        """The largest gradient that leaves each coefficient at zero, (m,)."""
        return self.lasso

    @property
    def free(self) -> np.ndarray:
        """Which coefficients have no penalty and no bound, (m,) bool."""
        return (self.lasso == 0.0) & (self.ridge == 0.0) & (self.lower == -np.inf) & (self.upper == np.inf)

    @property
    def held(self) -> np.ndarray:
        """Which coefficients have no other value than zero, (m,) bool."""
        return np.broadcast_to(np.equal(self.lower, self.upper), np.shape(self.lasso))

    def of(self, numbers: np.ndarray) -> ElasticPenalty:
        """The penalty of some of the coefficients, by their numbers; with all of its fields as arrays."""
        return ElasticPenalty(*(v[numbers] if np.ndim(v) else np.full(len(numbers), v) for v in self))

    def strong(self, score: np.ndarray, last: ElasticPenalty) -> np.ndarray:
        """The coefficients that the strong rule keeps, (m,) bool, from the score at the solution of another lambda."""
        return np.abs(score) >= 2.0 * self.lasso - last.lasso

    def whole(self, numbers: np.ndarray) -> np.ndarray:
        """The numbers of coefficients that go together with these: they alone."""
        return numbers

    def times(self, factor: float) -> ElasticPenalty:
        """The penalty and its unit times a number."""
        return self._replace(ridge=factor * self.ridge, lasso=factor * self.lasso, unit=factor * self.unit)

    def within(self, beta: np.ndarray) -> np.ndarray:
        """``beta`` within the bounds."""
        return np.clip(beta, self.lower, self.upper)

    def value(self, beta: np.ndarray) -> float:
        """The penalty at ``beta``."""
        # not by BLAS, whose threads would wake
        return float((0.5 * self.ridge * beta * beta + self.lasso * np.abs(beta)).sum())

    def score(self, beta: np.ndarray) -> np.ndarray:
        """The negative gradient of the quadratic part at ``beta``."""
        return -self.ridge * beta

    def prox(self, beta: np.ndarray, size: float | np.ndarray) -> np.ndarray:
        """The b that minimises |b - beta|^2 / (2 size) + sum of lasso |b| in the bounds: the clipped soft threshold."""
        soft = np.sign(beta) * np.maximum(np.abs(beta) - size * self.lasso, 0.0)
        return np.clip(soft, self.lower, self.upper)

    def quadratic(self) -> Diagonal | None:
        """The ridge as a matrix, or None without one."""
        return Diagonal(self.ridge) if self.ridge.any() else None

    def active(self, beta: np.ndarray, score: np.ndarray) -> np.ndarray:
        """Which coefficients are not zero, or would leave it by the ``score`` of the smooth part, (m,) bool."""
        return (beta != 0.0) | (np.abs(score) > self.lasso) | (self.lasso == 0.0)

    def subgradient(self, beta: np.ndarray, score: np.ndarray) -> np.ndarray:
        """The smallest subgradient of each coefficient in absolute terms, zero at the optimum.

        ``score`` is that of the smooth part, the ridge included. At a bound only the pull away from it counts.
        """
        up = score - np.where(beta >= 0.0, self.lasso, -self.lasso)
        down = score - np.where(beta > 0.0, self.lasso, -self.lasso)
        up, down = np.where(beta < self.upper, up, 0.0), np.where(beta > self.lower, down, 0.0)
        return np.maximum(np.maximum(up, -down), 0.0)

    def violation(self, beta: np.ndarray, score: np.ndarray) -> float:
        """The largest violation of the optimality conditions, in units; ``score`` is that of the loss alone."""
        return float((self.subgradient(beta, score + self.score(beta)) / self.unit).max(initial=0.0))

    def degrees_of_freedom(self, beta: np.ndarray, information) -> float:
        """The trace of (J + ridge)^-1 J over the coefficients that are not zero (Zou, Hastie and Tibshirani 2007)."""
        return effective_number(information, Diagonal(self.ridge), self.moves(beta))

    def moves(self, beta: np.ndarray) -> np.ndarray:
        """Which coefficients are neither zero by the lasso nor at a bound, (m,) bool."""
        return ((beta != 0.0) | (self.lasso == 0.0)) & (beta > self.lower) & (beta < self.upper)


def unscaled_information(q, scale: np.ndarray) -> Dense:
    """The information of a pass in the units of the coefficients, whose columns were multiplied by ``scale`` (m,)."""
    return Dense(q.information.toarray() / scale / scale[:, None])


def effective_number(information, precision, active: np.ndarray) -> float:
    """The trace of (J + P)^-1 J over the ``active`` coefficients (m,) bool, in dense matrices of them."""
    J, P = (A.toarray()[np.ix_(active, active)] for A in (information, precision))
    diagonal = np.diagonal(J + P)
    size = 1.0 / np.sqrt(np.where(diagonal > 0.0, diagonal, 1.0))
    # the directions that change nothing, as a shift common to all classes, are none
    inverse = np.linalg.pinv((J + P) * size * size[:, None], rcond=SINGULAR, hermitian=True)
    return float((inverse * (J * size * size[:, None])).sum())
