"""The path of a descent over the surface of its loss, still and moving."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InvalidParameterError
from ..kernels.evaluate import row_terms
from ..kernels.row_loops import FamilyLink
from .axes import BLUE, CYCLE, GREY, INK, ORANGE, axes_of
from .held import held_rows, is_network, parameters_of, place, response_numbers, with_parameters
from .histories import records_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from os import PathLike

    from matplotlib.animation import FuncAnimation
    from matplotlib.axes import Axes

    from ..core.protocols import WithHistory
    from ..core.records import ArrayLike
    from ..types import DataFrame

MARGIN = 0.15  # of the range of a path, shown around it
STEPS = 61  # of the surface in each direction
HEIGHTS = 16  # of its contours, closer together near the bottom
SHORT = 60  # epochs, of which each is marked


def descent(
    runs: WithHistory | Sequence[WithHistory] | Mapping[str, WithHistory], X: ArrayLike | DataFrame, y: ArrayLike,
    columns: tuple[int | str, int | str] = (0, 1), *, start: ArrayLike | None = None,
    weights: ArrayLike | None = None, offset: ArrayLike | None = None, exposure: ArrayLike | None = None,
    ax: Axes | None = None,
) -> Axes:  # fmt: skip
    """The loss as a surface over two coefficients, and on it the paths of one or several descents.

    Parameters
    ----------
    runs : results of ``SGD(record="params")``, or a sequence or mapping of names to them
        Of one mean a row, or networks. The other coefficients are held where the first run ended.
    X, y : rows of the fit
    columns : pair of int or str
        Two coefficients, as in ``result.params`` or ``MLPResult.theta``, by number or name; (0, 1) are the intercept
        and the first slope.
    start : array like ``params``, optional
        Where the descents began, which no history holds.
    weights, offset, exposure : (n,) array_like, as the models were fitted with
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
        Contours of half the deviance of a row in the mean, without penalties.

    Raises
    ------
    InvalidParameterError
        For a history without coefficients, and a column that there is not.
    ImportError
        If matplotlib is not installed.
    """
    runs = _named(runs)
    first = next(iter(runs.values()))
    paths = {name: _recorded(run, start) for name, run in runs.items()}
    pair = [place(_coefficients(first), column) for column in columns]
    if len(set(pair)) != 2:
        raise InvalidParameterError(f"columns={tuple(columns)!r} must be two different coefficients")
    if len({path.shape[1] for path in paths.values()}) > 1:
        raise InvalidParameterError("runs: the models have different numbers of coefficients")
    ax = axes_of(ax, height=4.4)
    given = {"offset": offset, "exposure": exposure}
    shift = {name: value for name, value in given.items() if value is not None}
    _surface(ax, first, (X, y, weights, shift), pair, paths)
    for i, (name, path) in enumerate(paths.items()):
        style = {"color": (ORANGE, *CYCLE[2:])[i % 7], "marker": "o" if len(path) <= SHORT else "", "ms": 2.5}
        ax.plot(*path[:, pair].T, lw=1.5, label=name, **style)
        ax.plot(*path[-1, pair], "o", ms=7, color=style["color"], markeredgecolor="white", zorder=3)
    names = _coefficients(first)
    ax.set(xlabel=names[pair[0]], ylabel=names[pair[1]])
    if len(paths) > 1 or "" not in paths:
        ax.legend(frameon=False, fontsize=9, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3, borderaxespad=0.2)
    return ax


def animate(
    run: WithHistory, X: ArrayLike | DataFrame, y: ArrayLike, column: int | str | None = None, *,
    columns: tuple[int | str, int | str] = (0, 1), start: ArrayLike | None = None, frames: int = 60,
    weights: ArrayLike | None = None, path: str | PathLike[str] | None = None,
) -> FuncAnimation:  # fmt: skip
    """A descent as a film: its path over the surface of the loss, beside its curve as it turns.

    Parameters
    ----------
    run : a result of ``SGD(record="params")`` with one mean a row
    X, y : rows of the fit
    column : str or int, optional
        The column of X below the curve, the first by default; others are held at typical values.
    columns, start, weights : as for ``descent``
    frames : int
        Most pictures, dense among the early epochs, where most happens.
    path : file, optional
        ".gif" (by pillow), or ".html", a page that plays by itself.

    Returns
    -------
    matplotlib.animation.FuncAnimation
        Keep it while it is shown; ``to_jshtml()`` shows it in a notebook.

    Raises
    ------
    InvalidParameterError
        For a history without coefficients, several means a row, an offset, and a file of another kind.
    ImportError
        If matplotlib is not installed.
    """
    if path is not None and Path(path).suffix not in (".gif", ".html"):
        raise InvalidParameterError(f"path={str(path)!r} must end in .gif or .html")
    if frames < 2:
        raise InvalidParameterError(f"frames must be at least 2, got {frames}")
    recorded = _recorded(run, start)
    if run.exposure_kind is not None:
        raise InvalidParameterError(f"animate shows models without an {run.exposure_kind}; descent shows their paths")
    held = held_rows(run, X, y, {"weights": weights}, "an animation", (column,))
    seen = response_numbers(run, y, weights)[0]
    if seen.ndim > 1 or run.family.response_model == "softmax":
        raise InvalidParameterError("animate shows one mean a row, and this model has several")
    j = place(held.names, 0 if column is None else column)
    grid = np.linspace(held.values(j).min(), held.values(j).max(), 101)
    at = np.unique(np.geomspace(1, len(recorded), frames).round().astype(int)) - 1

    figure = axes_of(None, height=4.0).get_figure()
    figure.clear()
    figure.set_figwidth(9.6)
    left, right = figure.subplots(1, 2)
    descent(run, X, y, columns, start=start, weights=weights, ax=left)
    for drawn in left.get_lines():
        drawn.set(alpha=0.25)
    pair = [place(_coefficients(run), name) for name in columns]
    (walked,) = left.plot([], [], color=ORANGE, lw=1.8)
    (here,) = left.plot([], [], "o", ms=8, color=ORANGE, markeredgecolor="white")
    right.scatter(held.values(j), seen, s=26, color=ORANGE, alpha=0.7, lw=0, zorder=3)
    (curve,) = right.plot(grid, np.full(len(grid), np.nan), color=BLUE, lw=2.0)
    low, high = float(seen.min()), float(seen.max())
    room = 0.08 * (high - low or 1.0)
    right.set(xlabel=held.names[j], ylabel="mean of y", ylim=(low - room, high + room))
    axes_of(right)
    title = right.set_title("", loc="left", fontsize=9, color=GREY)
    epochs = at + (1 if start is None else 0)

    def draw(i):
        upto = recorded[: at[i] + 1, pair].T
        walked.set_data(*upto)
        here.set_data(*upto[:, -1:])
        curve.set_ydata(held.predict({j: grid}, with_parameters(run, recorded[at[i]])))
        title.set_text(f"after epoch {epochs[i]:,}")
        return walked, here, curve, title

    from matplotlib.animation import FuncAnimation, PillowWriter

    film = FuncAnimation(figure, draw, frames=len(at), interval=80, blit=False)
    if path is not None and Path(path).suffix == ".gif":
        film.save(path, writer=PillowWriter(fps=12), dpi=80)
    elif path is not None:
        Path(path).write_text(film.to_jshtml(fps=12), encoding="utf-8")
    return film


def _named(runs) -> dict[str, Any]:
    if hasattr(runs, "items"):
        return dict(runs)
    if hasattr(runs, "history"):
        return {"": runs}
    return {f"run {i}": run for i, run in enumerate(runs, 1)}


def _recorded(run, start):
    """The coefficients after each epoch, (epochs, p), after those of the start if given."""
    records = records_of(run)
    if not records or "params" not in records[0]:
        raise InvalidParameterError(
            "the history has no coefficients: fit with solver=SGD(record='params'), which keeps them of each epoch"
        )
    kept = [np.asarray(record["params"], float) for record in records]
    shape = parameters_of(run).shape
    if kept[0].shape != shape:
        raise InvalidParameterError("a softmax regression has no reference while it descends; MLP(()) shows its path")
    if start is not None:
        kept.insert(0, np.asarray(start, float))
        if kept[0].shape != shape:
            raise InvalidParameterError(f"start has shape {kept[0].shape}, the model {shape}")
    return np.array(kept)


def _coefficients(run):
    """Names of the coefficients; those of networks are numbered."""
    if not is_network(run):
        return list(run.names)
    return [f"parameter {i}" for i in range(len(run.theta))]


def _predictors(run, X, shift, point, pair):
    """A function of two coefficients: the linear predictors of the rows with the others as in ``point``."""

    def exactly(a, b):
        changed = np.array(point)
        changed[pair] = a, b
        return with_parameters(run, changed).predict(X, "link", **shift)

    if is_network(run):
        return exactly
    # a linear model is an affine function of both
    origin = exactly(0.0, 0.0)
    along, across = exactly(1.0, 0.0) - origin, exactly(0.0, 1.0) - origin
    return lambda a, b: origin + a * along + b * across


def _loss(run, eta, y, w):
    """Half the deviance of the rows at their linear predictors."""
    if run.family.response_model == "softmax":
        top = eta.max(axis=1)
        rows = np.log(np.exp(eta - top[:, None]).sum(axis=1)) + top - eta[np.arange(len(y)), y]
        return rows @ w
    return 0.5 * (row_terms(FamilyLink(run.family, run.link), eta, y, 1.0)[2].reshape(len(y), -1).sum(axis=1) @ w)


def _surface(ax, run, rows, pair, paths):
    """Contours of the mean loss around the paths, over rows of X, y, weights and shifts by name."""
    X, y, weights, shift = rows
    seen = np.vstack([path[:, pair] for path in paths.values()])
    low, high = seen.min(axis=0), seen.max(axis=0)
    room = MARGIN * np.where(high > low, high - low, np.maximum(np.abs(high), 1.0))
    grids = [np.linspace(a, b, STEPS) for a, b in zip(low - room, high + room, strict=True)]
    y, w = response_numbers(run, y, weights)
    w = np.full(len(y), 1.0 / len(y)) if w is None else w / w.sum()
    predictors = _predictors(run, X, shift, next(iter(paths.values()))[-1], pair)
    with np.errstate(all="ignore"):
        loss = np.array([[_loss(run, predictors(a, b), y, w) for a in grids[0]] for b in grids[1]])
    loss = np.where(np.isfinite(loss), loss, np.nan)
    least, most = np.nanmin(loss), np.nanmax(loss)
    heights = least + (most - least) * np.linspace(0.0, 1.0, HEIGHTS) ** 2.5
    ax.contourf(*grids, loss, heights, cmap="Blues_r", alpha=0.75)
    ax.contour(*grids, loss, heights[1:-1], colors=INK, linewidths=0.4, alpha=0.5)
