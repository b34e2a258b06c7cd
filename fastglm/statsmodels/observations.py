"""Row formulas that statsmodels' conventions need beside those of the fit: the observed information and the scores."""

from __future__ import annotations

import numpy as np

from ..inference import row_blocks
from ..kernels.evaluate import evaluate

# d^2 mu / d eta^2 of a link, from eta, mu and d mu / d eta
BEND = {
    "identity": lambda eta, mu, slope: 0.0 * eta,
    "log": lambda eta, mu, slope: slope,
    "logit": lambda eta, mu, slope: slope * (1.0 - 2.0 * mu),
    "probit": lambda eta, mu, slope: -eta * slope,
    "cloglog": lambda eta, mu, slope: slope * (1.0 - np.exp(eta)),
    "loglog": lambda eta, mu, slope: slope * (np.exp(-eta) - 1.0),
    "cauchit": lambda eta, mu, slope: -2.0 * eta / (1.0 + eta * eta) * slope,
    "inverse": lambda eta, mu, slope: 2.0 * mu**3,
    "inverse_squared": lambda eta, mu, slope: -1.5 * slope / eta,
    "sqrt": lambda eta, mu, slope: 2.0 + 0.0 * eta,
}
# d V / d mu of a family
VARIANCE_SLOPE = {
    "gaussian": lambda family, mu: 0.0 * mu,
    "binomial": lambda family, mu: 1.0 - 2.0 * mu,
    "poisson": lambda family, mu: 1.0 + 0.0 * mu,
    "gamma": lambda family, mu: 2.0 * mu,
    "inverse_gaussian": lambda family, mu: 3.0 * mu**2,
    "negative_binomial": lambda family, mu: 1.0 + 2.0 * mu / family.theta,
    "tweedie": lambda family, mu: family.power * mu ** (family.power - 1.0),
}


def bend(link, eta, mu, slope):
    """The second derivative of the mean in the linear predictor, (n,)."""
    if link.name not in BEND:  # links with parameters
        return np.vectorize(link.bend, otypes=[float])(eta)
    return BEND[link.name](eta, mu, slope)


def information(spec, eta, y, observed):
    """Minus the second derivative of the log-density in eta, (n,), at unit weight and scale, or what is expected of it.

    The observed one is the derivative of (y - mu) s / V with s = d mu / d eta (McCullagh and Nelder 1989, 2.5).
    """
    detail = evaluate(spec.family, spec.link, eta, y)
    if not observed or spec.canonical:
        return detail.information
    mu, slope, v = detail.mu, detail.slope, detail.variance
    with np.errstate(all="ignore"):
        turn = bend(spec.link, eta, mu, slope) / v - slope**2 * VARIANCE_SLOPE[spec.family.name](spec.family, mu) / v**2
    return detail.information - (y - mu) * turn


def gram(X, weights):
    """X' diag(weights) X, (p, p), one block of rows at a time; weights of either sign."""
    total = np.zeros((X.shape[1], X.shape[1]))
    for first, block in row_blocks(X):
        total += (block.T * weights[first : first + len(block)]) @ block
    return total


def row_forms(X, matrix):
    """x' matrix x of each row, (n,)."""
    out = np.empty(len(X))
    for first, block in row_blocks(X):
        out[first : first + len(block)] = np.einsum("ij,ij->i", block @ matrix, block)
    return out
