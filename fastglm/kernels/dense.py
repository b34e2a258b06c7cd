"""Linear algebra of p x p matrices that LAPACK does not offer."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

SIDE = 128  # rows of a block, whose copy stays in the second-level cache


def symmetric(a: np.ndarray) -> np.ndarray:
    """A matrix from its upper triangle."""
    return mirror(np.array(a))


def mirror(a: np.ndarray) -> np.ndarray:
    """A matrix whose lower triangle becomes the upper one's, in place and by blocks that caches hold."""
    for i in range(0, len(a), SIDE):
        corner = a[i : i + SIDE, i : i + SIDE]
        below = _below(len(corner))
        corner[below] = corner.T[below]
        for k in range(0, i, SIDE):
            a[i : i + SIDE, k : k + SIDE] = a[k : k + SIDE, i : i + SIDE].T
    return a


@lru_cache(maxsize=32)
def _below(m):
    """The places below a diagonal of m numbers."""
    return np.tril_indices(m, -1)


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
