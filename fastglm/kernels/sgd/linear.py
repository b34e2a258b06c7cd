"""What the gradients of linear models share, whatever the storage of X: the formulas of the rows of a batch.

A batch is read in blocks of rows. Storage (``dense.py``, ``sparse.py``) provides eta += X b and g -= X' r of a block.
"""

from __future__ import annotations

import numpy as np
from numba import carray

from ..compile import call_rows
from ..passes import total
from . import layout
from .memory import inner, pointer, vector

AHEAD = 16  # rows ahead of which others are fetched, at least
MOST_AHEAD = 1024  # and at most
ROOM = MOST_AHEAD + AHEAD  # what a list of rows has at its end, to be looked at in vain


@inner()
def next_rows(rows, first, n, last, step):
    """Where the numbers of the rows after the next few begin, or 0 and the first of the next contiguous rows, or -1."""
    if rows != 0:
        return np.int64(rows + 8 * (first + min(max(n, AHEAD), MOST_AHEAD))), np.int64(-1)
    return np.int64(0), np.int64(step[layout.NEXT]) if last else np.int64(first + n)


@inner()
def gather(plan, field, numbers, n, out):
    """out[:n] = the numbered entries of a vector."""
    source = vector(plan, field, 1)
    for i in range(n):
        out[i] = source[numbers[i]]


@inner()
def read_rows(plan, rows, first, n):
    """Numbers, responses and weights of n rows; their offsets start the linear predictors."""
    k = plan[layout.CLASSES]
    numbers = carray(pointer(plan[layout.V_NUMBER], np.int64), n)
    listed = carray(pointer(rows, np.int64), first + n)
    y, w, eta = vector(plan, layout.V_Y, n), vector(plan, layout.V_W, n), vector(plan, layout.V_ETA, n * k)
    for i in range(n):
        numbers[i] = listed[first + i] if rows != 0 else first + i
    gather(plan, layout.Y, numbers, n, y)
    if plan[layout.WEIGHT] != 0:
        gather(plan, layout.WEIGHT, numbers, n, w)
    if plan[layout.SHIFT] == 0:
        for i in range(n * k):
            eta[i] = 0.0
        return
    gather(plan, layout.SHIFT, numbers, n, eta)
    for i in range(n - 1 if k > 1 else -1, -1, -1):
        # from the end, because row i of the predictors lies where shifts of later rows lie still
        shift = eta[i]
        for c in range(k):
            eta[i * k + c] = shift


@inner()
def evaluate(plan, n):
    """Half the deviance of the n rows at their linear predictors; writes their scores."""
    call_rows(plan[layout.ROW_LOOP], n, plan[layout.PAR], plan[layout.V_ETA], plan[layout.V_Y], plan[layout.V_W],
              plan[layout.V_R], plan[layout.V_H], plan[layout.V_D])  # fmt: skip
    return 0.5 * total(vector(plan, layout.V_D, n), n)


@inner()
def remember(plan, n):
    """Exchange the scores with those in SAGA's table, leaving their differences."""
    k = plan[layout.CLASSES]
    r = vector(plan, layout.V_R, n * k)
    numbers = carray(pointer(plan[layout.V_NUMBER], np.int64), n)
    for i in range(n):
        table = vector(plan, layout.TABLE, (numbers[i] + 1) * k)
        for c in range(k):
            new = r[i * k + c]
            r[i * k + c] -= table[numbers[i] * k + c]
            table[numbers[i] * k + c] = new


@inner()
def to_natural(plan, theta, natural):
    """Coefficients of X from those of its standardised columns."""
    p, ones, k = plan[layout.P], plan[layout.ONES], plan[layout.CLASSES]
    inverse, centre = vector(plan, layout.INVERSE_SCALE, p), vector(plan, layout.CENTRE, p)
    real = theta.dtype.type
    for c in range(ones * k):
        natural[c] = theta[c]
    for j in range(p):
        for c in range(k):
            b = theta[(j + ones) * k + c] * inverse[j]
            natural[(j + ones) * k + c] = real(b)
            if ones:
                natural[c] -= real(b * centre[j])


@inner()
def to_standardised(plan, grad):
    """The gradient in the coefficients of standardised columns from that in the coefficients of X."""
    p, ones, k = plan[layout.P], plan[layout.ONES], plan[layout.CLASSES]
    inverse, centre = vector(plan, layout.INVERSE_SCALE, p), vector(plan, layout.CENTRE, p)
    real = grad.dtype.type
    for j in range(p):
        for c in range(k):
            g = float(grad[(j + ones) * k + c])
            if ones:
                g -= centre[j] * grad[c]
            grad[(j + ones) * k + c] = real(g * inverse[j])
