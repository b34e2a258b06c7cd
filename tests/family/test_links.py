"""Every registered link against its definition (scipy.stats, mpmath) and its derivatives by mpmath differentiation."""

import math

import mpmath
import numpy as np
import oracle
import pytest
import tails

import fastglm
from fastglm.family.means import inverse_link

NAMES = fastglm.links.names()
TAILED = [name for name in NAMES if hasattr(type(oracle.link(name)), "tails")]
UNIT = [name for name in TAILED if oracle.onto_unit(oracle.link(name))]


def means(name):
    return np.array([1e-6, 0.02, 0.3, 0.5, 0.9, 0.999]) if name in UNIT else np.array([0.01, 0.4, 1.0, 2.5, 30.0])


@pytest.mark.parametrize("name", NAMES)
def test_the_inverse_undoes_the_link(name):
    link, mu = oracle.link(name), means(name)
    eta = np.array([link.link(m) for m in mu])
    np.testing.assert_allclose([link.inverse(e) for e in eta], mu, rtol=2e-13)
    np.testing.assert_allclose(inverse_link(link, eta), mu, rtol=2e-13)


@pytest.mark.parametrize("name", NAMES)
def test_the_link_is_the_textbook_s(name):
    link, mu = oracle.link(name), means(name)
    expected = oracle.to_eta(link, mu)
    np.testing.assert_allclose([link.link(m) for m in mu], expected, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(inverse_link(link, expected), oracle.inverse(link, expected), rtol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_slope_and_bend_are_the_derivatives(name):
    link = oracle.link(name)
    for mu in means(name):
        eta = link.link(float(mu))
        h = 1e-4 * max(abs(eta), 1e-2)
        at = [link.inverse(eta + k * h) for k in (-2, -1, 0, 1, 2)]
        slope = (at[0] - 8 * at[1] + 8 * at[3] - at[4]) / (12 * h)
        at = [link.slope(eta + k * h) for k in (-2, -1, 0, 1, 2)]
        bend = (at[0] - 8 * at[1] + 8 * at[3] - at[4]) / (12 * h)
        assert link.slope(eta) == pytest.approx(slope, rel=1e-8, abs=1e-10 * abs(slope))
        assert link.bend(eta) == pytest.approx(bend, rel=1e-8, abs=1e-9 * abs(slope / h) * 1e-3)
        assert link.slope(eta) == pytest.approx(float(oracle.slope(link, np.float64(eta))), rel=1e-12)


TAILS = [-1e4, -700.0, -100.0, -38.0, -5.0, -1.0, -1e-3, 0.0, 1e-3, 1.0, 5.0, 38.0, 100.0, 700.0, 1e4]


@pytest.mark.parametrize("eta", TAILS)
@pytest.mark.parametrize("name", ["logit", "probit", "cloglog", "loglog", "cauchit"])
def test_logarithms_of_both_tails_in_sixty_digits(name, eta):
    got = oracle.link(name).tails(eta)[:2]
    with mpmath.workdps(60):
        # a double exponential leaves the range of doubles
        expected = [float(v) if abs(v) < mpmath.mpf("1.797e308") else -math.inf for v in tails.exact(name, eta)]
    for g, e in zip(got, expected[:2], strict=True):
        assert g == pytest.approx(e, rel=1e-14, abs=1e-307)


@pytest.mark.parametrize("name", UNIT)
def test_the_mean_stays_in_its_range_and_rises(name):
    eta = np.r_[-1e4, -np.geomspace(1e3, 1e-3, 50), 0.0, np.geomspace(1e-3, 1e3, 50), 1e4]
    mu = inverse_link(oracle.link(name), eta)
    assert np.isfinite(mu).all() and (mu >= 0).all() and (mu <= 1).all()
    assert (np.diff(mu) >= 0).all()


def test_a_power_of_one_half_is_the_square_root():
    power, root = fastglm.links.Power(0.5), fastglm.links.Sqrt()
    for eta in (0.1, 1.0, 7.0):
        assert power.inverse(eta) == pytest.approx(root.inverse(eta), rel=1e-14)
        assert power.slope(eta) == pytest.approx(root.slope(eta), rel=1e-14)
