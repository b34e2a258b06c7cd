"""The competitors, one short file each; a new one is a file with a `PEER` and its name here."""

from __future__ import annotations

import importlib

from .base import Fit, Peer

NAMES = (
    "fastglm", "statsmodels_logit", "statsmodels_glm", "statsmodels_newton", "sklearn_newton_cholesky",
    "sklearn_lbfgs", "glum", "r_glm",
)  # fmt: skip


def get(name: str) -> Peer:
    """The peer of this name; its library is not imported."""
    return importlib.import_module(f"{__name__}.{name}").PEER


__all__ = ["NAMES", "Fit", "Peer", "get"]
