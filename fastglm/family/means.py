"""Means from linear predictors."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..kernels.evaluate import mean
from .gaussian import Gaussian


def inverse_link(link: Any, eta: Any) -> np.ndarray:
    """The mean at each linear predictor, (n,)."""
    return mean(Gaussian(), link, eta)
