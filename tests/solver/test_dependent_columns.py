"""Columns that depend on others, of so many rows that a sample leads to the optimum: the fit of those that are left."""

import numpy as np
import pytest

import fastglm
from fastglm.errors import CollinearityWarning

N = 30_000


def columns(p=6):
    rng = np.random.default_rng(4)
    X = rng.standard_normal((N, p))
    return X, rng, X @ np.full(p, 0.1)


RESPONSES = {
    "binomial": lambda rng, eta: (rng.random(N) < 1.0 / (1.0 + np.exp(-eta))).astype(float),
    "poisson": lambda rng, eta: rng.poisson(np.exp(eta)).astype(float),
    "gaussian": lambda rng, eta: eta + rng.standard_normal(N),
}


@pytest.mark.parametrize("family", RESPONSES)
def test_the_fit_is_that_of_the_columns_that_are_left(family):
    X, rng, eta = columns()
    y = RESPONSES[family](rng, eta)
    X[:, 0], X[:, 3] = 2.0, X[:, 1] - 2.0 * X[:, 2]
    with pytest.warns(CollinearityWarning):
        fit = fastglm.fit(X, y, family=family)
    alone = fastglm.fit(np.delete(X, (0, 3), axis=1), y, family=family)
    kept = np.isfinite(fit.params)
    np.testing.assert_allclose(fit.params[kept], alone.params, rtol=1e-10)
    np.testing.assert_allclose(fit.bse[kept], alone.bse, rtol=1e-10)
    assert fit.deviance == pytest.approx(alone.deviance, rel=1e-12)
    assert fit.aliased == {"x1": "2 (Intercept)", "x4": "x2 - 2 x3"}
    assert fit.converged
    assert fit.n_passes <= alone.n_passes + 5  # the cross-product of X, and two passes that prove it


def test_columns_that_only_nearly_depend_are_kept():
    X, rng, eta = columns()
    X[:, 3] = X[:, 1] + 1e-7 * rng.standard_normal(N)
    fit = fastglm.fit(X, RESPONSES["binomial"](rng, eta), family="binomial")
    assert not fit.aliased
    assert fit.converged


@pytest.mark.parametrize("size", [1e-305, 1e-200, 1e150])
def test_columns_whose_squares_underflow_are_no_failure_of_the_rank(size):
    X, rng, eta = columns(3)
    y = RESPONSES["binomial"](rng, eta)
    fit, usual = fastglm.fit(X * size, y, family="binomial"), fastglm.fit(X, y, family="binomial")
    assert not fit.aliased
    assert fit.deviance == pytest.approx(usual.deviance, rel=1e-9)


def test_a_column_of_zeros_beside_others_is_aliased():
    X, rng, eta = columns(4)
    X[:, 2] = 0.0
    with pytest.warns(CollinearityWarning):
        fit = fastglm.fit(X, RESPONSES["binomial"](rng, eta), family="binomial")
    assert list(fit.aliased) == ["x3"]


def test_subnormal_columns_whose_coefficients_are_no_doubles_are_aliased():
    X, rng, eta = columns(3)
    with pytest.warns(CollinearityWarning):
        fit = fastglm.fit(X * 1e-310, RESPONSES["binomial"](rng, eta), family="binomial")
    assert list(fit.aliased) == ["x1", "x2", "x3"]
    assert fit.converged
