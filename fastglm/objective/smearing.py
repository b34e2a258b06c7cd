"""The mean of exp(residual) of a fit of logarithms: Duan's smearing factor, one pass."""

from __future__ import annotations

import numpy as np

from ..source.streaming_qr import offset, predictor, weight, weighted_sum
from ..source.task import Task
from .passes import line_blocks


class Smearing(Task):
    """The sums of w, w e and w e^2 with e = exp(rate (y - eta)), (3,); aliased coefficients count as zero."""

    def __init__(self, beta: np.ndarray, rate: float):
        self.beta, self.rate = np.nan_to_num(beta), rate

    def of(self, part, runs):
        total = np.zeros(3)
        for a, b in line_blocks(runs):
            w = weight(part.data, a, b)
            eta = predictor(part.data, a, b, self.beta) + offset(part.data, a, b)
            ratio = np.exp(self.rate * (np.asarray(part.data.y[a:b], np.float64) - eta))
            total += [w.sum(), *weighted_sum(w, np.column_stack([ratio, ratio**2]))]
        return total


def smearing(source, beta: np.ndarray, rate: float) -> tuple[float, float]:
    """The mean of exp(residual), and the relative variance of that mean as if residuals were drawn independently."""
    weight_sum, first, second = source.reduce(Smearing(beta, rate))
    mean = first / weight_sum
    return float(mean), float(max(second / weight_sum / mean**2 - 1.0, 0.0) / source.n_rows)
