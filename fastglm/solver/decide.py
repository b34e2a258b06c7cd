"""The next action of a descent, decided from a few numbers without a row or a matrix: solvers and forecasts ask it."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, log
from typing import NamedTuple

import numpy as np

from ..core.measured import CHEAP_SCORE, SCORES_WORTH

EPS = np.finfo(float).eps
SAFE_CONTRACTION = 2.0  # times what the last step left, that the next one may leave
SLOW = 0.6  # of a distance, beyond which steps by a diagonal miss how columns depend on each other
STANDSTILL = 0.95  # of a distance, from which on a step has not helped
MOST_HALVINGS, STALE_HALVINGS = 40, 3  # of a step by a curvature of its own, and by an old one where scores are cheap


class Control(NamedTuple):
    """Options of a descent; distances are in standard errors.

    Attributes
    ----------
    tol : float
        The estimated distance to the optimum at which it has converged.
    accept_tol : float
        The distance that is accepted where rounding stops the descent.
    max_iter : int
    reuse_curvature : bool
        Whether a curvature is kept while the distance shrinks.
    memory : int
        Corrections that are kept.
    need_information : bool
        Whether the curvature is wanted, made no further than ``curvature_tol`` from the optimum.
    curvature_tol : float
    curvature_if_cheaper : bool
        Whether one that is not wanted is made where Newton's own steps end sooner than passes by the curvature at hand.
    newton_constant : float
        A Newton step by its own curvature leaves this times the square of the distance.
    score_cost : float
        What a pass without curvature costs beside one with it.
    trust_radius_se : float
        If the step is longer than this many standard errors and the curvature comes from a sample or from earlier
        coefficients, the curvature is computed on all rows.
    contraction : float
        The factor that the first step by such a curvature is expected to leave.
    canonical : bool
        Whether the expected information is the observed one.
    robust : bool
        Whether the outer products of the scores are wanted too, from solvers that read rows once.
    rough : bool
        Whether the factor at hand may rate distances too low, along columns that nearly depend on others.
    began : float
        When the clock of the history started.
    callback : callable or None
        Called with each record of the history.
    """

    tol: float = 1e-8
    accept_tol: float = 1e-8
    max_iter: int = 100
    reuse_curvature: bool = True
    memory: int = 10
    need_information: bool = True
    curvature_tol: float = 1e-6
    curvature_if_cheaper: bool = False
    newton_constant: float = 1.0
    score_cost: float = 0.5
    trust_radius_se: float = inf
    contraction: float = 0.1
    canonical: bool = True
    robust: bool = False
    rough: bool = False
    began: float = 0.0
    callback: Callable[[dict], None] | None = None


def no_step_is_hidden() -> bool:
    """The answer of a state whose linear predictors have no rounding."""
    return False


def no_rounding() -> float:
    """The distance that is left where nothing is rounded."""
    return 0.0


class State(NamedTuple):
    """The numbers that are known before a step.

    Attributes
    ----------
    distance : float
        The estimated distance to the optimum, in standard errors.
    last : float or None
        That of the iteration before, None at the first.
    contraction : float
        The distance over that of the last full step.
    pace : float or None
        What a step leaves on average, where that is another number.
    drift : float
        The distance that the coefficients have moved since the curvature was made; infinite for that of a sample.
    fresh : bool
        Whether the curvature is that of all rows at these coefficients.
    diagonal : bool
        Whether it is its diagonal alone.
    hidden : callable
        () -> whether rounding of the linear predictor hides the step. Asked for only where it matters.
    rounding : callable
        () -> the distance that rounding of the score and the coefficients leaves. As ``hidden``.
    """

    distance: float
    last: float | None = None
    contraction: float = 1.0
    pace: float | None = None
    drift: float = 0.0
    fresh: bool = True
    diagonal: bool = False
    hidden: Callable[[], bool] = no_step_is_hidden
    rounding: Callable[[], float] = no_rounding


class Action(NamedTuple):
    """The next action of a descent.

    Attributes
    ----------
    kind : {"stop", "search", "renew"}
        Take the step and stop; look along it for a lower deviance; or make the curvature of all rows first.
    left : float
        The distance to expect after the step.
    order : int
        Of a search's passes: 2 with curvature, 1 without.
    tries : int
        How often a search may halve the step.
    """

    kind: str
    left: float
    order: int = 1
    tries: int = MOST_HALVINGS


def decide(control: Control, state: State) -> Action:
    """The next thing to do in a descent.

    Parameters
    ----------
    control : Control
    state : State

    Returns
    -------
    Action
    """
    exact = state.fresh and control.canonical
    left = expected(control, state.distance, state.contraction, exact)
    if _has_arrived(control, state, left):
        return Action("stop", min(left, state.distance))
    stale = not state.fresh and control.reuse_curvature and not state.diagonal
    if stale and state.distance > control.trust_radius_se:
        return Action("renew", left)
    tries = MOST_HALVINGS
    if stale:
        # a shorter step along an old direction is worth trying only where a score pass is nearly free
        tries = 1 if control.score_cost > CHEAP_SCORE else STALE_HALVINGS
    return Action("search", left, 2 if _wants_curvature(control, state, exact, left) else 1, tries)


def expected(control: Control, distance: float, contraction: float, exact: bool) -> float:
    """The distance to expect after a step; ``exact`` for Newton's own."""
    if exact:
        return min(control.newton_constant * distance * distance, distance)
    return min(max(contraction, 0.01), 1.0) * distance


def _has_arrived(control, state, left):
    """Whether the step is the last: it gets there, or rounding lets none get nearer."""
    settled = not control.need_information or (
        state.drift + state.distance <= 2.0 * max(control.curvature_tol, control.tol)
    )
    if settled and left <= control.tol:
        return True
    if (state.fresh or not control.need_information) and state.hidden():
        return True
    shrinks = state.contraction <= 0.5 if state.last is None else state.distance <= 0.5 * state.last
    if shrinks or not (settled or (state.fresh and state.distance < 1.0)):
        return False
    return state.distance <= max(control.accept_tol, state.rounding())


def _ends_sooner(control, distance, contraction):
    """Whether Newton's own steps from the next pass on cost less than the passes by the curvature at hand."""
    if contraction >= 1.0 or distance <= control.tol:
        return contraction >= 1.0
    old = 1.0 + log(distance / control.tol) / -log(max(contraction, EPS))
    new = 1
    while (distance := control.newton_constant * distance * distance) > control.tol and new < old:
        new += 1
    return old * control.score_cost > new


def _wants_curvature(control, state, exact, left):
    """Whether the next pass, at a distance of about ``left``, should bring a new curvature."""
    distance, drift, contraction = state.distance, state.drift, state.contraction
    pace = contraction if state.pace is None else state.pace
    if not control.reuse_curvature:
        return True
    if not control.need_information:
        if not (control.curvature_if_cheaper and control.canonical):
            return False
        near_and_slow = distance < 1.0 and SLOW < pace < 1.0
        if control.score_cost < CHEAP_SCORE and not near_and_slow:
            return False
        return _ends_sooner(control, left, left / distance if state.fresh else pace)
    if exact:
        # Newton's own step squares the distance; a curvature from afar still leads there, but cannot stay
        if control.score_cost < CHEAP_SCORE and distance > 1e-2:
            return False
        return distance > 1e-2 or drift + distance > 2.0 * control.curvature_tol
    # a curvature too far out has to be made again, beside which score passes may cost nothing
    safety = SAFE_CONTRACTION if control.score_cost < CHEAP_SCORE else 1.0
    if min(safety * contraction, 1.0) * distance <= control.curvature_tol < drift:
        return True
    if control.score_cost < CHEAP_SCORE and distance > 1.0 and pace < STANDSTILL:
        return False  # so far out a curvature is soon an old one
    # passes that the old curvature still needs, each a fraction of one with curvature, against a new one
    passes = inf
    if pace < 1.0:
        passes = log(max(distance / control.curvature_tol, 1.0)) / -log(max(pace, EPS))
    return passes * control.score_cost > SCORES_WORTH
