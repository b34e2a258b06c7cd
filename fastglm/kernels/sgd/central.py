"""A gradient from losses alone, by central differences: for teaching, and to check analytic gradients."""

from __future__ import annotations

from functools import cache

import numpy as np
from numba import carray

from ..compile import address_of, fingerprint
from . import layout, memory
from .gradient import GRADIENT_SIGNATURE
from .layout import LOSS, STEP
from .memory import ask, pointer

# The plan, an int64 array: the function whose losses are differenced, its plan, the number of parameters, and the
# address of the float64 half-width of the differences.
INNER, INNER_MODEL, PARAMETERS, WIDTH = range(4)
CENTRAL = 4  # fields of the plan


@cache
def _central(name):
    real, digest = getattr(np, name), fingerprint(layout, memory)

    def central(model, rows, first, n, theta, grad, step_address):
        digest  # noqa: B018, the disk cache sees changes of this file alone
        plan, step = carray(pointer(model, np.int64), CENTRAL), carray(pointer(step_address, np.float64), STEP)
        inner, inner_model, size = plan[INNER], plan[INNER_MODEL], plan[PARAMETERS]
        h = real(carray(pointer(plan[WIDTH], np.float64), 1)[0])
        coef, g = carray(pointer(theta, real), size), carray(pointer(grad, real), size)
        for j in range(size if grad != 0 else 0):
            kept = coef[j]
            coef[j] = kept + h
            ask(inner, (inner_model, rows, first, n, theta, 0, step_address))
            above = step[LOSS]
            coef[j] = kept - h
            ask(inner, (inner_model, rows, first, n, theta, 0, step_address))
            g[j] = (above - step[LOSS]) / (2.0 * h)
            coef[j] = kept
        ask(inner, (inner_model, rows, first, n, theta, 0, step_address))
        return -1

    return address_of(GRADIENT_SIGNATURE, central)


def central_address(real) -> int:
    """Address of the gradient by central differences for parameters ``real``."""
    return _central(np.dtype(real).name).address
