"""Pictures of the rows of a report: calibration by groups of predicted means, and residuals that should be normal."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..inference.quantile_residuals import normal_scores, tails_of_rows
from ..inference.residuals import evaluate_rows
from ..inference.residuals import residuals as residuals_of
from ..inference.summary import format_number
from ..postestimation.passes_over_rows import RowPasses
from ..postestimation.scores import calibration

if TYPE_CHECKING:
    from ..core.records import Array

BINS = 10  # groups of predicted means
REACH, CELLS = 4.0, 32  # of the histogram of residuals: from -4 to 4, and one cell beyond on each side
NORMAL = 1.959963984540054  # the normal quantile of 95 %
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 380, 250, 52, 360, 10, 212  # of a picture, and of its axes within


class ResidualSums(NamedTuple):
    """Sums of residuals over rows.

    Attributes
    ----------
    counts : (CELLS + 2,) array
        Rows by residual: below -REACH, in cells of equal width, above REACH.
    moments : (groups, 3) array
        Rows, sum and sum of squares of the residuals in each group of predicted means.
    """

    counts: Array
    moments: Array


def row_pictures(result: Any, data: Any) -> str:
    """The pictures of the rows of a fit, as figures of HTML; "" for models of several means a row.

    Parameters
    ----------
    result : GLMResult
    data : rows, as for ``residuals``
        They are read two or three times.
    """
    if result.family.response_model != "mean":
        return ""
    groups = calibration(result, data, bins=BINS)
    quantile = _has_distribution(result.family)
    sums = residual_sums(result, data, groups.high, quantile)
    kind = "Quantile" if quantile else "Pearson"
    about = "which are standard normal if the model is right" if quantile else "whose variance is the dispersion"
    pictures = [
        _figure(calibration_picture(groups), "Calibration: means of the response over means of the prediction, in "
                "groups of rows by their prediction, with 95% intervals"),
        _figure(group_picture(groups, sums.moments), f"{kind} residuals, {about}: their mean in the groups, with 95% "
                "intervals (thick) and one standard deviation on each side (thin)"),
    ]  # fmt: skip
    if quantile:
        told = "Quantile residuals: their histogram, and the standard normal density"
        pictures.append(_figure(histogram_picture(sums.counts), told))
    pictures = pictures[2:] if len(groups.rows) == 1 else pictures  # one mean has nothing to be drawn against
    return f'<div class="pictures">{"".join(pictures)}</div>'


def _has_distribution(family) -> bool:
    """Whether a family has the distribution function that quantile residuals are of."""
    has_density = family.saturated is not None or family.profiled
    return bool(has_density and (family.tails is not None or family.frozen is not None))


def residual_sums(result: Any, data: Any, ends: Array, quantile: bool, seed: int = 0) -> ResidualSums:
    """One pass over the rows: residuals counted by size, and summed by groups that end at means ``ends`` (groups,).

    The residuals are randomised quantile residuals, whose random numbers ``seed`` gives in the order of the rows, or
    Pearson's.
    """
    rng, edges = np.random.default_rng(seed), np.linspace(-REACH, REACH, CELLS + 1)
    counts, moments = np.zeros(CELLS + 2), np.zeros((len(ends), 3))

    def work(part):
        piece = part.piece
        rows = (piece.X, piece.y)
        shifts = (piece.weights, piece.offset, piece.exposure)
        mu = evaluate_rows(result, *rows, *shifts).detail.mu
        found = tails_of_rows(result, *rows, *shifts) if quantile else residuals_of(result, *rows, "pearson", *shifts)
        return found, mu, part.frequency

    with RowPasses(result, data, None, "report") as passes:
        for found, mu, frequency in passes.each(work):
            r = normal_scores(found, rng.random(len(mu))) if quantile else np.asarray(found)
            r = np.clip(r, -10.0 * REACH, 10.0 * REACH) if quantile else r  # of responses that a double cannot tell
            kept = np.isfinite(r) & (frequency > 0.0)
            r, w = r[kept], frequency[kept]
            counts += np.bincount(np.searchsorted(edges, r), weights=w, minlength=CELLS + 2)
            group = np.minimum(np.searchsorted(ends, mu[kept]), len(ends) - 1)
            for k, power in enumerate((w, w * r, w * r * r)):
                moments[:, k] += np.bincount(group, weights=power, minlength=len(ends))
    return ResidualSums(counts, moments)


def calibration_picture(groups: Any) -> str:
    """Observed over predicted means, with the line on which they are equal."""
    low, high = groups.observed - NORMAL * groups.se, groups.observed + NORMAL * groups.se
    low, high = (np.where(np.isfinite(end), end, groups.observed) for end in (low, high))
    axes = Axes.around([groups.predicted], [groups.predicted, low, high])
    parts = [axes.frame("predicted mean", "observed mean")]
    ends = (max(axes.x[0], axes.y[0]), min(axes.x[-1], axes.y[-1]))
    parts.append(axes.line(ends[0], ends[0], ends[1], ends[1], 'stroke-dasharray="4 3" opacity=".6"'))
    for x, y, a, b in zip(groups.predicted, groups.observed, low, high, strict=True):
        parts.append(axes.line(x, a, x, b, 'stroke-width="1.5"'))
        parts.append(axes.point(x, y, f"predicted {format_number(x)}, observed {format_number(y)}"))
    return "".join(parts)


def group_picture(groups: Any, moments: Array) -> str:
    """Means of residuals over predicted means."""
    n = np.maximum(moments[:, 0], 1.0)
    mean = moments[:, 1] / n
    sd = np.sqrt(np.maximum(moments[:, 2] / n - mean**2, 0.0))
    half = NORMAL * sd / np.sqrt(n)
    axes = Axes.around([groups.predicted], [mean - sd, mean + sd, np.array([0.0])])
    parts = [axes.frame("predicted mean", "residual")]
    parts.append(axes.line(axes.x[0], 0.0, axes.x[-1], 0.0, 'stroke-dasharray="4 3" opacity=".6"'))
    for x, y, d, h in zip(groups.predicted, mean, sd, half, strict=True):
        parts.append(axes.line(x, y - d, x, y + d, 'opacity=".45"'))
        parts.append(axes.line(x, y - h, x, y + h, 'stroke-width="3"'))
        parts.append(axes.point(x, y, f"predicted {format_number(x)}, residual {format_number(y)}, sd {d:.3g}"))
    return "".join(parts)


def histogram_picture(counts: Array) -> str:
    """The density of residuals in cells, and that of the standard normal distribution."""
    width = 2.0 * REACH / CELLS
    density = counts[1:-1] / (counts.sum() * width)
    edges = np.linspace(-REACH, REACH, CELLS + 1)
    at = np.linspace(-REACH, REACH, 97)
    curve = np.exp(-0.5 * at * at) / math.sqrt(2.0 * math.pi)
    axes = Axes.around([edges], [density, curve, np.array([0.0])])
    parts = [axes.frame("quantile residual", "density")]
    for left, height in zip(edges, density, strict=False):
        (x, right), (y, floor) = axes.across([left, left + width]), axes.up([height, 0.0])
        box = f'x="{x:.1f}" y="{y:.1f}" width="{right - x:.1f}" height="{max(floor - y, 0.0):.1f}"'
        parts.append(f'<rect {box} fill-opacity=".25" stroke="currentColor" stroke-opacity=".35" stroke-width=".6"/>')
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(axes.across(at), axes.up(curve), strict=True))
    parts.append(f'<polyline points="{points}" fill="none" stroke="currentColor" stroke-width="1.5"/>')
    beyond = [format_number(100.0 * share / counts.sum(), 2) for share in (counts[0], counts[-1])]
    parts.append(
        f'<text x="{RIGHT}" y="{TOP + 10}" font-size="10" text-anchor="end">below -4: {beyond[0]}%, above 4: '
        f"{beyond[1]}%</text>"
    )
    return "".join(parts)


class Axes(NamedTuple):
    """A frame: round numbers along x and y, from the first to the last of which it reaches."""

    x: list[float]
    y: list[float]

    @classmethod
    def around(cls, x: list[Array], y: list[Array]) -> Axes:
        """The axes that hold some arrays."""
        ends = ((min(v.min() for v in arrays), max(v.max() for v in arrays)) for arrays in (x, y))
        return cls(*(round_numbers(float(low), float(high)) for low, high in ends))

    def across(self, values: Any) -> Array:
        """Places of x from the left."""
        return LEFT + (RIGHT - LEFT) * (np.asarray(values) - self.x[0]) / (self.x[-1] - self.x[0])

    def up(self, values: Any) -> Array:
        """Places of y from the top."""
        return BOTTOM - (BOTTOM - TOP) * (np.asarray(values) - self.y[0]) / (self.y[-1] - self.y[0])

    def line(self, x1: Any, y1: Any, x2: Any, y2: Any, more: Any = "") -> str:
        """A line between two points."""
        (a, b), (c, d) = self.across([x1, x2]), self.up([y1, y2])
        return f'<line x1="{a:.1f}" y1="{c:.1f}" x2="{b:.1f}" y2="{d:.1f}" stroke="currentColor" {more}/>'

    def point(self, x: Any, y: Any, told: Any) -> str:
        """A point that says what it is."""
        (cx,), (cy,) = self.across([x]), self.up([y])
        return f'<circle cx="{cx:.1f}" cy="{cy:.1f}" r="3.2"><title>{escape(told)}</title></circle>'

    def frame(self, x_name: Any, y_name: Any) -> str:
        """The two axes with their numbers and names."""
        parts = [self.line(self.x[0], self.y[0], self.x[-1], self.y[0])]
        parts.append(self.line(self.x[0], self.y[0], self.x[0], self.y[-1]))
        for tick, x in zip(self.x, self.across(self.x), strict=True):
            parts.append(f'<text x="{x:.1f}" y="{BOTTOM + 14}" font-size="10" text-anchor="middle">{tick:g}</text>')
        for tick, y in zip(self.y, self.up(self.y), strict=True):
            parts.append(f'<text x="{LEFT - 5}" y="{y + 3:.1f}" font-size="10" text-anchor="end">{tick:g}</text>')
        middle, centre = (LEFT + RIGHT) / 2, (TOP + BOTTOM) / 2
        parts.append(f'<text x="{middle:g}" y="{HEIGHT - 6}" font-size="11" text-anchor="middle">{x_name}</text>')
        turned = f'transform="rotate(-90 11 {centre:g})" font-size="11" text-anchor="middle"'
        return "".join([*parts, f'<text x="11" y="{centre:g}" {turned}>{y_name}</text>'])


def round_numbers(low: float, high: float) -> list[float]:
    """Three to six round numbers, from at most ``low`` to at least ``high``."""
    width = (high - low) or abs(high) or 1.0
    unit = 10.0 ** math.floor(math.log10(width / 3))
    step = next(unit * k for k in (1, 2, 5, 10) if width / (unit * k) <= 5)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [float(f"{step * k:.12g}") for k in range(first, max(last, first + 1) + 1)]


def _figure(drawing: str, caption: str) -> str:
    """A drawing with its caption."""
    told = escape(caption)
    return (
        f'<figure><svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'style="width:100%;max-width:36em" fill="currentColor" font-family="system-ui,sans-serif">'
        f"<title>{told}</title>{drawing}</svg><figcaption>{told}.</figcaption></figure>"
    )
