"""Local least squares in one dimension under a compact polynomial kernel, whatever the bandwidth, in microseconds.

Sorted rows are kept as exact moments, sums of w v^k and w y v^k, of blocks of rows and of blocks of blocks; v is the
distance from the block's centre over its half-width. A window is a few whole blocks, whose moments are moved to the
point and divided by the bandwidth (every |u| stays below one, so that nothing cancels), and the rows at its ends.
Neighbouring points share the blocks that all their windows hold. Groups of points begin at the same points for any
number of threads.
"""

from __future__ import annotations

import numpy as np

from .compile import inner, jit
from .local import finish

ROWS, FAN = 64, 16  # rows of a block, and blocks of the next larger one; 16 reads fewer parts than 64 at three levels
SHARING = 32  # consecutive points that share blocks: half as many rows are left at each end of their windows
SAFE = 1e-6  # the least share of the sum of weights; below it rows are read one by one, as the kernel's powers cancel


def block_starts(n: int, fan: int) -> np.ndarray:
    """The places of the first block of each level in the table of all blocks, and the number of all."""
    counts, blocks = [0], -(-n // ROWS)
    while True:
        counts.append(blocks)
        if blocks == 1:
            return np.cumsum(counts)
        blocks = -(-blocks // fan)


@inner()
def _move(moments, ratio, shift, order, out):
    """The moments of ratio v + shift from those of v, up to an order."""
    power = 1.0
    for k in range(order + 1):
        out[k] = moments[k] * power
        power *= ratio
    for i in range(1, order + 1):
        for k in range(order, i - 1, -1):
            out[k] += shift * out[k - 1]


@jit()
def fill_blocks(x, h, z, first, last, place, ones, responses):
    """Fill the smallest blocks ``first`` to ``last``: (centre, half-width) and moments of weights and responses."""
    n = len(x)
    for b in range(first, last):
        i0, i1 = b * ROWS, min((b + 1) * ROWS, n)
        centre, half = 0.5 * (x[i0] + x[i1 - 1]), 0.5 * (x[i1 - 1] - x[i0])
        inverse = 1.0 / half if half > 0.0 else 0.0
        place[b, 0], place[b, 1] = centre, half
        ones[b], responses[b] = 0.0, 0.0
        for i in range(i0, i1):
            v, a, c = (x[i] - centre) * inverse, h[i], z[i]
            for k in range(ones.shape[1]):
                ones[b, k] += a
                a *= v
            for k in range(responses.shape[1]):
                responses[b, k] += c
                c *= v


@jit()
def join_blocks(x, fan, starts, place, ones, responses):
    """Fill all larger blocks from the smaller ones."""
    n, size = len(x), ROWS
    moved = np.empty(max(ones.shape[1], responses.shape[1]))
    for level in range(1, len(starts) - 1):
        below, size = starts[level - 1], size * fan
        for b in range(starts[level + 1] - starts[level]):
            own, i1 = starts[level] + b, min((b + 1) * size, n)
            centre, half = 0.5 * (x[b * size] + x[i1 - 1]), 0.5 * (x[i1 - 1] - x[b * size])
            inverse = 1.0 / half if half > 0.0 else 0.0
            place[own, 0], place[own, 1] = centre, half
            ones[own], responses[own] = 0.0, 0.0
            for child in range(below + b * fan, min(below + (b + 1) * fan, starts[level])):
                ratio, shift = place[child, 1] * inverse, (place[child, 0] - centre) * inverse
                _move(ones[child], ratio, shift, ones.shape[1] - 1, moved)
                ones[own] += moved[: ones.shape[1]]
                _move(responses[child], ratio, shift, responses.shape[1] - 1, moved)
                responses[own] += moved[: responses.shape[1]]


@inner(forceinline=True)
def add_row(u, h, z, k, count, q, with_squares, sums, scores, squares):
    """Add a row of weight k at the distance u, in bandwidths, to the sums of a point."""
    a, c, s = k * h, k * z, k * k * h
    for j in range(count):
        sums[j] += a
        a *= u
    for j in range(q):
        scores[j] += c
        c *= u
    if with_squares:
        for j in range(count):
            squares[j] += s
            s *= u


@inner()
def _row(u, h, z, powers, count, q, with_squares, sums, scores, squares):
    """Add a row to the sums of a point."""
    distance, k = abs(u), 0.0
    for e in range(len(powers) - 1, -1, -1):
        k = k * distance + powers[e]
    add_row(u, h, z, max(k, 0.0) if distance < 1.0 else 0.0, count, q, with_squares, sums, scores, squares)


@inner()
def _blocks(pos, stop, point, inverse, starts, place, ones, responses, orders, moved, total_ones, total_responses):
    """Add the largest block that begins at row ``pos`` and ends by ``stop``; the row after it, or ``pos``."""
    size, level = ROWS, -1
    while pos % size == 0 and pos + size <= stop:
        level += 1
        size *= FAN
        if level + 2 == len(starts):
            break
    if level < 0:
        return pos
    size = ROWS * FAN**level
    b = starts[level] + pos // size
    ratio, shift = place[b, 1] * inverse, (place[b, 0] - point) * inverse
    _move(ones[b], ratio, shift, orders[0], moved)
    for k in range(orders[0] + 1):
        total_ones[k] += moved[k]
    _move(responses[b], ratio, shift, orders[1], moved)
    for k in range(orders[1] + 1):
        total_responses[k] += moved[k]
    return pos + size


@inner()
def _segment(x, h, z, pos, stop, point, inverse, starts, place, ones, responses, orders, moved, powers, count, q,
             whole_blocks, with_squares, total_ones, total_responses, sums, scores, squares):  # fmt: skip
    """Add rows ``pos`` to ``stop``: whole blocks to the plain moments, others with their weights to the sums."""
    while pos < stop:
        after = pos
        if whole_blocks:
            after = _blocks(pos, stop, point, inverse, starts, place, ones, responses, orders, moved, total_ones,
                            total_responses)  # fmt: skip
        if after == pos:
            after = min(stop, (pos // ROWS + 1) * ROWS)
            for i in range(pos, after):
                _row((x[i] - point) * inverse, h[i], z[i], powers, count, q, with_squares, sums, scores, squares)
        pos = after


@inner()
def _weigh(powers, side, totals, count, out):
    """Add to ``out`` the moments of the kernel's weights from plain ones of rows on one side of the point."""
    sign = 1.0
    for e in range(len(powers)):
        if powers[e] != 0.0:
            for j in range(count):
                out[j] += sign * powers[e] * totals[e + j]
        sign *= side


@inner()
def _common(first, middle, last, begin, stop, odd, part):
    """The rows on one side (part 0 or 1) that the windows of all points ``begin`` to ``stop`` hold."""
    a, b = 0, last[begin]
    for j in range(begin, stop):
        low, high = first[j], last[j]
        if odd:
            low, high = (low, middle[j]) if part == 0 else (middle[j], high)
        a, b = max(a, low), min(b, high)
    return a // ROWS * ROWS + (ROWS if a % ROWS else 0), b // ROWS * ROWS


@jit()
def fit_windows(x, h, z, points, inverse, first, middle, last, powers, squared_powers, starts, place, ones, responses,
                gram, sizes, singular, with_squares, begin, stop, coef, variance, facts):  # fmt: skip
    """Fit points ``begin`` to ``stop``, as ``fit_points`` does by rows; ``begin`` is a multiple of ``SHARING``.

    ``powers`` and ``squared_powers`` are the coefficients of the kernel and of its square as polynomials of the
    distance; windows are ``first`` to ``last``, and rows before ``middle`` lie to the left of the point.
    """
    q = len(gram)
    count = 2 * q - 1
    top = len(squared_powers if with_squares else powers) - 1 + count - 1
    orders = (top, len(powers) - 1 + q - 1)
    moved, ones_total, responses_total = np.empty(top + 1), np.empty(top + 1), np.empty(top + 1)
    shared_ones, shared_responses = np.empty((2, top + 1)), np.empty((2, top + 1))
    shared = np.zeros((2, 2), np.int64)
    sums, scores, squares = np.empty(count), np.empty(q), np.empty(count)
    L, scale, column, step = np.zeros((q, q)), np.zeros(q), np.zeros(q), np.zeros(q)
    odd = False
    for e in range(1, len(powers), 2):
        odd = odd or powers[e] != 0.0
    parts = 2 if odd else 1
    for j0 in range(begin, stop, SHARING):
        j1 = min(j0 + SHARING, stop)
        centre = (j0 + j1) // 2
        for part in range(parts):
            a, b = _common(first, middle, last, j0, j1, odd, part)
            shared[part, 0], shared[part, 1] = a, max(a, b)
            shared_ones[part], shared_responses[part] = 0.0, 0.0
            _segment(x, h, z, a, b, points[centre], inverse[centre], starts, place, ones, responses, orders, moved,
                     powers, count, q, True, with_squares, shared_ones[part], shared_responses[part], sums, scores,
                     squares)  # fmt: skip
        for j in range(j0, j1):
            point, own = points[j], inverse[j]
            for by_rows in range(2):
                sums[:], scores[:], squares[:], inside = 0.0, 0.0, 0.0, 0.0
                for part in range(parts):
                    a, b = first[j], last[j]
                    if odd:
                        a, b = (a, middle[j]) if part == 0 else (middle[j], b)
                    ones_total[:], responses_total[:] = 0.0, 0.0
                    left, right = a, a
                    if by_rows == 0 and shared[part, 1] > shared[part, 0]:
                        left, right = shared[part]
                        ratio, shift = own / inverse[centre], (points[centre] - point) * own
                        _move(shared_ones[part], ratio, shift, orders[0], ones_total)
                        _move(shared_responses[part], ratio, shift, orders[1], responses_total)
                    for end in range(2):
                        _segment(x, h, z, a if end == 0 else right, left if end == 0 else b, point, own, starts, place,
                                 ones, responses, orders, moved, powers, count, q, by_rows == 0, with_squares,
                                 ones_total, responses_total, sums, scores, squares)  # fmt: skip
                    inside += ones_total[0]
                    if ones_total[0] > 0.0:
                        side = -1.0 if part == 0 else 1.0
                        _weigh(powers, side, ones_total, count, sums)
                        _weigh(powers, side, responses_total, q, scores)
                        if with_squares:
                            _weigh(squared_powers, side, ones_total, count, squares)
                if inside == 0.0 or sums[0] > SAFE * inside:
                    break
            used = finish(sums, scores, squares, gram, sizes, singular, with_squares, L, scale, column, step,
                          variance[j], facts[j])  # fmt: skip
            for a in range(q):
                coef[j, a] = step[a] if a < used else np.nan
