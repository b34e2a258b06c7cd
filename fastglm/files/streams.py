"""Streams of rows that can be read once: readers, iterators of frames, callables, queries of DuckDB, datasets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import FileFormatError, InvalidParameterError


class Stream:
    """Rows of something that is not a file, read once.

    Parameters
    ----------
    label : str
        A name for messages.
    data : object
        With ``__arrow_c_stream__``, or an iterable of frames.
    """

    def __init__(self, label: Any, data: Any) -> None:
        self.label, self._data = label, data

    def share(self) -> Any:
        """None: the share that has been read is not known."""
        return None

    def __iter__(self) -> Iterator[Any]:
        yield from _batches(self._data, self.label)


class FileStream:
    """The rows of a file in Arrow's stream format."""

    def __init__(self, file: Any) -> None:
        self.file, self.label, self._handle = file, file.place, None

    def share(self) -> Any:
        """The share of the file that has been read."""
        return 0.0 if self._handle is None else self._handle.tell() / max(1, self.file.size)

    def __iter__(self) -> Iterator[Any]:
        import pyarrow as pa

        try:
            with self.file.open() as self._handle, pa.ipc.open_stream(self._handle) as reader:
                yield from reader
        except PermissionError:
            raise FileFormatError(f"{self.label}: no permission to read it") from None
        except (OSError, pa.ArrowInvalid) as error:
            raise FileFormatError(f"{self.label}: cannot be read: {str(error).splitlines()[0]}") from None


class Query:
    """A query of DuckDB, run each time it is called: ``from_duckdb`` makes them."""

    def __init__(self, query: Any, connection: Any) -> None:
        self._query, self._connection = query, connection

    def __repr__(self) -> str:
        return "the DuckDB query"

    def __call__(self) -> Any:
        import duckdb

        relation = self._query
        try:
            if isinstance(relation, str):
                relation = (self._connection or duckdb).sql(relation)
            if relation is None:
                raise InvalidParameterError("the DuckDB query gives no rows; it must be a SELECT")
            read = getattr(relation, "to_arrow_reader", None) or relation.fetch_arrow_reader
            return read(65536)
        except duckdb.Error as error:
            raise InvalidParameterError(f"the DuckDB query failed: {str(error).splitlines()[0]}") from None


def from_duckdb(query: Any, connection: Any = None) -> Query:
    """Rows of a DuckDB query, for ``open_rows`` and whatever takes what it takes.

    Parameters
    ----------
    query : str or DuckDB relation
        The text of a SELECT. Frames that it names must be known to the connection (``connection.register``).
    connection : DuckDB connection, optional
        Where to run it; DuckDB's default connection unless given.

    Returns
    -------
    callable
        A fresh Arrow stream at each call.

    Raises
    ------
    InvalidParameterError
        For something else.
    """
    if not isinstance(query, str) and not (hasattr(query, "to_arrow_reader") or hasattr(query, "fetch_arrow_reader")):
        raise InvalidParameterError(f"query must be SQL text or a DuckDB relation, not {type(query).__name__}")
    return Query(query, connection)


def is_stream(data: Any) -> bool:
    """Whether the data are a stream of rows that can be read once, and no frame in memory."""
    of, name = type(data).__module__.split(".")[0], type(data).__name__
    if of == "pyarrow" and (name in ("RecordBatchReader", "ParquetFile") or name.endswith("Dataset")):
        return True
    if isinstance(data, Iterator):
        return True
    # classes, and frames that can be called, are no such function
    return callable(data) and not isinstance(data, type) and not hasattr(data, "__arrow_c_stream__")


def as_stream(data: Any, columns: Any = None) -> Stream:
    """The data that ``is_stream`` accepts, as a stream."""
    name = type(data).__name__
    if name == "ParquetFile":
        return Stream("the ParquetFile", data.iter_batches(columns=columns, use_threads=False))
    if name.endswith("Dataset"):
        return Stream("the dataset", _scan(data, columns))
    if isinstance(data, Iterator):
        return Stream(f"the {name}" if name == "RecordBatchReader" else "the iterator", data)
    return Stream(repr(data) if isinstance(data, Query) else "what the callable returned", data())


def _scan(data, columns):
    """A scan of a dataset that holds little at a time."""
    import pyarrow.dataset as ds

    options = {}
    if getattr(getattr(data, "format", None), "default_extname", "") == "parquet":
        options["fragment_scan_options"] = ds.ParquetFragmentScanOptions(use_buffered_stream=True, pre_buffer=False)
    names = None if columns is None else list(columns)
    scanner = data.scanner(
        columns=names, batch_size=65536, batch_readahead=1, fragment_readahead=1, use_threads=False, **options
    )
    return scanner.to_reader()


def _batches(data, label):
    """The record batches of a stream, or of frames in turn."""
    import pyarrow as pa

    if isinstance(data, pa.RecordBatchReader):
        yield from data
    elif hasattr(data, "__arrow_c_stream__") and not hasattr(data, "iloc"):
        yield from pa.RecordBatchReader.from_stream(data)
    elif isinstance(data, Mapping) or hasattr(data, "iloc"):
        yield from _frame(data, label, 0)
    elif hasattr(data, "__iter__"):
        for k, frame in enumerate(data):
            yield from _frame(frame, label, k)
    else:
        raise InvalidParameterError(f"{label} is of type {type(data).__name__}; an Arrow stream or frames are needed")


def _frame(frame, label, k):
    """The record batches of one frame."""
    import pyarrow as pa

    if isinstance(frame, pa.RecordBatch):
        return [frame]
    if hasattr(frame, "iloc"):
        if not all(isinstance(name, str) for name in frame.columns):
            frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
        try:
            return pa.Table.from_pandas(frame, preserve_index=False).to_batches()
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise FileFormatError(f"{label}, item {k}: cannot be read: {str(error).splitlines()[0]}") from None
    if isinstance(frame, Mapping):
        return pa.table({str(name): values for name, values in frame.items()}).to_batches()
    if hasattr(frame, "__arrow_c_stream__"):
        return pa.RecordBatchReader.from_stream(frame)
    if hasattr(frame, "__arrow_c_array__"):
        return [pa.record_batch(frame)]
    raise InvalidParameterError(
        f"{label}, item {k} is of type {type(frame).__name__}; frames or record batches are needed"
    )
