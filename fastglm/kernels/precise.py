"""The products of a pass in double-double arithmetic, for designs whose conditioning eats the digits of a double.

Dekker (1971), "A floating-point technique for extending the available precision"; products by fused multiply-add.
"""

from __future__ import annotations

from functools import cache

from numba import carray, types

from .compile import address_of, doubles, fma
from .layout import EXACT, V_ETA, V_H, V_LOW, V_R, V_W, V_Y, VECTORS


@cache
def addresses() -> tuple[int, int]:
    """Addresses of (eta, score); see the loops below for their arguments, all integers."""
    i64 = types.int64
    return tuple(address_of(i64(*[i64] * k), f).address for k, f in ((9, _predictor()), (11, _score())))


def _predictor():
    def linear_predictor(si, sj, a, n, p, ones, beta, eta, low):
        """eta += X beta; ``low`` receives what eta's rounding leaves out."""
        x = carray(doubles(a), max(1, (n - 1) * si + (p - 1) * sj + 1))
        b, etas, lows = carray(doubles(beta), p + ones), carray(doubles(eta), n), carray(doubles(low), n)
        for i in range(n):
            s, c = etas[i], 0.0
            for j in range(p + ones):
                xij = 1.0 if j < ones else x[i * si + (j - ones) * sj]
                v = xij * b[j]
                e = fma(xij, b[j], -v)
                t = s + v
                z = t - s
                c += (s - (t - z)) + (v - z) + e
                s = t
            etas[i] = s + c
            lows[i] = (s - etas[i]) + c
        return 0

    return linear_predictor


def _score():
    def score(kind, si, sj, a, n, p, ones, vectors, block, score, score_low):
        """score + score_low += X'r, with what eta's rounding left out turned into what r's left out."""
        rows = carray(doubles(vectors), (VECTORS, block))
        y, w, eta, r, h, low = rows[V_Y], rows[V_W], rows[V_ETA], rows[V_R], rows[V_H], rows[V_LOW]
        for i in range(n):
            if kind == EXACT:
                t = y[i] - eta[i]
                z = t - y[i]
                rounding = (y[i] - (t - z)) - (eta[i] + z)
                low[i] = fma(w[i], t, -r[i]) + w[i] * (rounding - low[i]) if w[i] > 0.0 else 0.0
            else:
                low[i] = -h[i] * low[i]
        x = carray(doubles(a), max(1, (n - 1) * si + (p - 1) * sj + 1))
        sums, rest = carray(doubles(score), p + ones), carray(doubles(score_low), p + ones)
        for j in range(p + ones):
            s, c = sums[j], rest[j]
            for i in range(n):
                xij = 1.0 if j < ones else x[i * si + (j - ones) * sj]
                v = xij * r[i]
                e = fma(xij, r[i], -v) + xij * low[i]
                t = s + v
                z = t - s
                c += (s - (t - z)) + (v - z) + e
                s = t
            sums[j] = s + c
            rest[j] = (s - sums[j]) + c
        return 0

    return score
