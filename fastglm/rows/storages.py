"""Kinds of storage. Three are read as they are: arrays and columns, frames, and the sources that ``files`` opens.

All others are registered with a function that converts them to one of these.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..core.column_names import is_series
from ..errors import InvalidParameterError


class Storage(NamedTuple):
    """A kind of storage for rows.

    Attributes
    ----------
    accepts : callable
        object -> whether it is of this kind.
    read : callable
        object -> its rows as arrays, a frame, or ``files.Rows``.
    """

    accepts: Callable[[Any], bool]
    read: Callable[[Any], Any]


STORAGES: list[Storage] = []


def register_storage(accepts: Callable[[Any], bool], read: Callable[[Any], Any]) -> None:
    """Make ``fit``, ``glm``, ``plan`` and every verb of a result read one more kind of rows.

    Parameters
    ----------
    accepts : callable
        object -> whether it is of this kind. Later registrations are asked first.
    read : callable
        object -> an array, a data frame, or a ``fastglm.files.Rows``, whose batches are read piece by piece.
    """
    STORAGES.insert(0, Storage(accepts, read))


def canonical(data: Any) -> Any:
    """The data in one of the kinds that are read as they are."""
    if isinstance(data, (np.ndarray, list)):
        return data
    for storage in STORAGES:
        if storage.accepts(data):
            return canonical(storage.read(data))
    return data


def is_frame(data: Any) -> bool:
    """Whether the data have named columns: a frame of any library, or a dict of arrays."""
    if isinstance(data, (np.ndarray, list)) or hasattr(data, "stored_rows"):
        return False
    return hasattr(data, "columns") or hasattr(data, "__arrow_c_stream__") or isinstance(data, dict)


def is_collection(data: Any) -> bool:
    """Whether the data are a collection of Dask."""
    return hasattr(data, "__dask_graph__")


def _frame_of_series(data):
    """A series of pandas or polars as a frame of one column."""
    return data.to_frame() if data.name not in (None, "") else data.rename("x1").to_frame()


def _is_xarray(data):
    return type(data).__module__.partition(".")[0] == "xarray"


def _of_xarray(data):
    """A DataArray as an array, or as a frame if its columns have names; a Dataset as a frame."""
    if hasattr(data, "data_vars"):
        return data.to_dataframe().reset_index(drop=True)
    if data.ndim > 2:
        raise InvalidParameterError(f"X must have one or two dimensions, not {data.ndim}-d as this DataArray")
    if data.chunks is not None:
        return data.data
    values = data.values[:, None] if data.ndim == 1 else data.values
    names = [data.name] if data.ndim == 1 else data.coords[data.dims[1]].values if data.dims[1] in data.coords else [0]
    if not all(isinstance(name, str) for name in names):
        return values
    import pandas as pd

    return pd.DataFrame(values, columns=list(names))


register_storage(lambda data: is_series(data) and not _is_xarray(data), _frame_of_series)
register_storage(_is_xarray, _of_xarray)
