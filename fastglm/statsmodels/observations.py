"""Row formulas that statsmodels' conventions need beside those of the fit: the observed information and the scores."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..inference import row_blocks
from ..kernels.evaluate import evaluate, second_derivative


def information(spec: Any, eta: Any, y: Any, observed: Any) -> Any:
    """Minus the second derivative of the log-density in eta, (n,), at unit weight and scale, or what is expected of it.

    The observed one is the derivative of (y - mu) s / V with s = d mu / d eta (McCullagh and Nelder 1989, 2.5).
    """
    detail = evaluate(spec.family, spec.link, eta, y)
    if not observed or spec.canonical:
        return detail.information
    mu, slope, v = detail.mu, detail.slope, detail.variance
    with np.errstate(all="ignore"):
        turn = second_derivative(spec.family, spec.link, eta) / v - slope**2 * spec.family.variance_slope(mu) / v**2
    return detail.information - (y - mu) * turn


def gram(X: Any, weights: Any) -> Any:
    """X' diag(weights) X, (p, p), one block of rows at a time; weights of either sign."""
    total = np.zeros((X.shape[1], X.shape[1]))
    for first, block in row_blocks(X):
        total += (block.T * weights[first : first + len(block)]) @ block
    return total


def row_forms(X: Any, matrix: Any) -> Any:
    """x' matrix x of each row, (n,)."""
    out = np.empty(len(X))
    for first, block in row_blocks(X):
        out[first : first + len(block)] = np.einsum("ij,ij->i", block @ matrix, block)
    return out
