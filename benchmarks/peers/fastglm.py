"""This library, at its defaults."""

from __future__ import annotations

from .base import ALL, Fit, Peer


def load():
    import fastglm

    fastglm.fit  # noqa: B018  an unfinished package is "not installed", not an error in every cell


def fit(data, solver="auto"):
    """One fit with standard errors."""
    import fastglm

    result = fastglm.fit(
        data.X, data.y, family=family(data), link=data.link, offset=data.offset, weights=data.weights,
        solver=solver, threads=data.threads,
    )  # fmt: skip
    return Fit(result.params, result.bse, result.n_passes, "passes")


def family(data):
    """The family as `fastglm.fit` takes it: a value where it has a parameter."""
    from fastglm import families

    values = {"negative_binomial": "NegativeBinomial", "tweedie": "Tweedie"}
    if data.family in values:
        return getattr(families, values[data.family])(*data.parameters.values())
    return data.family


PEER = Peer("fastglm", ALL, True, 0.2, load, fit)
