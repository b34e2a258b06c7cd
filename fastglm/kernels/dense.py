"""Linear algebra of p x p matrices that LAPACK does not offer."""

from __future__ import annotations

import numpy as np


def symmetric(a: np.ndarray) -> np.ndarray:
    """A matrix from its upper triangle."""
    return np.triu(a) + np.triu(a, 1).T


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
