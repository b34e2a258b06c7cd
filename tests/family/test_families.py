"""Every registered family: its exponential-family form, its density and its deviance.

Oracles: derivatives of the log-partition by mpmath, densities of scipy.stats, and the definition of the deviance as
twice the log-likelihood lost against a perfect fit.
"""

import math

import mpmath
import numpy as np
import oracle
import pytest
from scipy import stats

import fastglm
from fastglm.errors import InvalidParameterError
from fastglm.family.registry import ALIASES, FAMILIES

NAMES = fastglm.families.names()
# the log-partition again, for mpmath to differentiate, with the parameter of ``oracle.PARAMETERS``
PARTITION = {
    "gaussian": lambda t: t * t / 2,
    "binomial": lambda t: mpmath.log1p(mpmath.exp(t)),
    "poisson": mpmath.exp,
    "gamma": lambda t: -mpmath.log(-t),
    "inverse_gaussian": lambda t: -mpmath.sqrt(-2 * t),
    "negative_binomial": lambda t: mpmath.mpf("-2.5") * mpmath.log1p(-mpmath.exp(t)),
    "tweedie": lambda t: (mpmath.mpf("-0.4") * t) ** (mpmath.mpf("-1.5")) / mpmath.mpf("0.6"),
}
PARENTS = {
    "quasipoisson": "poisson", "quasibinomial": "binomial", "quasi(constant)": "gaussian", "quasi(mu)": "poisson",
    "quasi(mu(1-mu))": "binomial", "quasi(mu^2)": "gamma", "quasi(mu^3)": "inverse_gaussian",
}  # fmt: skip


def grid(family):
    return [0.01, 0.2, 0.5, 0.9, 0.99] if family.domain.high == 1.0 else [0.05, 0.6, 1.0, 3.0, 40.0]


def partition(family):
    """The log-partition in mpmath."""
    return PARTITION[PARENTS.get(family.name, family.name)]


def observations(family):
    if family.domain.high == 1.0:
        return [0.0, 0.25, 0.7, 1.0]
    if family.domain.low == 0.0:
        return ([0.0] if family.domain.left_closed else []) + [1.0, 2.0, 17.0]
    return [-3.0, 0.0, 1.5]


@pytest.mark.parametrize("name", NAMES)
def test_the_first_derivative_of_the_log_partition_is_the_mean(name):
    family = oracle.family(name)
    for mu in grid(family):
        slope = mpmath.diff(partition(family), mpmath.mpf(family.natural(mu)))
        assert float(slope) == pytest.approx(mu, rel=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_the_second_derivative_of_the_log_partition_is_the_variance(name):
    family = oracle.family(name)
    for mu in grid(family):
        bend = mpmath.diff(partition(family), mpmath.mpf(family.natural(mu)), 2)
        assert float(bend) == pytest.approx(family.variance(mu), rel=1e-7)


@pytest.mark.parametrize("name", NAMES)
def test_the_log_partition_is_the_formula(name):
    family = oracle.family(name)
    for mu in grid(family):
        theta = family.natural(mu)
        expected = float(partition(family)(mpmath.mpf(theta)))
        assert family.log_partition(theta) == pytest.approx(expected, rel=1e-13, abs=1e-15)


@pytest.mark.parametrize("name", NAMES)
def test_the_variance_is_the_textbook_s(name):
    family = oracle.family(name)
    for mu in grid(family):
        assert family.variance(mu) == pytest.approx(float(oracle.variance(family, np.float64(mu))), rel=1e-14)


@pytest.mark.parametrize("name", NAMES)
def test_the_unit_deviance_is_zero_at_a_perfect_fit_and_has_its_derivative(name):
    # d deviance / d mu = -2 (y - mu) / V(mu) defines the deviance of a quasi-likelihood
    family = oracle.family(name)
    for y in observations(family):
        if family.mean.low < y < family.mean.high:
            assert family.deviance(y, y) == 0.0
        for mu in grid(family):
            step = 1e-5 * mu * (1 - mu if family.domain.high == 1.0 else 1)
            slope = (family.deviance(y, mu + step) - family.deviance(y, mu - step)) / (2 * step)
            expected = -2 * (y - mu) / family.variance(mu)
            assert slope == pytest.approx(expected, rel=1e-6, abs=1e-6 / family.variance(mu) ** 0.5)
            assert family.deviance(y, mu) >= 0.0


DENSITIES = {
    "gaussian": lambda y, mu, phi: stats.norm.logpdf(y, mu, math.sqrt(phi)),
    "poisson": lambda y, mu, phi: stats.poisson.logpmf(y, mu),
    "gamma": lambda y, mu, phi: stats.gamma.logpdf(y, 1 / phi, scale=mu * phi),
    # scipy's inverse Gaussian has mean m * scale and shape scale: scale = 1 / phi
    "inverse_gaussian": lambda y, mu, phi: stats.invgauss.logpdf(y, mu * phi, scale=1 / phi),
    "negative_binomial": lambda y, mu, phi: stats.nbinom.logpmf(y, 2.5, 2.5 / (2.5 + mu)),
}


@pytest.mark.parametrize("phi", [1.0, 0.3])
@pytest.mark.parametrize("name", DENSITIES)
def test_the_log_density_is_scipy_s(name, phi):
    family = oracle.family(name)
    phi = phi if family.dispersion != "one" else 1.0
    for y in observations(family):
        for mu in grid(family):
            expected = float(DENSITIES[name](y, mu, phi))
            assert family.logpdf(y, mu, 1.0, phi) == pytest.approx(expected, rel=1e-11, abs=1e-12)


@pytest.mark.parametrize("trials", [1, 10, 1000])
def test_the_binomial_log_density_is_scipy_s(trials):
    family = oracle.family("binomial")
    for k in {0, 1, trials // 3, trials}:
        for mu in grid(family):
            expected = stats.binom.logpmf(k, trials, mu)
            assert family.logpdf(k / trials, mu, float(trials), 1.0) == pytest.approx(expected, rel=1e-10, abs=1e-11)


WITH_DENSITY = [n for n in NAMES if hasattr(FAMILIES[n], "logpdf") and getattr(FAMILIES[n], "saturated", None)]


@pytest.mark.parametrize("name", WITH_DENSITY)
def test_the_unit_deviance_is_twice_the_log_likelihood_lost(name):
    family = oracle.family(name)
    for y in observations(family):
        # a count or proportion at the end of its range is certain under a mean there
        best = family.logpdf(y, y, 1.0, 1.0) if family.mean.low < y < family.mean.high else 0.0
        for mu in grid(family):
            lost = best - family.logpdf(y, mu, 1.0, 1.0)
            assert family.deviance(y, mu) == pytest.approx(2 * lost, rel=1e-9, abs=1e-11)


@pytest.mark.parametrize("name", ["binomial", "poisson", "negative_binomial"])
def test_the_saturated_log_density_is_the_density_at_mu_equal_y(name):
    family = oracle.family(name)
    for y in observations(family):
        if family.mean.low < y < family.mean.high:
            assert family.saturated(y, 1.0) == pytest.approx(family.logpdf(y, y, 1.0, 1.0), rel=1e-12, abs=1e-13)
        else:
            assert family.saturated(y, 1.0) == 0.0


P = mpmath.mpf(1.4)
EXACT_DEVIANCE = {
    "poisson": lambda y, mu: 2 * (y * mpmath.log(y / mu) - (y - mu)),
    "gamma": lambda y, mu: 2 * ((y - mu) / mu - mpmath.log(y / mu)),
    "gaussian": lambda y, mu: (y - mu) ** 2,
    "inverse_gaussian": lambda y, mu: (y - mu) ** 2 / (y * mu * mu),
    "negative_binomial": lambda y, mu: 2 * (y * mpmath.log(y / mu) - (y + 2.5) * mpmath.log((y + 2.5) / (mu + 2.5))),
    "tweedie": lambda y, mu: (
        2 * (y ** (2 - P) / ((1 - P) * (2 - P)) - y * mu ** (1 - P) / (1 - P) + mu ** (2 - P) / (2 - P))
    ),
}


@pytest.mark.parametrize("gap", [1e-2, 1e-5, 1e-9])
@pytest.mark.parametrize("y", [3.0, 1e6, 1e12])
@pytest.mark.parametrize("name", EXACT_DEVIANCE)
def test_the_unit_deviance_of_a_close_fit_does_not_cancel(name, y, gap):
    mu = y * (1 + gap)
    with mpmath.workdps(60):
        exact = float(EXACT_DEVIANCE[name](mpmath.mpf(y), mpmath.mpf(mu)))
    assert oracle.family(name).deviance(y, mu) == pytest.approx(exact, rel=1e-11)


@pytest.mark.parametrize("name", NAMES)
def test_a_first_mean_is_admissible(name):
    family = oracle.family(name)
    for y in observations(family):
        mu = family.start(y, 1.0)
        assert family.mean.low < mu < family.mean.high


@pytest.mark.parametrize("name", NAMES)
def test_a_registered_name_gives_a_value_or_says_what_it_takes(name):
    cls = FAMILIES[name]
    if not cls._fields:
        assert fastglm.families.get(name) == cls()
        return
    with pytest.raises(InvalidParameterError, match=cls._fields[0]):
        fastglm.families.get(name)
    assert fastglm.families.get(name, **{cls._fields[0]: 1.5}) == cls(1.5)


@pytest.mark.parametrize("alias", sorted(ALIASES))
def test_aliases_name_the_same_thing(alias):
    what, _, spelling = alias.partition(":")
    get = fastglm.families.get if what == "family" else fastglm.links.get
    cls = {"family": FAMILIES}.get(what, fastglm.family.registry.LINKS)[ALIASES[alias]]
    if not cls._fields:
        assert type(get(spelling)) is cls
    else:
        assert type(get(spelling, **dict.fromkeys(cls._fields, 1.5))) is cls
