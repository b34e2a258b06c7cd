"""The curvature X' diag(h) X of one block: register tiles for narrow X, BLAS for wide."""

from __future__ import annotations

from functools import cache
from math import sqrt

import numpy as np
from numba import carray, types

from .compile import address_of, at, blas, doubles, inner
from .layout import F_ORDER
from .vectors import LANES, load, multiply, store, turned

dsyrk = blas("dsyrk", 10)

# the widest X, intercept included, that the tiles sum faster than BLAS: see "The block pass" in docs/numerics.md
SMALL = 128
# sums of a tile's side: nine of them and what they are made of fit into sixteen registers, sixteen do not
SIDE = 3
# doubles between the rows of a block, so that columns of a power of two do not share the sets of the first-level cache
PAD = 8
_LETTERS = np.frombuffer(b"UNT", dtype=np.uint8).copy()
_SIGNS = np.array([1.0, -1.0])


def _tile_loop(weighted):
    """out[a:a+3, b:b+3] += z[a:a+3, :n] @ diag(h) @ z[b:b+3, :n].T, without h unless ``weighted``; compiled at need."""

    @inner(fastmath={"reassoc", "nsz", "contract"})
    def tile(z, a, b, h, n, out):
        s00 = s01 = s02 = s10 = s11 = s12 = s20 = s21 = s22 = 0.0
        for i in range(n):
            w = h[i] if weighted else 1.0
            a0, a1, a2 = w * z[a, i], w * z[a + 1, i], w * z[a + 2, i]
            b0, b1, b2 = z[b, i], z[b + 1, i], z[b + 2, i]
            s00 += a0 * b0
            s01 += a0 * b1
            s02 += a0 * b2
            s10 += a1 * b0
            s11 += a1 * b1
            s12 += a1 * b2
            s20 += a2 * b0
            s21 += a2 * b1
            s22 += a2 * b2
        # a loop over the sums compiles in half the time of nine lines
        for i, row in enumerate(((s00, s01, s02), (s10, s11, s12), (s20, s21, s22))):
            for j, s in enumerate(row):
                out[a + i, b + j] += s

    return tile


_plain_tile, _weighted_tile = _tile_loop(False), _tile_loop(True)


@inner(fastmath={"reassoc", "nsz", "contract"})
def _first_row(z, m, n, out):
    """out[0, :m] += z[0, :n] @ z[:m, :n].T"""
    for j in range(m):
        s, a, b = 0.0, z[0], z[j]
        for i in range(n):
            s += a[i] * b[i]
        out[0, j] += s


@inner()
def add_tiles(z, m, n, out):
    """Add z[:m, :n] @ z[:m, :n].T to the upper triangle of ``out``; z has rows up to a multiple of ``SIDE``."""
    first = 0
    if m % SIDE == 1:  # an intercept beside whole tiles would fill a row of tiles with zeros
        _first_row(z, m, n, out)
        first = 1
    for a in range(first, m, SIDE):
        for b in range(a, m, SIDE):
            _plain_tile(z, a, b, z[0], n, out)


@inner(fastmath={"reassoc", "nsz", "contract"})
def _first_weighted_row(z, h, root, m, n, out):
    """out[0, :m] += z[0, :n] @ diag(h) @ z[:m, :n].T; ``root`` is overwritten."""
    for i in range(n):
        root[i] = h[i] * z[0, i]
    for j in range(m):
        s, b = 0.0, z[j]
        for i in range(n):
            s += root[i] * b[i]
        out[0, j] += s


@inner()
def add_weighted_tiles(z, h, root, m, n, out):
    """Add z[:m, :n] @ diag(h) @ z[:m, :n].T to the upper triangle of ``out``, as ``add_tiles``."""
    first = 0
    if m % SIDE == 1:
        _first_weighted_row(z, h, root, m, n, out)
        first = 1
    for a in range(first, m, SIDE):
        for b in range(a, m, SIDE):
            _weighted_tile(z, a, b, h, n, out)


@inner()
def add_syrk(z, n, out, sign):
    """Add z[:n].T @ z[:n], or for ``sign`` 1 subtract it, to the lower triangle of ``out``, z in C order."""
    dims = np.empty(3, np.int32)
    p = z.shape[1]
    dims[0], dims[1], dims[2] = p, n, out.shape[1]
    one = at(_SIGNS)
    u = at(_LETTERS)
    # BLAS counts columns first, so its upper triangle is the lower one of a C-ordered matrix
    dsyrk(u, u + 1, at(dims), at(dims) + 4, one + 8 * sign, at(z), at(dims), one, at(out),
          at(dims) + 8)  # fmt: skip


@inner()
def _turn_rows(a, lda, n, p, scale, root, z, width):
    """z[j, i] = x[i, j] scale[j] root[i], for x (n, lda) at ``a`` and z (p, width), four by four."""
    high, step, across = n - n % LANES if p >= LANES else 0, 8 * lda, 8 * width
    for i in range(0, high, LANES):
        weights = load(root + 8 * i)
        for k in range(0, p, LANES):
            j = min(k, p - LANES)  # the last four overlap those before them
            x, out = a + i * step + 8 * j, z + j * across + 8 * i
            factors = load(scale + 8 * j)
            a0, a1 = multiply(load(x), factors), multiply(load(x + step), factors)
            a2, a3 = multiply(load(x + 2 * step), factors), multiply(load(x + 3 * step), factors)
            z0, z1, z2, z3 = turned(a0, a1, a2, a3)
            store(out, multiply(z0, weights))
            store(out + across, multiply(z1, weights))
            store(out + 2 * across, multiply(z2, weights))
            store(out + 3 * across, multiply(z3, weights))
    rows, factors, roots = carray(doubles(a), (n, lda)), carray(doubles(scale), p), carray(doubles(root), n)
    columns_ = carray(doubles(z), (p, width))
    for i in range(high, n):
        for j in range(p):
            columns_[j, i] = rows[i, j] * factors[j] * roots[i]


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
        _turn_rows(a, lda, n, p, at(scale) + 8 * ones, at(root), at(z) + 8 * ones * z.shape[1], z.shape[1])
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


def _narrow():
    def curvature(storage, a, lda, n, p, ones, scale, root, buffer, info, m):
        # a row length that is no power of two, or the rows fall on the same lines of the cache
        z = carray(doubles(buffer), (m, n + PAD))
        scale_columns(storage, a, lda, n, p, ones, carray(doubles(scale), p + ones), carray(doubles(root), n), z)
        add_tiles(z, p + ones, n, carray(doubles(info), (m, m)))
        return 0

    return curvature


def _wide():
    def curvature(storage, a, lda, n, p, ones, scale, root, buffer, info, m):
        z = carray(doubles(buffer), (n, m))
        scale_rows(storage, a, lda, n, p, ones, carray(doubles(scale), p + ones), carray(doubles(root), n), z)
        add_syrk(z, n, carray(doubles(info), (m, m)), 0)
        return 0

    return curvature


def _narrow_columns():
    def columns(storage, a, lda, n, p, ones, scale, ones_, buffer, m):
        z = carray(doubles(buffer), (m, n + PAD))
        scale_columns(storage, a, lda, n, p, ones, carray(doubles(scale), p + ones), carray(doubles(ones_), n), z)
        return 0

    return columns


def _narrow_weighted():
    def weighted(storage, a, lda, n, p, ones, scale, h, root, buffer, info, m):
        z, roots = carray(doubles(buffer), (m, n + PAD)), carray(doubles(root), n)
        add_weighted_tiles(z, carray(doubles(h), n), roots, p + ones, n, carray(doubles(info), (m, m)))
        return 0

    return weighted


def _wide_weighted():
    def weighted(storage, a, lda, n, p, ones, scale, h, root, buffer, info, m):
        z, hs, roots = carray(doubles(buffer), (n, m)), carray(doubles(h), n), carray(doubles(root), n)
        for sign in range(2):
            some = 0.0
            for i in range(n):
                v = hs[i] if sign == 0 else -hs[i]
                roots[i] = sqrt(v) if v > 0.0 else 0.0
                some = max(some, v)
            if some > 0.0:
                scale_rows(storage, a, lda, n, p, ones, carray(doubles(scale), p + ones), roots, z)
                add_syrk(z, n, carray(doubles(info), (m, m)), sign)
        return 0

    return weighted


def _squares():
    def squares(si, sj, a, n, p, ones, h, out):
        hs, sums = carray(doubles(h), n), carray(doubles(out), p + ones)
        if ones:
            for i in range(n):
                sums[0] += hs[i]
        if sj == 1:
            # rows of their own have no strides, so that the loop vectorises; four of them share each sum's way
            own, whole = carray(doubles(out + 8 * ones), p), n - n % 4
            for i in range(0, whole, 4):
                x0, x1 = carray(doubles(a + 8 * i * si), p), carray(doubles(a + 8 * (i + 1) * si), p)
                x2, x3 = carray(doubles(a + 8 * (i + 2) * si), p), carray(doubles(a + 8 * (i + 3) * si), p)
                w0, w1, w2, w3 = hs[i], hs[i + 1], hs[i + 2], hs[i + 3]
                for j in range(p):
                    own[j] += (w0 * x0[j] * x0[j] + w1 * x1[j] * x1[j]) + (w2 * x2[j] * x2[j] + w3 * x3[j] * x3[j])
            for i in range(whole, n):
                x0 = carray(doubles(a + 8 * i * si), p)
                for j in range(p):
                    own[j] += hs[i] * x0[j] * x0[j]
        else:
            for j in range(p):
                x = carray(doubles(a + 8 * j * sj), n)
                s = 0.0
                for i in range(n):
                    s += hs[i] * x[i] * x[i]
                sums[j + ones] += s
        return 0

    return squares


def _moments():
    def moments(si, sj, a, n, p, ones, h, squares, sums):
        hs, squared, own = (
            carray(doubles(h), n),
            carray(doubles(squares + 8 * ones), p),
            carray(doubles(sums + 8 * ones), p),
        )
        if ones:
            total = 0.0
            for i in range(n):
                total += hs[i]
            carray(doubles(squares), 1)[0] += total
            carray(doubles(sums), 1)[0] += total
        if sj == 1:
            whole = n - n % 2
            for i in range(0, whole, 2):
                x0, x1 = carray(doubles(a + 8 * i * si), p), carray(doubles(a + 8 * (i + 1) * si), p)
                w0, w1 = hs[i], hs[i + 1]
                for j in range(p):
                    u0, u1 = w0 * x0[j], w1 * x1[j]
                    own[j] += u0 + u1
                    squared[j] += u0 * x0[j] + u1 * x1[j]
            for i in range(whole, n):
                x0 = carray(doubles(a + 8 * i * si), p)
                for j in range(p):
                    own[j] += hs[i] * x0[j]
                    squared[j] += hs[i] * x0[j] * x0[j]
        else:
            for j in range(p):
                x = carray(doubles(a + 8 * j * sj), n)
                s = t = 0.0
                for i in range(n):
                    s += hs[i] * x[i]
                    t += hs[i] * x[i] * x[i]
                own[j] += s
                squared[j] += t
        return 0

    return moments


@cache
def moments() -> int:
    """Address of the loop that adds the diagonal of X' diag(h) X to ``squares``, and X'h to ``sums``.

    Its arguments are integers: (strides of X in numbers, X, n, p, ones, h, squares, sums).
    """
    return address_of(types.int64(*[types.int64] * 9), _moments()).address


@cache
def squares() -> int:
    """Address of the loop out += the diagonal of X' diag(h) X.

    Its arguments are integers: (strides of X in numbers, X, n, p, ones, h, out).
    """
    return address_of(types.int64(*[types.int64] * 8), _squares()).address


@cache
def columns(narrow: bool) -> int:
    """Address of the loop that prepares a block for several ``weighted`` curvatures, or 0 where none is needed.

    Its arguments are integers: (storage, X, leading dimension, n, p, ones, scale, n ones, buffer, m).
    """
    return address_of(types.int64(*[types.int64] * 10), _narrow_columns()).address if narrow else 0


@cache
def weighted(narrow: bool) -> int:
    """Address of the loop that adds X' diag(h) X of a prepared block to info (m, m), for h of either sign.

    Its arguments are integers: (storage, X, leading dimension, n, p, ones, scale, h, n numbers of room, buffer, info,
    m). It fills the triangle that ``curvature`` does.
    """
    return address_of(types.int64(*[types.int64] * 12), _narrow_weighted() if narrow else _wide_weighted()).address


@cache
def curvature(narrow: bool) -> int:
    """Address of the loop that adds a block's curvature to info (m, m).

    Its arguments are integers: (storage, X, leading dimension, n, p, ones, scale, sqrt(h), buffer, info, m). It fills
    the upper triangle where ``narrow`` (m padded to a multiple of ``SIDE``), else the lower.
    """
    return address_of(types.int64(*[types.int64] * 11), _narrow() if narrow else _wide()).address


def padded(m: int) -> int:
    """The width of the information a pass sums for m columns."""
    return (m + SIDE - 1) // SIDE * SIDE if m <= SMALL else m
