"""Fits by first-order solvers, with a penalty and without."""

from __future__ import annotations

import numpy as np

from ..options.sgd import tolerance
from ..options.solvers import Auto
from ..solver.newton import factorise, norm, without_aliased
from ..solver.problem import Solution
from ..solver.sgd.certificate import Certificate
from ..solver.sgd.driver import run as run_sgd
from ..solver.sgd.penalised import PenalisedGoal, finishes, strengths
from ..source.streaming_qr import as_rows
from .penalised import account, centred, every_class, penalty_of


def descend(run, start, callback) -> Solution:
    """The solution of a run whose solver is of first order.

    Parameters
    ----------
    run : FitRun
    start : array or None
    callback : callable or None
    """
    return _plain(run, start, callback) if run.penalty is None else _penalised(run, start, callback)


def _plain(run, start, callback) -> Solution:
    """With a last pass for the distance to the optimum and for the covariance."""
    data, options = as_rows(run.source.gather().data), run.options
    model, start = run.stochastic(start)
    classes = model if isinstance(model, int) else None
    goal = Certificate(run.objective, run.to_params, classes, options, run.sums.weight, run.dispersion, data, model)
    found = run_sgd(data, model, options, start=start, callback=callback, certify=goal)
    run.notes += found.notes
    run.objective.n_passes += float(found.history["passes"][-1]) if found.epochs else 0.0
    penalised = options.l1 > 0.0 or options.l2 > 0.0
    history = found.records()
    factor = None
    if run.cov is not None and not penalised:
        run.raw, certificate = found.coef, np.inf
        beta = run.to_params(found.coef)
        q = run.objective.at(beta, 2)
        if q.finite and np.isfinite(q.score).all():
            factor = factorise(run.objective, q, beta)
            beta = without_aliased(beta, factor)
            errors = np.sqrt(max(run.dispersion(q), 1e-300) * factor.inverse().diagonal())
            certificate = float(np.nanmax(np.abs(factor.solve(q.score)) / errors))
    else:
        run.raw, (q, _, _, certificate), steps = goal.finished(found.coef)
        beta = run.to_params(run.raw)
        if steps:
            run.notes.append(f"{steps} proximal Newton steps followed the {found.epochs} epochs")
    if penalised and run.cov is not None:
        run.notes.append("a penalised fit has no standard errors")
    score = float(np.sqrt(q.score @ q.score))
    return Solution(beta, q, factor, certificate, score, found.epochs, found.stop, history)


def _penalised(run, start, callback) -> Solution:
    """In the coefficients of the objective; certified as every penalised fit is."""
    options, record, classes, total = run.options, run.penalty, every_class(run), run.sums.weight
    data, scaled = as_rows(run.source.gather().data), penalty_of(run, record)
    model, start = run.stochastic(start)
    every, objective = scaled.at(record.lam), run.objective
    parts = strengths(every, options.reduction, total, int(data.has_intercept))
    if classes is not None:
        every, objective = scaled.tiled(classes.n_classes).at(record.lam), classes
    control = run.problem(None, None, Auto()).control
    last = finishes(data, model, options, objective.n_params)
    goal = PenalisedGoal(objective, every, control, tolerance(options), last)
    found = run_sgd(data, model, options, start=start, callback=callback, certify=goal, strengths=parts)
    run.notes += found.notes
    objective.n_passes += float(found.history["passes"][-1]) if found.epochs else 0.0
    beta, q, certificate, steps = goal.finished(found.coef)
    account(run, record, every, objective, beta, q)
    if steps:
        run.notes.append(f"{steps} proximal Newton steps followed the {found.epochs} epochs")
    if classes is not None:
        run.raw = centred(beta.reshape(classes.n_classes, -1).T, scaled)
        beta = classes.to_contrasts(beta)
    return Solution(beta, q, None, certificate, norm(q), found.epochs, found.stop, found.records())
