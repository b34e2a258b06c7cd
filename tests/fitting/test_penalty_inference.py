"""Degrees of freedom of penalised fits by derivatives of their fitted values, covariances of ridges in closed form."""

import numpy as np
import pytest

import fastglm
from fastglm.penalties import Adaptive, ElasticNet, GroupLasso, Lasso, Relaxed, Ridge

RNG = np.random.default_rng(12)
N, P = 22, 5
X = RNG.normal(size=(N, P)) * [1, 3, 0.2, 1, 1]
Y = X[:, 0] - 0.3 * X[:, 1] + 0.5 * X[:, 3] + RNG.normal(size=N)
KINDS = {
    "ridge": Ridge(0.2),
    "matrix": Ridge(0.2, P=np.eye(P) + 0.5),
    "lasso": Lasso(0.1),
    "positive": Lasso(0.05, positive=True),
    "net": ElasticNet(0.2, 0.5),
    "bounds": ElasticNet(0.02, 0.5, upper=0.4),
    "groups": GroupLasso(0.15, [0, 0, 1, 1, 1]),
    "groups and a ridge": GroupLasso(0.15, [0, 0, 1, 1, 2], 0.7),
    "sparse groups": GroupLasso(0.12, [0, 0, 1, 1, 1], sparsity=0.5),
}


@pytest.mark.parametrize("kind", KINDS)
def test_degrees_of_freedom_are_the_divergence_of_the_fit(kind):
    """The sum of d fitted_i / d y_i (Stein's lemma), by differences."""
    h, found = 1e-5, 0.0
    for i in range(N):
        up, down = (fastglm.fit(X, Y + s * h * (np.arange(N) == i), penalty=KINDS[kind]).predict(X)[i] for s in (1, -1))
        found += (up - down) / (2 * h)
    result = fastglm.fit(X, Y, penalty=KINDS[kind])
    assert result.edf == pytest.approx(found, rel=1e-5)
    assert f"{result.edf:.4g} effective" in " ".join(result.summary().as_text().split())


@pytest.mark.parametrize("record", [Adaptive(0.1), Relaxed(0.1)])
def test_what_has_two_stages_has_no_such_number(record):
    assert fastglm.fit(X, Y, penalty=record).edf is None


@pytest.mark.parametrize("P_", [None, np.diag([1.0, 2, 3, 4, 5])])
@pytest.mark.parametrize("family", ["gaussian", "poisson"])
def test_covariances_of_a_ridge(family, P_):
    lam, A = 0.1, np.column_stack([np.ones(N), X])
    y = Y if family == "gaussian" else RNG.poisson(np.exp(0.3 * X[:, 0])).astype(float)
    S = np.zeros((P + 1, P + 1))
    S[1:, 1:] = N * lam * (np.diag(X.var(0)) if P_ is None else P_)
    for name, alias in (("bayesian", "Vp"), ("frequentist", "Ve")):
        result = fastglm.fit(X, y, family=family, penalty=Ridge(lam, P=P_), cov=name)
        mu = result.predict(X)
        J = A.T @ (A * (mu if family == "poisson" else np.ones(N))[:, None])
        V = np.linalg.inv(J + S)
        edf = np.trace(V @ J)
        scale = 1.0 if family == "poisson" else np.sum((y - mu) ** 2) / (N - edf)
        want = scale * (V if name == "bayesian" else V @ J @ V)
        np.testing.assert_allclose(result.cov_params(), want, rtol=1e-7, atol=1e-12)
        assert result.edf == pytest.approx(edf) and result.cov_kind == name
        np.testing.assert_allclose(result.bse, np.sqrt(want.diagonal()), rtol=1e-7)
        same = fastglm.fit(X, y, family=family, penalty=Ridge(lam, P=P_), cov=alias)
        np.testing.assert_array_equal(same.bse, result.bse)


def test_a_ridge_of_nothing_has_the_covariance_of_the_model():
    free = fastglm.fit(X, Y)
    for name in ("bayesian", "frequentist"):
        result = fastglm.fit(X, Y, penalty=Ridge(0.0), cov=name)
        np.testing.assert_allclose(result.bse, free.bse, rtol=1e-8)
        assert result.edf == pytest.approx(P + 1)


def test_softmax_and_files(tmp_path):
    labels = np.digitize(Y, [-0.5, 0.8])
    result = fastglm.fit(X, labels, family="multinomial", penalty=Ridge(0.05), cov="bayesian")
    free = fastglm.fit(X, labels, family="multinomial")
    near = fastglm.fit(X, labels, family="multinomial", penalty=Ridge(1e-9), cov="bayesian")
    assert result.bse.shape == (P + 1, 2) and result.edf < near.edf == pytest.approx(2 * (P + 1), rel=1e-4)
    np.testing.assert_allclose(near.bse, free.bse, rtol=1e-4)
    result.save(tmp_path / "fit.json")
    np.testing.assert_array_equal(fastglm.load(tmp_path / "fit.json").bse, result.bse)


def test_very_many_columns_in_groups():
    rng = np.random.default_rng(1)
    Z = rng.normal(size=(100, 1200)) * rng.uniform(0.5, 2.0, 1200)
    y = (rng.random(100) < 1 / (1 + np.exp(-Z[:, :3].sum(1)))).astype(float)
    record = GroupLasso(groups=np.arange(1200) // 3)
    path = fastglm.path(Z, y, family="binomial", penalty=record, lambdas=6, ratio=0.3)
    assert path.converged.all() and path.df[-1] < 600
    beta, lam, sd = path.params[4], path.lambdas[4], Z.std(0)
    residual = (y - 1 / (1 + np.exp(-beta[0] - Z @ beta[1:]))) / 100
    pull, z = (residual @ Z / sd).reshape(-1, 3), (beta[1:] * sd).reshape(-1, 3)
    size, cut = np.linalg.norm(z, axis=1), lam * np.sqrt(3)
    inside = size > 0.0
    left = pull[inside] - cut * z[inside] / size[inside, None]
    outside = np.linalg.norm(pull[~inside], axis=1) - cut
    assert max(np.abs(left).max(), outside.max(), abs(residual.sum())) < 1e-7 * lam
    single = fastglm.fit(Z, y, family="binomial", penalty=record._replace(lam=float(lam)))
    np.testing.assert_allclose(single.params, beta, atol=1e-7)
