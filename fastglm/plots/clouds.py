"""Points of rows: a cloud of them, hexagons where there are many, a smooth through them, and their labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import InvalidParameterError
from .axes import BLUE, GREY, INK, ORANGE

MANY = 50_000  # rows; from here on hexagons are drawn, coloured by the logarithm of their number
SMOOTH = 24  # groups of rows whose means a smooth line joins


def check_rows(what: Any, *columns: Any) -> Any:
    """The rows that have all the numbers of some columns, (k, n).

    Raises
    ------
    InvalidParameterError
        Where none has.
    """
    columns = np.array(columns, float)
    known = np.isfinite(columns).all(axis=0)
    if not known.any():
        raise InvalidParameterError(f"plots.{what}: no row has values to draw; was the model fitted with cov=None?")
    return columns[:, known], np.flatnonzero(known)


def cloud(ax: Any, x: Any, y: Any) -> None:
    """Points of rows, or hexagons of many."""
    if len(x) >= MANY:
        ax.hexbin(x, y, gridsize=60, bins="log", mincnt=1, cmap="Blues", linewidths=0.2)
    else:
        ax.scatter(x, y, s=26 if len(x) <= 200 else 10, color=BLUE, alpha=0.6 if len(x) <= 2000 else 0.25, lw=0)


def smooth(ax: Any, x: Any, y: Any, label: Any = "mean of groups") -> None:
    """A line through the means of groups of rows that lie together."""
    order = np.argsort(x, kind="stable")
    groups = np.array_split(order, min(SMOOTH, max(len(x) // 8, 1)))
    points = np.array([[x[group].mean(), y[group].mean()] for group in groups])
    if len(points) > 2:
        ax.plot(*points.T, color=ORANGE, lw=1.6, label=label)


def extremes(ax: Any, x: Any, y: Any, size: Any, rows: Any, count: Any = 3) -> None:
    """The numbers of the rows with the largest ``size`` beside their points."""
    for i in np.argsort(-size, kind="stable")[:count]:
        ax.annotate(f"{rows[i]}", (x[i], y[i]), xytext=(4, 3), textcoords="offset points", fontsize=8, color=INK)


def zero(ax: Any) -> None:
    """A line at zero."""
    ax.axhline(0.0, color=GREY, lw=0.8, ls=(0, (4, 3)))


def response_name(result: Any, y: Any = None) -> str:
    """The response as the user calls it: that of the formula, the name of a column or of a series, else y."""
    design = result.design
    if isinstance(y, str):
        return y
    if y is None and design is not None and design.formula.response:
        parts = [e.text for e in design.formula.response]
        return parts[0] if len(parts) == 1 else f"cbind({', '.join(parts)})"
    name = getattr(y, "name", None)
    return str(name) if name else "y"
