"""Streaming Newton: one read of the rows in blocks, each of which moves the coefficients by a Newton step.

After a block with score g the coefficients move by J^-1 g, with J the information of all rows so far (the renewable
estimator of Luo and Song 2020, "Renewable estimation and incremental inference in generalized linear models with
streaming data sets"; an extended Kalman filter over blocks). There is no learning rate, and the scale of the columns
does not matter. What makes it robust and cheap:

- it begins at the optimum of the first rows, or of a sample;
- of the curvature, wide models sum a part of the blocks only, and the exact diagonal of all of them, to which the
  part is rescaled, so that rare columns keep their standard errors;
- a block whose step would move linear predictors too far is solved to its own optimum, held by J (a proximal step,
  Toulis and Airoldi 2017).
"""

from __future__ import annotations

from math import isfinite, nan, sqrt
from time import perf_counter

import numpy as np

from ..linalg.symmetric import Diagonal
from ..objective.base import DIAGONAL
from ..objective.penalised import Penalised
from ..objective.penalty import QuadraticPenalty
from ..options.solvers import first_rows
from .decide import Control
from .newton import newton_iterations
from .problem import Problem, Solution
from .stream_state import PRIOR, StreamState, count_passes

STALE = 0.03  # of a diagonal entry, by which it may have changed since its blocks were read
NEAR = 0.1  # standard errors from the optimum, at which the curvature of all rows is made where the stream's is stale


def prefix(objective, fallback, free: np.ndarray, tol: float = 0.1):
    """The optimum of a sample's rows, held by a weak prior so that it exists: coefficients, or None where it does not.

    Parameters
    ----------
    objective : Objective
        Over the sample, its sums not scaled up.
    fallback : callable
        () -> coefficients with a finite deviance.
    free : (p,) bool array
        The coefficients that the prior holds: all but the constants.
    tol : float
        In standard errors.
    """
    beta = fallback()
    q = objective.at(beta, DIAGONAL)
    if not q.finite or not np.isfinite(q.score).all():
        return None
    rows = max(objective.source.rows_read, 1)
    mean = q.information.diagonal() / rows
    hold = PRIOR * np.where(mean > 0.0, mean, 1.0) * np.where(free, 1.0, 1e-3)
    control = Control(tol=tol, accept_tol=0.5, max_iter=50, need_information=False)
    with np.errstate(all="ignore"):
        held = Penalised(objective, QuadraticPenalty(Diagonal(hold), beta))
        found = newton_iterations(held, beta, control, lambda q: 1.0)
    return found.beta if np.isfinite(found.beta).all() else None


def stream(problem: Problem) -> Solution | None:
    """Fit by one read in blocks and a few score passes; None where the exact solver should take over.

    Parameters
    ----------
    problem : Problem
        Its options are those of ``fastglm.solvers.Stream``.
    """
    objective, options, control = problem.objective, problem.options, problem.control
    n, m = objective.source.n_rows, objective.n_params
    first = first_rows(n, m)
    if n < 4 * first or objective.source.high_cardinality:  # the state has a matrix of all coefficients
        return None
    free = np.ones(m, bool)
    if objective.source.data.has_intercept:
        free[:: objective.n_columns] = False
    running = StreamState(m, free, control.robust, objective.linear)
    sample = objective.subset(first)
    # from a start too, because the rows of the sample are not learned from again
    beta = prefix(sample, problem.first, free)
    if beta is None:
        return None
    running.start(sample, beta, sample.source.rows_read)
    count_passes(objective, sample)
    if not isfinite(running.deviance) or not running.ready:
        return None
    for runs in _blocks(objective.source, sample.source.ranges, options):
        running.learn(objective, runs)
    if running.refused or not np.isfinite(running.beta).all():
        return None
    return _certified(objective, running, options, problem.dispersion, control)


def _blocks(source, read, options):
    """The ranges of rows in the order in which they are learned from; those ``read`` already are left out.

    Rows that counted twice would bring their own optimum's distance with them, sqrt(share) standard errors.
    """
    n = source.n_rows
    size = options.block_rows or min(8192, max(1024, n // 64 // 256 * 256))
    gaps = np.column_stack([np.append(0, read[:, 1]), np.append(read[:, 0], n)])
    gaps = gaps[gaps[:, 1] > gaps[:, 0]]
    # blocks of whole gaps, long ones cut into pieces
    pieces = [np.array([a, min(a + size, b)]) for first, b in gaps for a in range(first, b, size)]
    ends = np.searchsorted(np.cumsum([b - a for a, b in pieces]), np.arange(size, n + size, size))
    blocks = [np.array(part) for part in np.split(pieces, np.unique(ends)) if len(part)]
    return source.shuffled(blocks, np.random.default_rng(options.seed)) if options.shuffle else blocks


def _certified(objective, running, options, dispersion, control):
    """The solution after score passes over all rows, or None where they do not agree with the stream."""
    first = {
        "iteration": 0, "passes": objective.n_passes, "deviance": running.deviance, "distance": nan,
        "max_eta": running.max_eta, "fresh": True, "seconds": perf_counter() - control.began,
    }  # fmt: skip
    once = running.solution((first,))
    if once.factor is None or not options.certify:
        return once if once.factor is not None else None
    q = objective.at(running.beta, DIAGONAL)
    if not q.finite or not np.isfinite(q.information.diagonal()).all():
        return None
    # curvatures were summed at the coefficients of the time; the diagonal tells how much they have changed since
    stale = running.moved(q.information.diagonal())
    # what is left of the distance by a step with a curvature of so many rows, three times over
    rho = min(0.9, 3.0 * sqrt(len(running.beta) / running.sampled) + stale)
    final = stale > STALE
    loop = control._replace(
        tol=options.tol,
        need_information=final,
        curvature_if_cheaper=False,
        curvature_tol=NEAR,
        reuse_curvature=True,
        max_iter=options.max_corrections + final,
        contraction=rho,
    )
    solution = newton_iterations(objective, running.beta, loop, dispersion, once.factor, q._replace(information=None))
    if solution.stop != "converged":
        return None
    last = solution.quadratic
    # the last step has lowered the deviance too, to the second order
    last = last._replace(deviance=last.deviance - solution.history[-1]["distance"] ** 2 * dispersion(last))
    solution = solution._replace(quadratic=last, history=(first, *solution.history))
    if solution.origin is not None:
        # a curvature of all rows was made, where it was asked for or where a step with the stream's did not help
        return solution if final else None
    last = last._replace(information=once.quadratic.information)
    return solution._replace(quadratic=last, factor=once.factor, meat=once.meat)
