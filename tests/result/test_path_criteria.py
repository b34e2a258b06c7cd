"""Criteria along a path against their definitions, dense traces, glmnet's and MASS's figures, and unpenalised fits."""

from math import comb, log

import numpy as np
import pytest

import fastglm
from fastglm.errors import InvalidParameterError, SelectionWarning
from fastglm.penalties import Adaptive, ElasticNet, GroupLasso, Lasso, Relaxed, Ridge

RNG = np.random.default_rng(4)
N, P = 150, 6
X = RNG.normal(size=(N, P)) * [1, 2, 1, 0.3, 1, 1]
ETA = X @ [0.6, 0.3, 0, 0, -0.4, 0]
WEIGHTS = RNG.uniform(0.5, 2.0, N)
RESPONSES = {
    "gaussian": ETA + RNG.normal(size=N),
    "binomial": (RNG.random(N) < 1 / (1 + np.exp(-ETA))).astype(float),
    "poisson": RNG.poisson(np.exp(0.5 * ETA)).astype(float),
    "multinomial": np.array(list("abc"))[np.argmax(np.c_[0 * ETA, ETA, -ETA] + RNG.gumbel(size=(N, 3)), axis=1)],
}


@pytest.mark.parametrize("family", RESPONSES)
def test_a_lasso_counts_its_coefficients(family):
    path = fastglm.path(X, RESPONSES[family], family=family, lambdas=12)
    for i, lam in enumerate(path.lambdas.tolist()):
        one = path.at(lam)
        assert path.effective_df[i] == one.rank
        assert path.aic[i] == pytest.approx(one.aic, rel=1e-14) and path.bic[i] == pytest.approx(one.bic, rel=1e-14)
    k, n = path.n_parameters, N
    np.testing.assert_allclose(path.aicc, path.aic + 2 * k * (k + 1) / (n - k - 1), rtol=1e-14)
    contrasts = 2 if family == "multinomial" else 1
    candidates, slopes = P * (3 if family == "multinomial" else 1), (path.effective_df - contrasts).astype(int)
    extra = [2 * 0.5 * log(comb(candidates, s)) for s in slopes]
    np.testing.assert_allclose(path.ebic(0.5), path.bic + extra, rtol=1e-12)
    np.testing.assert_allclose(path.gic, -2 * path.llf + k * log(log(n)) * log(candidates), rtol=1e-14)
    np.testing.assert_allclose(path.gcv, n * path.deviance / (n - path.effective_df) ** 2, rtol=1e-14)
    for name in ("aic", "aicc", "bic", "ebic", "gic", "gcv"):
        assert path.select(name).penalty.lam == path.lambdas[np.argmin(path.criterion(name))]


def information(family, mu):
    return {"gaussian": np.ones_like(mu), "binomial": mu * (1 - mu), "poisson": mu}[family]


@pytest.mark.parametrize("penalty", [Ridge(), ElasticNet(alpha=0.4, factors=[0, 1, 1, 2, 1, 1]),
                                     Ridge(P=np.diag([1.0, 2, 0, 1, 3, 1]))])  # fmt: skip
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("family", ["gaussian", "binomial", "poisson"])
def test_traces_are_those_of_dense_matrices(family, intercept, penalty):
    y = RESPONSES[family]
    path = fastglm.path(X, y, family=family, weights=WEIGHTS, penalty=penalty, lambdas=[1.0, 0.1, 1e-3],
                        intercept=intercept, criteria=True)  # fmt: skip
    D = np.column_stack([np.ones(N), X]) if intercept else X
    sd2 = np.average((X - np.average(X, axis=0, weights=WEIGHTS)) ** 2, axis=0, weights=WEIGHTS)
    f = np.ones(P) if getattr(penalty, "factors", None) is None else np.array(penalty.factors, float)
    own = getattr(penalty, "P", None)
    S = np.array(own) if own is not None else np.diag(f * P / f.sum() * sd2 * (1 - getattr(penalty, "alpha", 0.0)))
    S = np.pad(S, ((D.shape[1] - P, 0), (D.shape[1] - P, 0)))
    for lam, beta, df in zip(path.lambdas, path.params, path.effective_df, strict=True):
        mu = path.at(float(lam)).predict(X)
        J = D.T @ ((WEIGHTS * information(family, mu))[:, None] * D)
        active = beta != 0
        J = J[np.ix_(active, active)]
        trace = np.trace(np.linalg.solve(J + lam * WEIGHTS.sum() * S[np.ix_(active, active)], J))
        assert df == pytest.approx(trace, rel=1e-9)


def test_the_trace_of_classes_is_that_of_two_classes():
    """A softmax regression of two classes with penalty lam is a logistic one with half of it."""
    y = RESPONSES["binomial"].astype(int)
    many = fastglm.path(X, y, family="multinomial", penalty=Ridge(), lambdas=[0.2, 0.02], criteria=True)
    two = fastglm.path(X, y, family="binomial", penalty=Ridge(), lambdas=[0.1, 0.01], criteria=True)
    np.testing.assert_allclose(many.deviance, two.deviance, rtol=1e-9)
    # the part of the coefficients that is common to both classes is pinned by the ridge alone, and counts nothing
    np.testing.assert_allclose(many.effective_df, two.effective_df, rtol=1e-7)


def test_gcv_is_the_mean_square_of_rows_left_out_with_equal_leverages():
    """Of a design whose rows have the same leverage generalised cross-validation is leaving each row out."""
    angle = 2 * np.pi * np.arange(16) / 16
    Z = np.column_stack([np.cos(angle), np.sin(angle)])
    y = RNG.normal(size=16)
    path = fastglm.path(Z, y, penalty=Ridge(), lambdas=[1.0, 0.1, 0.01])
    found = fastglm.cv(Z, y, penalty=Ridge(), lambdas=path.lambdas, folds="loo")
    np.testing.assert_allclose(path.gcv, found.mean, rtol=1e-10)


def test_without_a_penalty_the_criteria_are_those_of_the_fit():
    for family in ("gaussian", "binomial", "poisson"):
        whole = fastglm.fit(X, RESPONSES[family], family=family)
        path = fastglm.path(X, RESPONSES[family], family=family, penalty=Ridge(), lambdas=[0.1, 1e-10], criteria=True)
        assert path.effective_df[-1] == pytest.approx(whole.rank, rel=1e-6)
        assert path.aic[-1] == pytest.approx(whole.aic, rel=1e-8) and path.bic[-1] == pytest.approx(whole.bic, rel=1e-8)


def test_what_has_no_criteria():
    path = fastglm.path(X, RESPONSES["poisson"], family="poisson", penalty=Ridge(), lambdas=3)
    with pytest.raises(InvalidParameterError, match="criteria=True"):
        path.select("bic")
    path = fastglm.path(X, RESPONSES["poisson"], family="poisson", lambdas=3)
    with pytest.raises(InvalidParameterError, match="is unknown"):
        path.select("cp")
    with pytest.raises(InvalidParameterError, match="takes no gamma"):
        path.select("bic", gamma=0.5)
    quasi = fastglm.path(X, RESPONSES["poisson"], family="quasipoisson", lambdas=3)
    with pytest.raises(InvalidParameterError, match="not defined"):
        quasi.select("aic")
    assert np.isfinite(quasi.gcv).all()


def test_constant_columns_are_noted():
    Z = X.copy()
    Z[:, 2] = 4.0
    path = fastglm.path(Z, RESPONSES["poisson"], family="poisson", penalty=Lasso(), lambdas=3)
    assert any("constant columns" in note and "x3" in note for note in path.first.notes)
    assert (path.params[:, 3] == 0.0).all()


OTHERS = [GroupLasso(groups=[0, 0, 1, 1, 2, 2]), Adaptive()]


@pytest.mark.parametrize("penalty", OTHERS, ids=lambda v: type(v).__name__)
def test_other_penalties(penalty, tmp_path):
    """What a fit at one lambda says of its degrees of freedom; folds, files and refits as of any other path."""
    y = RESPONSES["gaussian"]
    chosen = fastglm.cv(X, y, penalty=penalty, lambdas=6, folds=4)
    path = chosen.path
    for lam, df in zip(path.lambdas.tolist(), path.effective_df, strict=True):
        one = fastglm.fit(X, y, penalty=penalty._replace(lam=lam))
        assert df == pytest.approx(one.edf if one.edf is not None else one.rank, rel=1e-6)
        assert path.at(lam).edf == df
    assert path.select("bic").penalty == penalty._replace(lam=float(path.lambdas[np.argmin(path.bic)]))
    chosen.save(tmp_path / "r.json")
    other = fastglm.load(tmp_path / "r.json")
    np.testing.assert_array_equal(other.fold_values, chosen.fold_values)
    assert repr(other) == repr(chosen) and other.best.penalty.lam == chosen.lambda_min
    with pytest.warns(SelectionWarning):
        assert chosen.refit(X, y).rank == np.count_nonzero(chosen.best.params)


def test_a_relaxed_path_has_no_criteria():
    path = fastglm.path(X, RESPONSES["gaussian"], penalty=Relaxed(gamma=0.5), lambdas=4, criteria=True)
    assert path.effective_df is None and path.at(path.lambdas[1]).edf is None
    with pytest.raises(InvalidParameterError, match="relaxed penalties have none"):
        path.select("bic")
