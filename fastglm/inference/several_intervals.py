"""Intervals of models with several linear predictors: for their predictions, and for new responses."""

from __future__ import annotations

import numpy as np

from ..errors import InvalidParameterError
from ..family.means import inverse_link
from ..linalg.inverse import as_covariance
from ..links import get as get_link
from ..special import sigmoid
from . import check_covariance, row_blocks, several
from .predictor_curves import curves
from .wald import Prediction, quantile

NUDGE = 1e-5  # relative step of the derivatives of the beta distribution in its parameters


def scale_of(family, kind: str) -> str:
    """The scale that the interval of a kind of prediction is made on: of probabilities and shares the logit, of other
    positive numbers the logarithm."""
    group = several.loop_name(family)
    if kind == "link" or (group == "double" and kind == "mean" and family.domain.low < 0.0):
        return "identity"
    shares = group == "beta" and kind in ("mean", "quantile")
    return "logit" if shares or kind in ("proba", "cumulative", "zero") else "log"


def confidence(result, X, offset, kind: str, level: float, counts=None, quantiles=None) -> Prediction:
    """Predictions (n,) or (n, K) with standard errors by the delta method, by the covariance that the result has, and
    limits that stay in the range of the prediction.

    Raises
    ------
    InvalidParameterError
        For a result without a covariance.
    """
    V = as_covariance(check_covariance(result.cov_params(), "intervals"))
    reach, table, m = quantile(level, result.test_df), several.CoefficientTable.of(result), len(result.params)
    filled, parts = table.filled(result.params), []
    offset = np.broadcast_to(offset, (X.shape[0],))
    numbers = counts if counts is not None else quantiles if quantiles is not None else result.columns
    width = m * len(numbers)
    for first, block in row_blocks(X, width):
        eta = (block @ filled[1:] + filled[0]).T
        eta[0] += offset[first : first + len(block)]
        value, slope = _sloped(result, kind, eta, counts, quantiles)
        own = np.hstack([np.ones((len(block), 1)), block])[:, table.rows] * table.signs
        rows = (slope[:, :, table.columns] * own[:, None, :]).reshape(-1, m)
        se = np.sqrt(np.maximum(V.quadratic_form(rows), 0.0)).reshape(value.shape)
        parts.append(np.stack([value, se, *_limits(value, se, reach, scale_of(result.family, kind))]))
    found = np.concatenate(parts, axis=1) if parts else np.zeros((4, 0, 1))
    single = several.single(result.family, kind)
    return Prediction(*(found[:, :, 0] if single else found))


def _sloped(result, kind, eta, counts, quantiles):
    """Predictions (n, K) and their derivatives in the linear predictors (n, K, Q)."""
    if kind != "quantile":
        found = curves(result, kind, np.ascontiguousarray(eta), counts)
        return found.value, found.first
    from scipy.special import betainc, betaincinv
    from scipy.stats import beta

    mean, phi = (curves(result, name, np.ascontiguousarray(eta)) for name in ("mean", "precision"))
    a, b = mean.value * phi.value, (1.0 - mean.value) * phi.value
    with np.errstate(all="ignore"):
        value = betaincinv(a, b, np.asarray(quantiles, np.float64))
        density = beta.pdf(value, a, b)
        by_a = (betainc(a * (1.0 + NUDGE), b, value) - betainc(a * (1.0 - NUDGE), b, value)) / (2.0 * NUDGE * a)
        by_b = (betainc(a, b * (1.0 + NUDGE), value) - betainc(a, b * (1.0 - NUDGE), value)) / (2.0 * NUDGE * b)
        slope_a = phi.value[:, :, None] * mean.first + mean.value[:, :, None] * phi.first
        slope_b = (1.0 - mean.value)[:, :, None] * phi.first - phi.value[:, :, None] * mean.first
        slope = -(by_a[:, :, None] * slope_a + by_b[:, :, None] * slope_b) / density[:, :, None]
    return value, slope


def _limits(value, se, reach, scale):
    """Limits that are symmetric on a scale."""
    if scale == "identity":
        return value - reach * se, value + reach * se
    with np.errstate(all="ignore"):
        if scale == "log":
            away = np.exp(reach * se / value)
            low, high = value / away, value * away
        else:
            odds, away = np.log(value) - np.log1p(-value), reach * se / (value * (1.0 - value))
            low, high = sigmoid(odds - away), sigmoid(odds + away)
    known = (value > 0.0) & ((scale == "log") | (value < 1.0))  # at the ends of the range errors are zero
    return np.where(known, low, value), np.where(known, high, value)


def new_response(result, X, offset, level: float) -> Prediction:
    """Limits that a new response of each row lies between with a probability of at least ``level``: quantiles of the
    fitted distribution of counts or shares, without the uncertainty of the estimates; ``se`` is that of the mean."""
    quantile(level)
    family = result.family
    eta = several.predictors(result, X, offset)
    if result.cov_params() is None:
        mean = curves(result, "mean", eta).value[:, 0]
        found = Prediction(mean, np.full(len(mean), np.nan), mean, mean)
    else:
        found = confidence(result, X, offset, "mean", level)
    tails = (1.0 - level) / 2.0, (1.0 + level) / 2.0
    if family.whole:
        parts = several.count_parts(family, eta)
        return found._replace(
            lower=count_quantile(family, parts, tails[0]), upper=count_quantile(family, parts, tails[1])
        )
    mu, phi = inverse_link(result.link, eta[0]), inverse_link(get_link(result.second_link), eta[1])
    if several.loop_name(family) == "double":
        lower, upper = own_quantiles(family, mu, phi, tails)
        return found._replace(lower=lower, upper=upper)
    from scipy.special import betaincinv

    a, b = mu * phi, (1.0 - mu) * phi
    return found._replace(lower=betaincinv(a, b, tails[0]), upper=betaincinv(a, b, tails[1]))


def own_quantiles(family, mu, phi, tails) -> list[np.ndarray]:
    """Quantiles (n,) of responses whose dispersion has columns of its own, for each of some probabilities.

    Raises
    ------
    InvalidParameterError
        For a family without a distribution.
    """
    base = several.base_of(family)
    if base.frozen is None:
        raise InvalidParameterError(
            f"interval='prediction': family={family.name!r} has no distribution whose quantiles are known"
        )
    distribution = base.frozen(mu, phi, 1)
    return [np.asarray(distribution.ppf(tail), np.float64) for tail in tails]


def count_quantile(family, parts, p: float) -> np.ndarray:
    """The smallest count (n,) up to which the distribution has a probability of at least p."""
    from scipy.stats import nbinom, poisson

    mu, excess, log_none, zero = parts
    none = np.exp(log_none)
    with np.errstate(all="ignore"):
        if family.inflated:
            inside = (p - zero) / (1.0 - zero)
        else:
            inside = none + (p - (1.0 - zero)) / zero * -np.expm1(log_none)
        found = nbinom.ppf(inside, 1.0 / excess, 1.0 / (1.0 + mu * excess)) if excess else poisson.ppf(inside, mu)
    if family.inflated:
        return np.where(inside <= none, 0.0, found)
    return np.where(p <= 1.0 - zero, 0.0, np.maximum(found, 1.0))
