"""The clusters of rows, beside rows in memory and rows of files."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..errors import InvalidParameterError, MissingDataError
from ..source.chunked import Chunks
from ..source.in_memory import InMemory
from .numbers import is_missing
from .reader import FrameReader


class Ids(NamedTuple):
    """The cluster of each row: ``levels[codes]``, or ``codes`` itself where all rows share one numbering."""

    codes: np.ndarray
    levels: np.ndarray | None = None


def ids_of(values, n: int, name: str = "cluster") -> Ids:
    """The clusters of rows in memory as numbers.

    Parameters
    ----------
    values : (n,) array_like
        Ids of any type: numbers, text, dates, categories.
    n : int
    name : str
        The name in messages.

    Raises
    ------
    InvalidParameterError, MissingDataError
    """
    array = np.asarray(values)
    if array.shape != (n,):
        raise InvalidParameterError(f"{name} has shape {array.shape}, expected ({n},): one cluster for each row")
    if array.dtype.kind == "O":
        numbers: dict[Any, Any] = {}
        try:
            codes = np.fromiter((numbers.setdefault(value, len(numbers)) for value in array), np.int64, n)
        except TypeError:
            raise InvalidParameterError(
                f"{name} holds values that are no ids, such as lists; pass one label a row"
            ) from None
        bad = [i for value, i in numbers.items() if is_missing(value)]
        refuse_missing(np.isin(codes, bad), name)
        return Ids(codes)
    if array.dtype.kind not in "biufUSMm":
        raise InvalidParameterError(f"{name} has dtype {array.dtype}, which cannot be ids of clusters")
    refuse_missing(array != array, name)  # NaN and NaT are not equal to themselves
    levels, codes = np.unique(array, return_inverse=True)
    return Ids(codes.reshape(-1).astype(np.int64, copy=False))


def refuse_missing(missing, name, row=str) -> None:
    """Refuse rows without a cluster, naming the first."""
    if np.any(missing):
        raise MissingDataError(f"{name} is missing at row {row(int(np.argmax(missing)))}; fill it or drop the row")


class ClusteredSource(InMemory):
    """Rows in memory with their clusters, an ``Ids`` for each way of clustering."""

    def __init__(self, source: InMemory, clusters: tuple[Any, ...]):
        super().__init__(source.data, source.threads)
        self.clusters = clusters


class ClusteredChunks(Chunks):
    """Rows of a ``ClusterReader`` cut into units, each piece with its clusters."""

    rows_alone = False

    def _part(self, clustered, place):
        part = super()._part(clustered.data, place)
        part.clusters = clustered.clusters
        return part


class ClusteredRows(NamedTuple):
    """A Block of rows, and an ``Ids`` of them for each way of clustering."""

    data: Any
    clusters: tuple[Any, ...]


class ClusterReader(FrameReader):
    """The rows of another reader of files, with clusters that columns name.

    Parameters
    ----------
    reader : FrameReader
        A reader whose complete rows have no missing value in these columns.
    names : sequence of str
    role : str
        What the columns are, in messages.
    """

    def __init__(self, reader: FrameReader, names, role: str = "cluster"):
        self.__dict__.update(reader.__dict__)
        self.names, self.role = tuple(names), role
        self.columns, self.vector_columns = (
            tuple(dict.fromkeys([*value, *names])) for value in (reader.columns, reader.vector_columns)
        )

    def _data(self, table, vectors_only):
        return ClusteredRows(super()._data(table, vectors_only), tuple(self._ids(table, name) for name in self.names))

    def _ids(self, table, name):
        array = table._frame.column(name)
        if hasattr(array.type, "value_type"):
            return self._texts(table, name, array)
        column = table.column(name)
        missing = column.missing if column.missing is not None else column.values != column.values
        refuse_missing(missing, f"{self.role} column {name!r}", table.number)
        levels, codes = np.unique(column.values, return_inverse=True)
        return Ids(codes.reshape(-1), levels)

    def _texts(self, table, name, array):
        """Ids that are text, without those that do not occur: a dictionary can be that of many more rows."""
        if hasattr(array, "chunks"):
            array = array.unify_dictionaries().combine_chunks()
            array = array if hasattr(array, "indices") else array.chunk(0)
        if array.null_count:
            refuse_missing(array.is_null().to_numpy(zero_copy_only=False), f"{self.role} column {name!r}", table.number)
        used, codes = np.unique(array.indices.to_numpy(zero_copy_only=False), return_inverse=True)
        levels = [str(value) for value in array.dictionary.take(used).to_pylist()]
        return Ids(codes.reshape(-1), np.array(levels, np.str_))


def with_clusters(cov, source):
    """A covariance with the clusters of a source's rows in place of names of columns."""
    if not getattr(cov, "by", ()):
        return cov
    stored = hasattr(source.clusters, "reduce")
    return cov._replace(source=source.clusters) if stored else cov._replace(by=source.clusters)
