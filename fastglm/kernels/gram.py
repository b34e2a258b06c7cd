"""The curvature X' diag(h) X of one block: register tiles for narrow X, BLAS for wide."""

from __future__ import annotations

import numpy as np

from .compile import blas, inner

dsyrk = blas("dsyrk", 10)

SMALL = 128  # widest X, intercept included, that the tiles sum faster than BLAS
_LETTERS = np.frombuffer(b"UNT", dtype=np.uint8).copy()
_ONES = np.array([1.0])


@inner(fastmath={"reassoc", "nsz", "contract"})
def _tile(z, a, b, n, out):
    """out[a:a+4, b:b+4] += z[a:a+4, :n] @ z[b:b+4, :n].T"""
    s00 = s01 = s02 = s03 = s10 = s11 = s12 = s13 = 0.0
    s20 = s21 = s22 = s23 = s30 = s31 = s32 = s33 = 0.0
    for i in range(n):
        a0, a1, a2, a3 = z[a, i], z[a + 1, i], z[a + 2, i], z[a + 3, i]
        b0, b1, b2, b3 = z[b, i], z[b + 1, i], z[b + 2, i], z[b + 3, i]
        s00 += a0 * b0
        s01 += a0 * b1
        s02 += a0 * b2
        s03 += a0 * b3
        s10 += a1 * b0
        s11 += a1 * b1
        s12 += a1 * b2
        s13 += a1 * b3
        s20 += a2 * b0
        s21 += a2 * b1
        s22 += a2 * b2
        s23 += a2 * b3
        s30 += a3 * b0
        s31 += a3 * b1
        s32 += a3 * b2
        s33 += a3 * b3
    for i, row in enumerate(
        ((s00, s01, s02, s03), (s10, s11, s12, s13), (s20, s21, s22, s23), (s30, s31, s32, s33))
    ):
        for j, s in enumerate(row):
            out[a + i, b + j] += s


@inner()
def add_tiles(z, n, out):
    """Add z[:, :n] @ z[:, :n].T to the upper triangle of ``out``; the rows of z are a multiple of four."""
    m = z.shape[0]
    for a in range(0, m, 4):
        for b in range(a, m, 4):
            _tile(z, a, b, n, out)


@inner()
def add_syrk(z, n, out):
    """Add z[:n].T @ z[:n] to the lower triangle of ``out``, z in C order."""
    dims = np.empty(3, np.int32)
    p = z.shape[1]
    dims[0], dims[1], dims[2] = p, n, out.shape[1]
    one = _ONES.ctypes.data
    u = _LETTERS.ctypes.data
    # BLAS counts columns first, so its upper triangle is the lower one of a C-ordered matrix
    dsyrk(u, u + 1, dims.ctypes.data, dims.ctypes.data + 4, one, z.ctypes.data, dims.ctypes.data, one, out.ctypes.data,
          dims.ctypes.data + 8)  # fmt: skip
