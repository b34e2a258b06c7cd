"""One sweep over batches: gradient, update, and the guard against steps that leave the finite numbers."""

from __future__ import annotations

import numpy as np
from numba import carray

from ..compile import at, jit
from .layout import (
    AVERAGED,
    BATCH_ROWS,
    CAP,
    CLOCK,
    GRAD,
    GRADIENT,
    LOSS,
    MODEL,
    NEXT,
    NORM,
    NOW,
    RATE,
    ROW_NORM,
    ROWS_IN_ALL,
    SHARE,
    SUMMED,
    THETA,
    TOTAL,
    UPDATE,
    UPDATES,
)
from .memory import ask, pointer


@jit()
def sweep(loop, step, rows, order, rates):
    """Run batches one after the other.

    Parameters
    ----------
    loop : (LOOP,) int64
    step : (STEP,) float64
        ``step[TOTAL]`` grows by the batches' losses.
    rows : (>= n,) int64 or (0,) int64
        The rows in the order they are visited; without them they are visited as they lie.
    order : (k, 2) int64
        First place and number of rows of each batch.
    rates : (k,) float64
        The learning rate of each batch.

    Returns
    -------
    int
        The batches done: k, or the number of the first whose loss is not finite or above its cap.
    """
    clock = carray(pointer(loop[CLOCK], np.float64), order.shape[0] + 1)
    clock[0] = 0.0
    listed = at(rows) if rows.size > 0 else 0
    for b in range(order.shape[0]):
        first, n = order[b, 0], order[b, 1]
        loop[BATCH_ROWS] = n
        step[RATE] = rates[b]
        step[NEXT] = order[b + 1, 0] if b + 1 < order.shape[0] else -1.0
        step[NORM] = 1.0 if step[SUMMED] != 0.0 else 1.0 / (n * step[ROW_NORM])
        step[SHARE] = n / loop[ROWS_IN_ALL] if step[SUMMED] != 0.0 else 1.0
        step[UPDATES] += 1.0
        clock[b + 1] = clock[b] + rates[b] * step[SHARE]
        count = ask(loop[GRADIENT], (loop[MODEL], listed, first, n, loop[THETA], loop[GRAD], at(step)))
        if not abs(step[LOSS]) <= step[CAP] * n:
            return b
        step[TOTAL] += step[LOSS]
        ask(loop[UPDATE], (at(loop), count, at(step)))
        step[NOW] += 1.0
        step[AVERAGED] += 1.0
    return order.shape[0]
