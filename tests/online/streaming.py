"""Data for tests of streams, and how far an answer is from the optimum in standard errors."""

from functools import cache
from typing import NamedTuple

import numpy as np
from scipy.special import expit

import fastglm
from fastglm import families


class Distance(NamedTuple):
    """Root mean square and largest distance of coefficients in standard errors, and the largest |se / se - 1|."""

    rms: float
    largest: float
    se: float


def distance(result, exact) -> Distance:
    """How far ``result`` is from the exact fit; NaN (aliased) in one has to be NaN in the other."""
    np.testing.assert_array_equal(np.isnan(result.params), np.isnan(exact.params))
    away = (result.params - exact.params) / exact.bse
    return Distance(
        float(np.sqrt(np.nanmean(away**2))),
        float(np.nanmax(np.abs(away))),
        float(np.nanmax(np.abs(result.bse / exact.bse - 1))),
    )


def columns(n, p, seed=0, rho=0.5):
    """Standard normal columns (n, p), each correlated with the one before it."""
    Z = np.random.default_rng(seed).normal(size=(n, p))
    for j in range(1, p):
        Z[:, j] = rho * Z[:, j - 1] + np.sqrt(1 - rho**2) * Z[:, j]
    return Z


def badly_scaled(Z, seed=0):
    """The columns times 10^U(-2, 3), with means of up to five standard deviations."""
    rng = np.random.default_rng([seed, 1])
    scale = 10 ** rng.uniform(-2, 3, Z.shape[1])
    return Z * scale + scale * rng.uniform(-5, 5, Z.shape[1])


def predictor(Z, level, spread=0.7, seed=0):
    """A linear predictor with mean ``level`` and a standard deviation of about ``spread``."""
    rng = np.random.default_rng([seed, 2])
    return level + Z @ rng.normal(size=Z.shape[1]) * spread / np.sqrt(Z.shape[1])


RESPONSES = {
    "gaussian": lambda rng, eta: rng.normal(eta),
    "binomial": lambda rng, eta: (rng.random(len(eta)) < expit(eta)).astype(float),
    "poisson": lambda rng, eta: rng.poisson(np.exp(eta)).astype(float),
    "overdispersed": lambda rng, eta: rng.poisson(np.exp(eta) * rng.gamma(1.0, 1.0, len(eta))).astype(float),
    "normal": lambda rng, eta: rng.normal(np.exp(eta), 0.3),  # its mean on the log scale
    "wald": lambda rng, eta: rng.wald(np.exp(eta), 2.0),
    "gamma": lambda rng, eta: rng.gamma(2.0, np.exp(eta) / 2.0),
}


def made(kind, n, p, level=-0.5, spread=0.7, seed=0, scaled=True):
    """A design and a response of the canonical model (log link for "gamma"): X (n, p), y (n,)."""
    Z = columns(n, p, seed)
    y = RESPONSES[kind](np.random.default_rng([seed, 3]), predictor(Z, level, spread, seed))
    return badly_scaled(Z, seed) if scaled else Z, y


def classes(n, p, K, seed=0):
    """A design (n, p), badly scaled, and the numbers (n,) of K classes drawn from a softmax regression on it."""
    Z, rng = columns(n, p, seed), np.random.default_rng([seed, 4])
    eta = Z @ rng.normal(size=(p, K)) / np.sqrt(p) + rng.normal(size=K) / 2
    return badly_scaled(Z, seed), np.argmax(eta + rng.gumbel(size=(n, K)), axis=1)


def sandwich(result, X, y, weights=1.0, repeats=1.0):
    """Huber's and White's covariance (HC0) of a model with a canonical link in plain numpy, (q, q).

    ``repeats`` (n,) says how often each row is there; ``weights`` (n,) are prior weights.
    """
    A = np.column_stack([np.ones(len(X)), X])
    size = np.sqrt(np.square(A).mean(0))
    A = A / size
    mu = result.predict(X)
    if mu.ndim == 2:
        kept = [c != result.reference for c in result.classes]
        known = np.asarray(result.classes)[kept]
        mu, y = mu[:, kept], y[:, None] == known
        h = mu[:, :, None] * (np.eye(mu.shape[1]) - mu[:, None, :])
    else:
        mu, y = mu[:, None], np.asarray(y, float)[:, None]
        name = result.family.name
        h = {"binomial": mu * (1 - mu), "poisson": mu, "gaussian": np.ones_like(mu)}[name][:, :, None]
    w = np.broadcast_to(np.asarray(weights, float), len(X))
    f = np.broadcast_to(np.asarray(repeats, float), len(X))
    scores = ((y - mu)[:, :, None] * A[:, None, :] * w[:, None, None]).reshape(len(X), -1)
    q = scores.shape[1]
    information = np.einsum("n,nab,ni,nj->aibj", w * f, h, A, A, optimize=True).reshape(q, q)
    bread = np.linalg.inv(information)
    units = np.tile(size, h.shape[1])
    return bread @ (scores.T @ (scores * f[:, None])) @ bread / units / units[:, None]


def online(X, y, family="binomial", batch=1000, columns=(), classes=None, **options):
    """An ``OnlineGLM`` that has read all rows; ``columns`` are the names of vectors among the options."""
    vectors = {name: options.pop(name) for name in columns}
    model = fastglm.OnlineGLM(family, **options)
    for a in range(0, len(y), batch):
        part = {name: v[a : a + batch] for name, v in vectors.items()}
        model.partial_fit(X[a : a + batch], y[a : a + batch], classes=classes if a == 0 else None, **part)
    return model


# name -> (kind of response, family, link)
MODELS = {
    "gaussian": ("gaussian", "gaussian", None),
    "gaussian with the log link": ("normal", "gaussian", "log"),
    "binomial": ("binomial", "binomial", None),
    "probit": ("binomial", "binomial", "probit"),
    "poisson": ("poisson", "poisson", None),
    "quasi-poisson": ("overdispersed", "quasipoisson", None),
    "quasi-binomial": ("binomial", "quasibinomial", None),
    "negative binomial": ("overdispersed", families.NegativeBinomial(1.0), "log"),
    "gamma": ("gamma", "gamma", "log"),
    "inverse gaussian": ("wald", "inverse_gaussian", "log"),
    "tweedie": ("poisson", families.Tweedie(1.4), "log"),
    "quasi": ("gamma", families.Quasi("mu^2"), "log"),
}


@cache
def data(kind, n=20_000, p=5):
    """A design and a response of a kind of ``RESPONSES``, or labels of three kinds of tree, drawn once."""
    if kind == "multinomial":
        X, codes = classes(n, p, 3)
        return X, np.array(["oak", "ash", "fir"])[codes]
    return made(kind, n, p)


def bits(model):
    """Everything that a stream's state is made of, as bytes."""
    parts = [model.n_rows, model.n_batches, model._shape, model._sums, model._vectors, model._null_mean, model._null]
    arrays = {} if model._state is None else model._state.state()
    kept = [v for b in model._waiting for v in b.data if isinstance(v, np.ndarray)]
    arrays = [*arrays.values(), *kept, *([] if model._totals is None else [model._totals])]
    return repr(parts), tuple(np.asarray(a).tobytes() for a in arrays)
