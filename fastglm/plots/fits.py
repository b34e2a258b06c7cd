"""Plots of a fit: its history, its curve, its coefficients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InvalidParameterError
from ..inference.wald import quantile
from ..rows.matching import check_column, check_offset

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Literal

    from matplotlib.axes import Axes

    from ..core.protocols import Fitted, WithHistory
    from ..core.records import ArrayLike
    from ..types import DataFrame

INK, BLUE, ORANGE, GREY = "#24292f", "#1f6feb", "#d9480f", "#6e7781"
CYCLE = (BLUE, ORANGE, "#2da44e", "#8250df", "#bf8700", "#cf222e", "#1b7c83", GREY)
AXIS = {"passes": "passes over the data", "seconds": "time, s", "epoch": "epoch", "iteration": "iteration"}
MANY = 300  # rows; more are shown as the means of groups


def history(
    result: WithHistory | Sequence[Mapping[str, Any]], x: str = "passes", y: str | None = None, *,
    best: float | None = None, label: str | None = None, ax: Axes | None = None,
) -> Axes:  # fmt: skip
    """Plot the loss or deviance against passes or time.

    Parameters
    ----------
    result : a fitted result, or a sequence of records like its ``history``
    x : str
        "passes" over the data, "seconds", "iteration" or "epoch": a key of the records.
    y : str, optional
        The key of what is drawn: "loss" (with "validation_loss", where there is one) or else "deviance" by default.
        "distance" of an exact fit is that to the optimum in standard errors.
    best : float, optional
        The value that a loss or deviance is compared with; the smallest seen, by default. Where values come within a
        hundredth of where they started, or `best` is given, the difference is drawn on a logarithmic axis, and a
        difference of zero at the rounding of float64, hollow.
    label : str, optional
        The name of this curve, for several of them in the same Axes; give all the same `best`.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InvalidParameterError
        If the records have no such key.
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> import fastglm
    >>> from fastglm import plots
    >>> data = fastglm.simulate.make_glm("binomial", 5000, 3)
    >>> plots.history(fastglm.fit(data.X, data.y, family="binomial")).get_xlabel()
    'passes over the data'
    """
    records = list(getattr(result, "history", result))
    y = y or ("loss" if records and "loss" in records[-1] else "deviance")
    at, values = _series(records, x), _series(records, y)
    ax = axes_of(ax)
    colour = CYCLE[len(ax.get_lines()) % len(CYCLE)]
    style = {"color": colour, "lw": 1.8, "marker": "o" if len(at) <= 40 else "", "ms": 4.5}
    compared = y in ("loss", "deviance")
    checked = y == "loss" and best is None and bool(np.isfinite(records[-1].get("validation_loss", np.nan)))
    if compared and not checked and (best is not None or _falls_far(values)):
        least = np.nanmin(values) if best is None else best
        _gap_line(ax, at, values - least, np.finfo(float).eps * max(abs(least), 1.0), label or y, style)
        ax.set(ylabel=f"{y} above {'its smallest' if best is None else 'the best'}")
    else:
        ax.plot(at, values, label=label or y, **style)
        ax.set(ylabel={"distance": "distance to the optimum, standard errors"}.get(y, y.replace("_", " ")))
        if not compared and np.nanmin(values) > 0:
            ax.set_yscale("log")
    if checked:
        held_out = _series(records, "validation_loss")
        ax.plot(at, held_out, label="loss of held-out rows", **style | {"color": ORANGE, "ls": "--"})
    ax.set(xlabel=AXIS.get(x, x))
    ax.set_xlim(left=0)
    if label or len(ax.get_legend_handles_labels()[0]) > 1:
        ax.legend(frameon=False)
    return ax


def fitted(
    result: Fitted, X: ArrayLike | DataFrame, y: ArrayLike, column: int | str | None = None, *,
    offset: ArrayLike | None = None, exposure: ArrayLike | None = None, weights: ArrayLike | None = None,
    level: float = 0.95, points: Literal["rows", "groups"] | None = None, bins: int = 20, ax: Axes | None = None,
) -> Axes:  # fmt: skip
    """The fitted mean along one column, with its confidence band, over what was observed.

    The other columns are held at their means. What was observed is shown as it would be there: the response residual
    is added to the curve, or under the log link y / mu multiplied with it. A model with an exposure, or with an offset
    under the log link, is shown as a rate per unit of exposure.

    Parameters
    ----------
    result : GLMResult or MultinomialResult
    X : (n, p) array_like, data frame or sparse matrix, without the intercept column if the fit added it
    y : (n,) array_like of responses or labels, or (n, 2) of successes and failures
    column : str or int, optional
        The column of X on the horizontal axis; the first by default.
    offset, exposure, weights : scalar or (n,) array_like, as the model was fitted with
    level : float, confidence of the band, and of the bars at the means of groups
    points : {"rows", "groups"}, optional
        Every row, responses of zero and one jittered; or means of rows that lie together. By default groups for more
        than 300 rows, for several classes, and for zeros and ones with other columns in the model.
    bins : int
        Most groups. A column with no more values than that has one group for each.
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
    j = _column(result.schema.columns, column)
    vectors = {"weights": weights, "offset": offset, "exposure": exposure}
    rows = result.schema.open(X, y, vectors, in_memory="a plot of the fitted mean").whole()
    X, y, weights, offset, exposure = _numbers(rows.X), rows.y, rows.weights, rows.offset, rows.exposure
    x, observed, share = _observed(result, X, y, j, offset, exposure, weights)
    grid = np.linspace(x.min(), x.max(), 201)
    curve = _at_means(result, X, j, grid, _companion(result, offset, exposure), interval="mean", level=level)
    mean, lower, upper = (part.reshape(len(grid), -1) for part in (curve.mean, curve.lower, curve.upper))
    binary = bool(np.minimum(np.abs(observed), np.abs(observed - 1.0)).max() < 1e-9)
    if points is None:
        adjusted = X.shape[1] > 1 or result.exposure_kind
        points = "groups" if len(x) > MANY or mean.shape[1] > 1 or (_is_share(result) and adjusted) else "rows"

    ax = axes_of(ax)
    for k, colour in zip(range(mean.shape[1]), np.resize(CYCLE, mean.shape[1]), strict=True):
        name = f"fitted mean, {100 * level:g} % interval" if mean.shape[1] == 1 else str(result.classes[k])
        ax.fill_between(grid, lower[:, k], upper[:, k], color=colour, alpha=0.15, lw=0)
        ax.plot(grid, mean[:, k], color=colour, lw=2.0, label=name)
        dots = colour if mean.shape[1] > 1 else ORANGE
        if points == "rows":
            _rows(ax, x, observed[:, k], binary, dots)
        else:
            _groups(ax, x, observed[:, k], share, bins, level, dots, label=k == mean.shape[1] - 1)
    names = result.schema.columns
    suffix = " (other columns at their means)" if X.shape[1] > 1 else ""
    ax.set(xlabel=f"{names[j]}{suffix}", ylabel=_mean_name(result))
    if _is_share(result) and binary:
        ax.set_ylim(-0.06, 1.06)
    if mean.shape[1] <= 3:
        ax.legend(frameon=False, fontsize=9, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2, borderaxespad=0.2)
    else:
        ax.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return ax


def coefficients(result: Fitted, level: float = 0.95, *, intercept: bool = False, ax: Axes | None = None) -> Axes:
    """Coefficients with their confidence intervals, one line each in the order of the model.

    Parameters
    ----------
    result : GLMResult or MultinomialResult
    level : float, confidence of the intervals
    intercept : bool
        Whether to show the intercept that the fit added; it is often far from the others.
    ax : matplotlib.axes.Axes, optional
        The lettering is made to fit its height. A figure of its own is as high as it needs to be.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InvalidParameterError
        Unless 0 < level < 1, and for a model without coefficients to show.
    ImportError
        If matplotlib is not installed.
    """
    first = 1 if result.intercept and not intercept else 0
    names = [str(name) for name in result.names[first:]]
    if not names:
        raise InvalidParameterError("the model has no coefficients to plot beside its intercept")
    values, limits = result.params[first:], result.conf_int(level)[first:]
    values, limits = values.reshape(len(names), -1), limits.reshape(len(names), -1, 2)
    n_curves = values.shape[1]
    ax = axes_of(ax, height=1.1 + 0.28 * len(names) * max(1.0, 0.5 * n_curves))
    ax.axvline(0.0, color=GREY, lw=0.8, ls=(0, (4, 3)))
    rows = np.arange(len(names))
    for k, colour in zip(range(n_curves), np.resize(CYCLE, n_curves), strict=True):
        line = rows + (0.7 * ((k + 0.5) / n_curves - 0.5) if n_curves > 1 else 0.0)
        ax.hlines(line, limits[:, k, 0], limits[:, k, 1], color=colour, lw=1.8)
        label = None if n_curves == 1 else str(result.contrast_classes[k])
        ax.plot(values[:, k], line, "o", ms=5, color=colour, markeredgecolor="white", label=label)
    aliased = np.isnan(values).all(axis=1)
    for row in rows[aliased]:
        ax.annotate("aliased", (0.0, row), (6, 0), textcoords="offset points", va="center", color=GREY, fontsize=8)
    room = 72 * ax.get_figure().get_figheight() * ax.get_position().height / len(names)
    ax.set_yticks(rows, [short(name) for name in names], fontsize=min(10.0, 0.85 * room))
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    effect = result.link.effect or f"{result.link.name}(mean)"
    if result.family.response_model == "softmax":
        effect = f"{effect} {result.family.reference}"
    ax.set(xlabel=f"change in {effect} per unit")
    ax.set_title(f"{100 * level:g} % intervals", loc="left", fontsize=9, color=GREY)
    if n_curves > 1:
        ax.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return ax


def _numbers(X):
    """The columns of the model in double precision, sparse ones as they are."""
    if hasattr(X, "tocsr"):
        return X
    return np.asarray(X.toarray() if hasattr(X, "toarray") else X, dtype=np.float64)


def axes_of(ax, height=3.9):
    """The Axes given, or those of a new figure; without the box in both cases."""
    if ax is None:
        try:
            import matplotlib.pyplot as plt
        except ImportError as error:
            raise ImportError(f"plots need matplotlib ({error}): pip install 'fastglm[plot]'") from error
        _, ax = plt.subplots(figsize=(6.4, height), layout="constrained")
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(GREY)
    ax.tick_params(color=GREY, labelcolor=INK)
    return ax


def _series(records, key):
    """The values of one key, NaN where a record has none."""
    if not any(key in record for record in records):
        known = sorted({name for record in records for name in record})
        raise InvalidParameterError(f"the history has no {key!r}; it has {', '.join(known) or 'no records'}")
    values = [record.get(key) for record in records]
    return np.array([np.nan if value is None else value for value in values], float)


def _falls_far(values):
    gaps = values[np.isfinite(values)] - np.nanmin(values)
    positive = gaps[gaps > 0]
    return len(positive) > 1 and positive[0] > 100 * positive.min()


def _gap_line(ax, at, gap, rounding, label, style):
    """A line on a logarithmic axis; values below the rounding error are drawn hollow at its size."""
    hidden = gap <= rounding
    (line,) = ax.plot(at, np.maximum(gap, rounding), label=label, **style)
    if style["marker"] and hidden.any():
        at_rounding = np.full(hidden.sum(), rounding)
        ax.scatter(at[hidden], at_rounding, s=34, fc="white", ec=line.get_color(), zorder=3, label="0, up to rounding")
    ax.set_yscale("log")


def _column(names, column):
    """The number of a column that is given by name or number."""
    if column is None:
        column = 0
    if isinstance(column, str) and column in names:
        return names.index(column)
    if isinstance(column, (int, np.integer)) and -len(names) <= column < len(names):
        return int(column) % len(names)
    raise InvalidParameterError(f"column={column!r} is not among the columns {', '.join(map(str, names[:20]))}")


def _observed(result, X, y, j, offset, exposure, weights):
    """The column (n,), the observations moved to the means of the other columns (n, m), and the weights of rows."""
    shift = {name: value for name, value in (("offset", offset), ("exposure", exposure)) if value is not None}
    n = X.shape[0]
    mu = result.predict(X, **shift).reshape(n, -1)
    residual = result.residuals(X, y, kind="response", **shift).reshape(n, -1)
    x = X[:, [j]].toarray()[:, 0] if hasattr(X, "toarray") else X[:, j]
    x = np.asarray(x, float)
    size = max(1, (1 << 20) // X.shape[1])
    companion = _companion(result, offset, exposure)
    base = np.concatenate(
        [_at_means(result, X, j, x[i : i + size], companion).reshape(-1, mu.shape[1]) for i in range(0, n, size)]
    )
    share = np.ones(n) * (1.0 if weights is None else check_column("weights", weights, n))
    if np.ndim(y) == 2 and mu.shape[1] == 1:
        share = share * np.asarray(y, float).sum(axis=1)
    if not result.link.is_log:
        return x, base + residual, share
    return x, base * (mu + residual) / mu, share * (mu / base)[:, 0]


def _companion(result, offset, exposure):
    """The offset at which the curve is drawn: that of a unit of exposure, or the mean offset."""
    if result.exposure_kind is None:
        return {}
    log = result.link.is_log
    return {"offset": 0.0 if log else float(np.mean(check_offset(result, offset, exposure, np.size(offset))))}


def _at_means(result, X, j, values, companion, **options):
    """Predictions at some values of column j, with the others at their means."""
    rows = np.tile(np.asarray(X.mean(axis=0), float).reshape(1, -1), (len(values), 1))
    rows[:, j] = values
    return result.predict(rows, **companion, **options)


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


def short(name, most=28):
    return name if len(name) <= most else f"{name[: most // 2 - 1]}…{name[-(most // 2 - 1) :]}"
