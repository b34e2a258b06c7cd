"""One pass over the vectors of a fit, before any work: are they usable, and what do they sum to."""

from __future__ import annotations

import numpy as np

from .compile import call_rows, jit
from .passes import F, W, read_vectors

# sums: counts and totals; firsts: the first row at which each check fails, or -1
NOBS, WEIGHT, WEIGHTED_Y, SATURATED, FRACTIONS, Y_MIN, Y_MAX, W_MAX = range(8)
SUMS = 8
Y_FINITE, Y_DOMAIN, W_BAD, F_BAD, OFFSET_BAD, EXPOSURE_BAD = range(6)
CHECKS = 6


@jit()
def scan(plan, par, saturated, low, high, low_closed, high_closed, first, stop, work, block, sums, firsts):
    """Add rows ``first`` to ``stop`` to ``sums`` and record the first failure of each check in ``firsts``.

    ``low`` to ``high`` is the support of y; ``saturated`` the address of the family's loop, or 0.
    """
    rows = work[: 8 * block].reshape(8, block)
    y, w, f, offset, exposure, d = rows[0], rows[1], rows[2], rows[3], rows[4], rows[7]
    for b0 in range(first, stop, block):
        n = min(block, stop - b0)
        read_vectors(plan, b0, n, rows)
        bad = 0
        for i in range(n):
            v = y[i]
            inside = (v > low or (low_closed and v == low)) and (v < high or (high_closed and v == high))
            plain = abs(v) < np.inf and abs(offset[i]) < np.inf and 0.0 < exposure[i] < np.inf
            usable = 0.0 <= w[i] < np.inf and 0.0 <= f[i] < np.inf
            bad += not (inside and plain and usable)
        if bad:
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
                    if fails[c] and firsts[c] < 0:
                        firsts[c] = b0 + i
        if saturated != 0:
            call_rows(saturated, n, par.ctypes.data, rows[5].ctypes.data, y.ctypes.data, w.ctypes.data,
                      rows[5].ctypes.data, rows[6].ctypes.data, d.ctypes.data)  # fmt: skip
        weighted = plan[W] != 0 or plan[F] != 0
        nobs = weight = weighted_y = saturated_sum = fractions = 0.0
        for i in range(n):
            v = y[i]
            q = w[i] * f[i]
            counts = q > 0.0
            nobs += f[i] if counts else 0.0
            weight += q
            weighted_y += q * v if counts else 0.0
            saturated_sum += f[i] * d[i] if counts and saturated != 0 else 0.0
            fractions += v != 0.0 and v != 1.0
            if counts or not weighted:
                sums[Y_MIN] = min(sums[Y_MIN], v)
                sums[Y_MAX] = max(sums[Y_MAX], v)
            sums[W_MAX] = max(sums[W_MAX], q)
        sums[NOBS] += nobs
        sums[WEIGHT] += weight
        sums[WEIGHTED_Y] += weighted_y
        sums[SATURATED] += saturated_sum
        sums[FRACTIONS] += fractions
