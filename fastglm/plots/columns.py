"""Plots of one column of a model given the others: added variables, and components plus residuals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InvalidParameterError
from ..inference import design_blocks
from ..inference.residuals import KINDS, evaluate_rows
from .axes import ORANGE, axes_of, short
from .clouds import check_rows, cloud, extremes, response_name, smooth
from .held import place

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..core.protocols import Fitted
    from ..types import Rows, Variable


def added_variable(
    result: Fitted, data: Rows, y: Variable | None = None, column: int | str = 0, *, ax: Axes | None = None,
    **options: Any,
) -> Axes:  # fmt: skip
    """What a column adds to the others: its residuals from them against those of the response, whose slope is its
    coefficient.

    Both are of the weighted least squares at the fit: the working response and the column are regressed on all other
    columns with the working weights, and residuals are multiplied by the roots of these (Hines and Carter 1993,
    "Improved added variable and partial residual plots", Applied Statistics 42; of least squares ``car::avPlots``).

    Parameters
    ----------
    result : GLMResult
    data, y : rows in memory, as for ``GLMResult.residuals``
    column : str or int
        A coefficient by its name, such as "x" or "town[T.Kiel]", or the number of a column without the constant.
    ax : matplotlib.axes.Axes, optional
    **options : weights, offset, exposure

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InvalidParameterError
        For a column that the model does not have, an aliased one, and a softmax regression.
    """
    X, rows, j = _rows(result, data, y, column, "added_variable", options)
    weight = np.sqrt(np.broadcast_to(rows.weights * rows.detail.information, rows.y.shape))
    others = [k for k in range(X.shape[1]) if k != j and not np.isnan(result.params[k])]
    scaled = X[:, others] * weight[:, None]
    own = weight * X[:, j]
    along = own - scaled @ np.linalg.lstsq(scaled, own, rcond=None)[0]
    pearson = KINDS["pearson"](result, rows)
    ax = axes_of(ax)
    (x, r), numbers = check_rows("added_variable", along, pearson + result.params[j] * along)
    cloud(ax, x, r)
    ends = np.array([x.min(), x.max()])
    ax.plot(ends, result.params[j] * ends, color=ORANGE, lw=1.6, label=f"slope {result.params[j]:.4g}")
    extremes(ax, x, r, np.abs(x), numbers)
    ax.set_xlabel(f"{short(result.names[j])}, given the others")
    ax.set_ylabel(f"{response_name(result, y)}, given the others")
    ax.legend(frameon=False, fontsize=8)
    return ax


def component_residual(
    result: Fitted, data: Rows, y: Variable | None = None, column: int | str = 0, *, ax: Axes | None = None,
    **options: Any,
) -> Axes:  # fmt: skip
    """The part of the linear predictor of a column plus the working residuals against the column, with the means of
    groups of rows: where they leave the line, the column should be transformed (R's ``car::crPlots``).

    Parameters, answer and errors are those of ``added_variable``.
    """
    X, rows, j = _rows(result, data, y, column, "component_residual", options)
    component = result.params[j] * X[:, j]
    ax = axes_of(ax)
    (x, r), _ = check_rows("component_residual", X[:, j], component + KINDS["working"](result, rows))
    cloud(ax, x, r)
    ends = np.array([x.min(), x.max()])
    ax.plot(ends, result.params[j] * ends, color=ORANGE, lw=1.6, ls=(0, (5, 3)), label=f"slope {result.params[j]:.4g}")
    smooth(ax, x, r)
    ax.set_xlabel(short(result.names[j]))
    ax.set_ylabel(f"component + residual of {response_name(result, y)}")
    ax.legend(frameon=False, fontsize=8)
    return ax


def _rows(result, data, y, column, what, options):
    """The columns of the design (n, p), the evaluated rows, and the number of a column."""
    if result.family.response_model == "softmax":
        raise InvalidParameterError(f"plots.{what} is of one mean a row; a softmax regression has one for each class")
    names = result.names[1:] if result.intercept else result.names
    j = place(list(names), column) + int(result.intercept)
    if np.isnan(result.params[j]):
        raise InvalidParameterError(f"column={column!r} is aliased: it repeats other columns")
    vectors = {name: options.pop(name, None) for name in ("weights", "offset", "exposure")}
    if options:
        raise InvalidParameterError(f"plots.{what} has no option {next(iter(options))!r}")
    piece = result.schema.open(data, y, vectors, in_memory=f"plots.{what}").whole()
    rows = evaluate_rows(result, piece.X, piece.y, piece.weights, piece.offset, piece.exposure)
    X = np.concatenate([block for _, block in design_blocks(result, piece.X)])
    return X, rows, j
