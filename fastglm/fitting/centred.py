"""Few rows of columns far from zero, such as years: they are fitted less their means, of which cross-products keep the
digits that those of the columns lose, and the fit is told in the columns' own units.
"""

from __future__ import annotations

from copy import copy

import numpy as np

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

    Where columns of few rows are so nearly dependent that their rows had to be factored at every step, they are first
    fitted less their means. What these too leave nearly dependent, or does not converge, is fitted as it is.

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
    objective.centrable = _may_be_centred(run)
    if objective.centrable:
        try:
            found = solve(problem)
        except NearlyDependent:
            found = _from_deviations(run, problem)
            if found is not None:
                return found
        else:
            objective.centrable = False
            return run.polished(found)
        objective.centrable = False
    return run.polished(solve(problem))


def _may_be_centred(run):
    objective, data = run.objective, run.objective.source.data
    plain = not data.terms and data.coding is None and objective.n_params == objective.n_columns
    return objective.small and plain and run.null.constant is not None and run.declaration.memory == 2


def _from_deviations(run, problem):
    """The solution by the columns less their means; None where it takes more than steps by cross-products."""
    rows, inner = run.objective.source.gather(), copy(run)  # those of a file or a cluster are read once
    has_intercept, at = rows.data.has_intercept, run.null.constant
    means = means_of_far(rows.data.X)
    if not has_intercept:
        means[at] = 0.0
    if not means.any():
        return None
    X = rows.data.X - means
    if not _are_apart(X, has_intercept):
        return None
    shift = Shift(at, np.append(0.0, means) if has_intercept else means / rows.data.X[0, at])
    deviations = InMemory(rows.data._replace(X=X), rows.threads, place=rows.place)
    inner.objective = objective = run.objective.over(deviations)
    objective.centrable = True
    start = None if problem.start is None else shift.deviations(problem.start)
    try:
        found = solve(problem._replace(objective=objective, start=start))
        if found.stop != "converged" or found.blocked or found.factor is None or found.factor.accurate:
            return None
        found = inner.polished(found)
    except NearlyDependent:
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


def means_of_far(X: np.ndarray) -> np.ndarray:
    """The means (p,) of the columns of X (n, p) that are many standard deviations from zero; zero of others."""
    with np.errstate(all="ignore"):
        mean = np.add.reduce(X, dtype=np.float64) / len(X)
        variance = np.add.reduce(np.square(X - mean)) / len(X)
        far = np.square(mean) > FAR * FAR * variance
    return np.where(far & np.isfinite(variance), mean, 0.0)


def _in_columns(found, shift):
    """A solution in the units of the columns, from that of the shifted ones."""
    q, factor = found.quadratic, ShiftedFactor(found.factor, shift)
    score, root = q.score + shift.times * q.score[shift.at], factor.root()
    return found._replace(
        beta=shift.columns(found.beta), quadratic=q._replace(score=score, information=Dense(root.T @ root)),
        factor=factor, score_norm=float(np.linalg.norm(score)), origin=None,
    )  # fmt: skip
