"""Coefficients with their confidence intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..errors import InvalidParameterError
from .axes import CYCLE, GREY, axes_of, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..core.protocols import Fitted


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
