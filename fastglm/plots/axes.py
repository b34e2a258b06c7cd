"""The Axes that pictures are drawn into, their colours and their lettering."""

from __future__ import annotations

from typing import Any

INK, BLUE, ORANGE, GREY = "#24292f", "#1f6feb", "#d9480f", "#6e7781"
CYCLE = (BLUE, ORANGE, "#2da44e", "#8250df", "#bf8700", "#cf222e", "#1b7c83", GREY)


def axes_of(ax: Any, height: Any = 3.9) -> Any:
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


def short(name: Any, most: Any = 28) -> Any:
    """A name without its middle, where it is long."""
    return name if len(name) <= most else f"{name[: most // 2 - 1]}…{name[-(most // 2 - 1) :]}"
