"""Standard errors to eight digits wherever the last curvature was made: of rare events, long tails and rare levels."""

import numpy as np
import pytest

import fastglm


def logit(eta):
    mean = 1.0 / (1.0 + np.exp(-eta))
    return mean, mean * (1.0 - mean)


def cloglog(eta):
    return -np.expm1(-np.exp(eta)), np.exp(eta - np.exp(eta))


def cauchit(eta):
    return 0.5 + np.arctan(eta) / np.pi, 1.0 / (np.pi * (1.0 + eta * eta))


def errors_at(Z, params, mean, slope, variance):
    """The standard errors of the information at ``params``, from its definition."""
    weight = slope * slope / variance
    return np.sqrt(np.diag(np.linalg.inv((Z * weight[:, None]).T @ Z)))


@pytest.mark.parametrize(
    "link, n, p, intercept, seed",
    [(logit, 300_000, 10, -6.0, 2), (cloglog, 300_000, 5, -5.0, 7), (cauchit, 50_000, 8, -3.0, 11)],
)
def test_of_rare_events(link, n, p, intercept, seed):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p))
    eta = X @ rng.normal(0, 0.3, p) + intercept
    y = (rng.random(n) < 1.0 / (1.0 + np.exp(-eta))) * 1.0
    result = fastglm.fit(X, y, family="binomial", link=link.__name__)
    Z = np.column_stack([np.ones(n), X])
    mean, slope = link(Z @ result.params)
    assert result.converged
    np.testing.assert_allclose(result.bse, errors_at(Z, result.params, mean, slope, mean * (1 - mean)), rtol=1e-8)


def columns(kind, rng, n, p):
    if kind == "normal":
        return rng.standard_normal((n, p))
    if kind == "long tails":
        return rng.standard_t(3, (n, p))
    if kind == "skewed":
        return rng.lognormal(0, 1, (n, p))
    levels = (rng.random((n, p)) < 10.0 ** rng.uniform(-3.0, -0.5, p)) * 1.0
    if kind == "levels and numbers":
        levels[:, ::2] = rng.standard_normal(levels[:, ::2].shape)
    return levels


@pytest.mark.parametrize("family", ["binomial", "poisson"])
@pytest.mark.parametrize("kind", ["normal", "long tails", "skewed", "levels", "levels and numbers"])
@pytest.mark.parametrize("seed", range(3))
def test_of_columns_of_every_shape(kind, family, seed):
    rng = np.random.default_rng([seed, len(kind)])
    n, p = int(rng.integers(25_000, 150_000)), int(rng.integers(3, 25))
    X = columns(kind, rng, n, p)
    b = rng.normal(0, 0.3 / np.sqrt(p), p) / np.maximum(X.std(0), 0.05)
    eta = np.clip((X - X.mean(0)) @ b, -6, 6) + rng.uniform(-2.5, 0)
    y = (rng.random(n) < 1 / (1 + np.exp(-eta))) * 1.0 if family == "binomial" else rng.poisson(np.exp(eta)) * 1.0
    result = fastglm.fit(X, y, family=family)
    Z = np.column_stack([np.ones(n), X])
    if family == "binomial":
        mean, slope = logit(Z @ result.params)
    else:
        mean = slope = np.exp(Z @ result.params)
    assert result.converged
    np.testing.assert_allclose(result.bse, errors_at(Z, result.params, mean, slope, slope), rtol=1e-8)
