"""Proximal Newton over the few columns that a lasso needs, with the exact score of all columns as certificate.

Tibshirani et al. (2012), "Strong rules for discarding predictors in lasso-type problems", Journal of the Royal
Statistical Society B 74. What the rule leaves out is looked at in every pass of the score, so that its rare failures
cost a round and no digit.
"""

from __future__ import annotations

import numpy as np

from .column_descent import ColumnDescent
from .newton import norm
from .problem import Problem, Solution
from .proximal import ProximalDescent
from .sampled import with_sample_start
from .start import is_finite

WIDE = 1000  # coefficients, from which not all of them have a matrix
MOST_ROUNDS = 100  # of growing the set; chosen: a handful suffice
FIRST = 50  # columns that enter at once where no rule says which


def pays(objective) -> bool:
    """Whether an objective has so many columns, and a way to look at some of them alone."""
    return objective.n_params > WIDE and objective.divisible


class WorkingSet:
    """As ``ProximalDescent``, over columns that grow from one penalty to the next.

    Parameters
    ----------
    objective : Deviance
        Of which ``columns`` makes that of some coefficients.
    beta : (m,) array
    control : Control
    """

    def __init__(self, objective, beta, control):
        self.objective, self.control, self.history = objective, control, []
        self.beta, self.q = beta, objective.at(beta, 1)
        self.numbers, self.descent, self.last = np.flatnonzero(beta), None, None

    def violation(self, penalty) -> float:
        """The largest violation of the optimality conditions over all columns, in the penalty's units."""
        return penalty.violation(self.beta, self.q.score)

    def solve(self, penalty, tol: float | None = None) -> str:
        """Descend to the optimum with a penalty; why it stopped."""
        tol = self.control.tol if tol is None else tol
        stop = "iteration limit reached"
        new = self._strong(penalty)
        for _ in range(MOST_ROUNDS):
            stop = self._descend(penalty, new, tol)
            outside = np.ones(len(self.beta), bool)
            outside[self.numbers] = False
            violations = penalty.subgradient(self.beta, self.q.score + penalty.score(self.beta)) / penalty.unit
            new = np.flatnonzero(outside & (violations > tol))
            if not len(new) or not is_finite(self.q):
                break
            # the worst first, so that columns which the others make superfluous do not enter
            most = max(FIRST, len(self.numbers))
            new = penalty.whole(new[np.argsort(-violations[new], kind="stable")[:most]])
        self.last = penalty
        return stop

    information = None  # of all columns

    def verify(self):
        """Nothing: every pass over all columns is one over rows."""

    def _strong(self, penalty):
        """The columns that the sequential strong rule keeps, and those without a lasso."""
        kept = (penalty.lower < 0.0) | (penalty.upper > 0.0)
        if self.last is None:
            return np.flatnonzero(kept & (penalty.kink == 0.0))
        return np.flatnonzero(kept & penalty.strong(self.q.score, self.last))

    def _descend(self, penalty, new, tol):
        """Solve over the working set with some more columns; leaves the pass over all columns."""
        numbers = np.union1d(self.numbers, new)
        if not len(numbers):
            return "converged"
        if self.descent is None or len(numbers) > len(self.numbers):
            self.numbers = numbers
            some = self.objective.columns(numbers)
            self.descent = ProximalDescent(some, self.beta[numbers], self.control)
        counted = self.descent.objective.n_passes
        stop = self.descent.solve(penalty.of(self.numbers), tol)
        self.objective.n_passes += self.descent.objective.n_passes - counted
        self.history = self.descent.history
        self.beta = np.zeros(len(self.beta))
        self.beta[self.numbers] = self.descent.beta
        self.q = self.objective.at(self.beta, 1)
        return stop


def descent_of(objective, beta, control, penalty) -> ProximalDescent | WorkingSet | ColumnDescent:
    """The descent of an objective: over all coefficients, or over those that a penalty which screens them needs."""
    if not (penalty.screened and pays(objective)):
        return ProximalDescent(objective, beta, control)
    store = objective.column_store() if penalty.separable else None
    return WorkingSet(objective, beta, control) if store is None else ColumnDescent(objective, store, beta, control)


def proximal_newton(problem: Problem) -> Solution:
    """The fit of a problem with an elastic net: its deviance, certificate and history."""
    problem = with_sample_start(problem, proximal_newton)
    descent = descent_of(problem.objective, problem.first(), problem.control, problem.penalty)
    if not is_finite(descent.q):
        return Solution(descent.beta, descent.q, None, np.inf, np.inf, 0, "not finite at the start", ())
    descent.information_wanted = problem.information_wanted
    stop = descent.solve(problem.penalty)
    if problem.objective.linear:
        # what rounding has left is seen by a pass, and taken away by one more step
        descent.verify()
        stop = descent.solve(problem.penalty)
    q = descent.q._replace(information=descent.information)
    left = descent.violation(problem.penalty)
    return Solution(
        descent.beta, q, None, left, norm(q), len(descent.history), stop, tuple(descent.history)
    )  # fmt: skip
