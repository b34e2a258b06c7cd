"""A sample's information shrunk towards its diagonal, and the diagonal that stands for all of it."""

import numpy as np
import pytest

from fastglm.kernels.dense import mirror
from fastglm.linalg.factor import DiagonalFactor
from fastglm.linalg.shrinkage import mean_square_correlation, shrunk
from fastglm.linalg.symmetric import Dense

RNG = np.random.default_rng(17)


def autoregressive(r, p, rho):
    X = RNG.standard_normal((r, p))
    for j in range(1, p):
        X[:, j] = rho * X[:, j - 1] + np.sqrt(1.0 - rho * rho) * X[:, j]
    return X


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.6])
@pytest.mark.parametrize("r, p", [(512, 300), (300, 900)])
def test_few_rows_tell_the_mean_square_correlation(rho, r, p):
    distance = np.abs(np.subtract.outer(np.arange(p), np.arange(p)))
    true = ((rho ** (2.0 * distance)).sum() - p) / (p * (p - 1.0))
    X = autoregressive(r, p, rho)
    found = mean_square_correlation(X * RNG.uniform(0.1, 10.0, p) + RNG.uniform(-100.0, 100.0, p))
    # its standard error where columns are uncorrelated, as squared products of normal rows vary
    assert found == pytest.approx(true, abs=4 * 2.0 / (p * r) + 0.1 * true)


@pytest.mark.parametrize("what", ["constant", "not finite", "huge", "repeated", "its negative"])
def test_no_correlation_is_known_where_a_column_is_not_like_the_others(what):
    X = RNG.standard_normal((512, 300))
    X[:, 290] = {"constant": 3.0, "not finite": np.nan, "huge": 1e300 * X[:, 5], "repeated": 2.0 * X[:, 5] + 1.0,
                 "its negative": -X[:, 5]}[what]  # fmt: skip
    assert mean_square_correlation(X) == np.inf


def sample(r, p, rho=0.0):
    X = np.column_stack([np.ones(r), autoregressive(r, p, rho) * RNG.uniform(0.5, 2.0, p) + RNG.uniform(-9.0, 9.0, p)])
    return X.T @ X / r


def spread(information, truth):
    """The largest over the smallest factor by which one matrix is off another."""
    values = np.linalg.eigvals(np.linalg.solve(information, truth)).real
    return values.max() / values.min()


def test_of_uncorrelated_columns_little_is_left_to_correct():
    p = 150
    part, whole = sample(600, p), None
    scales = np.sqrt(np.diagonal(part)[1:] - part[0, 1:] ** 2)
    whole = np.zeros((p + 1, p + 1))
    whole[1:, 1:] = np.diag(scales**2)
    whole += np.outer(part[0], part[0])
    better = shrunk(Dense(part), 600.0, 0.01, True).toarray()
    np.testing.assert_array_equal(better[0], part[0])
    np.testing.assert_allclose(better.diagonal(), part.diagonal(), rtol=1e-12)
    assert spread(better, whole) < 1.3 and spread(part, whole) > 5.0


def test_of_correlated_columns_the_sample_is_believed():
    X = RNG.standard_normal((4000, 60)) @ (RNG.standard_normal((60, 60)) / 8.0) + RNG.standard_normal((4000, 1))
    part = X.T @ X / 4000.0
    np.testing.assert_allclose(shrunk(Dense(part), 4000.0, 0.01, False).toarray(), part, rtol=0.05)


def test_all_rows_are_believed_wholly():
    part = sample(600, 150)
    np.testing.assert_allclose(shrunk(Dense(part), 600.0, 1.0, True).toarray(), part, rtol=1e-12, atol=1e-12)


def test_a_sample_of_fewer_rows_than_columns_becomes_positive_definite():
    part = sample(60, 150)
    assert np.linalg.eigvalsh(part)[0] < 1e-8
    better = shrunk(Dense(part), 60.0, 0.01, True).toarray()
    about_means = better[1:, 1:] - np.outer(better[0, 1:], better[0, 1:])
    assert np.linalg.eigvalsh(about_means)[0] > 0.05


@pytest.mark.parametrize("means", [None, np.r_[1.0, RNG.uniform(-5.0, 5.0, 7)]], ids=["alone", "about means"])
def test_a_diagonal_answers_as_its_matrix(means):
    diagonal, g = RNG.uniform(0.5, 2.0, 8), RNG.standard_normal(8)
    M = np.eye(8)
    if means is not None:
        M[0] = means
    full, given = M.T @ np.diag(diagonal) @ M, g.copy()
    factor = DiagonalFactor(diagonal, means)
    np.testing.assert_allclose(factor.solve(g), np.linalg.solve(full, g), rtol=1e-11)
    np.testing.assert_allclose(factor.size(g), np.sqrt(g @ full @ g), rtol=1e-12)
    np.testing.assert_allclose(factor.reach(g), np.sqrt((g * g * full.diagonal()).max()), rtol=1e-12)
    np.testing.assert_array_equal(g, given)


@pytest.mark.parametrize("m", [1, 127, 128, 300])
@pytest.mark.parametrize("order", "CF")
def test_a_triangle_is_mirrored_in_place(m, order):
    a = np.asarray(RNG.standard_normal((m, m)), order=order)
    upper = np.triu(a)
    assert mirror(a) is a
    np.testing.assert_array_equal(a, upper + np.triu(upper, 1).T)
