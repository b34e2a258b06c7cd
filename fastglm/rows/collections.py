"""Dask's collections as rows: a partition of a frame, or a block of an array, is a fragment that is read like a file's.

On a cluster a partition is the future of a task that loads it, so that one that is lost with its worker is made anew;
without one it is computed each time it is read.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np

from ..core.column_names import needed, unknown_column
from ..engines.dask import Dask
from ..engines.tasks import fragment_rows
from ..errors import InvalidParameterError
from ..files import Fragment, Rows
from ..files.schema import canonical, canonical_schema, conformed, delivered, unified
from .numbers import numeric

SAME = "every partition must have the columns of the collection; their order does not matter"


class Partitions(Rows):
    """The rows of a collection.

    Parameters
    ----------
    loaded : list
        Delayed values, or futures, of the tables of all partitions.
    names : tuple of str
    name : str
        The name of the collection in Dask, which differs for other data.
    client : distributed.Client or None
        The client that holds the futures.
    added : sequence of str
        The columns that were passed as arrays beside the collection.
    """

    what = "the collection"

    def __init__(self, loaded, names, name, client, added=()):
        self._client, self.added = client, frozenset(added)
        summaries = []
        try:
            if client is None:
                for part in loaded:
                    summaries.append(_look(part.compute(scheduler="synchronous")))
            else:
                summaries = Dask(client).map(_look_here, range(len(loaded)), held=dict(enumerate(loaded)))
        except KeyError as error:  # of the selection of columns, which Dask makes before it loads
            failed = [i for i, future in enumerate(loaded) if future.status == "error"] if client else [len(summaries)]
            where = f"partition {failed[0]}" if failed else "a partition"
            raise InvalidParameterError(f"{where}: {error.args[0]}; {SAME}") from None
        nonempty = [i for i, (_, rows, _) in enumerate(summaries) if rows]
        if not nonempty:
            raise InvalidParameterError("the data have no rows: all partitions are empty")
        fragments = [Fragment(name, i, summaries[i][1], f"partition {i}") for i in nonempty]
        schema, unreadable = unified([(f"partition {i}", summaries[i][0]) for i in nonempty], names)
        super().__init__(schema, fragments, unreadable)
        self._nulls = [summaries[i][2] for i in nonempty]
        parts = [loaded[i] for i in nonempty]
        self.futures, self._parts = (None, parts) if client is None else (parts, None)

    def __getstate__(self):
        # workers receive the tables with their tasks
        return {**self.__dict__, "futures": None, "_client": None}

    def tables(self, i, columns, rows, skip) -> Iterator[Any]:
        """The rows of a fragment: one table if it is in this process, else a few rows at a time."""
        table = fragment_rows(i)
        if table is None and self._parts is not None:
            table = self._parts[i].compute(scheduler="synchronous")
        if table is not None:
            yield table.select(columns).slice(skip)
            return
        for first in range(skip, self.fragments[i].rows, rows):
            future = self._client.submit(_some, self.futures[i], columns, first, rows, pure=False, retries=3)
            yield future.result()

    def digest(self) -> None:
        """None: what Dask calls a collection is another name for other values."""

    def null_count(self, i, column) -> int:
        """The number of missing values of a column in a fragment."""
        self._check(column)
        return self._nulls[i][column]


def partitions(data, columns, added: dict[Any, Any], client) -> Partitions:
    """The rows of a collection, with more columns beside its own.

    Parameters
    ----------
    data : dask.dataframe.DataFrame or 2-d dask.array.Array
    columns : sequence of str
        Names of its columns.
    added : dict
        Series or 1-d arrays of Dask by the name of their new column, partitioned as ``data`` is.
    client : distributed.Client or None

    Raises
    ------
    InvalidParameterError
        For a vector that is not of Dask, or partitioned otherwise.
    """
    from dask import delayed
    from dask.base import tokenize

    parts = _parts(data)
    vector_parts = {name: _cut(name, vector, data, len(parts)) for name, vector in added.items()}
    token = tokenize(data, *added.values(), list(columns))
    load = delayed(_load, pure=False)
    loaded = [
        load(i, part, list(columns), list(vector_parts), *vectors, dask_key_name=f"fastglm-load-{token}-{i}")
        for i, (part, *vectors) in enumerate(zip(parts, *vector_parts.values(), strict=True))
    ]
    return Partitions(loaded if client is None else client.compute(loaded, retries=3), None, token, client, added)


def is_array(vector):
    return hasattr(vector, "chunks") and hasattr(vector, "numblocks")


def _parts(data):
    """The partitions of a frame or series, or blocks of rows, as delayed values."""
    if not is_array(data):
        return data.to_delayed()
    if data.ndim == 2 and data.numblocks[1] != 1:
        raise InvalidParameterError(
            f"X has its columns in {data.numblocks[1]} chunks; put them into one: X.rechunk({{1: -1}})"
        )
    return data.to_delayed().ravel().tolist()


def _cut(name, vector, data, n):
    """The parts of a vector beside those of the data."""
    if not hasattr(vector, "__dask_graph__"):
        raise InvalidParameterError(
            f"{name} is {type(vector).__name__}, X is a collection of Dask: pass a series or array of Dask cut as X is"
            + ("" if is_array(data) else ", or the name of a column")
        )
    if getattr(vector, "ndim", 1) != 1:
        raise InvalidParameterError(f"{name} must be a 1-d array or a series, not {vector.ndim}-d")
    if is_array(vector) and is_array(data) and not np.isnan([*data.chunks[0], *vector.chunks[0]]).any():
        if vector.shape[0] != data.shape[0]:
            raise InvalidParameterError(f"{name} has length {vector.shape[0]}, X has {data.shape[0]} rows")
        vector = vector.rechunk((data.chunks[0],))
    parts = _parts(vector)
    if len(parts) != n:
        raise InvalidParameterError(f"{name} has {len(parts)} partitions, X has {n}: cut both alike")
    return parts


def _load(i, part, columns, names, *vectors):
    """The table of one partition, text as codes; its metadata lists the columns of text.

    Raises
    ------
    InvalidParameterError
        Names the partition and the column.
    """
    import pyarrow as pa

    if isinstance(part, np.ndarray) or not hasattr(part, "columns"):
        part = numeric(part, f"partition {i} of X")
        values = {name: part[:, j] for j, name in enumerate(columns)}
    else:
        values = _by_label(part, columns, i)
    n = len(part)
    values |= dict(zip(names, vectors, strict=True))
    arrays, text = {}, []
    for name, vector in values.items():
        if len(vector) != n:
            raise InvalidParameterError(f"partition {i}: {name} has {len(vector)} rows, X has {n}")
        try:
            array = _arrow(vector)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
            raise InvalidParameterError(f"partition {i}: column {name!r}: {str(error).splitlines()[0]}") from None
        kind = canonical(array.type)
        if pa.types.is_string(kind):
            text.append(name)
        if pa.types.is_dictionary(kind) and pa.types.is_null(kind.value_type):
            kind = pa.null()  # categories of which none is known
            array = pa.nulls(len(array))
        arrays[name] = conformed(array, delivered(kind))
    return pa.table(arrays, metadata={"text": json.dumps(text)})


def _by_label(part, columns, i):
    """The columns of a partition by their labels, whatever their order in the partition."""
    labels = list(part.columns)
    check_unique([str(label) for label in labels])
    places = {str(label): j for j, label in enumerate(labels)}
    for name in columns:
        if name not in places:
            raise InvalidParameterError(f"{unknown_column(name, list(places), f'partition {i}')} ({SAME})")
    return {name: part.iloc[:, places[name]] for name in columns}


def _arrow(vector):
    """A column as one Arrow array; truth values of plain arrays are numbers, as they are in memory."""
    import pyarrow as pa

    if isinstance(vector, np.ndarray) and vector.dtype.kind in "US":
        vector = vector.astype(object)
    array = pa.array(np.ascontiguousarray(vector) if isinstance(vector, np.ndarray) else vector, from_pandas=True)
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _look(table):
    """(canonical schema, rows, missing values by column) of a partition."""
    import pyarrow as pa

    text = json.loads(table.schema.metadata[b"text"])
    fields = [(field.name, pa.string() if field.name in text else field.type) for field in table.schema]
    nulls = {name: table.column(name).null_count for name in table.column_names}
    return canonical_schema(pa.schema(fields), "the collection"), table.num_rows, nulls


def _look_here(i):
    return _look(fragment_rows(i))


def _some(table, columns, first, rows):
    """A copy of some rows, so that the others are not transferred."""
    import pyarrow as pa

    batches = table.select(columns).slice(first, rows).to_batches()
    return pa.Table.from_batches(
        [batch.take(pa.array(np.arange(batch.num_rows))) for batch in batches], table.select(columns).schema
    )


def client_of(client):
    """The ``client`` if it is one of Dask, the current Dask client if it is None; None for other engines."""
    distributed = sys.modules.get("distributed")
    if distributed is None:
        return None
    if client is None:
        with suppress(ValueError):
            return distributed.get_client()
    return client if isinstance(client, distributed.Client) else None


def columns_of(data) -> dict[Any, Any]:
    """The labels of a frame's columns by their names, which are text."""
    if is_array(data) or not hasattr(data, "to_delayed") or not hasattr(data, "columns"):
        raise InvalidParameterError(f"data of type {type(data).__name__} are no dask.dataframe")
    labels = list(data.columns)
    check_unique([str(label) for label in labels])
    return {str(label): label for label in labels}


def check_unique(names):
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise InvalidParameterError(f"several columns are named {repeated[0]!r}; names must be unique")


def stored_collection(request, data, known=None):
    """The rows of a collection, and the request with names for the vectors that were collections beside it."""
    client, array = client_of(request.client), is_array(data)
    if array:
        columns = _array_columns(data, request.names)
        labels = dict(zip(columns, columns, strict=True))
    elif request.names is not None:
        raise InvalidParameterError("names: the columns of a data frame have names of their own")
    else:
        labels = columns_of(data)
    ways = {f"{request.clusters_role} {i}": vector for i, vector in enumerate(request.clusters)}
    roles, added = _with_names(labels, {"y": request.y, **request.vectors, **ways})
    clusters = tuple(roles.pop(way) for way in ways)
    named_ways = {"beside": clusters} if request.beside else {}
    if clusters and not request.beside:
        named_ways = {"cov": request.cov._replace(by=clusters)}
    read = list(labels)
    named = [vector for vector in (*roles.values(), *clusters) if isinstance(vector, str)]
    if known is not None and known.design is not None:
        columns, by = known.design.columns, known.design.formula.response
        named += [*columns, *(name for expression in by for name in expression.columns), *known.vectors.values()]
        read = [name for name in labels if name in named]
    elif request.formula is not None:
        read = needed(labels, request.formula, named)
    if not array:
        data = data[[labels[name] for name in read]]
    roles |= named_ways
    return replace(request, client=client or request.client, **roles), partitions(data, read, added, client)


def _array_columns(X, names):
    """The names of the columns of an array."""
    if X.ndim != 2:
        raise InvalidParameterError(f"X must be a 2-d array of shape (n, p), not {X.ndim}-d")
    columns = [f"x{j + 1}" for j in range(X.shape[1])] if names is None else [str(name) for name in names]
    if len(columns) != X.shape[1]:
        raise InvalidParameterError(f"names has length {len(columns)}, X has {X.shape[1]} columns")
    check_unique(columns)
    return columns


def _with_names(known, vectors):
    """Names of columns for all vectors, and the vectors that are arrays by their new names."""
    added, names = {}, {}
    for role, vector in vectors.items():
        if vector is None or isinstance(vector, str):
            names[role] = vector
            continue
        name = role
        while name in known or name in added:
            name += "_"
        added[name], names[role] = vector, name
    return names, added


def collection_rows(data, schema, given: dict[Any, Any]):
    """The rows of a collection for a verb of a finished fit, and the names of the columns that are its vectors.

    An array has the columns of the model in their order.
    """
    names = list(schema.columns) if is_array(data) else list(columns_of(data))
    if is_array(data) and data.shape[1] != len(names):
        raise InvalidParameterError(f"X has {data.shape[1]} columns, the model has {len(names)}")
    roles, added = _with_names(names, given)
    return partitions(data, names, added, client_of(None)), roles
