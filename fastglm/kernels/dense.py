"""Linear algebra of a few dozen columns, where a call to LAPACK costs more than the arithmetic."""

from __future__ import annotations

from math import sqrt

import numpy as np

from .compile import jit

SMALL = 64  # the widest matrix these loops are for


@jit()
def symmetric(a, m, upper):
    """The leading m x m part of ``a`` with its other triangle filled in; the given one is the upper or the lower."""
    out = np.empty((m, m))
    for i in range(m):
        for j in range(i, m):
            v = a[i, j] if upper else a[j, i]
            out[i, j] = v
            out[j, i] = v
    return out


@jit()
def scaled_cholesky(a, triangle, s):
    """Factor diag(s) a diag(s) = triangle' triangle with s making the diagonal one; the smallest squared pivot.

    Negative where a diagonal entry of ``a`` or a pivot is not positive.
    """
    m = a.shape[0]
    for i in range(m):
        if not a[i, i] > 0.0:
            return -1.0
        s[i] = 1.0 / sqrt(a[i, i])
    least = 1.0
    for j in range(m):
        for i in range(j + 1):
            v = a[i, j] * s[i] * s[j]
            for k in range(i):
                v -= triangle[k, i] * triangle[k, j]
            if i < j:
                triangle[i, j] = v / triangle[i, i]
            else:
                if not v > 0.0:
                    return -1.0
                least = min(least, v)
                triangle[j, j] = sqrt(v)
        for i in range(j + 1, m):
            triangle[i, j] = 0.0
    return least


@jit()
def solve(triangle, s, g):
    """diag(s) (triangle' triangle)^-1 diag(s) g."""
    m = g.size
    x = np.empty(m)
    for i in range(m):
        v = g[i] * s[i]
        for k in range(i):
            v -= triangle[k, i] * x[k]
        x[i] = v / triangle[i, i]
    for i in range(m - 1, -1, -1):
        v = x[i]
        for k in range(i + 1, m):
            v -= triangle[i, k] * x[k]
        x[i] = v / triangle[i, i]
    for i in range(m):
        x[i] *= s[i]
    return x


@jit()
def inverse(triangle):
    """(triangle' triangle)^-1."""
    m = triangle.shape[0]
    half = np.zeros((m, m))
    for j in range(m):
        half[j, j] = 1.0 / triangle[j, j]
        for i in range(j - 1, -1, -1):
            v = 0.0
            for k in range(i + 1, j + 1):
                v -= triangle[i, k] * half[k, j]
            half[i, j] = v / triangle[i, i]
    out = np.empty((m, m))
    for i in range(m):
        for j in range(i, m):
            v = 0.0
            for k in range(j, m):
                v += half[i, k] * half[j, k]
            out[i, j] = v
            out[j, i] = v
    return out


def orthogonal_triangle(A: np.ndarray) -> np.ndarray:
    """R of A = QR by Householder reflections in A's own precision, for those LAPACK does not have."""
    A = A.copy()
    n, m = A.shape
    for k in range(min(n, m)):
        v = A[k:, k].copy()
        size = np.sqrt(v @ v)
        if size == 0:
            continue
        v[0] += size if v[0] >= 0 else -size
        A[k:, k:] -= np.outer(v, (2 / (v @ v)) * (v @ A[k:, k:]))
    return np.triu(A[:m])
