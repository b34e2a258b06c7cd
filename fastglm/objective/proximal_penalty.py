"""Penalties of which a value and a proximal step are known, and nothing else."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..linalg.symmetric import Diagonal
from .penalty import effective_number

MOST_STEPS = 100_000  # proximal gradient steps on one model, each a product with its matrix
LOOK, PATIENCE = 10, 30  # steps between two looks at the violation; looks that may not see it fall; chosen
BISECTIONS = 60  # of the largest lambda


class OfClasses(NamedTuple):
    """The sum of a record's function over the coefficients of K classes, which follow each other."""

    own: Any
    n_classes: int

    def value(self, b: np.ndarray) -> float:
        """The sum over the classes."""
        return sum(self.own.value(part) for part in np.split(b, self.n_classes))

    def prox(self, b: np.ndarray, size: float) -> np.ndarray:
        """The proximal steps of the classes."""
        return np.concatenate([self.own.prox(part, size) for part in np.split(b, self.n_classes)])


class ProximalPenalty(NamedTuple):
    """size times a record's function of the standardised coefficients, but for those that are ``free``.

    ``own`` has ``value(b)`` and ``prox(b, size)``; ``sd``, ``unit`` (m,), ``free`` (m,) bool.
    """

    own: Any
    size: float
    sd: np.ndarray
    free: np.ndarray
    unit: np.ndarray

    separable = screened = smooth = False

    @property
    def kink(self) -> np.ndarray:
        """An amount of the gradient that is as good as rounding in it, (m,)."""
        return np.where(self.free, 0.0, self.size * self.sd)

    @property
    def held(self) -> np.ndarray:
        """Which coefficients are held at zero, (m,) bool: none."""
        return np.zeros(len(self.sd), bool)

    def of(self, numbers: np.ndarray) -> ProximalPenalty:
        """The penalty of some of the coefficients, among which are all that it has."""
        return self._replace(sd=self.sd[numbers], free=self.free[numbers], unit=self.unit[numbers])

    def times(self, factor: float) -> ProximalPenalty:
        """The penalty and its unit times a number."""
        return self._replace(size=factor * self.size, unit=factor * self.unit)

    def within(self, beta: np.ndarray) -> np.ndarray:
        """``beta`` by the proximal step of size zero: in what bounds the record may have."""
        return beta if np.isfinite(self.value(beta)) else self.prox(beta, 0.0)

    def value(self, beta: np.ndarray) -> float:
        """The penalty at ``beta``."""
        return self.size * float(self.own.value((self.sd * beta)[~self.free]))

    def score(self, beta: np.ndarray) -> np.ndarray:
        """Zero: there is no quadratic part that is known as one."""
        return np.zeros(len(beta))

    def prox(self, beta: np.ndarray, size: float) -> np.ndarray:
        """The b that minimises |sd b - sd beta|^2 / (2 size) plus the penalty."""
        z = self.sd * beta
        z[~self.free] = self.own.prox(z[~self.free], size * self.size)
        return z / self.sd

    def quadratic(self) -> None:
        """There is no part that is known as a quadratic."""
        return None

    def active(self, beta: np.ndarray, score: np.ndarray) -> np.ndarray:
        """All coefficients can move."""
        return np.ones(len(beta), bool)

    def subgradient(self, beta: np.ndarray, score: np.ndarray) -> np.ndarray:
        """The move of each coefficient by a proximal gradient step, over the step's size: zero at the optimum."""
        t = self._probe(beta, score)
        return np.abs(self.prox(beta + t * score / self.sd**2, t) - beta) / t * self.sd**2

    def _probe(self, beta, score):
        """A step whose length is about a thousandth of the coefficients."""
        moved = float(np.linalg.norm(score / self.sd))
        return 1e-3 * max(float(np.linalg.norm(self.sd * beta)), 1e-3) / moved if moved > 0.0 else 1.0

    def violation(self, beta: np.ndarray, score: np.ndarray) -> float:
        """The largest violation of the optimality conditions, in units."""
        return float((self.subgradient(beta, score) / self.unit).max(initial=0.0))

    def degrees_of_freedom(self, beta: np.ndarray, information) -> float:
        """The coefficients that are not zero."""
        return effective_number(information, Diagonal(np.zeros(len(beta))), beta != 0.0)

    def minimum(self, S: np.ndarray, beta: np.ndarray, score: np.ndarray, tol: float) -> np.ndarray:
        """The minimum of a quadratic model with the penalty, by accelerated proximal gradient steps that begin anew
        where they go uphill (Beck and Teboulle 2009, SIAM Journal on Imaging Sciences 2; O'Donoghue and Candes 2015,
        Foundations of Computational Mathematics 15). Parameters as of ``GroupPenalty.minimum``."""
        sd, plain = self.sd, self._replace(sd=np.ones(len(self.sd)), unit=self.unit / self.sd)
        S, g0, start = S / sd / sd[:, None], score / sd, beta * sd
        t = 1.0 / max(float(np.linalg.eigvalsh(S)[-1]) * (1.0 + 1e-12), np.finfo(float).tiny)
        z, ahead, momentum, least, stale = start, start, 1.0, np.inf, 0
        for i in range(MOST_STEPS):
            new = plain.prox(ahead + t * (g0 - S @ (ahead - start)), t)
            if (ahead - new) @ (new - z) > 0.0:
                momentum = 1.0
            after = 0.5 * (1.0 + np.sqrt(1.0 + 4.0 * momentum**2))
            ahead = new + (momentum - 1.0) / after * (new - z)
            z, momentum = new, after
            if i % LOOK == 0:
                left = plain.violation(z, g0 - S @ (z - start))
                least, stale = (left, 0) if left < 0.9 * least else (least, stale + 1)
                if left <= tol or stale > PATIENCE:
                    break
        return z / sd


def largest_by_prox(own, score: np.ndarray) -> float:
    """The least lambda at which a proximal step from zero along ``score`` stays there, by bisection."""
    size, high = float(np.abs(score).max(initial=0.0)), 1.0
    if size == 0.0:
        return 0.0
    score = score / size
    while np.any(own.prox(score.copy(), high)) and high < 1e6:
        high *= 2.0
    low = 0.0
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if np.any(own.prox(score.copy(), middle)) else (low, middle)
    return high * size
