"""Rows with what a fit says of each: R's ``broom::augment``."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..core.frames_out import frame
from ..errors import InvalidParameterError
from ..inference.influence import influence
from ..inference.residuals import KINDS, evaluate_rows
from ..rows.storages import is_frame
from .row_answers import answer, informed_rows


class Augmented(NamedTuple):
    """Columns of each row, (n,) arrays; the last four are NaN where a fit has no covariance."""

    fitted: np.ndarray
    residual: np.ndarray
    hat: np.ndarray
    sigma: np.ndarray
    cooks_distance: np.ndarray
    standardised: np.ndarray

    column_names = (".fitted", ".resid", ".hat", ".sigma", ".cooksd", ".std_resid")


def augment(result, data, y=None, *, weights=None, offset=None, exposure=None, kind="mean", out=None, threads=None):
    """The rows with columns of the fit beside theirs: one read, and one more where a leverage is nearly one.

    Parameters
    ----------
    result : GLMResult
    data, y, weights, offset, exposure, threads : as for ``residuals``
    kind : {"mean", "link"}
        Of ``.fitted``: means, or as broom has it by default linear predictors.
    out : str or Path, optional
        A Parquet file for the rows with all their columns; needed for files.

    Returns
    -------
    A frame of the kind that the rows came in, of arrays that of ``tidy``; or with ``out`` a ``Written``. ``.resid`` are
    deviance residuals, ``.hat`` leverages, ``.sigma`` the root of the dispersion without the row by R's
    ``influence``, ``.cooksd`` Cook's distances and ``.std_resid`` standardised deviance residuals; a fit without a
    covariance, as a penalised one, has the first two. Rows left out for missing values are NaN.

    Raises
    ------
    InvalidParameterError
        For a softmax regression, and columns of the data that have one of these names.
    """
    if result.family.response_model == "softmax":
        raise InvalidParameterError("augment is of one mean a row; a softmax regression has one for each class")
    if kind not in ("mean", "link"):
        raise InvalidParameterError(f"kind={kind!r} is unknown; there are 'mean' and 'link'")
    vectors = {"weights": weights, "offset": offset, "exposure": exposure}
    names, is_file = _names(result, data, y, vectors)
    repeated = set(Augmented.column_names) & set(names)
    if repeated:
        raise InvalidParameterError(f"augment: the data have a column {repeated.pop()!r} already")
    if is_file and out is None:
        raise InvalidParameterError("augment: rows of files are written to a file: give out='file.parquet'")
    work = _work(result, kind, informed_rows(result, data, y, vectors))
    keep = names if out is not None else ()
    found = answer(result, data, y, vectors, work, "augment", None, out, keep, threads, True)
    if out is not None:
        return found
    shown = len(found) if result.cov_unscaled is not None else 2
    return beside(result, data, y, dict(list(zip(Augmented.column_names, found, strict=True))[:shown]))


def _names(result, data, y, vectors):
    """The columns of the rows, and whether they are read from files."""
    supplied = result.schema.open(data, y, vectors)
    try:
        return tuple(supplied.names), supplied.rows is not None
    finally:
        supplied.close()


def _work(result, kind, everyone):
    """The function of a piece of rows that makes their columns."""

    def work(piece):
        given = piece.X, piece.y, piece.weights, piece.offset, piece.exposure
        rows = evaluate_rows(result, *given)
        residual = KINDS["deviance"](result, rows)
        fitted = rows.detail.mu if kind == "mean" else rows.eta
        if result.cov_unscaled is None:
            return Augmented(fitted, residual, *np.full((4, len(fitted)), np.nan))
        found = influence(result, *given, everyone)
        with np.errstate(divide="ignore", invalid="ignore"):
            left = result.deviance - residual**2 / (1.0 - found.hat)
            sigma = np.sqrt(np.maximum(left, 0.0) / (result.df_resid - 1.0))
        return Augmented(fitted, residual, found.hat, sigma, found.cooks_distance, found.deviance)

    return work


def beside(result, data, y, columns: dict[Any, Any]) -> Any:
    """The rows as a frame with more columns."""
    if not is_frame(data):
        X = data.toarray() if hasattr(data, "toarray") else np.asarray(data)
        X = X.reshape(len(X), -1)
        own = {name: X[:, j] for j, name in enumerate(result.schema.columns)}
        seen = np.asarray(y)
        response = {"y": seen} if seen.ndim == 1 else {"successes": seen[:, 0], "failures": seen[:, 1]}
        return frame(own | response | columns, result.schema.library)
    if hasattr(data, "assign") and hasattr(data, "iloc"):
        return data.assign(**columns)
    if hasattr(data, "with_columns"):
        import polars

        return data.with_columns(**{name: polars.Series(values) for name, values in columns.items()})
    if hasattr(data, "append_column"):
        for name, values in columns.items():
            data = data.append_column(name, [values])
        return data
    keys = data.keys() if hasattr(data, "keys") else data.columns
    return frame({name: data[name] for name in keys} | columns, result.schema.library)


class RowValues(NamedTuple):
    """What plots of rows show, (n,) arrays; the last four are NaN where a fit has no covariance."""

    link: np.ndarray
    fitted: np.ndarray
    residual: np.ndarray
    pearson: np.ndarray
    standard_deviance: np.ndarray
    standard_pearson: np.ndarray
    hat: np.ndarray
    cooks_distance: np.ndarray


def row_values(
    result, data, y=None, *, what="row_values", weights=None, offset=None, exposure=None, threads=None
) -> RowValues:
    """Linear predictors, means, residuals and influence of all rows, from one read; rows left out are NaN.

    Raises
    ------
    InvalidParameterError
        For a softmax regression, naming ``what`` asks.
    """
    if result.family.response_model == "softmax":
        raise InvalidParameterError(f"{what} is of one mean a row; a softmax regression has one for each class")
    vectors = {"weights": weights, "offset": offset, "exposure": exposure}
    everyone = informed_rows(result, data, y, vectors)

    def work(piece):
        given = piece.X, piece.y, piece.weights, piece.offset, piece.exposure
        rows = evaluate_rows(result, *given)
        found = np.full((4, len(rows.eta)), np.nan)
        if result.cov_unscaled is not None:
            measures = influence(result, *given, everyone)
            found = measures.deviance, measures.pearson, measures.hat, measures.cooks_distance
        residual, pearson = (KINDS[kind](result, rows) for kind in ("deviance", "pearson"))
        return RowValues(rows.eta, rows.detail.mu, residual, pearson, *found)

    return answer(result, data, y, vectors, work, what, None, None, (), threads, True)
