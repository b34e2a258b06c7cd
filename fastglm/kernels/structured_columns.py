"""The products of columns that are not stored as numbers: levels of factors, one a row, and entries of sparse rows.

A *term* gives a row a few entries (column, value): the code of its level with value one or a number, or the entries of
a CSR row. The loops below add the terms' part to what the block pass does with dense columns, and nothing is ever
encoded as zeros and ones. They are C functions called by address, so that a pass over dense columns alone does not
compile them.

Columns are counted through all terms; the levels of one factor may be so many that only the diagonal of their own
block is kept: it is diagonal anyway, since a row has one level. That factor, of *high cardinality*, comes last.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numba import carray, types

from . import layout
from .compile import address_of, doubles, inner
from .load import strides
from .sgd.memory import pointer

# the fields of a term in the table (terms, FIELDS) of int64
KIND, INDICES, INDPTR, VALUES, OFFSET, COLUMNS = range(6)
FIELDS = 6  # fields of a term
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
def _add_levels(left, right, n, u, place, width, sums):
    """sums[place + width right + left] += u for rows that have a level of both factors."""
    for i in range(n):
        if (left[i] | right[i]) >= 0:
            sums[np.uint64(place + width * right[i] + left[i])] += u[i]


@inner()
def _add_numbers(codes, n, ux, p, place, width, sums):
    """sums[place + width code + j] += ux[i, j]."""
    four = p - p % 4
    for i in range(n):
        if codes[i] >= 0:
            target = place + width * codes[i]
            for j in range(0, four, 4):
                k, m = np.uint64(target + j), np.uint64(p * i + j)
                one, two, three = np.uint64(1), np.uint64(2), np.uint64(3)
                # all four are read before any is written, so that they are added at once
                a, b = sums[k] + ux[m], sums[k + one] + ux[m + one]
                c, d = sums[k + two] + ux[m + two], sums[k + three] + ux[m + three]
                sums[k], sums[k + one], sums[k + two], sums[k + three] = a, b, c, d
            for j in range(four, p):
                sums[np.uint64(target + j)] += ux[np.uint64(p * i + j)]


@inner()
def _times_numbers(u, n, x, si, sj, p, ones, ux):
    """ux[i, j] = u_i x_ij, the intercept first."""
    for i in range(n):
        k = i * (p + ones)
        if ones:
            ux[k] = u[i]
        for j in range(p):
            ux[k + ones + j] = u[i] * x[i * si + j * sj]


@inner()
def _rows_of(terms, t, first, n):
    """A CSR term's edges of n rows, and the columns and values of their entries from the first of these rows on."""
    edges = carray(pointer(terms[t, INDPTR] + 8 * first, _I64), n + 1)
    count = edges[n] - edges[0]
    columns = carray(pointer(terms[t, INDICES] + 4 * edges[0], _I32), count)
    return edges, columns, carray(doubles(terms[t, VALUES] + 8 * edges[0]), count)


@inner()
def _add_mixed(edges, columns, values, codes, n, u, place, row, column, sums):
    """sums[place + row entry + column code] += u value, for a CSR term and a factor."""
    for i in range(n):
        if codes[i] >= 0:
            for e in range(edges[i] - edges[0], edges[i + 1] - edges[0]):
                sums[place + row * columns[e] + column * codes[i]] += u[i] * values[e]


@inner()
def _factor_values(terms, t):
    """The address of a factor's values, 0 where they are ones or the term is CSR."""
    return terms[t, VALUES] if terms[t, KIND] == CODES else np.int64(0)


@inner()
def _weighted(values, first, n, u, out):
    """out = u times the values at an address, or one."""
    if values == 0:
        for i in range(n):
            out[i] = u[i]
    else:
        numbers = carray(doubles(values + 8 * first), n)
        for i in range(n):
            out[i] = u[i] * numbers[i]


@inner()
def _curve_levels(terms, t, first, n, u, v, ux, dense, ones, q, place, sums):
    """The products of a factor with numbers, with itself and with the terms before it; u has its values in it."""
    codes = carray(pointer(terms[t, INDICES] + 4 * first, _I32), n)
    columns, far = terms[t, COLUMNS], terms[t, OFFSET] >= q
    width = dense + q if far else dense
    _add_numbers(codes, n, ux, dense, place, width, sums)
    own = place + columns * width
    if terms[t, VALUES] != 0 or not ones:  # else the products with the intercept are the same
        _weighted(terms[t, VALUES], first, n, u, v)
        for i in range(n):
            if codes[i] >= 0:
                sums[np.uint64(own + codes[i])] += v[i]
    block = own + columns
    for s in range(t):
        if far:
            block = place + dense + terms[s, OFFSET]
        else:
            width = terms[s, COLUMNS]
        if terms[s, KIND] == CODES:
            left = carray(pointer(terms[s, INDICES] + 4 * first, _I32), n)
            if terms[s, VALUES] != 0:
                _weighted(terms[s, VALUES], first, n, u, v)
            _add_levels(left, codes, n, v if terms[s, VALUES] != 0 else u, block, width, sums)
        else:
            edges, entries, values = _rows_of(terms, s, first, n)
            _add_mixed(edges, entries, values, codes, n, u, block, 1, width, sums)
        block += columns * width


@inner()
def _curve_rows(terms, t, first, n, h, v, hx, dense, place, sums):
    """The products of a CSR term with numbers, with itself and with the terms before it."""
    edges, columns, values = _rows_of(terms, t, first, n)
    total = terms[t, COLUMNS]
    own = place + total * dense
    for i in range(n):
        last = edges[i + 1] - edges[0]
        for e in range(edges[i] - edges[0], last):
            target = place + dense * columns[e]
            for j in range(dense):
                sums[target + j] += values[e] * hx[dense * i + j]
            w, target = h[i] * values[e], own + total * columns[e]
            for f in range(e, last):
                sums[target + columns[f]] += w * values[f]
    block = own + total * total
    for s in range(t):
        width = terms[s, COLUMNS]
        if terms[s, KIND] == CODES:
            codes = carray(pointer(terms[s, INDICES] + 4 * first, _I32), n)
            _weighted(terms[s, VALUES], first, n, h, v)
            _add_mixed(edges, columns, values, codes, n, v, block, width, 1, sums)
        else:
            others, places, numbers = _rows_of(terms, s, first, n)
            for i in range(n):
                for e in range(edges[i] - edges[0], edges[i + 1] - edges[0]):
                    w, target = h[i] * values[e], block + width * columns[e]
                    for f in range(others[i] - others[0], others[i + 1] - others[0]):
                        sums[target + places[f]] += w * numbers[f]
        block += total * width


def _curvature():
    def curvature(plan_address, first, n, X, h, extra):
        """Add the block's entries to the matrices of ``extra``, see ``StructuredSums``.

        Two terms after the other: the sums that many rows share stay far enough apart to be added without waiting.
        """
        plan = carray(pointer(plan_address, _I64), layout.PLAN)
        p, ones, n_terms, short = plan[layout.P], plan[layout.ONES], plan[layout.N_TERMS], plan[layout.SHORT]
        terms = carray(pointer(plan[layout.TERMS], _I64), (n_terms, FIELDS))
        weights, sums = carray(doubles(h), n), carray(doubles(extra), plan[layout.ROOM])
        row_stride, column_stride, _ = strides(plan)
        x = carray(doubles(X), max(1, (n - 1) * row_stride + (p - 1) * column_stride + 1))
        dense, place, plain = p + ones, 0, False
        # each row's weight times the factor's value, the same times another factor's, and times the dense columns
        weighted, twice, products = np.empty(n), np.empty(n), np.empty(n * dense)
        for t in range(n_terms):
            columns, values = terms[t, COLUMNS], _factor_values(terms, t)
            if values != 0 or not plain:
                _weighted(values, first, n, weights, weighted)
                _times_numbers(weighted, n, x, row_stride, column_stride, p, ones, products)
                plain = values == 0
            if terms[t, KIND] == CODES:
                _curve_levels(terms, t, first, n, weighted, twice, products, dense, ones, short, place, sums)
                place += columns * (dense + 1 + terms[t, OFFSET])
            else:
                _curve_rows(terms, t, first, n, weighted, twice, products, dense, place, sums)
                place += columns * (dense + columns + terms[t, OFFSET])
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
    """Address of (plan, first row, n, X, h, extra), which adds to the arrays of ``StructuredSums``.

    Summed are the h-weighted products of the terms' columns, with each other and with the dense columns of the rows at
    the address ``X``; the plan is that of a pass.
    """
    return address_of(_loop(6), _curvature()).address


class StructuredSums:
    """Where the curvature of terms is summed, one flat array: for each term of L columns one matrix after the other.

    First its columns by dense ones (L, dense); then by its own (L, L), or the diagonal (L) of a factor, of which a row
    has one level, left empty where it is the first of the dense ones' column; then by each earlier term's, (L, L_s).
    The factor of high cardinality has those by dense and earlier ones in one.

    Parameters
    ----------
    dense : int
        Columns of numbers, the intercept included.
    terms : sequence of Categorical and Sparse
    has_intercept : bool
        Whether the first dense column is the intercept.
    high_cardinality : bool
        Whether the last term keeps the diagonal of its own block alone.
    """

    def __init__(self, dense: int, terms=(), has_intercept: bool = False, high_cardinality: bool = False):
        self.widths = [t.shape[1] for t in terms]
        self.factors = [hasattr(t, "codes") for t in terms]
        # a level's products with the intercept are those with itself
        self.plain = [
            has_intercept and factor and t.values is None for t, factor in zip(terms, self.factors, strict=True)
        ]
        self.dense, self.high_cardinality = dense, self.widths[-1] if high_cardinality else 0
        self.q = sum(self.widths) - self.high_cardinality
        blocks = zip(self.widths, self.factors, strict=True)
        own = sum(w * (dense + (1 if factor else w)) for w, factor in blocks)
        self.size = own + (sum(self.widths) ** 2 - sum(w * w for w in self.widths)) // 2

    @staticmethod
    @cache
    def without_terms(dense: int) -> StructuredSums:
        """That of columns of numbers alone."""
        return StructuredSums(dense)

    def split(self, extra: np.ndarray):
        """(own (q, q), cross (q, dense), border (L, dense + q), diagonal (L)); upper triangle of ``own``."""
        own, cross = np.zeros((self.q, self.q)), np.empty((self.q, self.dense))
        border, diagonal = np.zeros((0, self.dense + self.q)), np.zeros(0)
        place, first = 0, 0

        def take(*shape):
            nonlocal place
            place += int(np.prod(shape))
            return extra[place - int(np.prod(shape)) : place].reshape(shape)

        for t, (w, factor) in enumerate(zip(self.widths, self.factors, strict=True)):
            if first >= self.q:
                border, diagonal = take(w, self.dense + self.q), take(w)
                diagonal = border[:, 0] if self.plain[t] else diagonal
                break
            part = slice(first, first + w)
            cross[part] = take(w, self.dense)
            if factor:
                alone, levels = take(w), np.arange(first, first + w)
                own[levels, levels] = cross[part, 0] if self.plain[t] else alone
            else:
                own[part, part] = take(w, w)
            before = 0
            for earlier in self.widths[:t]:
                own[before : before + earlier, part] = take(w, earlier).T
                before += earlier
            first += w
        return own, cross, border, diagonal
