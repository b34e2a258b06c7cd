"""What leaving out each row does to a fit, to first order: R's ``influence.measures`` with its flags."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.linalg import solve_triangular

from ..errors import InvalidParameterError

if TYPE_CHECKING:
    from ..core.records import Array

MOST_COEFFICIENTS = 2000  # of which every row has a DFBETAS
FLAGS = ("dfbetas", "dffits", "covratio", "cooks_distance", "hat")


class Deletion(NamedTuple):
    """Influence measures of each row; n rows, p coefficients.

    hat, cooks_distance, pearson, deviance : (n,) arrays, as in ``Influence``
    rstudent : (n,) studentised residuals, sign(d) sqrt(d^2 + h r^2 / (1 - h)) of deviance residual d and Pearson
        residual r, over sigma_i where the dispersion is estimated (R's ``rstudent``)
    dffits : (n,) change of the fitted linear predictor of the row, in its standard errors
    covratio : (n,) determinant of the covariance of the coefficients without the row, over that with it
    dfbetas : (n, p) change of each coefficient, in standard errors at sigma_i; NaN where aliased
    flags : (n, 5) bool, whether R's ``influence.measures`` marks the row for its DFBETAS (|.| > 1), DFFITS
        (|.| > 3 sqrt(p / (n - p))), COVRATIO (|1 - .| > 3 p / (n - p)), Cook's distance (above the median of
        F(p, n - p)) and leverage (> 3 p / n)
    """

    hat: Array
    cooks_distance: Array
    pearson: Array
    deviance: Array
    rstudent: Array
    dffits: Array
    covratio: Array
    dfbetas: Array
    flags: Array

    @property
    def influential(self) -> Array:
        """(n,) bool, whether a row has any flag."""
        return np.asarray(self.flags, bool).any(axis=1)


def check_deletion(result) -> None:
    """Refuse DFBETAS of so many coefficients that a row of them is larger than the rows of most data.

    Raises
    ------
    InvalidParameterError
    """
    if len(result.names) > MOST_COEFFICIENTS:
        raise InvalidParameterError(
            f"deletion=True has a number for each row and coefficient, and the model has {len(result.names):,} of "
            f"them; at most {MOST_COEFFICIENTS:,}"
        )


def deletion(result, measures, rest, deviance, pearson, information, effects) -> Deletion:
    """The measures of rows.

    Parameters
    ----------
    measures : Influence
    rest : (n,) array, 1 - leverage
    deviance, pearson : (n,) arrays of residuals
    information : (n,) array, the information in the linear predictor
    effects : (n, p) array
        Each row times the inverse information, over the standard errors at dispersion one.

    Notes
    -----
    sigma_i^2 = (sum d^2 - d_i^2 / (1 - h_i)) / (n - p - 1) of deviance residuals, as R takes it for every family.
    """
    k, df = result.rank, result.df_resid
    with np.errstate(divide="ignore", invalid="ignore"):
        sigma = np.sqrt(np.maximum(result.deviance - deviance**2 / rest, 0.0) / (df - 1.0))
        student = np.sign(deviance) * np.sqrt(deviance**2 + measures.hat * pearson**2 / rest)
        if result.family.dispersion != "one":
            student = student / sigma
        dffits = deviance * np.sqrt(measures.hat) / (sigma * rest)
        scaled = deviance / (sigma * np.sqrt(rest))
        covratio = 1.0 / (rest * ((df - 1.0 + scaled**2) / df) ** k)
        dfbetas = effects * (np.sqrt(information) * deviance / (rest * sigma))[:, None]
    found = [np.where(np.isfinite(values), values, np.nan) for values in (student, dffits, covratio, dfbetas)]
    return Deletion(*measures, *found, _flags(measures, *found[1:], k, df))


def _flags(measures, dffits, covratio, dfbetas, k, df):
    """R's marks, (n, 5); False where a measure is NaN."""
    from scipy.special import fdtr

    with np.errstate(invalid="ignore"):
        return np.column_stack([
            (np.abs(dfbetas) > 1.0).any(axis=1), np.abs(dffits) > 3.0 * np.sqrt(k / df),
            np.abs(1.0 - covratio) > 3.0 * k / df, fdtr(k, df, measures.cooks_distance) > 0.5,
            measures.hat > 3.0 * k / (k + df),
        ])  # fmt: skip


def standardised_effects(result, space, blocks) -> np.ndarray:
    """Each row (n, p) times the inverse information, over the standard errors at dispersion one; NaN where aliased.

    ``space`` is ``leverage.Products`` or ``Coordinates``, ``blocks`` are pairs of a first row and dense rows.
    """
    variances = np.diagonal(np.asarray(result.cov_unscaled, np.float64))
    parts = []
    for _, block in blocks:
        effects = space.effects(block)[0]
        if result.information_root is not None:
            inner = solve_triangular(space.root, effects.T, check_finite=False).T / np.sqrt(variances[space.kept])
            effects = np.full((len(block), len(variances)), np.nan)
            effects[:, space.kept] = inner
        parts.append(np.where(np.isnan(variances), np.nan, effects))
    return np.concatenate(parts)
