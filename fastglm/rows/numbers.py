"""Numbers of any kind as arrays of a type that the kernels read; the arrays of the caller are never changed."""

from __future__ import annotations

import numpy as np

from ..errors import InvalidParameterError, MissingDataError


def numeric(a, name: str, column: str | None = None) -> np.ndarray:
    """``a`` as an array of a type that the kernels read, without a copy if it is one.

    Raises
    ------
    InvalidParameterError
        For text, objects that are not numbers, dates, complex numbers, masked cells or sparse matrices.
    """
    where = f"{name} column {column!r}" if column is not None else name
    if type(a) is np.ndarray and a.dtype.kind in "fiub" and a.dtype.itemsize <= 8 and a.dtype.isnative:
        # half precision is a storage format, not a type to compute in
        return a.astype(np.float32) if a.dtype == np.float16 else a
    if hasattr(a, "tocsr"):
        raise InvalidParameterError(f"{name} is a sparse matrix; pass a dense array")
    if isinstance(a, np.ma.MaskedArray):
        if np.ma.is_masked(a):
            i = tuple(int(value[0]) for value in np.nonzero(np.ma.getmaskarray(a)))
            raise MissingDataError(
                f"{where} has masked (missing) cells, the first at {i}; fill them, or missing='drop' leaves such rows "
                "out"
            )
        a = a.data
    try:
        a = np.asarray(a)
    except ValueError as error:
        raise InvalidParameterError(f"{where} is not a rectangular array of numbers: {error}") from None
    if a.dtype.kind == "O":
        a = _from_objects(a, where)
    if a.dtype.kind not in "fiub":
        kind = {"c": "complex", "M": "dates", "m": "time spans", "U": "strings", "S": "bytes", "V": "records"}
        raise InvalidParameterError(
            f"{where} has dtype {a.dtype} ({kind.get(a.dtype.kind, 'not numeric')}); numeric values are needed"
        )
    if a.dtype == np.float16:
        return a.astype(np.float32)
    return a if a.dtype.isnative and a.dtype.itemsize <= 8 else a.astype(np.float64)


def _from_objects(a, where):
    """An object array of numbers as float64."""
    for i, value in np.ndenumerate(a):
        if value is None or type(value).__name__ in ("NAType", "NaTType"):
            raise MissingDataError(
                f"{where} has a missing value (NA) at {i}; fill it, or missing='drop' leaves such rows out"
            )
        if isinstance(value, (str, bytes)) or not isinstance(value, (int, float, np.number, np.bool_)):
            raise InvalidParameterError(
                f"{where} has dtype object and a {type(value).__name__} at {i}; numeric values are needed"
            )
    return a.astype(np.float64)


def vector(value, name: str, n: int) -> np.ndarray | None:
    """A vector of n numbers, a scalar repeated, or None."""
    if value is None:
        return None
    value = numeric(value, name)
    if value.ndim == 0:
        value = np.broadcast_to(value, (n,))
    if value.ndim == 2 and value.shape[1] == 1:
        value = value[:, 0]
    if value.ndim != 1:
        raise InvalidParameterError(f"{name} must be a 1-d array, not of shape {value.shape}")
    if len(value) != n:
        raise InvalidParameterError(f"{name} has length {len(value)}, X has {n} rows: the lengths must match")
    return value


def present(values) -> np.ndarray | None:
    """A mask (n,) of the entries of a vector, or rows of a matrix, that are not missing; None without NaN."""
    if isinstance(values, np.ma.MaskedArray):
        missing = np.ma.getmaskarray(values)
    else:
        values = np.asarray(values)
        if values.dtype.kind in "fcmM":
            missing = np.isnan(values)
        elif values.dtype.kind == "O":
            missing = np.frompyfunc(is_missing, 1, 1)(values).astype(bool)
        else:
            return None
    return ~(missing if missing.ndim < 2 else missing.any(axis=tuple(range(1, missing.ndim))))


def complete_rows(X) -> np.ndarray | None:
    """A mask (n,) of the rows without a missing value; None for all.

    Parameters
    ----------
    X : (n, p) array, CSR matrix, StoredRows, or a column of ``fastglm.matrix``
    """
    if hasattr(X, "terms"):
        masks = [mask for part in (X.X, *X.terms) if (mask := complete_rows(part)) is not None]
        return np.logical_and.reduce(masks) if masks else None
    if isinstance(X, np.ndarray):
        return present(X)
    numbers = getattr(X, "values", None) if hasattr(X, "codes") else X.data
    if numbers is None or not np.isnan(numbers).any():
        return None
    bad, keep = np.flatnonzero(np.isnan(numbers)), np.ones(X.shape[0], dtype=bool)
    keep[bad if hasattr(X, "codes") else np.searchsorted(X.indptr, bad, side="right") - 1] = False
    return keep


def is_missing(value) -> bool:
    """Whether an object is None, NaN, or the missing value of pandas."""
    return value is None or type(value).__name__ in ("NAType", "NaTType") or bool(value != value)
