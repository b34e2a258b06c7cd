"""The stochastic scikit-learn estimators: streams, the choice of a solver, penalties."""

import pickle

import numpy as np
import pytest
from estimator_data import WEIGHTS, X, response
from scipy.sparse import csr_array
from sklearn import linear_model

import fastglm
from fastglm.errors import InvalidParameterError
from fastglm.sklearn import GLMClassifier, GLMRegressor, SGDGLMClassifier, SGDGLMRegressor, stochastic
from fastglm.solvers import SGD, Stream

# fits of few epochs do not converge
pytestmark = pytest.mark.filterwarnings("ignore::fastglm.errors.FastGLMWarning")


@pytest.mark.parametrize("kind", ["poisson", "two", "three"])
def test_partial_fit_is_a_stream(kind):
    y = response(kind)
    model = SGDGLMRegressor(kind) if kind == "poisson" else SGDGLMClassifier()
    more = {} if kind == "poisson" else {"classes": np.unique(y)}
    stream = fastglm.OnlineGLM({"poisson": "poisson", "two": "binomial"}.get(kind, "multinomial"))
    big, labels = np.tile(X, (10, 1)), np.tile(y, 10)
    for a in range(0, 6000, 1000):
        rows = slice(a, a + 1000)
        assert model.partial_fit(big[rows], labels[rows], sample_weight=np.ones(1000), **more) is model
        stream.partial_fit(big[rows], labels[rows], weights=np.ones(1000), **more)
    np.testing.assert_array_equal(model.result_.params, stream.result().params)
    np.testing.assert_array_equal(model.result_.bse, stream.result().bse)
    exact = (GLMRegressor("poisson") if kind == "poisson" else GLMClassifier()).fit(big, labels)
    assert np.max(np.abs(model.result_.params - exact.result_.params) / exact.result_.bse) < 0.2
    assert model.n_iter_ == 6 and model.result_.nobs == 6000


def test_batches_that_change_nothing():
    y = response("two")
    model = SGDGLMClassifier().partial_fit(X, y, classes=["no", "yes"])
    before = model.coef_
    model.partial_fit(X[:5], y[:5], sample_weight=np.zeros(5))
    with pytest.raises(InvalidParameterError, match="'maybe'"):
        model.partial_fit(X[:2], ["maybe", "no"])
    with pytest.raises(ValueError, match="features"):
        model.partial_fit(X[:2, :3], y[:2])
    with pytest.raises(InvalidParameterError, match="classes"):
        model.partial_fit(X[:2], y[:2], classes=["no", "never"])
    np.testing.assert_array_equal(model.coef_, before)
    assert model.n_iter_ > 0 and model.result_.nobs == 600


def test_a_stream_goes_on_after_pickling_and_begins_anew_after_a_fit():
    y = response("poisson")
    model = SGDGLMRegressor("poisson").partial_fit(X, y)
    copy = pickle.loads(pickle.dumps(model))
    for m in (model, copy):
        m.partial_fit(2 * X, y)
    np.testing.assert_array_equal(copy.coef_, model.coef_)
    assert copy.result_.nobs == 1200
    copy.fit(X, y)
    assert copy.result_.nobs == 600 and copy.result_.converged
    assert copy.partial_fit(X[:400], y[:400]).result_.nobs == 400


def test_first_batches_may_lack_classes():
    y = response("three")
    model = SGDGLMClassifier()
    with pytest.raises(InvalidParameterError, match="all labels"):
        model.partial_fit(X, y)
    for label in (2, 5, 7):
        model.partial_fit(X[y == label], y[y == label], classes=[2, 5, 7])
    np.testing.assert_allclose(model.coef_, GLMClassifier().fit(X, y).coef_, rtol=1e-6)


@pytest.mark.parametrize("params", [{"solver": "sgd"}, {"solver": Stream()}, {"alpha": 1.0}])
def test_streams_have_no_options(params):
    assert not hasattr(SGDGLMRegressor(**params), "partial_fit")
    assert hasattr(SGDGLMRegressor(solver="stream"), "partial_fit")


def test_solver_that_auto_stands_for(monkeypatch):
    y = response("gaussian")

    def solver(rows=X, **params):
        model = SGDGLMRegressor(**params).fit(rows, y)
        return model.result_.solver, model.result_.cov_unscaled is not None

    assert solver() == ("stream", True)
    assert solver(csr_array(X)) == ("stream", True)
    assert solver(alpha=0.1) == ("sgd", False)
    assert solver(solver="sgd") == ("sgd", True)
    monkeypatch.setattr(stochastic, "MOST_COEFFICIENTS", 4)
    assert solver() == ("sgd", False)


@pytest.mark.parametrize("kind", ["two", "three"])
def test_sparse_batches_and_first_order_fits(kind):
    y, sparse = response(kind), csr_array(np.where(WEIGHTS[:, None] + np.arange(4) < 3, 0.0, X))
    exact = SGDGLMClassifier().fit(sparse, y)
    streamed = SGDGLMClassifier().partial_fit(sparse, y, classes=np.unique(y))
    np.testing.assert_allclose(streamed.coef_, exact.coef_, rtol=1e-5)
    first_order = SGDGLMClassifier(solver="sgd").fit(sparse, y)
    away = (first_order.result_.params - exact.result_.params) / exact.result_.bse
    assert np.max(np.abs(away)) < 1.0


def test_random_state_and_penalties():
    y = response("gaussian")
    ridge = linear_model.Ridge(alpha=0.1 * len(y)).fit(X, y)
    solver = SGD(batch_size="full", epochs=3000, tol=0.0)
    ours = SGDGLMRegressor(alpha=0.1, solver=solver).fit(X, y)
    np.testing.assert_allclose(ours.coef_, ridge.coef_, atol=1e-5)
    lasso = linear_model.ElasticNet(alpha=0.1, l1_ratio=0.7, tol=1e-10).fit(X, y)
    ours = SGDGLMRegressor(alpha=0.1, l1_ratio=0.7, solver=solver).fit(X, y)
    np.testing.assert_allclose(ours.coef_, lasso.coef_, atol=1e-5)
    fits = [SGDGLMRegressor(solver="sgd", random_state=s).fit(X, y).coef_ for s in (1, 1, 2, None, None)]
    np.testing.assert_array_equal(fits[0], fits[1])
    assert not np.array_equal(fits[0], fits[2])
    np.testing.assert_array_equal(fits[3], fits[4])


@pytest.mark.parametrize(
    "estimator, match",
    [
        (GLMRegressor("multinomial"), "classifier"),
        (GLMRegressor("poison"), "did you mean 'poisson'"),
        (SGDGLMRegressor(alpha=-1.0), "alpha"),
        (SGDGLMRegressor(alpha=0.1, l1_ratio=2.0), "l1_ratio"),
        (SGDGLMRegressor(alpha=0.1, solver="stream"), "alpha"),
        (SGDGLMRegressor(alpha=0.1, solver=SGD(l2=1.0)), "alpha"),
        (SGDGLMRegressor(solver="newton"), "solver"),
        (SGDGLMRegressor(solver="quick"), "quick"),
    ],
    ids=repr,
)
def test_parameters_that_cannot_be_used(estimator, match):
    with pytest.raises(InvalidParameterError, match=match):
        estimator.fit(X, response("poisson"))
