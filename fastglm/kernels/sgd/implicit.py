"""Implicit steps: how much of the explicit step may be taken so that the gradient is that of where it ends."""

from __future__ import annotations

from functools import cache

import numpy as np
from numba import carray, types

from ..compile import address_of, fingerprint
from ..load import KINDS
from . import dense, layout, linear, memory
from . import sparse as sparse_rows
from .dense import add_predictor
from .linear import evaluate, to_natural
from .memory import inner, pointer, vector
from .sparse import add_sparse_predictor

IMPLICIT_SIGNATURE = types.int64(*([types.int64] * 5))
# of the slope at zero, or of the fraction, where regula falsi stops: a fraction is a step in single precision at best
CONVERGED = 1e-10


@inner()
def slope_along(plan, n, eta, fraction, rate, norm, squared):
    """The derivative, up to the rate, of the proximal objective along the gradient, at a fraction of the step.

    ``eta`` holds the linear predictors where the step starts.
    """
    k = plan[layout.CLASSES]
    trial, direction = vector(plan, layout.V_ETA, n * k), vector(plan, layout.V_DIRECTION, n * k)
    r = vector(plan, layout.V_R, n * k)
    for i in range(n * k):
        trial[i] = eta[i] - fraction * rate * direction[i]
    evaluate(plan, n)
    s = -fraction * squared
    for i in range(n * k):
        s -= norm * r[i] * direction[i]
    return s


@inner()
def implicit_fraction(plan, n, eta, step_rate, norm, squared):
    """The fraction f of the explicit step that minimises the batch's loss plus |move|^2 / (2 rate) along it.

    For a single row this is the implicit step (Toulis and Airoldi 2017), because the row is the only direction. The
    batch's loss never grows. Found by regula falsi with the Illinois rule (Dowell and Jarratt 1971); where the loss
    overflows the step counts as too long.
    """
    low, high = 0.0, 1.0
    at_low, at_high = squared, slope_along(plan, n, eta, 1.0, step_rate, norm, squared)
    if not squared > 0.0 or at_high >= 0.0:
        return 1.0
    fraction, side = 1.0, 0
    for _ in range(100):
        finite = abs(at_high) < 1e300
        fraction = low + (high - low) * (at_low / (at_low - at_high) if finite else 0.5)
        s = slope_along(plan, n, eta, fraction, step_rate, norm, squared)
        if abs(s) <= CONVERGED * squared or high - low <= CONVERGED * high:
            break
        if s > 0.0:
            low, at_low = fraction, s
            at_high *= 0.5 if side > 0 else 1.0
            side = 1
        else:
            high, at_high = fraction, s
            at_low *= 0.5 if side < 0 else 1.0
            side = -1
    return fraction


@inner()
def shorten(plan, loop, n, origin, direction, grad, count, step):
    """Multiply the gradient by the fraction of the step that the implicit rule allows."""
    k, norm = plan[layout.CLASSES], step[layout.NORM]
    for i in range(n * k):
        direction[i] *= norm
    lazy, size = count >= 0, count if count >= 0 else grad.size
    touched = carray(pointer(loop[layout.TOUCHED], np.int64), size)
    squared = 0.0
    for q in range(size):
        squared += (norm * grad[touched[q] if lazy else q]) ** 2
    fraction = grad.dtype.type(implicit_fraction(plan, n, origin, step[layout.RATE], norm, squared))
    for q in range(size):
        grad[touched[q] if lazy else q] *= fraction


@cache
def _implicit(real_name, stored_name, index_name):
    digest = fingerprint(dense, layout, linear, memory, sparse_rows)
    real, stored = getattr(np, real_name), getattr(np, stored_name)
    sparse = index_name is not None
    index = getattr(np, index_name) if sparse else np.int64

    def implicit(model, count, n, grad, step_address):
        digest  # noqa: B018, the disk cache sees changes of this file alone
        plan = carray(pointer(model, np.int64), layout.LINEAR)
        step = carray(pointer(step_address, np.float64), layout.STEP)
        loop = carray(pointer(plan[layout.LOOP_PLAN], np.int64), layout.LOOP)
        k = plan[layout.CLASSES]
        size = (plan[layout.P] + plan[layout.ONES]) * k
        g = carray(pointer(grad, real), size)
        eta, direction = vector(plan, layout.V_ETA, n * k), vector(plan, layout.V_DIRECTION, n * k)
        origin = carray(pointer(plan[layout.V_DIRECTION] + 8 * plan[layout.BLOCK] * k, np.float64), n * k)
        for i in range(n * k):
            origin[i], direction[i] = eta[i], 0.0
        if sparse:
            add_sparse_predictor(plan, np.int64(0), np.int64(-1), n, stored, index, real(1), g, direction)
        else:
            along = g
            if plan[layout.NATURAL] != 0:
                along = carray(pointer(plan[layout.NATURAL], real), size)
                to_natural(plan, g, along)
            add_predictor(plan, np.int64(0), np.int64(-1), n, stored, along, direction)
        shorten(plan, loop, n, origin, direction, g, count, step)
        return 0

    return address_of(IMPLICIT_SIGNATURE, implicit)


def implicit_address(real, stored, index=None) -> int:
    """Address of (model, count, n, grad, step), which shortens the gradient of the batch just evaluated.

    Parameters as for ``gradient.gradient_address``.
    """
    name = None if index is None else np.dtype(index).name
    return _implicit(np.dtype(real).name, KINDS[np.dtype(stored)], name).address
