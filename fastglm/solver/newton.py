"""Descent by Newton steps whose curvature may be old, a sample's, or corrected by what earlier passes showed.

One loop serves damped Newton and IRLS (a fresh curvature at every pass), the pass-optimal plan (a sample's curvature,
score passes, one last curvature) and L-BFGS (a diagonal and corrections only).
"""

from __future__ import annotations

from itertools import pairwise
from math import exp, inf, isfinite, log, sqrt
from time import perf_counter
from typing import NamedTuple

import numpy as np

from ..moments import Bordered
from .bordered import bordered_rank
from .factor import SAFE_PIVOT, SAFE_PIVOT_SMALL, Diagonal, cholesky, from_root
from .rank import CROSS_PRODUCT, decide_rank

BLOCKED = "the end of the means' range stops the steps"
EPS = np.finfo(float).eps
LATELY = 20  # iterations, for which it counts that the end of the means' range has shortened a step
CHANGED = 4.0  # times, by which a curvature differs before corrections made with it are dropped


class Control(NamedTuple):
    """Options of a descent.

    ``tol`` bounds the estimated distance to the optimum in standard errors, ``enough`` is what is accepted where
    rounding stops the descent; ``lazy`` reuses a curvature while the distance shrinks; ``memory`` is the number of
    corrections kept; ``final`` asks for a curvature no further than ``near`` standard errors from the optimum; a
    Newton step with its own curvature leaves ``bend`` times the square of the distance; ``score_cost`` is what a score
    pass costs beside one with curvature; beyond ``trust`` standard errors a curvature that is not all rows' own is not
    to be followed; ``rho`` is the factor the first step with such a curvature is expected to leave;
    ``robust`` asks for the outer products of the scores too, from solvers that read rows once;
    ``began`` is when the clock of the history started.
    """

    tol: float = 1e-8
    enough: float = 1e-8
    max_iter: int = 100
    lazy: bool = True
    memory: int = 10
    final: bool = True
    near: float = 1e-6
    bend: float = 1.0
    score_cost: float = 0.5
    trust: float = inf
    rho: float = 0.1
    canonical: bool = True
    robust: bool = False
    began: float = 0.0
    callback: object = None


class Solution(NamedTuple):
    """Where a descent ended and why.

    ``stop`` is "converged" or the reason it is not; ``certificate`` the estimated distance to the optimum in
    standard errors (an upper bound of every coefficient's under the quadratic model). ``quadratic`` is the last pass,
    ``origin`` the coefficients and the pass at which ``factor`` was made, ``meat`` the sum of outer products of scores
    where the solver made it, ``blocked`` whether the end of the means' range has lately shortened steps.
    """

    beta: np.ndarray
    quadratic: object
    factor: object
    certificate: float
    score_norm: float
    n_iter: int
    stop: str
    history: tuple
    origin: tuple | None = None
    meat: np.ndarray | None = None
    blocked: bool = False


def factorise(objective, q, beta):
    """A factor of the information at beta: Cholesky, after rescaling where it over- or underflowed, else QR.

    Where Cholesky finds columns too nearly dependent for it, X decides once which are aliased. Coefficients whose
    columns have lost all information, because the means of their rows are at the end of their range, stay as they are.
    """
    # an entry that overflowed makes the factor NaN, one that underflowed does not
    d = q.information.diagonal()
    if not (d.min(initial=1.0) > 1e-200 and isfinite(d.sum())) and objective.rescale():
        q = objective.at(beta, 2)
    safe = SAFE_PIVOT_SMALL if objective.small else SAFE_PIVOT
    factor = cholesky(q.information, objective.scale, safe, objective.kept)
    if factor is None:
        if objective.kept is None:
            objective.kept, objective.aliased = decide_rank(objective)
        if isinstance(q.information, Bordered):
            factor = bordered_rank(q.information, objective.scale, CROSS_PRODUCT, objective.kept)
        else:
            objective.precise = True
            factor = from_root(objective.root(beta), objective.scale, objective.kept)
    return factor._replace(aliased=objective.aliased) if objective.aliased else factor


def descend(objective, beta, control: Control, dispersion, factor=None, q=None) -> Solution:
    """Minimise the deviance from ``beta``.

    Parameters
    ----------
    objective : Objective
    beta : (p,) array
        A start with a finite deviance.
    control : Control
    dispersion : callable
        Quadratic -> the dispersion standard errors would have there.
    factor : Factor, optional
        A curvature to begin with; one is computed at ``beta`` without it.
    q : Quadratic, optional
        The pass at ``beta``, if already made.
    """
    fresh = factor is None
    if q is None or (fresh and q.information is None):
        q = objective.at(beta, 2 if fresh else 1)
    if not q.finite or not isfinite(q.score.sum()):
        return Solution(beta, q, factor, inf, inf, 0, "not finite at the start", ())
    origin, creeping, since_blocked = None, 0, LATELY
    if fresh:
        factor = factorise(objective, q, beta)
        beta = without_aliased(beta, factor)
        origin = (beta, q)
    pairs: list = []
    history: list = []
    rho, previous, stop = control.rho if not fresh else 1.0, inf, "iteration limit reached"
    # how far beta has moved since the curvature was made; a sample's was made nowhere
    drift = 0.0 if fresh else inf
    for iteration in range(1, control.max_iter + 1):
        exact = fresh and control.canonical
        if fresh and pairs:
            pairs[:] = [pair for pair in pairs if _agrees(pair, factor)]
        step = factor.solve(q.score) if exact or not pairs else _two_loop(factor, pairs, q.score)
        gain = float(q.score @ step)
        if pairs and not exact and (fresh or not gain > 0.0):
            plain = factor.solve(q.score)
            plain_gain = float(q.score @ plain)
            if not 0.0 < gain <= CHANGED * plain_gain:
                pairs.clear()
                step, gain = plain, plain_gain
        distance = sqrt(max(gain, 0.0) / max(dispersion(q), 1e-300))
        if iteration > 1 and previous > 0.0:
            rho = distance / previous
        # a step that rounding of the linear predictor would hide
        floor = (distance < 1e-3 or iteration > 5) and gain <= (EPS * factor.size(beta)) ** 2
        record(history, control, iteration, objective, q, distance, fresh)
        ahead = _ahead(control, distance, rho, exact)
        settled = not control.final or drift + distance <= 2.0 * max(control.near, control.tol)
        shrinks = distance <= 0.5 * history[-2]["distance"] if iteration > 1 else rho <= 0.5
        still = (settled or (fresh and distance < 1.0)) and not shrinks
        resting = still and _near_enough(control, factor, beta, distance, dispersion(q))
        if (floor and (fresh or not control.final)) or (settled and ahead <= control.tol) or resting:
            # the step is taken: what it leaves is estimated, not measured
            left = min(ahead, distance)
            stop = "converged" if since_blocked > 3 else BLOCKED
            lately = since_blocked < LATELY
            return Solution(
                beta + step, q, factor, left, norm(q), iteration, stop, tuple(history), origin, blocked=lately
            )
        order = 2 if _wants_curvature(control, distance, rho, drift, exact) else 1
        stale = not fresh and control.lazy and not isinstance(factor, Diagonal)
        # a shorter step along an old direction is worth trying only where a score pass is nearly free
        tries = 40 if not stale else 1 if control.score_cost > 0.2 else 3
        if stale and distance > control.trust:
            q_new = None
        else:
            longest = _stretch(history, control) if fresh and not objective.small else 1.0
            t, trial, q_new, blocked = search(objective, beta, step, gain, q, order, tries, longest)
        if q_new is None:
            if stale:
                # an unrepresentative curvature: look again with one of all rows, here
                q = objective.at(beta, 2)
                factor, fresh, pairs, previous = factorise(objective, q, beta), True, [], inf
                beta = without_aliased(beta, factor)
                drift, origin = 0.0, (beta, q)
                continue
            stop = "no step along the direction lowers the deviance"
            break
        if not (control.canonical and q_new.information is not None):
            _remember(pairs, trial - beta, q.score - q_new.score, control.memory)
        beta, q, previous = trial, q_new, distance if t == 1.0 else inf
        creeping = creeping + 1 if blocked and t < 0.1 else 0
        since_blocked = 0 if blocked else since_blocked + 1
        if creeping == 5:
            stop = BLOCKED
            break
        fresh = q.information is not None
        drift += t * distance
        if fresh:
            factor = factorise(objective, q, beta)
            beta = without_aliased(beta, factor)
            drift, origin = 0.0, (beta, q)
            if control.canonical:
                pairs.clear()
    return Solution(beta, q, factor, float(distance), norm(q), iteration, stop, tuple(history), origin)


def record(history, control, iteration, objective, q, distance, fresh):
    """Write an iteration down, and tell whoever watches."""
    history.append(
        {
            "iteration": iteration,
            "passes": objective.n_passes,
            "deviance": q.deviance,
            "distance": distance,
            "max_eta": q.max_eta,
            "fresh": fresh,
            "seconds": perf_counter() - control.began,
        }
    )
    if control.callback:
        control.callback(history[-1])


def _near_enough(control, factor, beta, distance, phi):
    """Whether a distance that no longer shrinks is what rounding leaves, of the score or of beta itself."""
    return distance <= max(control.enough, 4 * EPS * factor.reach(beta) / sqrt(max(phi, 1e-300)))


def without_aliased(beta, factor):
    """The same linear predictor with aliased coefficients moved onto the columns they repeat."""
    if not factor.aliased:
        return beta
    beta = np.array(beta)
    for j, combination in factor.aliased.items():
        for k, c in combination.items():
            beta[k] += c * beta[j]
        beta[j] = 0.0
    return beta


def _wants_curvature(control, distance, rho, drift, exact):
    """Whether the next pass should bring a new curvature."""
    if not control.lazy:
        return True
    if not control.final:
        return False
    if exact:
        # Newton's own step squares the distance; a curvature from afar still leads there, but cannot stay
        if control.score_cost < 0.2 and distance > 1e-2:
            return False
        return distance > 1e-2 or drift + distance > 2.0 * control.near
    if rho * distance <= control.near < drift:
        return True
    # passes that the old curvature still needs, each a fraction of one with curvature, against a new one
    passes = log(max(distance / control.near, 1.0)) / -log(max(rho, EPS)) if rho < 1.0 else inf
    return passes * control.score_cost > 1.3


def _ahead(control, distance, rho, exact):
    """The distance to expect after the step."""
    if exact:
        return min(control.bend * distance * distance, distance)
    return min(max(rho, 0.01), 1.0) * distance


def norm(q):
    return sqrt(float(q.score @ q.score))


def _stretch(history, control):
    """How many of the Newton steps to come are one and the same, and can be taken at once.

    Where means run to the end of their range, every step adds one to a linear predictor and leaves exp(-1/2) of the
    distance, until rounding ends it: as many as the distance still has factors down to the tolerance.
    """
    if len(history) < 4:
        return 1.0
    last = history[-4:]
    ratios = [b["distance"] / a["distance"] for a, b in pairwise(last) if a["distance"] > 0.0]
    rises = [b["max_eta"] - a["max_eta"] for a, b in pairwise(last)]
    steady = len(ratios) == 3 and all(abs(r - exp(-0.5)) < 0.02 for r in ratios)
    if not steady or not all(abs(r - 1.0) < 0.05 for r in rises):
        return 1.0
    return max(1.0, 2.0 * log(max(last[-1]["distance"] / min(control.tol, control.enough), 1.0)))


def search(objective, beta, step, gain, q, order, tries, longest=1.0):
    """Halve the step until the deviance falls (Armijo 1966): (size, beta, Quadratic or None, left the range)."""
    noise = 1e-11 * abs(q.deviance) + 1e-300
    t, blocked = longest, False
    for _ in range(tries):
        trial = beta + t * step
        new = objective.at(trial, order)
        if new.finite and isfinite(new.score.sum()):
            # below the rounding of the deviance itself there is nothing to compare
            fall = 0.0 if gain * t <= noise else 1e-4 * min(t, 1.0) * gain
            if new.deviance <= q.deviance - fall + noise:
                return t, trial, new, blocked
        else:
            blocked = True
        t *= 0.5
    return t, beta, None, blocked


def _remember(pairs, s, y, memory):
    sy = float(s @ y)
    if sy > 1e-10 * float(np.sqrt((s @ s) * (y @ y))):
        pairs.append((s, y, sy))
        del pairs[:-memory]


def _agrees(pair, factor):
    """Whether a correction's curvature is still about that of all rows: where means run to the end of their range it
    falls by orders of magnitude, and old corrections would magnify rounding."""
    s, _, sy = pair
    return 1.0 / CHANGED <= sy / max(factor.size(s) ** 2, 1e-300) <= CHANGED


def _two_loop(factor, pairs, g):
    """The L-BFGS direction from the corrections in ``pairs``, preconditioned by ``factor`` (Nocedal 1980)."""
    g = g.copy()
    alphas = []
    for s, y, sy in reversed(pairs):
        a = (s @ g) / sy
        g -= a * y
        alphas.append(a)
    d = factor.solve(g)
    if isinstance(factor, Diagonal):
        s, y, sy = pairs[-1]
        d *= sy / float(y @ factor.solve(y))
    for (s, y, sy), a in zip(pairs, reversed(alphas), strict=True):
        d += (a - (y @ d) / sy) * s
    return d
