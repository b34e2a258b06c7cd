"""The block pass: over runs of rows, eta = X b + offset, the row loop, the score X'r, the curvature X' diag(h) X.

One compiled function serves every family, link, storage order and number type: rows are reached through addresses
and strides, the row loop and the loaders through their addresses. It works block by block in a workspace that the
caller preallocates, so a block of X is read from memory once and everything else happens in cache.
"""

from __future__ import annotations

from math import log, sqrt

import numpy as np
from numba import carray

from .compile import blas, call_load, call_rows, doubles, fma, inner, jit
from .gram import SMALL, add_syrk, add_tiles

dgemv = blas("dgemv", 11)

# The plan of a pass: an int64 array with these fields. Vectors are (address, byte stride, loader), address 0 for none.
P, ONES, STORAGE, X, ROW_STRIDE, COL_STRIDE, LOAD, ROWS, BLOCK, PRECISE = range(10)
Y, W, F, OFFSET, EXPOSURE = 10, 13, 16, 19, 22
PLAN = 25

LOADED, C_ORDER, F_ORDER = 0, 1, 2  # STORAGE: through the loader, or in place

DEVIANCE, PEARSON, MAX_ETA = 0, 1, 2  # the entries of sums
SUMS = 3
VECTORS = 11

_NUMBERS = np.array([1.0])
_LETTERS = np.frombuffer(b"TN", dtype=np.uint8).copy()


def workspace(p: int, block: int) -> np.ndarray:
    """Doubles for one thread's pass: the vectors, the block and its scaled copy with up to four padding columns."""
    return np.empty(block * (VECTORS + 2 * p + 4))


@inner(fastmath={"reassoc", "nsz", "contract"})
def total(x, n):
    """The sum of x[:n]; free to reassociate, yet NaN and infinity propagate."""
    s = 0.0
    for i in range(n):
        s += x[i]
    return s


@inner(fastmath={"reassoc", "nsz", "contract"})
def pearson(r, h, n):
    """The sum of w (y-mu)^2 / V = r^2 / h over rows with information."""
    s = 0.0
    for i in range(n):
        s += r[i] * r[i] / h[i] if h[i] > 0.0 else 0.0
    return s


@inner()
def fill_absent(plan, into):
    """Give the vectors that the plan has not got their neutral values, once for all blocks of a call."""
    for k in range(5):
        if plan[Y + 3 * k] == 0:
            into[k, :] = 1.0 if k != 3 else 0.0


@inner()
def read_vectors(plan, first, n, into):
    """n rows of response, prior weight, frequency, offset and exposure from row ``first`` on, one a row of ``into``."""
    for k in range(5):
        field = Y + 3 * k
        address, stride, load = plan[field], plan[field + 1], plan[field + 2]
        out = into[k]
        if address == 0:
            continue
        if load == 0:
            source = carray(doubles(address + first * 8), n)
            for i in range(n):
                out[i] = source[i]
        else:
            call_load(load, address + first * stride, stride, 0, n, 1, out.ctypes.data)


@inner()
def combine(plan, n, into):
    """Multiply the weights by the frequencies and add log exposure to the offset."""
    if plan[F] != 0:
        for i in range(n):
            into[1, i] *= into[2, i]
    if plan[EXPOSURE] != 0:
        for i in range(n):
            into[3, i] += log(into[4, i])


@inner()
def gemv(transposed, lda, n, p, a, x, y, dims):
    """y += A x, or A' x, for the column-major matrix at ``a`` that holds n rows of p numbers, or p columns of n."""
    dims[0], dims[1], dims[2], dims[3] = n, p, lda, 1
    d = dims.ctypes.data
    letter = _LETTERS.ctypes.data + (0 if transposed else 1)
    one = _NUMBERS.ctypes.data
    dgemv(letter, d, d + 4, one, a, d + 8, x, d + 12, one, y, d + 12)


@inner()
def linear_predictor(storage, a, lda, n, p, ones, beta, eta, dims):
    """eta += X beta, the intercept first where there is one."""
    if ones:
        for i in range(n):
            eta[i] += beta[0]
    if p > 0:
        columns = storage == F_ORDER
        b = beta.ctypes.data + 8 * ones
        gemv(not columns, lda, n if columns else p, p if columns else n, a, b, eta.ctypes.data, dims)


@inner()
def add_score(storage, a, lda, n, p, ones, r, score, dims):
    """score += X' r."""
    if ones:
        score[0] += total(r, n)
    if p > 0:
        columns = storage == F_ORDER
        s = score.ctypes.data + 8 * ones
        gemv(columns, lda, n if columns else p, p if columns else n, a, r.ctypes.data, s, dims)


@inner()
def linear_predictor_precise(si, sj, a, n, p, ones, beta, eta, low):
    """eta += X beta in double-double arithmetic; ``low`` receives what eta's rounding leaves out."""
    x = carray(doubles(a), max(1, (n - 1) * si + (p - 1) * sj + 1))
    for i in range(n):
        s, c = eta[i], 0.0
        for j in range(p + ones):
            xij = 1.0 if j < ones else x[i * si + (j - ones) * sj]
            v = xij * beta[j]
            e = fma(xij, beta[j], -v)
            t = s + v
            z = t - s
            c += (s - (t - z)) + (v - z) + e
            s = t
        eta[i] = s + c
        low[i] = (s - eta[i]) + c


@inner()
def rest_of_score(linear, n, y, w, eta, r, h, low):
    """Turn what eta's rounding left out (``low``) into what r's left out; exactly where r = w (y - eta)."""
    for i in range(n):
        if linear:
            t = y[i] - eta[i]
            z = t - y[i]
            rounding = (y[i] - (t - z)) - (eta[i] + z)
            low[i] = fma(w[i], t, -r[i]) + w[i] * (rounding - low[i]) if w[i] > 0.0 else 0.0
        else:
            low[i] = -h[i] * low[i]


@inner()
def add_score_precise(si, sj, a, n, p, ones, r, low, score, score_low):
    """score + score_low += X' (r + low) in double-double arithmetic."""
    x = carray(doubles(a), max(1, (n - 1) * si + (p - 1) * sj + 1))
    for j in range(p + ones):
        s, c = score[j], score_low[j]
        for i in range(n):
            xij = 1.0 if j < ones else x[i * si + (j - ones) * sj]
            v = xij * r[i]
            e = fma(xij, r[i], -v) + xij * low[i]
            t = s + v
            z = t - s
            c += (s - (t - z)) + (v - z) + e
            s = t
        score[j] = s + c
        score_low[j] = (s - score[j]) + c


@inner()
def scale_columns(storage, a, lda, n, p, ones, scale, root, z):
    """z = sqrt(h) X' with a row a column of X, padded with zero rows; the intercept first."""
    if ones:
        for i in range(n):
            z[0, i] = root[i]
    if storage == F_ORDER:
        columns = carray(doubles(a), (p, lda))
        for j in range(p):
            for i in range(n):
                z[j + ones, i] = columns[j, i] * scale[j + ones] * root[i]
    else:
        rows = carray(doubles(a), (n, lda))
        whole = n - n % 8
        # eight rows at a time, so that the lines read and the lines written both stay in the first-level cache
        for i in range(0, whole, 8):
            q0, q1, q2, q3 = root[i], root[i + 1], root[i + 2], root[i + 3]
            q4, q5, q6, q7 = root[i + 4], root[i + 5], root[i + 6], root[i + 7]
            for j in range(p):
                c, t = scale[j + ones], z[j + ones]
                # all loads before the stores: the compiler cannot know that z is not X
                v0, v1, v2, v3 = rows[i, j], rows[i + 1, j], rows[i + 2, j], rows[i + 3, j]
                v4, v5, v6, v7 = rows[i + 4, j], rows[i + 5, j], rows[i + 6, j], rows[i + 7, j]
                t[i], t[i + 1], t[i + 2], t[i + 3] = v0 * c * q0, v1 * c * q1, v2 * c * q2, v3 * c * q3
                t[i + 4], t[i + 5], t[i + 6], t[i + 7] = v4 * c * q4, v5 * c * q5, v6 * c * q6, v7 * c * q7
        for i in range(whole, n):
            for j in range(p):
                z[j + ones, i] = rows[i, j] * scale[j + ones] * root[i]
    for j in range(p + ones, z.shape[0]):
        for i in range(n):
            z[j, i] = 0.0


@inner()
def scale_rows(storage, a, lda, n, p, ones, scale, root, z):
    """z = sqrt(h) X with a row a row of X; the intercept first."""
    if ones:
        for i in range(n):
            z[i, 0] = root[i]
    if storage == F_ORDER:
        columns = carray(doubles(a), (p, lda))
        for i0 in range(0, n, 8):
            i1 = min(i0 + 8, n)
            for j in range(p):
                c = scale[j + ones]
                for i in range(i0, i1):
                    z[i, j + ones] = columns[j, i] * c * root[i]
    else:
        rows = carray(doubles(a), (n, lda))
        for i in range(n):
            for j in range(p):
                z[i, j + ones] = rows[i, j] * scale[j + ones] * root[i]


@inner()
def add_curvature(storage, a, lda, n, p, ones, scale, h, root, buffer, info):
    """info += X' diag(h) X: the upper triangle from tiles, the lower from BLAS."""
    for i in range(n):
        root[i] = sqrt(h[i])
    m = info.shape[0]
    if p + ones <= SMALL:
        z = buffer[: m * n].reshape(m, n)
        scale_columns(storage, a, lda, n, p, ones, scale, root, z)
        add_tiles(z, n, info)
    else:
        z = buffer[: m * n].reshape(n, m)
        scale_rows(storage, a, lda, n, p, ones, scale, root, z)
        add_syrk(z, n, info)


@jit()
def block_pass(plan, par, beta, scale, runs, order, first_eta, work, score, score_low, info, sums):
    """One pass over ``runs``, adding to score, information and sums.

    Parameters
    ----------
    plan : (PLAN,) int64
        Where everything is.
    par : (4,) float64
        Parameters of family and link.
    beta : (p + ones,) float64
        Coefficients, the intercept first.
    scale : (p + ones,) float64
        What each column is multiplied by in the curvature.
    runs : (k, 2) int64
        Half-open ranges of rows.
    order : int
        0 deviance, 1 and score, 2 and curvature with Pearson's chi-square.
    first_eta : int
        Address of a loop that writes the first linear predictor instead of X beta, or 0. The score is then
        X'(r + h (eta - offset)), so that information^-1 score are the coefficients of the first IRLS step.
    work : float64
        ``workspace``; overwritten.
    score, score_low : (p + ones,), info : (m, m), sums : (SUMS,) float64
        Added to. m is p + ones, rounded up to a multiple of four up to ``SMALL``.
    """
    p, ones, storage, block = plan[P], plan[ONES], plan[STORAGE], plan[BLOCK]
    rows = work[: VECTORS * block].reshape(VECTORS, block)
    y, w, shift, eta, r, h, d, low, root = rows[0], rows[1], rows[3], rows[5], rows[6], rows[7], rows[8], rows[9], rows[10]
    fill_absent(plan, rows)
    loaded = work[VECTORS * block : (VECTORS + p) * block]
    buffer = work[(VECTORS + p) * block :]
    dims = np.empty(4, np.int32)
    if storage == F_ORDER:
        si, sj = 1, plan[COL_STRIDE] // 8
    elif storage == C_ORDER:
        si, sj = plan[ROW_STRIDE] // 8, 1
    else:
        si, sj = p, 1
    lda = max(sj if storage == F_ORDER else si, 1)
    for k in range(runs.shape[0]):
        for b0 in range(runs[k, 0], runs[k, 1], block):
            n = min(block, runs[k, 1] - b0)
            a = plan[X] + b0 * plan[ROW_STRIDE]
            if storage == LOADED and p > 0:
                call_load(plan[LOAD], a, plan[ROW_STRIDE], plan[COL_STRIDE], n, p, loaded.ctypes.data)
                a = loaded.ctypes.data
            read_vectors(plan, b0, n, rows)
            combine(plan, n, rows)
            eta[:n] = shift[:n]
            if first_eta != 0:
                call_rows(first_eta, n, par.ctypes.data, eta.ctypes.data, y.ctypes.data, w.ctypes.data,
                          r.ctypes.data, h.ctypes.data, d.ctypes.data)  # fmt: skip
            elif plan[PRECISE]:
                linear_predictor_precise(si, sj, a, n, p, ones, beta, eta, low)
            else:
                linear_predictor(storage, a, lda, n, p, ones, beta, eta, dims)
            call_rows(plan[ROWS], n, par.ctypes.data, eta.ctypes.data, y.ctypes.data, w.ctypes.data,
                      r.ctypes.data, h.ctypes.data, d.ctypes.data)  # fmt: skip
            sums[DEVIANCE] += total(d, n)
            if order == 0:
                continue
            if first_eta != 0:
                for i in range(n):
                    r[i] += h[i] * (eta[i] - shift[i])
            elif plan[PRECISE]:
                rest_of_score(plan[PRECISE] == 2, n, y, w, eta, r, h, low)
            if plan[PRECISE] and first_eta == 0:
                add_score_precise(si, sj, a, n, p, ones, r, low, score, score_low)
            else:
                add_score(storage, a, lda, n, p, ones, r, score, dims)
            if order == 2:
                sums[PEARSON] += pearson(r, h, n)
                for i in range(n):
                    sums[MAX_ETA] = max(sums[MAX_ETA], abs(eta[i]))
                add_curvature(storage, a, lda, n, p, ones, scale, h, root, buffer, info)
