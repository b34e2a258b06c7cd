"""Scalar functions of the row loops against mpmath."""

import math

import mpmath
import numpy as np
import pytest

from fastglm.kernels.scalars import atan_unit, mills


@pytest.mark.parametrize("a", [0.0, 1e-300, 1e-8, 0.3, 1.0, 2.5, 5.0, 8.0, 20.0, 38.0, 1e3, 1e8, 1e200])
def test_mills_ratio_in_fifty_digits(a):
    with mpmath.workdps(50):
        if a < 100.0:
            exact = mpmath.erfc(mpmath.mpf(a) / mpmath.sqrt(2)) / 2 / mpmath.npdf(mpmath.mpf(a))
        else:
            exact = 1 / mpmath.mpf(a) - 1 / mpmath.mpf(a) ** 3 + 3 / mpmath.mpf(a) ** 5 - 15 / mpmath.mpf(a) ** 7
        assert abs(mills(a) / exact - 1) < 4 * np.finfo(float).eps


def test_mills_ratio_ends_at_zero():
    assert mills(math.inf) == 0.0


@pytest.mark.parametrize("u", [0.0, 1e-300, 1e-9, 0.1, 0.41421356237309503, 0.4142135623730951, 0.5, 0.9, 1.0])
def test_arctangent_in_fifty_digits(u):
    with mpmath.workdps(50):
        assert abs(atan_unit(u) - mpmath.atan(mpmath.mpf(u))) <= 3 * np.finfo(float).eps * u
