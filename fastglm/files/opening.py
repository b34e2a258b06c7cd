"""``open_rows``: rows that do not fit in memory, as pieces that can be read repeatedly."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any

from ..errors import FastGLMError, FileFormatError, InvalidParameterError, not_loaded
from .find import File, find, stamp_of
from .fragments import UNREADABLE, FileRows, Rows
from .ipc import ArrowFile
from .ndjson import JsonStream
from .parquet import Footers, ParquetFile
from .schema import canonical, unified
from .spool import Scratch, Spool
from .streams import FileStream, as_stream, is_stream
from .text import CsvStream
from .versions import check, marked

if TYPE_CHECKING:
    from collections.abc import Sequence


def is_rows(data: Any) -> bool:
    """Whether ``open_rows`` reads the data, and they are no frame or array in memory.

    Parameters
    ----------
    data : object

    Returns
    -------
    bool
        True for paths and non-empty lists of them, datasets and readers of pyarrow, iterators, callables and Rows.
    """
    return isinstance(data, Rows) or _are_paths(data) or is_stream(data)


def open_rows(
    data: Any, *, scratch: str | os.PathLike[str] | bool = "auto", columns: Sequence[str] | None = None
) -> Rows:
    """Open files or a stream for reading piece by piece.

    Parameters
    ----------
    data : str, Path, list of them, or a stream
        A Parquet, Arrow (``.arrow``, ``.feather``) or CSV file (``.csv``, ``.tsv``), lines of JSON (``.ndjson``,
        ``.jsonl``), also compressed (``.gz``, ``.zst``, ``.bz2``, ``.lz4``), a pattern
        (``"data/**/*.parquet"``), a folder, a URL that pyarrow or fsspec knows, or a list of these. Names of folders
        such as ``year=2024`` are columns. Also a ``pyarrow.dataset.Dataset``, a ``RecordBatchReader``, an iterator of
        frames or record batches, a callable that returns one of these, and what ``from_duckdb`` returns. Files are in
        the order of their paths.
    scratch : "auto", str, Path or False
        The folder for copies of data that can be read only once, or only slowly as CSV, until the rows are closed:
        that for temporary files, or another; False refuses such data.
    columns : sequence of str, optional
        The columns to look at and, where a copy is made, to copy; all unless given.

    Returns
    -------
    Rows

    Raises
    ------
    InvalidParameterError
        For data of another kind, and for a column that is missing.
    FileFormatError
        Names the file that is missing, damaged, or unlike the others, or the folder without room for a copy.
    """
    if isinstance(data, Rows):
        return data
    try:
        import pyarrow as pa
    except ImportError as error:
        raise InvalidParameterError(not_loaded("pyarrow", "reading files needs pyarrow", error)) from None
    if isinstance(columns, str):
        raise InvalidParameterError(f"columns={columns!r} must be a list of names")
    columns = None if columns is None else list(dict.fromkeys(columns))
    folder = Scratch(scratch)
    spool, footers = Spool(folder, columns), Footers()
    origins, readers, unreadable = [], [], {}
    try:
        for source in _sources(data, columns, footers):
            label, file = source.label if not isinstance(source, File) else "", source
            if label:
                new_readers = [(reader, label) for reader in spool.add(source)]
                file = getattr(source, "file", None)
                if file is not None:  # it was read more than once where types had to widen
                    check(file)
            else:
                new_readers = [(_opened(source, footers), "")]
            unreadable |= getattr(source, "unreadable", {})
            origins.append((label or source.place, file, [reader for reader, _ in new_readers]))
            readers += new_readers
        schema, unreadable = _schema(readers, columns, data, unreadable)
        return FileRows(readers, schema, origins, folder, unreadable)
    except pa.ArrowInvalid as error:
        folder.remove()
        raise FileFormatError(f"the data cannot be read: {str(error).splitlines()[0]}") from None
    except BaseException:  # also when interrupted: nothing half written is left
        folder.remove()
        raise


def _are_paths(data) -> bool:
    if isinstance(data, (list, tuple)):
        return bool(data) and all(isinstance(item, (str, os.PathLike)) for item in data)
    return isinstance(data, (str, os.PathLike))


def _sources(data, columns, footers):
    """The files to read in place, and the streams to copy."""
    if _are_paths(data):
        files = find(data)
    elif is_stream(data):
        files = _files_of(data, footers)
        if files is None:
            return [as_stream(data, columns)]
    else:
        raise InvalidParameterError(
            f"data of type {type(data).__name__} are not files; give a path, a list of paths, a dataset, "
            "an Arrow stream, an iterator of frames or a callable that returns one"
        )
    streams = {"csv": CsvStream, "json": JsonStream, "stream": FileStream}
    files = [_explained(file, partial(marked, file)) for file in files]
    return [streams[file.kind](file) if file.kind in streams else file for file in files]


def _opened(file, footers):
    """A Parquet or Arrow file whose footer has been read."""
    return _explained(file, lambda: ParquetFile(file, footers) if file.kind == "parquet" else ArrowFile(file))


def _explained(file, read):
    """The value of ``read()``, with errors that name the file."""
    try:
        return read()
    except PermissionError:
        raise FileFormatError(f"{file.place}: no permission to read it") from None
    except FileNotFoundError:
        raise FileFormatError(f"{file.place}: no such file") from None
    except FastGLMError:
        raise
    except UNREADABLE as error:
        raise FileFormatError(f"{file.place}: cannot be read: {str(error).splitlines()[0]}") from None
    except ValueError as error:  # fsspec's, of a server that only sends whole files
        if isinstance(error, FastGLMError) or file.system is None:
            raise
        line = f"{error} ".splitlines()[0].strip()
        raise FileFormatError(
            f"{file.place}: cannot be read in parts, as this format is ({line}); download it, or give it as CSV"
        ) from None


def _schema(readers, columns, data, unreadable):
    """The schema that all pieces with rows share, with the columns of folders' names, and the columns that differ.

    ``unreadable`` maps columns that are known to be unreadable to the reason.
    """
    import pyarrow as pa

    files = []
    for reader, label in readers:
        if sum(reader.rows):
            schema = reader.schema
            for name, value in reader.file.partition:
                if name in schema.names:
                    why = f"{name!r} is a column of the file and {name}={value} the name of its folder; rename one"
                    unreadable.setdefault(name, f"{label or reader.file.place}: {why}")
                else:
                    schema = schema.append(pa.field(name, _type_of(value)))
            files.append((label or reader.file.place, schema))
    if not files and not _are_paths(data) and any(label for _, label in readers or [(None, "stream")]):
        raise FileFormatError(
            "the data have no rows: the stream gave none; it is empty or has been read before (pass a fresh one, or a "
            "callable that returns one)"
        )
    if not files:
        raise FileFormatError("the data have no rows: all files are empty")
    schema, differing = unified(files, columns)
    unreadable = {name: why for name, why in (differing | unreadable).items() if columns is None or name in columns}
    if unreadable and columns is not None:
        raise FileFormatError(next(iter(unreadable.values())))
    return pa.schema([field for field in schema if field.name not in unreadable]), unreadable


def _type_of(value):
    """The Arrow type of a value in the name of a folder."""
    import pyarrow as pa

    if value is None or isinstance(value, str):
        return pa.null() if value is None else pa.string()
    return pa.int32() if -(2**31) <= value < 2**31 else pa.int64()


def _files_of(data, footers):
    """The files of a pyarrow dataset; None where its rows are not all rows of its files."""
    import pyarrow.dataset as ds
    from pyarrow.fs import FileType, LocalFileSystem

    if not isinstance(data, ds.FileSystemDataset):
        return None
    kind = {"parquet": "parquet", "arrow": "ipc", "feather": "ipc", "ipc": "ipc"}.get(data.format.default_extname)
    if kind is None:
        return None
    is_local = isinstance(data.filesystem, LocalFileSystem)
    try:
        fragments = list(data.get_fragments())
    except ValueError:  # there are none of a dataset with a filter
        return None
    files = []
    for fragment in fragments:
        info = data.filesystem.get_file_info(fragment.path)
        if info.type != FileType.File:
            raise FileFormatError(f"{fragment.path}: no such file")
        keys = tuple(ds.get_partition_keys(fragment.partition_expression).items())
        path, system = (os.path.abspath(fragment.path), None) if is_local else (fragment.path, data.filesystem)
        files.append(File(fragment.path, path, system, kind, info.size, stamp_of(data.filesystem, info), keys))
    # of selected row groups, or with a schema of its own, a dataset has to be scanned
    readers = [_opened(file, footers) for file in files]
    is_complete = data.count_rows() == sum(sum(reader.rows) for reader in readers)
    return files if is_complete and all(_same_columns(reader, data.schema) for reader in readers) else None


def _same_columns(reader, schema):
    fixed = dict(reader.file.partition)
    names = {*reader.schema.names, *fixed} == set(schema.names)
    return names and all(canonical(schema.field(field.name).type).equals(field.type) for field in reader.schema)
