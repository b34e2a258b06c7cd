"""Draw the figures of the tutorial: ``python docs/make_figures.py``, from the root of the repository or anywhere."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

import fastglm

HERE = Path(__file__).parent
INK, BLUE, ORANGE, GREY = "#24292f", "#1f6feb", "#d9480f", "#6e7781"
STYLE = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "savefig.dpi": 160,
}


def one_predictor(path) -> None:
    """The six points of the tutorial, the fitted curve with its 95 % interval, and the threshold 0.5."""
    x = np.array([2.0, 3, 5, 7, 11, 13])
    y = np.array([0, 0, 1, 0, 1, 1])
    result = fastglm.fit(x[:, None], y, family="binomial", names=["x"])
    grid = np.linspace(0, 15, 301)
    band = result.predict(grid[:, None], interval="mean")
    middle = -result.params[0] / result.params[1]

    figure, axes = plt.subplots(figsize=(6.4, 3.8), layout="constrained")
    axes.fill_between(grid, band.lower, band.upper, color=BLUE, alpha=0.13, lw=0, label="95 % interval of the mean")
    axes.plot(grid, band.mean, color=BLUE, lw=2.2, label="fitted probability")
    axes.plot([0, middle, middle], [0.5, 0.5, -0.05], color=GREY, lw=1, ls=(0, (4, 3)))
    axes.annotate(f"0.5 at x = {middle:.2f}", (middle, 0.2), (7, 0), textcoords="offset points",
                  va="center", color=GREY, fontsize=9, annotation_clip=False)  # fmt: skip
    axes.scatter(x, y, s=46, color=ORANGE, edgecolor="white", linewidth=1, zorder=3, clip_on=False, label="observed")
    axes.set(xlim=(0, 15), ylim=(-0.05, 1.05), xlabel="x", ylabel="probability of y = 1", xticks=range(0, 16, 2))
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
    axes.legend(frameon=False, loc="center right", bbox_to_anchor=(1.0, 0.42), fontsize=9)
    figure.savefig(path)
    plt.close(figure)


def main() -> None:
    """Draw all of them beside this file."""
    with plt.rc_context(STYLE):
        one_predictor(HERE / "one_predictor.png")


if __name__ == "__main__":
    main()
