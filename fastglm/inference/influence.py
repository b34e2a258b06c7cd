"""Leverage, Cook's distances and standardised residuals: R's ``hatvalues``, ``cooks.distance`` and ``rstandard``."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from . import check_covariance, quadratic_form
from .residuals import KINDS, evaluate_rows


class Influence(NamedTuple):
    """How much each row moves the fit; every field is an (n,) array.

    hat : leverage, the diagonal of the hat matrix with the expected information. It sums to the rank; where the fit
        had frequency weights it is that of one copy of the row.
    cooks_distance : change of all coefficients when the row is left out, to first order, in units of their covariance
    pearson : standardised Pearson residuals, r / sqrt(scale (1 - hat))
    deviance : standardised deviance residuals, with the same divisor
    """

    hat: np.ndarray
    cooks_distance: np.ndarray
    pearson: np.ndarray
    deviance: np.ndarray


def influence(result, X, y, weights=None, offset=None, exposure=None):
    """Influence measures of the rows the model was fitted to.

    With w the prior weight, h_i = w (d mu / d eta)^2 / V(mu) x' (X'WX)^-1 x and
    D_i = (r_pearson / (1 - h_i))^2 h_i / (scale rank)  (Williams 1987; R's ``influence.glm``).

    Parameters
    ----------
    X : (n, p) array_like, without the intercept column if the fit added it
    y : (n,) or (n, 2) array_like, as in ``residuals``
    weights, offset, exposure : scalar or (n,) array_like, as they were in the fit

    Returns
    -------
    Influence
        NaN in rows with leverage 1, where the standardised residual is 0 / 0.

    Raises
    ------
    InvalidParameterError
        If the model was fitted without a covariance, or for arguments that cannot be used.
    """
    covariance = check_covariance(result.cov_unscaled, "leverages")
    rows = evaluate_rows(result, X, y, weights, offset, exposure)
    detail = rows.detail
    hat = rows.weights * detail.information * quadratic_form(result, rows.X, covariance)
    hat = np.where(hat > 1.0 - 10.0 * np.finfo(float).eps, 1.0, hat)  # R's rule
    pearson, deviance = KINDS["pearson"](result, rows), KINDS["deviance"](result, rows)
    with np.errstate(divide="ignore", invalid="ignore"):
        cooks = (pearson / (1.0 - hat)) ** 2 * hat / (result.scale * result.rank)
        divisor = np.sqrt(result.scale * (1.0 - hat))
        standard = [_finite(r / divisor) for r in (pearson, deviance)]
    return Influence(hat, _finite(cooks), *standard)


def _finite(values):
    return np.where(np.isfinite(values), values, np.nan)
