"""Means from linear predictors."""

from __future__ import annotations

import numpy as np

from ..kernels.evaluate import evaluate
from .gaussian import Gaussian


def inverse_link(link, eta) -> np.ndarray:
    """The mean at each linear predictor, (n,)."""
    return evaluate(Gaussian(), link, eta, 0.0).mu
