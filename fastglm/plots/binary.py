"""ROC curves and calibration of binomial models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .axes import BLUE, CYCLE, GREY, axes_of
from .clouds import response_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

    from ..core.protocols import Fitted
    from ..types import Rows, Variable


def roc(
    results: Fitted | Mapping[str, Fitted], data: Rows, y: Variable | None = None, *, level: float = 0.95,
    ax: Axes | None = None, **options: Any,
) -> Axes:  # fmt: skip
    """ROC curves with the areas under them and DeLong's intervals.

    Parameters
    ----------
    results : GLMResult of a binomial model, or a mapping of names to some
    data, y : rows, as for ``GLMResult.residuals``: arrays, a frame or files; one read for each model
    level : float, of the intervals
    ax : matplotlib.axes.Axes, optional
    **options : weights, freq_weights, offset, exposure, threads

    Returns
    -------
    matplotlib.axes.Axes
    """
    named = dict(results) if hasattr(results, "items") else {"": results}
    found = {name: result.binary_diagnostics(data, y, **options) for name, result in named.items()}
    ax = axes_of(ax, 5.2)
    ax.plot([0, 1], [0, 1], color=GREY, lw=0.8, ls=(0, (4, 3)))
    for i, (name, one) in enumerate(found.items()):
        curve, area = one.roc(), one.auc(level)
        label = f"{name} AUC {area.auc:.3f} ({area.lower:.3f}, {area.upper:.3f})".strip()
        ax.plot(curve.fpr, curve.tpr, color=CYCLE[i % len(CYCLE)], lw=1.8, label=label)
    event = _event(next(iter(named.values())), y)
    ax.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    ax.set_xlabel(f"false positive rate of {event}")
    ax.set_ylabel(f"true positive rate of {event}")
    ax.legend(frameon=False, fontsize=8, loc="lower right")
    return ax


def calibration(
    result: Fitted, data: Rows, y: Variable | None = None, *, bins: int = 10, level: float = 0.95,
    ax: Axes | None = None, **options: Any,
) -> Axes:  # fmt: skip
    """Observed shares of events against predicted means in groups of equal weight, with Wilson's intervals.

    Parameters, answer and errors are those of ``roc``; ``bins`` is the number of groups.
    """
    found = result.binary_diagnostics(data, y, **options)
    groups = found.calibration(bins, level)
    ax = axes_of(ax, 5.2)
    ax.plot([0, 1], [0, 1], color=GREY, lw=0.8, ls=(0, (4, 3)), label="ideal")
    ends = [groups.observed - groups.lower, groups.upper - groups.observed]
    label = f"{len(groups.weight)} groups, {100 * level:g} % intervals"
    ax.errorbar(
        groups.predicted, groups.observed, ends, fmt="o-", ms=5, color=BLUE, lw=1.2, elinewidth=1.2, label=label
    )
    event = _event(result, y)
    ax.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    ax.set_xlabel(f"predicted probability of {event}")
    ax.set_ylabel(f"observed share of {event}")
    ax.legend(frameon=False, fontsize=8, loc="upper left")
    return ax


def calibration_belt(
    result: Fitted, data: Rows, y: Variable | None = None, *, external: bool = False,
    levels: Sequence[float] = (0.8, 0.95), ax: Axes | None = None, **options: Any,
) -> Axes:  # fmt: skip
    """The calibration belt of the GiViTI with its test: where it leaves the bisector predictions are not calibrated.

    Parameters, answer and errors are those of ``roc``; ``external`` says that the rows took no part in the fit, and
    ``levels`` are the confidences of the bands; see ``fastglm.postestimation.calibration_belt``.
    """
    found = result.binary_diagnostics(data, y, **options)
    belts = [found.calibration_belt(external, level) for level in sorted(levels, reverse=True)]
    ax = axes_of(ax, 5.2)
    ax.plot([0, 1], [0, 1], color=GREY, lw=0.8, ls=(0, (4, 3)))
    for i, belt in enumerate(belts):
        label = f"{100 * belt.level:g} % belt"
        ax.fill_between(belt.predicted, belt.lower, belt.upper, color=BLUE, alpha=0.2 + 0.2 * i, lw=0, label=label)
    test = f"degree {belts[0].degree}, p = {belts[0].p_value:.3g}"
    ax.plot(belts[0].predicted, belts[0].observed, color=BLUE, lw=1.6, label=test)
    event = _event(result, y)
    ax.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    ax.set_xlabel(f"predicted probability of {event}")
    ax.set_ylabel(f"observed share of {event}")
    ax.legend(frameon=False, fontsize=8, loc="upper left")
    return ax


def _event(result, y):
    name = response_name(result, y)
    return name if result.classes is None else f"{name} = {result.classes[1]}"
