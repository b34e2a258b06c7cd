"""Rows of a dense X: read in place where a row is contiguous, else copied to a buffer block by block."""

from __future__ import annotations

import numpy as np
from numba import carray

from ..compile import call
from . import layout
from .memory import LINE, inner, pointer, prefetch

LINES = 16  # the most cache lines of a row to ask for; the processor finds the rest of a long row by itself


@inner(fastmath={"reassoc", "nsz", "contract"})
def dot(x, b, p):
    """x[:p] . b[:p] in the arithmetic of b."""
    real = b.dtype.type
    s = real(0)
    for j in range(p):
        s += real(x[j]) * b[j]
    return s


@inner(fastmath={"reassoc", "nsz", "contract"})
def dot4(x0, x1, x2, x3, b, p):
    """Four of them at once, which reads b once."""
    real = b.dtype.type
    s0, s1, s2, s3 = real(0), real(0), real(0), real(0)
    for j in range(p):
        s0 += real(x0[j]) * b[j]
        s1 += real(x1[j]) * b[j]
        s2 += real(x2[j]) * b[j]
        s3 += real(x3[j]) * b[j]
    return s0, s1, s2, s3


@inner()
def strided_dot(x, b, p, c, k):
    """x[:p] . b[c::k] in the arithmetic of b."""
    real = b.dtype.type
    s = real(0)
    for j in range(p):
        s += real(x[j]) * b[j * k + c]
    return s


@inner(fastmath={"contract"})
def subtract4(r0, r1, r2, r3, x0, x1, x2, x3, p, grad):
    """grad[:p] -= r0 x0[:p] + ... + r3 x3[:p]."""
    real = grad.dtype.type
    for j in range(p):
        grad[j] -= (r0 * real(x0[j]) + r1 * real(x1[j])) + (r2 * real(x2[j]) + r3 * real(x3[j]))


@inner()
def add_constants(n, k, b, eta):
    """eta += the intercepts of the k classes, for n rows."""
    if k == 1:  # apart, because a stride that is not known to be one is slow
        constant = b[0]
        for i in range(n):
            eta[i] += constant
        return
    for i in range(n):
        for c in range(k):
            eta[i * k + c] += b[c]


@inner(fastmath={"reassoc", "nsz", "contract"})
def subtract_totals(n, k, r, grad):
    """grad[:k] -= the sums of the k classes' scores over n rows."""
    real = grad.dtype.type
    if k == 1:  # apart, because a stride that is not known to be one is slow
        s = 0.0
        for i in range(n):
            s += r[i]
        grad[0] -= real(s)
        return
    for i in range(n):
        for c in range(k):
            grad[c] -= real(r[i * k + c])


@inner()
def find_rows(plan, n):
    """Write where the rows of a block lie, copying them where they cannot be read in place."""
    where = carray(pointer(plan[layout.V_ADDRESS], np.int64), n)
    numbers = carray(pointer(plan[layout.V_NUMBER], np.int64), n)
    # in locals, because the compiler must assume that what is written to ``where`` may be the plan
    x, stride, p = plan[layout.X], plan[layout.ROW_STRIDE], plan[layout.P]
    load, buffer = plan[layout.LOAD], plan[layout.BUFFER]
    for i in range(n):
        where[i] = x + numbers[i] * stride
    for i in range(n if load != 0 else 0):
        call(load, (where[i], 0, plan[layout.COL_STRIDE], 1, p, buffer + 8 * p * i))
        where[i] = buffer + 8 * p * i


@inner()
def send_for(plan, queue, start, low, high):
    """Ask for rows that come later: numbers low ... high - 1 of the list at ``queue``, or from row ``start`` on."""
    if plan[layout.LOAD] != 0 or (queue == 0 and start < 0):
        return
    width = min(plan[layout.P] * plan[layout.COL_STRIDE], LINES * LINE)
    for i in range(low, high):
        number = carray(pointer(queue, np.int64), i + 1)[i] if queue != 0 else start + i
        prefetch(plan[layout.Y] + 8 * number)
        row = plan[layout.X] + number * plan[layout.ROW_STRIDE]
        for address in range(row & -LINE, row + width, LINE):
            prefetch(address)


@inner()
def add_predictor(plan, queue, start, n, stored, b, eta):
    """eta += X b for n rows; half of the next rows are sent for meanwhile."""
    p, ones, k = plan[layout.P], plan[layout.ONES], plan[layout.CLASSES]
    where = carray(pointer(plan[layout.V_ADDRESS], np.int64), n)
    slopes = b[ones * k :]
    i = 0
    while k == 1 and i + 4 <= n:
        send_for(plan, queue, start, i // 2, i // 2 + 2)
        s0, s1, s2, s3 = dot4(carray(pointer(where[i], stored), p), carray(pointer(where[i + 1], stored), p),
                              carray(pointer(where[i + 2], stored), p), carray(pointer(where[i + 3], stored), p),
                              slopes, p)  # fmt: skip
        eta[i] += s0
        eta[i + 1] += s1
        eta[i + 2] += s2
        eta[i + 3] += s3
        i += 4
    send_for(plan, queue, start, i // 2, n // 2)
    for q in range(i, n):
        x = carray(pointer(where[q], stored), p)
        for c in range(k):
            eta[q * k + c] += dot(x, slopes, p) if k == 1 else strided_dot(x, slopes, p, c, k)
    if ones:
        add_constants(n, k, b, eta)


@inner()
def add_gradient(plan, queue, start, n, stored, r, grad):
    """grad -= X' r for n rows; the other half of the next rows are sent for meanwhile."""
    p, ones, k = plan[layout.P], plan[layout.ONES], plan[layout.CLASSES]
    real = grad.dtype.type
    where = carray(pointer(plan[layout.V_ADDRESS], np.int64), n)
    slopes = grad[ones * k :]
    if ones:
        subtract_totals(n, k, r, grad)
    i, half = 0, n // 2
    while k == 1 and i + 4 <= n:
        send_for(plan, queue, start, half + i // 2, half + i // 2 + 2)
        subtract4(real(r[i]), real(r[i + 1]), real(r[i + 2]), real(r[i + 3]),
                  carray(pointer(where[i], stored), p), carray(pointer(where[i + 1], stored), p),
                  carray(pointer(where[i + 2], stored), p), carray(pointer(where[i + 3], stored), p),
                  p, slopes)  # fmt: skip
        i += 4
    send_for(plan, queue, start, half + i // 2, n)
    for q in range(i, n):
        x = carray(pointer(where[q], stored), p)
        for j in range(p):
            for c in range(k):
                slopes[j * k + c] -= real(r[q * k + c]) * real(x[j])
