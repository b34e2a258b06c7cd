"""The pass-optimal plan: fit a sample, then score passes over all rows with its curvature."""

from __future__ import annotations

from math import inf

import numpy as np

from ..core.measured import CHEAP_SCORE
from .choose import Sample, after_sample, choose, choose_sample
from .newton import factorise, newton_iterations
from .problem import Problem, Solution
from .start import begin, is_finite

ROUGH = 0.5  # standard errors of a sample, which its own fit may leave
PENALISED_ROUGH = 0.01  # violation over lambda that the penalised fit of a sample may leave
SAMPLE_ITERATIONS = 30  # beyond which a sample is not like the whole


def fit_from_sample(problem: Problem, plan: Sample) -> Solution | None:
    """Fit a sample, and descend over all rows from there with its curvature; None where the sample fails."""
    objective, control = problem.objective, problem.control
    sample = objective.sample(plan.rows)
    found = _start_of_sample(problem, sample, plan)
    objective.n_passes += sample.n_passes
    if found is None:
        return None
    beta, factor = found
    sampled = sample.n_passes
    # what moves between the two, factors and curvatures, must be in the same units
    objective.scale = sample.scale
    q = objective.at(beta, 1)
    if not is_finite(q):
        return None
    transport = plan.transport and objective.share == 1.0
    control = after_sample(control, plan, objective.n_params, sample.share / objective.share, transport)
    solution = newton_iterations(objective, beta, control, problem.dispersion, factor=factor, q=q)
    if transport:
        solution = _transported(sample, solution)
    objective.n_passes += sample.n_passes - sampled
    return solution


def with_sample_start(problem: Problem, solve) -> Problem:
    """A penalised problem, begun at the optimum of a sample where one pays; ``solve`` is the function of a problem."""
    objective = problem.objective
    if problem.start is not None or getattr(objective, "share", 0.0) != 1.0:
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
        return (problem.start, factorise(sample, q, problem.start)) if is_finite(q) else None
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
    if found.stop != "converged" or found.factor.aliased or not np.isfinite(found.beta).all():
        return None
    if cheap and _gained(found.history) > plan.rho:
        # the weights of rows have moved the curvature more than the choice of rows does
        q = sample.at(found.beta, 2)
        return (found.beta, factorise(sample, q, found.beta)) if is_finite(q) else None
    return found.beta, found.factor


def _gained(history) -> float:
    """The share of a distance that the last step of a descent has left."""
    return history[-1]["distance"] / max(history[-2]["distance"], 1e-300) if len(history) > 1 else inf


def _transported(sample, solution):
    """Move the information from where it was summed to the optimum by the difference a sample sees between the two."""
    if solution.stop != "converged" or solution.origin is None or solution.factor.aliased or solution.factor.accurate:
        return solution
    at, q = solution.origin
    before, after = sample.at(at, 2), sample.at(solution.beta, 2)
    information = q.information.plus(after.information.plus(before.information.scaled(-1.0)))
    factor = information.factor(sample.scale)
    if factor is None:
        return solution
    pearson = q.pearson + (after.pearson - before.pearson)
    moved = solution.quadratic._replace(information=information, pearson=pearson)
    return solution._replace(factor=factor, quadratic=moved)
