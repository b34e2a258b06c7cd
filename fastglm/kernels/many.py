"""The row loop, and the products of terms, at many coefficients for the rows of a block.

Arrays (n, R) have the coefficients' numbers next to each other, so that a level of a row is one addition of vectors.
"""

from __future__ import annotations

import numpy as np
from numba import carray

from .compile import at, call_rows, doubles, inner, jit
from .sgd.memory import pointer
from .structured_columns import CODES, INDICES, INDPTR, KIND, OFFSET, VALUES

_I32, _I64 = np.int32, np.int64


@inner()
def _row_of(table, t, i):
    """The entries of row i of a term: the range of their numbers, and the addresses of their columns and values."""
    if table[t, KIND] == CODES:
        return i, i + 1
    edges = carray(pointer(table[t, INDPTR], _I64), i + 2)
    return edges[i], edges[i + 1]


@inner()
def _entry(table, t, e):
    """The column of an entry, negative for none, and its value."""
    code = carray(pointer(table[t, INDICES], _I32), e + 1)[e]
    value = 1.0 if table[t, VALUES] == 0 else carray(doubles(table[t, VALUES]), e + 1)[e]
    return (code if code < 0 else code + table[t, OFFSET]), value


@jit()
def add_terms(table, first, beta, eta):
    """eta (n, R) += the terms' columns times beta (columns, R), for the rows from ``first`` on."""
    for i in range(len(eta)):
        out = eta[i]
        for t in range(len(table)):
            start, stop = _row_of(table, t, first + i)
            for e in range(start, stop):
                column, value = _entry(table, t, e)
                if column >= 0:
                    b = beta[column]
                    for k in range(len(out)):
                        out[k] += value * b[k]


@jit()
def scatter_terms(table, first, r, scores):
    """scores (columns, R) += the terms' columns times r (n, R), for the rows from ``first`` on."""
    for i in range(len(r)):
        own = r[i]
        for t in range(len(table)):
            start, stop = _row_of(table, t, first + i)
            for e in range(start, stop):
                column, value = _entry(table, t, e)
                if column >= 0:
                    out = scores[column]
                    for k in range(len(own)):
                        out[k] += value * own[k]


@jit()
def many_rows(loop, par, eta, shift, offset, y, w, of, fits, sums, complete):
    """Scores of n rows at R linear predictors each.

    Parameters
    ----------
    loop : int
        Address of a row loop.
    par : (4,) array
        Parameters of family and link.
    eta : (n, R) array
        X beta; overwritten by the scores.
    shift, offset : (R,) and (n,) arrays
        What is added to it: intercepts and offsets.
    y, w : (n,) arrays
    of : (n,) array of ints
        The part of each row.
    fits : (B, R) array
        One where the rows of a part count, else zero.
    sums : (3, R) array
        To which sums of scores, and if ``complete`` deviances and Pearson's chi-squares are added.
    """
    n, R = eta.shape
    block, work = np.zeros((3, R)), np.empty((5, R))
    response, counts, r, h, d = work[0], work[1], work[2], work[3], work[4]
    for i in range(n):
        x, own = eta[i], fits[of[i]]
        for k in range(R):
            x[k] += shift[k] + offset[i]
            response[k] = y[i]
            counts[k] = w[i] * own[k]
        call_rows(loop, R, at(par), at(x), at(response), at(counts), at(r), at(h), at(d))
        for k in range(R):
            x[k] = r[k]
            block[0, k] += r[k]
        if complete:
            for k in range(R):
                block[1, k] += d[k]
                block[2, k] += r[k] * r[k] / h[k] if h[k] > 0.0 else 0.0
    sums += block
