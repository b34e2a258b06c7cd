"""Penalties: values against differences, proximal points against brute force, degrees of freedom against the hat."""

import numpy as np
import pytest

from fastglm.linalg.symmetric import Dense, Diagonal
from fastglm.objective.penalty import ElasticPenalty, QuadraticPenalty

RNG = np.random.default_rng(5)
M = 5
A = RNG.normal(size=(40, M))
PENALTIES = {
    "ridge": QuadraticPenalty(Diagonal(np.array([0.0, 1.0, 2.0, 3.0, 4.0])), np.zeros(M)),
    "a spline's differences": QuadraticPenalty(Dense(np.diff(np.eye(M), 2, axis=0).T @ np.diff(np.eye(M), 2, axis=0)),
                                               np.ones(M), np.arange(M) / 3.0),
    "elastic net": ElasticPenalty(np.array([0.0, 0.5, 0.5, 0.5, 0.5]), np.array([0.0, 1.0, 1.0, 2.0, 2.0])),
}  # fmt: skip


@pytest.mark.parametrize("name", PENALTIES)
def test_the_score_is_the_slope_of_the_smooth_part(name):
    penalty, b = PENALTIES[name], RNG.normal(size=M)
    lasso = getattr(penalty, "lasso", np.zeros(M))

    def smooth(b):
        return penalty.value(b) - lasso @ np.abs(b)

    slopes = [(smooth(b + h) - smooth(b - h)) / 2e-5 for h in 1e-5 * np.eye(M)]
    np.testing.assert_allclose(penalty.score(b), -np.array(slopes), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", PENALTIES)
def test_the_curvature_of_the_smooth_part_is_the_quadratic(name):
    penalty, b, v = PENALTIES[name], RNG.normal(size=M), RNG.normal(size=M)
    np.testing.assert_allclose(penalty.score(b) - penalty.score(b + v), penalty.quadratic().times(v), atol=1e-12)


def test_the_proximal_point_minimises_what_it_should():
    penalty, b, size = PENALTIES["elastic net"], 2.0 * RNG.normal(size=M), 0.7
    x = penalty.prox(b, size)
    grid = np.linspace(-6.0, 6.0, 120_001)
    for j in range(M):
        value = (grid - b[j]) ** 2 / (2.0 * size) + penalty.lasso[j] * np.abs(grid)
        assert x[j] == pytest.approx(grid[value.argmin()], abs=1e-4)
    np.testing.assert_array_equal(PENALTIES["ridge"].prox(b, size), b)


def test_degrees_of_freedom_are_the_trace_of_the_hat_matrix():
    J, ridge = A.T @ A, PENALTIES["ridge"]
    P = ridge.precision.toarray()
    hat = A @ np.linalg.inv(J + P) @ A.T
    assert ridge.degrees_of_freedom(np.ones(M), Dense(J)) == pytest.approx(np.trace(hat))
    beta, net = np.array([0.3, 0.0, 1.0, 0.0, -2.0]), PENALTIES["elastic net"]
    kept = A[:, [0, 2, 4]]
    hat = kept @ np.linalg.inv(kept.T @ kept + np.diag(net.ridge[[0, 2, 4]])) @ kept.T
    assert net.degrees_of_freedom(beta, Dense(J)) == pytest.approx(np.trace(hat))
    assert net._replace(ridge=np.zeros(M)).degrees_of_freedom(beta, Dense(J)) == pytest.approx(3.0)


def test_coefficients_that_stay_at_zero():
    net = PENALTIES["elastic net"]
    beta, score = np.array([0.0, 0.0, 0.5, 0.0, 0.0]), np.array([0.0, 0.9, 5.0, -2.1, 1.9])
    np.testing.assert_array_equal(net.active(beta, score), [True, False, True, True, False])
    np.testing.assert_allclose(net.subgradient(beta, score), [0.0, 0.0, 4.0, 0.1, 0.0], atol=1e-15)
