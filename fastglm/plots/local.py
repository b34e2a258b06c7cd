"""The plot of a local regression: its curve and band over the rows, and the weights of one point."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InvalidParameterError
from .axes import BLUE, GREY, INK, ORANGE, axes_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..core.records import ArrayLike

MOST_ROWS = 5000  # that are drawn; of more every k-th is shown
VISIBLE = 0.02  # the least weight at which the local polynomial of a point is drawn


def local(result: Any, *, point: ArrayLike | None = None, level: float | None = 0.95, ax: Axes | None = None) -> Axes:
    """A curve of one column over its rows.

    Parameters
    ----------
    result : LocalResult
    point : float, optional
        Rows are drawn as large as their weights in the fit at this point, beside the local polynomial there.
    level : float or None
        Confidence of the pointwise band; none is drawn for None.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InvalidParameterError
        For a curve of several columns.
    ImportError
        If matplotlib is not installed.
    """
    if len(result.names) != 1:
        raise InvalidParameterError(f"plot: the curve has {len(result.names)} columns; predict along one of them")
    ax = axes_of(ax)
    rows = result.fitter.rows
    x, y, step = rows.x[0], rows.y, max(1, rows.n // MOST_ROWS)
    shown = slice(None, None, step)
    if point is None:
        ax.scatter(x[shown], y[shown], s=9.0, color=GREY, alpha=0.5, lw=0.0)
    order = np.argsort(result.points[:, 0])
    at = result.points[order, 0]
    if level is not None:
        band = result.interval(level)
        ax.fill_between(at, band.lower[order], band.upper[order], color=BLUE, alpha=0.18, lw=0.0)
    ax.plot(at, result.fitted[order], color=BLUE, lw=1.8, label=f"local fit, bandwidth {result.bandwidth}")
    if point is not None:
        _one_point(result, float(np.squeeze(point)), shown, ax)
        ax.legend(frameon=False)
    ax.set(xlabel=result.names[0], ylabel="y")
    return ax


def _one_point(result, point, shown, ax):
    """The rows by their weights in the fit at a point, and the local polynomial."""
    rows = result.fitter.rows
    weights, x, y = result.sorted_weights(np.array([point])), rows.x[0], rows.y
    ax.scatter(x[shown], y[shown], s=2.0 + 34.0 * weights[shown], color=ORANGE, alpha=0.5, lw=0.0)
    near = x[weights > VISIBLE * weights.max(initial=0.0)]
    fit = result.fitter.at(np.array([[point]]), result.bandwidth)
    if not len(near) or np.isnan(fit.eta[0]):
        return
    along = np.linspace(near[0], near[-1], 101)
    powers = ((along - point) / fit.bandwidth[0, 0])[:, None] ** np.arange(fit.coef.shape[1])
    ax.plot(along, result.mean_of(powers @ np.nan_to_num(fit.coef[0])), color=ORANGE, lw=1.8, label=f"at {point:g}")
    ax.axvline(point, color=INK, lw=0.7, ls=(0, (4, 3)))
