"""Rows in memory without a design: arrays, sparse matrices, frames of numbers, the columns of ``fastglm.matrix``."""

from __future__ import annotations

import difflib
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from ..core.records import VECTORS
from ..engines import engine_of
from ..errors import InvalidParameterError, MissingDataError
from ..matrix import split_of
from ..source.base import Block
from ..source.chunked import Chunked, Chunks
from ..source.in_memory import InMemory
from ..source.journal import Journal
from ..source.pieces import Parts
from ..source.streaming_qr import design
from .matching import check_X
from .numbers import complete_rows, numeric, present, vector
from .request import identity
from .response import ONE_PREDICTOR, encoded_response
from .schema import INTERCEPT, Schema
from .storages import is_frame

NOTHING = (
    "X has no columns and intercept=False: there is nothing to fit; glm('y ~ 0 + offset(o)', data) has an offset alone"
)


class Columns(NamedTuple):
    """The columns of a model: numbers (n, p), what is stored as codes or sparse rows, how coefficients map to both, and
    the names of the coefficients but the intercept."""

    X: np.ndarray
    has_intercept: bool
    terms: tuple[Any, ...]
    coding: Any
    names: tuple[Any, ...]


def open_arrays(request, X, known: Schema | None = None):
    """The schema and the source of rows that no design reads; see ``open_rows``."""
    names = request.names
    if known is not None:
        X = check_X(known, X) if is_frame(X) else X
        names = known.columns if np.ndim(X) == 2 and np.shape(X)[1] == len(known.columns) else None
    given, clusters, notes = request.vectors, request.clusters, ()
    strings = [v for v in (*given.values(), *clusters) if isinstance(v, str)]
    if strings:
        raise InvalidParameterError(
            f"{strings[0]!r} names a column, which frames and files have; pass an array beside X and y, such as "
            "{'cluster': groups} with the cluster of each row"
        )
    arrays = {"y": request.y, **given}
    if request.missing == "drop":
        X, gaps = _without_gaps(X)
        columns = columns_of(X, names, request.intercept)
        gaps = {columns.names[j]: mask for j, mask in gaps.items()}
        columns, arrays, clusters, notes = _complete(columns, arrays, clusters, gaps)
    else:
        columns = columns_of(X, names, request.intercept)
    block, labels = block_of(request, columns, arrays)
    vectors = {role: None for role, v in given.items() if v is not None}
    full = ((INTERCEPT,) if request.intercept else ()) + columns.names
    library = "polars" if type(X).__module__.startswith("polars") else "pandas"
    schema = Schema(full, request.intercept, None, vectors, request.missing, library)
    return schema, in_memory(request, block, labels, clusters, notes)


def _without_gaps(X):
    """A sparse matrix with zeros for missing values, and by column the rows that have none; other kinds as they are."""
    if not hasattr(X, "tocsr") or hasattr(X, "stored_rows"):
        return X, {}
    X = X.tocsr()
    if X.dtype.kind != "f" or not np.isnan(X.data).any():
        return X, {}
    X = X.copy()
    bad = np.flatnonzero(np.isnan(X.data))
    row, column = np.searchsorted(X.indptr, bad, side="right") - 1, X.indices[bad]
    X.data[bad] = 0.0
    return X, {int(j): ~np.isin(np.arange(X.shape[0]), row[column == j]) for j in np.unique(column)}


def _complete(columns, arrays, clusters, gaps):
    """The rows without a missing value, and a note of how many there are that have one."""
    n = columns.X.shape[0]
    beside = {**arrays, **{f"cluster {i}": v for i, v in enumerate(clusters)}}
    masks = (
        gaps
        | _of_columns(columns, n)
        | {name: present(v) for name, v in beside.items() if v is not None and np.ndim(v)}
    )
    masks = {name: m for name, m in masks.items() if m is not None and m.shape == (n,) and not m.all()}
    if not masks:
        return columns, arrays, clusters, ()
    keep = np.logical_and.reduce(list(masks.values()))
    counts = ", ".join(f"{name}: {int((~m).sum())}" for name, m in masks.items())
    if not keep.any():
        raise MissingDataError(f"every row has missing values ({counts} of {n} rows)")
    rows = np.flatnonzero(keep)

    def kept(v):
        return v if v is None or np.ndim(v) == 0 else np.asarray(v)[rows]

    columns = columns._replace(X=columns.X[rows], terms=tuple(t.rows(rows) for t in columns.terms))
    note = f"{n - len(rows)} of {n} rows with missing values were left out ({counts})"
    return columns, {name: kept(v) for name, v in arrays.items()}, tuple(kept(v) for v in clusters), (note,)


def _of_columns(columns, n):
    """Which rows are complete in each column that has missing values, and in sparse columns together."""
    masks = {}
    if columns.X.dtype.kind == "f":
        missing = np.isnan(columns.X)
        shown = Block(columns.X[:0], columns.has_intercept, *[None] * 5, columns.names, (), columns.coding)
        masks = {shown.name(int(j)): ~missing[:, j] for j in np.flatnonzero(missing.any(axis=0))}
    for j, term in enumerate(columns.terms):
        masks[f"term {j}"] = complete_rows(term)
    return masks


def columns_of(X, names, intercept: bool) -> Columns:
    """The columns of an X of any kind.

    Raises
    ------
    InvalidParameterError, MissingDataError
    """
    parts = split_of(X)
    if parts is None:
        X, names = matrix(X, names)
        if not (names or intercept):
            raise InvalidParameterError(NOTHING)
        return Columns(X, intercept, (), None, names)
    if X.shape[0] == 0:
        raise InvalidParameterError(f"X is empty: no observations, shape {X.shape}")
    names = _named(names, X.shape[1])
    dense = [numeric(X, "X") for X in parts.numbers]
    numbers = dense[0] if len(dense) == 1 else np.column_stack([np.zeros((X.shape[0], 0)), *dense])
    return Columns(numbers, intercept, parts.terms, parts.contrast_map(intercept), names)


def matrix(X, names):
    """X as (n, p) and its column names.

    Raises
    ------
    InvalidParameterError, MissingDataError
    """
    if hasattr(X, "columns") and hasattr(X, "dtypes"):
        columns = [str(c) for c in X.columns]
        names = columns if names is None else names
        X = _frame(X, columns)
    X = numeric(X, "X")
    if X.ndim != 2:
        hint = "; for one column pass X.reshape(-1, 1)" if X.ndim == 1 else ""
        raise InvalidParameterError(f"X must be a 2-d array of shape (n, p), not {X.ndim}-d of shape {X.shape}{hint}")
    n, p = X.shape
    if n == 0:
        raise InvalidParameterError(f"X is empty: no observations, shape {X.shape}")
    return X, _named(names, p)


def _named(names, p):
    """Names of p columns as text, x1, x2, ... where there are none."""
    if names is None:
        return _numbered(p)
    names = tuple(str(v) for v in names)
    if len(names) != p:
        raise InvalidParameterError(f"names has length {len(names)}, X has {p} columns")
    return names


@lru_cache(maxsize=8)  # which may be very many names
def _numbered(p):
    return tuple(f"x{j + 1}" for j in range(p))


def _frame(X, columns):
    """A data frame's columns as one array; a column that is not numeric is named."""
    if not hasattr(X, "iloc"):  # frames other than pandas', column by column
        return np.column_stack([numeric(np.asarray(X[column]), "X", column) for column in columns])
    kinds = [getattr(t, "kind", "O") for t in X.dtypes]
    for j, (column, kind) in enumerate(zip(columns, kinds, strict=True)):
        if kind not in "fiub" or not isinstance(X.dtypes.iloc[j], np.dtype):
            if str(X.dtypes.iloc[j]) == "category":
                raise InvalidParameterError(
                    f"X column {column!r} is categorical; numeric columns are needed (encode it first)"
                )
            numeric(np.asarray(X.iloc[:, j], dtype=object), "X", column)
    return X.to_numpy(dtype=None if len(set(kinds)) == 1 and kinds[0] in "fiub" else np.float64)


def block_of(request, columns, arrays: dict[Any, Any]):
    """Columns, response and vectors of rows in memory, checked, and the labels of the response.

    Parameters
    ----------
    request : FitRequest
    columns : Columns or design.recipe.Built
    arrays : dict
        The response "y", and weights, freq_weights, offset and exposure or None, of these rows.

    Returns
    -------
    block : Block
    labels : None, a tuple of two, or Encoded

    Raises
    ------
    InvalidParameterError, MissingDataError
        Naming the argument, the column and the row.
    """
    family, n = request.family, columns.X.shape[0]
    vectors = {name: None if (v := arrays.get(name)) is None else vector(v, name, n) for name in VECTORS}
    if INTERCEPT in columns.names and columns.has_intercept:
        close = difflib.get_close_matches(INTERCEPT, columns.names)
        raise InvalidParameterError(f"X has a column named {close[0]!r} already; pass intercept=False")
    if family.response_model == "softmax" and (vectors["offset"] is not None or vectors["exposure"] is not None):
        raise InvalidParameterError(ONE_PREDICTOR)
    y, vectors["weights"], labels = encoded_response(
        arrays["y"], n, family, vectors["weights"], vectors["freq_weights"], request.labels
    )
    data = Block(
        columns.X, columns.has_intercept, y, **vectors, names=columns.names, terms=columns.terms, coding=columns.coding
    )
    return data, labels


def in_memory(request, data: Block, labels: Any, clusters: tuple[Any, ...] = (), notes: tuple[Any, ...] = ()):
    """The source over rows in memory: a reader that slices them where passes run elsewhere or are kept."""
    source = InMemory(data, request.threads)
    if request.client is not None or request.checkpoint is not None:
        reader, journal = Parts([data]), None
        if request.checkpoint is not None:
            journal = Journal(request.checkpoint, identity(request, reader))
        local, engine = source, engine_of(request.client, request.threads)
        source = Chunked(Chunks(reader), request.threads, engine, journal)
        source.local = local
    source.labels, source.clusters, source.notes = labels, clusters, notes
    return source


def dense(data: Block) -> Block:
    """The rows with factors and sparse columns as numbers, for solvers that read arrays alone."""
    if not data.terms:
        return data
    X = design(data, 0, len(data.y))[:, int(data.has_intercept) :]
    return data._replace(X=np.ascontiguousarray(X), terms=(), coding=None)
