"""Descents by the columns of the rows: every penalty on few columns, by the optimality conditions."""

import numpy as np
import penalty_cases as cases
import pytest
from scipy import sparse

import fastglm
from fastglm.penalties import ElasticNet
from fastglm.solver import working_set

RNG = np.random.default_rng(4)
N, P = 150, 30
X = np.where(RNG.random((N, P)) < 0.6, 0.0, RNG.normal(size=(N, P)))
X[:, 1] = X[:, 0] + 1e-3 * RNG.normal(size=N)
ETA = 0.6 * X[:, 0] - 0.5 * X[:, 3] + 0.2
WEIGHTS, OFFSET = RNG.integers(0, 3, N).astype(float), 0.2 * RNG.normal(size=N)
RESPONSES = {
    "gaussian": ETA + RNG.normal(size=N),
    "binomial": (RNG.random(N) < 1 / (1 + np.exp(-ETA))).astype(float),
    "poisson": RNG.poisson(np.exp(ETA)).astype(float),
}
PENALTIES = {
    "lasso": ElasticNet(alpha=1.0),
    "both": ElasticNet(alpha=0.4),
    "ridge in bounds": ElasticNet(alpha=0.0, lower=-0.3, upper=0.2),
    "factors": ElasticNet(alpha=0.7, factors=[0.0, np.inf] + [1.0, 2.0] * 14, scale=False),
}
STORAGES = {"rows": X, "columns": np.asfortranarray(X), "sparse": sparse.csr_matrix(X), "single": X.astype(np.float32)}


@pytest.fixture(autouse=True)
def few_columns_are_many(monkeypatch):
    monkeypatch.setattr(working_set, "WIDE", 5)


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("family", RESPONSES)
def test_paths_are_optimal(family, penalty, storage):
    net, y = PENALTIES[penalty], RESPONSES[family]
    vectors = {"weights": WEIGHTS, "offset": OFFSET}
    path = fastglm.path(STORAGES[storage], y, family=family, penalty=net, lambdas=12, ratio=0.01, **vectors)
    values = np.asarray(STORAGES[storage].todense() if storage == "sparse" else STORAGES[storage], float)
    assert all(path.converged) and path.certificate.max() <= 1e-8
    for lam, params in zip(path.lambdas, path.params, strict=True):
        assert cases.violation(values, y, params, lam, net, family, **vectors) < 2e-8


def test_folds_are_those_of_a_matrix_of_all_coefficients(monkeypatch):
    y = RESPONSES["binomial"]
    few = fastglm.cv(sparse.csr_matrix(X), y, family="binomial", folds=3, lambdas=8, ratio=0.03)
    monkeypatch.setattr(working_set, "WIDE", 1000)
    whole = fastglm.cv(X, y, family="binomial", folds=3, lambdas=few.lambdas)
    assert few.fold_values == pytest.approx(whole.fold_values, rel=1e-6)
