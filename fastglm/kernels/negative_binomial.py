"""Sums over rows for the likelihood of the negative binomial's theta."""

from __future__ import annotations

from .compile import jit
from .elementary import log1p


@jit()
def theta_terms(mu, y, w, theta):
    """The first and second derivative in theta of what rows' log-likelihoods have of their means, summed with weights.

    Parameters
    ----------
    mu, y, w : (n,) contiguous arrays of doubles
    theta : float

    Returns
    -------
    tuple of two floats
    """
    first, second = 0.0, 0.0
    for i in range(len(mu)):
        mean = mu[i] if w[i] > 0.0 else 1.0  # of weight zero it need not be finite; a choice, for vectors of rows
        over, times = 1.0 / (mean + theta), mean / theta
        gap = (mean - y[i]) * over
        first += w[i] * (gap - log1p(times))
        second += w[i] * over * (times - gap)
    return first, second
