"""Arrays in double-double arithmetic: unevaluated sums of two float64 arrays, some 32 digits.

Error-free sums and products of Dekker (1971) and Knuth, as in Ogita, Rump and Oishi (2005), "Accurate sum and dot
product". A number is a pair ``(high, low)`` of arrays of one shape.
"""

from __future__ import annotations

import numpy as np

SPLIT = 134217729.0  # 2^27 + 1, which parts 53 bits in two halves


def two_sum(a, b):
    """a + b and what its rounding leaves."""
    s = a + b
    z = s - a
    return s, (a - (s - z)) + (b - z)


def two_product(a, b):
    """a b and what its rounding leaves."""
    p = a * b
    big, other = SPLIT * a, SPLIT * b
    a1, b1 = big - (big - a), other - (other - b)
    a2, b2 = a - a1, b - b1
    return p, a2 * b2 - (((p - a1 * b1) - a2 * b1) - a1 * b2)


def add(x, y):
    """x + y of two pairs."""
    s, e = two_sum(x[0], y[0])
    return two_sum(s, e + x[1] + y[1])


def multiply(x, y):
    """x y of two pairs."""
    p, e = two_product(x[0], y[0])
    return two_sum(p, e + x[0] * y[1] + x[1] * y[0])


def divide(x, y):
    """x / y of two pairs."""
    q = x[0] / y[0]
    rest = add(x, negative(multiply((q, np.zeros_like(q)), y)))
    return two_sum(q, rest[0] / y[0])


def root(x):
    """The square root of a pair of positive numbers."""
    s = np.sqrt(x[0])
    rest = add(x, negative(two_product(s, s)))
    return two_sum(s, 0.5 * rest[0] / s)


def negative(x):
    """-x of a pair."""
    return -x[0], -x[1]


def total(x):
    """The sum of a pair over its first axis, added in a tree."""
    high, low = x
    while len(high) > 1:
        half = len(high) // 2
        s = add((high[:half], low[:half]), (high[half : 2 * half], low[half : 2 * half]))
        high, low = (np.concatenate([part, rest[2 * half :]]) for part, rest in zip(s, (high, low), strict=True))
    return high[0], low[0]


def orthogonal(X: np.ndarray, weights: np.ndarray):
    """Q (n, r) and T with Q = X T, T upper triangular and Q' diag(weights) Q = I, each a pair of arrays, by Gram and
    Schmidt, done twice; the columns of X (n, r) are independent and the weights not negative.
    """
    n, r = X.shape
    Q, T = (np.zeros((n, r)), np.zeros((n, r))), (np.zeros((r, r)), np.zeros((r, r)))
    w = (weights[:, None], np.zeros((n, 1)))
    for k in range(r):
        v, t = (X[:, [k]], np.zeros((n, 1))), (np.eye(r)[:, [k]], np.zeros((r, 1)))
        earlier, before = (Q[0][:, :k], Q[1][:, :k]), (T[0][:, :k], T[1][:, :k])
        for _ in range(2 if k else 0):
            c = negative(total(multiply(earlier, multiply(w, v))))
            v, t = add(v, _combined(earlier, c)), add(t, _combined(before, c))
        size = root(total(multiply(v, multiply(w, v))))
        for into, value in ((Q, divide(v, size)), (T, divide(t, size))):
            into[0][:, [k]], into[1][:, [k]] = value
    return Q, T


def _combined(columns, c):
    """The sum of columns (n, k) times c (k,), (n, 1)."""
    high, low = total(tuple(part.T for part in multiply(columns, c)))
    return high[:, None], low[:, None]
