"""Columns that say nothing beside an intercept: penalised fits, paths and covariances are those without them."""

import numpy as np
import pytest
import scipy.sparse as sp

import fastglm
from fastglm.penalties import ElasticNet, GroupLasso, Lasso, Ridge

N = 400
RNG = np.random.default_rng(3)
X = RNG.normal(size=(N, 5))
ETA = X @ [0.6, -0.4, 0.0, 0.2, 0.0]
RESPONSES = {
    "gaussian": ETA + RNG.normal(size=N), "binomial": (RNG.random(N) < 1 / (1 + np.exp(-ETA))) * 1.0,
    "poisson": RNG.poisson(np.exp(ETA)) * 1.0, "multinomial": RNG.integers(0, 3, N),
}  # fmt: skip
BESIDE = np.insert(X, [1, 3, 5], [2.5, 0.0, -40.0], axis=1)  # a constant column, one of zeros, a far constant
IDLE = np.isin(np.arange(8), [1, 4, 7])
PENALTIES = [Ridge(0.02), Ridge(0.02, scale=False), Ridge(1e-8), Lasso(0.02), ElasticNet(0.02, alpha=0.3),
             GroupLasso(0.02, groups=[0, 0, 1, 1, 2])]  # fmt: skip
PLAIN = [family for family in RESPONSES if family != "multinomial"]


def beside(penalty):
    """The same for the columns with the constant ones."""
    return penalty._replace(groups=[0, 3, 0, 1, 4, 1, 2, 5]) if penalty.__class__ is GroupLasso else penalty


def assert_same(found, expected, atol=1e-9):
    """Without the columns that say nothing, whose coefficients are zero."""
    moving = np.append(True, ~IDLE)
    np.testing.assert_allclose(np.asarray(found)[..., moving], expected, rtol=1e-7, atol=atol)
    assert (np.asarray(found)[..., ~moving] == 0.0).all()


@pytest.mark.parametrize("family", PLAIN)
@pytest.mark.parametrize("penalty", PENALTIES, ids=repr)
def test_a_fit_is_that_without_them(penalty, family):
    y = RESPONSES[family]
    expected = fastglm.fit(X, y, family=family, penalty=penalty)
    result = fastglm.fit(BESIDE, y, family=family, penalty=beside(penalty))
    assert result.converged and result.certificate < 1e-8
    assert_same(result.params, expected.params)
    assert result.deviance == pytest.approx(expected.deviance, rel=1e-10)
    assert result.edf == pytest.approx(expected.edf, rel=1e-9)
    assert result.n_passes <= expected.n_passes + 1
    assert "constant columns" in result.notes[0] and "x2, x5, x8" in result.notes[0]


@pytest.mark.parametrize("cov", ["bayesian", "frequentist"])
@pytest.mark.parametrize("family", PLAIN)
@pytest.mark.parametrize("penalty", PENALTIES[:3], ids=repr)
def test_so_is_the_covariance_of_a_ridge(penalty, family, cov):
    y, moving = RESPONSES[family], np.append(True, ~IDLE)
    expected = fastglm.fit(X, y, family=family, penalty=penalty, cov=cov)
    result = fastglm.fit(BESIDE, y, family=family, penalty=penalty, cov=cov)
    assert_same(result.params, fastglm.fit(X, y, family=family, penalty=penalty).params)
    np.testing.assert_allclose(result.bse[moving], expected.bse, rtol=1e-8)
    assert np.isnan(result.bse[~moving]).all()
    new = BESIDE[:5] + 0.1
    pair = result.predict(new, interval="mean"), expected.predict(new[:, ~IDLE], interval="mean")
    np.testing.assert_allclose(pair[0].se, pair[1].se, rtol=1e-7)


def test_columns_of_an_infinite_factor_are_as_good_as_not_there():
    y, factors = RESPONSES["poisson"], [1.0, np.inf, 1.0, np.inf, 1.0]
    kept = np.array([True, True, False, True, False, True])
    net = ElasticNet(0.05, alpha=0.0, factors=factors)
    result = fastglm.fit(X, y, family="poisson", penalty=net)
    expected = fastglm.fit(X[:, kept[1:]], y, family="poisson", penalty=Ridge(0.05))
    np.testing.assert_allclose(result.params[kept], expected.params, rtol=1e-8)
    assert (result.params[~kept] == 0.0).all()


@pytest.mark.parametrize("family", RESPONSES)
@pytest.mark.parametrize("penalty", PENALTIES[2:], ids=repr)
def test_a_path_is_that_without_them(penalty, family):
    y, penalty = RESPONSES[family], penalty._replace(lam=None)
    options = dict(family=family, lambdas=[0.1, 0.03, 0.01])
    expected = fastglm.path(X, y, penalty=penalty, **options)
    result = fastglm.path(BESIDE, y, penalty=beside(penalty), **options)
    assert np.all(result.converged)
    axes = (0, 2, 1) if family == "multinomial" else (0, 1)
    assert_same(np.transpose(result.params, axes), np.transpose(expected.params, axes), 1e-8)
    assert result.n_passes <= expected.n_passes + 2
    assert "constant columns" in result.first.notes[0]


@pytest.mark.parametrize("penalty", [Ridge(0.05), Lasso(0.05)], ids=repr)
def test_of_sparse_columns_that_have_no_rows(penalty):
    rng = np.random.default_rng(0)
    wide = sp.random(300, 1500, 0.01, "csr", random_state=1, data_rvs=lambda n: rng.normal(size=n))
    some = np.flatnonzero(np.diff(wide.tocsc().indptr))
    assert len(some) < 1500
    y = (rng.random(300) < 0.5) * 1.0
    expected = fastglm.fit(wide[:, some], y, family="binomial", penalty=penalty)
    result = fastglm.fit(wide, y, family="binomial", penalty=penalty)
    np.testing.assert_allclose(result.params[np.append(0, 1 + some)], expected.params, rtol=1e-6, atol=1e-9)
    assert np.count_nonzero(result.params) <= len(some) + 1
    assert result.n_passes <= 1.5 * expected.n_passes + 2


def test_rows_left_out_one_by_one():
    y, lambdas = RESPONSES["gaussian"], [1.0, 0.1, 0.01]
    expected = fastglm.cv(X, y, penalty=Ridge(), lambdas=lambdas, folds="loo")
    result = fastglm.cv(BESIDE, y, penalty=Ridge(), lambdas=lambdas, folds="loo")
    np.testing.assert_allclose(result.mean, expected.mean, rtol=1e-10)
    np.testing.assert_allclose(result.se, expected.se, rtol=1e-10)
