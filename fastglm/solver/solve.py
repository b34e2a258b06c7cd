"""``solve``: a fit by the solver of its options, and the functions of the library's own solvers."""

from __future__ import annotations

from math import inf

import numpy as np

from ..objective.penalised import Penalised
from ..options.solvers import Auto, declaration_of, implement
from .boundary import at_boundary
from .choose import choose, exact_solver, is_wide, tolerances
from .newton import factorise, newton_iterations, norm, without_aliased
from .newton_cg import newton_cg
from .problem import Problem, Solution
from .sampled import correlation_of, diagonal_factor, fit_from_sample, with_sample_start
from .start import begin, is_finite
from .stream import stream
from .working_set import proximal_newton


def solve(problem: Problem) -> Solution:
    """Fit by the solver that the options are those of.

    A solver that makes no factor of the information is followed by a pass that does, where a covariance is wanted;
    that of a penalised fit is made of its last pass.
    """
    if problem.penalty is not None and problem.penalty.smooth:
        return ridge(problem)
    solution = declaration_of(problem.options).function(problem)
    if solution.factor is not None or problem.penalty is not None:
        return solution
    return with_curvature(problem, solution)


@implement("newton")
def newton(problem: Problem) -> Solution:
    """Damped Newton on all rows."""
    solution = _newton_from(problem)
    if problem.start is not None and solution.stop not in ("converged", "not finite at the start"):
        # from a start so far out that no step helps, the ordinary one may still do
        solution = _newton_from(problem.without_start())
    return at_boundary(problem, solution)


def _newton_from(problem):
    beta, q = begin(problem.objective, problem.start, problem.fallback)
    return newton_iterations(problem.objective, beta, problem.control, problem.dispersion, q=q)


@implement("irls")
def irls(problem: Problem) -> Solution:
    """A curvature of all rows at every pass."""
    return newton(problem.controlled(reuse_curvature=False))


@implement("auto")
def automatic(problem: Problem) -> Solution:
    """The automatic choice; Newton's method on all rows where a sample is not like the whole."""
    if problem.penalty is not None:
        return proximal_newton(problem)
    objective = problem.objective
    choice = choose(objective, problem.information, correlation_of(objective) if is_wide(objective) else inf)
    if choice.least_squares:
        return least_squares(problem)
    if choice.sample is not None:
        solution = fit_from_sample(problem, choice.sample)
        if solution is not None and solution.stop == "converged":
            return at_boundary(problem, solution)
    return choice.solver.function(problem)


@implement("proximal-newton")
def proximal(problem: Problem) -> Solution:
    """Proximal Newton steps; Newton's method where there is no penalty."""
    return newton(problem) if problem.penalty is None else proximal_newton(problem)


def ridge(problem: Problem) -> Solution:
    """Newton's method on the sum of half the deviance and a quadratic, with the pass that certifies it.

    No column depends on others beside a quadratic, so that none is looked at for it.
    """
    problem = with_sample_start(problem, ridge)
    objective, penalty = problem.objective, problem.penalty
    both = Penalised(objective, penalty)
    both.kept, both.aliased = np.arange(objective.n_params), {}
    chosen = declaration_of(problem.options)
    chosen = exact_solver(objective) if chosen.chooses else chosen
    if objective.linear and not objective.small and chosen.memory == 2:
        if (solution := ridge_of_squares(problem, both)) is not None:
            return solution
    function = chosen.function
    solution = function(problem._replace(objective=both, penalty=None, start=problem.first()))
    known = objective.linear and both.curved is not None
    q = objective.at(solution.beta, 2 if problem.information_wanted and not known else 1)
    if known:
        q = q._replace(information=both.curved.information)
    certificate = penalty.violation(solution.beta, q.score)
    return solution._replace(quadratic=q, certificate=certificate, score_norm=norm(q), factor=None)


def ridge_of_squares(problem: Problem, both: Penalised) -> Solution | None:
    """The solution of least squares with a quadratic by one factorisation, certified by a pass; None where rounding
    leaves more than the tolerance."""
    start = problem.first()
    q = both.at(start, 2)
    if not is_finite(q):
        return None
    beta = start + factorise(both, q, start).solve(q.score)
    information, last = both.curved.information, both.objective.at(beta, 1)
    certificate = problem.penalty.violation(beta, last.score)
    if not certificate <= problem.control.tol:
        return None
    return Solution(beta, last._replace(information=information), None, certificate, norm(last), 1, "converged", ())


def least_squares(problem: Problem) -> Solution:
    """One curvature is everybody's: the pass that makes it solves, and a score pass says what rounding left."""
    objective, control, dispersion = problem.objective, problem.control, problem.dispersion
    beta = problem.first()
    q = objective.at(beta, 2)
    if not is_finite(q):
        return newton_iterations(objective, beta, control, dispersion, q=q)
    factor = factorise(objective, q, beta)
    beta = without_aliased(beta, factor)
    beta = beta + factor.solve(q.score)
    last = objective.at(beta, 1)._replace(information=q.information)
    control = control._replace(need_information=False, curvature_if_cheaper=False)
    return newton_iterations(objective, beta, control, dispersion, factor=factor, q=last)


@implement("newton-cg")
def newton_by_conjugate_gradients(problem: Problem) -> Solution:
    """Newton by conjugate gradients; where it was asked for and fails, by a matrix."""
    solution = _without_matrix(problem, _conjugate_newton)
    if solution.stop != "converged" and not declaration_of(problem.options).chooses:
        solution = _newton_from(problem.without_start())
    return at_boundary(problem, solution)


@implement("lbfgs")
def lbfgs(problem: Problem) -> Solution:
    """L-BFGS from the diagonal of a sample's information."""
    return at_boundary(problem, _without_matrix(problem, _diagonal_descent))


@implement("stream")
def streaming(problem: Problem) -> Solution:
    """One read in blocks; what it could not certify is fitted exactly."""
    solution = stream(problem)
    if solution is not None:
        return solution
    return automatic(problem.controlled(**tolerances(problem.objective, Auto())))


def _without_matrix(problem, descend):
    """A descent without a matrix, again from the ordinary start where the user's fails, and a curvature at its end."""
    solution = with_curvature(problem, descend(problem))
    if problem.start is not None and solution.stop != "converged":
        solution = with_curvature(problem, descend(problem.without_start()))
    return solution


def _conjugate_newton(problem):
    beta = problem.first()
    return newton_cg(problem, beta, _diagonal(problem.objective, beta))


def _diagonal_descent(problem):
    beta = problem.first()
    memory = problem.options.memory
    control = problem.control._replace(need_information=False, curvature_if_cheaper=False, memory=memory, rough=True)
    factor = _diagonal(problem.objective, beta)
    solution = newton_iterations(problem.objective, beta, control, problem.dispersion, factor=factor)
    return solution._replace(factor=None)


def _diagonal(objective, beta):
    """About the information's diagonal, from a sample that has enough rows of every column."""
    n, enough = objective.source.n_rows, max(2000, objective.source.n_rows // 50, 50 * objective.n_params)
    return diagonal_factor(objective, beta, min(n, enough))


def with_curvature(problem: Problem, solution: Solution) -> Solution:
    """The solution of a descent without a matrix, with the information made at its end where a covariance is wanted."""
    if not problem.control.need_information or solution.stop != "converged":
        return solution
    q = problem.objective.at(solution.beta, 2)
    last = newton_iterations(problem.objective, solution.beta, problem.control, problem.dispersion, q=q)
    return last._replace(n_iter=solution.n_iter + last.n_iter, history=solution.history + last.history)
