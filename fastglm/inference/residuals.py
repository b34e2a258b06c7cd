"""Residuals of a fitted model on given rows, as R's ``residuals.glm`` defines them, and Anscombe's.

With mean mu, variance function V, unit deviance d and prior weight w:

=========  =====================================================================
response   y - mu
working    (y - mu) / (d mu / d eta)
pearson    (y - mu) sqrt(w / V(mu))
deviance   sign(y - mu) sqrt(w d(y, mu))
anscombe   sqrt(w) (A(y) - A(mu)) / V(mu)^(1/6), with A the integral of V^(-1/3)
quantile   see ``fastglm.inference.quantile_residuals``
=========  =====================================================================

None is divided by the dispersion; see ``influence`` for standardised ones.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..errors import InvalidParameterError
from ..family.registry import power_of_variance
from ..rows.matching import check_column, check_offset, check_X
from . import linear_predictor

NODES = 32  # per half of the range, for variance functions without a closed form
ROWS = 4096  # rows integrated at once


class Rows(NamedTuple):
    """The model evaluated on n rows: y as a mean, prior weights, linear predictor, and the kernel's details."""

    X: np.ndarray
    y: np.ndarray
    weights: np.ndarray | float
    eta: np.ndarray
    detail: NamedTuple


def residuals(result, X, y, kind="deviance", weights=None, offset=None, exposure=None):
    """Residuals (n,) of the rows (X, y), with the arguments of ``GLMResult.residuals``.

    InvalidParameterError if ``kind`` is not one of the first five, and for rows that cannot be used.
    """
    if kind not in KINDS:
        raise InvalidParameterError(f"unknown kind of residual {kind!r}; there are {', '.join([*KINDS, 'quantile'])}")
    rows = evaluate_rows(result, X, y, weights, offset, exposure, needs_weights=kind not in ("response", "working"))
    return KINDS[kind](result, rows)


def evaluate_rows(result, X, y, weights=None, offset=None, exposure=None, needs_weights=True):
    """The rows checked, with family and link evaluated on them; InvalidParameterError for y outside the support of the
    family, weights that are missing, and other arguments that cannot be used.
    """
    from ..kernels.evaluate import evaluate

    X = check_X(result.schema, X)
    n = X.shape[0]
    y, trials = _check_y(result, y, n)
    weights = check_weights(result, weights, n, needs_weights and trials is None)
    if trials is not None:
        weights = weights * trials
    eta = linear_predictor(result, X, check_offset(result, offset, exposure, n))
    detail = evaluate(result.family, result.link, eta, y)
    undefined = np.isnan(detail.deviance)
    if weights is not None:  # rows of weight zero may be anywhere
        undefined &= np.asarray(weights) > 0.0
    if undefined.any():
        row = int(np.argmax(undefined))
        raise InvalidParameterError(
            f"the {result.family.name} deviance is not defined in row {row}, y={y[row]}, fitted mean {detail.mu[row]}"
        )
    return Rows(X, y, weights, eta, detail)


def _check_y(result, y, n):
    """y as (n,) means, with the numbers of trials or None."""
    y = np.asarray(y)
    if y.ndim == 2 and y.shape[1] == 2 and result.family.two_outcomes:
        counts = [check_column("y", column, n) for column in y.T]
        if min(column.min(initial=0.0) for column in counts) < 0:
            raise InvalidParameterError("y: successes and failures must not be negative")
        trials = counts[0] + counts[1]
        return np.divide(counts[0], trials, out=np.zeros(n), where=trials > 0), trials
    if y.ndim != 1:
        raise InvalidParameterError(f"y must have one dimension, got shape {y.shape}")
    if result.classes is not None:
        y = _labels_to_means(y, result.classes)
    return check_column("y", y, n), None


def _labels_to_means(y, classes):
    positive, known = y == classes[1], (y == classes[0]) | (y == classes[1])
    if not np.all(known):
        row = int(np.argmin(known))
        raise InvalidParameterError(f"y has the label {str(y[row])!r} in row {row}; the model knows {list(classes)}")
    return np.asarray(positive, dtype=np.float64)


def check_weights(result, weights, n, needed=True):
    """Prior weights of n rows, a scalar or (n,) array that is not negative; they are asked for where they are
    ``needed`` and the model was fitted with weights.
    """
    if weights is None:
        if result.has_weights and needed:
            raise InvalidParameterError(
                "the model was fitted with weights: give weights= for these rows (1 where they have none)"
            )
        return 1.0
    weights = check_column("weights", weights, n)
    if (weights < 0).any():
        row = int(np.argmax(weights < 0))
        raise InvalidParameterError(f"weights must not be negative, got {np.atleast_1d(weights)[row]} in row {row}")
    return weights


def _error(result, rows):
    """y - mu, keeping its digits where a binomial y is 1 and mu rounds to 1 (V / mu is 1 - mu there)."""
    error, mu = rows.y - rows.detail.mu, rows.detail.mu
    if not result.family.two_outcomes:
        return error
    return np.where((rows.y == 1.0) & (mu > 0.5), rows.detail.variance / mu, error)


def _working(result, rows):
    if not result.family.two_outcomes:
        return rows.detail.score / rows.detail.information
    # R's make.link keeps mu and its slope away from zero by one rounding unit
    eps = np.finfo(float).eps
    return (rows.y - np.clip(rows.detail.mu, eps, 1.0 - eps)) / np.maximum(rows.detail.slope, eps)


def _pearson(result, rows):
    score, information = np.sign(rows.detail.slope) * rows.detail.score, rows.detail.information
    return score * np.sqrt(rows.weights / np.where(information > 0.0, information, np.inf))


def _deviance(result, rows):
    # Rounding can leave a unit deviance of -1e-17 where y and mu agree.
    return np.sign(_error(result, rows)) * np.sqrt(rows.weights * np.maximum(rows.detail.deviance, 0.0))


def _anscombe(result, rows):
    change = anscombe_change(result.family, rows.y, rows.detail.mu, _error(result, rows))
    return np.sqrt(rows.weights) * change / rows.detail.variance ** (1.0 / 6.0)


KINDS = {
    "deviance": _deviance,
    "pearson": _pearson,
    "response": _error,
    "working": _working,
    "anscombe": _anscombe,
}


def anscombe_change(family, y, mu, error):
    """A(y) - A(mu) (n,), the integral of V(t)^(-1/3) from mu to y, infinite where it diverges (y = 0 with V growing as
    mu^3).

    Closed forms for power, binomial and negative-binomial variance functions (McCullagh & Nelder 1989, 2.4.2), where
    the family has them; quadrature for any other. ``error`` is y - mu.
    """
    power = power_of_variance(family)
    if power is not None:
        exponent = 1.0 - power / 3.0
        with np.errstate(divide="ignore"):
            return np.log(y / mu) if exponent == 0 else (y**exponent - mu**exponent) / exponent
    if family.anscombe_change is not None:
        return family.anscombe_change(y, mu, error)
    return np.concatenate(
        [_integrate(family, y[i : i + ROWS], mu[i : i + ROWS]) for i in range(0, max(len(y), 1), ROWS)]
    )


def _integrate(family, y, mu):
    """Gauss-Legendre from mu to y; t = end + (middle - end) s^3 removes the poles V has at the ends of the support."""
    from ..kernels.evaluate import evaluate
    from ..links import get as get_link

    s, w = np.polynomial.legendre.leggauss(NODES)
    s, w = (s + 1.0) / 2.0, w / 2.0
    middle = (y + mu) / 2.0
    total = np.zeros(len(y))
    for end, sign in ((mu, 1.0), (y, -1.0)):
        t = end[:, None] + (middle - end)[:, None] * s**3
        flat = np.ascontiguousarray(t.ravel())
        variance = evaluate(family, get_link("identity"), flat, flat).variance.reshape(t.shape)
        total += sign * (middle - end) * (variance ** (-1.0 / 3.0) @ (3.0 * s**2 * w))
    return total
