"""A whole path of penalties: descents from the largest lambda down, each from the coefficients before it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..kernels.path_steps import PathSteps
from .problem import Problem, solved
from .proximal import ProximalDescent, rounding
from .quadratic_model import QuadraticModel
from .rounds import follow_in_rounds, sample_of
from .rounds import pays as rounds_pay
from .solve import solve
from .start import is_finite
from .working_set import descent_of

TALL, WIDE = 1e-4, 1e-2  # of the largest lambda, that the least one is: with more rows than columns, and with fewer


class PathSolution(NamedTuple):
    """The solutions along a path of L penalties.

    Attributes
    ----------
    lambdas : (L,) array, decreasing
    beta : (L, m) array
    certificate : (L,) array
        The largest violation of the optimality conditions over lambda.
    deviance, pearson : (L,) arrays
    stops : tuple of str
    curvatures : Curvatures, optional
        Those of a path that was followed in rounds.
    """

    lambdas: np.ndarray
    beta: np.ndarray
    certificate: np.ndarray
    deviance: np.ndarray
    pearson: np.ndarray
    stops: tuple[str, ...]
    curvatures: Any = None


def follow(problem: Problem, scaled, lambdas, ratio: float | None) -> PathSolution:
    """Solve for every lambda of a path.

    Parameters
    ----------
    problem : Problem
        Without a penalty.
    scaled : ScaledPenalty
    lambdas : int or (L,) array
        A number of values from the least one that leaves the null model, or the values.
    ratio : float, optional
        The last value over the first, where a number is given.
    """
    objective = problem.objective
    descent = descent_of(objective, problem.first(), problem.control, scaled)
    if not is_finite(descent.q):
        nothing = np.zeros(0)
        return PathSolution(nothing, nothing, nothing, nothing, nothing, ("not finite at the start",))
    if np.ndim(lambdas) == 0:
        descent.solve(scaled.null())
        ratio = ratio or (TALL if objective.source.n_rows > objective.n_columns else WIDE)
        lambdas = scaled.largest(descent.q.score) * np.geomspace(1.0, ratio, lambdas)
    lambdas = np.sort(np.asarray(lambdas, np.float64).ravel())[::-1].copy()
    if rounds_pay(objective, scaled, len(lambdas)):
        sample = sample_of(objective)
        own = None if sample is None else descent_of(sample, descent.beta, problem.control, scaled)
        places, stops, curvatures = follow_in_rounds(descent, own, scaled, lambdas)
        objective.n_passes += 0.0 if sample is None else sample.n_passes
        found = zip(*((p.beta, p.violation, p.deviance, p.pearson) for p in places), strict=True)
        return PathSolution(lambdas, *map(np.array, found), stops, curvatures)
    step, found = _quadratic if scaled.P is not None else _proximal, []
    known = _of_sums(descent, scaled, lambdas, problem.control.tol)
    compiled = known is None and lambdas[-1] > 0.0 and _has_steps(descent, scaled)
    while len(found) < len(lambdas):
        some = _by_steps(descent, scaled, lambdas[len(found) :]) if compiled else None
        compiled, found = some is not None, found + (some or [])
        if (i := len(found)) < len(lambdas):  # the next one needs more than full steps
            found.append(known[i] if known and known[i] else step(problem, descent, scaled, float(lambdas[i])))
            solved(problem.control, 1)
    beta, certificate, deviance, pearson, stops = zip(*found, strict=True)
    return PathSolution(lambdas, np.array(beta), *map(np.array, (certificate, deviance, pearson)), stops)


def _has_steps(descent, scaled) -> bool:
    """Whether there are steps in compiled code along the path."""
    dense = isinstance(descent, ProximalDescent) and not descent.by_sums
    return dense and descent.objective.approachable and scaled.separable


def _by_steps(descent, scaled, lambdas):
    """The solutions of the first lambdas, as far as steps in compiled code come, where the descent then is; None where
    there are no such steps."""
    control, objective = descent.control, descent.objective
    limits = control.tol, control.accept_tol, control.max_iter
    steps = PathSteps(scaled.at(1.0), lambdas, *limits, descent.pairs, objective.canonical)
    if not objective.follow(descent.beta, steps):
        return None
    few = slice(steps.solved)
    solved(control, steps.solved)
    found = zip(steps.beta[few], steps.violation[few], steps.deviance[few], steps.pearson[few], strict=True)
    if 0 < steps.solved < len(lambdas):
        descent.pairs = steps.pairs
        descent.start_from(steps.beta[steps.solved - 1].copy())
    return [(beta, *map(float, numbers), "converged") for beta, *numbers in found]


def _of_sums(descent, scaled, lambdas, tol):
    """The solutions of least squares by its sums, in one call; None in the place of one that is not certified, or of
    all where the sums lose digits."""
    if not (getattr(descent, "by_sums", False) and scaled.separable and lambdas[-1] > 0.0):
        return None
    penalty, H = scaled.at(1.0), descent.H
    model = QuadraticModel(H, penalty.free)
    if model.loses(penalty) or not np.array_equal(penalty.within(descent.beta), descent.beta):
        return None
    beta = model.along_path(descent.beta, descent.q.score, penalty, lambdas, 0.1 * tol)
    (origin, q), out = descent.origin, []
    steps = beta - origin
    falls = steps @ H
    scores, deviances = q.score - falls, np.maximum(q.deviance - (steps * (2.0 * q.score - falls)).sum(1), 0.0)
    for lam, b, score, deviance in zip(lambdas.tolist(), beta, scores, deviances.tolist(), strict=True):
        at_lam = scaled.at(lam)
        left = at_lam.violation(b, score)
        arrived = left <= tol or left <= rounding(at_lam, H, b, deviance)
        out.append((b, left, deviance, deviance, "converged") if arrived else None)
    return out


def _proximal(problem, descent, scaled, lam):
    """The solution at a lambda from where the last one ended."""
    penalty = scaled.at(lam)
    stop = descent.solve(penalty)
    q = descent.q
    return descent.beta, descent.violation(penalty), q.deviance, q.pearson, stop


def _quadratic(problem, descent, scaled, lam):
    """The same of a ridge with a matrix of its own."""
    solution = solve(problem._replace(penalty=scaled.quadratic(lam), start=descent.beta))
    descent.beta, q = solution.beta, solution.quadratic
    return solution.beta, solution.certificate, q.deviance, q.pearson, solution.stop
