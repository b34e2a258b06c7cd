"""One pass over the vectors of a fit, before any work: are they usable, and what do they sum to."""

from __future__ import annotations

import numpy as np

from .compile import at, call_rows, inner, jit
from .layout import V_D, V_EXPOSURE, V_F, V_H, V_R, V_SHIFT, V_W, V_Y, VECTORS
from .passes import fill_absent, read_vectors

# the entries of sums
NOBS, WEIGHT, WEIGHTED_Y, SATURATED, FRACTIONS, FAILURES = range(6)
SUMS = 6


@inner(fastmath={"reassoc", "nsz", "contract"})
def failures(y, w, f, offset, exposure, low, high, low_closed, high_closed, n):
    """How many rows fail a check, without a branch."""
    bad = 0.0
    for i in range(n):
        v = y[i]
        # a row of weight zero may hold any number
        unused = (w[i] == 0.0) | (f[i] == 0.0)
        inside = unused | ((v > low) | (low_closed & (v == low))) & ((v < high) | (high_closed & (v == high)))
        plain = (abs(v) < np.inf) & (abs(offset[i]) < np.inf) & (exposure[i] > 0.0) & (exposure[i] < np.inf)
        usable = (w[i] >= 0.0) & (w[i] < np.inf) & (f[i] >= 0.0) & (f[i] < np.inf)
        bad += 0.0 if inside & plain & usable else 1.0
    return bad


@inner(fastmath={"reassoc", "nsz", "contract"})
def add_sums(y, w, f, d, has_saturated, n, sums):
    """Add n rows to ``sums``; rows of weight zero count for nothing."""
    nobs = weight = weighted_y = saturated = fractions = 0.0
    for i in range(n):
        q = w[i] * f[i]
        counts = q > 0.0
        nobs += f[i] if counts else 0.0
        weight += q
        weighted_y += q * y[i] if counts else 0.0
        fractions += 0.0 if (y[i] == 0.0) | (y[i] == 1.0) else 1.0
    if has_saturated:
        for i in range(n):
            saturated += f[i] * d[i] if w[i] * f[i] > 0.0 else 0.0
    sums[NOBS] += nobs
    sums[WEIGHT] += weight
    sums[WEIGHTED_Y] += weighted_y
    sums[SATURATED] += saturated
    sums[FRACTIONS] += fractions


@inner(fastmath={"reassoc", "nsz", "contract"})
def look_up(table, y, w, n, d):
    """d = w table[y], or False where some y is not a count the table holds."""
    size, others = float(table.size), 0.0
    for i in range(n):
        others += 0.0 if (y[i] >= 0.0) & (y[i] < size) & (y[i] == np.floor(y[i])) else 1.0
    if others > 0.0:
        return False
    for i in range(n):
        d[i] = w[i] * table[int(y[i])]
    return True


@jit()
def scan(plan, par, saturated, table, low, high, low_closed, high_closed, first, stop, work, block, sums):
    """Add rows ``first`` to ``stop`` to ``sums``.

    ``low`` to ``high`` is the support of y; ``saturated`` the address of the family's loop, or 0, and ``table`` its
    values at y = 0, 1, ... for unit weight, possibly empty.
    """
    rows = work[: VECTORS * block].reshape(VECTORS, block)
    y, w, f, offset, exposure, d = rows[V_Y], rows[V_W], rows[V_F], rows[V_SHIFT], rows[V_EXPOSURE], rows[V_D]
    fill_absent(plan, rows)
    for b0 in range(first, stop, block):
        n = min(block, stop - b0)
        read_vectors(plan, b0, n, rows)
        sums[FAILURES] += failures(y, w, f, offset, exposure, low, high, low_closed, high_closed, n)
        if saturated != 0 and not look_up(table, y, w, n, d):
            call_rows(saturated, n, at(par), rows[5].ctypes.data, at(y), at(w),
                      at(rows[V_R]), at(rows[V_H]), at(d))  # fmt: skip
        add_sums(y, w, f, d, saturated != 0, n, sums)
