"""What is computed from a finished fit: tests, intervals, residuals, influence, summaries.

This file is their common ground: it turns the rows a user hands to a fitted model into linear predictors and
quadratic forms, one block of rows at a time, so that memory stays small however long X is.
"""

from __future__ import annotations

import numpy as np

from ..core.measured import PREDICTED_BYTES
from ..errors import InvalidParameterError, MissingDataError
from ..linalg.inverse import as_covariance


def row_blocks(X, width=None):
    """Yield (first row, block) with blocks in dense float64, whatever the storage of X.

    `width` counts the float64 numbers that the work on a row needs, by default its own.
    """
    n, p = X.shape
    size = max(1, PREDICTED_BYTES // (8 * max(1, p if width is None else width)))
    for first in range(0, n, size):
        block = X[first : first + size]
        if hasattr(block, "toarray"):
            block = block.toarray()
        yield first, np.asarray(block, dtype=np.float64)


def design_blocks(result, X, width=None):
    """As `row_blocks`, with the column of ones in front where the fit added the intercept."""
    for first, block in row_blocks(X, width):
        if result.intercept:
            full = np.ones((len(block), block.shape[1] + 1))
            full[:, 1:] = block
            block = full
        yield first, block


def linear_predictor(result, X, offset=0.0):
    """X b + offset in float64, with aliased coefficients counted as 0.

    Parameters
    ----------
    X : (n, p) array as returned by `check_X`.
    offset : scalar or (n,) array.

    Returns
    -------
    (n,) array, or (n, m) where the coefficients have m columns

    Raises
    ------
    MissingDataError
        If X contains NaN or infinity.
    """
    b = np.where(np.isnan(result.params), 0.0, result.params)
    constant, slopes = (b[0], b[1:]) if result.intercept else (0.0, b)
    some_zero = not slopes.all()
    eta = np.empty((X.shape[0], *b.shape[1:]))
    with np.errstate(invalid="ignore", over="ignore"):
        for first, block in row_blocks(X):
            part = block @ slopes + constant
            # A non-finite entry of X shows in the product, unless it met a 0 that some BLAS skip.
            if not np.isfinite(block if some_zero else part).all():
                _refuse_not_finite(block, first, result.schema.columns)
            eta[first : first + len(part)] = part
    return eta + offset


def _refuse_not_finite(block, first, names):
    bad = np.argwhere(~np.isfinite(block))
    if len(bad):
        row, column = bad[0]
        raise MissingDataError(f"X: column {names[column]!r} has {block[row, column]} in row {first + row}")


def quadratic_form(result, X, matrix, core=None):
    """x' C x for every row x of the design (intercept included), with aliased rows and columns of C counted as 0.

    Parameters
    ----------
    X : (n, p) array as returned by `check_X`.
    matrix : (k, k) array, k the number of coefficients.
    core : (r, r) array or number, optional
        The matrix in coordinates in which the information is the identity, for nearly dependent columns.

    Returns
    -------
    (n,) array, not negative
    """
    values = np.empty(X.shape[0])
    if result.information_root is not None:
        from .coordinates import Coordinates

        space = Coordinates.of(result.information_root, result.cov_unscaled)
        for first, block in design_blocks(result, X):
            values[first : first + len(block)] = space.form(block, core)
        return np.maximum(values, 0.0)
    covariance = as_covariance(matrix)
    for first, block in design_blocks(result, X):
        values[first : first + len(block)] = covariance.quadratic_form(block)
    return np.maximum(values, 0.0)


def check_one_predictor(family, verb: str) -> None:
    """Refuse a verb that families of several linear predictors do not have.

    Raises
    ------
    InvalidParameterError
    """
    if family.response_model == "several":
        raise InvalidParameterError(f"{verb}: not for family={family.name!r}, which has several linear predictors")


def check_covariance(matrix, what):
    """The covariance that `what` (such as "intervals") is made from.

    Raises
    ------
    InvalidParameterError
        If it is None, as the fit was made with ``cov=None``.
    """
    if matrix is None:
        raise InvalidParameterError(f"the model was fitted with cov=None, so it has no {what}; fit it with cov='model'")
    return matrix
