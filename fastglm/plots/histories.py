"""How losses and deviances fell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InvalidParameterError
from .axes import CYCLE, ORANGE, axes_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Literal

    from matplotlib.axes import Axes

    from ..core.protocols import WithHistory

AXIS = {"passes": "passes over the data", "seconds": "time, s", "epoch": "epoch", "iteration": "iteration"}


def history(
    result: WithHistory | Sequence[Mapping[str, Any]], x: str = "passes", y: str | None = None, *,
    best: float | None = None, label: str | None = None, scale: Literal["linear", "gap"] | None = None,
    ax: Axes | None = None,
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
        The value that a loss or deviance is compared with; the smallest seen, by default.
    label : str, optional
        The name of this curve, for several of them in the same Axes; give all the same `best`.
    scale : {"linear", "gap"}, optional
        "linear": the values. "gap": their difference to `best` on a logarithmic axis, where a difference of zero is
        hollow at the rounding of float64; the smallest loss of a descent, which is no optimum, is left out. By default
        the gap where `best` is given, and of deviances that come within a hundredth of where they started.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InvalidParameterError
        If the records have no such key, and for another scale.
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
    if scale not in (None, "linear", "gap"):
        raise InvalidParameterError(f"scale={scale!r} is unknown; known: 'linear', 'gap'")
    records = records_of(result)
    y = y or ("loss" if records and "loss" in records[-1] else "deviance")
    at, values = _series(records, x), _series(records, y)
    ax = axes_of(ax)
    colour = CYCLE[len(ax.get_lines()) % len(CYCLE)]
    style = {"color": colour, "lw": 1.8, "marker": "o" if len(at) <= 40 else "", "ms": 4.5}
    compared = y in ("loss", "deviance")
    gap = scale == "gap" or (scale is None and (best is not None or (y == "deviance" and _falls_far(values))))
    checked = y == "loss" and not gap and bool(np.isfinite(records[-1].get("validation_loss", np.nan)))
    if compared and gap:
        least = np.nanmin(values) if best is None else best
        if y == "loss" and best is None:
            at, values = at[values > least], values[values > least]
        _gap_line(ax, at, values - least, np.finfo(float).eps * max(abs(least), 1.0), label or y, style)
        ax.set(ylabel=f"{y} above {'its smallest' if best is None else 'the best'}")
    else:
        ax.plot(at, values, label=label or y, **style)
        ax.set(ylabel={"distance": "distance to the optimum, standard errors"}.get(y, y.replace("_", " ")))
        if not compared and scale is None and np.nanmin(values) > 0:
            ax.set_yscale("log")
    if checked:
        held_out = _series(records, "validation_loss")
        ax.plot(at, held_out, label="loss of held-out rows", **style | {"color": ORANGE, "ls": "--"})
    ax.set(xlabel=AXIS.get(x, x))
    ax.set_xlim(left=0)
    if label or len(ax.get_legend_handles_labels()[0]) > 1:
        ax.legend(frameon=False)
    return ax


def records_of(result: Any) -> list[Any]:
    """The records of a history, which a network keeps as columns."""
    found = getattr(result, "history", result)
    if not hasattr(found, "keys"):
        return list(found)
    return [dict(zip(found, row, strict=True)) for row in zip(*found.values(), strict=True)]


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
