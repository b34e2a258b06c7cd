"""Softmax regressions for tests: samples, their fits, and records made without a fit."""

from functools import cache

import numpy as np

import fastglm
from fastglm.families import Multinomial
from fastglm.family.multinomial import Softmax
from fastglm.result.multinomial import MultinomialResult

NAN = float("nan")
LABELS = np.array(["ash", "beech", "oak", "pine", "yew"])
NAMES = ("height", "age", "slope")


@cache
def sample(K, n=300, p=3):
    """A design, and labels drawn from a softmax regression on it."""
    rng = np.random.default_rng(K)
    X = rng.normal(size=(n, p)) * [1.0, 3.0, 0.2][:p]
    eta = X @ (rng.normal(size=(p, K)) / [[1.0], [3.0], [0.2]][:p]) + rng.normal(size=K) / 2
    return X, LABELS[:K][np.argmax(eta + rng.gumbel(size=(n, K)), axis=1)]


@cache
def fitted(K=3, **options):
    X, y = sample(K)
    return fastglm.fit(X, y, family="multinomial", names=NAMES, **options)


def made(K=3, p=2, labels=None, seed=0, **changes):
    """A record with numbers from a generator, for what needs no fit."""
    rng = np.random.default_rng(seed)
    classes = tuple(labels or range(K))
    q = (len(classes) - 1) * p
    root = rng.normal(size=(q, q)) / 4
    values = dict(
        params=rng.normal(size=(p, len(classes) - 1)),
        cov_unscaled=root @ root.T,
        names=("(Intercept)", *(f"x{j}" for j in range(1, p))),
        family=Multinomial(reference=classes[0]),
        link=Softmax(),
        deviance=150.5,
        null_deviance=200.0,
        pearson_chi2=160.0,
        scale=1.0,
        llf=-75.25,
        llnull=-100.0,
        nobs=100,
        df_resid=100 * (len(classes) - 1) - q,
        df_model=q - len(classes) + 1,
        rank=q,
        converged=True,
        classes=classes,
    )
    return MultinomialResult(**{**values, **changes})


def close(actual, expected, rtol=1e-9, atol=1e-12):
    np.testing.assert_allclose(actual, expected, rtol=rtol, atol=atol)


def indicators(y, K):
    return (y[:, None] == LABELS[:K]).astype(float)
