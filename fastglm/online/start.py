"""The starting coefficients of a stream."""

from __future__ import annotations

from typing import Any

import numpy as np


def constant_model(likelihood: Any, batch: Any, family: Any, link: Any) -> Any:
    """() -> coefficients of the constant model: the mean of y, or the shares of the classes."""
    if batch.totals is not None:
        beta = np.zeros((likelihood.n_classes - 1, likelihood.n_columns))
        if batch.data.has_intercept:
            shares = np.maximum(batch.totals, 0.5)
            beta[:, 0] = np.log(shares[1:] / shares[0])
        return lambda: beta.ravel()
    sums, mean = batch.sums, batch.sums.mean
    if mean in (family.domain.low, family.domain.high):
        # half an event away from the end, where the link is infinite
        mean = (sums.weighted_y + 0.5) / (sums.weight + 1.0)
    eta = float(link.link(mean))
    return lambda: likelihood.constant_start(mean, eta)
