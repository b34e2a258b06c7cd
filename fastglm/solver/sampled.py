"""The pass-optimal plan: fit a sample, then score passes over all rows with its curvature."""

from __future__ import annotations

from math import inf

import numpy as np

from ..core.measured import CHEAP_SCORE, LOOKED_AT_ROWS
from ..linalg.factor import DiagonalFactor
from ..linalg.shrinkage import mean_square_correlation, shrunk
from ..linalg.symmetric import CROSS_PRODUCT, Dense
from .choose import CURVATURE_ERROR, Sample, after_sample, choose, choose_sample, is_wide, told_by_sample
from .newton import factorise, newton_iterations
from .problem import Problem, Solution
from .rank import decide_rank
from .start import begin, is_finite

ROUGH = 0.5  # standard errors of a sample, which its own fit may leave
PENALISED_ROUGH = 0.01  # violation over lambda that the penalised fit of a sample may leave
DIAGONAL_MEMORY = 20  # corrections of a diagonal, each of which costs less than a hundredth of a pass
# parts of a sample, standard deviations of their sum that it may be wrong, and the share of the information on a
# coefficient that it may have too much or too little; chosen
PARTS, SURE, MISSED = 8, 3.0, 0.1
SAMPLE_ITERATIONS = 30  # beyond which a sample is not like the whole


def fit_from_sample(problem: Problem, plan: Sample) -> Solution | None:
    """Fit a sample, and descend over all rows from there with its curvature; None where the sample fails."""
    if not plan.fitted:
        return _from_diagonal(problem, plan)
    objective, control = problem.objective, problem.control
    sample = objective.sample(plan.rows)
    found = _start_of_sample(problem, sample, plan)
    objective.n_passes += sample.n_passes
    if found is None:
        return None
    beta, factor = found
    if factor.aliased and not _same_rank(objective, factor):
        return None
    sampled = sample.n_passes
    # what moves between the two, factors and curvatures, must be in the same units
    objective.scale = sample.scale
    q = objective.at(beta, 1)
    if not is_finite(q):
        return None
    far = 0.0
    if objective.share == 1.0 and control.need_information:
        far = told_by_sample(plan, objective.n_params, objective.source.n_rows, problem.information)
    control = after_sample(control, plan, objective.n_params, sample.share / objective.share, far)
    control = control._replace(rough=is_wide(objective))
    solution = newton_iterations(objective, beta, control, problem.dispersion, factor=factor, q=q)
    if far and _is_far(problem, solution):
        solution = _brought(objective, sample, solution, plan.transport)
    objective.n_passes += sample.n_passes - sampled
    return solution


def _same_rank(objective, factor) -> bool:
    """Whether all rows alias the columns that a sample does."""
    decide_rank(objective)
    return np.array_equal(objective.kept, factor.kept)


def correlation_of(objective) -> float:
    """The mean square correlation of the columns, as few rows show it."""
    return mean_square_correlation(objective.sampled_rows(LOOKED_AT_ROWS))


def _from_diagonal(problem, plan):
    """Descend from the null model by the diagonal of a sample's information; None where that fails."""
    objective, beta = problem.objective, problem.first()
    q = objective.at(beta, 1)
    if not is_finite(q):
        return None
    control = problem.control._replace(contraction=plan.rho, memory=DIAGONAL_MEMORY, rough=True)
    factor = diagonal_factor(objective, beta, plan.rows)
    return newton_iterations(objective, beta, control, problem.dispersion, factor=factor, q=q)


def diagonal_factor(objective, beta: np.ndarray, rows: int) -> DiagonalFactor:
    """About the information's diagonal, from a sample, and where there is an intercept what columns share with it."""
    diagonal = objective.preconditioner(beta, rows)
    means = None
    if objective.centred and diagonal[0] > 0.0:
        means = objective.intercept_products(beta, rows) / diagonal[0]
        shared = np.square(means) * diagonal[0]
        # less is left of a column that hardly varies than its cross-product can tell
        left = np.maximum(diagonal - shared, CROSS_PRODUCT * diagonal)
        left[0], means[0] = diagonal[0], 1.0
        diagonal = left
    return DiagonalFactor(np.where(diagonal > 0.0, diagonal, 1.0), means)


def with_sample_start(problem: Problem, solve) -> Problem:
    """A penalised problem, begun at the optimum of a sample where one pays; ``solve`` is the function of a problem."""
    objective = problem.objective
    if problem.start is not None or objective.share != 1.0:
        return problem
    plan = choose(objective, problem.information).sample
    if plan is None:
        return problem
    sample = objective.sample(plan.rows)
    control = problem.control._replace(tol=PENALISED_ROUGH, callback=None, max_iter=SAMPLE_ITERATIONS)
    found = solve(problem._replace(objective=sample, control=control, information_wanted=False))
    objective.n_passes += sample.n_passes
    return problem._replace(start=found.beta) if found.stop == "converged" else problem


def _start_of_sample(problem, sample, plan):
    """Coefficients and the curvature of a sample there: at the user's start, or at the sample's own optimum."""
    if problem.start is not None:
        q = sample.at(problem.start, 2)
        return (problem.start, _shrunk_factor(sample, q, problem.start)) if is_finite(q) else None
    cheap = problem.control.score_cost < CHEAP_SCORE
    control = problem.control._replace(
        tol=ROUGH, accept_tol=ROUGH, need_information=not cheap, curvature_tol=ROUGH, callback=None,
        max_iter=SAMPLE_ITERATIONS,
    )  # fmt: skip
    inner = problem._replace(objective=sample, control=control)
    smaller = choose_sample(plan.rows, sample.n_params, inf, control.score_cost)
    found = fit_from_sample(inner, smaller) if smaller else None
    if found is None:
        beta, q = begin(sample, None, problem.fallback)
        found = newton_iterations(sample, beta, control, problem.dispersion, q=q)
    if found.stop != "converged" or not np.isfinite(found.beta).all():
        return None
    if cheap and _gained(found.history) > plan.rho:
        # the weights of rows have moved the curvature more than the choice of rows does
        q = sample.at(found.beta, 2)
        return (found.beta, _shrunk_factor(sample, q, found.beta)) if is_finite(q) else None
    if found.origin is None or not is_wide(sample):
        return found.beta, found.factor
    return found.beta, _shrunk_factor(sample, found.origin[1], found.beta)


def _shrunk_factor(sample, q, beta):
    """The factor of a sample's information, which is shrunk over many columns; its rank is that of the sample."""
    factor = factorise(sample, q, beta)
    if not is_wide(sample) or factor.aliased or factor.accurate:
        return factor
    better = shrunk(q.information, sample.source.rows_read, sample.share, sample.centred).factor(sample.scale)
    return factor if better is None else better


def _gained(history) -> float:
    """The share of a distance that the last step of a descent has left."""
    return history[-1]["distance"] / max(history[-2]["distance"], 1e-300) if len(history) > 1 else inf


def _is_far(problem, solution):
    """Whether the information was summed further from the optimum than standard errors allow."""
    if solution.origin is None:
        return False
    at, q = solution.origin
    distance = solution.factor.size(solution.beta - at) / np.sqrt(max(problem.dispersion(q), 1e-300))
    return not distance <= problem.control.curvature_tol


def _brought(objective, sample, solution, transport):
    """The solution with the information at its optimum, from where it was summed: moved there by the difference that a
    sample sees between the two places, left as it is if that is next to none, or made anew where the sample has doubts.
    """
    if solution.stop != "converged":
        return solution
    (at, q), beta, share = solution.origin, solution.beta, sample.share
    before, after = (_by_part(sample, b) for b in (at, beta))
    seen, now = ([u.information.toarray() for u in passes] for passes in (before, after))
    changes = [v - u for u, v in zip(seen, now, strict=True)]
    sure = not solution.factor.accurate and _doubt(solution.factor, seen, changes, share, transport) <= CURVATURE_ERROR
    if sure and not transport:
        return solution
    information = q.information.plus(Dense(sum(changes) / share))
    factor = information.factor(objective.scale, kept=objective.kept) if sure else None
    if factor is None:
        q = objective.at(beta, 2)
        return solution._replace(factor=factorise(objective, q, beta), quadratic=q, origin=(beta, q))
    if objective.kept is not None:
        factor = factor._replace(aliased=solution.factor.aliased)
    pearson = q.pearson + sum(v.pearson - u.pearson for u, v in zip(before, after, strict=True)) / share
    moved = solution.quadratic._replace(information=information, pearson=pearson)
    return solution._replace(factor=factor, quadratic=moved)


def _by_part(sample, beta):
    """The passes at ``beta`` over each part of a sample's rows."""
    found = []
    runs = np.concatenate(sample.source.units)
    for first in range(min(PARTS, len(runs))):
        part = sample.part(np.ascontiguousarray(runs[first::PARTS]))  # of each stretch of sorted rows some
        part.scale = sample.scale
        found.append(part.at(beta, 2))
    sample.n_passes += sample.share
    return found


def _doubt(factor, seen, changes, share, moved) -> float:
    """How wrong standard errors may be, at the most, of an information that the ``changes`` (m, m) of each part of a
    sample, whose own is ``seen`` (m, m), leave or are added to.

    How parts differ tells what the sample's sum is worth, but where a few rows that are not in it tell of a column.
    """
    kept = factor.kept
    inverse = (factor.inverse() / factor.scale / factor.scale[:, None])[np.ix_(kept, kept)]
    variances = inverse.diagonal() * share

    def relative(matrices):
        return np.array([((inverse @ v[np.ix_(kept, kept)]) * inverse).sum(1) / variances for v in matrices])

    found, there = relative(changes), relative(seen).sum(0)
    if not np.max(np.abs(there - 1.0)) <= MISSED:  # nor of NaN
        return inf
    parts = len(found)
    spread = np.sqrt(parts / (parts - 1.0) * np.square(found - found.mean(0)).sum(0))
    return float(0.5 * np.max(SURE * spread + (0.0 if moved else np.abs(found.sum(0)))))
