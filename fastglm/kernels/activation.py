"""Activations of hidden units over a block, and their slopes from their values: C functions called by address."""

from __future__ import annotations

import ctypes
from functools import cache

import numpy as np
from numba import carray, types

from .compile import DOUBLE_P, address_of
from .elementary import expm1, sigmoid, vectorisable

SIGNATURE = types.int64(types.int64, DOUBLE_P, DOUBLE_P)
TANH, RELU, LOGISTIC, IDENTITY = range(4)
KINDS = {"tanh": TANH, "relu": RELU, "logistic": LOGISTIC, "identity": IDENTITY}
_FUNCTION = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p)


@vectorisable
def tanh(x):
    """tanh(x) of a float."""
    t = expm1(-2.0 * abs(x))
    size = -t / (2.0 + t)
    return size if x >= 0.0 else -size


@cache
def _values(kind):
    def values(n, z, unused):
        a = carray(z, n)
        if kind == TANH:
            for i in range(n):
                a[i] = tanh(a[i])
        elif kind == RELU:
            for i in range(n):
                a[i] = 0.0 if a[i] < 0.0 else a[i]
        elif kind == LOGISTIC:
            for i in range(n):
                a[i] = sigmoid(a[i])
        return 0

    return address_of(SIGNATURE, values)


@cache
def _slopes(kind):
    def slopes(n, values, delta):
        a, d = carray(values, n), carray(delta, n)
        if kind == TANH:
            for i in range(n):
                d[i] *= 1.0 - a[i] * a[i]
        elif kind == RELU:
            for i in range(n):
                d[i] = d[i] if a[i] > 0.0 else 0.0
        elif kind == LOGISTIC:
            for i in range(n):
                d[i] *= a[i] * (1.0 - a[i])
        return 0

    return address_of(SIGNATURE, slopes)


def activation(name: str) -> tuple[int, int]:
    """Addresses of (n, z, 0), which writes f(z) over z, and of (n, a, d), which multiplies d by f'(z) for a = f(z)."""
    return _values(KINDS[name]).address, _slopes(KINDS[name]).address


def activated(name: str, z: np.ndarray) -> np.ndarray:
    """f(z) of a contiguous float64 array, which is overwritten."""
    _FUNCTION(activation(name)[0])(z.size, z.ctypes.data, 0)
    return z
