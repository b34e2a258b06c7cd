"""Leverage, Cook's distances and standardised residuals: R's ``hatvalues``, ``cooks.distance`` and ``rstandard``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..linalg.inverse import as_covariance
from . import check_covariance, design_blocks, quadratic_form
from .coordinates import Coordinates
from .deletion import check_deletion, standardised_effects
from .deletion import deletion as deletion_of
from .leverage import NEARLY, ONE, Products, along, scaled
from .residuals import KINDS, evaluate_rows

if TYPE_CHECKING:
    from ..core.records import Array


class Influence(NamedTuple):
    """How much each row moves the fit; every field is an (n,) array.

    hat : leverage, the diagonal of the hat matrix with the expected information. It sums to the rank; where the fit
        had frequency weights it is that of one copy of the row.
    cooks_distance : change of all coefficients when the row is left out, to first order, in units of their covariance
    pearson : standardised Pearson residuals, r / sqrt(scale (1 - hat))
    deviance : standardised deviance residuals, with the same divisor
    """

    hat: Array
    cooks_distance: Array
    pearson: Array
    deviance: Array


def influence(result, X, y, weights=None, offset=None, exposure=None, everyone=None, deletion=False):
    """Influence measures of the rows the model was fitted to.

    With w the prior weight, h_i = w (d mu / d eta)^2 / V(mu) x' (X'WX)^-1 x and
    D_i = (r_pearson / (1 - h_i))^2 h_i / (scale rank)  (Williams 1987; R's ``influence.glm``).

    Parameters
    ----------
    X : (n, p) array_like, without the intercept column if the fit added it
    y : (n,) or (n, 2) array_like, as in ``residuals``
    weights, offset, exposure : scalar or (n,) array_like, as they were in the fit
    everyone : callable, optional
        () -> (X, information in the linear predictor) of all rows of the fit, in parts, where these are a part of them.
    deletion : bool
        Whether to add DFBETAS, DFFITS, COVRATIO, studentised residuals and R's flags.

    Returns
    -------
    Influence, or with ``deletion`` a Deletion
        NaN in rows with leverage 1, where the standardised residual is 0 / 0.

    Raises
    ------
    InvalidParameterError
        If the model was fitted without a covariance, or for arguments that cannot be used.
    """
    covariance = check_covariance(result.cov_unscaled, "leverages")
    if deletion:
        check_deletion(result)
    rows = evaluate_rows(result, X, y, weights, offset, exposure)
    detail = rows.detail
    h = rows.weights * detail.information
    h = np.broadcast_to(h, detail.mu.shape)
    hat = h * quadratic_form(result, rows.X, covariance)
    if everyone is None and not result.has_freq_weights:
        everyone = partial(iter, [(rows.X, h)])
    rest = rest_of_leverage(result, covariance, rows.X, h, hat, everyone)
    hat = np.where(rest == 0.0, 1.0, hat)
    pearson, deviance = KINDS["pearson"](result, rows), KINDS["deviance"](result, rows)
    with np.errstate(divide="ignore", invalid="ignore"):
        cooks = (pearson / rest) ** 2 * hat / (result.scale * result.rank)
        divisor = np.sqrt(result.scale * rest)
        standard = [_finite(r / divisor) for r in (pearson, deviance)]
    found = Influence(hat, _finite(cooks), *standard)
    if not deletion:
        return found
    effects = standardised_effects(result, _space(result, covariance), design_blocks(result, rows.X))
    return deletion_of(result, found, rest, deviance, pearson, h, effects)


def rest_of_leverage(result, covariance, X, h, hat, everyone):
    """1 - leverage (n,), with all its digits where it is small, from the information in the linear predictor ``h`` and
    the leverage ``hat``.

    ``everyone`` gives (X, h times the frequency) of all rows of the fit, in parts; without it there are the digits that
    are left.
    """
    rest, near = 1.0 - hat, np.flatnonzero(hat > NEARLY)
    if len(near) and everyone is not None:
        space = _space(result, covariance)
        chosen = np.concatenate([block for _, block in design_blocks(result, X[near])])
        directions, squares = space.directions(chosen), hat[near] / h[near]
        rest[near] = 0.0
        for part, information in everyone():
            for first, block in design_blocks(result, part):
                own = information[first : first + len(block)]
                rest[near] += along(space.rows(block), own, directions, squares)
    return np.where(rest < ONE, 0.0, rest)


def _space(result, covariance):
    if result.information_root is not None:
        return Coordinates.of(result.information_root, covariance)
    size, V, _ = scaled(as_covariance(covariance).toarray())
    return Products(V, size)


def _finite(values):
    return np.where(np.isfinite(values), values, np.nan)
