"""A family, a link and a closed form of a user's own, each one small class, fitted like the built-in ones.

The oracle is the score equations in plain numpy, and a built-in model that the user's repeats under another name.
"""

import math
from typing import NamedTuple

import numpy as np
import pytest

import fastglm
from fastglm.family.registry import ALIASES, FAMILIES, LINKS
from fastglm.kernels.fused import FUSED
from fastglm.types import Interval

POSITIVE = Interval(0.0, float("inf"), "neither")


@pytest.fixture(scope="module")
def own():
    """A quasi-likelihood with V(mu) = mu^1.3, and the link log(1 + mu), registered for this module only."""
    before = [dict(table) for table in (FAMILIES, LINKS, ALIASES, FUSED)]

    @fastglm.links.link("log1p", domain=POSITIVE)
    class LogOnePlus(NamedTuple):
        def link(self, mu):
            return math.log1p(mu)

        def inverse(self, eta):
            return math.expm1(eta)

        def slope(self, eta):
            return math.exp(eta)

        def bend(self, eta):
            return math.exp(eta)

    @fastglm.families.family("power13", link=LogOnePlus, domain=POSITIVE, dispersion="pearson")
    class Power13(NamedTuple):
        def variance(self, mu):
            return mu**1.3

        def deviance(self, y, mu):
            # 2 times the integral from mu to y of (y - t) / t^1.3
            return 2.0 * (y**0.7 / (-0.3 * 0.7) + y * mu**-0.3 / 0.3 + mu**0.7 / 0.7)

        def start(self, y, w):
            return y

    yield Power13, LogOnePlus
    for table, saved in zip((FAMILIES, LINKS, ALIASES, FUSED), before, strict=True):
        table.clear()
        table.update(saved)


def data(n=500, p=3):
    rng = np.random.default_rng(3)
    X = rng.normal(size=(n, p))
    mu = np.exp(1.0 + X @ [0.3, -0.2, 0.1])
    return X, rng.gamma(5.0, mu / 5.0)


def test_the_deviance_of_the_test_s_own_family_is_right(own):
    family, y, mu = own[0](), 2.0, 1.3
    step = 1e-6
    slope = (family.deviance(y, mu + step) - family.deviance(y, mu - step)) / (2 * step)
    assert slope == pytest.approx(-2 * (y - mu) / family.variance(mu), rel=1e-6)
    assert family.deviance(y, y) == pytest.approx(0.0, abs=1e-14)


@pytest.mark.parametrize("solver", fastglm.solvers.names(exact=True))
def test_it_is_fitted_to_the_root_of_the_score(own, solver):
    X, y = data()
    result = fastglm.fit(X, y, family="power13", solver=solver)
    assert result.converged and result.link.name == "log1p"
    A = np.column_stack([np.ones(len(y)), X])
    eta = A @ result.params
    mu, slope = np.expm1(eta), np.exp(eta)
    h = slope**2 / mu**1.3
    information = (A * h[:, None]).T @ A
    phi = ((y - mu) ** 2 / mu**1.3).sum() / (len(y) - 4)
    score = A.T @ ((y - mu) * slope / mu**1.3)
    assert np.abs(score / np.sqrt(phi * np.diagonal(information))).max() < 1e-6
    np.testing.assert_allclose(result.bse, np.sqrt(phi * np.diagonal(np.linalg.inv(information))), rtol=1e-8)
    np.testing.assert_allclose(result.predict(X), mu, rtol=1e-10)
    assert np.isnan(result.llf)


def test_it_takes_values_classes_and_built_in_links(own):
    X, y = data()
    by_name = fastglm.fit(X, y, family="power13", link="log")
    by_value = fastglm.fit(X, y, family=own[0](), link=fastglm.links.Log())
    by_class = fastglm.fit(X, y, family=own[0], link=fastglm.links.Log)
    np.testing.assert_array_equal(by_name.params, by_value.params)
    np.testing.assert_array_equal(by_name.params, by_class.params)
    tweedie = fastglm.fit(X, y, family=fastglm.families.Tweedie(1.3))
    np.testing.assert_allclose(by_name.params, tweedie.params, rtol=1e-10)
    np.testing.assert_allclose(by_name.bse, tweedie.bse, rtol=1e-9)


def test_a_built_in_family_takes_the_user_s_link(own):
    X, y = data()
    result = fastglm.fit(X, y, family="gamma", link="log1p")
    mu = result.predict(X)
    eta = np.log1p(mu)
    A = np.column_stack([np.ones(len(y)), X])
    score = A.T @ ((y - mu) * np.exp(eta) / mu**2)
    size = np.sqrt(result.scale * (np.square(A).T @ (np.exp(2 * eta) / mu**2)))
    assert np.abs(score / size).max() < 1e-6


def test_a_closed_form_replaces_the_generic_formula(own):
    X, y = data()
    generic = fastglm.fit(X, y, family="power13", link="sqrt")

    class Again(own[0]):
        pass

    @fastglm.families.fused(Again, fastglm.links.Sqrt)
    def rows(family, link, eta, y):
        mu = eta * eta
        v = mu**1.3
        return (y - mu) * 2.0 * eta / v, 4.0 * mu / v, 2.0 * (y**0.7 / -0.21 + y * mu**-0.3 / 0.3 + mu**0.7 / 0.7)

    fused = fastglm.fit(X, y, family=Again(), link="sqrt")
    np.testing.assert_allclose(fused.params, generic.params, rtol=1e-9)
    np.testing.assert_allclose(fused.deviance, generic.deviance, rtol=1e-12)


def test_the_parameter_of_a_family_reaches_the_compiled_loop():
    X, y = data()
    quasi = [fastglm.fit(X, y, family=fastglm.families.Tweedie(p)).params for p in (1.2, 1.8)]
    assert np.abs(quasi[0] - quasi[1]).max() > 1e-5
    again = fastglm.fit(X, y, family=fastglm.families.Tweedie(1.2)).params
    np.testing.assert_array_equal(again, quasi[0])
