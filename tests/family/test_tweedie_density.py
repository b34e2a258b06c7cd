"""Tweedie densities against sums and integrals of 40 digits; tables against the terms that they stand for."""

import numpy as np
import pytest

from fastglm.family.tweedie_density import NodeMoments, log_terms

mpmath = pytest.importorskip("mpmath")


def series(p, x):
    """log(y f(y; y, phi)) of the Poisson number of gamma jumps."""
    p, lam = mpmath.mpf(p), mpmath.exp(x)
    a = (2 - p) / (p - 1)
    spread = mpmath.sqrt(lam / (1 + a))
    first, last = max(1, int(lam - 14 * spread - 3)), int(lam + 14 * spread + 60)
    terms = (
        j * x - lam - mpmath.loggamma(j + 1) + j * a * mpmath.log(lam * a) - lam * a - mpmath.loggamma(j * a)
        for j in range(first, last)
    )
    return mpmath.log(mpmath.fsum(mpmath.exp(t) for t in terms))


def stable(p, x):
    """The same of a tilted stable law, by Zolotarev's integral."""
    p, c = mpmath.mpf(p), mpmath.exp(x)
    alpha = (p - 2) / (p - 1)

    def rise(u):
        return mpmath.sin(alpha * u) ** (p - 2) * mpmath.sin((1 - alpha) * u) / mpmath.sin(u) ** (p - 1)

    least = alpha ** (p - 2) * (1 - alpha)
    width = 1 / mpmath.sqrt(alpha * c)
    points = sorted({min(width * k, mpmath.mpf(3)) for k in (0, 1, 3, 8)} | {3, mpmath.pi - 0.001, mpmath.pi})
    integral = mpmath.quad(lambda u: rise(u) / least * mpmath.exp(-c * (rise(u) / least - 1)), points)
    return mpmath.log((p - 2) * c / mpmath.pi * integral)


@pytest.mark.parametrize("p", [1.01, 1.5, 1.95])
def test_twelve_digits_between_one_and_two(p):
    x = [-20.0, -1.0, 1.0, 3.0, 6.0]
    with mpmath.workdps(40):
        np.testing.assert_allclose(
            log_terms(p, np.array(x)).value, [float(series(p, v)) for v in x], rtol=0, atol=3e-13
        )


@pytest.mark.parametrize("p", [2.05, 4.0])
def test_twelve_digits_above_two(p):
    x = [-4.0, 1.0, 3.5]
    with mpmath.workdps(25):
        np.testing.assert_allclose(
            log_terms(p, np.array(x)).value, [float(stable(p, v)) for v in x], rtol=0, atol=1e-13
        )


def test_the_inverse_gaussian_is_the_third_power():
    x = np.linspace(-6.0, 12.0, 9)
    phi = 0.5 * np.exp(-x)  # of y = 1
    np.testing.assert_allclose(log_terms(3.0, x).value, -0.5 * np.log(2 * np.pi * phi), rtol=0, atol=1e-13)


@pytest.mark.parametrize("p", [1.05, 1.5, 2.0, 2.6])
def test_derivatives_and_tables(p):
    x, h = np.random.default_rng(0).uniform(-5.0, 8.0, 400), 1e-4
    low, here, high = (log_terms(p, x + d) for d in (-h, 0.0, h))
    np.testing.assert_allclose(here.slope, (high.value - low.value) / (2 * h), atol=1e-5, rtol=1e-6)
    np.testing.assert_allclose(here.bend, (high.slope - low.slope) / (2 * h), atol=1e-4, rtol=1e-5)
    weights, shift = np.random.default_rng(1).uniform(size=400), 0.7
    for f in (*np.eye(400)[:40], weights):  # points one by one, and all of them in two parts
        halves = [NodeMoments.of(p, x[half], f[half]) for half in (slice(0, 150), slice(150, 400))]
        value, slope, bend = (halves[0] + halves[1]).sum_of_log_terms(p, shift)
        moved = log_terms(p, x - shift)
        np.testing.assert_allclose(value, f @ moved.value, rtol=1e-13, atol=1e-12)
        np.testing.assert_allclose(slope, f @ moved.slope, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(bend, f @ moved.bend, rtol=1e-6, atol=1e-6)


def test_points_in_too_many_intervals_have_no_moments():
    ones, far = np.ones(2), np.array([0.0, 1e6])
    assert NodeMoments.of(2.0, far, ones) is None
    near, further = (NodeMoments.of(2.0, far[k : k + 1], ones[:1]) for k in (0, 1))
    assert near + further is None
    nothing = NodeMoments.of(2.0, far[:0], ones[:0])
    assert (nothing + near).sum_of_log_terms(2.0, 0.0) == pytest.approx((near + nothing).sum_of_log_terms(2.0, 0.0))
