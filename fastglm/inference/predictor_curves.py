"""Predictions of models with several linear predictors as functions of these, with first and second derivatives.

Marginal effects, comparisons and the standard errors of predictions are made of them: the gradient of a prediction in
the coefficients of a predictor is its derivative in the predictor times the predictor's columns.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..errors import InvalidParameterError
from ..family.gaussian import Gaussian
from ..kernels.evaluate import mean_curve
from ..links import get as get_link
from ..objective.several import derivatives
from . import several


class Curves(NamedTuple):
    """K predictions of n rows: ``value`` (n, K), and their derivatives in the Q linear predictors, ``first`` (n, K, Q)
    and ``second`` (n, K, Q, Q)."""

    value: np.ndarray
    first: np.ndarray
    second: np.ndarray


def effect_kinds(family) -> tuple[str, ...]:
    """The predictions that effects and errors are of, by the names of ``predict``; the first are means."""
    return {
        "ordinal": ("proba", "cumulative", "link"),
        "count": ("mean", "count", "zero", "link") if family.second_field else ("mean", "count", "link"),
        "beta": ("mean", "precision", "variance", "link"),
        "double": ("mean", "dispersion", "variance", "link"),
    }[several.loop_name(family)]


def curves(result, kind: str, eta, counts=None) -> Curves:
    """The predictions of a kind at linear predictors eta (Q, n), with their derivatives.

    Parameters
    ----------
    result : SeveralResult
    kind : str
        As for ``SeveralResult.predict``, but for "class" and "quantile".
    eta : (Q, n) array
    counts : sequence of int
        For kind="proba" of counts.

    Raises
    ------
    InvalidParameterError
        For a kind that has no derivatives.
    """
    q, n = eta.shape
    group = several.loop_name(result.family)
    with np.errstate(all="ignore"):
        if kind == "link":
            return Curves(eta[:1].T, np.broadcast_to(np.eye(1, q), (n, 1, q)), np.zeros((n, 1, q, q)))
        if group == "ordinal":
            found = _levels(result, eta)
            return found if kind == "proba" else Curves(*(np.cumsum(part, axis=1)[:, :-1] for part in found))
        if group == "count" and kind == "proba":
            values = several.count_probabilities(result.family, several.count_parts(result.family, eta), counts)
            return _by_loop(result, eta, values, counts)
        if group == "count":
            return _counts(result.family, kind, eta)
        return (_shares if group == "beta" else _with_dispersion)(result, kind, eta)


def _by_loop(result, eta, values, numbers) -> Curves:
    """Probabilities ``values`` (n, K) of the responses ``numbers``, by the derivatives of their logarithms."""
    (q, n), loop = eta.shape, result.family.loop(result.link, result.second_link)
    first, second = np.empty((n, len(numbers), q)), np.empty((n, len(numbers), q, q))
    upper = np.triu_indices(q)
    eta, ones = np.ascontiguousarray(eta), np.ones(n)
    for k, y in enumerate(numbers):
        _, g, h = derivatives(loop, eta, np.full(n, float(y)), ones)
        whole = np.empty((n, q, q))
        whole[:, upper[0], upper[1]] = whole[:, upper[1], upper[0]] = h.T
        value = values[:, k, None]
        first[:, k] = value * g.T
        second[:, k] = value[:, :, None] * (whole + g.T[:, :, None] * g.T[:, None, :])
    return Curves(values, first, second)


def _levels(result, eta) -> Curves:
    """The probability of each level."""
    values = several.level_probabilities(result, eta)
    return _by_loop(result, eta, values, range(values.shape[1]))


def _of_logarithm(value, first, second) -> Curves:
    """One positive prediction (n,) a row from the derivatives of its logarithm, (Q, n) and by pairs (Q, Q, n)."""
    first, second = np.stack(first), np.array(second)
    return _of_parts(value, value * first, value * (second + first[:, None] * first))


def _counts(family, kind, eta) -> Curves:
    """A mean, the mean of the count part, or the probability of the zero part."""
    q, parts, has_zero = len(eta), several.count_parts(family, eta), family.second_field is not None
    zero = np.zeros(eta.shape[1])
    if kind == "count":
        first = [zero + 1.0, *[zero] * (q - 1)]
        return _of_logarithm(parts.mu, first, [[zero] * q] * q)
    own, fall = parts.zero, 1.0 / (1.0 + np.exp(eta[1])) if has_zero else zero
    if kind == "zero":
        first = [zero, fall, *[zero] * (q - 2)]
        second = [[zero] * q for _ in range(q)]
        second[1][1] = -own * fall
        return _of_logarithm(own, first, second)
    value = several.count_moments(family, parts)[0]
    first, second = [zero] * q, [[zero] * q for _ in range(q)]
    first[0] = zero + 1.0
    if family.inflated:
        first[1], second[1][1] = -own, -own * fall
        return _of_logarithm(value, first, second)
    if has_zero:
        first[1], second[1][1] = fall, -own * fall
    _truncated(family, eta, parts, first, second)
    return _of_logarithm(value, first, second)


def _truncated(family, eta, parts, first, second):
    """Take from the derivatives of a logarithm those of log(1 - f(0)), f(0) the count part's probability of zero."""
    mu, r = parts.mu, np.exp(parts.log_none) / -np.expm1(parts.log_none)
    places = [0] if family.shape_name is None else [0, len(eta) - 1]
    if family.shape_name is None:
        d, dd = [-mu], [[-mu]]
    else:
        theta = 1.0 / parts.excess
        s = mu / (mu + theta)
        by_theta = parts.log_none + theta * s
        both = -theta * s * s
        d, dd = [-theta * s, by_theta], [[-theta * s * (1.0 - s), both], [both, by_theta + theta * s * s]]
    for i, a in enumerate(places):
        first[a] = first[a] + r * d[i]
        for j, b in enumerate(places):
            second[a][b] = second[a][b] + r * dd[i][j] + r * (1.0 + r) * d[i] * d[j]


def _shares(result, kind, eta) -> Curves:
    """The mean, the precision, or the variance of shares."""
    mu, slope, bend = mean_curve(Gaussian(), result.link, np.ascontiguousarray(eta[0]))
    phi, rise, turn = mean_curve(Gaussian(), get_link(result.second_link), np.ascontiguousarray(eta[1]))
    zero = np.zeros(len(mu))
    if kind == "mean":
        return _of_parts(mu, [slope, zero], [[bend, zero], [zero, zero]])
    if kind == "precision":
        return _of_parts(phi, [zero, rise], [[zero, zero], [zero, turn]])
    if kind != "variance":
        raise InvalidParameterError(f"kind={kind!r} of shares has no derivatives")
    spread, less = mu * (1.0 - mu), 1.0 / (1.0 + phi)
    a, aa = (1.0 - 2.0 * mu) * slope, (1.0 - 2.0 * mu) * bend - 2.0 * slope * slope
    b, bb = -less * less * rise, 2.0 * less**3 * rise * rise - less * less * turn
    return _of_parts(spread * less, [a * less, spread * b], [[aa * less, a * b], [a * b, spread * bb]])


def _with_dispersion(result, kind, eta) -> Curves:
    """The mean, the dispersion, or the variance of responses whose dispersion has columns of its own."""
    mu, slope, bend = mean_curve(Gaussian(), result.link, np.ascontiguousarray(eta[0]))
    phi, zero, power = np.exp(eta[1]), np.zeros(len(mu)), result.family.variance_power
    if kind == "mean":
        return _of_parts(mu, [slope, zero], [[bend, zero], [zero, zero]])
    if kind == "dispersion":
        return _of_parts(phi, [zero, phi], [[zero, zero], [zero, phi]])
    spread = mu**power
    a, aa = zero, zero
    if power:
        a = power * mu ** (power - 1.0) * slope
        aa = power * ((power - 1.0) * mu ** (power - 2.0) * slope * slope + mu ** (power - 1.0) * bend)
    return _of_parts(phi * spread, [phi * a, phi * spread], [[phi * aa, phi * a], [phi * a, phi * spread]])


def _of_parts(value, first, second) -> Curves:
    """One prediction (n,) a row from its derivatives, in the predictors and by pairs of these."""
    return Curves(value[:, None], np.array(first).T[:, None], np.array(second).transpose(2, 0, 1)[:, None])
