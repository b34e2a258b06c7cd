"""Plots of a path of penalised fits: its coefficients, and how well each lambda predicts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..errors import InvalidParameterError
from .axes import BLUE, CYCLE, GREY, INK, ORANGE, axes_of, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..core.protocols import FittedPath, MeasuredPath

AGAINST = ("lambda", "norm", "deviance")
MOST_NAMED = 12  # lines that are named at their end, those that end furthest from zero
CLOSE = 0.035  # of the height of the axes, nearer than which a name would lie on another
COUNTS = 7  # places on the upper axis


def path(result: FittedPath, against: str = "lambda", *, names: bool = True, ax: Axes | None = None) -> Axes:
    """The coefficients along a path, a line each; on top the number of those that are not zero.

    Parameters
    ----------
    result : PathResult
        Of a softmax regression a line is the root of the sum of squares of a column's coefficients over the classes.
    against : {"lambda", "norm", "deviance"}
        What is on the horizontal axis: lambda, decreasing to the right; the sum of absolute coefficients; or the share
        of the null deviance that is explained.
    names : bool
        Whether the lines that end furthest from zero are named.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InvalidParameterError
        For another axis, and a path without columns.
    ImportError
        If matplotlib is not installed.
    """
    if against not in AGAINST:
        raise InvalidParameterError(f"against={against!r} is unknown; known: {', '.join(AGAINST)}")
    first = int(result.first.intercept)
    slopes = result.params[:, first:]
    slopes = np.sqrt((slopes**2).sum(2)) if slopes.ndim == 3 else slopes
    if not slopes.shape[1]:
        raise InvalidParameterError("the path has no coefficients to plot beside its intercept")
    at = {"lambda": result.lambdas, "norm": np.abs(slopes).sum(1), "deviance": result.deviance_ratio}[against]
    ax = axes_of(ax)
    ax.axhline(0.0, color=GREY, lw=0.8, ls=(0, (4, 3)))
    for j in np.flatnonzero(slopes.any(axis=0)).tolist():
        ax.plot(at, slopes[:, j], color=CYCLE[j % len(CYCLE)], lw=1.5)
    if names:
        _name_ends(ax, at[-1], slopes[-1], result.names[first:])
    _horizontal(ax, against, at)
    ax.set(ylabel="coefficient" if result.params.ndim == 2 else "size of the classes' coefficients")
    _counts(ax, at, result.df)
    return ax


def cv(result: MeasuredPath, *, ax: Axes | None = None) -> Axes:
    """The cross-validated mean at each lambda with its standard error, and the lambdas of both rules.

    Parameters
    ----------
    result : CVResult
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
        On top the number of coefficients that are not zero in the fit of all rows.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    ax = axes_of(ax)
    spread = None if np.isnan(result.se).all() else result.se
    bars = {"elinewidth": 1.0, "capsize": 0, "ecolor": GREY, "alpha": 0.85}
    ax.errorbar(result.lambdas, result.mean, spread, fmt="o", ms=3.5, color=BLUE, **bars)
    marks = [("min", result.lambda_min, "-", ORANGE)]
    marks += [] if spread is None else [("1se", result.lambda_1se, (0, (4, 3)), INK)]
    for rule, lam, style, colour in marks:
        ax.axvline(lam, color=colour, lw=1.2, ls=style, label=f"{rule}: {lam:.4g}")
    _horizontal(ax, "lambda", result.lambdas)
    held = "held-out rows" if result.n_folds == 1 else f"{result.n_folds:,} folds"
    ax.set(ylabel=f"{result.measure}, mean of {held}")
    ax.legend(frameon=False, fontsize=9)
    _counts(ax, result.lambdas, result.path.df)
    return ax


def _horizontal(ax, against, at):
    """The horizontal axis, on which penalties fall to the right; lambda zero has no logarithm."""
    if against == "lambda":
        linear = {} if (at > 0.0).all() else {"linthresh": at[at > 0.0].min(initial=1.0)}
        ax.set_xscale("symlog" if linear else "log", **linear)
        ax.invert_xaxis()
    labels = {"norm": "sum of absolute coefficients", "deviance": "explained share of the null deviance"}
    ax.set(xlabel=labels.get(against, "lambda"))


def _name_ends(ax, x, ends, names):
    """The names of the lines that end furthest from zero."""
    low, high = ax.get_ylim()
    taken: list[float] = []
    for j in np.argsort(-np.abs(ends), kind="stable")[:MOST_NAMED].tolist():
        if ends[j] != 0.0 and all(abs(ends[j] - other) > CLOSE * (high - low) for other in taken):
            place = {"xytext": (4, 0), "textcoords": "offset points", "va": "center", "fontsize": 8}
            place |= {"color": CYCLE[j % len(CYCLE)], "annotation_clip": False}
            ax.annotate(short(str(names[j])), (x, ends[j]), **place)
            taken.append(float(ends[j]))


def _counts(ax, at, df):
    """The number of coefficients that are not zero on an upper axis."""
    top = ax.secondary_xaxis("top")
    along = ax.transData.transform(np.column_stack([at, np.zeros(len(at))]))[:, 0]
    even = np.linspace(along.min(), along.max(), COUNTS)
    picked = np.unique(np.abs(along[:, None] - even).argmin(0))
    top.set_xticks(at[picked], [f"{df[i]}" for i in picked])
    top.minorticks_off()
    top.spines["top"].set_visible(False)
    top.tick_params(length=0, labelcolor=GREY, labelsize=8)
    top.set_xlabel("coefficients that are not zero", fontsize=8, color=GREY)
