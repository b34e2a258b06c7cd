"""statsmodels' Logit by its default, Newton's method."""

from __future__ import annotations

from .base import Fit, Peer


def load():
    """Import what the fit needs."""
    import statsmodels.api  # noqa: F401


def prepare(data):
    """The design with its constant."""
    return data.with_ones


def fit(data):
    """Newton's method; the clock includes the standard errors."""
    import statsmodels.api as sm

    result = sm.Logit(data.y, data.with_ones).fit(disp=0)
    return Fit(result.params, result.bse, result.mle_retvals["iterations"])


PEER = Peer("statsmodels_logit", frozenset({"binomial"}), True, 6, load, fit, prepare)
