"""Local least squares in one dimension under the gaussian kernel, from moments of blocks of rows.

In a block whose rows lie at b + t bandwidths from the point, exp(-u^2 / 2) = exp(-b^2 / 2) sum_k He_k(-b) t^k / k!. By
Cramer's bound of Hermite polynomials the terms from k on are below a^k exp(-b^2 / 4) / sqrt(k!) for |t| <= a, which at
``TERMS`` is the last place of the largest weight (Greengard and Strain 1991, The fast Gauss transform).
"""

from __future__ import annotations

from math import sqrt

import numpy as np

from .compile import inner, jit
from .elementary import exp, exp_negative
from .local import dot, finish
from .local_moments import ROWS, _move, add_row

FAN = 4  # blocks of the next larger one, so that some level is just narrow enough
NARROW, TERMS = 0.17, 16  # half-widths in bandwidths, and terms: 0.17 sqrt(2) for the kernel's square leaves 4e-17
LAST = 4e-17  # of the bound of a term, relative to the largest weight
NEAR = 4.0  # the squared distance of the nearest row beyond which rows are read one by one, as the bound is absolute
SQRT2 = sqrt(2.0)


@inner()
def _series(half, shift, least, factors):
    """The factors of a block's moments, (terms,), and how many of them matter."""
    weight = exp(-0.5 * (shift * shift - least))  # above one where the centre is nearer than all rows
    before, now, power, bound = 0.0, 1.0, weight, 1.0
    for k in range(TERMS):
        factors[k] = now * power
        before, now = now, (-shift * now - before) / (k + 1.0)
        power *= half
        bound *= half / sqrt(k + 1.0)
        if bound < LAST:
            return k + 1
    return TERMS


@inner()
def _expand(moments, half, shift, factors, terms, moved, count, sums):
    """Add a block's weighted moments to ``sums`` (count,); ``moved`` is room."""
    for j in range(count):
        moved[j] = dot(factors, moments[j:], terms)
    _move(moved, half, shift, count - 1, moved[count:])
    for j in range(count):
        sums[j] += moved[count + j]


@inner()
def _rows(x, h, z, pos, stop, point, inverse, least, count, q, with_squares, sums, scores, squares):
    """Add rows one by one."""
    for i in range(pos, stop):
        u = (x[i] - point) * inverse
        k = exp_negative(-0.5 * max(u * u - least, 0.0))
        add_row(u, h[i], z[i], k, count, q, with_squares, sums, scores, squares)


@inner()
def _block(pos, stop, inverse, starts, place):
    """The largest narrow block that begins at row ``pos`` and ends by ``stop``: its number, -1 for none, and rows."""
    found, rows, size = -1, 0, ROWS
    for level in range(len(starts) - 1):
        if pos % size or pos + size > stop:
            break
        b = starts[level] + pos // size
        if place[b, 1] * inverse > NARROW:
            break
        found, rows = b, size
        size *= FAN
    return found, rows


@jit()
def fit_gaussian(x, h, z, points, inverse, least, first, last, starts, place, ones, responses, gram, sizes, singular,
                 with_squares, begin, stop, coef, variance, facts):  # fmt: skip
    """Fit points ``begin`` to ``stop``, as ``fit_points`` does by rows."""
    q = len(gram)
    count = 2 * q - 1
    moved, swollen, factors = np.empty(2 * count), np.empty(count), np.empty(TERMS)
    sums, scores, squares = np.empty(count), np.empty(q), np.empty(count)
    L, scale, column, step = np.zeros((q, q)), np.zeros(q), np.zeros(q), np.zeros(q)
    for j in range(begin, stop):
        point, own = points[j], inverse[j]
        sums[:], scores[:], squares[:], swollen[:] = 0.0, 0.0, 0.0, 0.0
        pos = first[j]
        while pos < last[j]:
            b, rows = _block(pos, last[j], own, starts, place) if least[j] <= NEAR else (-1, 0)
            if b < 0:
                rows = min(last[j], (pos // ROWS + 1) * ROWS) - pos
                _rows(x, h, z, pos, pos + rows, point, own, least[j], count, q, with_squares, sums, scores, squares)
            else:
                half, shift = place[b, 1] * own, (place[b, 0] - point) * own
                terms = _series(half, shift, least[j], factors)
                _expand(ones[b], half, shift, factors, terms, moved, count, sums)
                _expand(responses[b], half, shift, factors, terms, moved, q, scores)
                if with_squares:
                    half, shift = SQRT2 * half, SQRT2 * shift
                    terms = _series(half, shift, 2.0 * least[j], factors)
                    _expand(ones[b], half, shift, factors, terms, moved, count, swollen)
            pos += rows
        power = 1.0
        for k in range(count):
            squares[k] += swollen[k] * power
            power /= SQRT2
        used = finish(sums, scores, squares, gram, sizes, singular, with_squares, L, scale, column, step, variance[j],
                      facts[j])  # fmt: skip
        for a in range(q):
            coef[j, a] = step[a] if a < used else np.nan
