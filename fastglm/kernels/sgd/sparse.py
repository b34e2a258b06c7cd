"""Rows of a CSR matrix, at a cost that follows their non-zeros."""

from __future__ import annotations

import numpy as np
from numba import carray

from . import layout
from .dense import subtract_totals
from .linear import AHEAD
from .memory import LINE, inner, pointer, prefetch, vector
from .rules import catch_up


@inner()
def extent(plan, index, row):
    """Where the non-zeros of a row begin and end."""
    pointers = carray(pointer(plan[layout.INDPTR], index), row + 2)
    return np.int64(pointers[row]), np.int64(pointers[row + 1])


@inner()
def send_for_entries(address, size, low, high):
    """Ask for the entries ``low`` to ``high`` of an array of numbers of some bytes."""
    for place in range(address + size * low & -LINE, address + size * high, LINE):
        prefetch(place)


@inner()
def send_for(plan, index, queue, start, i):
    """Ask for the non-zeros of the i-th row that comes later, and for the row pointers of one later still."""
    if queue == 0 and start < 0:
        return
    later = carray(pointer(queue, np.int64), i + AHEAD + 1)
    prefetch(plan[layout.INDPTR] + plan[layout.ROW_STRIDE] * (later[i + AHEAD] if queue != 0 else start + i + AHEAD))
    if queue == 0 and start + i >= plan[layout.ROWS]:
        return
    number = later[i] if queue != 0 else start + i
    prefetch(plan[layout.Y] + 8 * number)
    low, high = extent(plan, index, number)
    send_for_entries(plan[layout.INDICES], plan[layout.ROW_STRIDE], low, high)
    send_for_entries(plan[layout.X], plan[layout.COL_STRIDE], low, high)


@inner()
def count_presence(columns, low, high, ones, k, presence):
    """Count a row for each parameter of its features."""
    for c in range(ones * k):
        presence[c] += 1.0
    for q in range(low, high):
        j = (np.int64(columns[q]) + ones) * k
        for c in range(k):
            presence[j + c] += 1.0


@inner()
def touch(plan, n, index, real, step, count):
    """List the features of n rows that were not on this batch's list of ``count``, and let them catch up.

    Returns the list's new length. For a feature on the list, ``last`` holds the complement of its time.
    """
    loop = carray(pointer(plan[layout.LOOP_PLAN], np.int64), layout.LOOP)
    ones, k, before = plan[layout.ONES], plan[layout.CLASSES], count
    counting, size = loop[layout.RULE] == layout.SAGA, loop[layout.SIZE]
    last = carray(pointer(loop[layout.LAST], np.int64), size)
    touched = carray(pointer(loop[layout.TOUCHED], np.int64), size + 1)
    presence = vector(loop, layout.PRESENCE, size)
    numbers = carray(pointer(plan[layout.V_NUMBER], np.int64), n)
    columns = carray(pointer(plan[layout.INDICES], index), 1)
    for i in range(n):
        low, high = extent(plan, index, numbers[i])
        for q in range(low - ones, high):
            j = (np.int64(columns[q]) + ones) * k if q >= low else 0  # the intercept comes before a row's own features
            if last[j] >= 0:
                for c in range(j, j + k):
                    last[c] = -1 - last[c]
                    touched[count] = c
                    count += 1
        if counting:
            count_presence(columns, low, high, ones, k, presence)
    theta, second = carray(pointer(loop[layout.THETA], real), size), carray(pointer(loop[layout.SECOND], real), size)
    average = vector(loop, layout.AVERAGE, size)
    catch_up(loop, touched, before, count, theta, second, average, last, step)
    return count


@inner()
def value_of(values, columns, inverse, scaled, q, real):
    """A non-zero of X, or of its scaled columns."""
    return real(values[q] * inverse[columns[q]]) if scaled else real(values[q])


@inner()
def add_sparse_predictor(plan, queue, start, n, stored, index, scale, b, eta):
    """eta += X b for n rows, all but the intercept times ``scale``; half of the next rows are sent for."""
    ones, k, scaled = plan[layout.ONES], plan[layout.CLASSES], plan[layout.INVERSE_SCALE] != 0
    inverse = vector(plan, layout.INVERSE_SCALE, plan[layout.P])
    numbers = carray(pointer(plan[layout.V_NUMBER], np.int64), n)
    columns, values = carray(pointer(plan[layout.INDICES], index), 1), carray(pointer(plan[layout.X], stored), 1)
    real = b.dtype.type
    for i in range(n):
        if i & 1:
            send_for(plan, index, queue, start, i >> 1)
        low, high = extent(plan, index, numbers[i])
        if k == 1:  # apart, because an inner loop of one step costs as much as what it does
            s = real(0)
            for q in range(low, high):
                s += value_of(values, columns, inverse, scaled, q, real) * b[np.int64(columns[q]) + ones]
            eta[i] += (b[0] if ones else real(0)) + scale * s
            continue
        for c in range(k):
            eta[i * k + c] += b[c] if ones else real(0)
        for q in range(low, high):
            x, j = value_of(values, columns, inverse, scaled, q, real), (np.int64(columns[q]) + ones) * k
            for c in range(k):
                eta[i * k + c] += x * (scale * b[j + c])


@inner()
def add_sparse_gradient(plan, queue, start, n, stored, index, r, grad):
    """grad -= X' r for n rows; the other half of the next rows are sent for."""
    ones, k, scaled = plan[layout.ONES], plan[layout.CLASSES], plan[layout.INVERSE_SCALE] != 0
    inverse = vector(plan, layout.INVERSE_SCALE, plan[layout.P])
    numbers = carray(pointer(plan[layout.V_NUMBER], np.int64), n)
    columns, values = carray(pointer(plan[layout.INDICES], index), 1), carray(pointer(plan[layout.X], stored), 1)
    real = grad.dtype.type
    if ones:
        subtract_totals(n, k, r, grad)
    for i in range(n):
        if i & 1 or i == n - 1:
            send_for(plan, index, queue, start, (n >> 1) + (i >> 1))
        low, high = extent(plan, index, numbers[i])
        if k == 1:
            residual = real(r[i])
            for q in range(low, high):
                grad[np.int64(columns[q]) + ones] -= residual * value_of(values, columns, inverse, scaled, q, real)
            continue
        for q in range(low, high):
            x, j = value_of(values, columns, inverse, scaled, q, real), (np.int64(columns[q]) + ones) * k
            for c in range(k):
                grad[j + c] -= real(r[i * k + c]) * x


@inner()
def move(plan, queue, start, n, stored, index, r, theta, average, step):
    """Plain SGD's step of n rows, written to the parameters entry by entry: no list, no gradient.

    The parameters but the intercepts are ``theta`` times s = step[SHRUNK], so that the ridge costs one number a batch
    (Bottou 2012, Stochastic Gradient Descent Tricks, 5.1). ``average`` lacks what the sum of the parameters so far
    owes to the present ones: s_1 + ... + s_t = step[SHRUNK_SUM] times them, which ``rules.settle`` adds.
    """
    ones, k, averaging = plan[layout.ONES], plan[layout.CLASSES], step[layout.AVERAGING] != 0.0
    numbers = carray(pointer(plan[layout.V_NUMBER], np.int64), n)
    columns, values = carray(pointer(plan[layout.INDICES], index), 1), carray(pointer(plan[layout.X], stored), 1)
    real = theta.dtype.type
    rate = step[layout.RATE] * step[layout.NORM]
    scaled, owed = rate / step[layout.SHRUNK], step[layout.SHRUNK_SUM]
    for i in range(n):
        if i & 1 or i == n - 1:
            send_for(plan, index, queue, start, (n >> 1) + (i >> 1))
        low, high = extent(plan, index, numbers[i])
        for c in range(k):
            residual = real(scaled * r[i * k + c])
            for q in range(low, high if averaging else low):
                j, d = (np.int64(columns[q]) + ones) * k + c, residual * real(values[q])
                theta[j] += d
                average[j] -= owed * d
            for q in range(low, low if averaging else high):
                theta[(np.int64(columns[q]) + ones) * k + c] += residual * real(values[q])
            if ones:
                theta[c] += real(rate * r[i * k + c])
                average[c] -= step[layout.NOW] * real(rate * r[i * k + c])
    step[layout.SHRUNK] /= 1.0 + step[layout.RATE] * step[layout.SHARE] * step[layout.L2]
    step[layout.SHRUNK_SUM] += step[layout.SHRUNK]
