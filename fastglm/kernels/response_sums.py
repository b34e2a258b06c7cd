"""One pass over the vectors of a fit, before any work: are they usable, and what do they sum to."""

from __future__ import annotations

from functools import cache

import numpy as np
from numba import carray, types

from .compile import address_of, at, call, call_rows, doubles, inner, jit
from .layout import V_D, V_EXPOSURE, V_F, V_H, V_R, V_SHIFT, V_W, V_Y, VECTORS
from .passes import fill_absent, read_vectors

# the entries of sums
NOBS, WEIGHT, WEIGHTED_Y, SATURATED, FRACTIONS, FAILURES = range(6)
SUMS = 6  # entries of the sums


@inner(fastmath={"reassoc", "nsz", "contract"})
def add_sums(y, w, f, offset, exposure, d, low, high, low_closed, high_closed, n, sums):
    """Add n rows to ``sums``, without a branch; rows of weight zero count for nothing and may hold any number."""
    nobs = weight = weighted_y = saturated = fractions = bad = 0.0
    for i in range(n):
        v, q = y[i], w[i] * f[i]
        counts = q > 0.0
        nobs += f[i] if counts else 0.0
        weight += q
        weighted_y += q * v if counts else 0.0
        saturated += f[i] * d[i] if counts else 0.0
        fractions += 0.0 if (v == 0.0) | (v == 1.0) else 1.0
        unused = (w[i] == 0.0) | (f[i] == 0.0)
        inside = unused | ((v > low) | (low_closed & (v == low))) & ((v < high) | (high_closed & (v == high)))
        plain = (abs(v) < np.inf) & (abs(offset[i]) < np.inf) & (exposure[i] > 0.0) & (exposure[i] < np.inf)
        usable = (w[i] >= 0.0) & (w[i] < np.inf) & (f[i] >= 0.0) & (f[i] < np.inf)
        bad += 0.0 if inside & plain & usable else 1.0
    sums[NOBS] += nobs
    sums[WEIGHT] += weight
    sums[WEIGHTED_Y] += weighted_y
    sums[SATURATED] += saturated
    sums[FRACTIONS] += fractions
    sums[FAILURES] += bad


@cache
def look_up() -> int:
    """Address of a loop (table, its size, y, w, n, d), all integers: d = w table[y].

    NaN where y is not a count that the table holds.
    """

    def loop(table, size, y, w, n, d):
        values, ys, ws, ds = (
            carray(doubles(table), size),
            carray(doubles(y), n),
            carray(doubles(w), n),
            carray(doubles(d), n),
        )
        for i in range(n):
            inside = (ys[i] >= 0.0) & (ys[i] < size) & (ys[i] == np.floor(ys[i]))
            ds[i] = ws[i] * values[int(ys[i])] if inside else np.nan
        return 0

    return address_of(types.int64(*[types.int64] * 6), loop).address


@jit()
def scan(plan, par, saturated, lookup, table, low, high, low_closed, high_closed, first, stop, work, block, sums):
    """Add rows ``first`` to ``stop`` to ``sums``.

    ``low`` to ``high`` is the support of y; ``saturated`` the address of the family's loop, or 0; ``table`` its values
    at y = 0, 1, ... for unit weight, read by the loop at ``lookup`` unless that is 0.
    """
    rows = carray(doubles(at(work)), (VECTORS, block))
    y, w, f, offset, exposure, d = rows[V_Y], rows[V_W], rows[V_F], rows[V_SHIFT], rows[V_EXPOSURE], rows[V_D]
    fill_absent(plan, rows)
    for i in range(block):
        d[i] = 0.0
    for b0 in range(first, stop, block):
        n = min(block, stop - b0)
        read_vectors(plan, b0, n, rows)
        if lookup != 0:
            call(lookup, (at(table), table.size, at(y), at(w), n, at(d)))
        if saturated != 0:
            call_rows(saturated, n, at(par), at(rows[V_R]), at(y), at(w),
                      at(rows[V_R]), at(rows[V_H]), at(d))  # fmt: skip
        add_sums(y, w, f, offset, exposure, d, low, high, low_closed, high_closed, n, sums)
