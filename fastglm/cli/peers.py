"""Other libraries on the same rows: how each is asked for the maximum-likelihood fit, and how it did."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


class Problem(NamedTuple):
    """Rows and their model, with the names that ``simulate.Simulated`` has: X without the intercept, which there is."""

    X: np.ndarray
    y: np.ndarray
    family: str
    link: str
    parameters: dict


class Peer(NamedTuple):
    """A library: its name, its memory in multiples of X, X included, and (problem) -> a function that fits and returns
    the coefficients, the intercept first, or None where the library has no such model."""

    name: str
    copies: int
    prepared: Callable[[Any], Callable | None]


class Outcome(NamedTuple):
    """What became of a peer: ``seconds`` of ``rows`` rows, and how far the coefficients are from ours in standard
    errors; or a ``message`` why not."""

    name: str
    seconds: float | None = None
    rows: int = 0
    distance: float | None = None
    message: str = ""

    def line(self, ours: float, rows: int) -> str:
        """The outcome beside our time for all rows."""
        head = f"{self.name + ':':<13}"
        if self.seconds is None:
            return f"{head}{self.message}"
        scaled = self.seconds * rows / self.rows
        text = f"{head}{scaled:8.3f} s, {scaled / ours:.2g} times as long"
        if self.rows < rows:
            took = f"{self.seconds:.1f} s for {self.rows:,} rows, scaled up"
            return f"{text} (all rows need more memory than is free: {took})"
        return f"{text}; coefficients differ by at most {self.distance:.0e} standard errors"


def timed(function):
    """(seconds, value) of a call."""
    start = time.perf_counter()
    value = function()
    return time.perf_counter() - start, value


def free_memory():
    """Bytes a process may take, None where the system does not say."""
    try:
        with open("/proc/meminfo") as file:
            return next(1024 * int(line.split()[1]) for line in file if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return None


def family_of(problem):
    """The family's name as ``fit`` takes it, or its value where it has a parameter."""
    return values_of(problem)[0] if problem.parameters else problem.family


def values_of(problem):
    """The values of the family and of the link."""
    from ..families import get as get_family
    from ..links import get as get_link

    return get_family(problem.family, **problem.parameters), get_link(problem.link)


def run_peer(peer: Peer, problem, params, errors) -> Outcome:
    """Fit all rows of a problem, or as many as fit in memory, and compare with our estimates and standard errors (p +
    1,).
    """
    n, free = len(problem.y), free_memory()
    rows = n if free is None else min(n, int(0.8 * free / (8 * peer.copies * (problem.X.shape[1] + 1))))
    part = Problem(problem.X[:rows], problem.y[:rows], problem.family, problem.link, problem.parameters)
    try:
        fit = peer.prepared(part)
    except ImportError:
        package = {"sklearn": "scikit-learn"}.get(peer.name, peer.name)
        return Outcome(peer.name, message=f"not installed, nothing to compare with (pip install {package})")
    if fit is None:
        return Outcome(peer.name, message=f"no {problem.family} family with {problem.link} link to compare with")
    seconds, coef = timed(fit)
    far = float(np.max(np.abs(np.asarray(params) - coef) / errors)) if rows == n else None
    return Outcome(peer.name, seconds, rows, far)


def _statsmodels(problem):
    import statsmodels.api as sm

    family, link = values_of(problem)
    kind = getattr(sm.families, "Tweedie" if "power" in problem.parameters else family.statsmodels_name or "", None)
    if kind is None or link.name not in ("logit", "log", "identity"):
        return None
    options = {}
    if "theta" in problem.parameters:
        options = {"alpha": 1 / problem.parameters["theta"]}
    if "power" in problem.parameters:
        options = {"var_power": problem.parameters["power"]}
    family = kind(link=getattr(sm.families.links, link.statsmodels_name)(), **options)
    design = sm.add_constant(problem.X)
    return lambda: sm.GLM(problem.y, design, family=family).fit().params


def _sklearn(problem):
    from sklearn.linear_model import LogisticRegression, TweedieRegressor

    family, link = values_of(problem)
    power = family.variance_power
    if family.two_outcomes and link.name == family.canonical and set(np.unique(problem.y)) <= {0, 1}:
        model = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-7)
    elif power is not None and problem.link in ("log", "identity"):
        model = TweedieRegressor(power=power, alpha=0, link=problem.link, solver="newton-cholesky", tol=1e-7)
    else:
        return None

    def fit():
        done = model.fit(problem.X, problem.y)
        return np.r_[np.ravel(done.intercept_), np.ravel(done.coef_)]

    return fit


def _glum(problem):
    import glum

    family = {"gaussian": "normal", "inverse_gaussian": "inverse.gaussian"}.get(problem.family, problem.family)
    if "theta" in problem.parameters:
        family = glum.NegativeBinomialDistribution(1 / problem.parameters["theta"])
    elif "power" in problem.parameters:
        family = glum.TweedieDistribution(problem.parameters["power"])
    elif family not in ("normal", "inverse.gaussian", "binomial", "poisson", "gamma"):
        return None
    if problem.link not in ("identity", "log", "logit", "cloglog"):
        return None

    def fit():
        # below this gradient its line search stalls in the rounding of the loss
        model = glum.GeneralizedLinearRegressor(alpha=0, family=family, link=problem.link, gradient_tol=1e-7)
        done = model.fit(problem.X, problem.y)
        return np.r_[done.intercept_, done.coef_]

    return fit


PEERS = (Peer("statsmodels", 12, _statsmodels), Peer("sklearn", 4, _sklearn), Peer("glum", 5, _glum))
