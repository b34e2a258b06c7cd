"""Reading numbers of any type and stride: what the passes use where X or a vector is not plain float64."""

from __future__ import annotations

from functools import cache

import numpy as np
from numba import carray, types

from . import layout
from .compile import address_of, doubles, inner, peek

SIGNATURE = types.int64(*([types.int64] * 6))

# the types read as they are; a bool is a byte of zero or one
KINDS = {np.dtype(t): t for t in "float64 float32 int8 int16 int32 int64 uint8 uint16 uint32 uint64".split()}
KINDS[np.dtype(bool)] = "uint8"


@cache
def _compiled(name):
    kind = getattr(np, name)

    def load(source, row_stride, col_stride, n, p, out):
        target = carray(doubles(out), n * p)
        for i in range(n):
            for j in range(p):
                target[i * p + j] = peek(source + i * row_stride + j * col_stride, kind)
        return 0

    return address_of(SIGNATURE, load)


def loader(dtype) -> int:
    """Address of the loop (source, row_stride, col_stride, n, p, out) that converts ``dtype``, one of ``KINDS``, to
    float64.
    """
    return _compiled(KINDS[np.dtype(dtype)]).address


@inner()
def strides(plan):
    """The strides of X in numbers, (row, column), as the products see them, and BLAS's leading dimension."""
    if plan[layout.STORAGE] == layout.F_ORDER:
        sj = plan[layout.COL_STRIDE] // 8
        return 1, sj, max(sj, 1)
    si = plan[layout.ROW_STRIDE] // 8 if plan[layout.STORAGE] == layout.C_ORDER else plan[layout.P]
    return si, 1, max(si, 1)
