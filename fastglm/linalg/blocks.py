"""The diagonal block of a factor's levels: a number for each level, or of several classes a small Laplacian."""

from __future__ import annotations

import numpy as np


def laplacian_blocks(levels: np.ndarray) -> np.ndarray:
    """The levels' block of an ``ArrowheadMatrix``: its diagonal (L,), or its blocks (L, c, c)."""
    if levels.ndim == 1:
        return levels
    out, k = -levels, np.arange(levels.shape[1])
    out[:, k, k] = levels.sum(-1)
    return out


def block_product(D: np.ndarray, V: np.ndarray) -> np.ndarray:
    """The product of a diagonal (L,), or of blocks (L, c, c), with an array (L c, ...)."""
    if D.ndim == 1:
        return D * V if V.ndim == 1 else D[:, None] * V
    return (D @ V.reshape(len(D), D.shape[1], -1)).reshape(V.shape)
