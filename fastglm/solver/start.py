"""Where a descent begins: at the user's coefficients, at the first IRLS iterate, or at the null model."""

from __future__ import annotations

import numpy as np

from .newton import factorise

FAINTEST, LARGEST = 1e-200, 1e200  # diagonal entries between which no product of two overflows or vanishes


def begin(objective, start, fallback):
    """Coefficients to begin with: the user's, R's first IRLS iterate, or the null model's.

    The null model's where it is central: for means in (0, 1) the first Newton step from it is a linear discriminant.

    Parameters
    ----------
    objective : Objective
    start : (m,) array or None
    fallback : callable
        As for ``Problem``.

    Returns
    -------
    beta : (m,) array
    quadratic : Quadratic or None
        The pass with curvature at ``beta``, where one was made to judge it.
    """
    if start is not None:
        return start, None
    if not objective.sampleable:
        beta, q = _placed(objective, fallback())
        if is_finite(q):
            return _nearer(objective, beta, q, fallback)
    if not fallback.central:
        beta = first_iterate(objective)
        if beta is not None:
            beta, q = _placed(objective, beta)
            if is_finite(q) and q.deviance <= fallback.deviance:
                return beta, q
    return _moved(objective, fallback()), None


def is_finite(q) -> bool:
    """Whether a pass has a finite deviance and score."""
    return bool(q.finite and np.isfinite(q.score).all())


def _nearer(objective, beta, q, fallback):
    """Where levels have the means of their rows, if the deviance is lower there; R's first iterate where the mean is
    near an end of its range; else as given."""
    bend = getattr(objective, "toward_level_means", None)
    if bend is not None:
        factor = factorise(objective, q, beta)
        # of columns that nearly depend on others, steps are too long to be told by tangents
        near = factor.aliased or factor.accurate
        step = None if near else bend(fallback.mean, factor.solve(q.score), q)
        if step is not None:
            new = objective.at(beta + step, 2)
            return (beta + step, new) if is_finite(new) and new.deviance < q.deviance else (beta, q)
    first = first_iterate(objective) if fallback.rare else None
    if first is not None:
        there = _placed(objective, first)
        return there if is_finite(there[1]) else (beta, q)
    return beta, q


def _placed(objective, beta):
    """Coefficients with those of empty levels at their bound, and their pass."""
    beta = _moved(objective, beta)
    return beta, objective.at(beta, 2)


def _moved(objective, beta):
    move = getattr(objective, "start_empty_levels_at_bound", None)
    return beta if move is None else move(beta)


def first_iterate(objective) -> np.ndarray | None:
    """The first IRLS iterate from the family's starting means, or None where it does not exist."""
    q = objective.first()
    d = q.information.diagonal()
    if not (np.isfinite(d).all() and (d > FAINTEST).all() and (d < LARGEST).all()) and objective.rescale():
        q = objective.first()
    scale = objective.scale
    if not np.isfinite(q.information.diagonal()).all() or not np.isfinite(q.score).all():
        return None
    factor = q.information.factor(scale)
    # a start only: any solution of a singular system will do
    found = q.information.any_solution(scale, q.score) if factor is None else factor.solve(q.score)
    return factorise(objective, q, np.zeros(len(scale))).solve(q.score) if found is None else found
