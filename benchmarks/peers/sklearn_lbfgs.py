"""scikit-learn with solver="lbfgs", no penalty."""

from __future__ import annotations

from .base import Peer
from .sklearn_newton_cholesky import FAMILIES, load, run


def fit(data):
    """L-BFGS as far as its fixed stop on the loss allows, or to a gradient of 1e-8."""
    return run(data, "lbfgs", 1e-8, 10_000)


PEER = Peer("sklearn_lbfgs", FAMILIES, False, 1, load, fit, note="no standard errors")
