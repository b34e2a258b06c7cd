"""Draw the figures of the pages: ``python docs/make_figures.py``, from the root of the repository or anywhere."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

import fastglm
from fastglm import plots
from fastglm.nn import MLP
from fastglm.solvers import SGD

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


def digits(path) -> None:
    """Ten digits that were not in the fit, and what codes of 8 numbers make of them."""
    from sklearn.datasets import load_digits

    data = load_digits()
    images, known = data.data / 16, slice(0, 1500)
    descent = SGD(method="adam", rate=0.01, batch_size=32, epochs=150, standardize=False)
    deep = MLP((32, 8, 32), family="binomial").fit(images[known], images[known], solver=descent)
    mean = images[known].mean(0)
    axes = np.linalg.svd(images[known] - mean, full_matrices=False)[2][:8]
    shown = images[[1500 + int(np.flatnonzero(data.target[1500:] == k)[0]) for k in range(10)]]
    rows = {
        "new image": shown,
        "network 64-32-8-32-64": deep.decode(deep.encode(shown)),
        "8 components": mean + (shown - mean) @ axes.T @ axes,
    }
    figure, grid = plt.subplots(3, 10, figsize=(7.6, 2.5), layout="constrained")
    for line, (name, made) in zip(grid, rows.items(), strict=True):
        line[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
        for cell, image in zip(line, made, strict=True):
            cell.imshow(image.reshape(8, 8), cmap="Greys", vmin=0, vmax=1)
            cell.set(xticks=[], yticks=[])
            cell.spines[:].set_visible(False)
    figure.savefig(path)
    plt.close(figure)


def two_descents(path) -> None:
    """Paths of two rates over the loss of the neuron of the primes."""
    x, y = np.array([2.0, 3, 5, 7, 11, 13])[:, None], [0, 0, 1, 0, 1, 1]
    descent = SGD(batch_size="full", reduction="sum", epochs=2500, record="params")
    runs = {
        f"rate {rate}": fastglm.fit(
            x, y, family="binomial", start=[0, 0], names=["w"], solver=descent._replace(rate=rate), cov=None
        )
        for rate in (0.01, 0.025)
    }
    axes = plots.descent(runs, x, y, start=[0, 0])
    axes.set(xlabel="b")
    axes.get_figure().savefig(path)
    plt.close(axes.get_figure())


def two_regions(path) -> None:
    """Three classes of a softmax regression, two of a network."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(300, 2))
    centres = np.array([[-1.2, -0.6], [1.2, -0.6], [0.0, 1.3]])
    kind = rng.integers(0, 3, 300)
    placed = centres[kind] + 0.8 * X
    ring = np.where((X**2).sum(axis=1) < 1.2, "inside", "outside")
    network = MLP((8,), family="binomial").fit(X, ring)
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.0, 3.7), layout="constrained")
    labels = np.array(["a", "b", "c"])[kind]
    plots.regions(fastglm.fit(placed, labels, family="multinomial"), placed, labels, ax=left)
    plots.regions(network, X, ring, ax=right)
    figure.savefig(path)
    plt.close(figure)


def main() -> None:
    """Draw all of them beside this file."""
    with plt.rc_context(STYLE):
        one_predictor(HERE / "one_predictor.png")
        digits(HERE / "digits.png")
        two_descents(HERE / "descent.png")
        two_regions(HERE / "regions.png")


if __name__ == "__main__":
    main()
