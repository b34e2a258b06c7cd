"""The kernels of local regression: one class each, whose ``weight`` is compiled; a registration is all one needs."""

from __future__ import annotations

import ctypes
from functools import cache
from math import inf, sqrt
from typing import Any, NamedTuple

import numpy as np
from numba import carray, types
from numba.extending import overload

from ..errors import InvalidParameterError
from ..kernels.compile import DOUBLE_P, address_of, fingerprint, revive
from ..kernels.elementary import exp_negative

KERNELS: dict[str, type] = {}
_POINTER = ctypes.POINTER(ctypes.c_double)
_CALL = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64, _POINTER, _POINTER)
REACH = sqrt(80.0)  # bandwidths beyond the nearest row at which exp(-u^2 / 2) is e^-40 of its largest value


def kernel(name: str):
    """Class decorator: register a kernel under ``name``.

    The class is a NamedTuple without fields, with ``weight(self, s)``, the weight at the squared distance s in
    bandwidths as Numba compiles it. ``radius`` is the distance from which the weight is zero (inf without one);
    ``powers``, optional, the coefficients of the weight as a polynomial of the distance within it, by which windows in
    one dimension are summed from stored moments; ``expanded`` says that it is the gaussian, whose series does the same.
    """

    def register(cls):
        cls.name = name
        for fact, value in {"radius": inf, "powers": None, "expanded": False}.items():
            if not hasattr(cls, fact):
                setattr(cls, fact, value)
        KERNELS[name] = cls
        return cls

    return register


@kernel("gaussian")
class Gaussian(NamedTuple):
    """exp(-u^2 / 2), its bandwidth the standard deviation; rows below e^-40 of the largest weight are left out."""

    expanded = True

    def weight(self, s):
        return exp_negative(-0.5 * s if s > 0.0 else 0.0)


@kernel("epanechnikov")
class Epanechnikov(NamedTuple):
    """1 - u^2 within one bandwidth (Epanechnikov 1969)."""

    radius, powers = 1.0, (1.0, 0.0, -1.0)

    def weight(self, s):
        return 1.0 - s if s < 1.0 else 0.0


@kernel("tricube")
class Tricube(NamedTuple):
    """(1 - |u|^3)^3 within one bandwidth, the kernel of loess (Cleveland 1979)."""

    radius, powers = 1.0, (1.0, 0.0, 0.0, -3.0, 0.0, 0.0, 3.0, 0.0, 0.0, -1.0)

    def weight(self, s):
        t = 1.0 - s * np.sqrt(s)
        return t * t * t if s < 1.0 else 0.0


def resolve(value: Any):
    """A kernel by its name, its class or its value; InvalidParameterError for another one."""
    if isinstance(value, str):
        if value not in KERNELS:
            raise InvalidParameterError(f"kernel={value!r} is unknown; known: {', '.join(KERNELS)}")
        return KERNELS[value]()
    if getattr(value, "name", None) in KERNELS and hasattr(value, "weight"):
        return value() if isinstance(value, type) else value
    raise InvalidParameterError(f"kernel={value!r} is no kernel; known: {', '.join(KERNELS)}")


def weight(self, s):
    """The weight of a kernel at a squared distance, in compiled code."""


@overload(weight, jit_options={"forceinline": True})
def _weight(self, s):
    return self.instance_class.weight


@cache
def _loop(cls):
    digest = fingerprint(cls)

    def weights(n, s, k):
        digest  # noqa: B018, an edited formula is another kernel
        own = revive(cls, carray(s, 0))
        squares, ks = carray(s, n), carray(k, n)
        for i in range(n):
            ks[i] = weight(own, squares[i])
        return 0

    signature = types.int64(types.int64, DOUBLE_P, DOUBLE_P)
    return address_of(signature, weights, cache=cls.__module__ != "__main__")


def address(kernel) -> int:
    """The address of a kernel's loop (n, s, k) from squared distances to weights."""
    return _loop(type(kernel)).address


def at_distances(kernel, s) -> np.ndarray:
    """The weights at squared distances, of their shape."""
    s = np.ascontiguousarray(s, dtype=np.float64)
    out = np.empty_like(s)
    _CALL(address(kernel))(s.size, s.ctypes.data_as(_POINTER), out.ctypes.data_as(_POINTER))
    return out
