"""Newton's method by an observed information that need not be positive away from the optimum."""

from __future__ import annotations

from math import inf, isfinite, sqrt
from time import perf_counter
from typing import NamedTuple

import numpy as np

from .problem import Solution

FLOOR = 1e-8  # of the largest eigenvalue of an information of unit diagonal, to which lower ones are raised on the way
SINGULAR = 1e-13  # of it, below which the information says nothing in a direction
ARMIJO = 1e-4  # of the promised fall, that a step must bring
NEAR = 1e-5  # standard errors, below which rounding hides the fall of the deviance
MOST_HALVINGS = 30  # of a step; chosen: the last is a billionth
CAUTION = 10.0  # times, by which what a step leaves is taken for larger than steps before it say
ROUNDING = 1e-12  # standard errors, below which no distance is told
SETTLED = 1e-5  # relative change of the information by a step, below which it is that of the optimum
FARTHEST = 5.0  # standard errors of a step by a curvature that was not positive; chosen: such steps overshoot
AT_END = 1e-12  # times an end of a range, within which a coefficient is there


class Range(NamedTuple):
    """The coefficient, by its place, that is kept between two ends, beyond which the likelihood changes no more."""

    place: int
    low: float
    high: float

    def end(self, beta: np.ndarray) -> int:
        """-1 and 1 at the lower and at the upper end, else 0."""
        value = beta[self.place]
        return int(value >= self.high - AT_END * abs(self.high)) - int(value <= self.low + AT_END * abs(self.low))

    def share(self, beta: np.ndarray, step: np.ndarray) -> float:
        """How much of a step leads no farther than to an end."""
        value, change = beta[self.place], step[self.place]
        room = max(self.high - value if change > 0.0 else value - self.low, 0.0)
        return 1.0 if room >= abs(change) else room / abs(change)


class Direction(NamedTuple):
    """A Newton step: ``positive`` says whether the information was positive as it is, ``distance`` is its length in
    standard errors, ``gain`` twice the promised fall of half the deviance, ``inverse`` that of the information used."""

    step: np.ndarray
    inverse: np.ndarray
    gain: float
    distance: float
    positive: bool
    singular: bool


def direction(information: np.ndarray, score: np.ndarray) -> Direction:
    """The step by an information (m, m), negative and small eigenvalues replaced by their size, and a floor."""
    size = np.sqrt(np.abs(np.diagonal(information)))
    size = np.where(size > 0.0, size, 1.0)
    values, vectors = np.linalg.eigh(information / size / size[:, None])
    top = np.abs(values).max(initial=1e-300)
    positive = bool(values.min(initial=1.0) > SINGULAR * top)
    used = values if positive else np.maximum(np.abs(values), FLOOR * top)
    inverse = (vectors / used) @ vectors.T / size / size[:, None]
    step = inverse @ score
    gain = float(score @ step)
    singular = bool(np.abs(values).min(initial=1.0) <= SINGULAR * top)
    errors = np.sqrt(np.maximum(np.diagonal(inverse), 1e-300))
    distance = float(np.max(np.abs(step) / errors, initial=0.0))
    if not positive and gain > FARTHEST**2:
        step = step * (FARTHEST / sqrt(gain))
    return Direction(step, inverse, gain, distance, positive, singular)


def direction_within(kept: Range | None, beta: np.ndarray, information: np.ndarray, score: np.ndarray) -> Direction:
    """The same, no farther than to an end of the range of a coefficient, which stays there while its score or the step
    points out of the range: then the others move, and its row of the inverse is zero."""
    if kept is None:
        return direction(information, score)
    if kept.end(beta) * score[kept.place] <= 0.0:
        now = direction(information, score)
        share = kept.share(beta, now.step)
        if share > 0.0:
            return now._replace(step=share * now.step, gain=share * now.gain)
    free = np.arange(len(beta)) != kept.place
    now = direction(information[np.ix_(free, free)], score[free])
    step, inverse = np.zeros(len(beta)), np.zeros((len(beta),) * 2)
    step[free], inverse[np.ix_(free, free)] = now.step, now.inverse
    return now._replace(step=step, inverse=inverse)


def newton_indefinite(
    objective, beta, tol: float, max_iter: int, callback=None, observed: bool = True, kept: Range | None = None
) -> tuple[Solution, np.ndarray]:
    """Minimise the deviance from ``beta``, every step by the information at its beginning.

    The certificate is the largest part of the last Newton step in standard errors, by the full information of all
    parameters, or what that step leaves, where two steps before it show how fast distances are squared. Where a
    coefficient is at an end of its range, beyond which the deviance falls, it is that of the others.

    Parameters
    ----------
    objective : Objective
    beta : (m,) array
    tol : float
        Standard errors.
    max_iter : int
    callback : callable, optional
        Called with the record of each iteration.
    observed : bool
        Whether the information is the observed one, whose steps square the distance.
    kept : Range, optional
        Of a coefficient.

    Returns
    -------
    solution : Solution
    inverse : (m, m) array
        That of the information at the end, zero for a coefficient at an end of its range.
    """
    began, history, stop = perf_counter(), [], "iteration limit reached"
    q, now = objective.at(beta, 2), None
    if not q.finite or not np.isfinite(q.score).all():
        return Solution(beta, q, None, inf, inf, 0, "not finite at the start", ()), np.full((len(beta),) * 2, np.nan)
    for iteration in range(1, max_iter + 1):
        now = direction_within(kept, beta, np.asarray(q.information), q.score)
        history.append(
            {"iteration": iteration, "passes": objective.n_passes, "deviance": q.deviance, "distance": now.distance,
             "max_eta": float("nan"), "fresh": True, "seconds": perf_counter() - began}
        )  # fmt: skip
        if callback is not None:
            callback(history[-1])
        left = now.distance if objective.small else _left(history, now, observed)
        if now.positive and left <= tol:
            # the step is taken: what it leaves is estimated, not measured
            beta, stop = beta + now.step, "converged"
            q, now = q._replace(deviance=q.deviance - now.gain), now._replace(distance=left)
            break
        beta, new = _searched(objective, beta, now, q)
        if new is None:
            rounding = now.positive and now.distance <= NEAR
            stop = "converged" if rounding else "no step along the direction lowers the deviance"
            break
        q = new
    if now.singular:
        stop = "no information"
    score = sqrt(float(q.score @ q.score))
    return Solution(beta, q, None, now.distance, score, len(history), stop, tuple(history)), now.inverse


def _left(history, now, observed) -> float:
    """The distance that a step will leave: its length, or less where steps have lately squared it and the information
    has all digits already."""
    distances = [record["distance"] for record in history]
    last = distances[-2:]
    if len(last) < 2 or not 0.0 < last[1] < last[0] < 1.0:
        return now.distance
    # steps by the expected information leave a share of each distance beside its square: the least ratio bounds that
    pairs = [last] if observed else zip(distances, distances[1:], strict=False)
    squared = CAUTION * min(b / a**2 for a, b in pairs if 0.0 < b < a < 1.0)
    factor = squared * now.distance if observed else CAUTION * last[1] / last[0]
    left = min(now.distance, max(factor * now.distance, ROUNDING))
    return left if squared * now.distance <= SETTLED else now.distance


def _searched(objective, beta, now, q):
    """The coefficients and the pass at the first half of the step by which the deviance falls, None where none is."""
    t = 1.0
    near = now.positive and now.distance <= NEAR
    for _ in range(MOST_HALVINGS):
        trial = beta + t * now.step
        new = objective.at(trial, 2)
        fine = new.finite and isfinite(float(new.score @ new.score))
        if fine and near:
            # the score tells more than a deviance whose last digits are rounding
            return (trial, new) if new.score @ now.inverse @ new.score < now.gain else (beta, None)
        if fine and new.deviance <= q.deviance - 2.0 * ARMIJO * t * now.gain:
            return trial, new
        t *= 0.5
    return beta, None
