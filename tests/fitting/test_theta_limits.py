"""Theta at the ends of its range: counts that vary no more than Poisson's, and those of a logarithmic series."""

import warnings

import numpy as np
import pytest
from scipy.optimize import minimize

import fastglm
from fastglm import families
from fastglm.errors import FastGLMWarning, SeparationWarning
from fastglm.kernels import several

LIMITS = [
    (families.ZeroInflatedNegativeBinomial, families.ZeroInflatedPoisson),
    (families.HurdleNegativeBinomial, families.HurdlePoisson),
    (families.ZeroTruncatedNegativeBinomial, families.ZeroTruncatedPoisson),
]
POSITIVE = [families.HurdleNegativeBinomial, families.ZeroTruncatedNegativeBinomial]


def counts_with_zeros(rng, family, X, y):
    """Rows for a family: 30 per cent more zeros, or none."""
    if "truncated" in family.name:
        return X[y > 0], y[y > 0].astype(float)
    return X, np.where(rng.uniform(size=len(y)) < 0.3, 0, y).astype(float)


def of_poisson(family, n, seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    return counts_with_zeros(rng, family, X, rng.binomial(9, 0.12 * np.exp(0.2 * np.tanh(X[:, 0]))))


def of_two_series(family, n, seed):
    """Counts whose tail is longer than that of one logarithmic series."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    share = np.where(rng.uniform(size=n) < 0.5, 0.1, np.minimum(0.95, 0.7 * np.exp(0.15 * X[:, 0])))
    return counts_with_zeros(rng, family, X, np.where(rng.uniform(size=n) < 0.7, rng.logseries(share), 0))


@pytest.mark.parametrize("n", [600, 50_000])
@pytest.mark.parametrize(("family", "limit"), LIMITS)
def test_counts_that_vary_less_are_poisson_s(family, limit, n):
    X, y = of_poisson(family, n, 1)
    with pytest.warns(FastGLMWarning, match=f"theta is infinite, and the fit is that of family='{limit.name}'"):
        fit = fastglm.fit(X, y, family=family())
    same = fastglm.fit(X, y, family=limit())
    assert fit.converged and fit.certificate < 1e-6 and fit.theta == np.inf
    assert fit.family == limit() and fit.names == same.names and fit.rank == same.rank
    np.testing.assert_allclose(fit.params, same.params, atol=1e-6 * same.bse.min())
    np.testing.assert_allclose(fit.bse, same.bse, rtol=1e-6)
    assert fit.llf == pytest.approx(same.llf, rel=1e-12)
    assert fit.llnull == pytest.approx(same.llnull, rel=1e-9)
    assert fit.n_passes < 40


def test_the_columns_of_the_zero_part_stay_in_the_limit():
    X, y = of_poisson(families.HurdleNegativeBinomial, 500, 2)
    with pytest.warns(FastGLMWarning, match="theta is infinite"):
        fit = fastglm.fit(X, y, family=families.HurdleNegativeBinomial(zero=[1]))
    assert fit.family == families.HurdlePoisson(zero=(1,)) or fit.family == families.HurdlePoisson(zero=[1])
    assert [name for name in fit.names if name.startswith("zero_")] == ["zero_(Intercept)", "zero_x2"]


def series_estimates(X, y):
    """Maximum likelihood of a logarithmic series with mu / theta = exp(x'b): estimates, errors, log-likelihood."""
    design = np.column_stack([np.ones(len(X)), X])

    def terms(b):
        log_share = -np.logaddexp(0.0, -design @ b)  # of r / (1 + r)
        norm = np.logaddexp(0.0, design @ b)  # -log(1 - share)
        return y * log_share - np.log(y) - np.log(norm)

    def slope(b):
        r = np.exp(design @ b)
        share = r / (1.0 + r)
        return design.T @ (y * (1.0 - share) - share / np.logaddexp(0.0, design @ b))

    found = minimize(lambda b: -terms(b).sum(), np.zeros(design.shape[1]), jac=lambda b: -slope(b), method="BFGS",
                     options={"gtol": 1e-7 * len(y) ** 0.5})  # fmt: skip
    b, step = found.x, 1e-5
    for _ in range(3):
        bend = np.array([(slope(b + step * e) - slope(b - step * e)) / (2 * step) for e in np.eye(len(b))])
        b = b - np.linalg.solve(bend, slope(b))
    return b, np.sqrt(np.diag(np.linalg.inv(-bend))), terms(b).sum()


@pytest.mark.parametrize("n", [700, 50_000])
@pytest.mark.parametrize("family", POSITIVE)
def test_counts_that_spread_more_are_a_logarithmic_series(family, n):
    X, y = of_two_series(family, n, 5)
    with pytest.warns(FastGLMWarning, match="theta is zero"):
        fit = fastglm.fit(X, y, family=family())
    assert fit.converged and fit.certificate <= 1e-6 and fit.n_passes < 40
    b, errors, llf = series_estimates(X[y > 0], y[y > 0])
    found = np.array(fit.params[:3])
    found[0] -= fit.params[-1]
    np.testing.assert_allclose(found, b, atol=1e-5 * errors.min())
    np.testing.assert_allclose(fit.bse[:3], errors, rtol=1e-6)
    assert np.isnan(fit.bse[-1]) and np.isnan(fit.pvalues[-1]) and fit.theta == pytest.approx(1e-8)
    if "truncated" in family.name:
        assert fit.llf == pytest.approx(llf, rel=1e-7)
        share = 1.0 / (1.0 + np.exp(-b[0] - X @ b[1:]))
        np.testing.assert_allclose(fit.predict(X), -share / (1.0 - share) / np.log1p(-share), rtol=1e-6)
        assert np.isfinite(fit.predict(X[:5], interval="mean").se).all()
    assert "theta is zero" in str(fit.summary())
    robust = fit.with_cov("HC0", X, y)
    assert np.isfinite(robust.bse[:3]).all() and np.isnan(robust.bse[-1])


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("family", POSITIVE)
def test_an_optimum_inside_is_found_beside_constants_whose_theta_is_zero(family, seed):
    """The constants alone may have their optimum at the end: the columns' is at most as good as any inside."""
    X, y = of_two_series(family, 400, seed)
    X[:, 0] += 0.4 * np.log(np.maximum(y, 1.0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FastGLMWarning)  # of those that are at the end
        fit = fastglm.fit(X, y, family=family())
    assert fit.converged
    for log_theta in (-6.0, -3.0, -1.0, 1.0):
        start = np.array([*fit.params[:3], log_theta])
        start[0] += log_theta - fit.params[-1]
        assert fit.llf >= _count_part(fit, X, y, start) - 1e-9


def _count_part(fit, X, y, params):
    """The log-likelihood with other coefficients of the count part, log theta the last of them."""
    from scipy.special import gammaln

    def of(p):
        mu, theta, rows = np.exp(p[0] + X @ p[1:3])[y > 0], np.exp(p[3]), y[y > 0]
        log_r = -np.log1p(mu / theta)
        value = gammaln(rows + theta) - gammaln(theta) - gammaln(rows + 1) + theta * log_r
        value += rows * -np.log1p(theta / mu) - np.log(-np.expm1(theta * log_r))
        return value.sum()

    return fit.llf + of(params) - of(np.array([*fit.params[:3], fit.params[-1]]))


def test_no_zeros_beside_those_of_the_counts_are_named():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(800, 2))
    y = rng.poisson(np.exp(0.4 + X @ [0.3, -0.2])).astype(float)
    with pytest.warns(SeparationWarning, match="zeros are no more than the count part has"):
        fit = fastglm.fit(X, y, family="zero_inflated_poisson")
    assert not fit.converged
    plain = fastglm.fit(X, y, family="poisson")
    np.testing.assert_allclose(fit.params[:3], plain.params, atol=1e-3 * plain.bse.min())


@pytest.mark.parametrize("theta", [101.0, 1e4, 1e10])
@pytest.mark.parametrize("y", [33.0, 200.0, 1e5])
def test_differences_of_log_gammas_keep_their_digits_beside_a_large_theta(y, theta):
    mp = pytest.importorskip("mpmath")
    with mp.workdps(40):
        far, near = mp.mpf(y) + theta, mp.mpf(theta)
        exact = [mp.loggamma(far) - mp.loggamma(near), *(mp.psi(k, far) - mp.psi(k, near) for k in (0, 1))]
        found = several._far_gamma_steps.py_func(y, theta)
        assert max(abs(a / b - 1) for a, b in zip(found, exact, strict=True)) < 1e-15


@pytest.mark.parametrize(("family", "limit"), LIMITS)
def test_large_counts_near_poisson_s_come_to_an_end(family, limit):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(5000, 2))
    X, y = counts_with_zeros(rng, family, X, rng.poisson(50.0 * np.exp(X @ [0.3, -0.2])))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FastGLMWarning)
        fit = fastglm.fit(X, y, family=family())
    assert fit.converged and fit.theta > 1e3
    same = fastglm.fit(X, y, family=limit())
    assert 0.0 <= fit.llf - same.llf + 1e-9 * abs(same.llf) < 5.0
