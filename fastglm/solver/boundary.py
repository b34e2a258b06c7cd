"""Optima on the boundary of the means' range, where a line search stops short: a barrier method.

With links such as identity the range of the mean bounds the linear predictor of every row, and the optimum can lie
where some row touches its bound (Marschner 2011, "glm2: fitting generalized linear models with convergence
problems"). Newton steps on deviance / 2 - mu sum log(distance to the bound), mu falling to nothing, go there from
inside (Nocedal and Wright 2006, chapter 19).
"""

from __future__ import annotations

from math import sqrt

import numpy as np

from ..family.links import linear_predictor
from ..kernels.evaluate import row_terms
from .newton import factorise
from .problem import Problem, Solution

CELLS = 2_000_000  # the largest design kept dense for this
NEAR = 1e-6  # a row this near its bound, relative to the spread of eta, is on it
LEAST = 1e-14  # weight of the barrier, beyond which a row's distance to its bound is rounding
PRESSURE = 1e-3  # of the largest score of a row, above which one at its bound is pushed against it


def at_boundary(problem: Problem, solution: Solution) -> Solution:
    """Where the line search ran into the end of the means' range, the optimum along that end."""
    if solution.stop == "not finite at the start" or (solution.stop == "converged" and not solution.blocked):
        return solution
    objective = problem.objective
    if not can_be_searched(objective):
        return solution
    near = solution.certificate <= problem.control.accept_tol
    if near and not presses(objective, solution.beta):
        return solution._replace(stop="converged")
    found = barrier(objective, solution.beta, problem.fallback())
    if found is None:
        return solution
    beta, gap = found
    if not touches(objective, beta):
        return solution._replace(stop="converged") if near else solution
    q, reached = objective.at(beta, 2), solution.quadratic.deviance
    if not q.finite or not q.deviance <= reached * (1.0 + 1e-6):
        return solution
    # a deviance above the optimum's by its dispersion times z^2 is z standard errors away
    certificate = sqrt(2.0 * gap / max(problem.dispersion(q), 1e-300))
    solution = solution._replace(stop="boundary", certificate=certificate)
    if q.deviance > reached:
        # the search crept along the boundary to the same place, and a little further
        return solution
    with np.errstate(all="ignore"):
        finite = np.isfinite(q.information.toarray()).all()
        factor = factorise(objective, q, beta) if finite else solution.factor
    return solution._replace(beta=beta, quadratic=q, factor=factor)


def eta_bounds(family, link):
    """The linear predictors between which the means lie in the family's range: (low, high)."""
    ends = [linear_predictor(link, mu) for mu in family.mean[:2] if np.isfinite(mu)]
    ends = [end for end in ends if np.isfinite(end)]
    middle = link.link(0.5)
    below = [e for e in ends if e < middle]
    above = [e for e in ends if e > middle]
    return (below[0] if below else -np.inf), (above[0] if above else np.inf)


def barrier(objective, beta, inside):
    """Coefficients at the constrained optimum, from between ``beta`` and ``inside``, and how far half the deviance may
    be above it: the duality gap, a weight of the barrier for each bound. None where nothing bounds eta.
    """
    pair = objective.pair
    low, high = eta_bounds(pair.family, pair.link)
    if not can_be_searched(objective):
        return None
    X, y, w, o = objective.rows()

    def terms(b, mu):
        eta = X @ b + o
        room = [d for d, end in ((eta - low, low), (high - eta, high)) if np.isfinite(end)]
        if not all((d > 0).all() for d in room):
            return np.inf, None, None
        r, h, d = row_terms(pair, eta, y, w)
        value = 0.5 * d.sum() - mu * sum(np.log(d).sum() for d in room)
        push = np.zeros_like(eta)
        bend = np.zeros_like(eta)
        if np.isfinite(low):
            push, bend = push + mu / (eta - low), bend + mu / (eta - low) ** 2
        if np.isfinite(high):
            push, bend = push - mu / (high - eta), bend + mu / (high - eta) ** 2
        return value, X.T @ (r + push), (X.T * (h + bend)) @ X

    reached = objective.at(beta, 0).deviance
    mu = (max(abs(reached), 1.0) if np.isfinite(reached) else 1.0) / len(y)
    with np.errstate(all="ignore"):
        # rounding may have put beta on the boundary itself, or beyond
        starts = (inside + t * (beta - inside) for t in (1.0, 0.99, 0.5, 0.1, 0.0))
        beta = next((b for b in starts if np.isfinite(terms(b, mu)[0])), None)
        if beta is None:
            return None
        while mu > LEAST:
            beta, gap = _newton(terms, beta, mu), mu * len(y) * np.isfinite([low, high]).sum()
            mu *= 0.1
    return beta, gap


def can_be_searched(objective) -> bool:
    """Whether the means' range bounds the linear predictors, of rows that are few enough to be kept dense."""
    if not objective.bounded or objective.source.n_rows * objective.n_params > CELLS:
        return False
    return bool(np.isfinite(eta_bounds(objective.pair.family, objective.pair.link)).any())


def touches(objective, beta) -> bool:
    """Whether some row's mean is at the end of its range, as near as its linear predictor can tell."""
    return bool(_at_bounds(objective, *_rows_at(objective, beta)).any())


def presses(objective, beta) -> bool:
    """Whether some row at the end of its range would go further: then a score of zero does not tell an optimum."""
    eta, y, w = _rows_at(objective, beta)
    with np.errstate(all="ignore"):
        push = np.abs(row_terms(objective.pair, eta, y, w)[0])
    outward = push[_at_bounds(objective, eta, y, w)]
    return bool((outward > PRESSURE * np.nanmax(push, initial=0.0)).any())


def _rows_at(objective, beta):
    X, y, w, o = objective.rows()
    return X @ beta + o, y, w


def _at_bounds(objective, eta, y, w):
    """Which rows' linear predictors are at a bound."""
    bounds = eta_bounds(objective.pair.family, objective.pair.link)
    gaps = [np.abs(eta - end) for end in bounds if np.isfinite(end)]
    return np.any([gap <= NEAR * gap.max(initial=0.0) for gap in gaps], axis=0)


def _newton(terms, beta, mu):
    value, g, H = terms(beta, mu)
    for _ in range(50):
        d = np.sqrt(np.maximum(np.diagonal(H), 1e-300))
        step = np.linalg.lstsq(H / d / d[:, None], g / d, rcond=1e-14)[0] / d
        gain = float(g @ step)
        if not gain > 1e-14 * (abs(value) + mu):
            break
        t = 1.0
        while t > 1e-12:
            new = terms(beta + t * step, mu)
            if new[0] <= value - 1e-4 * t * gain:
                break
            t *= 0.5
        else:
            break
        beta, (value, g, H) = beta + t * step, new
    return beta
