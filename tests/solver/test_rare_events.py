"""Standard errors to eight digits however few events there are among the rows: the events carry what is known."""

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


@pytest.mark.parametrize(
    "link, n, p, intercept, seed",
    [(logit, 300_000, 10, -6.0, 2), (cloglog, 300_000, 5, -5.0, 7), (cauchit, 50_000, 8, -3.0, 11)],
)
def test_standard_errors_are_those_at_the_estimates(link, n, p, intercept, seed):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p))
    eta = X @ rng.normal(0, 0.3, p) + intercept
    y = (rng.random(n) < 1.0 / (1.0 + np.exp(-eta))) * 1.0
    result = fastglm.fit(X, y, family="binomial", link=link.__name__)
    Z = np.column_stack([np.ones(n), X])
    mean, slope = link(Z @ result.params)
    weight = slope * slope / (mean * (1.0 - mean))
    bse = np.sqrt(np.diag(np.linalg.inv((Z * weight[:, None]).T @ Z)))
    assert result.converged
    np.testing.assert_allclose(result.bse, bse, rtol=1e-8)
