"""Means from linear predictors."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..kernels.evaluate import evaluate
from .gaussian import Gaussian


def inverse_link(link: Any, eta: Any) -> np.ndarray:
    """The mean at each linear predictor, (n,)."""
    return evaluate(Gaussian(), link, eta, 0.0).mu
