"""One pass over the vectors of a fit, before any work: are they usable, and what do they sum to."""

from __future__ import annotations

import numpy as np

from .compile import call_rows, inner, jit
from .passes import VECTORS, fill_absent, read_vectors

# sums: counts and totals; firsts: the first row at which each check fails, or -1
NOBS, WEIGHT, WEIGHTED_Y, SATURATED, FRACTIONS = range(5)
SUMS = 5
Y_FINITE, Y_DOMAIN, W_BAD, F_BAD, OFFSET_BAD, EXPOSURE_BAD = range(6)
CHECKS = 6


@inner(fastmath={"reassoc", "nsz", "contract"})
def failures(y, w, f, offset, exposure, low, high, low_closed, high_closed, n):
    """How many rows fail a check, without a branch."""
    bad = 0.0
    for i in range(n):
        v = y[i]
        inside = ((v > low) | (low_closed & (v == low))) & ((v < high) | (high_closed & (v == high)))
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
def scan(plan, par, saturated, table, low, high, low_closed, high_closed, first, stop, work, block, sums, firsts):
    """Add rows ``first`` to ``stop`` to ``sums`` and record the first failure of each check in ``firsts``.

    ``low`` to ``high`` is the support of y; ``saturated`` the address of the family's loop, or 0, and ``table`` its
    values at y = 0, 1, ... for unit weight, possibly empty.
    """
    rows = work[: VECTORS * block].reshape(VECTORS, block)
    y, w, f, offset, exposure, d = rows[0], rows[1], rows[2], rows[3], rows[4], rows[8]
    fill_absent(plan, rows)
    for b0 in range(first, stop, block):
        n = min(block, stop - b0)
        read_vectors(plan, b0, n, rows)
        if failures(y, w, f, offset, exposure, low, high, low_closed, high_closed, n):
            for i in range(n):
                v = y[i]
                inside = (v > low or (low_closed and v == low)) and (v < high or (high_closed and v == high))
                fails = (
                    not abs(v) < np.inf,
                    not inside and not (w[i] == 0.0 or f[i] == 0.0),
                    not 0.0 <= w[i] < np.inf,
                    not 0.0 <= f[i] < np.inf,
                    not abs(offset[i]) < np.inf,
                    not 0.0 < exposure[i] < np.inf,
                )
                for c in range(CHECKS):
                    if fails[c]:
                        firsts[c] = min(firsts[c], b0 + i)
        if saturated != 0 and not look_up(table, y, w, n, d):
            call_rows(saturated, n, par.ctypes.data, rows[5].ctypes.data, y.ctypes.data, w.ctypes.data,
                      rows[6].ctypes.data, rows[7].ctypes.data, d.ctypes.data)  # fmt: skip
        add_sums(y, w, f, d, saturated != 0, n, sums)
