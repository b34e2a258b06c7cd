"""One sweep over batches: gradient, update, and the guard against steps that leave the finite numbers."""

from __future__ import annotations

import numpy as np
from numba import carray

from ..compile import at, jit
from . import layout
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
    clock = carray(pointer(loop[layout.CLOCK], np.float64), order.shape[0] + 1)
    clock[0] = 0.0
    listed = at(rows) if rows.size > 0 else 0
    for b in range(order.shape[0]):
        first, n = order[b, 0], order[b, 1]
        loop[layout.BATCH_ROWS] = n
        step[layout.RATE] = rates[b]
        step[layout.NEXT] = order[b + 1, 0] if b + 1 < order.shape[0] else -1.0
        step[layout.NORM] = 1.0 if step[layout.SUMMED] != 0.0 else 1.0 / (n * step[layout.ROW_NORM])
        step[layout.SHARE] = n / loop[layout.ROWS_IN_ALL] if step[layout.SUMMED] != 0.0 else 1.0
        step[layout.UPDATES] += 1.0
        clock[b + 1] = clock[b] + rates[b] * step[layout.SHARE]
        batch = (loop[layout.MODEL], listed, first, n, loop[layout.THETA], loop[layout.GRAD], at(step))
        count = ask(loop[layout.GRADIENT], batch)
        if not abs(step[layout.LOSS]) <= step[layout.CAP] * n:
            return b
        step[layout.TOTAL] += step[layout.LOSS]
        ask(loop[layout.UPDATE], (at(loop), count, at(step)))
        step[layout.NOW] += 1.0
        step[layout.AVERAGED] += 1.0
    return order.shape[0]
