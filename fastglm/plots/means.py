"""The fitted mean along one column, over what was observed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..errors import InvalidParameterError
from ..inference.wald import quantile
from .axes import CYCLE, ORANGE, axes_of
from .held import held_rows, parameters_of, place, with_parameters

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Literal

    from matplotlib.axes import Axes

    from ..core.protocols import Fitted
    from ..core.records import ArrayLike
    from ..types import DataFrame

MANY = 300  # rows; more are shown as the means of groups


def fitted(
    result: Fitted, X: ArrayLike | DataFrame, y: ArrayLike | None = None, column: int | str | None = None, *,
    offset: ArrayLike | None = None, exposure: ArrayLike | None = None, weights: ArrayLike | None = None,
    level: float = 0.95, points: Literal["rows", "groups"] | None = None, bins: int = 20,
    params: Sequence[ArrayLike] | Mapping[str, ArrayLike] = (), ax: Axes | None = None,
) -> Axes:  # fmt: skip
    """The fitted mean along one column, with its confidence band, over what was observed.

    The model's other columns are held at their means, those of factors at the shares of levels. What was observed is
    shown as it would be there: the response residual is added to the curve, or under the log link y / mu multiplied
    with it. A model with an exposure, or with an offset under the log link, is shown as a rate per unit of exposure.

    Parameters
    ----------
    result : GLMResult, MultinomialResult, or MLPResult, which has no band
    X : (n, p) array_like, data frame or sparse matrix, without the intercept column if the fit added it
        The frame of a fit by a formula, or with factors, varies by its own columns: all terms of x move with x.
    y : (n,) array_like of responses or labels, or (n, 2) of successes and failures; the formula's response by default
    column : str or int, optional
        The column of X on the horizontal axis; the first by default. Of a factor the levels are points.
    offset, exposure, weights : scalar or (n,) array_like, as the model was fitted with
    level : float, confidence of the band, and of the bars at the means of groups
    points : {"rows", "groups"}, optional
        Every row, responses of zero and one jittered; or means of rows that lie together. By default groups for more
        than 300 rows, for several classes, and for zeros and ones with other columns in the model.
    bins : int
        Most groups. A column with no more values than that has one group for each.
    params : sequence or mapping of arrays like ``result.params``
        Other coefficients, whose curves are drawn too; a mapping names them.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InvalidParameterError, MissingDataError
        For a column that is not there, and rows that do not fit the model.
    ImportError
        If matplotlib is not installed.
    """
    if points not in (None, "rows", "groups"):
        raise InvalidParameterError(f"points must be 'rows', 'groups' or None, got {points!r}")
    if bins < 2:
        raise InvalidParameterError(f"bins must be at least 2, got {bins}")
    vectors = {"weights": weights, "offset": offset, "exposure": exposure}
    held = held_rows(result, X, y, vectors, "a plot of the fitted mean", (column,))
    if held.rows.y is None:
        raise InvalidParameterError("y is needed, what was observed; only a formula knows it by itself")
    j, others = place(held.names, 0 if column is None else column), _others(result, params)
    x, (observed, share) = held.values(j), held.moved(j)
    levels = held.levels(j)
    ax = axes_of(ax)
    draw = _of_numbers if levels is None else _of_levels
    binary = bool(np.minimum(np.abs(observed), np.abs(observed - 1.0)).max() < 1e-9)
    if points is None:
        adjusted = held.X.shape[1] > 1 or result.exposure_kind
        points = "groups" if len(x) > MANY or observed.shape[1] > 1 or (_is_share(result) and adjusted) else "rows"
    count = draw(ax, held, j, x, observed, share, (level, points, bins, binary), others)
    suffix = f" (other columns {held.held_at})" if len(held.names) > 1 else ""
    ax.set(xlabel=f"{held.names[j]}{suffix}", ylabel=_mean_name(result))
    if _is_share(result) and binary:
        ax.set_ylim(-0.06, 1.06)
    if count <= 3:
        ax.legend(frameon=False, fontsize=9, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2, borderaxespad=0.2)
    else:
        ax.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return ax


def _others(result, params):
    """Results like the fit's with other coefficients, by their names."""
    named = params if hasattr(params, "items") else {f"parameters {i}": p for i, p in enumerate(params, 1)}
    values = {name: np.asarray(p, float) for name, p in named.items()}
    for name, p in values.items():
        if p.shape != parameters_of(result).shape:
            raise InvalidParameterError(f"params: {name} has shape {p.shape}, the fit {parameters_of(result).shape}")
    return {name: with_parameters(result, p) for name, p in values.items()}


def _curve(held, j, grid, level, result=None):
    """The means at values of a column, (points, curves), and the ends of their intervals or None."""
    plain = result is not None or getattr(held.result, "cov_unscaled", None) is None
    found = held.predict({j: grid}, result, **({} if plain else {"interval": "mean", "level": level}))
    parts = [found] if plain else [found.mean, found.lower, found.upper]
    return [part.reshape(len(grid), -1) for part in parts]


def _name_of(result, level, count, k, band):
    if count > 1:
        return f"column {k} of y" if result.classes is None else str(result.classes[k])
    return f"fitted mean, {100 * level:g} % interval" if band else "fitted mean"


def _of_numbers(ax, held, j, x, observed, share, style, others):
    """A curve for each mean; returns their number."""
    level, points, bins, binary = style
    grid = np.linspace(x.min(), x.max(), 201)
    mean, *band = _curve(held, j, grid, level)
    count = mean.shape[1]
    for k, colour in zip(range(count), np.resize(CYCLE, count), strict=True):
        if band:
            ax.fill_between(grid, band[0][:, k], band[1][:, k], color=colour, alpha=0.15, lw=0)
        ax.plot(grid, mean[:, k], color=colour, lw=2.0, label=_name_of(held.result, level, count, k, band))
        dots = colour if count > 1 else ORANGE
        if points == "rows":
            _rows(ax, x, observed[:, k], binary, dots)
        else:
            _groups(ax, x, observed[:, k], share, bins, level, dots, label=k == count - 1)
    for i, (name, other) in enumerate(others.items()):
        (curves,) = _curve(held, j, grid, level, other)
        for k in range(count):
            style = {"color": CYCLE[(2 + i) % len(CYCLE)], "lw": 1.4, "ls": (0, (4, 2))}
            ax.plot(grid, curves[:, k], label=name if k == 0 else None, **style)
    return count + len(others)


def _of_levels(ax, held, j, x, observed, share, style, others):
    """A point with its interval for each level of a factor and each mean; returns the number of kinds of points."""
    level, levels = style[0], held.levels(j)
    mean, *band = _curve(held, j, levels, level)
    count, at = mean.shape[1], np.arange(len(levels))
    code = np.array([levels.index(value) for value in x])
    for k, colour in zip(range(count), np.resize(CYCLE, count), strict=True):
        place_k = at + (0.5 * ((k + 0.5) / count - 0.5) if count > 1 else 0.0)
        ends = [mean[:, k] - band[0][:, k], band[1][:, k] - mean[:, k]] if band else None
        name = _name_of(held.result, level, count, k, band)
        ax.errorbar(place_k, mean[:, k], ends, fmt="o", ms=6, color=colour, elinewidth=1.6, capsize=0, label=name)
        total = np.bincount(code, share, len(levels))
        seen = np.bincount(code, share * observed[:, k], len(levels)) / np.where(total > 0, total, np.nan)
        dots = {"color": colour if count > 1 else ORANGE, "label": "observed, means" if k == count - 1 else None}
        ax.plot(place_k + 0.09, seen, "d", ms=4.5, **dots)
    for i, (name, other) in enumerate(others.items()):
        (curves,) = _curve(held, j, levels, level, other)
        ax.plot(at, curves[:, 0], "x", ms=6, color=CYCLE[(2 + i) % len(CYCLE)], label=name)
    ax.set_xticks(at, [str(one) for one in levels])
    ax.set_xlim(-0.5, len(levels) - 0.5)
    return count + len(others)


def _is_share(result):
    """Whether the mean is a probability."""
    return result.family.response_model == "softmax" or result.family.two_outcomes


def _mean_name(result):
    if result.family.response_model == "softmax":
        return "probability"
    if _is_share(result):
        return "probability" + ("" if result.classes is None else f" that y = {result.classes[1]}")
    if result.exposure_kind is not None and result.link.is_log:
        return "mean of y per unit of exposure"
    return "mean of y"


def _rows(ax, x, observed, binary, colour):
    """Every row, zeros and ones spread a little by the golden ratio, which needs no random numbers."""
    spread = 0.05 * ((np.arange(len(x)) * 0.6180339887) % 1.0 - 0.5) if binary else 0.0
    label = "observed, jittered" if binary else "observed"
    size = 30 if len(x) <= 50 else 14
    ax.scatter(x, observed + spread, s=size, color=colour, alpha=0.7, lw=0, label=label, zorder=3)


def _groups(ax, x, observed, share, bins, level, colour, label):
    """Means of rows that lie together, with bars of their standard errors."""
    group, count = _grouped(x, bins)
    total = np.bincount(group, share, count)
    full = total > 0
    middle = np.bincount(group, share * x, count)[full] / total[full]
    mean = np.bincount(group, share * observed, count)[full] / total[full]
    # the variance of a weighted mean, from the rows' own deviations
    deviation = observed - np.bincount(group, share * observed, count)[group] / np.where(full, total, 1.0)[group]
    error = np.sqrt(np.bincount(group, (share * deviation) ** 2, count)[full]) / total[full]
    text = f"observed, in {full.sum()} groups" if label else None
    bars = {"elinewidth": 1.0, "capsize": 0, "alpha": 0.85}
    ax.errorbar(middle, mean, quantile(level) * error, fmt="o", ms=4.5, color=colour, label=text, zorder=3, **bars)


def _grouped(x, bins):
    """Group of each row and the number of groups: one a value of few, else equally many rows in each."""
    values, group = np.unique(x, return_inverse=True)
    if len(values) <= bins:
        return group, len(values)
    bounds = np.unique(np.quantile(x, np.linspace(0, 1, bins + 1)[1:-1]))
    return np.searchsorted(bounds, x, side="right"), len(bounds) + 1
