"""Where a descent begins: at the user's coefficients, the first IRLS iterate, levels' means, or the null model."""

from __future__ import annotations

import numpy as np

from .newton import factorise

FAINTEST, LARGEST = 1e-200, 1e200  # diagonal entries between which no product of two overflows or vanishes


def begin(objective, start, fallback):
    """Coefficients to begin with: the user's, R's first IRLS iterate, those of levels' means, or the null model's.

    The null model's where it is central: for means in (0, 1) the first Newton step from it is a linear discriminant.
    Beside factors Newton's first step from it is bent to the means of the levels' rows.

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
    return objective.start_empty_levels_at_bound(fallback()), None


def is_finite(q) -> bool:
    """Whether a pass has a finite deviance and score."""
    return bool(q.finite and np.isfinite(q.score).all())


def _nearer(objective, beta, q, fallback):
    """Where levels have the means of their rows, if the deviance is lower there; R's first iterate where the mean is
    near an end of its range; else as given."""
    if objective.levels is not None and objective.levels.have_means(fallback.mean):
        factor = factorise(objective, q, beta)
        # of columns that nearly depend on others, steps are too long to be told by tangents
        if not (factor.aliased or factor.accurate):
            there = beta + objective.levels.toward_means(fallback.mean, factor.solve(q.score), q)
            new = objective.at(there, 2)
            return (there, new) if is_finite(new) and new.deviance < q.deviance else (beta, q)
    first = first_iterate(objective) if fallback.rare else None
    if first is not None:
        there = _placed(objective, first)
        return there if is_finite(there[1]) else (beta, q)
    return beta, q


def _placed(objective, beta):
    """Coefficients with those of empty levels at their bound, and their pass."""
    beta = objective.start_empty_levels_at_bound(beta)
    return beta, objective.at(beta, 2)


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
