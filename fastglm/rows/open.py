"""``open_rows``: from the data of a caller, of any storage, to a schema and a source of rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..errors import InvalidParameterError
from ..files import is_rows
from ..files import open_rows as open_files
from .arrays import open_arrays
from .collections import is_array, stored_collection
from .frames import has_factors, open_frame
from .request import FitRequest
from .schema import Schema
from .storages import canonical, is_collection, is_frame
from .stored import open_stored


def open_rows(request: FitRequest, known: Schema | None = None):
    """The rows of a request.

    Parameters
    ----------
    request : FitRequest
    known : Schema, optional
        The schema of an earlier fit, by which the rows are read without learning from them.

    Returns
    -------
    schema : Schema
    source : Source
        Its ``finish`` refuses rows that have changed meanwhile, its ``close`` removes scratch files.

    Raises
    ------
    InvalidParameterError, MissingDataError, FileFormatError
        Naming the argument, the column and the row.
    """
    if isinstance(request.data, np.ndarray) and request.formula is None:
        return open_arrays(request, request.data, known)
    data = canonical(request.data)
    if is_collection(data):
        return _open_collection(request, data, known)
    if is_rows(data):
        _refuse_names(request, "files")
        rows = open_files(data)
        try:
            return open_stored(request, rows, known, owned=rows is not data)
        except BaseException:
            if rows is not data:
                rows.close()
            raise
    if request.formula is not None or (is_frame(data) and _needs_design(request, data, known)):
        _refuse_names(request, "a data frame")
        return open_frame(request, data, known)
    return open_arrays(request, data, known)


def _open_collection(request, data, known):
    request, rows = stored_collection(request, data, known)
    schema, source = open_stored(request, rows, known)
    return replace(schema, design=None, library="pandas") if is_array(data) else schema, source


def _needs_design(request, data, known):
    """Whether a frame has factors, or columns with roles, or is read by the design of an earlier fit."""
    if known is not None:
        return known.design is not None
    named = (request.y, *request.vectors.values(), *request.clusters)
    return any(isinstance(v, str) for v in named) or has_factors(data)


def _refuse_names(request, what):
    if request.names is not None:
        raise InvalidParameterError(f"names: the columns of {what} have names of their own")
