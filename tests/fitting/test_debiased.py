"""One step of Newton's after a lasso, beside maximum likelihood, and the coverage of its intervals."""

import numpy as np
import pandas as pd
import pytest

import fastglm
from fastglm.errors import InvalidParameterError
from fastglm.penalties import ElasticNet, Lasso

RNG = np.random.default_rng(4)
X = RNG.normal(size=(250, 5)) * [1, 10, 0.1, 1, 1]
ETA = 0.5 * X[:, 0] + 0.03 * X[:, 1]
W = RNG.uniform(0.5, 2.0, 250)


def test_least_squares_has_the_estimates_of_maximum_likelihood():
    y = ETA + RNG.normal(size=250)
    free = fastglm.fit(X, y, weights=W)
    found = fastglm.debiased(fastglm.fit(X, y, weights=W, penalty=Lasso(0.1)), X, y, weights=W)
    np.testing.assert_allclose(found.params, free.params, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(found.bse / found.bse[0], free.bse / free.bse[0], rtol=1e-9)
    assert found.method == "exact" and found.conf_int().shape == (6, 2) and (found.pvalues < 1e-6).sum() == 2


@pytest.mark.parametrize("family", ["poisson", "binomial"])
def test_one_step_from_a_weak_lasso_is_near_maximum_likelihood(family):
    y = RNG.poisson(np.exp(ETA)) if family == "poisson" else (RNG.random(250) < 1 / (1 + np.exp(-ETA))).astype(float)
    free, weak = fastglm.fit(X, y, family=family), fastglm.fit(X, y, family=family, penalty=Lasso(0.01))
    found = fastglm.debiased(weak, X, y)
    assert (
        np.abs((found.params - free.params) / free.bse).max()
        < 0.1 * np.abs((weak.params - free.params) / free.bse).max()
    )
    np.testing.assert_allclose(found.bse, free.bse, rtol=0.1)
    near = fastglm.debiased(weak, X, y, method="nodewise")
    np.testing.assert_allclose(near.bse, free.bse, rtol=0.1)


def test_storages_give_the_same(tmp_path):
    frame = pd.DataFrame(X, columns=list("abcde")).assign(
        y=RNG.poisson(np.exp(ETA)), z=np.array(list("uvw"))[np.arange(250) % 3]
    )
    frame.to_parquet(tmp_path / "rows.parquet", row_group_size=90)
    result = fastglm.glm("y ~ a + b + z", frame, family="poisson", penalty=ElasticNet(0.05))
    one, other = (fastglm.debiased(result, data=data) for data in (frame, tmp_path / "rows.parquet"))
    np.testing.assert_allclose(other.params, one.params, rtol=1e-10)
    np.testing.assert_allclose(other.bse, one.bse, rtol=1e-10)
    assert one.tidy()["term"].tolist() == list(result.names)


def test_more_columns_than_rows():
    rng = np.random.default_rng(6)
    Z = rng.normal(size=(80, 100))
    y = 2.0 * Z[:, 0] + rng.normal(size=80)
    found = fastglm.debiased(fastglm.fit(Z, y, penalty=Lasso(0.2)), Z, y)
    assert found.method == "nodewise" and np.isfinite(found.bse).all()
    low, high = found.conf_int()[1]
    assert low < 2.0 < high and low > 1.0
    constant = np.column_stack([Z[:, :20], np.ones(80)])
    found = fastglm.debiased(fastglm.fit(constant, y, penalty=Lasso(0.2)), constant, y, method="nodewise")
    assert np.isnan(found.bse[-1]) and np.isfinite(found.bse[:-1]).all()


def test_bad_arguments():
    y = ETA + RNG.normal(size=250)
    lasso = fastglm.fit(X, y, penalty=Lasso(0.1))
    with pytest.raises(InvalidParameterError, match="no penalty"):
        fastglm.debiased(fastglm.fit(X, y), X, y)
    with pytest.raises(InvalidParameterError, match="method='lasso'"):
        fastglm.debiased(lasso, X, y, method="lasso")
    with pytest.raises(InvalidParameterError, match="rows of the fit"):
        fastglm.debiased(lasso)
    with pytest.raises(InvalidParameterError, match="250"):
        fastglm.debiased(lasso, X[:100], y[:100])
    classes = fastglm.fit(X, np.digitize(y, [0.0, 1.0]), family="multinomial", penalty=Lasso(0.1))
    with pytest.raises(InvalidParameterError, match="one mean a row"):
        fastglm.debiased(classes, X, y)
    twice = np.column_stack([X, X[:, 0]])
    with pytest.raises(InvalidParameterError, match="collinear"):
        fastglm.debiased(fastglm.fit(twice, y, penalty=Lasso(0.1)), twice, y)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "p", "large"), [(400, 20, 0.92), (200, 300, 0.78)])
def test_coverage(n, p, large):
    """That of nominal 95 percent: of zero coefficients, and of large ones, which the lasso's own bias still moves."""
    rng, beta = np.random.default_rng(0), np.zeros(p)
    beta[:5] = [1, -1, 0.5, 0.5, -0.5]
    hits = []
    for _ in range(60):
        Z = rng.normal(size=(n, p))
        for j in range(1, p):
            Z[:, j] = 0.5 * Z[:, j - 1] + np.sqrt(0.75) * Z[:, j]
        y = Z @ beta + rng.normal(size=n)
        result = fastglm.cv(Z, y, lambdas=40, folds=5, ratio=0.02).best
        low, high = fastglm.debiased(result, Z, y).conf_int()[1:].T
        hits.append((low <= beta) & (beta <= high))
    hits = np.array(hits)
    assert 0.93 < hits[:, 5:].mean() < 0.985 and large < hits[:, :5].mean() < 0.98
