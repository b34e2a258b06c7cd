"""What classes of families and links say of themselves, against their own scalar formulas."""

import numpy as np
import pytest
from scipy import special

from fastglm import families, links
from fastglm.family.registry import FAMILIES, LINKS, FamilyFacts, LinkFacts, power_of_variance
from fastglm.kernels.evaluate import second_derivative

OURS = {name: FAMILIES[name] for name in families.names() if FAMILIES[name].__module__.startswith("fastglm.")}
LINKS_OF_OURS = {name: LINKS[name] for name in links.names() if LINKS[name].__module__.startswith("fastglm.")}
PARAMETERS = {"theta": 2.5, "power": 1.6, "p": 0.7}


class Functions:
    """The functions of exports, in NumPy and SciPy."""

    exp, expm1, log, arctan, power = np.exp, np.expm1, np.log, np.arctan, np.power
    sigmoid, log_sigmoid = special.expit, special.log_expit
    normal_cdf, log_normal_cdf = special.ndtr, special.log_ndtr

    @staticmethod
    def rsqrt(x):
        return x**-0.5


def value(cls):
    return cls(*(PARAMETERS[name] for name in cls._fields))


def predictors(link):
    """Linear predictors inside the link's domain."""
    return np.linspace(0.1, 3.0, 30) if link.domain.low == 0.0 or link.half_line else np.linspace(-3.0, 3.0, 31)


def means(family):
    return np.linspace(0.02, 0.98, 25) if family.two_outcomes else np.geomspace(0.01, 50.0, 25)


@pytest.mark.parametrize("name", LINKS_OF_OURS)
def test_the_array_formula_of_a_link_is_its_scalar_one(name):
    link = value(LINKS_OF_OURS[name])
    eta = predictors(link)
    scalar = np.array([link.inverse(float(e)) for e in eta])
    np.testing.assert_allclose(link.array_inverse(eta, Functions), scalar, rtol=1e-13)


@pytest.mark.parametrize("name", [n for n, cls in LINKS_OF_OURS.items() if cls.array_log_tails])
def test_the_logarithms_of_both_tails_are_the_scalar_ones(name):
    link, eta = value(LINKS_OF_OURS[name]), np.linspace(-3.0, 3.0, 31)
    scalar = np.array([link.tails(float(e))[:2] for e in eta]).T
    # a logarithm of nearly one has the rounding of one
    np.testing.assert_allclose(link.array_log_tails(eta, Functions), scalar, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", LINKS_OF_OURS)
def test_the_second_derivative_is_that_of_the_slope(name):
    link = value(LINKS_OF_OURS[name])
    eta, h = predictors(link), 1e-5
    slope = (np.array([link.slope(float(e + h)) - link.slope(float(e - h)) for e in eta])) / (2 * h)
    found = second_derivative(families.Gaussian(), link, eta)
    np.testing.assert_allclose(found, slope, rtol=1e-6, atol=1e-8 * np.abs(slope).max() + 1e-10)


@pytest.mark.parametrize("name", LINKS_OF_OURS)
def test_a_power_is_that_of_the_mean(name):
    link = value(LINKS_OF_OURS[name])
    if link.power is not None:
        assert [link.link(mu) for mu in (0.3, 2.0)] == pytest.approx([0.3**link.power, 2.0**link.power], rel=1e-14)
    assert link.is_log == (name == "log")


@pytest.mark.parametrize("name", OURS)
def test_the_slope_of_the_variance_is_its_derivative(name):
    family = value(OURS[name])
    mu = means(family)
    variance, step = np.vectorize(family.variance, otypes=[float]), 1e-6 * mu
    slope = (variance(mu + step) - variance(mu - step)) / (2 * step)
    np.testing.assert_allclose(family.variance_slope(mu), slope, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", OURS)
def test_the_power_of_the_variance_is_that_of_its_formula(name):
    family = value(OURS[name])
    power = power_of_variance(family)
    # how the variance grows when the mean doubles, at two means: alike for a power of the mean alone
    growth = [np.log2(family.variance(2 * mu) / family.variance(mu)) for mu in (0.1, 0.4)]
    if power is None:
        assert abs(growth[1] - growth[0]) > 1e-3
    else:
        assert growth == pytest.approx([power, power], abs=1e-12)


@pytest.mark.parametrize("name", [n for n, cls in OURS.items() if cls.draw])
def test_draws_have_the_mean_and_the_variance_of_the_family(name):
    family, n = value(OURS[name]), 400_000
    mu, phi = 0.4, 0.3
    y = family.draw(np.random.default_rng(1), np.full(n, mu), phi, None)
    has_dispersion = (families.Gaussian, families.Gamma, families.InverseGaussian, families.Tweedie)
    spread = family.variance(mu) * (phi if isinstance(family, has_dispersion) else 1.0)
    assert y.mean() == pytest.approx(mu, abs=5 * np.sqrt(spread / n))
    assert y.var() == pytest.approx(spread, rel=0.03)


@pytest.mark.parametrize("name", [n for n, cls in OURS.items() if cls.anscombe_change])
def test_the_closed_form_of_anscombe_is_the_integral(name):
    from scipy.integrate import quad

    family = value(OURS[name])
    y, mu = np.array([0.2, 0.9, 0.5]), np.array([0.6, 0.3, 0.55])
    found = family.anscombe_change(y, mu, y - mu)
    wanted = [quad(lambda t: family.variance(t) ** (-1 / 3), a, b)[0] for a, b in zip(mu, y, strict=True)]
    np.testing.assert_allclose(found, wanted, rtol=1e-9)


@pytest.mark.parametrize("name", [n for n, cls in OURS.items() if cls.frozen and cls.saturated])
def test_the_distribution_of_scipy_has_the_density_at_the_mean(name):
    family, y, trials = value(OURS[name]), np.array([1.0, 3.0, 8.0]), 1.0
    scale = 1.0 if family.dispersion == "one" else 0.7
    if family.two_outcomes:
        y, trials = np.array([0.2, 0.4, 0.8]), 5.0
    frozen = family.frozen(y, scale, trials)
    density = frozen.logpmf(y * trials) if family.dispersion == "one" else frozen.logpdf(y)
    np.testing.assert_allclose(family.density_at_mean(y, 1.0, trials, scale), density, rtol=1e-9, atol=1e-10)


def test_rare_events_have_one_rule():
    assert families.Binomial().events(3.0, 10.0) == 3.0 and families.Binomial().events(8.0, 10.0) == 2.0
    for family in (families.Poisson(), families.NegativeBinomial(2.0), families.QuasiPoisson()):
        assert family.events(3.0, 10.0) == 3.0
    assert families.Gaussian().events(3.0, 10.0) == np.inf


@pytest.mark.parametrize("facts, table", [(FamilyFacts, OURS), (LinkFacts, LINKS_OF_OURS)])
def test_every_class_has_every_fact(facts, table):
    named = [name for name in vars(facts) if not name.startswith("__")]
    assert named and all(hasattr(cls, name) for cls in table.values() for name in named)
    assert [name for name in named if name not in facts.__doc__ and not callable(getattr(facts, name))] == []
