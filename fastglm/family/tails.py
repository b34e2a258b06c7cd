"""Probabilities below and above a response, of families whose responses have atoms."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..errors import InvalidParameterError

WHOLE = 1e-6  # from a whole number, which shares of trials are away from by rounding
REACH = 9.5  # standard deviations of a Poisson number of jumps, beyond which its probability is below 1e-20
FEW_JUMPS = 40  # beyond the reach, that a skewed number of few jumps may need
CELLS = 1_000_000  # probabilities made at once


class Tails(NamedTuple):
    """P(Y < y), P(Y <= y), P(Y > y) and P(Y >= y) of each row, (n,) arrays: both sides, so small ones are exact."""

    below: np.ndarray
    up_to: np.ndarray
    above: np.ndarray
    from_on: np.ndarray


def of_density(distribution: Any, y: Any) -> Tails:
    """The tails of a distribution of ``scipy.stats`` that has a density."""
    below, above = distribution.cdf(y), distribution.sf(y)
    return Tails(below, below, above, above)


def of_counts(distribution: Any, counts: Any) -> Tails:
    """The tails of a distribution of ``scipy.stats`` on whole numbers, at ``counts`` (n,) that may have been rounded.

    Raises
    ------
    InvalidParameterError
        For a count that is no whole number.
    """
    k = np.rint(counts)
    wrong = np.abs(counts - k) > WHOLE * np.maximum(1.0, np.abs(k))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise InvalidParameterError(
            f"kind='quantile': y times its weight is {counts[row]:g} in row {row}, which is no count: the distribution "
            "of such a response is not known"
        )
    return Tails(distribution.cdf(k - 1.0), distribution.cdf(k), distribution.sf(k), distribution.sf(k - 1.0))


def of_tweedie(power: float, y: Any, mu: Any, phi: Any) -> Tails:
    """The tails of a Tweedie distribution with 1 < power < 2, a Poisson number of gamma jumps (Jorgensen 1987).

    With lambda = mu^(2-p) / (phi (2-p)) jumps of shape (2-p) / (p-1) and scale phi (p-1) mu^(p-1), P(Y <= y) is the
    mean over the number of jumps of the gamma's probabilities; zero has probability exp(-lambda).
    """
    y, mu, phi = np.broadcast_arrays(*(np.asarray(v, np.float64) for v in (y, mu, phi)))
    jumps = mu ** (2.0 - power) / (phi * (2.0 - power))
    size = y / (phi * (power - 1.0) * mu ** (power - 1.0))
    up_to, above = np.empty(len(y)), np.empty(len(y))
    order = np.argsort(jumps)  # rows of similar numbers of jumps have similar numbers of terms
    width = 2.0 * REACH * np.sqrt(np.max(jumps, initial=0.0)) + 2.0 * FEW_JUMPS
    for rows in np.array_split(order, max(1, int(len(y) * width // CELLS))):
        up_to[rows], above[rows] = _of_jumps((2.0 - power) / (power - 1.0), jumps[rows], size[rows])
    zero = y == 0.0
    below = np.where(zero, 0.0, up_to)
    return Tails(below, up_to, above, np.where(zero, 1.0, above))


def _of_jumps(shape, jumps, size):
    """Both tails of sums of gamma jumps, by the probabilities of their number."""
    from scipy.special import gammainc, gammaincc, gammaln, pdtr, xlogy

    if not len(jumps):
        return np.zeros(0), np.zeros(0)
    reach = REACH * np.sqrt(jumps.max()) + FEW_JUMPS
    first = max(1.0, np.floor(jumps.min() - reach))
    number = first + np.arange(int(jumps.max() + reach - first) + 1)
    lam = jumps[:, None]
    weight = np.exp(xlogy(number, lam) - lam - gammaln(number + 1.0))
    few = pdtr(first - 1.0, jumps)  # fewer jumps than the first of the sum: none of them, where that is one
    low = np.minimum((weight * gammainc(shape * number, size[:, None])).sum(axis=1) + few, 1.0)
    return low, (weight * gammaincc(shape * number, size[:, None])).sum(axis=1)
