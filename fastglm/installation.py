"""The loops that an installation compiles, so that first fits wait for no compiler: a step of ``setup.py``."""

from __future__ import annotations

import warnings
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import FastGLMWarning
from .fitting.entry import fit
from .fitting.path import path
from .fitting.warmup import warmup
from .kernels.cache import Built
from .matrix import Categorical, Dense, Split
from .penalties import GroupLasso, Ridge
from .smoothing.entry import local
from .solvers import SGD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def build(part: int = 0, parts: int = 1) -> None:
    """Compile what most first fits need into the package.

    Rows of numbers, weights, factors, robust covariances, predictions, penalties, classes, several predictors, local
    regression and stochastic gradients; other loops are compiled when they are first asked for.

    Parameters
    ----------
    part, parts : int
        Which share of the work, of how many, for processes that run at the same time.
    """
    Built.building = True
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FastGLMWarning)  # the rows mean nothing
        for work in list(works())[part::parts]:
            work()


def works() -> Iterator[Callable[[], Any]]:
    """The fits whose loops are compiled; families in turn, so that processes have different ones."""
    rng, n = np.random.default_rng(0), 200
    X, share, z = rng.uniform(0.5, 1.0, (n, 2)), rng.uniform(0.2, 0.8, n), (rng.random(n) < 0.5) * 1.0
    counts, levels, more = rng.poisson(2.0, n) * (rng.random(n) < 0.7) * 1.0, *rng.integers(0, 3, (2, n))
    responses = {"binomial": z, "gaussian": share, "poisson": z, "gamma": share}
    for family in responses:
        yield partial(warmup, [family])
    for family, y in responses.items():
        yield partial(fit, X, y, family=family, weights=share)
        yield partial(_fit_and_predict, X, y, family, share)
    yield partial(local, X[:, :1], z, family="binomial", bandwidth=0.3)
    line = np.linspace(0.0, 1.0, 9000)
    yield partial(local, line[:, None], line**2, bandwidth=1.0, at=line[:3, None])  # by moments of many rows
    for family in ("gaussian", "binomial"):
        yield partial(path, X, z, family=family, lambdas=[0.1, 0.01])
        yield partial(path, X, z, family=family, penalty=GroupLasso(groups=[0, 0]), lambdas=[0.1, 0.01])
        yield partial(fit, X, z, family=family, penalty=Ridge(1.0))
        yield partial(fit, X, z, family=family, solver=SGD(epochs=2))
    columns = Split((Dense(X), Categorical(levels, 3, share), Categorical(more - 1, 2)))
    yield partial(fit, columns, z, family="binomial")
    yield partial(fit, X, levels, family="multinomial")
    yield partial(fit, X, counts, family="zero_inflated_poisson")
    yield partial(fit, X, levels, family="ordinal")
    yield partial(fit, X, share, family="beta")
    yield partial(fit, X, z, family="poisson", exposure=share)
    yield partial(fit, X, z, family="binomial", cov="HC3")
    yield partial(fit, X, rng.negative_binomial(1.0, 0.5, n), family="negative_binomial")


def _fit_and_predict(X, y, family, share):
    fit(X, y, family=family, offset=X[:, 0] ** 2, cov="HC1").predict(X, offset=share, interval="mean")
