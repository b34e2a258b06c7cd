"""Products of rows that lie one after the other: any number of columns and rows, against NumPy."""

import numpy as np
import pytest

import fastglm
from fastglm.kernels.compile import at, jit
from fastglm.kernels.rows import add_products, add_weighted_sum


@jit()
def products(X, b, out):
    add_products(at(X), X.shape[1], X.shape[0], b.size, at(b), at(out))


@jit()
def weighted_sum(X, r, out):
    add_weighted_sum(at(X), X.shape[1], X.shape[0], out.size, at(r), at(out))


@pytest.mark.parametrize("p", [0, 1, 2, 3, 4, 5, 7, 8, 16, 19, 33])
@pytest.mark.parametrize("n", [0, 1, 3, 4, 6, 65])
def test_products_are_those_of_numpy(n, p):
    rng = np.random.default_rng(n + 100 * p)
    whole = rng.standard_normal((n, p + 2))  # rows have more numbers than are multiplied
    X, b, r = whole[:, :p], rng.standard_normal(p), rng.standard_normal(n)
    eta, score = np.ones(n), np.ones(p)
    products(whole, b, eta)
    weighted_sum(whole, r, score)
    np.testing.assert_allclose(eta, 1.0 + X @ b, atol=1e-13)
    np.testing.assert_allclose(score, 1.0 + X.T @ r, atol=1e-13)


@pytest.mark.parametrize("p", [1, 2, 3, 4, 6, 11])
def test_storage_orders_agree(p):
    rng = np.random.default_rng(p)
    X = rng.standard_normal((1_003, p))
    y = rng.poisson(np.exp(0.2 * X[:, 0]))
    rows, cols = fastglm.fit(X, y, family="poisson"), fastglm.fit(np.asfortranarray(X), y, family="poisson")
    np.testing.assert_allclose(rows.params, cols.params, rtol=1e-11)
    np.testing.assert_allclose(rows.bse, cols.bse, rtol=1e-12)
