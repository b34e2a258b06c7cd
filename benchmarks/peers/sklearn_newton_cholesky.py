"""scikit-learn with solver="newton-cholesky", no penalty."""

from __future__ import annotations

import numpy as np

from .base import ALL, Fit, Peer


def load():
    import sklearn.linear_model  # noqa: F401


def estimator(data, solver, tol, max_iter):
    """The unpenalised estimator of this family."""
    from sklearn.linear_model import LogisticRegression, TweedieRegressor

    if data.family == "binomial":
        return LogisticRegression(C=np.inf, solver=solver, tol=tol, max_iter=max_iter)
    power = {"gaussian": 0, "poisson": 1, "gamma": 2, "inverse_gaussian": 3}.get(data.family)
    power = data.parameters["power"] if power is None else power
    return TweedieRegressor(power=power, alpha=0, link=data.link, solver=solver, tol=tol, max_iter=max_iter)


def run(data, solver, tol, max_iter):
    """Fit and read the coefficients, intercept first."""
    est = estimator(data, solver, tol, max_iter).fit(data.X, data.y)
    return Fit(np.r_[np.ravel(est.intercept_), np.ravel(est.coef_)], None, int(np.max(est.n_iter_)))


def fit(data):
    """Newton steps until the gradient of the mean loss is at 1e-7."""
    return run(data, "newton-cholesky", 1e-7, 100)


FAMILIES = ALL - {"negative_binomial"}
PEER = Peer("sklearn_newton_cholesky", FAMILIES, False, 2, load, fit, note="no standard errors")
