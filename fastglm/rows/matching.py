"""Arrays and frames of new rows, matched with the columns of a finished fit."""

from __future__ import annotations

import numpy as np

from ..core.column_names import is_series
from ..errors import InvalidParameterError, MissingDataError


def check_X(schema, X):
    """Bring X to a two-dimensional numeric array (or CSR matrix) with the model's columns in the model's order.

    Parameters
    ----------
    X : (n, p) array_like, data frame or scipy sparse matrix, without the intercept column if the fit added it.
        The columns of a data frame are matched by name.

    Raises
    ------
    InvalidParameterError
    """
    names = schema.columns
    if is_series(X):
        X = X.to_frame() if X.name in names else X.to_numpy()
    if hasattr(X, "stored_rows"):
        X = X.stored_rows()
    elif hasattr(X, "columns") and hasattr(X, "to_numpy"):
        X = _frame_values(X, names)
    elif hasattr(X, "tocsr"):
        X = X.tocsr()
    else:
        try:
            X = np.asarray(X)
        except ValueError as error:
            raise InvalidParameterError(f"X is not a rectangular table: {error}") from None
    if X.ndim < 2 and len(names) == 1 and X.dtype.kind in "biuf":  # rows of the one column
        X = X.reshape(-1, 1)
    if X.ndim != 2:
        raise InvalidParameterError(f"X must have two dimensions (rows, columns), got shape {X.shape}")
    if X.shape[1] != len(names):
        raise InvalidParameterError(f"X has {X.shape[1]} columns, the model has {len(names)} ({_some(names)})")
    if X.dtype.kind not in "biuf":
        raise InvalidParameterError(f"X must be numeric, got dtype {X.dtype}")
    return X


def _frame_values(frame, names):
    """Values of a data frame with its columns in the order of `names`; columns without text labels go by position."""
    labels = list(frame.columns)
    if set(labels) == set(names) and len(labels) == len(names):
        if labels != list(names):
            frame = frame[list(names)]
    elif any(isinstance(label, str) for label in labels):
        _refuse_labels(labels, names)
    values = frame.to_numpy()
    if values.dtype.kind in "biuf":
        return values
    columns = [np.asarray(frame[label]) for label in frame.columns]  # mixed types, such as bool beside float
    for label, column in zip(frame.columns, columns, strict=True):
        if column.dtype.kind not in "biuf":
            raise InvalidParameterError(f"X: column {label!r} must be numeric, got dtype {column.dtype}")
    return np.column_stack([column.astype(np.float64) for column in columns])


def _refuse_labels(labels, names):
    unknown = [label for label in labels if label not in set(names)]
    missing = [name for name in names if name not in set(labels)]
    if unknown:
        raise InvalidParameterError(f"X has columns the model does not know: {_some(unknown)}; it has {_some(names)}")
    if missing:
        raise InvalidParameterError(f"X lacks columns of the model: {_some(missing)}")
    raise InvalidParameterError(f"X has repeated column names: {_some(labels)}")


def _some(names, most=8):
    """A readable list of at most `most` names."""
    shown = ", ".join(str(name) for name in names[:most])
    return shown + (f", ... ({len(names)} in all)" if len(names) > most else "")


def check_offset(result, offset, exposure, n):
    """The offset of n rows: `offset` + log(`exposure`), each a scalar or an (n,) array.

    Raises
    ------
    InvalidParameterError
        If the model was fitted with an offset or exposure and neither is given, or the link is not the log and an
        exposure is given.
    InvalidParameterError, MissingDataError, InvalidParameterError
    """
    if offset is None and exposure is None:
        if result.exposure_kind is not None:
            kind = result.exposure_kind
            raise InvalidParameterError(
                f"the model was fitted with an {kind}: give offset= or exposure= for these rows as well"
            )
        return 0.0
    total = 0.0
    if offset is not None:
        total = total + check_column("offset", offset, n)
    if exposure is not None:
        if not result.link.is_log:
            raise InvalidParameterError(
                f"exposure needs the log link, the model has {result.link.name!r}; use offset instead"
            )
        exposure = check_column("exposure", exposure, n)
        if not (exposure > 0).all():
            row = int(np.argmin(exposure > 0))
            raise InvalidParameterError(f"exposure must be positive, got {np.atleast_1d(exposure)[row]} in row {row}")
        total = total + np.log(exposure)
    return total


def check_column(what, values, n):
    """A scalar or (n,) float64 array of finite numbers, or an error that names the argument and the row."""
    values = np.asarray(values)
    if values.dtype.kind not in "biuf":
        raise InvalidParameterError(f"{what} must be numeric, got dtype {values.dtype}")
    if values.ndim and values.shape != (n,):
        raise InvalidParameterError(f"{what} has shape {values.shape}, expected ({n},) as X has {n} rows")
    finite = np.isfinite(values)
    if not finite.all():
        row = int(np.argmin(finite))
        raise MissingDataError(f"{what} has {np.atleast_1d(values)[row]} in row {row}")
    return values.astype(np.float64)
