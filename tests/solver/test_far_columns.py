"""Penalised fits of columns whose means are very many standard deviations from zero: those of the centred columns."""

import numpy as np
import pytest

import fastglm
from fastglm.penalties import ElasticNet, Lasso

FAMILIES = ["gaussian", "poisson", "binomial"]


def rows(family, far):
    rng = np.random.default_rng(1)
    Z = rng.normal(size=(300, 12)) @ (np.eye(12) + 0.3)
    eta = 0.5 + 0.3 * Z[:, 0] - 0.2 * Z[:, 3]
    y = {
        "gaussian": lambda: eta + rng.normal(size=300),
        "poisson": lambda: rng.poisson(np.exp(eta)).astype(float),
        "binomial": lambda: (rng.random(300) < 1.0 / (1.0 + np.exp(-eta))).astype(float),
    }[family]()
    return Z, np.round(Z, 3) + far, y


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("far", [1e3, 1e5, 1e6])
@pytest.mark.parametrize("alpha", [1.0, 0.5])
def test_a_path_is_that_of_centred_columns(family, far, alpha):
    _, X, y = rows(family, far)
    centred = np.round(X - far, 3)  # the same numbers but for the shift
    options = {"family": family, "lambdas": [0.2, 0.05, 0.01], "penalty": ElasticNet(alpha=alpha)}
    found, expected = fastglm.path(X, y, **options), fastglm.path(centred, y, **options)
    assert all(found.converged)
    np.testing.assert_allclose(found.params[:, 1:], expected.params[:, 1:], rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("kind", [float, np.float32, np.float64])
def test_alpha_may_be_a_number_of_numpy(kind):
    _, X, y = rows("gaussian", 0.0)
    fit = fastglm.fit(X, y, penalty=ElasticNet(lam=0.1, alpha=kind(0.5)))
    np.testing.assert_array_equal(fit.params, fastglm.fit(X, y, penalty=ElasticNet(lam=0.1, alpha=0.5)).params)


def test_folds_of_far_columns_are_those_of_centred_ones():
    _, X, y = rows("gaussian", 1e5)
    centred = np.round(X - 1e5, 3)
    options = {"lambdas": [0.2, 0.05], "penalty": Lasso(), "folds": 5}
    found, expected = fastglm.cv(X, y, **options), fastglm.cv(centred, y, **options)
    np.testing.assert_allclose(found.mean, expected.mean, rtol=1e-7)
