"""Families and links again, in plain numpy and from their textbook definitions, for tests to compare with.

What is registered must be listed here: nothing is compared with its own formulas.
"""

from __future__ import annotations

import numpy as np
from scipy import special, stats

import fastglm
from fastglm import families, links  # noqa: F401, the registrations
from fastglm.family.registry import FAMILIES, LINKS

PARAMETERS = {"negative_binomial": (2.5,), "tweedie": (1.4,), "power": (0.5,)}

LINK = {
    "identity": lambda mu: mu,
    "log": np.log,
    "logit": special.logit,
    "probit": stats.norm.ppf,
    "cloglog": lambda mu: np.log(-np.log1p(-mu)),
    "loglog": lambda mu: -np.log(-np.log(mu)),
    "cauchit": stats.cauchy.ppf,
    "inverse": lambda mu: 1 / mu,
    "inverse_squared": lambda mu: mu**-2.0,
    "sqrt": np.sqrt,
    "power": np.sqrt,
}
INVERSE = {
    "identity": lambda eta: eta,
    "log": np.exp,
    "logit": special.expit,
    "probit": stats.norm.cdf,
    "cloglog": lambda eta: -np.expm1(-np.exp(eta)),
    "loglog": lambda eta: np.exp(-np.exp(-eta)),
    "cauchit": stats.cauchy.cdf,
    "inverse": lambda eta: 1 / eta,
    "inverse_squared": lambda eta: eta**-0.5,
    "sqrt": np.square,
    "power": np.square,
}
SLOPE = {
    "identity": np.ones_like,
    "log": np.exp,
    "logit": lambda eta: special.expit(eta) * special.expit(-eta),
    "probit": stats.norm.pdf,
    "cloglog": lambda eta: np.exp(eta - np.exp(eta)),
    "loglog": lambda eta: np.exp(-eta - np.exp(-eta)),
    "cauchit": stats.cauchy.pdf,
    "inverse": lambda eta: -(eta**-2.0),
    "inverse_squared": lambda eta: -0.5 * eta**-1.5,
    "sqrt": lambda eta: 2 * eta,
    "power": lambda eta: 2 * eta,
}
VARIANCE = {
    "gaussian": np.ones_like,
    "binomial": lambda mu: mu * (1 - mu),
    "poisson": lambda mu: mu,
    "gamma": np.square,
    "inverse_gaussian": lambda mu: mu**3,
    "negative_binomial": lambda mu: mu + mu**2 / 2.5,
    "tweedie": lambda mu: mu**1.4,
    "quasipoisson": lambda mu: mu,
    "quasibinomial": lambda mu: mu * (1 - mu),
    "quasi(constant)": np.ones_like,
    "quasi(mu)": lambda mu: mu,
    "quasi(mu(1-mu))": lambda mu: mu * (1 - mu),
    "quasi(mu^2)": np.square,
    "quasi(mu^3)": lambda mu: mu**3,
}


def _value(cls, name):
    return cls(*PARAMETERS.get(name, (1.5,) * len(cls._fields)))


def family(name):
    """The registered family with parameters that suit a test."""
    return _value(FAMILIES[name], name)


def link(name):
    """The registered link with parameters that suit a test."""
    return _value(LINKS[name], name)


def variance(value, mu):
    """V(mu) of a family value; none is compared with itself: a new one has its formula in ``VARIANCE``."""
    return VARIANCE[value.name](mu)


def inverse(value, eta):
    """The mean of a link value at eta."""
    return INVERSE[value.name](eta)


def slope(value, eta):
    """d mean / d eta of a link value."""
    return SLOPE[value.name](eta)


def to_eta(value, mu):
    """The linear predictor of a link value at mu."""
    return LINK[value.name](mu)


def onto_unit(value):
    """Whether a link's means lie between zero and one."""
    return float(value.inverse(8.0)) <= 1.0 and abs(float(value.inverse(8.0)) + float(value.inverse(-8.0)) - 1.0) < 0.5


def pairs():
    """Names (family, link) of every sensible combination.

    A family with the formulas of another, such as quasi-Poisson, is paired with its default link and log or logit.
    """
    found = []
    for f in fastglm.families.names():
        cls = FAMILIES[f]
        derived = any(cls is not other and issubclass(cls, other) for other in FAMILIES.values())
        for name in fastglm.links.names():
            k = link(name)
            unit = cls.domain.high == 1.0
            sensible = hasattr(type(k), "tails") if unit else not onto_unit(k)
            usual = name in (cls.default_link.name, "logit" if unit else "log")
            if sensible and (usual or not derived):
                found.append((f, name))
    return found


def means(family_value):
    """Two means well inside a family's range."""
    return (0.2, 0.7) if family_value.domain.high == 1.0 else (0.6, 3.0)


def draw(family_value, link_value, n=400, p=4, seed=0):
    """A design (n, p) without an intercept and a response of a model whose means stay inside the family's range."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(size=(n, p))
    low, high = (float(to_eta(link_value, np.float64(m))) for m in means(family_value))
    share = rng.dirichlet(np.ones(p))
    mu = inverse(link_value, low + (high - low) * (X @ share))
    return X, respond(rng, family_value, mu)


def respond(rng, family_value, mu):
    """A response with mean mu inside the family's support."""
    domain = family_value.domain
    if domain.high == 1.0:
        return (rng.random(len(mu)) < mu).astype(float)
    if domain.low == 0.0:
        return rng.poisson(mu).astype(float) if domain.left_closed else rng.gamma(4.0, mu / 4.0)
    return rng.normal(mu, 0.3)


def score(result, X, y, weights=1.0, offset=0.0):
    """The score of a fit and the standard deviation of each of its elements, (p,) each, the intercept's first."""
    A = np.asarray(X, dtype=float)
    A = np.column_stack([np.ones(len(A)), A]) if result.intercept else A
    eta = A @ result.params + offset
    mu, s = inverse(result.link, eta), slope(result.link, eta)
    v = variance(result.family, mu)
    size = np.sqrt(np.square(A).T @ (weights * s * s / v) * (result.scale if np.isfinite(result.scale) else 1.0))
    return A.T @ (weights * (y - mu) * s / v), size
