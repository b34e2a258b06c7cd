"""Activations of hidden units over a block, and their slopes from their values: C functions called by address."""

from __future__ import annotations

import ctypes
from functools import cache

import numpy as np
from numba import carray, types

from .compile import address_of, fingerprint
from .elementary import expm1, sigmoid, vectorisable
from .sgd import memory
from .sgd.memory import pointer

SIGNATURE = types.int64(types.int64, types.int64, types.int64)
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
def _values(kind, real_name):
    digest, real = fingerprint(memory), getattr(np, real_name)

    def values(n, z, unused):
        digest  # noqa: B018, the disk cache sees changes of this file alone
        a = carray(pointer(z, real), n)
        if kind == TANH:
            for i in range(n):
                a[i] = real(tanh(a[i]))
        elif kind == RELU:
            for i in range(n):
                a[i] = real(0) if a[i] < real(0) else a[i]
        elif kind == LOGISTIC:
            for i in range(n):
                a[i] = real(sigmoid(a[i]))
        return 0

    return address_of(SIGNATURE, values)


@cache
def _slopes(kind, real_name):
    digest, real = fingerprint(memory), getattr(np, real_name)

    def slopes(n, values, delta):
        digest  # noqa: B018, the disk cache sees changes of this file alone
        a, d = carray(pointer(values, real), n), carray(pointer(delta, real), n)
        if kind == TANH:
            for i in range(n):
                d[i] *= real(1) - a[i] * a[i]
        elif kind == RELU:
            for i in range(n):
                d[i] = d[i] if a[i] > real(0) else real(0)
        elif kind == LOGISTIC:
            for i in range(n):
                d[i] *= a[i] * (real(1) - a[i])
        return 0

    return address_of(SIGNATURE, slopes)


def activation(name: str, dtype=np.float64) -> tuple[int, int]:
    """Addresses of (n, z, 0), which writes f(z) over z, and of (n, a, d), which multiplies d by f'(z) for a = f(z)."""
    kind, real_name = KINDS[name], np.dtype(dtype).name
    return _values(kind, real_name).address, _slopes(kind, real_name).address


def activated(name: str, z: np.ndarray) -> np.ndarray:
    """f(z) of a contiguous float64 array, which is overwritten."""
    _FUNCTION(activation(name)[0])(z.size, z.ctypes.data, 0)
    return z
