"""Randomised quantile residuals: normal scores of the distribution function at each response.

With F the distribution of a row at its fitted mean and the dispersion of the fit, the residual is Phi^-1(F(y)); where F
jumps at y, a uniform random number u between the two values, Phi^-1(F(y-) + u (F(y) - F(y-))) (Dunn, P. K. and Smyth,
G. K. 1996, "Randomized quantile residuals", Journal of Computational and Graphical Statistics 5; R's
``statmod::qresid``). If the model is right they are standard normal but for the estimation of its parameters, for any
family. The dispersion of a row is that of the fit over its prior weight; a count with a weight w is a mean of w counts.
"""

from __future__ import annotations

import numpy as np

from ..errors import InvalidParameterError
from ..family.tails import Tails, of_density
from .residuals import evaluate_rows


def tails_of_rows(result, X, y, weights=None, offset=None, exposure=None) -> Tails:
    """The probabilities of smaller and larger responses than those of the rows; NaN for rows of weight zero.

    Raises
    ------
    InvalidParameterError
        For a family without a distribution, and a response that cannot come from it.
    """
    family = result.family
    has_distribution = family.saturated is not None or family.profiled
    if not has_distribution or (family.tails is None and family.frozen is None):
        raise InvalidParameterError(
            f"kind='quantile': family={family.name!r} has no distribution function; there are those of binomial, "
            "poisson, negative_binomial, gaussian, gamma, inverse_gaussian and tweedie"
        )
    rows = evaluate_rows(result, X, y, weights, offset, exposure)
    w = np.broadcast_to(np.asarray(rows.weights, np.float64), rows.y.shape)
    counted = w > 0.0
    y, mu, w = rows.y[counted], rows.detail.mu[counted], w[counted]
    if family.tails is None:
        found = of_density(family.frozen(mu, result.scale / w, 1), y)
    else:
        found = family.tails(y, mu, result.scale, w)
    return Tails(*(_placed(values, counted) for values in found))


def _placed(values, counted):
    full = np.full(len(counted), np.nan)
    full[counted] = values
    return full


def normal_scores(tails: Tails, uniform) -> np.ndarray:
    """The residuals (n,) at random numbers ``uniform`` (n,) in [0, 1), by the tail that is the smaller one."""
    from scipy.special import ndtri

    lower = tails.below + uniform * (tails.up_to - tails.below)
    upper = tails.above + (1.0 - uniform) * (tails.from_on - tails.above)
    return np.where(lower < 0.5, ndtri(lower), -ndtri(upper))
