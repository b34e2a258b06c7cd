"""Newton's method whose steps are found by conjugate gradients, for models whose information is too large to factor.

Dembo, Eisenstat and Steihaug (1982), "Inexact Newton methods": a step as exact as the distance is small keeps the
convergence superlinear. Every product of the information with a vector is one pass, at a score pass's cost.
"""

from __future__ import annotations

from math import inf, isfinite, sqrt
from typing import TYPE_CHECKING

import numpy as np

from .newton import norm, record, search
from .problem import Problem, Solution

if TYPE_CHECKING:
    from ..core.protocols import Factor

LOOSE = 0.1  # of a step, that is left unsolved far from the optimum
MAX_PRODUCTS = 250  # conjugate-gradient steps within one Newton step


def newton_cg(problem: Problem, beta: np.ndarray, factor: Factor) -> Solution:
    """Minimise the deviance from ``beta``.

    Parameters
    ----------
    problem : Problem
    beta : (m,) array
        A start with a finite deviance.
    factor : Factor
        Of a matrix that is about the information.
    """
    objective, control, dispersion = problem.objective, problem.control, problem.dispersion
    q = objective.at(beta, 1)
    if not q.finite or not isfinite(q.score.sum()):
        return Solution(beta, q, None, inf, inf, 0, "not finite at the start", ())
    history: list = []
    stop, distance = "iteration limit reached", inf
    # the distance before a step is not known yet at the first
    forcing = LOOSE
    for iteration in range(1, control.max_iter + 1):
        step = conjugate_gradients(lambda v, beta=beta: objective.product(beta, v), q.score, factor, forcing)
        gain = float(q.score @ step)
        distance = sqrt(max(gain, 0.0) / max(dispersion(q), 1e-300))
        record(history, control, iteration, objective.n_passes, q.deviance, q.max_eta, distance, False)
        # what a step leaves: Newton's own remainder, and what conjugate gradients did not solve
        ahead = distance * max(min(control.newton_constant * distance, 1.0), forcing)
        if ahead <= max(control.tol, control.accept_tol):
            return Solution(beta + step, q, None, ahead, norm(q), iteration, "converged", tuple(history))
        _, beta, q_new, _ = search(objective, beta, step, gain, q, 1, 40)
        if q_new is None:
            stop = "no step along the direction lowers the deviance"
            stop = "converged" if distance <= control.accept_tol else stop
            break
        q = q_new
        forcing = float(np.clip(0.1 * distance, 1e-3, LOOSE))
    return Solution(beta, q, None, distance, norm(q), iteration, stop, tuple(history))


def conjugate_gradients(product, g: np.ndarray, factor: Factor, tol: float) -> np.ndarray:
    """x with H x = g to ``tol`` of g, in the norm of the inverse of ``factor`` (Hestenes and Stiefel 1952)."""
    x, r = np.zeros_like(g), g.copy()
    z = factor.solve(r)
    p, rz = z.copy(), float(r @ z)
    first = rz
    for _ in range(MAX_PRODUCTS):
        if rz <= tol * tol * first:
            break
        Hp = product(p)
        curvature = float(p @ Hp)
        # along a direction that X does not see, rounding alone would decide how far to go
        if not curvature > 1e-13 * factor.size(p) ** 2:
            break
        alpha = rz / curvature
        x += alpha * p
        r -= alpha * Hp
        z = factor.solve(r)
        before, rz = rz, float(r @ z)
        p = z + (rz / before) * p
    return x
