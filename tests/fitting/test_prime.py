"""Six primes and whether they are large: the smallest logistic regression worth printing, solved to 30 digits.

The optimum is the root of the score equations in 50-digit arithmetic. R's printed pair is where its default tolerance
stops, nine digits in.
"""

import numpy as np
import pytest

import fastglm
from fastglm.special import log_sigmoid

X = np.array([[2.0], [3], [5], [7], [11], [13]])
Y = np.array([0, 0, 1, 0, 1, 1])
SLOPE, INTERCEPT = 0.551775920838949, -3.549070672801298
R_SLOPE, R_INTERCEPT = 0.551775920706039, -3.54907067213626


@pytest.fixture(scope="module")
def result():
    return fastglm.fit(X, Y, family="binomial")


def loglik(slope, intercept):
    eta = intercept + slope * X[:, 0]
    return float(np.where(Y == 1, log_sigmoid(eta), log_sigmoid(-eta)).sum())


@pytest.mark.parametrize("solver", fastglm.solvers.names(exact=True))
def test_the_optimum(solver):
    found = fastglm.fit(X, Y, family="binomial", solver=solver)
    np.testing.assert_allclose(found.params, [INTERCEPT, SLOPE], rtol=1e-13)
    np.testing.assert_allclose(found.params, [R_INTERCEPT, R_SLOPE], rtol=0, atol=1e-8)
    assert found.converged and found.certificate <= 1e-8


def test_standard_errors_and_deviance(result):
    np.testing.assert_allclose(result.bse, [2.743915611143979168, 0.422222663012442901], rtol=1e-12)
    np.testing.assert_allclose(result.deviance, 4.706808178898844525, rtol=1e-13)
    np.testing.assert_allclose(result.llf, -2.353404089449422262, rtol=1e-13)


def test_fitted_probabilities(result):
    at_2, at_13, between = result.predict([[2.0], [13.0], [8.5]])
    assert at_2 == pytest.approx(0.07976686659758542, rel=1e-12)
    assert at_13 == pytest.approx(0.9740177597023263, rel=1e-12)
    assert between == pytest.approx(0.757867717096773, rel=1e-12)


@pytest.mark.parametrize("labels", [(False, True), ("no", "yes"), ("0", "1")])
def test_classes_at_the_threshold_one_half(labels):
    y = np.array(labels)[Y]
    found = fastglm.fit(X, y, family="binomial")
    assert found.classes == labels
    np.testing.assert_allclose(found.params, [INTERCEPT, SLOPE], rtol=1e-13)
    assert list(found.predict([[2.0], [8.5], [13.0]], kind="class")) == [labels[0], labels[1], labels[1]]
    assert found.predict([[8.5]], kind="class", threshold=0.76)[0] == labels[0]


@pytest.mark.parametrize("slope, intercept", [(0.5, -3.0), (1.0, -5.0), (SLOPE + 1e-3, INTERCEPT)])
def test_any_other_line_is_less_likely(result, slope, intercept):
    assert loglik(slope, intercept) < loglik(*result.params[::-1])
    assert result.llf == pytest.approx(loglik(SLOPE, INTERCEPT), rel=1e-14)
