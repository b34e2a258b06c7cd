"""Where a descent begins and what it pays for: the start, the sample, and what each solver means by its options."""

from __future__ import annotations

from math import inf, log, sqrt
from typing import NamedTuple

import numpy as np

from ..kernels.dense import symmetric
from ..objective.sums import ArrowheadMatrix
from .boundary import barrier, can_be_searched, presses, touches
from .decide import Control
from .factor import Diagonal, cholesky
from .newton import Solution, factorise, newton_iterations, without_aliased
from .newton_cg import newton_cg
from .options import Auto
from .stream import stream

TRANSPORT = 20.0  # how much nearer to the optimum a sample's correction brings the curvature, at the least
TIGHT = 1e-13  # the distance asked for where a pass costs microseconds
SHARES = (1 / 64, 1 / 32, 1 / 16, 1 / 8, 1 / 4)  # of the rows, that a sample may have
NEWTON_COST = 3.0  # curvature passes that Newton on all rows takes before its last
LARGE = 2000  # coefficients from which factoring their matrix again and again costs more than passes
SMALL_ROWS = 20_000  # below this a curvature pass costs less than thinking about it


def solve(objective, options, name, *, start, fallback, dispersion, control: Control, information: float) -> Solution:
    """Fit by the solver ``name``.

    Parameters
    ----------
    objective : Objective
    options : record of ``fastglm.solvers``
    start : (p,) array or None
        The user's starting coefficients.
    fallback : callable
        () -> coefficients with a finite deviance.
    dispersion : callable
        Quadratic -> dispersion.
    control : Control
    information : float
        About how many rows' worth of information the response carries (events, for a rare event).
    """
    # where a pass costs microseconds, every digit
    tol = min(options.tol, TIGHT) if objective.small else options.tol
    control = control._replace(tol=tol, accept_tol=options.tol, max_iter=options.max_iter)
    if name in MATRIX_FREE or (name == "auto" and objective.n_eliminated > LARGE):
        way = MATRIX_FREE.get(name, _matrix_free_newton)
        solution = way(objective, options, start, fallback, dispersion, control)
        if start is not None and solution.stop != "converged":
            solution = way(objective, options, None, fallback, dispersion, control)
        if name == "newton-cg" and solution.stop != "converged":
            beta, q = begin(objective, None, fallback)
            solution = newton_iterations(objective, beta, control, dispersion, q=q)
        return _at_boundary(objective, solution, fallback, dispersion, control)
    if name == "stream":
        solution = stream(objective, options, start, fallback, dispersion, control)
        if solution is not None:
            return solution
        # what a read in blocks could not certify is fitted exactly
        name, exact = "auto", Auto()
        control = control._replace(tol=min(exact.tol, TIGHT) if objective.small else exact.tol, accept_tol=exact.tol)
    control = control._replace(reuse_curvature=name != "irls")
    if name == "auto" and objective.linear:
        return _least_squares(objective, start, fallback, dispersion, control)
    if name == "auto" and objective.sampleable:
        plan = choose_sample(
            objective.source.n_rows, objective.n_params, information, control.score_cost, objective.source.sample_limit
        )
        if plan:
            solution = _from_sample(objective, plan, start, fallback, dispersion, control)
            if solution is not None and solution.stop == "converged":
                return _at_boundary(objective, solution, fallback, dispersion, control)
            # a sample that is not like the whole costs time, and must not cost the answer
    beta, q = begin(objective, start, fallback)
    solution = newton_iterations(objective, beta, control, dispersion, q=q)
    if start is not None and solution.stop not in ("converged", "not finite at the start"):
        # from a start so far out that no step helps, the ordinary one may still do
        beta, q = begin(objective, None, fallback)
        solution = newton_iterations(objective, beta, control, dispersion, q=q)
    return _at_boundary(objective, solution, fallback, dispersion, control)


def _at_boundary(objective, solution, fallback, dispersion, control):
    """Where the line search ran into the end of the means' range, the optimum along that end."""
    if solution.stop == "not finite at the start" or (solution.stop == "converged" and not solution.blocked):
        return solution
    if not can_be_searched(objective):
        return solution
    near = solution.certificate <= control.accept_tol
    if near and not presses(objective, solution.beta):
        return solution._replace(stop="converged")
    found = barrier(objective, solution.beta, fallback())
    if found is None:
        return solution
    beta, gap = found
    if not touches(objective, beta):
        return solution._replace(stop="converged") if near else solution
    q, reached = objective.at(beta, 2), solution.quadratic.deviance
    if not q.finite or not q.deviance <= reached * (1.0 + 1e-6):
        return solution
    # a deviance above the optimum's by its dispersion times z^2 is z standard errors away
    solution = solution._replace(stop="boundary", certificate=sqrt(2.0 * gap / max(dispersion(q), 1e-300)))
    if q.deviance > reached:
        # the search crept along the boundary to the same place, and a little further
        return solution
    with np.errstate(all="ignore"):
        finite = np.isfinite(q.information).all()
        factor = factorise(objective, q, beta) if finite else solution.factor
    return solution._replace(beta=beta, quadratic=q, factor=factor)


def _least_squares(objective, start, fallback, dispersion, control):
    """One curvature is everybody's: the pass that makes it solves, and a score pass says what rounding left."""
    beta = fallback() if start is None else start
    q = objective.at(beta, 2)
    if not q.finite or not np.isfinite(q.score).all():
        return newton_iterations(objective, beta, control, dispersion, q=q)
    factor = factorise(objective, q, beta)
    beta = without_aliased(beta, factor)
    beta = beta + factor.solve(q.score)
    last = objective.at(beta, 1)
    last = last._replace(information=q.information)
    return newton_iterations(
        objective, beta, control._replace(need_information=False), dispersion, factor=factor, q=last
    )


def begin(objective, start, fallback):
    """A first beta with a finite deviance, and its pass: the user's, R's first IRLS iterate, or the null model's.

    The null model's where it is central: for means in (0, 1) the first Newton step from it is a linear discriminant.
    """
    if start is not None:
        q = objective.at(start, 2)
        return start, q
    away = getattr(objective, "start_empty_levels_at_bound", lambda beta: beta)
    if not objective.sampleable:  # with rare levels the first iterate from starting means is no better
        beta = away(fallback())
        q = objective.at(beta, 2)
        if q.finite and np.isfinite(q.score).all():
            return beta, q
    if fallback.central:
        beta = away(fallback())
        return beta, objective.at(beta, 2)
    beta = _first_iterate(objective)
    if beta is not None:
        beta = away(beta)
        q = objective.at(beta, 2)
        if q.finite and np.isfinite(q.score).all() and q.deviance <= fallback.deviance:
            return beta, q
    beta = away(fallback())
    return beta, objective.at(beta, 2)


def _first_iterate(objective):
    """The first IRLS iterate from the family's starting means, or None where it does not exist."""
    q = objective.first()
    d = q.information.diagonal()
    if not (np.isfinite(d).all() and (d > 1e-200).all() and (d < 1e200).all()) and objective.rescale():
        q = objective.first()
    scale = objective.scale
    if not np.isfinite(q.information.diagonal()).all() or not np.isfinite(q.score).all():
        return None
    factor = cholesky(q.information, scale)
    if factor is not None:
        return factor.solve(q.score)
    if isinstance(q.information, ArrowheadMatrix):
        return None
    # a start only: any solution of the singular system will do
    d = np.sqrt(np.maximum(np.diagonal(q.information), 1e-300))
    return scale * (np.linalg.lstsq(symmetric(q.information) / d / d[:, None], scale * q.score / d, rcond=1e-10)[0] / d)


class Sample(NamedTuple):
    """A sample's ``rows``, the factor ``rho`` a score pass with its curvature is expected to gain, and whether it pays
    to ``transport`` the final curvature by it."""

    rows: int
    rho: float
    transport: bool


def choose_sample(n, m, information, score_cost, most=inf) -> Sample | None:
    """The sample that makes the fit cheapest, or None where none does.

    In curvature passes, fitting a sample of r rows costs about 1.5 r / n. Its curvature is off by about sqrt(m / r),
    which is what each score pass then gains, from sqrt(m n / r) standard errors down to 1e-4 with the final curvature
    moved by the sample (two more of its curvatures), or further without.
    """
    if n < SMALL_ROWS or m == 0:
        return None
    # a rare event leaves most rows empty of information
    density = min(1.0, 4.0 * information / n)
    best, choice = NEWTON_COST, None
    for share in (most / n, *SHARES) if most < SHARES[0] * n else SHARES:
        gain = share * n * density / m
        if share * n < 2000 or gain < 10.0 or share * n > 1.001 * most:
            continue
        rho = 1.0 / (sqrt(gain) - 1.0)
        extra = log(TRANSPORT) / -log(rho) * score_cost
        passes = log(1e4 * sqrt(m / share)) / -log(rho)
        cost = 1.5 * share + passes * score_cost + min(2.0 * share, extra)
        if cost < best:
            best, choice = cost, Sample(int(share * n), rho, 2.0 * share < extra)
    return choice


def _from_sample(objective, plan, start, fallback, dispersion, control):
    """The pass-optimal plan: fit a sample, then score passes over all rows with its curvature; None where it fails."""
    sample = objective.sample(plan.rows)
    loose = control._replace(
        tol=0.5, accept_tol=0.5, need_information=True, curvature_tol=0.5, callback=None, max_iter=30
    )
    if start is not None:
        q = sample.at(start, 2)
        objective.n_passes += sample.n_passes
        if not q.finite or not np.isfinite(q.score).all():
            return None
        factor, beta = factorise(sample, q, start), start
    else:
        small = choose_sample(plan.rows, objective.n_params, inf, control.score_cost)
        found = _from_sample(sample, small, None, fallback, dispersion, loose) if small else None
        if found is None:
            beta, q = begin(sample, None, fallback)
            found = newton_iterations(sample, beta, loose, dispersion, q=q)
        objective.n_passes += sample.n_passes
        if found.stop != "converged" or found.factor.aliased or not np.isfinite(found.beta).all():
            return None
        factor, beta = found.factor, found.beta
    sampled = sample.n_passes
    # what moves between the two, factors and curvatures, must be in the same units
    objective.scale = sample.scale
    q = objective.at(beta, 1)
    if not q.finite or not np.isfinite(q.score).all():
        return None
    # what a sample knows of the curvature's change lets the curvature itself be made from further away
    far = 10.0 * np.sqrt(objective.n_params * objective.share / sample.share)
    outer = plan.transport and objective.share == 1.0
    afar = control._replace(
        curvature_tol=(TRANSPORT if outer else 1.0) * control.curvature_tol, trust_radius_se=far, contraction=plan.rho
    )
    solution = newton_iterations(objective, beta, afar, dispersion, factor=factor, q=q)
    if outer:
        solution = _transported(sample, solution)
    objective.n_passes += sample.n_passes - sampled
    return solution


def _transported(sample, solution):
    """Move the information from where it was summed to the optimum by the difference a sample sees between the two."""
    if solution.stop != "converged" or solution.origin is None or solution.factor.aliased or solution.factor.accurate:
        return solution
    at, q = solution.origin
    before, after = sample.at(at, 2), sample.at(solution.beta, 2)
    information = q.information + (after.information - before.information)
    factor = cholesky(information, sample.scale)
    if factor is None:
        return solution
    pearson = q.pearson + (after.pearson - before.pearson)
    moved = solution.quadratic._replace(information=information, pearson=pearson)
    return solution._replace(factor=factor, quadratic=moved)


def _matrix_free_newton(objective, options, start, fallback, dispersion, control):
    """Newton by conjugate gradients, then one curvature pass if a covariance is wanted."""
    beta = fallback() if start is None else start
    solution = newton_cg(objective, beta, _diagonal(objective, beta), control, dispersion)
    return _with_curvature(objective, solution, dispersion, control)


def _diagonal_descent(objective, options, start, fallback, dispersion, control):
    """L-BFGS from the diagonal of a sample's information, then one curvature pass if a covariance is wanted."""
    beta = fallback() if start is None else start
    loop = control._replace(need_information=False, memory=options.memory)
    solution = newton_iterations(objective, beta, loop, dispersion, factor=Diagonal(_diagonal(objective, beta)))
    return _with_curvature(objective, solution, dispersion, control)


def _diagonal(objective, beta):
    """About the information's diagonal, from a sample that has enough rows of every column, positive."""
    n, enough = objective.source.n_rows, max(2000, objective.source.n_rows // 50, 50 * objective.n_params)
    diagonal = objective.preconditioner(beta, min(n, enough))
    return np.where(diagonal > 0.0, diagonal, 1.0)


def _with_curvature(objective, solution, dispersion, control):
    """The solution of a descent without a matrix, with one made at its end where a covariance is wanted."""
    if not control.need_information or solution.stop != "converged":
        return solution._replace(factor=None)
    last = newton_iterations(objective, solution.beta, control, dispersion)
    return last._replace(n_iter=solution.n_iter + last.n_iter, history=solution.history + last.history)


MATRIX_FREE = {"lbfgs": _diagonal_descent, "newton-cg": _matrix_free_newton}
