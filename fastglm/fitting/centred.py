"""Columns far from zero, such as years and times: they are fitted less their means, of which cross-products keep the
digits that those of the columns lose, and the fit is told in the columns' own units.
"""

from __future__ import annotations

from copy import copy

import numpy as np

from ..core.measured import CENTRED_BYTES
from ..linalg.factor import dense_cholesky
from ..linalg.shifted import Shift, ShiftedFactor
from ..linalg.symmetric import Dense
from ..solver.newton import SAFE_PIVOT_SMALL, NearlyDependent
from ..solver.problem import Problem, Solution
from ..solver.solve import solve
from ..source.in_memory import InMemory

FAR = 4.0  # standard deviations of a mean from zero, beyond which a column is shifted; chosen: little is lost below


def solved_plainly(run, problem: Problem) -> Solution:
    """The solution of a problem without a penalty.

    Where columns are so nearly dependent that their rows had to be factored at every step, and a copy of them is small,
    they are first fitted less their means. What these too leave nearly dependent, or does not converge, is fitted as it
    is.

    Parameters
    ----------
    run : FitRun
    problem : Problem

    Returns
    -------
    Solution
        With its last digits polished.
    """
    objective = run.objective
    objective.constant = run.null.constant if _may_be_centred(run) else None
    try:
        found = solve(problem)
    except NearlyDependent:
        found = _from_deviations(run, problem)
        if found is not None:
            return found
        objective.constant = None
        found = solve(problem)
    objective.constant = None
    return run.polished(found)


def _may_be_centred(run):
    objective, source = run.objective, run.objective.source
    if source.data.terms or source.data.coding is not None or run.declaration.memory != 2:
        return False
    return objective.small or source.n_rows * source.p * 8 <= CENTRED_BYTES


def _from_deviations(run, problem):
    """The solution by the columns less their means; None where it takes more than steps by cross-products."""
    rows, inner = run.objective.source.gather(), copy(run)  # those of a file or a cluster are read once
    has_intercept, at = rows.data.has_intercept, run.null.constant
    X, means = deviations_of_far(rows.data.X, None if has_intercept else at)
    if not means.any() or not _are_apart(X, has_intercept):
        return None
    times = np.append(0.0, means) if has_intercept else means / rows.data.X[0, at]
    shift = Shift(at, times, run.objective.n_params // len(times))
    deviations = InMemory(rows.data._replace(X=X), rows.threads, place=rows.place)
    inner.objective = objective = run.objective.over(deviations)
    objective.constant = at
    start = None if problem.start is None else shift.deviations(problem.start)
    try:
        found = solve(problem._replace(objective=objective, start=start))
        if found.stop != "converged" or found.blocked or found.factor is None or found.factor.accurate:
            return None
        found = inner.polished(found)
    except NearlyDependent:  # where weights leave other means than those of the rows
        return None
    finally:
        run.objective.n_passes += objective.n_passes
    return _in_columns(found, shift)


def _are_apart(X, has_intercept):
    """Whether cross-products tell columns (n, p) apart, of the rows as they are, weights left out."""
    first = int(has_intercept)
    products = np.empty((first + X.shape[1],) * 2)
    with np.errstate(all="ignore"):
        products[first:, first:] = X.T @ X
        if has_intercept:
            products[0, 0], products[0, 1:] = len(X), np.add.reduce(X)
        return dense_cholesky(products, np.ones(len(products)), SAFE_PIVOT_SMALL) is not None


def deviations_of_far(X: np.ndarray, constant: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """A copy of X (n, p) in which columns many standard deviations from zero are less their means, and these means
    (p,), zero of other columns and of the ``constant`` one."""
    with np.errstate(all="ignore"):
        mean = np.add.reduce(X, dtype=np.float64) / len(X)
        deviations = X - mean
        variance = np.einsum("ij,ij->j", deviations, deviations) / len(X)
        far = (np.square(mean) > FAR * FAR * variance) & np.isfinite(variance)
    if constant is not None:
        far[constant] = False
    deviations[:, ~far] = X[:, ~far]
    return deviations, np.where(far, mean, 0.0)


def _in_columns(found, shift):
    """A solution in the units of the columns, from that of the shifted ones."""
    q, factor = found.quadratic, ShiftedFactor(found.factor, shift)
    score, root = shift.score(q.score), factor.root()
    return found._replace(
        beta=shift.columns(found.beta), quadratic=q._replace(score=score, information=Dense(root.T @ root)),
        factor=factor, score_norm=float(np.linalg.norm(score)), origin=None,
    )  # fmt: skip
