"""statsmodels' GLM by IRLS, its default and its fastest."""

from __future__ import annotations

from .base import ALL, Fit, Peer


def load():
    import statsmodels.genmod.generalized_linear_model  # noqa: F401


def prepare(data):
    data.with_ones  # noqa: B018  built and kept before the clock starts


def model(data):
    """The GLM object of these data."""
    from statsmodels.genmod import families
    from statsmodels.genmod.generalized_linear_model import GLM

    links = {"identity": "Identity", "logit": "Logit", "log": "Log"}
    link = getattr(families.links, links[data.link])()
    name = "".join(part.title() for part in data.family.split("_"))
    options = {
        "negative_binomial": {"alpha": 1 / data.parameters.get("theta", 1)},
        "tweedie": {"var_power": data.parameters.get("power")},
    }.get(data.family, {})
    return GLM(data.y, data.with_ones, family=getattr(families, name)(link=link, **options))


def fit(data):
    """IRLS until the coefficients stand still."""
    result = model(data).fit(tol=1e-8, tol_criterion="params")
    return Fit(result.params, result.bse, result.fit_history["iteration"])


PEER = Peer(
    "statsmodels_glm", ALL, True, 11.5, load, fit, prepare,
    note="its column of ones is added before the clock starts",
)  # fmt: skip
