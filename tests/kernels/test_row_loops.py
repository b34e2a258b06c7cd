"""The compiled formulas of one row: score, expected information and deviance of every family and link.

Oracles: the generic formula in plain numpy, five-point differences of the deviance, and mpmath in the tails, where
means underflow and the numbers a fit needs must not.
"""

import math

import mpmath
import numpy as np
import oracle
import pytest
import tails

import fastglm
from fastglm.kernels.evaluate import evaluate, row_terms
from fastglm.kernels.fused import FUSED, find_fused
from fastglm.kernels.row_loops import FamilyLink

PAIRS = oracle.pairs()
FUSED_PAIRS = [(f, k) for f, k in PAIRS if find_fused(type(oracle.family(f)), type(oracle.link(k))) is not None]


def points(family, link):
    """Linear predictors of means inside the family's range, with responses from its support."""
    unit = family.domain.high == 1.0
    mu = np.array([0.03, 0.2, 0.5, 0.8, 0.97]) if unit else np.array([0.3, 0.8, 1.0, 2.0, 6.0])
    ys = [0.0, 0.3, 1.0] if unit else [0.5, 1.0, 4.0] + ([0.0] if family.domain.left_closed else [])
    eta, y = np.meshgrid(oracle.to_eta(link, mu), ys)
    return eta.ravel(), y.ravel()


@pytest.mark.parametrize("family, link", PAIRS)
def test_the_generic_formula_at_moderate_means(family, link):
    family, link = oracle.family(family), oracle.link(link)
    eta, y = points(family, link)
    mu, s = oracle.inverse(link, eta), oracle.slope(link, eta)
    v = oracle.variance(family, mu)
    r, h, d = row_terms(FamilyLink(family, link), eta, y, 1.0)
    np.testing.assert_allclose(r, (y - mu) * s / v, rtol=1e-11, atol=1e-12 * np.abs(s / v).max())
    np.testing.assert_allclose(h, s * s / v, rtol=1e-11)
    expected = [family.deviance(float(a), float(b)) for a, b in zip(y, mu, strict=True)]
    np.testing.assert_allclose(d, expected, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("family, link", PAIRS)
def test_the_score_is_minus_half_the_slope_of_the_deviance(family, link):
    family, link = oracle.family(family), oracle.link(link)
    eta, y = points(family, link)
    pair = FamilyLink(family, link)
    step = 1e-4 * np.maximum(np.abs(eta), 0.01)
    at = [row_terms(pair, eta + k * step, y, 1.0)[2] for k in (-2, -1, 1, 2)]
    slope = (at[0] - 8 * at[1] + 8 * at[2] - at[3]) / (12 * step)
    r, _, d = row_terms(pair, eta, y, 1.0)
    noise = 1e-15 * np.maximum(np.abs(d), 1.0) / step
    assert (np.abs(r + slope / 2) <= 1e-8 * np.abs(r) + 10 * noise).all()


@pytest.mark.parametrize("family, link", PAIRS)
def test_the_information_is_the_mean_slope_of_the_score(family, link):
    # the score is linear in y, so the mean over y of its slope is its slope at y = mu
    family, link = oracle.family(family), oracle.link(link)
    eta, _ = points(family, link)
    pair, mu = FamilyLink(family, link), oracle.inverse(link, eta)
    step = 1e-5 * np.maximum(np.abs(eta), 0.01)
    slope = (row_terms(pair, eta + step, mu, 1.0)[0] - row_terms(pair, eta - step, mu, 1.0)[0]) / (2 * step)
    np.testing.assert_allclose(row_terms(pair, eta, mu, 1.0)[1], -slope, rtol=1e-6)


@pytest.mark.parametrize("family, link", PAIRS)
def test_weights_multiply_and_a_weight_of_zero_silences(family, link):
    family, link = oracle.family(family), oracle.link(link)
    eta, y = points(family, link)
    pair = FamilyLink(family, link)
    for one, three in zip(row_terms(pair, eta, y, 1.0), row_terms(pair, eta, y, 3.0), strict=True):
        np.testing.assert_array_equal(three, 3.0 * one)
    nonsense = row_terms(pair, np.full(3, np.nan), np.array([np.nan, np.inf, -1.0]), 0.0)
    assert all((terms == 0.0).all() for terms in nonsense)


@pytest.mark.parametrize("family, link", PAIRS)
def test_details_are_the_mean_slope_and_variance(family, link):
    family, link = oracle.family(family), oracle.link(link)
    eta, y = points(family, link)
    got = evaluate(family, link, eta, y)
    mu = oracle.inverse(link, eta)
    np.testing.assert_allclose(got.mu, mu, rtol=1e-13)
    np.testing.assert_allclose(got.slope, oracle.slope(link, eta), rtol=1e-12)
    np.testing.assert_allclose(got.variance, oracle.variance(family, mu), rtol=1e-10)


def test_closed_forms_exist_for_pairs_that_are_tested_here():
    assert {(f.name, k.name) for f, k in FUSED if k is not None} <= {*FUSED_PAIRS}


def far(family, link, eta):
    """Row terms at eta for responses at the ends and inside the support; None where the link has no such mean."""
    above_one = family.domain.high == 1.0 and not oracle.onto_unit(link)
    if (above_one and (eta > 0 or link.name == "identity")) or (link.name in ("inverse", "sqrt") and eta < 0):
        return None
    ys = np.array([0.0, 0.4, 1.0]) if family.domain.high == 1.0 else np.array([0.5, 1.0, 30.0])
    return row_terms(FamilyLink(family, link), np.full(3, eta), ys, 1.0)


@pytest.mark.parametrize("eta", [-700.0, -40.0, 40.0, 700.0])
@pytest.mark.parametrize("family, link", FUSED_PAIRS)
def test_closed_forms_have_no_nan_in_the_tails(family, link, eta):
    terms = far(oracle.family(family), oracle.link(link), eta)
    if terms is not None:
        assert not any(np.isnan(t).any() for t in terms)
        assert (terms[1] >= 0).all() and (terms[2] >= 0).all()


@pytest.mark.parametrize("eta", [-1e4, 1e4])
@pytest.mark.parametrize("family, link", [(f, k) for f, k in FUSED_PAIRS if oracle.family(f).domain.high != 1.0])
def test_a_mean_beyond_the_range_of_doubles_is_never_mistaken_for_a_fit(family, link, eta):
    # exp(1e4) is no double: the deviance must come out huge or NaN, which a line search refuses
    family, link = oracle.family(family), oracle.link(link)
    terms = far(family, link, eta)
    if terms is not None and link.name == "log" and family.domain.low == 0.0:
        if eta < 0 and family.domain.left_closed and family.name != "tweedie":
            assert (terms[2] > 1e4 * 0.5).all()  # the logarithm itself, y (log y - eta)
        else:
            assert not np.isfinite(terms[2]).any()


# ---- binomial tails in mpmath: score slope/mu for y = 1, -slope/(1-mu) for y = 0, deviance -2 log mu, -2 log(1-mu)
ETAS = [-1e4, -700.0, -60.0, -20.0, 20.0, 60.0, 700.0, 1e4]


def rounded(x):
    x = mpmath.mpf(x)
    return math.copysign(math.inf, x) if abs(x) > mpmath.mpf("1.797e308") else float(x)


@pytest.mark.parametrize("eta", ETAS)
@pytest.mark.parametrize("y", [0.0, 1.0])
@pytest.mark.parametrize("link", ["logit", "probit", "cloglog", "loglog", "cauchit"])
def test_binomial_tails(link, y, eta):
    with mpmath.workdps(60 + (int(abs(eta)) if "loglog" in link else 0)):  # as many digits cancel
        log_mu, log_nu, log_slope = tails.exact(link, eta)
        r = mpmath.exp(log_slope - log_mu) if y else -mpmath.exp(log_slope - log_nu)
        h = mpmath.exp(2 * log_slope - log_mu - log_nu)
        expected = [rounded(r), rounded(h), rounded(-2 * (log_mu if y else log_nu))]
    got = [float(v[0]) for v in row_terms(FamilyLink(oracle.family("binomial"), oracle.link(link)), [eta], y, 1.0)]
    assert not any(math.isnan(v) for v in got)
    # a difference of logarithms as large as 5e7 or 1e4 leaves that much less of the fifteen digits
    size = max(1.0, min(abs(float(log_slope)), 1e9)) if abs(log_slope) < 1e300 else 1e9
    for g, e in zip(got, expected, strict=True):
        assert g == pytest.approx(e, rel=1e-13 + 4e-16 * size, abs=1e-307)


@pytest.mark.parametrize("eta", [-1e3, -745.0, -700.0, 300.0, 700.0])
@pytest.mark.parametrize("y", [0.0, 1.0, 40.0])
def test_poisson_log_tails(y, eta):
    with mpmath.workdps(60):
        mu = mpmath.exp(mpmath.mpf(eta))
        d = 2 * ((y * (mpmath.log(y) - mpmath.mpf(eta)) - y if y else 0) + mu)
        expected = [rounded(y - mu), rounded(mu), rounded(d)]
    got = [float(v[0]) for v in row_terms(FamilyLink(oracle.family("poisson"), oracle.link("log")), [eta], y, 1.0)]
    for g, e in zip(got, expected, strict=True):
        assert g == pytest.approx(e, rel=2e-13, abs=1e-307)


def test_the_bernoulli_closed_form_is_the_binomial_s():
    from fastglm.family.binomial import Bernoulli

    eta = np.r_[-ETAS[-1], np.linspace(-40, 40, 161), ETAS[-1]]
    for y in (0.0, 1.0):
        short = row_terms(FamilyLink(Bernoulli(), oracle.link("logit")), eta, y, 1.0)
        full = row_terms(FamilyLink(oracle.family("binomial"), oracle.link("logit")), eta, y, 1.0)
        for a, b in zip(short, full, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-15, atol=0)


@pytest.mark.parametrize("size", [1e3, 1e4])
@pytest.mark.parametrize("link", ["logit", "probit"])
def test_the_log_likelihood_far_from_the_data(link, size):
    # a model held at eta = +-size, with responses against it: log(1 - mu) is -size, and -size^2 / 2 - ... for probit
    rng = np.random.default_rng(0)
    x = np.where(rng.random(200) < 0.5, -size, size)
    y = (x > 0).astype(float)
    y[:2] = 1 - y[:2]
    detail = evaluate(oracle.family("binomial"), oracle.link(link), x, y)
    with mpmath.workdps(30):
        lost = tails.exact(link, -size)[0]
    assert -0.5 * detail.deviance.sum() == pytest.approx(float(2 * lost), rel=1e-13)


def test_the_log_likelihood_of_a_fit_whose_offset_is_far_from_the_data():
    # a common offset of +-900 on two rows that contradict it, and an intercept free to move by little
    n = 2000
    offset = np.zeros(n)
    offset[:2] = 900.0, -900.0
    y = (np.arange(n) % 2).astype(float)
    y[:2] = 0.0, 1.0
    result = fastglm.fit(np.zeros((n, 0)), y, family="binomial", offset=offset)
    with mpmath.workdps(30):
        b = mpmath.mpf(float(result.params[0]))
        terms = [-tails.log1p_exp(-(b + o) if t else b + o) for o, t in zip(offset, y, strict=True)]
    assert result.llf == pytest.approx(float(sum(terms)), rel=1e-13)
    assert result.llf < -1800
