"""glum's GeneralizedLinearRegressor without penalty, and its model-based standard errors."""

from __future__ import annotations

from .base import ALL, Fit, Peer


def load():
    import glum  # noqa: F401


def fit(data):
    """Fit to a gradient of 1e-7, then expected-information standard errors; both are timed."""
    import glum

    family = {"gaussian": "normal", "inverse_gaussian": "inverse.gaussian"}.get(data.family, data.family)
    if family == "negative_binomial":
        family = glum.NegativeBinomialDistribution(1 / data.parameters["theta"])
    if family == "tweedie":
        family = glum.TweedieDistribution(data.parameters["power"])
    est = glum.GeneralizedLinearRegressor(alpha=0, family=family, link=data.link, gradient_tol=1e-7)
    est.fit(data.X, data.y)
    one = 1.0 if data.family in ("binomial", "poisson", "negative_binomial") else None
    se = est.std_errors(data.X, data.y, robust=False, dispersion=one, expected_information=True)
    return Fit([est.intercept_, *est.coef_], se, est.n_iter_)


PEER = Peer(
    "glum", ALL, True, 3, load, fit,
    note="gradient_tol=1e-7: below it the line search stalls in the rounding of the loss; its errors carry n / (n - p)",
)  # fmt: skip
