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

import numpy as np

from ..core.column_names import needed, unknown_column
from ..engines.dask import Dask
from ..engines.tasks import brought
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
        What Dask calls the collection: another one for other data.
    client : distributed.Client or None
        Of the futures.
    added : sequence of str
        The columns that were arrays of their own, beside those of the collection.
    """

    what = "the collection"

    def __init__(self, loaded, names, name, client, added=()):
        self._client, self.added = client, frozenset(added)
        found = []
        try:
            if client is None:
                for part in loaded:
                    found.append(_look(part.compute(scheduler="synchronous")))
            else:
                found = Dask(client).map(_look_here, range(len(loaded)), held=dict(enumerate(loaded)))
        except KeyError as error:  # of the selection of columns, which Dask makes before it loads
            failed = [i for i, future in enumerate(loaded) if future.status == "error"] if client else [len(found)]
            where = f"partition {failed[0]}" if failed else "a partition"
            raise InvalidParameterError(f"{where}: {error.args[0]}; {SAME}") from None
        there = [i for i, (_, rows, _) in enumerate(found) if rows]
        if not there:
            raise InvalidParameterError("the data have no rows: all partitions are empty")
        fragments = [Fragment(name, i, found[i][1], f"partition {i}") for i in there]
        schema, odd = unified([(f"partition {i}", found[i][0]) for i in there], names)
        super().__init__(schema, fragments, odd)
        self._nulls = [found[i][2] for i in there]
        held = [loaded[i] for i in there]
        self.futures, self._parts = (None, held) if client is None else (held, None)

    def __getstate__(self):
        # a worker is given the tables it needs
        return {**self.__dict__, "futures": None, "_client": None}

    def tables(self, i, columns, rows, skip) -> Iterator:
        """The rows of a fragment: at once where they are in this process, else a few at a time."""
        table = brought(i)
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
        """How many values of a column are missing in a fragment."""
        self._check(column)
        return self._nulls[i][column]


def partitions(data, columns, added: dict, client) -> Partitions:
    """The rows of a collection, with more columns beside its own.

    Parameters
    ----------
    data : dask.dataframe.DataFrame or 2-d dask.array.Array
    columns : sequence of str
        Names of its columns.
    added : dict
        Series or 1-d arrays of Dask by the name that they get, cut as ``data`` are.
    client : distributed.Client or None

    Raises
    ------
    InvalidParameterError
        For what is not of Dask, or cut otherwise.
    """
    from dask import delayed
    from dask.base import tokenize

    parts = _parts(data)
    others = {name: _cut(name, v, data, len(parts)) for name, v in added.items()}
    token = tokenize(data, *added.values(), list(columns))
    load = delayed(_load, pure=False)
    loaded = [
        load(i, part, list(columns), list(others), *rest, dask_key_name=f"fastglm-load-{token}-{i}")
        for i, (part, *rest) in enumerate(zip(parts, *others.values(), strict=True))
    ]
    return Partitions(loaded if client is None else client.compute(loaded, retries=3), None, token, client, added)


def is_array(v):
    return hasattr(v, "chunks") and hasattr(v, "numblocks")


def _parts(data):
    """The partitions of a frame or series, or blocks of rows, as delayed values."""
    if not is_array(data):
        return data.to_delayed()
    if data.ndim == 2 and data.numblocks[1] != 1:
        raise InvalidParameterError(
            f"X has its columns in {data.numblocks[1]} chunks; put them into one: X.rechunk({{1: -1}})"
        )
    return data.to_delayed().ravel().tolist()


def _cut(name, v, data, n):
    """The parts of a vector beside those of the data."""
    if not hasattr(v, "__dask_graph__"):
        raise InvalidParameterError(
            f"{name} is {type(v).__name__}, X is a collection of Dask: pass a series or array of Dask cut as X is"
            + ("" if is_array(data) else ", or the name of a column")
        )
    if getattr(v, "ndim", 1) != 1:
        raise InvalidParameterError(f"{name} must be a 1-d array or a series, not {v.ndim}-d")
    if is_array(v) and is_array(data) and not np.isnan([*data.chunks[0], *v.chunks[0]]).any():
        if v.shape[0] != data.shape[0]:
            raise InvalidParameterError(f"{name} has length {v.shape[0]}, X has {data.shape[0]} rows")
        v = v.rechunk((data.chunks[0],))
    parts = _parts(v)
    if len(parts) != n:
        raise InvalidParameterError(f"{name} has {len(parts)} partitions, X has {n}: cut both alike")
    return parts


def _load(i, part, columns, names, *vectors):
    """The table of one partition, text as codes; which columns are text is in its metadata.

    Raises
    ------
    InvalidParameterError
        Naming the partition and the column.
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
    for name, v in values.items():
        if len(v) != n:
            raise InvalidParameterError(f"partition {i}: {name} has {len(v)} rows, X has {n}")
        try:
            array = _arrow(v)
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
    """The columns of a partition of a frame, whose order may be another one than that of the collection."""
    labels = list(part.columns)
    check_unique([str(label) for label in labels])
    places = {str(label): j for j, label in enumerate(labels)}
    for name in columns:
        if name not in places:
            raise InvalidParameterError(f"{unknown_column(name, list(places), f'partition {i}')} ({SAME})")
    return {name: part.iloc[:, places[name]] for name in columns}


def _arrow(v):
    """A column as one Arrow array; truth values of plain arrays are numbers, as they are in memory."""
    import pyarrow as pa

    if isinstance(v, np.ndarray) and v.dtype.kind in "US":
        v = v.astype(object)
    array = pa.array(np.ascontiguousarray(v) if isinstance(v, np.ndarray) else v, from_pandas=True)
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _look(table):
    """(canonical schema, rows, missing values by column) of a partition."""
    import pyarrow as pa

    text = json.loads(table.schema.metadata[b"text"])
    fields = [(f.name, pa.string() if f.name in text else f.type) for f in table.schema]
    nulls = {name: table.column(name).null_count for name in table.column_names}
    return canonical_schema(pa.schema(fields), "the collection"), table.num_rows, nulls


def _look_here(i):
    return _look(brought(i))


def _some(table, columns, first, rows):
    """Some rows; a copy, so that not all are sent."""
    import pyarrow as pa

    batches = table.select(columns).slice(first, rows).to_batches()
    return pa.Table.from_batches(
        [b.take(pa.array(np.arange(b.num_rows))) for b in batches], table.select(columns).schema
    )


def client_of(client):
    """The Dask client that is given, or where nothing is the one that there is; None for other engines."""
    distributed = sys.modules.get("distributed")
    if distributed is None:
        return None
    if client is None:
        with suppress(ValueError):
            return distributed.get_client()
    return client if isinstance(client, distributed.Client) else None


def columns_of(data) -> dict:
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
    ways = {f"cluster {i}": v for i, v in enumerate(request.clusters)}
    roles, added = _with_names(labels, {"y": request.y, **request.vectors, **ways})
    clusters = tuple(roles.pop(way) for way in ways)
    cov = request.cov._replace(by=clusters) if clusters else request.cov
    read = list(labels)
    named = [v for v in (*roles.values(), *clusters) if isinstance(v, str)]
    if known is not None and known.design is not None:
        columns, by = known.design.columns, known.design.formula.response
        named += [*columns, *(name for e in by for name in e.columns), *known.vectors.values()]
        read = [name for name in labels if name in named]
    elif request.formula is not None:
        read = needed(labels, request.formula, named)
    if not array:
        data = data[[labels[name] for name in read]]
    return replace(request, client=client or request.client, cov=cov, **roles), partitions(data, read, added, client)


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
    """Vectors with a column name for each that is none, and those to add by that name."""
    added, names = {}, {}
    for role, v in vectors.items():
        if v is None or isinstance(v, str):
            names[role] = v
            continue
        name = role
        while name in known or name in added:
            name += "_"
        added[name], names[role] = v, name
    return names, added


def collection_rows(data, schema, given: dict):
    """The rows of a collection, for a verb of a finished fit, and the vectors beside them by the names of columns.

    An array has the columns of the model in their order.
    """
    names = list(schema.columns) if is_array(data) else list(columns_of(data))
    if is_array(data) and data.shape[1] != len(names):
        raise InvalidParameterError(f"X has {data.shape[1]} columns, the model has {len(names)}")
    roles, added = _with_names(names, given)
    return partitions(data, names, added, client_of(None)), roles
