"""What a penalty says of the columns of a model: numbers at lambda one, whatever record they come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ...errors import InvalidParameterError


class Columns(NamedTuple):
    """The columns that a penalty is of, the intercept of a fit left out.

    Attributes
    ----------
    names : tuple of p str
    terms : tuple of p str
        The term of a formula that each column belongs to; its own name without a formula.
    sd : (p,) array
        Standard deviations, one where columns are not scaled by them.
    constant : (p,) bool array
        Columns that say nothing beside the intercept: they stay at zero.
    intercept : (p,) bool array
        The caller's own constant, which has no penalty.
    """

    names: tuple[str, ...]
    terms: tuple[str, ...]
    sd: np.ndarray
    constant: np.ndarray
    intercept: np.ndarray


class PenaltyTerms(NamedTuple):
    """A penalty of p coefficients b of standardised columns at lambda one.

    It is sum l2_j / 2 b_j^2 + l1_j |b_j|, plus norms_g |b_g|_2 of each group, within bounds; or a quadratic with a
    matrix; or the ``value`` and ``prox`` of a record of its own.

    Attributes
    ----------
    l2, l1 : (p,) arrays, not negative
    lower, upper : (p,) arrays
        Bounds on the scale of X; both zero where a column is left out.
    groups : (p,) array of ints, optional
        The group of each column, -1 for none.
    norms : (G,) array, optional
        What the Euclidean norm of each group is multiplied by.
    across : bool
        Whether a group has its columns' coefficients of all classes of a softmax regression.
    matrix : (p, p) array, optional
        P of b' P b / 2, of coefficients on the scale of X, in the place of all others.
    own : record, optional
        With ``value(b)`` and ``prox(b, size)``, in the place of all others.
    """

    l2: np.ndarray
    l1: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    groups: np.ndarray | None = None
    norms: np.ndarray | None = None
    across: bool = False
    matrix: np.ndarray | None = None
    own: Any = None


def unbounded(p: int, **parts) -> PenaltyTerms:
    """The terms of p columns without any penalty, but for the parts that are given."""
    nothing = np.zeros(p)
    return PenaltyTerms(nothing, nothing, np.full(p, -np.inf), np.full(p, np.inf))._replace(**parts)


def elastic_terms(columns: Columns, alpha: float, factors=None, lower=None, upper=None, across=False) -> PenaltyTerms:
    """The terms of an elastic net with factors and bounds.

    Parameters
    ----------
    columns : Columns
    alpha : float
    factors, lower, upper : float, (p,) array or mapping of the names of columns or terms, optional
    across : bool
        Whether the absolute value is the norm of a column's coefficients over the classes of a softmax regression.

    Raises
    ------
    InvalidParameterError
        For options of another length than the columns, and names of none.
    """
    p = len(columns.names)
    factors = column_values("factors", factors, columns, 1.0)
    factors[columns.intercept] = 0.0
    gone = (np.isinf(factors) | columns.constant) & ~columns.intercept
    factors = np.where(gone, 1.0, factors)
    if factors.any():
        factors *= (p - np.count_nonzero(columns.intercept)) / factors.sum()
    lower, upper = (
        np.where(gone, 0.0, column_values(name, values, columns, end))
        for name, values, end in (("lower", lower, -np.inf), ("upper", upper, np.inf))
    )
    l2, l1 = (1.0 - alpha) * factors, alpha * factors
    if across:
        return PenaltyTerms(l2, np.zeros(p), lower, upper, np.arange(p), l1, across=True)
    return PenaltyTerms(l2, l1, lower, upper)


def column_values(name: str, values, columns: Columns, default: float) -> np.ndarray:
    """An option of each column, (p,), from a number, an array, or a mapping of names of columns or terms.

    Raises
    ------
    InvalidParameterError
        For a wrong length, and names that are those of no column and no term.
    """
    names, terms = columns.names, columns.terms
    out = np.full(len(names), default)
    if values is None:
        return out
    if isinstance(values, Mapping):
        for key, value in values.items():
            found = [j for j, (column, term) in enumerate(zip(names, terms, strict=True)) if key in (column, term)]
            if not found:
                raise InvalidParameterError(f"penalty: {name} has {key!r}, which is no column or term of the model")
            own = [j for j in found if names[j] == key]
            out[own or found] = float(value)
        return out
    array = np.asarray(values, np.float64)
    if array.ndim and array.shape != (len(names),):
        raise InvalidParameterError(
            f"penalty: {name} has shape {array.shape}, expected ({len(names)},) for the columns of the model"
        )
    return array + np.zeros(len(names))
