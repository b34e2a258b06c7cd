"""Data drawn from a known generalized linear model."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..errors import InvalidParameterError
from .design import VARIANCE, chunk_rows, chunks, make_X, scales, streams
from .response import DEFAULT_LINK, DISPERSION, INVERSES, PARENTS, POSITIVE, Draw

LEVEL = {"gaussian": 1.0, "binomial": -0.5, "poisson": 0.5, "gamma": 1.0}  # default intercepts, else 0
ALIASES = {
    "normal": "gaussian", "quasibinomial": "quasi_binomial", "quasipoisson": "quasi_poisson",
    "nbinom": "negative_binomial", "1/mu^2": "inverse_squared", "1/mu": "inverse",
}  # fmt: skip


@dataclass(frozen=True, repr=False)
class Simulated:
    """Data drawn from a known model.

    Attributes
    ----------
    X : ndarray of shape (n, p)
        The design, without a column of ones.
    y : ndarray of shape (n,)
        The response, float64.
    beta : ndarray of shape (p,)
        The true slopes.
    intercept : float or None
        The true intercept; None where the model has none.
    offset, weights : ndarray of shape (n,) or None
        What was asked for. For a binomial response with weights, `y` is a proportion of that many trials.
    family, link : str
        The names of both, as `fastglm.fit` takes them.
    parameters : dict
        The family's own parameter: ``{"theta": ...}`` or ``{"power": ...}``, else empty.
    """

    X: np.ndarray
    y: np.ndarray
    beta: np.ndarray
    intercept: float | None
    offset: np.ndarray | None
    weights: np.ndarray | None
    family: str
    link: str
    parameters: dict[str, float]

    @property
    def params(self) -> np.ndarray:
        """All true coefficients in the order of a fit: the intercept, if any, comes first."""
        return self.beta if self.intercept is None else np.r_[self.intercept, self.beta]

    def __repr__(self) -> str:
        extras = "".join(f", {name}" for name in ("offset", "weights") if getattr(self, name) is not None)
        return f"<Simulated {self.family}/{self.link}: X {self.X.shape[0]:,} x {self.X.shape[1]}, y{extras}>"


def make_glm(
    family="gaussian", n=1000, p=5, *, link=None, beta=None, intercept=True, seed=0, rho=0.0, kind="normal",
    dtype=np.float64, order="C", signal=None, theta=2.0, power=1.5, dispersion=None, event_rate=None,
    weights=None, offset=None, sort_by=None,
) -> Simulated:  # fmt: skip
    """Draw X and y from a generalized linear model.

    Parameters
    ----------
    family : str
        "gaussian", "binomial", "poisson", "gamma", "inverse_gaussian", "negative_binomial", "tweedie", or a quasi
        family ("quasi_binomial", "quasi_poisson", "quasi"), drawn as its parent.
    n, p : int
        Rows and columns of X.
    link : str, optional
        Name of the link; the family's default as in R.
    beta : array of shape (p,), optional
        True slopes. Drawn where not given, so that the linear predictor has standard deviation `signal`.
    intercept : bool or float, default True
        True: a value that suits the family; False: a model without one; a number: that number.
    seed, rho, kind, dtype, order
        As in `make_X`, which gives the same X.
    signal : float, optional
        Standard deviation of the linear predictor for drawn slopes: 0.5, or 0.1 under links that need it positive.
    theta : float, default 2
        Negative binomial: variance ``mu + mu**2 / theta``.
    power : float, default 1.5
        Tweedie: variance ``dispersion * mu**power``, between 1 and 2.
    dispersion : float, optional
        For gaussian (default 1), gamma, inverse gaussian (0.5) and Tweedie (1).
    event_rate : float, optional
        Binomial: choose the intercept so that this share of rows are events; 1e-4 makes rare events.
    weights : "heavy" or array of shape (n,), optional
        Prior weights. "heavy": Pareto with infinite variance, whole numbers from 1 up. They divide the dispersion
        and are the numbers of trials of a binomial response; they do not change how counts are drawn.
    offset : "mixed" or array of shape (n,), optional
        Added to the linear predictor. "mixed": the log of an exposure spread evenly over six decades.
    sort_by : "y" or int, optional
        Sort the rows by the response or by this column of X, as data from a database often come.

    Returns
    -------
    Simulated

    Examples
    --------
    >>> from fastglm.simulate import make_glm
    >>> make_glm("poisson", 1000, 3, seed=1)
    <Simulated poisson/log: X 1,000 x 3, y>
    """
    family = _named(family, PARENTS, "family")
    parent = PARENTS[family]
    link = _named(link or DEFAULT_LINK[parent], INVERSES, "link")
    draw = Draw(parent, link, theta, power, DISPERSION.get(parent, 1.0) if dispersion is None else dispersion)
    _, beta_seed, y_seed, weight_seed, offset_seed = streams(seed)

    X = make_X(n, p, seed=seed, rho=rho, kind=kind, dtype=dtype, order=order)
    n, p = X.shape
    beta = _slopes(beta, p, kind, rho, signal or (0.1 if link in POSITIVE else 0.5), beta_seed)
    weights = _column("weights", weights, n, weight_seed, "heavy", _heavy)
    offset = _column("offset", offset, n, offset_seed, "mixed", _mixed)
    level = _intercept(intercept, event_rate, draw, X, beta, offset)

    y = np.empty(n)
    for rows, rng in chunks(n, p, y_seed):
        eta = _eta(X, beta, level or 0.0, offset, rows)
        y[rows] = draw(rng, eta, None if weights is None else weights[rows], rows.start)
    if sort_by is not None:
        _sort(sort_by, X, y, weights, offset)
    parameters = {"negative_binomial": {"theta": theta}, "tweedie": {"power": power}}.get(parent, {})
    return Simulated(X, y, beta, level, offset, weights, family, link, parameters)


def _named(name, table, what):
    name = ALIASES.get(str(name).lower(), str(name).lower().replace(".", "_"))
    if name not in table:
        raise InvalidParameterError(f"make_glm: unknown {what} {name!r}; choose from {', '.join(table)}")
    return name


def _slopes(beta, p, kind, rho, signal, seed):
    """The slopes given, or drawn ones with var(X beta) = signal**2."""
    if beta is not None:
        beta = np.array(beta, float)
        if beta.shape != (p,):
            raise InvalidParameterError(f"make_glm: beta must have shape ({p},), got {beta.shape}")
        return beta
    if p == 0:
        return np.zeros(0)
    draw = np.random.default_rng(seed).standard_normal(p)
    lags = np.abs(np.subtract.outer(np.arange(p), np.arange(p)))
    draw *= signal / math.sqrt(VARIANCE[kind] * (draw @ float(rho) ** lags @ draw))
    return draw / scales(p) if kind == "scaled" else draw


def _column(argument, value, n, seed, name, make):
    """The array given, the named kind of column, or None."""
    if value is None:
        return None
    if isinstance(value, str) and value == name:
        return make(np.random.default_rng(seed), n)
    if isinstance(value, str) or np.shape(value) != (n,):
        raise InvalidParameterError(f"make_glm: {argument} must be {name!r} or an array of shape ({n},)")
    return np.array(value, float)


def _heavy(rng, n):
    return np.minimum(np.floor((1 - rng.random(n)) ** (-1 / 1.2)), 1e6)


def _mixed(rng, n):
    return math.log(10) * rng.uniform(-3, 3, n)


def _intercept(intercept, event_rate, draw, X, beta, offset):
    """The true intercept; for an event rate, by bisection on the first chunk."""
    if event_rate is None:
        if intercept is True:
            return 1.0 if draw.link in POSITIVE else LEVEL.get(draw.family, 0.0)
        return None if intercept is False else float(intercept)
    if draw.family != "binomial" or not 0 < event_rate < 1:
        raise InvalidParameterError("make_glm: event_rate is a share between 0 and 1 of a binomial response")
    eta = _eta(X, beta, 0.0, offset, slice(0, chunk_rows(X.shape[1])))
    low, high = -1e3, 1e3
    for _ in range(80):
        middle = (low + high) / 2
        below = INVERSES[draw.link](eta + middle).mean() < event_rate
        low, high = (middle, high) if below else (low, middle)
    return middle


def _eta(X, beta, intercept, offset, rows):
    # einsum, not BLAS, whose last bit may change with the number of threads
    eta = np.einsum("ij,j->i", np.ascontiguousarray(X[rows]), beta) + intercept
    return eta if offset is None else eta + offset[rows]


def _sort(by, X, y, weights, offset):
    """Reorder in place, one column at a time, so that X is never held twice."""
    if by != "y" and not (isinstance(by, (int, np.integer)) and -X.shape[1] <= by < X.shape[1]):
        raise InvalidParameterError(f"make_glm: sort_by must be 'y' or a column of X, got {by!r}")
    order = np.argsort(y if by == "y" else X[:, by], kind="stable")
    for column in (*X.T, y, weights, offset):
        if column is not None:
            column[:] = column[order]
