"""Sums of units of rows, added to one in the order of a ``Tree``."""

from __future__ import annotations

from . import layout
from .compile import inner, jit


@inner()
def _add_rows(a, k, other):
    """a[k] += a[other]"""
    for j in range(a.shape[1]):
        a[k, j] += a[other, j]


@jit()
def add_units(score, score_low, info, extra, sums):
    """Add the sums of all units to the first one's, as a ``Tree`` adds ``Quadratic``.

    The arrays are those of ``block_pass``, with a second axis only.
    """
    units, step = score.shape[0], 1
    while step < units:
        for k in range(0, units - step, 2 * step):
            other = k + step
            for j in range(score.shape[1]):
                v, w = score[k, j], score[other, j]
                whole = v + w
                z = whole - v
                # the exact rounding error of the sum (Knuth's two-sum)
                score_low[k, j] = (v - (whole - z)) + (w - z) + score_low[k, j] + score_low[other, j]
                score[k, j] = whole
            largest_eta = max(sums[k, layout.MAX_ETA], sums[other, layout.MAX_ETA])
            _add_rows(info, k, other)
            _add_rows(extra, k, other)
            _add_rows(sums, k, other)
            sums[k, layout.MAX_ETA] = largest_eta
        step *= 2
