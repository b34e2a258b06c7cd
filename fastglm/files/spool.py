"""Scratch files for rows that can be read only once, or only slowly: in Arrow's format, text as codes."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import platform
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from ..core.column_names import unknown_column
from ..core.measured import MOST_CODED_LEVELS, SPOOL_BATCHES, SPOOL_ROWS
from ..errors import FileFormatError, InvalidParameterError
from .find import File
from .ipc import ScratchFile
from .schema import canonical, canonical_schema, conformed, promoted, shown

OWN = "fastglm-scratch-"  # how the names of folders begin; then come host and process
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Scratch:
    """A folder for scratch files, created at its first use and removed with its owner.

    Parameters
    ----------
    where : "auto", str, Path or False
        The parent folder, by default that for temporary files; False allows no scratch files.
    """

    def __init__(self, where: Any) -> None:
        if where is not False and not isinstance(where, (str, os.PathLike)):
            raise InvalidParameterError(f"scratch={where!r} must be 'auto', the path of a folder or False")
        self.where = where if where is False else tempfile.gettempdir() if where == "auto" else os.fspath(where)
        self.path, self._remove = None, None

    def folder(self, label: Any) -> str:
        """The path of the folder.

        Raises
        ------
        InvalidParameterError
            If none is allowed, or none can be created.
        """
        if self.where is False:
            raise InvalidParameterError(
                f"{label} can be read only once or slowly, and scratch=False allows no copy of it on disk; "
                "allow one (scratch='auto' or a folder), or write the rows as Parquet"
            )
        if self.path is None:
            remove_abandoned(self.where)
            path = os.path.abspath(os.path.join(self.where, f"{OWN}{host()}-{os.getpid()}-{uuid4().hex}"))
            # before there is a folder, so that none is left where an interrupt comes as soon as it is there
            self._remove = weakref.finalize(self, _remove, path, os.getpid())
            try:
                os.mkdir(path, 0o700)
            except OSError as error:
                self._remove.detach()
                raise InvalidParameterError(f"scratch={self.where!r}: no file can be made: {error.strerror}") from None
            self.path = path
        return self.path

    def remove(self) -> None:
        """Remove the folder."""
        if self._remove is not None:
            self._remove()


def remove_abandoned(folder: Any) -> None:
    """Remove scratch folders of processes of this machine that ended without removing them, killed as a rule."""
    with contextlib.suppress(OSError):
        for path in Path(folder).glob(f"{OWN}{host()}-*"):
            number = path.name.removeprefix(f"{OWN}{host()}-").split("-")[0]
            if number.isdecimal() and not process_exists(int(number)):
                shutil.rmtree(path, ignore_errors=True)


def host() -> str:
    """A name for the machine, or the container, in which the numbers of processes are valid."""
    space = ""
    with contextlib.suppress(OSError):
        space = os.readlink("/proc/self/ns/pid")  # the same number is another process in another container
    return hashlib.blake2b(f"{platform.node()} {space}".encode(), digest_size=4).hexdigest()


def process_exists(number: int) -> bool:
    """Whether there is a process of this number; True if that cannot be known."""
    if os.name != "posix":
        return True
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # a process of another user
        return True
    return True


def _remove(path, owner):
    if os.getpid() == owner:  # and not a process forked from it
        try:
            shutil.rmtree(path, ignore_errors=True)
        except BaseException:  # interrupted: nothing is left half removed
            shutil.rmtree(path, ignore_errors=True)
            raise


class Levels:
    """The distinct values of text columns, by a key for each column, in the order of first occurrence."""

    def __init__(self, arrays: Any = None) -> None:
        self._codes, self._kinds, self._arrays = {}, {}, arrays or {}

    def __reduce__(self) -> Any:
        return Levels, ({**self._arrays, **{key: self.array(key) for key in self._codes}},)  # a copy adds nothing

    def codes(self, key: Any, array: Any) -> Any:
        """The codes (int32, null where missing) of a dictionary array's values; new values get new codes."""
        import pyarrow as pa

        known = self._codes.setdefault(key, {})
        self._kinds[key] = array.dictionary.type
        self._arrays.pop(key, None)
        values = array.dictionary.to_pylist()
        table = np.fromiter((known.setdefault(value, len(known)) for value in values), np.int32, len(values))
        return pa.array(table).take(array.indices) if len(values) else pa.nulls(len(array), pa.int32())

    def count(self, key: Any) -> Any:
        """The number of distinct values."""
        return len(self._codes.get(key, ()))

    def array(self, key: Any) -> Any:
        """The distinct values as an array."""
        import pyarrow as pa

        if key not in self._arrays:
            self._arrays[key] = pa.array(list(self._codes[key]), self._kinds[key])
        return self._arrays[key]


class Spool:
    """Writes streams to scratch files of records batches of equal length.

    Parameters
    ----------
    scratch : Scratch
    columns : sequence of str, optional
        The columns to copy, by default all.
    """

    def __init__(self, scratch: Any, columns: Any = None) -> None:
        self._scratch, self._columns = scratch, columns
        self.levels = Levels()
        self._plain = set()
        self._count = 0

    def add(self, stream: Any) -> Any:
        """Spool a stream.

        Parameters
        ----------
        stream : iterable of pyarrow.RecordBatch
            It has a ``label``, and ``share()`` of the rows that were read.

        Returns
        -------
        list of ScratchFile
        """
        folder = self._scratch.folder(stream.label)
        partition = getattr(getattr(stream, "file", None), "partition", ())
        files, start, writer = [], 0, None
        try:
            for table in _blocks(stream, self._columns, dict(partition)):
                batch, coded = self._stored(table)
                if writer is None or writer.full or not writer.fits(batch, coded):
                    if writer is not None:
                        files.append(writer.close())
                    self._count += 1
                    writer = _Writer(os.path.join(folder, f"{self._count}.arrow"), batch, coded, table.schema)
                writer.write(batch)
                start += batch.num_rows
            if writer is not None:
                files.append(writer.close())
        except OSError as error:
            if error.errno not in FULL:
                raise
            raise self._full(error, stream, start) from None
        finally:
            if writer is not None:
                writer.abandon()
        return [
            ScratchFile(file._replace(partition=partition), *closed, self.levels, coded)
            for file, *closed, coded in files
        ]

    def _stored(self, table):
        """A table as it is written, and the keys of the levels of its coded columns."""
        import pyarrow as pa

        arrays, coded = [], {}
        for field, column in zip(table.schema, table.columns, strict=True):
            array = pa.concat_arrays(column.chunks) if column.num_chunks != 1 else column.chunk(0)
            key = f"{field.name} {field.type.value_type if pa.types.is_dictionary(field.type) else field.type}"
            if (pa.types.is_string(field.type) or pa.types.is_dictionary(field.type)) and key not in self._plain:
                array = array.dictionary_encode() if pa.types.is_string(field.type) else array
                if self.levels.count(key) + len(array.dictionary) > MOST_CODED_LEVELS:
                    self._plain.add(key)
                else:
                    array, coded[field.name] = self.levels.codes(key, array), key
            if field.name not in coded and pa.types.is_dictionary(array.type):
                array = array.dictionary_decode()
            arrays.append(array)
        return pa.RecordBatch.from_arrays(arrays, table.schema.names), coded

    def _full(self, error, stream, rows):
        """The error for a full disk."""
        used = sum(entry.stat().st_size for entry in os.scandir(self._scratch.path))
        share = stream.share()
        need = f"; all of it needs about {used / share / 1e9:.3g} GB" if share and used else ""
        return FileFormatError(
            f"no room for the scratch file of {stream.label} in {self._scratch.where} ({os.strerror(error.errno)}) "
            f"after {used / 1e9:.3g} GB and {rows} rows{need}; name a folder on a larger disk: scratch='other/dir'"
        )


class _Writer:
    """One scratch file being written."""

    def __init__(self, path, batch, coded, schema):
        import pyarrow as pa

        self.path, self.schema = path, schema
        self._coded, self._rows, self._nulls = coded, [], []
        self._stored = batch.schema
        self._sink = pa.OSFile(path, "wb")
        self._writer = pa.ipc.new_file(self._sink, self._stored)

    @property
    def full(self):
        return len(self._rows) == SPOOL_BATCHES

    def fits(self, batch, coded):
        """Whether a batch has the columns of this file."""
        return coded == self._coded and batch.schema.equals(self._stored)

    def write(self, batch):
        self._writer.write_batch(batch)
        self._rows.append(batch.num_rows)
        nulls = (column.null_count for column in batch.columns)
        self._nulls.append(dict(zip(batch.schema.names, nulls, strict=True)))

    def close(self):
        """Close the file, and return the arguments of its ScratchFile."""
        self._writer.close()
        self._sink.close()
        status = os.stat(self.path)
        file = File(self.path, self.path, None, "ipc", status.st_size, status.st_mtime_ns)
        return file, self.schema, tuple(self._rows), self._nulls, self._coded

    def abandon(self):
        """Close the file if it is open."""
        with contextlib.suppress(OSError):
            self._sink.close()


def _blocks(stream, columns, fixed):
    """Tables of BATCH_ROWS rows (the last has fewer) in types that only widen, without the columns ``fixed``."""
    import pyarrow as pa

    kinds, batches, count = {}, [], 0
    for k, batch in enumerate(stream):
        place = f"{stream.label}, batch {k}"
        schema = canonical_schema(batch.schema, place)
        for name in columns or ():
            if name not in schema.names and name not in fixed:
                raise unknown_column(name, schema.names, place)
        names = list(kinds) or [name for name in columns or schema.names if name in schema.names] or schema.names[:1]
        different = set(kinds) ^ set(schema.names) if kinds and columns is None else ()
        if different:
            raise FileFormatError(f"{place}: column {sorted(different)[0]!r} is not in all batches")
        for name in names:
            kinds[name] = _wider(name, kinds.get(name), schema.field(name).type, place)
        start = 0
        while start < batch.num_rows:
            piece = batch.slice(start, SPOOL_ROWS - count)
            arrays = [_in(piece.column(name), schema.field(name).type) for name in names]
            batches.append(pa.RecordBatch.from_arrays(arrays, names))
            start, count = start + piece.num_rows, count + piece.num_rows
            if count == SPOOL_ROWS:
                yield _joined(batches, kinds, stream.label)
                batches, count = [], 0
    if batches:
        yield _joined(batches, kinds, stream.label)


def _in(array, kind):
    return array if canonical(array.type) == array.type else conformed(array, kind)


def _wider(name, old, new, place):
    kind = new if old is None else promoted(old, new)
    if kind is None:
        raise FileFormatError(f"{place}: column {name!r} is {shown(new)}, and {shown(old)} in the batches before")
    return kind


def _joined(batches, kinds, label):
    """One table of all batches, in types that hold their values."""
    import pyarrow as pa

    columns = []
    for k, (name, kind) in enumerate(kinds.items()):
        try:
            arrays = [conformed(batch.column(k), kind) for batch in batches]
        except pa.ArrowInvalid as error:
            raise FileFormatError(f"{label}: column {name!r} as {shown(kind)}: {str(error).splitlines()[0]}") from None
        column = pa.chunked_array(arrays, kind)
        if pa.types.is_dictionary(kind) and len(arrays) > 1:
            column = column.unify_dictionaries()
        columns.append(column)
    return pa.table(columns, names=list(kinds))
