"""The products of columns that are not stored as numbers: levels of factors, one a row, and entries of sparse rows.

A *term* gives a row a few entries (column, value): the code of its level with value one or a number, or the entries of
a CSR row. The loops below add the terms' part to what the block pass does with dense columns, and nothing is ever
encoded as zeros and ones. They are C functions called by address, so that a pass over dense columns alone does not
compile them.

Columns are counted through all terms; the levels of one factor may be so many that only the diagonal of their own
block is kept: it is diagonal anyway, since a row has one level. That factor comes last and is called the *long* one.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numba import carray, types

from .compile import address_of, doubles, inner
from .stochastic.memory import pointer

# the fields of a term in the table (terms, FIELDS) of int64
KIND, INDICES, INDPTR, VALUES, OFFSET, COLUMNS = range(6)
FIELDS = 6
CODES, ROWS = 0, 1  # KIND: a code for each row, negative for none; or CSR

_I32, _I64 = np.int32, np.int64


def _loop(count):
    return types.int64(*[types.int64] * count)


def _predictor():
    def predictor(table, n_terms, first, n, beta, eta):
        """eta += terms' columns times beta."""
        terms = carray(pointer(table, _I64), (n_terms, FIELDS))
        etas = carray(doubles(eta), n)
        for t in range(n_terms):
            b = carray(doubles(beta + 8 * terms[t, OFFSET]), terms[t, COLUMNS])
            if terms[t, KIND] == CODES:
                codes = carray(pointer(terms[t, INDICES] + 4 * first, _I32), n)
                if terms[t, VALUES] == 0:
                    for i in range(n):
                        etas[i] += b[codes[i]] if codes[i] >= 0 else 0.0
                else:
                    values = carray(doubles(terms[t, VALUES] + 8 * first), n)
                    for i in range(n):
                        etas[i] += values[i] * b[codes[i]] if codes[i] >= 0 else 0.0
            else:
                edges = carray(pointer(terms[t, INDPTR] + 8 * first, _I64), n + 1)
                for i in range(n):
                    s = 0.0
                    k = edges[i]
                    m = edges[i + 1] - k
                    columns = carray(pointer(terms[t, INDICES] + 4 * k, _I32), m)
                    values = carray(doubles(terms[t, VALUES] + 8 * k), m)
                    for e in range(m):
                        s += values[e] * b[columns[e]]
                    etas[i] += s
        return 0

    return predictor


def _scatter(power):
    def scatter(table, n_terms, first, n, r, out):
        """out += the terms' columns, or their squares, times r."""
        terms = carray(pointer(table, _I64), (n_terms, FIELDS))
        rs = carray(doubles(r), n)
        for t in range(n_terms):
            s = carray(doubles(out + 8 * terms[t, OFFSET]), terms[t, COLUMNS])
            if terms[t, KIND] == CODES:
                codes = carray(pointer(terms[t, INDICES] + 4 * first, _I32), n)
                if terms[t, VALUES] == 0:
                    for i in range(n):
                        if codes[i] >= 0:
                            s[codes[i]] += rs[i]
                else:
                    values = carray(doubles(terms[t, VALUES] + 8 * first), n)
                    for i in range(n):
                        if codes[i] >= 0:
                            v = values[i]
                            s[codes[i]] += (v if power == 1 else v * v) * rs[i]
            else:
                edges = carray(pointer(terms[t, INDPTR] + 8 * first, _I64), n + 1)
                for i in range(n):
                    k = edges[i]
                    m = edges[i + 1] - k
                    columns = carray(pointer(terms[t, INDICES] + 4 * k, _I32), m)
                    values = carray(doubles(terms[t, VALUES] + 8 * k), m)
                    for e in range(m):
                        v = values[e]
                        s[columns[e]] += (v if power == 1 else v * v) * rs[i]
        return 0

    return scatter


@inner()
def _entries(terms, t, first, n, starts, columns, values):
    """A term's entries of n rows: those of row i are at starts[i] to starts[i + 1]; their number."""
    count = 0
    if terms[t, KIND] == CODES:
        codes = carray(pointer(terms[t, INDICES] + 4 * first, _I32), n)
        plain = terms[t, VALUES] == 0
        numbers = carray(doubles(terms[t, VALUES] + 8 * first), n)
        for i in range(n):
            starts[i] = count
            if codes[i] >= 0:
                columns[count] = codes[i]
                values[count] = 1.0 if plain else numbers[i]
                count += 1
    else:
        edges = carray(pointer(terms[t, INDPTR] + 8 * first, _I64), n + 1)
        for i in range(n):
            starts[i] = edges[i] - edges[0]
        count = edges[n] - edges[0]
        cs = carray(pointer(terms[t, INDICES] + 4 * edges[0], _I32), count)
        vs = carray(doubles(terms[t, VALUES] + 8 * edges[0]), count)
        for e in range(count):
            columns[e] = cs[e]
            values[e] = vs[e]
    starts[n] = count
    return count


@inner()
def _plain(terms, t):
    """Whether a term is the codes of a factor alone."""
    return terms[t, KIND] == CODES and terms[t, VALUES] == 0


@inner()
def _add_levels(left, right, n, h, place, row, column, sums):
    """sums[place + row left + column right] += h for rows that have a level of both factors."""
    for i in range(n):
        if left[i] >= 0 and right[i] >= 0:
            sums[place + row * left[i] + column * right[i]] += h[i]


@inner()
def _add_numbers(codes, n, h, x, si, sj, p, ones, base, width, sums):
    """sums[base + width code + j] += h x_j, the intercept first."""
    for i in range(n):
        if codes[i] >= 0:
            target = base + width * codes[i]
            if ones:
                sums[target] += h[i]
            for j in range(p):
                sums[target + ones + j] += h[i] * x[i * si + j * sj]


def _curvature():
    def curvature(table, n_terms, first, n, si, sj, a, p, ones, h, q, long, widest, extra):
        """Add the block's entries to the matrices of ``extra``, see ``Room``; upper triangles.

        Two terms after the other: the sums that many rows share stay far enough apart to be added without waiting.
        """
        terms = carray(pointer(table, _I64), (n_terms, FIELDS))
        hs = carray(doubles(h), n)
        x = carray(doubles(a), max(1, (n - 1) * si + (p - 1) * sj + 1))
        dense = p + ones
        # where the matrices begin in the flat array
        cross = q * q
        border = cross + q * dense
        diagonal = border + long * (dense + q)
        sums = carray(doubles(extra), diagonal + long)
        starts, ends = np.empty(n + 1, np.int64), np.empty(n + 1, np.int64)
        columns, values = np.empty(n * widest, np.int64), np.empty(n * widest)
        others, numbers = np.empty(n * widest, np.int64), np.empty(n * widest)
        for t in range(n_terms):
            offset = terms[t, OFFSET]
            far = offset >= q  # the long term: the last
            base, width = (border - q * (dense + q), dense + q) if far else (cross, dense)
            plain, all_plain = _plain(terms, t), True
            right = carray(pointer(terms[t, INDICES] + 4 * first, _I32), n)
            for s in range(t):
                all_plain &= _plain(terms, s)
                if plain and _plain(terms, s):
                    row, column = (1, width) if far else (q, 1)
                    place = (base + dense if far else 0) + terms[s, OFFSET] * row + offset * column
                    left = carray(pointer(terms[s, INDICES] + 4 * first, _I32), n)
                    _add_levels(left, right, n, hs, place, row, column, sums)
            if plain:
                _add_numbers(right, n, hs, x, si, sj, p, ones, base + offset * width, width, sums)
                place, row = (diagonal + offset - q, 0) if far else (offset * q + offset, q)
                _add_levels(right, right, n, hs, place, row, 1, sums)
                if all_plain:
                    continue
            _entries(terms, t, first, n, ends, others, numbers)
            for i in range(0 if plain else n):
                for e in range(ends[i], ends[i + 1]):
                    v = hs[i] * numbers[e]
                    target = base + (offset + others[e]) * width
                    if ones:
                        sums[target] += v
                    for j in range(p):
                        sums[target + ones + j] += v * x[i * si + j * sj]
            for s in range(t):
                if plain and _plain(terms, s):
                    continue
                _entries(terms, s, first, n, starts, columns, values)
                # a row and a column of the matrix that holds the two terms' products
                row, column = (1, width) if far else (q, 1)
                place = (base + dense if far else 0) + terms[s, OFFSET] * row + offset * column
                for i in range(n):
                    for e in range(starts[i], starts[i + 1]):
                        v, c = hs[i] * values[e], place + columns[e] * row
                        for f in range(ends[i], ends[i + 1]):
                            sums[c + others[f] * column] += v * numbers[f]
            for i in range(0 if plain else n):
                for e in range(ends[i], ends[i + 1]):
                    v = hs[i] * numbers[e]
                    if far:
                        sums[diagonal + offset + others[e] - q] += v * numbers[e]
                    else:
                        row = (offset + others[e]) * q + offset
                        for f in range(e, ends[i + 1]):
                            sums[row + others[f]] += v * numbers[f]
        return 0

    return curvature


@cache
def predictor() -> int:
    """Address of (table, terms, first row, n, beta, eta): eta += the terms' columns times beta."""
    return address_of(_loop(6), _predictor()).address


@cache
def scatter(power: int) -> int:
    """Address of (table, terms, first row, n, r, out): out += the columns to ``power`` 1 or 2, transposed, times r."""
    return address_of(_loop(6), _scatter(power)).address


@cache
def curvature() -> int:
    """Address of the loop that adds h-weighted products of the terms' columns and with dense ones to ``Room``'s arrays.

    Its arguments are integers: (table, terms, first row, n, strides of X in numbers, X, p, ones, h, short columns, long
    columns, the most entries of a row, extra).
    """
    return address_of(_loop(14), _curvature()).address


class Room:
    """Where the curvature of terms is summed, one flat array: for q short columns, ``long`` ones and ``dense`` columns

    own (q, q): short by short; cross (q, dense); border (long, dense + q); diagonal (long).
    """

    def __init__(self, dense: int, q: int, long: int):
        self.dense, self.q, self.long = dense, q, long
        self.size = q * (q + dense) + long * (dense + q + 1)

    def split(self, extra: np.ndarray):
        """(own, cross, border, diagonal) as views of the flat array."""
        q, d, n = self.q, self.dense, self.long
        edges = np.cumsum([0, q * q, q * d, n * (d + q), n])
        shapes = ((q, q), (q, d), (n, d + q), (n,))
        return tuple(extra[a:b].reshape(s) for a, b, s in zip(edges[:-1], edges[1:], shapes, strict=True))
