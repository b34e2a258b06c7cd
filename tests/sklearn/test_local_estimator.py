"""LocalGLMRegressor: scikit-learn's checks, and the numbers of ``fastglm.local``."""

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import parametrize_with_checks

import fastglm
from fastglm.sklearn import LocalGLMRegressor

pytestmark = pytest.mark.filterwarnings("ignore::fastglm.errors.FastGLMWarning")


@parametrize_with_checks([LocalGLMRegressor()])
def test_checks_of_scikit_learn(estimator, check):
    check(estimator)


def test_it_is_local_and_can_be_searched():
    rng = np.random.default_rng(1)
    X = rng.uniform(0.0, 6.0, (150, 1))
    y = np.sin(X[:, 0]) + 0.2 * rng.normal(size=150)
    found = GridSearchCV(LocalGLMRegressor(degree=2), {"bandwidth": [0.05, 0.5, 5.0]}).fit(X, y)
    assert found.best_params_ == {"bandwidth": 0.5}
    at = np.array([[1.0], [2.0]])
    own = fastglm.local(X, y, at=at, bandwidth=0.5, degree=2)
    assert found.predict(at).tolist() == own.fitted.tolist()
    best = found.best_estimator_
    residuals = y - best.predict(X)
    assert best.score(X, y) == pytest.approx(1 - (residuals**2).sum() / ((y - y.mean()) ** 2).sum(), rel=1e-12)
    assert best.bandwidth_.tolist() == [0.5]
