"""The products of a pass in double-double arithmetic, for designs whose conditioning eats the digits of a double.

Dekker (1971), "A floating-point technique for extending the available precision"; products by fused multiply-add.
"""

from __future__ import annotations

from functools import cache

from numba import carray, types

from . import layout
from .compile import address_of, doubles, fma, inner


@cache
def addresses() -> tuple[int, int]:
    """Addresses of (eta, score); see the loops below for their arguments, all integers."""
    i64 = types.int64
    return tuple(address_of(i64(*[i64] * k), f).address for k, f in ((9, _predictor()), (11, _score())))


@inner()
def add_exactly(total, rest, term, error):
    """The total with a term, and ``rest`` with what rounding leaves out (Knuth's two-sum) and the term's error."""
    new = total + term
    added = new - total
    return new, rest + ((total - (new - added)) + (term - added) + error)


@inner()
def rounding_of_rows(kind, n, rows):
    """Turn what rounding left out of eta into what it left out of the scores, in place."""
    y, w, eta = rows[layout.V_Y], rows[layout.V_W], rows[layout.V_ETA]
    r, h, low = rows[layout.V_R], rows[layout.V_H], rows[layout.V_LOW]
    for i in range(n):
        if kind == layout.EXACT:
            residual = y[i] - eta[i]
            part = residual - y[i]
            rounding = (y[i] - (residual - part)) - (eta[i] + part)
            low[i] = fma(w[i], residual, -r[i]) + w[i] * (rounding - low[i]) if w[i] > 0.0 else 0.0
        else:
            low[i] = -h[i] * low[i]


def _predictor():
    def linear_predictor(row_stride, column_stride, X, n, p, ones, beta, eta, low):
        """eta += X beta; ``low`` receives what eta's rounding leaves out."""
        x = carray(doubles(X), max(1, (n - 1) * row_stride + (p - 1) * column_stride + 1))
        b, etas, lows = carray(doubles(beta), p + ones), carray(doubles(eta), n), carray(doubles(low), n)
        for i in range(n):
            total, rest = etas[i], 0.0
            for j in range(p + ones):
                value = 1.0 if j < ones else x[i * row_stride + (j - ones) * column_stride]
                product = value * b[j]
                total, rest = add_exactly(total, rest, product, fma(value, b[j], -product))
            etas[i] = total + rest
            lows[i] = (total - etas[i]) + rest
        return 0

    return linear_predictor


def _score():
    def score(kind, row_stride, column_stride, X, n, p, ones, vectors, block, score, score_low):
        """score + score_low += X'r, with what eta's rounding left out turned into what r's left out."""
        rows = carray(doubles(vectors), (layout.VECTORS, block))
        rounding_of_rows(kind, n, rows)
        r, low = rows[layout.V_R], rows[layout.V_LOW]
        x = carray(doubles(X), max(1, (n - 1) * row_stride + (p - 1) * column_stride + 1))
        sums, rests = carray(doubles(score), p + ones), carray(doubles(score_low), p + ones)
        for j in range(p + ones):
            total, rest = sums[j], rests[j]
            for i in range(n):
                value = 1.0 if j < ones else x[i * row_stride + (j - ones) * column_stride]
                product = value * r[i]
                total, rest = add_exactly(total, rest, product, fma(value, r[i], -product) + value * low[i])
            sums[j] = total + rest
            rests[j] = (total - sums[j]) + rest
        return 0

    return score
