"""Shrinkage of a sample's information towards its diagonal, and how much of it pays.

Ledoit, O. and Wolf, M. (2004), "A well-conditioned estimator for large-dimensional covariance matrices": the mixture of
a sample's matrix and its target that is nearest to the truth weighs each by the error of the other. The target here has
the diagonal of the sample, and what columns share with the intercept.
"""

from __future__ import annotations

from math import inf, isfinite

import numpy as np

from .symmetric import Dense

ALIKE = 0.9  # a correlation, from which on two columns are nearly the same
SIDE = 256  # columns whose correlations with the others are held at once


def mean_square_correlation(rows: np.ndarray) -> float:
    """The mean square correlation of every two columns of a population, of which ``rows`` (r, p) are a sample.

    Of independent rows of mean zero and correlations R the squared product of two has the mean trace(R R). The average
    counts no row with itself, so that few rows give an unbiased value (Chen and Qin 2010, "A two-sample test for
    high-dimensional data"); infinite where a column is constant in them or not finite, or two are nearly the same.
    """
    r, p = rows.shape
    with np.errstate(all="ignore"):
        z = rows - rows.mean(0)
        size = np.sqrt(np.square(z).mean(0))
        if p < 2 or not (isfinite(float(size.sum())) and size.min() > 0.0):
            return inf
        z /= size
        if _largest_correlation(z) > ALIKE:
            return inf
        products = np.square(z @ z.T)
    between = (products.sum() - np.trace(products)) / (r * (r - 1.0))
    return float(max((between - p) / (p * (p - 1.0)), 0.0))


def _largest_correlation(z):
    """The largest absolute correlation of two columns of mean zero and variance one, a block of them at a time."""
    r, p = z.shape
    largest = 0.0
    for first in range(0, p, SIDE):
        some = z[:, first : first + SIDE].T @ z[:, first:]
        some.flat[:: some.shape[1] + 1] = 0.0
        largest = max(largest, float(np.abs(some, out=some).max()))
    return largest / r


def shrunk(information: Dense, rows: float, share: float, centred: bool) -> Dense:
    """The information of a sample as a better estimate of that of all rows.

    Parameters
    ----------
    information : Dense
        Of m coefficients.
    rows : float
        Rows of the sample.
    share : float
        Their part of all rows: a sample of all is not changed.
    centred : bool
        Whether the first coefficient is an intercept, whose row stays as it is.

    Returns
    -------
    Dense
        The same where a column is constant. Its off-diagonal entries, about the intercept, are the sample's times
        1 - noise / square, with the mean square of its correlations and what noise of uncorrelated columns makes of it.
    """
    full = information.toarray()
    shared = np.outer(full[0], full[0] / full[0, 0]) if centred else 0.0
    own = full - shared
    if centred:
        own[0, 0] = full[0, 0]  # its row and column are zeros but for rounding
    variances = own.diagonal().copy()
    if not variances.min() > 0.0:
        return information
    m = len(own)
    inverse = 1.0 / variances
    square = (inverse @ np.square(own) @ inverse - m) / (m * (m - 1.0))
    noise = 1.0 / rows
    weight = min(noise / max(square, noise), 1.0 - share)
    own *= 1.0 - weight
    own.flat[:: m + 1] = variances
    if centred:
        own[0], own[:, 0], own[0, 0] = 0.0, 0.0, 0.0
    return Dense(own + shared)
