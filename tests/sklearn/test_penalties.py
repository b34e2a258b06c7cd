"""Penalised scikit-learn estimators: its own checks, the coefficients and choices of its models, and bad options."""

import numpy as np
import pytest
from estimator_data import NEW, WEIGHTS, X, response
from scipy.sparse import csr_array
from sklearn import linear_model
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold, TimeSeriesSplit
from sklearn.utils.estimator_checks import parametrize_with_checks

import fastglm
from fastglm import penalties
from fastglm import sklearn as estimators
from fastglm.errors import InvalidParameterError
from fastglm.sklearn import GLMClassifier, GLMClassifierCV, GLMRegressor, GLMRegressorCV

# data of the checks are tiny: separated, collinear, fitted perfectly
pytestmark = pytest.mark.filterwarnings("ignore::fastglm.errors.FastGLMWarning")
WEIGHTED = pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
FEW = {"eps": 0.01, "alphas": 10}


@parametrize_with_checks([
    GLMRegressor("gamma", "log", alpha=0.1),
    GLMRegressor(alpha=0.01, l1_ratio=0.5),
    GLMClassifier(C=1.0),
    GLMClassifier(C=1.0, l1_ratio=1.0),
    GLMRegressorCV(alphas=3, cv=2),
    GLMClassifierCV(Cs=3, cv=2),
    estimators.Ridge(),
    estimators.Lasso(0.01),
    estimators.ElasticNet(0.01),
    estimators.LogisticRegression(),
    estimators.PoissonRegressor(),
    estimators.GammaRegressor(),
    estimators.TweedieRegressor(power=1.5),
])  # fmt: skip
def test_checks_of_scikit_learn(estimator, check):
    check(estimator)


# --- the same coefficients as scikit-learn's models ---

TIGHT = {"tol": 1e-10, "max_iter": 100_000}
NEWTON = TIGHT | {"solver": "newton-cholesky"}
TWINS = {
    "ridge": ("gaussian", estimators.Ridge(2.0), linear_model.Ridge(2.0)),
    "ridge without intercept": (
        "gaussian",
        estimators.Ridge(2.0, fit_intercept=False),
        linear_model.Ridge(2.0, fit_intercept=False),
    ),
    "positive ridge": (
        "gaussian",
        estimators.Ridge(2.0, positive=True),
        linear_model.Ridge(2.0, positive=True, tol=1e-12, max_iter=100_000),
    ),
    "lasso": ("gaussian", estimators.Lasso(0.1), linear_model.Lasso(0.1, **TIGHT)),
    "positive lasso": (
        "gaussian",
        estimators.Lasso(0.1, positive=True),
        linear_model.Lasso(0.1, positive=True, **TIGHT),
    ),
    "elastic net": (
        "gaussian",
        estimators.ElasticNet(0.2, l1_ratio=0.3),
        linear_model.ElasticNet(0.2, l1_ratio=0.3, **TIGHT),
    ),
    "poisson": ("poisson", estimators.PoissonRegressor(), linear_model.PoissonRegressor(**NEWTON)),
    "gamma": ("gamma", estimators.GammaRegressor(), linear_model.GammaRegressor(**NEWTON)),
    "tweedie": (
        "poisson",
        estimators.TweedieRegressor(power=1.5, alpha=0.5),
        linear_model.TweedieRegressor(power=1.5, alpha=0.5, **NEWTON),
    ),
    "two classes": ("two", estimators.LogisticRegression(), linear_model.LogisticRegression(**NEWTON)),
    "three classes": ("three", estimators.LogisticRegression(C=0.1), linear_model.LogisticRegression(C=0.1, **NEWTON)),
    "regressor": ("poisson", GLMRegressor("poisson", alpha=0.3), linear_model.PoissonRegressor(alpha=0.3, **NEWTON)),
    "classifier": ("two", GLMClassifier(C=0.2), linear_model.LogisticRegression(C=0.2, **NEWTON)),
    "lasso of classes": (
        "two",
        GLMClassifier(C=0.05, l1_ratio=1.0),
        linear_model.LogisticRegression(C=0.05, l1_ratio=1.0, solver="saga", tol=1e-9, max_iter=100_000),
    ),
}


@WEIGHTED
@pytest.mark.parametrize("name", TWINS)
def test_same_model_as_scikit_learn(name, weights):
    kind, ours, theirs = TWINS[name]
    y = response(kind)
    ours, theirs = clone(ours).fit(X, y, weights), clone(theirs).fit(X, y, weights)
    assert np.shape(ours.coef_) == np.shape(theirs.coef_)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=2e-6)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=2e-6)
    assert ours.score(X, y, weights) == pytest.approx(theirs.score(X, y, weights), abs=1e-6)
    assert ours.result_.certificate < 1e-6
    kept = clone(ours).fit(csr_array(X), y, weights)
    np.testing.assert_allclose(kept.coef_, ours.coef_, atol=1e-10)


def test_a_mixture_of_classes_has_scikit_learns_probabilities():
    y = response("three")
    ours = GLMClassifier(C=0.05, l1_ratio=0.5).fit(X, y)
    theirs = linear_model.LogisticRegression(C=0.05, l1_ratio=0.5, solver="saga", **TIGHT).fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-6)
    np.testing.assert_allclose(ours.predict_proba(NEW), theirs.predict_proba(NEW), atol=1e-6)


def test_no_penalty_is_the_exact_fit():
    y = response("poisson")
    np.testing.assert_array_equal(
        GLMRegressor("poisson", l1_ratio=0.5).fit(X, y).coef_, GLMRegressor("poisson").fit(X, y).coef_
    )
    assert np.isfinite(GLMClassifier().fit(X, response("two")).result_.bse).all()


def test_alpha_is_lam_of_columns_as_they_are():
    y = response("poisson")
    expected = fastglm.fit(X, y, family="poisson", penalty=penalties.ElasticNet(0.1, 0.5, scale=False))
    found = GLMRegressor("poisson", alpha=0.1, l1_ratio=0.5).fit(X, y)
    np.testing.assert_array_equal(found.result_.params, expected.params)


# --- the choice of a penalty ---


@WEIGHTED
def test_folds_and_choice_of_elastic_net_cv(weights):
    y = response("gaussian")
    ours = GLMRegressorCV(l1_ratio=0.5, **FEW, measure="mse").fit(X, y, weights)
    theirs = linear_model.ElasticNetCV(l1_ratio=0.5, **FEW, cv=5, **TIGHT).fit(X, y, weights)
    np.testing.assert_allclose(ours.alphas_, theirs.alphas_, rtol=1e-12)
    np.testing.assert_allclose(ours.cv_result_.fold_values.T, theirs.mse_path_, rtol=1e-7)
    assert ours.alpha_ == pytest.approx(theirs.alpha_, rel=1e-12)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-6)


def test_choice_of_the_mixture():
    y = response("gaussian")
    ours = GLMRegressorCV(l1_ratio=[0.1, 0.5, 1.0], **FEW, measure="mse").fit(X, y)
    theirs = linear_model.ElasticNetCV(l1_ratio=[0.1, 0.5, 1.0], **FEW, cv=5, **TIGHT).fit(X, y)
    assert ours.l1_ratio_ == theirs.l1_ratio_
    assert ours.alpha_ == pytest.approx(theirs.alpha_, rel=1e-12)


def test_choice_of_logistic_regression_cv():
    y, Cs = response("two"), np.logspace(-3, 1, 5)
    ours = GLMClassifierCV(Cs=Cs, l1_ratio=0.0).fit(X, y)
    folds = StratifiedKFold(5)
    losses = np.zeros(5)
    for train, test in folds.split(X, y):
        for i, C in enumerate(Cs):
            # the grid's alpha is that of all rows: alpha = 1 / (C n)
            model = GLMClassifier(C=C * len(y) / len(train)).fit(X[train], y[train])
            proba = model.predict_proba(X[test])[np.arange(len(test)), np.searchsorted(model.classes_, y[test])]
            losses[i] -= 2.0 * np.log(proba).sum()
    np.testing.assert_allclose(ours.Cs_, Cs)
    np.testing.assert_allclose(ours.cv_result_.mean, losses / len(y), rtol=1e-7)
    assert pytest.approx(Cs[losses.argmin()]) == ours.C_


CHOICES = {
    "two": GLMClassifierCV(Cs=5),
    "three": GLMClassifierCV(Cs=4, rule="1se", measure="class"),
    "poisson": GLMRegressorCV("poisson", alphas=5, rule="1se"),
}


@pytest.mark.parametrize("kind", CHOICES)
def test_the_chosen_fit_is_that_of_its_penalty(kind):
    y, model = response(kind), clone(CHOICES[kind])
    model.fit(X, y)
    if kind == "poisson":
        alone = GLMRegressor("poisson", alpha=model.alpha_, l1_ratio=1.0).fit(X, y)
        np.testing.assert_allclose(model.predict(NEW), alone.predict(NEW), rtol=1e-6)
    else:
        alone = GLMClassifier(C=model.C_, l1_ratio=1.0).fit(X, y)
        assert model.Cs_[0] < model.Cs_[-1] and model.C_ in model.Cs_
        np.testing.assert_allclose(model.predict_proba(NEW), alone.predict_proba(NEW), atol=1e-6)
    np.testing.assert_allclose(model.coef_, alone.coef_, atol=1e-7)
    assert model.result_.penalty.lam == model.cv_result_.at(model.rule).penalty.lam


def test_exposures_reach_the_folds():
    exposure = np.random.default_rng(1).uniform(0.5, 20.0, 600)
    y = np.random.default_rng(2).poisson(exposure).astype(float)
    found = GLMRegressorCV("poisson", alphas=5, cv=KFold(3)).fit(X, y, exposure=exposure)
    expected = fastglm.cv(
        X, y, family="poisson", exposure=exposure, lambdas=5, penalty=penalties.Lasso(scale=False),
        folds=np.repeat([0, 1, 2], 200),
    )  # fmt: skip
    np.testing.assert_allclose(found.cv_result_.mean, expected.mean, rtol=1e-9)


def test_search_over_strengths():
    y = response("two")
    search = GridSearchCV(GLMClassifier(), {"C": [0.01, 1.0], "l1_ratio": [0.0, 1.0]}, cv=3).fit(X, y)
    assert set(search.best_params_) == {"C", "l1_ratio"}


# --- options that cannot be used ---

BAD = {
    "alpha": [-1.0, np.nan, np.inf, "1"],
    "l1_ratio": [-0.1, 1.1, np.nan, "lasso"],
}


@pytest.mark.parametrize("name, value", [(name, value) for name, values in BAD.items() for value in values])
def test_strengths_out_of_range(name, value):
    given = {"alpha": 1.0, name: value}
    for model in (GLMRegressor(**given), estimators.ElasticNet(**given)):
        with pytest.raises(InvalidParameterError, match=name):
            model.fit(X, response("gaussian"))


@pytest.mark.parametrize("C", [0.0, -1.0, np.nan, "1"])
def test_inverse_strengths_out_of_range(C):
    for model in (GLMClassifier(C=C), estimators.LogisticRegression(C=C), GLMClassifierCV(Cs=[1.0, C])):
        with pytest.raises(InvalidParameterError, match="C="):
            model.fit(X, response("two"))


def test_folds_that_hold_out_some_rows_only():
    y, rows = response("gaussian"), np.arange(600)
    found = GLMRegressorCV(alphas=4, cv=TimeSeriesSplit(3)).fit(X, y).cv_result_
    expected = fastglm.cv(
        X, y, lambdas=found.lambdas, penalty=penalties.Lasso(scale=False), folds=fastglm.folds.Splits(
            [(rows[: 150 * i], rows[150 * i : 150 * (i + 1)]) for i in (1, 2, 3)]
        ),
    )  # fmt: skip
    np.testing.assert_allclose(found.fold_values, expected.fold_values, rtol=1e-9)
    with pytest.raises(InvalidParameterError, match="rows on both sides"):
        GLMRegressorCV(cv=[(rows, rows[:300]), (rows[:300], rows[300:])]).fit(X, y)
