"""The referee: deviance, optimum and standard errors in plain numpy, block by block, for any peer's answer."""

from __future__ import annotations

import math

import numpy as np

ROWS = 65_536


def deviance(data, coef) -> float:
    """Deviance of `data` at these coefficients, intercept first."""
    coef = np.asarray(coef, float)
    if not np.isfinite(coef).all():
        return math.inf
    return math.fsum(float(np.sum(_rows(data, y, eta)[2])) for _, y, eta in _blocks(data, coef))


def optimum(data, coef, steps=20):
    """Newton's method from the best answer of anyone, to the rounding of float64.

    Returns
    -------
    coef, se : ndarray
        The optimum, and model-based standard errors there (expected information, Pearson's dispersion).
    """
    coef = np.array(coef, float)
    for _ in range(steps):
        score, information, pearson = _sums(data, coef)
        step = np.linalg.solve(information, score)
        coef += step
        if step @ score < 1e-20:
            break
    fixed = data.family in ("binomial", "poisson", "negative_binomial")
    dispersion = 1.0 if fixed else pearson / (len(data.y) - len(coef))
    return coef, np.sqrt(dispersion * np.diag(np.linalg.inv(information)))


def _sums(data, coef):
    p = len(coef)
    score, information, pearson = np.zeros(p), np.zeros((p, p)), 0.0
    for X, y, eta in _blocks(data, coef):
        mu, slope, _ = _rows(data, y, eta)
        variance = _variance(data, mu)
        score += X.T @ ((y - mu) * slope / variance)
        information += X.T @ (X * (slope * slope / variance)[:, None])
        pearson += float(np.sum((y - mu) ** 2 / variance))
    return score, information, pearson


def _blocks(data, coef):
    for start in range(0, len(data.y), ROWS):
        X = np.asarray(data.X[start : start + ROWS])
        X = np.column_stack([np.ones(len(X)), X])
        yield X, data.y[start : start + ROWS], X @ coef


def _variance(data, mu):
    match data.family:
        case "gaussian":
            return np.ones_like(mu)
        case "binomial":
            return mu * (1 - mu)
        case "negative_binomial":
            return mu + mu * mu / data.parameters["theta"]
        case family:
            return mu ** _power(data, family)


def _power(data, family):
    powers = {"poisson": 1, "gamma": 2, "inverse_gaussian": 3}
    return powers[family] if family in powers else data.parameters["power"]


def _rows(data, y, eta):
    """Mean, its slope and the unit deviance of each row."""
    if data.family == "gaussian":
        return eta, np.ones_like(eta), (y - eta) ** 2
    if data.family == "binomial":
        mu = 0.5 * (1 + np.tanh(0.5 * eta))
        return mu, mu * (1 - mu), 2 * (np.logaddexp(0, eta) - y * eta)
    mu = np.exp(eta)
    return mu, mu, 2 * _half(data, y, mu)


def _half(data, y, mu):
    log_ratio = np.log(np.where(y > 0, y, mu) / mu)
    match data.family:
        case "poisson":
            return y * log_ratio - (y - mu)
        case "gamma":
            return (y - mu) / mu - log_ratio
        case "inverse_gaussian":
            return (y - mu) ** 2 / (2 * mu * mu * y)
        case "negative_binomial":
            theta = data.parameters["theta"]
            return y * log_ratio - (y + theta) * np.log((y + theta) / (mu + theta))
        case _:
            k = data.parameters["power"]
            return y ** (2 - k) / ((1 - k) * (2 - k)) - y * mu ** (1 - k) / (1 - k) + mu ** (2 - k) / (2 - k)
