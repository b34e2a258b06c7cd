"""``ns(x, df=4)`` of a formula: natural cubic splines with the columns of R's ``splines::ns``."""

from __future__ import annotations

from typing import Any

import numpy as np

from .polynomial import MOST_FIELDS


def ns(
    x: Any,
    df: Any = None,
    knots: Any = None,
    intercept: Any = False,
    lower_bound: Any = None,
    upper_bound: Any = None,
    _state: Any = None,
) -> Any:
    """Natural cubic splines: cubic between knots, twice differentiable, linear beyond the bounds.

    The columns are R's: B-splines of the knots, turned by the Householder reflections that make the second derivatives
    at both bounds zero, without the two directions that have some.

    Parameters
    ----------
    x : (n,) array
    df : int, optional
        Columns; the df - 1 interior knots (df - 2 with an intercept) are at quantiles of x, R's type 7. One unless
        knots are given.
    knots : sequence of float, optional
        The interior knots.
    intercept : bool
        Whether the columns span the constant too; beside the intercept of a model the last one is then left out.
    lower_bound, upper_bound : float, optional
        The boundary knots; the range of x.

    Returns
    -------
    (n, df) array whose fields are the numbers of the columns, from 1

    Raises
    ------
    ValueError

    References
    ----------
    Hastie (1992), Generalized additive models, in Chambers and Hastie, Statistical Models in S. R: ``splines::ns``.
    """
    from formulaic.materializers.types import FactorValues

    x = np.asarray(x, np.float64)
    if "knots" not in _state:
        low, high = _bounds(x, lower_bound, upper_bound)
        inner = _inner_knots(x[(x >= low) & (x <= high)], df, knots, bool(intercept))
        if any(not low < knot < high for knot in inner):
            raise ValueError(f"the knots {inner} must lie between the bounds {low:g} and {high:g}; give knots=")
        _state["knots"] = [*[low] * 4, *inner, *[high] * 4]
    spline = basis(_state["knots"], bool(intercept))
    values = extended(spline, x, derivative=False)
    fields = tuple(range(1, values.shape[1] + 1))
    about = {"spans_intercept": True, "drop_field": fields[-1]} if intercept else {}
    return FactorValues(values, column_names=fields, format="{name}[{field}]", **about)


def _bounds(x, low, high):
    """The boundary knots, two finite numbers in order."""
    low = float(x.min() if low is None else low)
    high = float(x.max() if high is None else high)
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise ValueError(f"natural splines need two bounds in order, not {low:g} and {high:g}")
    return low, high


def _inner_knots(x, df, knots, intercept):
    """The interior knots in order: those given, else quantiles of x as many as ``df`` asks for."""
    if knots is not None:
        if df is not None:
            raise ValueError("give df or knots, not both")
        return sorted(float(knot) for knot in (knots if isinstance(knots, (list, tuple)) else [knots]))
    df = 1 + intercept if df is None else df
    if isinstance(df, bool) or int(df) != df or not 1 + intercept <= df <= MOST_FIELDS:
        raise ValueError(f"df={df} must be a whole number from {1 + intercept} to {MOST_FIELDS}")
    shares = np.linspace(0.0, 1.0, int(df) - intercept + 1)[1:-1]
    return np.quantile(x, shares).tolist() if len(shares) else []


def basis(knots: Any, intercept: Any) -> Any:
    """The columns as one ``scipy.interpolate.BSpline`` of all knots, the bounds four times each."""
    from scipy.interpolate import BSpline

    knots = np.asarray(knots, np.float64)
    bends = BSpline(knots, np.eye(len(knots) - 4), 3).derivative(2)(knots[[0, -1]])
    first = 0 if intercept else 1
    turned = np.linalg.qr(bends[:, first:].T, mode="complete").Q[:, 2:]
    return BSpline(knots, np.vstack([np.zeros((first, turned.shape[1])), turned]), 3)


def extended(spline: Any, x: Any, derivative: Any) -> Any:
    """A spline of cubics at x (n,), or its derivative, a straight line beyond its bounds: (n, k)."""
    inside = np.clip(x, spline.t[0], spline.t[-1])
    slopes = spline.derivative()
    if derivative:
        return slopes(inside)
    values, outside = spline(inside), np.flatnonzero(inside != x)
    values[outside] += slopes(inside[outside]) * (x - inside)[outside, None]
    return values
