"""A model in full, from which its rows are drawn one unit after another."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InvalidParameterError
from .categorical import Factors
from .design import Design, streams

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..core.records import Array


@dataclass(frozen=True, repr=False)
class Simulated:
    """Data drawn from a known model.

    Attributes
    ----------
    X : ndarray or scipy.sparse.csr_matrix of shape (n, p)
        The design, without a column of ones.
    y : ndarray of shape (n,)
        The response, float64; of a softmax model the codes 0 to K - 1 of the classes, int64.
    beta : ndarray of shape (p,), of a softmax model (p, K)
        The true slopes.
    intercept : float or None, of a softmax model ndarray of shape (K,) or None
        The true intercept; None where the model has none.
    offset, weights : ndarray of shape (n,) or None
        What was asked for. For a binomial response with weights, `y` is a proportion of that many trials.
    family, link : str
        The names of both, as `fastglm.fit` takes them.
    parameters : dict
        The family's own parameter: ``{"theta": ...}`` or ``{"power": ...}``, else empty.
    codes : ndarray of shape (n, number of categorical columns) or None
        Levels of the categorical columns as int32 codes from 0, the most frequent level first.
    effects : tuple of ndarray, or None
        The true effect of each level, one array for each categorical column, of shape (levels,) or (levels, K).
    """

    X: Any
    y: NDArray[Any]
    beta: Array
    intercept: float | Array | None
    offset: Array | None
    weights: Array | None
    family: str
    link: str
    parameters: dict[str, float]
    codes: NDArray[Any] | None = None
    effects: tuple[Array, ...] | None = None

    @property
    def params(self) -> Array:
        """True coefficients of X, the intercept, if any, first, as in a fit: (p,) or (p + 1,), by K classes."""
        return self.beta if self.intercept is None else np.concatenate([[self.intercept], self.beta])

    def __repr__(self) -> str:
        extras = "".join(f", {name}" for name in ("codes", "offset", "weights") if getattr(self, name) is not None)
        storage = "sparse X" if hasattr(self.X, "tocsr") else "X"
        return f"<Simulated {self.family}/{self.link}: {storage} {self.X.shape[0]:,} x {self.X.shape[1]}, y{extras}>"


class Column:
    """A column that was given, one that is drawn by `make` (generator, rows), or none at all."""

    def __init__(self, argument, value, n, seed, name, make):
        self.values, self._make, self._seed = None, None, seed
        if isinstance(value, str) and value == name:
            self._make = make
        elif value is not None:
            if isinstance(value, str) or np.shape(value) != (n,):
                raise InvalidParameterError(f"{argument} must be {name!r} or an array of shape ({n},)")
            self.values = np.array(value, float)

    def reader(self):
        """A function that returns the next rows, a slice that continues the one before."""
        if self._make is None:
            return lambda rows: None if self.values is None else self.values[rows]
        rng = np.random.default_rng(self._seed)
        return lambda rows: self._make(rng, rows.stop - rows.start)


@dataclass(frozen=True)
class Recipe:
    """What the rows are drawn from.

    Attributes
    ----------
    design : Design
    factors : Factors or None
    draw : function of (generator, linear predictors, weights, number of the first row), returns responses
    beta : (p,) or (p, K) array
    intercept : float, (K,) array or None
    weights, offset : Column
    """

    design: Design
    factors: Factors | None
    draw: Any
    beta: np.ndarray
    intercept: float | np.ndarray | None
    weights: Column
    offset: Column

    def with_intercept(self, intercept):
        """The same recipe with this intercept."""
        return replace(self, intercept=intercept)

    def maker(self, reference=None, **facts):
        """A function that makes Simulated of columns; with a `reference` the truth is told against that class."""
        truth = {"beta": self.beta, "intercept": self.intercept}
        effects = None if self.factors is None else self.factors.effects
        if reference is not None:
            truth = {name: None if b is None else _against(reference, b) for name, b in truth.items()}
            effects = None if effects is None else tuple(_against(reference, effect) for effect in effects)
        return partial(Simulated, **truth, effects=effects, **facts)

    def units(self):
        """Dicts of the columns of one unit of rows after another."""
        for rows, rng, columns in self._predictors():
            eta = columns.pop("eta")
            if self.intercept is not None:
                eta += self.intercept
            if columns["offset"] is not None:
                eta += columns["offset"]
            yield columns | {"y": self.draw(rng, eta, columns["weights"], rows.start)}

    def first_predictor(self):
        """Linear predictor of the first unit of rows, without the intercept."""
        _, _, columns = next(self._predictors())
        return columns["eta"] if columns["offset"] is None else columns["eta"] + columns["offset"]

    def _predictors(self):
        """Rows, generator of y, and columns with "eta", to which neither intercept nor offset is added yet."""
        seeds = streams(self.design.seed)
        generators = zip(self.design.generators(seeds[2]), self.design.generators(seeds[7]), strict=True)
        weights, offset = self.weights.reader(), self.offset.reader()
        for (rows, X), ((_, y_rng), (_, code_rng)) in zip(self.design.units(), generators, strict=True):
            columns = {"X": X, "weights": weights(rows), "offset": offset(rows), "codes": None}
            eta = _product(X, self.beta)
            if self.factors is not None:
                columns["codes"] = self.factors.codes(code_rng, rows.stop - rows.start)
                self.factors.add(eta, columns["codes"])
            yield rows, y_rng, columns | {"eta": eta}


def slopes(design, beta, shape, signal):
    """The slopes given, or drawn ones of ``shape`` with which X beta has standard deviation `signal` (of K classes,
    whose slopes sum to 0, on average).
    """
    if beta is not None:
        beta = np.array(beta, float)
        if beta.shape != shape:
            raise InvalidParameterError(f"beta must have shape {shape}, got {beta.shape}")
        return beta
    if shape[0] == 0:
        return np.zeros(shape)
    if not signal > 0:
        raise InvalidParameterError(f"signal must be positive, got {signal}")
    draw = np.random.default_rng(streams(design.seed)[1]).standard_normal(shape)
    if len(shape) == 2:
        draw -= draw.mean(axis=1, keepdims=True)
        variance = np.mean([design.variance(column) for column in draw.T])
    else:
        variance = design.variance(draw)
    draw *= signal / math.sqrt(variance)
    return draw if design.scale is None else (draw.T / design.scale).T


def _against(reference, coefficients):
    """Coefficients of K classes, along the last axis, less those of one of them."""
    return coefficients - coefficients[..., [reference]]


def _product(X, beta):
    """X beta by a sum whose order is fixed: the last bit of BLAS may change with the number of threads."""
    if hasattr(X, "tocsr"):
        return X @ beta
    return np.einsum("ij,j->i" if beta.ndim == 1 else "ij,jk->ik", X, beta)
