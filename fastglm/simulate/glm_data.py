"""Data drawn from a known generalized linear model."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, overload

import numpy as np

from ..errors import InvalidParameterError
from .categorical import Factors
from .design import Design, gather, streams
from .recipe import Column, Recipe, Simulated, slopes
from .response import Draw, model_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Unpack

    from ..types import SimulateOptions


@overload
def make_glm(
    family: str = "gaussian", n: int = 1000, p: int = 5, *, chunk_rows: None = None, **options: Unpack[SimulateOptions]
) -> Simulated: ...


@overload
def make_glm(
    family: str = "gaussian", n: int = 1000, p: int = 5, *, chunk_rows: int, **options: Unpack[SimulateOptions]
) -> Iterator[Simulated]: ...


def make_glm(
    family="gaussian", n=1000, p=5, *, link=None, beta=None, intercept=True, seed=0, rho=0.0, kind="normal",
    dtype=np.float64, order="C", density=None, levels=(), zipf=1.0, effects=None, signal=None, theta=2.0, power=1.5,
    dispersion=None, event_rate=None, weights=None, offset=None, sort_by=None, chunk_rows=None,
):  # fmt: skip
    """Draw X and y from a generalized linear model.

    Parameters
    ----------
    family : str or value of ``fastglm.families``
        "gaussian", "binomial", "poisson", "gamma", "inverse_gaussian", "negative_binomial", "tweedie", a quasi family,
        drawn as its parent, or a family of one's own that has a method ``draw``.
    n, p : int
        Rows and columns of X.
    link : str or value of ``fastglm.links``, optional
        The family's default as in R.
    beta : array of shape (p,), optional
        True slopes. Drawn where not given, so that X beta has standard deviation `signal`.
    intercept : bool or float, default True
        True: a value that suits the family, at the means of a badly scaled X; False: a model without one; a number:
        that number.
    seed, rho, kind, dtype, order, density
        As in `make_X`, which gives the same X.
    levels : sequence of int, default ()
        Numbers of levels of categorical columns, which are drawn beside X as integer codes.
    zipf : float, default 1
        Level k of a categorical column has a frequency proportional to ``(k + 1) ** -zipf``.
    effects : sequence of arrays of shape (levels,), optional
        True effects of the levels. Drawn where not given: normal, together of standard deviation `signal`, and 0 for
        level 0 of each column, so that the intercept is that of the most frequent levels.
    signal : float, optional
        Standard deviation of what drawn coefficients add: 0.5, or 0.1 under links that need a positive sum.
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
    chunk_rows : int, optional
        Return an iterator over Simulated chunks of so many rows each, the last with what is left: the same rows in
        the same order, without ever holding all of them.

    Returns
    -------
    Simulated, or an iterator of Simulated

    Raises
    ------
    InvalidParameterError
        For arguments out of range, and for a linear predictor at which the family has no mean.

    Examples
    --------
    >>> from fastglm.simulate import make_glm
    >>> make_glm("poisson", 1000, 3, seed=1)
    <Simulated poisson/log: X 1,000 x 3, y>
    """
    family, link = model_of(family, link, theta=theta, power=power)
    draw = Draw(family, link, family.simulated_dispersion if dispersion is None else dispersion)
    signal = signal or (0.1 if link.half_line else 0.5)

    design = Design(n, p, seed=seed, rho=rho, kind=kind, dtype=dtype, density=density)
    seeds = streams(seed)
    recipe = Recipe(
        design=design,
        factors=Factors(levels, zipf, effects, signal, (), seeds[6]) if len(levels) else None,
        draw=draw,
        beta=slopes(design, beta, (design.p,), signal),
        intercept=None,
        weights=Column("weights", weights, design.n, seeds[3], "heavy", _heavy),
        offset=Column("offset", offset, design.n, seeds[4], "mixed", _mixed),
    )
    recipe = recipe.with_intercept(_intercept(intercept, event_rate, recipe))
    make = recipe.maker(family=family.name, link=link.name, parameters=family._asdict())
    if sort_by is not None:
        _check_sort(sort_by, design.p, chunk_rows)
        make = partial(_sorted, sort_by, make)
    return gather(recipe.units(), design.n, chunk_rows, order, make)


@overload
def make_linear(
    n: int = 1000, p: int = 5, *, chunk_rows: None = None, **options: Unpack[SimulateOptions]
) -> Simulated: ...


@overload
def make_linear(
    n: int = 1000, p: int = 5, *, chunk_rows: int, **options: Unpack[SimulateOptions]
) -> Iterator[Simulated]: ...


def make_linear(n=1000, p=5, **options):
    """Draw data of a linear regression with normal errors: ``make_glm("gaussian", n, p, **options)``.

    The `dispersion` is the variance of the errors.

    Examples
    --------
    >>> from fastglm.simulate import make_linear
    >>> make_linear(1000, 3, dispersion=0.01)
    <Simulated gaussian/identity: X 1,000 x 3, y>
    """
    return make_glm("gaussian", n, p, **options)


@overload
def make_logistic(
    n: int = 1000, p: int = 5, *, chunk_rows: None = None, **options: Unpack[SimulateOptions]
) -> Simulated: ...


@overload
def make_logistic(
    n: int = 1000, p: int = 5, *, chunk_rows: int, **options: Unpack[SimulateOptions]
) -> Iterator[Simulated]: ...


def make_logistic(n=1000, p=5, **options):
    """Draw data of a logistic regression, y of zeros and ones: ``make_glm("binomial", n, p, **options)``.

    Examples
    --------
    >>> from fastglm.simulate import make_logistic
    >>> make_logistic(1000, 3, levels=(4,))
    <Simulated binomial/logit: X 1,000 x 3, y, codes>
    """
    return make_glm("binomial", n, p, **options)


def _heavy(rng, n):
    return np.minimum(np.floor((1 - rng.random(n)) ** (-1 / 1.2)), 1e6)


def _mixed(rng, n):
    return math.log(10) * rng.uniform(-3, 3, n)


def _intercept(intercept, event_rate, recipe):
    """The true intercept; for an event rate, by bisection on the first unit of rows."""
    draw, design = recipe.draw, recipe.design
    if event_rate is None:
        if intercept is True:
            level = 1.0 if draw.link.half_line else draw.family.simulated_intercept
            return level if design.center is None else level - float((design.center * design.scale) @ recipe.beta)
        return None if intercept is False else float(intercept)
    if not draw.family.two_outcomes or not 0 < event_rate < 1:
        raise InvalidParameterError("event_rate is a share between 0 and 1 of a binomial response")
    eta = recipe.first_predictor()
    low, high = -1e3, 1e3
    for _ in range(80):
        middle = (low + high) / 2
        below = draw.mean(eta + middle).mean() < event_rate
        low, high = (middle, high) if below else (low, middle)
    return middle


def _check_sort(by, p, chunk_rows):
    if by != "y" and not (isinstance(by, (int, np.integer)) and -p <= by < p):
        raise InvalidParameterError(f"sort_by must be 'y' or a column of X, got {by!r}")
    if chunk_rows is not None:
        raise InvalidParameterError("sort_by needs all rows at once, so it does not go with chunk_rows")


def _sorted(by, make, X, **columns):
    """What `make` makes of the rows in another order; a dense X is reordered in place and never held twice."""
    sparse = hasattr(X, "tocsr")
    key = columns["y"] if by == "y" else X[:, [by]].toarray()[:, 0] if sparse else X[:, by]
    order = np.argsort(key, kind="stable")
    for column in () if sparse else X.T:
        column[:] = column[order]
    columns = {name: None if column is None else column[order] for name, column in columns.items()}
    return make(X=X[order] if sparse else X, **columns)
