"""Products of a block's columns with the coefficients or the scores of several classes, two classes at a time.

BLAS takes three times as long for the few classes that there are: it copies the columns first.
"""

from __future__ import annotations

from numba import carray

from .compile import at, doubles, inner
from .vectors import LANES, load, multiply_add, spread, store


@inner()
def add_predictors(a, lda, n, p, beta, first, eta):
    """eta[k, :n] += X beta[k, first:] for each class k: n rows of p columns at ``a``, one every ``lda`` doubles."""
    classes, step, width = beta.shape[0], 8 * lda, 8 * eta.shape[1]
    high = n - n % (2 * LANES)
    for i in range(0, high, 2 * LANES):
        for k in range(0, classes, 2):
            other = min(k + 1, classes - 1)  # the last of an odd number is its own partner, and written twice
            left, right = at(eta) + k * width + 8 * i, at(eta) + other * width + 8 * i
            s0, s1, t0, t1 = load(left), load(left + 32), load(right), load(right + 32)
            x = a + 8 * i
            for j in range(p):
                x0, x1, b, c = load(x), load(x + 32), spread(beta[k, first + j]), spread(beta[other, first + j])
                s0, s1 = multiply_add(x0, b, s0), multiply_add(x1, b, s1)
                t0, t1 = multiply_add(x0, c, t0), multiply_add(x1, c, t1)
                x += step
            store(left, s0)
            store(left + 32, s1)
            store(right, t0)
            store(right + 32, t1)
    columns = carray(doubles(a), (p, lda))
    for k in range(classes):
        for i in range(high, n):
            s = eta[k, i]
            for j in range(p):
                s += columns[j, i] * beta[k, first + j]
            eta[k, i] = s


@inner(fastmath={"reassoc", "nsz", "contract"})
def _tile(x, y, z, u, v, n):
    """The sums over n rows of the products of three columns with the scores of two classes."""
    s0 = s1 = s2 = t0 = t1 = t2 = 0.0
    for i in range(n):
        s0 += x[i] * u[i]
        s1 += y[i] * u[i]
        s2 += z[i] * u[i]
        t0 += x[i] * v[i]
        t1 += y[i] * v[i]
        t2 += z[i] * v[i]
    return (s0, s1, s2), (t0, t1, t2)


@inner()
def add_score_sums(a, lda, n, p, r, score, first):
    """score[k, first:] += X' r[k, :n] for each class k: n rows of p columns at ``a``, one every ``lda`` doubles."""
    classes, columns = r.shape[0], carray(doubles(a), (p, lda))
    for j in range(0, p, 3):
        for k in range(0, classes, 2):
            other = min(k + 1, classes - 1)
            found = _tile(columns[j], columns[min(j + 1, p - 1)], columns[min(j + 2, p - 1)], r[k], r[other], n)
            for c in range(min(3, p - j)):
                score[k, first + j + c] += found[0][c]
                if other > k:
                    score[other, first + j + c] += found[1][c]
