"""The scikit-learn estimators: its own checks, the same coefficients as its models, and what is there beyond them."""

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sklearn
from estimator_data import ETA, NEW, WEIGHTS, X, response
from scipy.sparse import csr_array
from sklearn import linear_model
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.metrics import d2_tweedie_score, r2_score
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.fixes import parse_version

import fastglm
from fastglm.errors import InvalidParameterError
from fastglm.families import Tweedie
from fastglm.sklearn import GLMClassifier, GLMRegressor, SGDGLMClassifier, SGDGLMRegressor
from fastglm.solvers import Stream

# data of the checks are tiny: separated, collinear, fitted perfectly
pytestmark = pytest.mark.filterwarnings("ignore::fastglm.errors.FastGLMWarning")
REGRESSORS, CLASSIFIERS = (GLMRegressor, SGDGLMRegressor), (GLMClassifier, SGDGLMClassifier)
ROOT = Path(fastglm.__file__).parents[1]
FOUR = (*REGRESSORS, *CLASSIFIERS)


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@parametrize_with_checks([
    *(estimator() for estimator in FOUR),
    GLMRegressor("poisson"),
    GLMRegressor("gamma", "log"),
    GLMRegressor(Tweedie(1.5), "log", cov="robust"),
    SGDGLMRegressor("poisson", random_state=0),
])  # fmt: skip
def test_checks_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", CLASSIFIERS)
def test_links_of_two_classes_take_two(estimator):
    assert get_tags(estimator()).classifier_tags.multi_class
    assert not get_tags(estimator("probit")).classifier_tags.multi_class
    with pytest.raises(InvalidParameterError, match="Only binary classification is supported.*probit"):
        estimator("probit").fit(X, response("three"))


@pytest.mark.parametrize("estimator", REGRESSORS)
def test_tags_say_which_responses_a_family_takes(estimator):
    assert get_tags(estimator("gamma")).target_tags.positive_only
    assert not get_tags(estimator("gaussian")).target_tags.positive_only
    assert get_tags(estimator("no such family")).target_tags.positive_only is False


# --- the same coefficients as scikit-learn's models ---

EXACT = dict(tol=1e-10, max_iter=10_000, solver="newton-cholesky")
TWINS = {
    "linear": ("gaussian", GLMRegressor(), linear_model.LinearRegression()),
    "poisson": ("poisson", GLMRegressor("poisson"), linear_model.PoissonRegressor(alpha=0, **EXACT)),
    "gamma": ("gamma", GLMRegressor("gamma", "log"), linear_model.GammaRegressor(alpha=0, **EXACT)),
    "tweedie": (
        "poisson",
        GLMRegressor(Tweedie(1.5), "log"),
        linear_model.TweedieRegressor(power=1.5, alpha=0, link="log", **EXACT),
    ),
    "two classes": ("two", GLMClassifier(), linear_model.LogisticRegression(C=np.inf, **EXACT)),
    "three classes": ("three", GLMClassifier(), linear_model.LogisticRegression(C=np.inf, **EXACT)),
    "no intercept": (
        "poisson",
        GLMRegressor("poisson", fit_intercept=False),
        linear_model.PoissonRegressor(alpha=0, fit_intercept=False, **EXACT),
    ),
}


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
@pytest.mark.parametrize("name", TWINS)
def test_same_model_as_scikit_learn(name, weights):
    kind, ours, theirs = TWINS[name]
    y = response(kind)
    ours, theirs = clone(ours).fit(X, y, weights), clone(theirs).fit(X, y, weights)
    assert np.shape(ours.coef_) == np.shape(theirs.coef_)
    assert np.shape(ours.intercept_) == np.shape(theirs.intercept_)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-6)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=1e-6)
    np.testing.assert_array_equal(ours.predict(NEW).dtype, theirs.predict(NEW).dtype)
    assert ours.score(X, y, weights) == pytest.approx(theirs.score(X, y, weights), abs=1e-6)
    if hasattr(ours, "classes_"):
        np.testing.assert_array_equal(ours.classes_, theirs.classes_)
        np.testing.assert_allclose(ours.predict_proba(NEW), theirs.predict_proba(NEW), atol=1e-6)
        np.testing.assert_allclose(ours.decision_function(NEW), theirs.decision_function(NEW), atol=1e-5)


def test_nearer_the_optimum_than_a_default_of_scikit_learn():
    y = response("poisson")

    def score_norm(model):
        r = y - model.predict(X)
        return np.linalg.norm(np.append(X.T @ r, r.sum()))

    ours, theirs = GLMRegressor("poisson").fit(X, y), linear_model.PoissonRegressor(alpha=0).fit(X, y)
    assert score_norm(ours) < 1e-3 * score_norm(theirs)


# --- the fit behind the interface ---


@pytest.mark.parametrize("estimator", REGRESSORS)
def test_result_is_that_of_a_fit(estimator):
    y = response("gamma")
    result = estimator("gamma", "log", cov="robust").fit(X, y, WEIGHTS).result_
    solver = "auto" if estimator is GLMRegressor else Stream()
    expected = fastglm.fit(X, y, family="gamma", link="log", weights=WEIGHTS, cov="robust", solver=solver)
    for name in ("params", "bse", "pvalues", "deviance", "scale", "nobs", "aic"):
        np.testing.assert_array_equal(getattr(result, name), getattr(expected, name), err_msg=name)
    assert result.names == ("(Intercept)", "x0", "x1", "x2", "x3")


@pytest.mark.parametrize("kind", ["two", "three"])
def test_weights_of_a_classifier_repeat_rows(kind):
    y = response(kind)
    weighted, repeated = (
        GLMClassifier().fit(X, y, WEIGHTS),
        GLMClassifier().fit(X.repeat(WEIGHTS, 0), y.repeat(WEIGHTS)),
    )
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, rtol=1e-9)
    np.testing.assert_allclose(weighted.result_.bse, repeated.result_.bse, rtol=1e-7)


def test_labels_of_rows_without_weight_make_no_class():
    y = response("three")
    model = GLMClassifier().fit(X, y, (y != 5).astype(float))
    np.testing.assert_array_equal(model.classes_, [2, 7])
    np.testing.assert_allclose(model.coef_, GLMClassifier().fit(X[y != 5], y[y != 5]).coef_, rtol=1e-9)


def test_results_of_classes_have_the_labels():
    two, three = (GLMClassifier().fit(X, response(kind)) for kind in ("two", "three"))
    assert two.result_.classes == ("no", "yes")
    assert three.result_.classes == (2, 5, 7)
    np.testing.assert_array_equal(three.result_.predict(NEW, "class"), three.predict(NEW))
    np.testing.assert_array_equal(two.result_.predict(NEW, "class"), two.predict(NEW))
    np.testing.assert_allclose(three.coef_.sum(0), 0.0, atol=1e-12)
    signs = GLMClassifier().fit(X, np.where(response("two") == "yes", 1, -1))
    assert signs.result_.classes == (-1, 1)
    np.testing.assert_allclose(signs.coef_, two.coef_, rtol=1e-12)


@pytest.mark.parametrize("estimator", CLASSIFIERS)
@pytest.mark.parametrize("link", ["probit", "cloglog", "loglog", "cauchit"])
def test_decisions_of_any_link_agree_with_probabilities(estimator, link):
    model = estimator(link).fit(X, response("two"))
    decision, proba = model.decision_function(NEW), model.predict_proba(NEW)
    np.testing.assert_array_equal(decision > 0.0, proba[:, 1] > 0.5)
    np.testing.assert_array_equal(model.predict(NEW), model.classes_[(decision > 0.0).astype(int)])
    np.testing.assert_allclose(proba[:, 1], model.result_.predict(NEW), rtol=1e-13)


def test_log_probabilities_keep_their_digits_in_the_tails():
    model = GLMClassifier().fit(X, response("two"))
    step = (model.coef_[0] / (model.coef_[0] @ model.coef_[0])) * np.array([[-600.0], [-50.0], [50.0], [600.0]])
    eta = model.decision_function(step)
    expected = np.column_stack([-np.logaddexp(0.0, eta), -np.logaddexp(0.0, -eta)])
    np.testing.assert_allclose(model.predict_log_proba(step), expected, rtol=1e-13)
    np.testing.assert_allclose(model.predict_proba(step), np.exp(expected), rtol=1e-12)


def test_aliased_columns_count_as_zero():
    model = GLMRegressor("poisson").fit(np.column_stack([X, X[:, 0]]), response("poisson"))
    assert np.isnan(model.result_.params[5]) and model.coef_[4] == 0.0
    new = np.column_stack([NEW, NEW[:, 0]])
    np.testing.assert_allclose(model.predict(new), np.exp(new @ model.coef_ + model.intercept_), rtol=1e-12)


@pytest.mark.parametrize("estimator", FOUR)
def test_without_intercept(estimator):
    y = response("two" if estimator in CLASSIFIERS else "gaussian")
    model = estimator(fit_intercept=False).fit(X, y)
    assert np.all(model.intercept_ == 0.0)
    eta = model.decision_function(NEW) if estimator in CLASSIFIERS else model.predict(NEW)
    np.testing.assert_allclose(eta, NEW @ model.coef_.ravel(), rtol=1e-10)


@pytest.mark.parametrize("estimator, kind", [(e, k) for e in REGRESSORS for k in ("gaussian", "poisson")]
                         + [(e, k) for e in CLASSIFIERS for k in ("two", "three")])  # fmt: skip
def test_sparse_rows_are_as_dense_ones(estimator, kind):
    y, sparse = response(kind), csr_array(np.where(WEIGHTS[:, None] + np.arange(4) < 3, 0.0, X))
    model = estimator() if estimator in CLASSIFIERS else estimator(kind)
    kept, dense = clone(model).fit(sparse, y), clone(model).fit(sparse.toarray(), y)
    np.testing.assert_allclose(kept.coef_, dense.coef_, rtol=1e-9)
    np.testing.assert_allclose(kept.result_.bse, dense.result_.bse, rtol=1e-7)
    np.testing.assert_array_equal(kept.predict(sparse), kept.predict(sparse.toarray()))
    assert kept.score(sparse, y) == pytest.approx(dense.score(sparse.toarray(), y), rel=1e-9)


# --- scores ---


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
def test_score_is_the_fraction_of_deviance_explained(weights):
    y, half = response("poisson"), slice(0, 300)
    w = None if weights is None else weights[300:]
    model = GLMRegressor("poisson").fit(X[half], y[half])
    expected = d2_tweedie_score(y[300:], model.predict(X[300:]), sample_weight=w, power=1)
    assert model.score(X[300:], y[300:], w) == pytest.approx(expected, rel=1e-12)
    linear = GLMRegressor().fit(X[half], y[half])
    expected = r2_score(y[300:], linear.predict(X[300:]), sample_weight=w)
    assert linear.score(X[300:], y[300:], w) == pytest.approx(expected, rel=1e-12)


def test_score_with_exposures_compares_with_one_rate():
    exposure = np.random.default_rng(1).uniform(0.5, 20.0, 600)
    y = np.random.default_rng(2).poisson(exposure * np.exp(0.1 * ETA)).astype(float)
    model = GLMRegressor("poisson").fit(X, y, exposure=exposure)
    rate = y.sum() / exposure.sum()

    def deviance(mu):
        return 2.0 * (np.where(y > 0, y * np.log(np.where(y > 0, y, 1.0) / mu), 0.0) - (y - mu)).sum()

    expected = 1.0 - deviance(model.predict(X, exposure=exposure)) / deviance(rate * exposure)
    assert model.score(X, y, exposure=exposure) == pytest.approx(expected, rel=1e-10)
    assert model.score(X, y, exposure=exposure) == pytest.approx(
        1.0 - model.result_.deviance / model.result_.null_deviance, rel=1e-10
    )
    with pytest.raises(InvalidParameterError, match="exposure"):
        model.predict(X)


def test_score_of_a_constant_response_is_undefined():
    model = GLMRegressor("poisson").fit(X, response("poisson"))
    assert np.isnan(model.score(X[:5], np.zeros(5)))
    with pytest.raises(ValueError, match="-1.0 at row 2"):
        model.score(X[:5], [1.0, 2.0, -1.0, 0.0, 3.0])


# --- among the tools of scikit-learn ---


def test_routing_of_weights_and_exposures(routing):
    exposure = np.random.default_rng(1).uniform(0.5, 20.0, 600)
    y = np.random.default_rng(2).poisson(exposure * np.exp(0.1 * ETA)).astype(float)
    more = dict(exposure=exposure, sample_weight=WEIGHTS + 1.0)
    asked = dict.fromkeys(more, True)
    model = GLMRegressor("poisson").set_fit_request(**asked).set_score_request(**asked)
    found = cross_validate(model, X, y, cv=KFold(3), params=more, return_estimator=True)
    for (train, test), fitted, score in zip(KFold(3).split(X), found["estimator"], found["test_score"], strict=True):
        alone = GLMRegressor("poisson").fit(X[train], y[train], **{name: v[train] for name, v in more.items()})
        np.testing.assert_array_equal(fitted.coef_, alone.coef_)
        assert score == alone.score(X[test], y[test], **{name: v[test] for name, v in more.items()})


@pytest.fixture
def rates(routing):
    """(pipeline that asks for exposures, y, exposures)"""
    exposure = np.random.default_rng(1).uniform(0.5, 20.0, 600)
    y = np.random.default_rng(2).poisson(exposure * np.exp(0.1 * ETA)).astype(float)
    model = GLMRegressor("poisson")
    for request in (model.set_fit_request, model.set_score_request, model.set_predict_request):
        request(exposure=True)
    return make_pipeline(MinMaxScaler(), model), y, exposure


def test_routing_through_a_pipeline(rates):
    pipeline, y, exposure = rates
    means = pipeline.fit(X, y, exposure=exposure).predict(X, exposure=2.0 * exposure)
    plain = GLMRegressor("poisson").fit(X, y, exposure=exposure)
    np.testing.assert_allclose(means, 2.0 * plain.predict(X, exposure=exposure), rtol=1e-9)


@pytest.mark.skipif(parse_version(sklearn.__version__) < parse_version("1.8"), reason="pipelines routed no scores")
def test_scores_through_a_pipeline(rates):
    pipeline, y, exposure = rates
    scores = cross_val_score(pipeline, X, y, params={"exposure": exposure}, error_score="raise")
    alone = pipeline[-1].fit(X, y, exposure=exposure).score(X, y, exposure=exposure)
    assert np.all(np.abs(scores - alone) < 0.1)


def test_offset_of_a_classifier():
    y, offset = response("two"), 0.5 * X[:, 0]
    shifted, plain = GLMClassifier().fit(X, y, offset=offset), GLMClassifier().fit(X, y)
    np.testing.assert_allclose(shifted.coef_[0], plain.coef_[0] - [0.5, 0, 0, 0], atol=1e-8)
    np.testing.assert_allclose(shifted.predict_proba(X, offset=offset), plain.predict_proba(X), rtol=1e-7)
    with pytest.raises(InvalidParameterError, match="several"):
        GLMClassifier().fit(X, response("three")).predict(X, offset=offset)


def test_names_of_columns_reach_the_result():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcd")).assign(fuel=np.array(["gas", "oil"])[WEIGHTS % 2])
    columns = ColumnTransformer(
        [
            ("number", StandardScaler(), ["a", "b"]),
            ("factor", OneHotEncoder(drop="first", sparse_output=False), ["fuel"]),
        ],
        verbose_feature_names_out=False,
    )
    pipeline = make_pipeline(columns, GLMRegressor("poisson")).set_output(transform="pandas")
    pipeline.fit(frame, response("poisson"))
    assert pipeline[-1].result_.names == ("(Intercept)", "a", "b", "fuel_oil")
    np.testing.assert_array_equal(pipeline.get_feature_names_out(), ["a", "b", "fuel_oil"])
    assert pipeline.predict(frame).shape == (600,)
    with pytest.raises(NotFittedError):
        GLMRegressor().get_feature_names_out()


@pytest.mark.parametrize("estimator", FOUR)
def test_search_clone_pickle_and_display(estimator):
    y = response("three" if estimator in CLASSIFIERS else "poisson")
    search = GridSearchCV(estimator(), {"cov": ["model", "robust"]}, cv=3).fit(X, y)
    best = search.best_estimator_
    assert search.best_score_ == pytest.approx(cross_val_score(estimator(), X, y, cv=3).mean(), rel=1e-9)
    again = pickle.loads(pickle.dumps(best))
    np.testing.assert_array_equal(again.predict(NEW), best.predict(NEW))
    np.testing.assert_array_equal(again.result_.bse, best.result_.bse)
    assert not hasattr(clone(best), "result_")
    assert estimator.__name__ in best._repr_html_() and repr(estimator()) == f"{estimator.__name__}()"


def test_search_over_families_and_penalties():
    y = response("poisson") + 0.5
    families = ["gaussian", "gamma", Tweedie(1.5), fastglm.families.QuasiPoisson()]
    search = GridSearchCV(GLMRegressor(link="log"), {"family": families}, cv=3, scoring="r2").fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    search = GridSearchCV(SGDGLMRegressor("poisson"), {"alpha": [0.0, 10.0]}, cv=3).fit(X, response("poisson"))
    assert search.best_params_ == {"alpha": 0.0}


# --- input that cannot be used ---


@pytest.mark.parametrize("estimator", FOUR)
@pytest.mark.parametrize("weights, match", [(-1.0, "negative"), (np.nan, "finite"), (0.0, "zero")])
def test_weights_that_cannot_be_used(estimator, weights, match):
    given = np.ones(600)
    given[3 if weights else slice(None)] = weights
    with pytest.raises(InvalidParameterError, match=f"sample_weight.*{match}"):
        estimator().fit(X, (X[:, 0] > 0).astype(float), sample_weight=given)


def test_responses_outside_the_support():
    with pytest.raises(InvalidParameterError, match="-1"):
        GLMRegressor("poisson").fit(X[:3], [1.0, 2.0, -1.0])


def test_parameters_of_families_that_are_estimated():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(400, 2))
    y = rng.negative_binomial(2, 0.4, 400)
    for family, name in (("negative_binomial", "theta"), ("tweedie", "power")):
        model = clone(GLMRegressor(family)).fit(rows, y)
        expected = fastglm.fit(rows, y, family=family)
        assert model.result_.shape == expected.shape and model.result_.shape.name == name
        assert (model.coef_ == expected.params[1:]).all()
        assert model.score(rows, y) == pytest.approx(1.0 - expected.deviance / expected.null_deviance, rel=1e-6)
        with pytest.raises(InvalidParameterError, match=name):
            GLMRegressor(family, alpha=1.0).fit(rows, y)


def test_estimates_of_adjusted_scores():
    """Of separated classes they are finite."""
    rows, labels = np.array([[1.0], [2], [3], [4], [5], [6]]), np.array(list("aaabbb"))
    model = GLMClassifier(bias_reduction="firth").fit(rows, labels)
    expected = fastglm.fit(rows, (labels == "b").astype(float), family="binomial", bias_reduction="firth")
    np.testing.assert_allclose(model.coef_[0], expected.params[1:], rtol=1e-9)
    assert model.result_.bias_reduction == "firth" and np.isfinite(model.result_.bse).all()
    counts = GLMRegressor("poisson", bias_reduction="mean").fit(rows, [0, 1, 1, 2, 4, 4])
    assert counts.result_.bias_reduction == "mean"
    with pytest.raises(InvalidParameterError, match="bias_reduction='firth': penalty="):
        GLMClassifier(C=1.0, bias_reduction="firth").fit(rows, labels)


def test_without_scikit_learn_the_message_says_what_to_do():
    code = "import sys; sys.modules['sklearn'] = None\ntry:\n import fastglm.sklearn\nexcept ImportError as e: print(e)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=600)
    assert "pip install" in done.stdout, done.stderr
