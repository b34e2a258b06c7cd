"""The regions in which a model of classes decides for each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..errors import InvalidParameterError
from .axes import CYCLE, axes_of
from .held import held_rows, place

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..core.protocols import Fitted
    from ..core.records import ArrayLike
    from ..types import DataFrame

STEPS = 201  # of the plane in each direction
MARGIN = 0.06  # of the range of the rows, shown around them


def regions(
    result: Fitted, X: ArrayLike | DataFrame, y: ArrayLike | None = None,
    columns: tuple[int | str, int | str] | None = None, *, threshold: float = 0.5, ax: Axes | None = None,
) -> Axes:  # fmt: skip
    """The class that a model predicts over a plane of two columns, and the rows in it.

    Parameters
    ----------
    result : GLMResult of a binomial, MultinomialResult, or MLPResult of one response
    X : (n, p) array_like or data frame
        The frame of a fit by a formula varies by its own columns, so that boundaries of polynomials are curves.
    y : (n,) array_like; the formula's response by default
    columns : pair of int or str, optional
        Needed where there are more than two; the others are held at typical values.
    threshold : float
        Of two classes the second is predicted where its probability exceeds it.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InvalidParameterError
        For a model without classes, columns that are not two numbers, and more than two without ``columns``.
    ImportError
        If matplotlib is not installed.
    """
    softmax = result.family.response_model == "softmax"
    if not (softmax or result.family.two_outcomes):
        raise InvalidParameterError(f"regions need classes: a binomial or a multinomial, not a {result.family.name}")
    held = held_rows(result, X, y, {}, "a plot of regions", columns or ())
    if columns is None and len(held.names) != 2:
        raise InvalidParameterError(f"X has {len(held.names)} columns: name two of them by columns=, such as (0, 1)")
    if columns is not None and len(columns) != 2:
        raise InvalidParameterError(f"columns={columns!r} must be two columns")
    if held.rows.y is None or np.ndim(held.rows.y) != 1:
        raise InvalidParameterError("y is needed, one class a row" if held.rows.y is None else "y has several columns")
    pair = [place(held.names, column) for column in columns or (0, 1)]
    if pair[0] == pair[1] or any(held.levels(j) is not None for j in pair):
        raise InvalidParameterError(f"columns={columns!r} must be two different columns of numbers")
    classes = (0, 1) if result.classes is None else result.classes
    points = [held.values(j) for j in pair]
    room = [MARGIN * (x.max() - x.min() or 1.0) for x in points]
    grids = [np.linspace(x.min() - r, x.max() + r, STEPS) for x, r in zip(points, room, strict=True)]
    plane = np.meshgrid(*grids)
    mean = held.predict({j: x.ravel() for j, x in zip(pair, plane, strict=True)})
    decided = mean.argmax(axis=1) if softmax else (mean > threshold).astype(int)
    decided = decided.reshape(STEPS, STEPS)

    ax = axes_of(ax, height=4.4)
    colours, edges = np.resize(CYCLE, len(classes)), np.arange(len(classes) + 1) - 0.5
    ax.contourf(*grids, decided, edges, colors=list(colours), alpha=0.16)
    for k in range(len(classes) if softmax else 1):
        inside = (decided == k).astype(float)
        if 0.0 < inside.mean() < 1.0:
            ax.contour(*grids, inside, [0.5], colors="white", linewidths=1.2)
    seen = np.asarray(held.rows.y)
    for label, colour in zip(classes, colours, strict=True):
        mine = seen == label
        ax.scatter(*(x[mine] for x in points), s=16, color=colour, edgecolor="white", lw=0.4, label=str(label))
    ax.set(xlabel=held.names[pair[0]], ylabel=held.names[pair[1]])
    ax.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    if len(held.names) > 2:
        ax.set_title(f"other columns {held.held_at}", loc="left", fontsize=9)
    return ax
