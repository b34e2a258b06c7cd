"""Penalised fits: a penalty in the coefficients of a model, and its solution in those of a result."""

from __future__ import annotations

import numpy as np

from ..errors import InvalidParameterError
from ..inference.separation import remark_of_separation
from ..objective.all_classes import AllClasses
from ..objective.penalty import unscaled_information
from ..objective.scaled_penalty import ScaledPenalty, scaled_penalty
from ..solver.problem import Solution
from ..solver.relaxed import relaxed
from ..solver.solve import solve
from ..solver.working_set import pays
from .null import ClassNullModel
from .remarks import MOST_NAMED

MOST_ACCOUNTED = 1000  # coefficients, of which a matrix costs little beside the fit
MOST_COEFFICIENTS = 8000  # of which coordinate descent has a matrix


def penalty_of(run, record) -> ScaledPenalty:
    """The penalty of a record for the columns of a fit."""
    found = scaled_penalty(record, run.whole, run.labels, run.sums.weight)
    run.objective.n_passes += run.objective.price
    if run.path or not is_quadratic(run, found):
        check_size(run.objective, found.screened)
    return found


def is_quadratic(run, scaled) -> bool:
    """Whether a fit with the penalty is one with a quadratic; contrasts of classes have none for constant columns."""
    return scaled.smooth and not (run.null_class is ClassNullModel and scaled.idle.any())


def check_size(objective, screened: bool) -> None:
    """Refuse more coefficients than coordinate descent has room for.

    Raises
    ------
    InvalidParameterError
    """
    if objective.n_params > MOST_COEFFICIENTS and not (screened and pays(objective)):
        raise InvalidParameterError(
            f"penalty: {objective.n_params:,} coefficients with a lasso or bounds; up to {MOST_COEFFICIENTS:,} are "
            "fitted. Ridge, or solver='sgd' with its l1, has no such limit"
        )


def every_class(run) -> AllClasses | None:
    """The objective of all classes' coefficients of a softmax regression; None of one mean a row."""
    return AllClasses(run.objective) if run.null_class is ClassNullModel else None


def settled(run, record, problem):
    """The record of which no number is open: one that is weighed by a first fit has its coefficients.

    Raises
    ------
    InvalidParameterError
        Where that fit is maximum likelihood, and has not one estimate of every coefficient.
    """
    if record.initial is None:
        return record
    if isinstance(record.initial, str):
        solution = solve(problem)
        beta = solution.beta
        if solution.stop != "converged" or (solution.factor is not None and solution.factor.aliased):
            raise InvalidParameterError(
                "penalty: maximum likelihood has no estimate of every coefficient, which weights=None of Adaptive "
                "needs (more columns than rows, collinear columns, or separated rows); pass weights='ridge'"
            )
    else:
        first = record.initial._replace(lam=1.0 / run.sums.nobs)
        beta = solve_quadratic(run, penalty_of(run, first), first.lam, problem).beta
    classes, inside = every_class(run), slice(int(run.source.data.has_intercept), None)
    if classes is not None:
        beta = classes.from_contrasts(beta).reshape(classes.n_classes, -1).T
    return record.weighted(beta[inside])


def solve_quadratic(run, scaled, lam, problem) -> Solution:
    """The solution with a smooth penalty, of a softmax regression in the contrasts with its reference."""
    classes = every_class(run)
    quadratic = scaled if classes is None else scaled.contrasts(classes.n_classes)
    wanted = problem.objective.n_params <= MOST_ACCOUNTED
    return solve(problem._replace(penalty=quadratic.quadratic(lam), information_wanted=wanted))


def solve_penalised(run, record, problem) -> Solution:
    """The solution of a penalised fit in the coefficients of its objective.

    Parameters
    ----------
    run : FitRun
        The coefficients of all classes of a softmax regression are left in its ``raw``.
    record : record of ``fastglm.penalties``
    problem : Problem
        Of the objective without a penalty.
    """
    lam, classes = record.lam, every_class(run)
    if lam == 0.0 and not record.confined and run.cov is None:
        return solve(problem)
    record = settled(run, record, problem)
    scaled = penalty_of(run, record)
    remark_on_constants(run, scaled)
    if is_quadratic(run, scaled) and record.share == 1.0:
        solution = solve_quadratic(run, scaled, lam, problem)
        if classes is None:
            solution.beta[scaled.idle] = 0.0  # but for rounding they are
        else:
            run.raw = classes.from_contrasts(solution.beta).reshape(classes.n_classes, -1).T
            scaled = scaled.contrasts(classes.n_classes)
        account(run, record, scaled.quadratic(lam), run.objective, solution.beta, solution.quadratic)
        return solution
    every, wide = scaled, problem
    if classes is not None:
        every = scaled.tiled(classes.n_classes)
        wide = problem._replace(objective=classes, start=classes.from_contrasts(problem.first()))
    own = every.at(lam)
    wanted = wide.objective.n_params <= MOST_ACCOUNTED and (run.cov is not None or not is_counted(own))
    solution = solve(wide._replace(penalty=own, information_wanted=wanted))
    if record.share < 1.0 and solution.stop != "not finite at the start":
        solution = relaxed(wide, every, record.share, lam, solution)
    account(run, record, every.at(lam), wide.objective, solution.beta, solution.quadratic)
    if classes is None:
        return solution
    run.raw = centred(solution.beta.reshape(classes.n_classes, -1).T, scaled)
    return solution._replace(beta=classes.to_contrasts(solution.beta))


def remark_on_constants(run, scaled: ScaledPenalty) -> None:
    """Note the columns that are left out because all rows have the same value."""
    constant = np.flatnonzero(scaled.constant)
    if len(constant):
        names = ", ".join(run.names[j] for j in constant[:MOST_NAMED])
        run.notes.append(f"constant columns, which have no coefficient beside an intercept: {names}")


def account(run, record, penalty, objective, beta, q) -> None:
    """Leave the effective degrees of freedom in ``run.edf``, and the covariance of a ridge in ``run.ridge_covariance``;
    note where the rows are separated.

    A lasso's are counted; others take the information of the last pass ``q``, or a pass that has it, where there are
    not too many coefficients. What has its weights from a first fit, or is relaxed, has no such number.
    """
    one = objective is run.objective
    remark_of_separation(run, beta if one else every_class(run).to_contrasts(beta), q if one else None)
    if "stages" in record.needs or "proximal" in record.needs or not np.isfinite(beta).all():
        return
    if is_counted(penalty) and objective is run.objective:
        run.edf = float(np.count_nonzero(penalty.moves(beta)))
        return
    if len(beta) > (MOST_ACCOUNTED if run.cov is None else MOST_COEFFICIENTS):
        if run.cov is not None:
            raise InvalidParameterError(f"cov: {len(beta):,} coefficients are more than a matrix of all has room for")
        return
    q = objective.at(beta, 2) if q.information is None else q
    if not q.finite:
        return
    information = unscaled_information(q, objective.scale)
    run.edf, J = penalty.degrees_of_freedom(beta, information), information.toarray()
    if run.cov is not None:
        moves = ~penalty.held
        J, V = J[np.ix_(moves, moves)], np.full(J.shape, np.nan)
        inside = inverse(J + penalty.quadratic().toarray()[np.ix_(moves, moves)])
        V[np.ix_(moves, moves)] = inside if run.cov.kind == "bayesian" else inside @ J @ inside
        rest = run.sums.nobs - run.edf
        dispersion = 1.0 if run.family.dispersion == "one" else q.pearson / rest if rest > 0.0 else np.nan
        run.ridge_covariance = dispersion * V


def is_counted(penalty) -> bool:
    """Whether the effective degrees of freedom are the number of coefficients that move: a lasso's."""
    return getattr(penalty, "ridge", None) is not None and penalty.separable and not penalty.ridge.any()


def inverse(A: np.ndarray) -> np.ndarray:
    """The inverse of a matrix (m, m).

    Raises
    ------
    InvalidParameterError
        Where it is singular.
    """
    try:
        return np.linalg.inv(A)
    except np.linalg.LinAlgError:
        raise InvalidParameterError(
            "cov: the information and the penalty together are singular, so that there is no covariance; raise lam"
        ) from None


def centred(raw: np.ndarray, scaled: ScaledPenalty) -> np.ndarray:
    """Coefficients (m, K) of all classes, the free ones summing to zero over them: their penalty does not tell."""
    out = raw.copy()
    out[scaled.free] -= out[scaled.free].mean(1, keepdims=True)
    return out
