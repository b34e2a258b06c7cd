"""statsmodels' GLM by Newton's method, after its three IRLS steps for a start."""

from __future__ import annotations

from .base import ALL, Fit, Peer
from .statsmodels_glm import load, model, prepare


def fit(data):
    """Newton's method at its own tolerance of 1e-8 in the coefficients."""
    result = model(data).fit(method="newton", tol=1e-8, disp=0)
    return Fit(result.params, result.bse, result.mle_retvals["iterations"])


PEER = Peer(
    "statsmodels_newton", ALL, True, 10, load, fit, prepare,
    note="its standard errors use the observed information: they differ under links that are not canonical",
)  # fmt: skip
