"""Residuals, leverages and normal scores of the rows of a fit: the four panels of R's ``plot(glm)``, and each alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InvalidParameterError
from ..inference.residuals import residuals as of_rows
from ..inference.wald import quantile
from .axes import GREY, INK, ORANGE, axes_of
from .clouds import check_rows, cloud, extremes, response_name, smooth, zero

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..core.protocols import Fitted
    from ..types import Rows, Variable

CONTOURS = (0.5, 1.0)  # of Cook's distance
KINDS = ("quantile", "deviance", "pearson")


def residuals(result: Fitted, data: Rows, y: Variable | None = None, *, ax: Axes | None = None, **options: Any) -> Axes:
    """Deviance residuals against the linear predictor, with the means of groups of rows.

    Parameters
    ----------
    result : GLMResult
    data, y : rows, as for ``GLMResult.residuals``: arrays, a frame or files
    ax : matplotlib.axes.Axes, optional
    **options : weights, offset, exposure, threads

    Returns
    -------
    matplotlib.axes.Axes
        The three largest residuals have the numbers of their rows; from 50,000 rows on there are hexagons.

    Raises
    ------
    InvalidParameterError
        For a softmax regression.
    """
    return _residuals(result, result.row_values(data, y, what="plots.residuals", **options), y, ax)


def _residuals(result, values, y, ax):
    ax = axes_of(ax)
    (x, r), rows = check_rows("residuals", values.link, values.residual)
    cloud(ax, x, r)
    zero(ax)
    smooth(ax, x, r)
    extremes(ax, x, r, np.abs(r), rows)
    ax.set_xlabel(_predictor(result, y))
    ax.set_ylabel("deviance residual")
    return ax


def _predictor(result, y):
    name = response_name(result, y)
    return f"fitted {name}" if result.link.name == "identity" else f"linear predictor of {name}"


def scale_location(
    result: Fitted, data: Rows, y: Variable | None = None, *, ax: Axes | None = None, **options: Any
) -> Axes:
    """Roots of absolute standardised deviance residuals against the linear predictor; see ``residuals``."""
    return _scale(result, result.row_values(data, y, what="plots.scale_location", **options), y, ax)


def _scale(result, values, y, ax):
    ax = axes_of(ax)
    (x, r), rows = check_rows("scale_location", values.link, np.sqrt(np.abs(values.standard_deviance)))
    cloud(ax, x, r)
    smooth(ax, x, r)
    extremes(ax, x, r, r, rows)
    ax.set_xlabel(_predictor(result, y))
    ax.set_ylabel("√|standardised deviance residual|")
    return ax


def leverage(result: Fitted, data: Rows, y: Variable | None = None, *, ax: Axes | None = None, **options: Any) -> Axes:
    """Standardised Pearson residuals against leverage, with contours of Cook's distance at 0.5 and 1; see
    ``residuals``."""
    return _leverage(result, result.row_values(data, y, what="plots.leverage", **options), y, ax)


def _leverage(result, values, y, ax):
    ax = axes_of(ax)
    (h, r, cooks), rows = check_rows("leverage", values.hat, values.standard_pearson, values.cooks_distance)
    cloud(ax, h, r)
    zero(ax)
    extremes(ax, h, r, cooks, rows)
    reach, width = 1.1 * np.abs(r).max(), min(1.08 * h.max(), 0.999)
    along = np.linspace(width / 200.0, width, 200)
    for level in CONTOURS:
        height = np.sqrt(level * result.rank * (1.0 - along) / along)
        for sign in (1.0, -1.0):
            label = "Cook's distance 0.5 and 1" if (level, sign) == (0.5, 1.0) else None
            ax.plot(along, sign * height, color=ORANGE, lw=1.0, ls=(0, (5, 3)), label=label)
    ax.set(xlim=(0.0, width), ylim=(-reach, reach), xlabel="leverage")
    ax.set_ylabel(f"standardised Pearson residual of {response_name(result, y)}")
    ax.legend(frameon=False, fontsize=8)
    return ax


def qq(
    result: Fitted, data: Rows, y: Variable | None = None, *, kind: str = "quantile", seed: int | None = 0,
    level: float = 0.95, simulations: int = 99, ax: Axes | None = None, **options: Any,
) -> Axes:  # fmt: skip
    """Residuals in their order against normal quantiles, with a pointwise envelope of what a true model would give.

    Parameters
    ----------
    result, data, y, ax, **options : as for ``residuals``
    kind : {"quantile", "deviance", "pearson"}
        Quantile residuals are standard normal under the model, so that their envelope is that of normal order
        statistics. That of the others, standardised, is simulated: responses drawn from the fitted distribution, whose
        residuals are taken at the fit (Atkinson 1985, without fitting again).
    seed : int or None, of the random numbers
    level : float, of the envelope at each point
    simulations : int

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InvalidParameterError
        For a family without a distribution, and kind="deviance" or "pearson" with prior weights of another family than
        the binomial: ``kind="quantile"`` takes them.
    """
    if kind not in KINDS:
        raise InvalidParameterError(f"kind={kind!r} is unknown; there are {', '.join(map(repr, KINDS))}")
    quantile(level)
    if kind == "quantile":
        found = result.residuals(data, y, kind="quantile", seed=seed, **options)
        return _qq(result, found, y, _order_statistics, level, ax, "quantile residual")
    values = result.row_values(data, y, what="plots.qq", **options)
    shown = values.standard_deviance if kind == "deviance" else values.standard_pearson
    envelope = _Simulated(result, data, y, kind, values, (seed, simulations), options)
    return _qq(result, shown, y, envelope, level, ax, f"standardised {kind} residual")


def _qq(result, found, y, envelope, level, ax, label):
    from scipy.special import ndtri

    ax = axes_of(ax)
    (r,), rows = check_rows("qq", found)
    order = np.argsort(r, kind="stable")
    r, rows, n = r[order], rows[order], len(r)
    normal = ndtri((np.arange(1, n + 1) - 0.5) / n)
    low, high = envelope(n, level)
    ax.fill_between(normal, low, high, color=GREY, alpha=0.2, lw=0, label=f"{100 * level:g} % envelope")
    cloud(ax, normal, r)
    ax.plot(normal[[0, -1]], normal[[0, -1]], color=ORANGE, lw=1.2)
    extremes(ax, normal, r, np.abs(r), rows)
    ax.set_xlabel("normal quantile")
    ax.set_ylabel(f"{label} of {response_name(result, y)}")
    ax.legend(frameon=False, fontsize=8)
    return ax


def _order_statistics(n, level):
    """Limits of each of n standard normal numbers in their order, by the beta distribution of their ranks."""
    from scipy.special import betaincinv, ndtri

    i = np.arange(1, n + 1)
    return [ndtri(betaincinv(i, n + 1.0 - i, p)) for p in ((1.0 - level) / 2.0, (1.0 + level) / 2.0)]


class _Simulated:
    """The envelope of residuals whose responses are drawn from the fitted distribution."""

    def __init__(self, result, data, y, kind, values, numbers, options):
        family = result.family
        if family.draw is None or (family.saturated is None and not family.profiled):
            raise InvalidParameterError(f"plots.qq: family={family.name!r} has no distribution to draw from")
        vectors = {name: options.get(name) for name in ("weights", "offset", "exposure")}
        self.piece = result.schema.open(data, y, vectors, in_memory=f"kind={kind!r}").whole()
        weighted = self.piece.weights is not None and np.any(np.asarray(self.piece.weights) != 1.0)
        if weighted and not family.two_outcomes:
            raise InvalidParameterError(f"plots.qq: kind={kind!r} draws no responses with weights; use kind='quantile'")
        self.result, self.kind, self.values, self.numbers = result, kind, values, numbers

    def __call__(self, n, level):
        result, (seed, simulations) = self.result, self.numbers
        rng, piece = np.random.default_rng(seed), self.piece
        known = np.isfinite(self.values.standard_deviance)
        rest = np.sqrt(result.scale * (1.0 - self.values.hat[known]))
        mean = self.values.fitted if piece.keep is None else self.values.fitted[piece.keep]
        kept = known if piece.keep is None else known[piece.keep]
        trials = np.ones(len(mean)) if piece.weights is None else np.broadcast_to(piece.weights, mean.shape)
        counts = np.ndim(piece.y) == 2
        if counts:
            trials = np.asarray(piece.y, float).sum(axis=1)
        draws = np.empty((simulations, int(kept.sum())))
        for i in range(simulations):
            drawn = np.asarray(result.family.draw(rng, mean, np.full(len(mean), result.scale), trials), float)
            if counts:
                drawn = np.column_stack([drawn * trials, (1.0 - drawn) * trials])
            elif result.classes is not None:
                drawn = np.asarray(result.classes)[drawn.astype(int)]
            shifts = {"weights": piece.weights, "offset": piece.offset, "exposure": piece.exposure}
            found = of_rows(result, piece.X, drawn, self.kind, **shifts)
            draws[i] = np.sort(found[kept] / rest)
        return np.quantile(draws, [(1.0 - level) / 2.0, (1.0 + level) / 2.0], axis=0)


def diagnostics(result: Fitted, data: Rows, y: Variable | None = None, *, seed: int | None = 0, **options: Any) -> Any:
    """Four panels as R's ``plot(glm)``: residuals, normal scores, scale and leverage, from two reads of the rows.

    Parameters
    ----------
    result, data, y, **options : as for ``residuals``
    seed : int or None, of the quantile residuals of counts

    Returns
    -------
    (2, 2) array of matplotlib.axes.Axes

    Raises
    ------
    InvalidParameterError
        For a softmax regression, and a fit without a covariance.
    """
    values = result.row_values(data, y, what="plots.diagnostics", **options)
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(f"plots need matplotlib ({error}): pip install 'fastglm[plot]'") from error
    figure, axes = plt.subplots(2, 2, figsize=(9.2, 7.2), layout="constrained")
    has_distribution = result.family.saturated is not None or result.family.profiled
    scores = result.residuals(data, y, kind="quantile", seed=seed, **options) if has_distribution else None
    _residuals(result, values, y, axes[0, 0])
    label = "standardised deviance residual" if scores is None else "quantile residual"
    shown = values.standard_deviance if scores is None else scores
    _qq(result, shown, y, _order_statistics, 0.95, axes[0, 1], label)
    _scale(result, values, y, axes[1, 0])
    _leverage(result, values, y, axes[1, 1])
    title = response_name(result, y)
    figure.suptitle(f"{title}: {result.family.name}, {result.link.name} link", color=INK, fontsize=11)
    return axes
