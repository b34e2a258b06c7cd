"""Solvers and covariances from outside: registered by the public registries, used by their names, right numbers."""

from math import sqrt
from typing import NamedTuple

import numpy as np
import pytest

import fastglm
from fastglm import solvers
from fastglm.errors import ConvergenceWarning, InvalidParameterError
from fastglm.options import solvers as registry
from fastglm.simulate import make_glm


class DampedGradient(NamedTuple):
    """Gradient descent scaled by the first information's diagonal; a step is halved until the deviance falls."""

    tol: float = 1e-5
    max_iter: int = 5000


def damped_gradient(problem):
    """Minimise half the deviance by score passes alone."""
    objective, beta = problem.objective, problem.first()
    q, history, distance, size = objective.at(beta, 1), [], np.inf, 1.0
    diagonal = objective.preconditioner(beta, objective.source.n_rows)
    for i in range(1, problem.control.max_iter + 1):
        step = q.score / diagonal
        distance = sqrt(float(q.score @ step) / problem.dispersion(q))
        history.append({"iteration": i, "deviance": q.deviance, "distance": distance})
        if distance <= problem.options.tol:
            break
        size, before, falls = 2.0 * size, q, False
        while not falls:
            size /= 2.0
            q = objective.at(beta + size * step, 1)
            falls = q.finite and q.deviance <= before.deviance * (1.0 + 1e-13) - 0.5 * size * float(before.score @ step)
            if size < 1e-12:
                break
        beta, size = beta + size * step, 1.5 * size
    stop = "converged" if distance <= problem.options.tol else "iteration limit reached"
    return solvers.Solution(beta, q, None, distance, float(np.abs(q.score).max()), i, stop, tuple(history))


@pytest.fixture
def gradient_solver():
    """A solver from outside, known while a test runs."""
    declaration = solvers.Declaration("damped-gradient", DampedGradient, damped_gradient, order=1, memory=1)
    solvers.register(declaration)
    yield declaration
    del registry.SOLVERS["damped-gradient"], registry._DECLARED[DampedGradient]


@pytest.mark.parametrize("family", ["gaussian", "binomial", "poisson"])
def test_a_solver_from_outside_reaches_the_optimum(gradient_solver, family):
    data = make_glm(family, 2000, 3, seed=4)
    options = {"family": family, "cov": "robust"}
    exact = fastglm.fit(data.X, data.y, **options)
    for solver in ("damped-gradient", DampedGradient(tol=1e-4)):
        found = fastglm.fit(data.X, data.y, solver=solver, **options)
        assert found.converged and found.solver == "damped-gradient" and found.certificate <= 1e-7
        np.testing.assert_allclose(found.params, exact.params, atol=1e-6 * exact.bse.min())
        np.testing.assert_allclose(found.bse, exact.bse, rtol=1e-6)
    # the score at the optimum, from its formula: X'(y - mu), for canonical links
    mu = found.predict(data.X)
    X = np.column_stack([np.ones(len(data.y)), data.X])
    assert np.abs(X.T @ (data.y - mu)).max() < 1e-5 * np.abs(X.T @ (data.y - data.y.mean())).max()


def test_it_says_that_it_has_not_converged(gradient_solver):
    data = make_glm("binomial", 500, 3, seed=4)
    with pytest.warns(ConvergenceWarning, match="iteration limit"):
        found = fastglm.fit(data.X, data.y, family="binomial", solver=DampedGradient(max_iter=2))
    assert found.n_iter == 2 and not found.converged


def test_it_is_forecast_and_listed_and_its_options_are_checked(gradient_solver):
    data = make_glm("binomial", 500, 3, seed=4)
    assert "damped-gradient" in solvers.names(exact=True)
    assert solvers.name_of(DampedGradient()) == "damped-gradient"
    assert fastglm.plan(data.y, data.X, family="binomial", solver="damped-gradient").passes > 10
    with pytest.raises(InvalidParameterError, match="tol=-1"):
        fastglm.fit(data.X, data.y, family="binomial", solver=DampedGradient(tol=-1))
    with pytest.raises(InvalidParameterError, match="registered already"):
        solvers.register(gradient_solver)


def test_without_registration_it_is_refused():
    with pytest.raises(InvalidParameterError, match="damped-gradient"):
        fastglm.fit(np.ones((3, 1)), [0, 1, 2], solver="damped-gradient")
    with pytest.raises(InvalidParameterError, match="record of fastglm.solvers"):
        fastglm.fit(np.ones((3, 1)), [0, 1, 2], solver=DampedGradient())
