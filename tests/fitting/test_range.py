"""Numbers at the ends of float64's range, and means at the ends of theirs: the right answer, or NaN and a warning."""

import math
import warnings

import mpmath as mp
import numpy as np
import pytest

import fastglm
from fastglm.errors import ConvergenceWarning, FastGLMWarning

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 2))
Y = {"gaussian": RNG.normal(size=200), "poisson": RNG.poisson(3, 200).astype(float)}


@pytest.mark.parametrize("size", [1e-300, 1e-200, 1e200, 1e300])
@pytest.mark.parametrize("what", ["X", "y", "weights"])
@pytest.mark.parametrize("family", Y)
def test_a_standard_error_is_right_or_nan_and_said_to_be(family, what, size):
    if what == "y" and (family == "poisson" or size > 1):
        pytest.skip("counts have a size of their own" if family == "poisson" else "sums of squares are infinite")
    usual = fastglm.fit(X, Y[family], family=family)
    scaled = {"X": X, "y": Y[family], "weights": np.ones(200)}
    scaled[what] = scaled[what] * size
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = fastglm.fit(scaled["X"], scaled["y"], family=family, weights=scaled["weights"])
    assert all(w.category is FastGLMWarning and "rescale" in str(w.message) for w in caught)
    expected = {"X": np.r_[1.0, 1 / size, 1 / size], "y": size, "weights": 1.0}[what] * usual.bse
    if what == "weights" and family == "poisson":
        expected = expected / math.sqrt(size)
    lost = np.isnan(result.bse)
    assert lost.any() == bool(caught)
    np.testing.assert_allclose(result.bse[~lost], np.broadcast_to(expected, 3)[~lost], rtol=1e-8)


@pytest.mark.parametrize("link", ["logit", "probit"])
@pytest.mark.parametrize("intercept", [True, False])
def test_offsets_that_leave_no_information(link, intercept):
    y = (Y["gaussian"] > 0).astype(float)
    offset = np.where(np.arange(200) % 2, 1000.0, -1000.0)
    with pytest.warns(ConvergenceWarning, match="no information on .*x1, x2"):
        result = fastglm.fit(X, y, family="binomial", link=link, offset=offset, intercept=intercept)
    assert not result.converged and result.stop == "no information"


def test_a_square_root_of_negative_means_has_no_fit():
    with pytest.warns(ConvergenceWarning, match="no information"):
        assert not fastglm.fit(X, Y["gaussian"], link="sqrt", intercept=False).converged


@pytest.mark.parametrize("family, link, y", [
    ("poisson", "identity", Y["poisson"]), ("gamma", "identity", Y["poisson"] + 0.5),
    ("gamma", "inverse", Y["poisson"] + 0.5), ("binomial", "identity", (Y["gaussian"] > 0).astype(float)),
])  # fmt: skip
def test_a_null_model_at_the_end_of_the_range_has_an_infinite_deviance(family, link, y):
    positive = np.abs(X) / 10 + 0.1
    result = fastglm.fit(positive, y, family=family, link=link, intercept=False)
    assert result.converged and result.null_deviance == math.inf and result.llnull == -math.inf


@pytest.mark.parametrize("count", [1e6, 1e9, 1e12])
def test_log_likelihoods_of_very_many_counts(count):
    x = np.linspace(-1, 1, 12)
    trials = np.full(12, count)
    successes = np.round(count / (1 + np.exp(-0.3 * x)) * (1 + 1e-4 * np.cos(5 * x)))
    result = fastglm.fit(x[:, None], np.column_stack([successes, trials - successes]), family="binomial")
    with mp.workdps(50):
        mu = [mp.mpf(float(v)) for v in result.predict(x[:, None])]
        terms = [mp.loggamma(n + 1) - mp.loggamma(k + 1) - mp.loggamma(n - k + 1)
                 + k * mp.log(m) + (n - k) * mp.log1p(-m)
                 for k, n, m in zip(map(mp.mpf, successes), map(mp.mpf, trials), mu, strict=True)]  # fmt: skip
        assert result.llf == pytest.approx(float(mp.fsum(terms)), rel=1e-9)
    theta = 2.5
    y = np.round(count * np.exp(0.4 * x) * (1 + 0.3 * np.cos(7 * x)))
    result = fastglm.fit(x[:, None], y, family=fastglm.families.NegativeBinomial(theta))
    with mp.workdps(50):
        k, mu = mp.mpf(theta), [mp.mpf(float(v)) for v in result.predict(x[:, None])]
        terms = [mp.loggamma(v + k) - mp.loggamma(k) - mp.loggamma(v + 1)
                 + k * mp.log(k / (k + m)) + v * mp.log(m / (k + m))
                 for v, m in zip(map(mp.mpf, y), mu, strict=True)]  # fmt: skip
        assert result.llf == pytest.approx(float(mp.fsum(terms)), rel=1e-12)


def test_a_clustered_variance_that_is_zero_is_nan():
    clusters = np.repeat(np.arange(20), 10)
    dummies = (clusters[:, None] == np.arange(1, 20)).astype(float)
    with pytest.warns(FastGLMWarning, match="zero but for rounding"):
        result = fastglm.fit(dummies, Y["gaussian"], cov={"cluster": clusters})
    assert np.isnan(result.bse).all() and np.isnan(result.tvalues).all()


def test_every_array_of_a_result_is_read_only():
    binary = (Y["gaussian"] > 0).astype(float)
    far = np.column_stack([1e9 + X[:, 0], X[:, 1]])
    labels = np.array(["a", "b", "c"])[Y["poisson"].astype(int) % 3]
    results = [
        fastglm.fit(X, Y["poisson"], family="poisson", cov="HC3"), fastglm.fit(far, Y["gaussian"], cov="HC0"),
        fastglm.fit(X, labels, family="multinomial"),
        fastglm.fit(X, labels, family="multinomial", solver=fastglm.solvers.SGD(epochs=300)),
        fastglm.OnlineGLM(family="binomial").partial_fit(X, binary).result(),
    ]  # fmt: skip
    for result in results:
        for name in dir(result):
            value = None if name.startswith("_") else getattr(result, name)
            if isinstance(value, np.ndarray):
                with pytest.raises(ValueError, match="read-only"):
                    value[...] = 0.0
    given = np.array([1.0, 2.0])
    fastglm.fit(X, Y["poisson"], family="poisson", intercept=False, start=given)
    given[0] = 3.0


def test_pearson_residuals_of_a_perfect_fit_are_zero():
    import fastglm.statsmodels as sm

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = sm.OLS(np.zeros(20), sm.add_constant(np.arange(20.0))).fit()
        assert (result.resid_pearson == 0.0).all()


def test_no_information_is_seen_beside_a_column_that_repeats_another():
    y = (Y["gaussian"] > 0).astype(float)
    offset = np.where(np.arange(200) % 2, 1000.0, -1000.0)
    with pytest.warns(ConvergenceWarning, match="no information on"):
        result = fastglm.fit(np.column_stack([X, X[:, 0]]), y, family="binomial", offset=offset)
    assert not result.converged and result.aliased == {"x3": "x1"}
