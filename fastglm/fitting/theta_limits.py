"""The ends of theta's range, where counts of several predictors tell it no more: Poisson's, and Fisher's series.

As theta grows, negative binomial counts become Poisson's. As it falls to zero together with the mean, those above zero
become the logarithmic series of Fisher, Corbet and Williams (1943, Journal of Animal Ecology 12), of which mu / theta
is the parameter: the likelihood of truncated counts then has its maximum at infinity in both logarithms.
"""

from __future__ import annotations

from math import log

from ..solver.indefinite import Range
from .theta import LARGEST

LEAST = 1e-8  # of theta, below which truncated counts cannot be told from a logarithmic series
USUAL = 10.0  # theta over the mean of y that a descent begins at, where a sample's is infinite
INFINITE = (
    "the counts vary no more than Poisson's: theta is infinite, and the fit is that of family={limit!r}. Its theta has "
    "no standard error"
)
ZERO = (
    "theta is zero: the counts above zero follow a logarithmic series, whose tail is the longest that a negative "
    "binomial has. Log(theta) stays at {end:.2f} and has no standard error, and the intercept of the count part is "
    "relative to it; their difference, all other coefficients and predictions are at the optimum"
)


def range_of(family, mean: float, n_params: int) -> Range | None:
    """The range of log theta, the last of so many parameters, for counts of a mean; None for families without it."""
    return None if family.shape_name is None else Range(n_params - 1, log(LEAST), log(LARGEST * mean))
