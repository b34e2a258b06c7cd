"""Penalised fits: a penalty in the coefficients of a model, and its solution in those of a result."""

from __future__ import annotations

import numpy as np

from ..errors import InvalidParameterError
from ..objective.all_classes import AllClasses
from ..objective.scaled_penalty import ScaledPenalty, scaled_penalty
from ..solver.problem import Solution
from ..solver.solve import solve
from ..solver.working_set import pays
from .null import ClassNullModel

MOST_COEFFICIENTS = 8000  # of which coordinate descent has a matrix


def penalty_of(run, record) -> ScaledPenalty:
    """The penalty of a record for the columns of a fit."""
    found = scaled_penalty(record, run.whole, run.names, run.sums.weight)
    run.objective.n_passes += run.objective.price
    if not found.smooth or found.excluded.any():
        check_size(run.objective)
    return found


def check_size(objective) -> None:
    """Refuse more coefficients than coordinate descent has room for.

    Raises
    ------
    InvalidParameterError
    """
    if objective.n_params > MOST_COEFFICIENTS and not pays(objective):
        raise InvalidParameterError(
            f"penalty: {objective.n_params:,} coefficients with a lasso or bounds; up to {MOST_COEFFICIENTS:,} are "
            "fitted. Ridge, or solver='sgd' with its l1, has no such limit"
        )


def every_class(run) -> AllClasses | None:
    """The objective of all classes' coefficients of a softmax regression; None of one mean a row."""
    return AllClasses(run.objective) if run.null_class is ClassNullModel else None


def solve_penalised(run, record, problem) -> Solution:
    """The solution of a penalised fit in the coefficients of its objective.

    Parameters
    ----------
    run : FitRun
        The coefficients of all classes of a softmax regression are left in its ``raw``.
    record : Ridge, Lasso or ElasticNet
    problem : Problem
        Of the objective without a penalty.
    """
    if record.lam == 0.0 and not record.confined:
        return solve(problem)
    scaled, classes = penalty_of(run, record), every_class(run)
    if scaled.smooth and not scaled.excluded.any():
        quadratic = scaled.quadratic(record.lam) if classes is None else scaled.contrasts(record.lam, classes.n_classes)
        solution = solve(problem._replace(penalty=quadratic))
        if classes is not None:
            run.raw = classes.from_contrasts(solution.beta).reshape(classes.n_classes, -1).T
        return solution
    if classes is None:
        return solve(problem._replace(penalty=scaled.elastic(record.lam)))
    start = classes.from_contrasts(problem.first())
    penalty = scaled.tiled(classes.n_classes).elastic(record.lam)
    solution = solve(problem._replace(objective=classes, penalty=penalty, start=start))
    run.raw = centred(solution.beta.reshape(classes.n_classes, -1).T, scaled)
    return solution._replace(beta=classes.to_contrasts(solution.beta))


def centred(raw: np.ndarray, scaled: ScaledPenalty) -> np.ndarray:
    """Coefficients (m, K) of all classes, the free ones summing to zero over them: their penalty does not tell."""
    free = scaled.factors == 0.0
    out = raw.copy()
    out[free] -= out[free].mean(1, keepdims=True)
    return out
