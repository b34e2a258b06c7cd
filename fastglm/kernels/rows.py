"""Products of a block's rows with a vector, X b and X' r, for X in C order.

A block's rows come from memory once, and BLAS takes two to three times as long as its few columns need.
"""

from __future__ import annotations

from numba import carray

from .compile import doubles, inner
from .vectors import LANES, add, last, load, multiply_add, spread, store, sums

STRIP = 4 * LANES  # columns whose sums stay in registers, twice, while rows go by
FEWEST, NEAR = 16, 1 << 14  # rows, and bytes of them, that stay in the first cache from strip to strip


@inner()
def add_products(a, lda, n, p, b, out):
    """out[:n] += X b for n rows of p numbers at ``a``, a row every ``lda``; all are addresses of doubles."""
    high, step = n - n % LANES if p >= LANES else 0, 8 * lda
    wide = p - p % LANES
    rest = last(load(b + 8 * (p - LANES)), p - wide) if high > 0 else spread(0.0)
    for i in range(0, high, LANES):
        x, s0 = a + i * step, spread(0.0)
        s1 = s2 = s3 = s0
        for j in range(0, wide, LANES):
            f, v = load(b + 8 * j), x + 8 * j
            s0, s1 = multiply_add(load(v), f, s0), multiply_add(load(v + step), f, s1)
            s2, s3 = multiply_add(load(v + 2 * step), f, s2), multiply_add(load(v + 3 * step), f, s3)
        if wide < p:  # the last four columns overlap those before them, whose factors are zeros here
            v = x + 8 * (p - LANES)
            s0, s1 = multiply_add(load(v), rest, s0), multiply_add(load(v + step), rest, s1)
            s2, s3 = multiply_add(load(v + 2 * step), rest, s2), multiply_add(load(v + 3 * step), rest, s3)
        store(out + 8 * i, add(load(out + 8 * i), sums(s0, s1, s2, s3)))
    rows, factors, outs = carray(doubles(a), (n, lda)), carray(doubles(b), p), carray(doubles(out), n)
    for i in range(high, n):
        s = 0.0
        for j in range(p):
            s += rows[i, j] * factors[j]
        outs[i] += s


@inner()
def _strip(a, step, n, r, out):
    """out[:STRIP] += X' r for STRIP columns."""
    w = carray(doubles(r), n)
    s0, s1, s2, s3 = load(out), load(out + 32), load(out + 64), load(out + 96)
    t0 = spread(0.0)
    t1 = t2 = t3 = t0
    for i in range(0, n - 1, 2):
        x, v = a + i * step, spread(w[i])
        s0, s1 = multiply_add(load(x), v, s0), multiply_add(load(x + 32), v, s1)
        s2, s3 = multiply_add(load(x + 64), v, s2), multiply_add(load(x + 96), v, s3)
        x, v = x + step, spread(w[i + 1])
        t0, t1 = multiply_add(load(x), v, t0), multiply_add(load(x + 32), v, t1)
        t2, t3 = multiply_add(load(x + 64), v, t2), multiply_add(load(x + 96), v, t3)
    if n % 2:
        x, v = a + (n - 1) * step, spread(w[n - 1])
        t0, t1 = multiply_add(load(x), v, t0), multiply_add(load(x + 32), v, t1)
        t2, t3 = multiply_add(load(x + 64), v, t2), multiply_add(load(x + 96), v, t3)
    store(out, add(s0, t0))
    store(out + 32, add(s1, t1))
    store(out + 64, add(s2, t2))
    store(out + 96, add(s3, t3))


@inner()
def _narrow_strip(a, step, n, r, out, count):
    """out[LANES - count : LANES] += X' r for the last ``count`` of LANES columns."""
    w = carray(doubles(r), n)
    s0 = spread(0.0)
    s1 = s2 = s3 = s0
    high = n - n % LANES
    for i in range(0, high, LANES):
        x = a + i * step
        s0, s1 = multiply_add(load(x), spread(w[i]), s0), multiply_add(load(x + step), spread(w[i + 1]), s1)
        x += 2 * step
        s2, s3 = multiply_add(load(x), spread(w[i + 2]), s2), multiply_add(load(x + step), spread(w[i + 3]), s3)
    for i in range(high, n):
        s0 = multiply_add(load(a + i * step), spread(w[i]), s0)
    store(out, add(load(out), last(add(add(s0, s1), add(s2, s3)), count)))


@inner()
def add_weighted_sum(a, lda, n, p, r, out):
    """out[:p] += X' r for n rows of p numbers at ``a``, a row every ``lda``; all are addresses of doubles."""
    step = 8 * lda
    few = max(FEWEST, NEAR // (8 * max(p, 1)))  # rows that are still in the first cache at the next strip
    for first in range(0, n if p >= LANES else 0, few):
        x, v, rows, j = a + first * step, r + 8 * first, min(few, n - first), 0
        while j + STRIP <= p:
            _strip(x + 8 * j, step, rows, v, out + 8 * j)
            j += STRIP
        while j < p:
            k = min(j, p - LANES)  # the last four columns overlap those before them
            _narrow_strip(x + 8 * k, step, rows, v, out + 8 * k, min(p - j, LANES))
            j += LANES
    rows_, w, outs = carray(doubles(a), (n, lda)), carray(doubles(r), n), carray(doubles(out), p)
    for k in range(p if p < LANES else 0):
        s = 0.0
        for i in range(n):
            s += rows_[i, k] * w[i]
        outs[k] += s
