"""Simulated coverage of every kind of interval of nominal 95 percent: 94 to 96.

A draw gives the intervals of several parameters, (k, 2), and their true values, (k,).
"""

import numpy as np
import pytest
from scipy import stats

import fastglm
from fastglm import families

pd = pytest.importorskip("pandas")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
BETA = np.array([-0.4, 0.6, -0.3])
DRAWS = 3000


def logistic(rng, n=300):
    """Rows of two columns, and outcomes with the coefficients ``BETA``."""
    X = rng.normal(size=(n, 2))
    return X, (rng.uniform(size=n) < 1.0 / (1.0 + np.exp(-BETA[0] - X @ BETA[1:]))).astype(float)


def wald(rng):
    X, y = logistic(rng, 500)
    return fastglm.fit(X, y, family="binomial").conf_int(), BETA


def wald_of_estimated_dispersions(rng):
    X = rng.normal(size=(200, 2))
    y = rng.gamma(4.0, np.exp(BETA[0] + X @ BETA[1:]) / 4.0)
    return fastglm.fit(X, y, family="gamma", link="log").conf_int(), BETA


def profile(rng):
    X, y = logistic(rng)
    return fastglm.fit(X, y, family="binomial").conf_int(method="profile", data=X, y=y), BETA


def profile_of_counts(rng):
    X = rng.normal(size=(60, 2))
    y = rng.poisson(np.exp(BETA[0] + X @ BETA[1:])).astype(float)
    return fastglm.fit(X, y, family="poisson").conf_int(method="profile", data=X, y=y), BETA


def penalised_profile(rng):
    """Firth's, of few rows."""
    X, y = logistic(rng, 60)
    fit = fastglm.fit(X, y, family="binomial", bias_reduction="firth")
    return fit.conf_int(method="profile", data=X, y=y), BETA


def robust(rng):
    """Counts that vary three times as much as Poisson's."""
    X = rng.normal(size=(400, 2))
    mu = np.exp(BETA[0] + 1.5 + X @ BETA[1:])
    y = rng.negative_binomial(mu / 2.0, 1.0 / 3.0)
    return fastglm.fit(X, y, family="poisson", cov="HC3").conf_int(), BETA + [1.5, 0.0, 0.0]


def clustered(rng):
    """Effects of 150 clusters, and a column that is constant within them."""
    groups = np.repeat(np.arange(150), 4)
    X = np.column_stack([rng.normal(size=600), rng.normal(size=150)[groups]])
    y = BETA[0] + X @ BETA[1:] + rng.normal(size=150)[groups] + rng.normal(size=600)
    return fastglm.fit(X, y, cov={"cluster": groups}).conf_int(), BETA


def few_clusters(rng):
    """Of 15 clusters by CR2 with Satterthwaite's degrees of freedom."""
    groups = np.repeat(np.arange(15), 6)
    X = np.column_stack([rng.normal(size=90), rng.normal(size=15)[groups]])
    y = BETA[0] + X @ BETA[1:] + rng.normal(size=15)[groups] + rng.normal(size=90)
    return fastglm.fit(X, y, cov={"CR2": groups}).conf_int(), BETA


def margins(rng):
    """Average slopes over the rows that there are."""
    X, y = logistic(rng, 400)
    mu = 1.0 / (1.0 + np.exp(-BETA[0] - X @ BETA[1:]))
    return fastglm.fit(X, y, family="binomial").margins(X).conf_int(), (mu * (1.0 - mu)).mean() * BETA[1:]


def prediction(rng):
    """New responses of least squares."""
    X, new = rng.normal(size=(30, 2)), rng.normal(size=(3, 2))
    fit = fastglm.fit(X, BETA[0] + X @ BETA[1:] + rng.normal(size=30))
    found = fit.predict(new, interval="prediction")
    return np.column_stack([found.lower, found.upper]), BETA[0] + new @ BETA[1:] + rng.normal(size=3)


def means(rng):
    X, y = logistic(rng, 400)
    new = rng.normal(size=(3, 2))
    found = fastglm.fit(X, y, family="binomial").predict(new, interval="mean")
    return np.column_stack([found.lower, found.upper]), 1.0 / (1.0 + np.exp(-BETA[0] - new @ BETA[1:]))


def debiased(rng):
    """Coefficients of zero beside large ones, after a lasso."""
    X = rng.normal(size=(250, 10))
    y = X[:, :2] @ [1.0, -0.5] + rng.normal(size=250)
    lasso = fastglm.fit(X, y, penalty=fastglm.penalties.Lasso(0.1))
    return fastglm.debiased(lasso, X, y).conf_int()[1:], np.array([1.0, -0.5, *np.zeros(8)])


def marginal_means(rng):
    data = pd.DataFrame({"g": rng.choice(list("abc"), 300), "h": rng.choice(list("uv"), 300)})
    effects = {"a": 0.2, "b": 0.6, "c": 0.9}
    data["y"] = rng.poisson(np.exp(data.g.map(effects) + 0.4 * (data.h == "v")))
    fit = fastglm.glm("y ~ g + h", data, family="poisson")
    return fit.emmeans("g", data).conf_int(), np.array([*effects.values()]) + 0.2


def dispersions(rng):
    """Both parts of a double generalised linear model."""
    X = rng.normal(size=(500, 1))
    y = rng.normal(1.0 + 0.5 * X[:, 0], np.exp(0.5 * (-0.3 + 0.4 * X[:, 0])))
    fit = fastglm.fit(X, y, family=families.DoubleGaussian(dispersion_columns=[0], method="reml"))
    return fit.conf_int(), np.array([1.0, 0.5, -0.3, 0.4])


def score(rng):
    """Rao's test of a coefficient that is zero: the interval of values that it does not refuse has zero in it."""
    X, y = logistic(rng, 120)
    data = pd.DataFrame({"x": X[:, 0], "z": X[:, 1], "more": rng.normal(size=120), "y": y})
    test = fastglm.glm("y ~ x + z", data, family="binomial").score_test("more", data)
    return [[0.05, 1.0]], [test.p_value]


KINDS = (
    wald, wald_of_estimated_dispersions, profile, profile_of_counts, penalised_profile, robust, clustered, few_clusters,
    margins, prediction, means, debiased, marginal_means, dispersions, score,
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_coverage(kind):
    rng, hits = np.random.default_rng(20), []
    for _ in range(DRAWS):
        limits, truth = kind(rng)
        low, high = np.transpose(limits)
        hits.append((low <= truth) & (truth <= high))
    shares = np.mean(hits, axis=0)
    assert 0.94 <= shares.mean() <= 0.96, shares
    assert (np.abs(shares - 0.95) < 0.02).all(), shares


def test_coverage_of_shares_of_events():
    """Wilson's score interval of a group of 250: sums of binomial probabilities, for many true shares."""
    n, limits = 250, []
    for events in range(1, n):
        y = (np.arange(n) < events).astype(float)
        found = fastglm.fit(np.empty((n, 0)), y, family="binomial").binary_diagnostics(np.empty((n, 0)), y)
        limits.append([v[0] for v in found.calibration(bins=1)[3:]])
    low, high = np.transpose(limits)
    true = np.linspace(0.1, 0.9, 401)[:, None]
    covered = (stats.binom.pmf(np.arange(1, n), n, true) * ((low <= true) & (true <= high))).sum(axis=1)
    assert 0.94 <= covered.mean() <= 0.96 and covered.min() > 0.93
