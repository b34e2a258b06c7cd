"""The rows of files in fragments, which can be read repeatedly, in this process or in another one; any kind of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ..core.column_names import unknown_column
from ..errors import FileFormatError
from .ipc import width_of
from .schema import canonical_schema, conformed, delivered
from .versions import check

UNREADABLE = (OSError, ValueError, NotImplementedError)  # what Arrow raises for damaged files


class Fragment(NamedTuple):
    """A part of a file that can be read by itself.

    Attributes
    ----------
    place : str
        The path or URL of the file.
    part : int
        The number of the Parquet row group or Arrow record batch in the file.
    rows : int
    label : str
        The name in messages: ``"claims/a.parquet, row group 3"``.
    """

    place: str
    part: int
    rows: int
    label: str


class Rows:
    """Rows in fragments that can be read again and again, in bounded memory: the base of every kind of them.

    A kind from outside gives the schema and the fragments, and ``tables``; all else has a default.

    Attributes
    ----------
    schema : pyarrow.Schema
        The types of the columns. Text may be stored as text or as categories; both are read as dictionaries.
    fragments : tuple of Fragment
        All parts that have rows.
    unreadable : dict
        Column -> the reason why it cannot be read from all fragments; an error once it is read.
    names : tuple of str
        The columns, those of ``unreadable`` last.
    n_rows : int
    """

    local_files: Sequence[str] = ()  # the paths of the files on a local disk that these are the rows of
    what = "the rows"

    def __init__(self, schema: Any, fragments: Any, unreadable: Any = None) -> None:
        self.schema, self.unreadable = canonical_schema(schema, self.what), dict(unreadable or {})
        self.names = (*schema.names, *self.unreadable)
        self._known_names = frozenset(schema.names)
        self.fragments = tuple(fragments)
        self.n_rows = sum(fragment.rows for fragment in self.fragments)

    def __repr__(self) -> str:
        return f"<Rows: {self.n_rows} rows of {len(self.names)} columns in {len(self.fragments)} fragments>"

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *exc: Any) -> None:
        self.close()

    def close(self) -> None:
        """Remove what was kept for these rows alone: nothing here."""

    def tables(self, i: Any, columns: Any, rows: Any, skip: Any) -> None:
        """The rows of fragment ``i`` from number ``skip`` on, as pyarrow Tables or RecordBatches one after the other.

        They have at least these ``columns``; ``rows`` is the most that should be in memory at a time.
        """
        raise NotImplementedError

    def batches(self, i: Any, columns: Any, rows: Any = 65_536, skip: Any = 0) -> Iterator[Any]:
        """Read a fragment piece by piece, in memory that does not grow with it.

        Parameters
        ----------
        i : int
            The number of the fragment.
        columns : sequence of str
        rows : int
            The largest number of rows of a batch.
        skip : int
            The number of rows to leave out at the beginning of the fragment.

        Yields
        ------
        pyarrow.RecordBatch
            The columns in this order. Text and categories are dictionary arrays with codes of 32 bits, and each batch
            has its own dictionary.

        Raises
        ------
        InvalidParameterError
            For a column that is missing.
        FileFormatError
            For a damaged file, with the fragment and the column, and for a file that changed after it was opened.
        """
        import pyarrow as pa

        for name in columns:
            self._check(name)
        kinds = {name: delivered(self.schema.field(name).type) for name in columns}
        for table in self.tables(i, list(kinds), rows, skip):
            for batch in table.to_batches(max_chunksize=rows) if isinstance(table, pa.Table) else [table]:
                arrays = {name: self._conformed(i, name, batch.column(name), kind) for name, kind in kinds.items()}
                yield pa.RecordBatch.from_arrays([arrays[name] for name in columns], list(columns))

    def null_count(self, i: Any, column: Any) -> int | None:
        """How many values of a column are missing in a fragment, None where nobody knows without looking."""
        return self._check(column)

    def bounds(self, i: Any, column: Any) -> tuple[Any, ...] | None:
        """The smallest and largest value of a column in a fragment, None where nobody knows without looking."""
        return self._check(column)

    def nbytes(self, columns: Any = None) -> int:
        """The bytes that a read of these columns takes, judged by their types."""
        kinds = (self.schema.field(name).type for name in (self.schema.names if columns is None else columns))
        return self.n_rows * sum(width_of(kind) for kind in kinds) // 8

    def fingerprint(self) -> dict[Any, Any]:
        """What tells these rows from others, for JSON: places of fragments, their rows, a digest, and the schema."""
        places = {fragment.place: [] for fragment in self.fragments}
        for fragment in self.fragments:
            places[fragment.place].append(fragment.rows)
        kinds = [[field.name, str(field.type)] for field in self.schema]
        files = [{"path": place, "rows": rows} for place, rows in places.items()]
        digest = self.digest()
        return {"files": files, "schema": kinds} | ({} if digest is None else {"digest": digest})

    def digest(self) -> str | None:
        """A digest of all values, which are read for it once; None of a kind whose places tell values from others."""
        import pyarrow as pa

        found = hashlib.blake2b(digest_size=16)
        for i in range(len(self.fragments)):
            for batch in self.batches(i, self.schema.names):
                sink = pa.BufferOutputStream()
                with pa.ipc.new_stream(sink, batch.schema) as writer:
                    writer.write_batch(batch)
                found.update(sink.getvalue())
        return found.hexdigest()

    def check_unchanged(self) -> None:
        """See whether the rows are as they were when they were opened: no others than those of files can change.

        Raises
        ------
        FileFormatError
        """

    def check_read_again(self) -> None:
        """``check_unchanged`` for what is read at every pass, not for what was copied."""
        self.check_unchanged()

    def _check(self, name) -> None:
        if name in self.unreadable:
            raise FileFormatError(self.unreadable[name])
        if name not in self._known_names:
            raise unknown_column(name, self.names, self.what)

    def _conformed(self, i, name, array, kind):
        """A column in the type in which it is handed out."""
        import pyarrow as pa

        try:
            return conformed(array, kind)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            line = str(error).splitlines()[0]
            raise FileFormatError(f"{self.fragments[i].label}: column {name!r} as {kind}: {line}") from None


class FileRows(Rows):
    """The rows of files, in order; ``open_rows`` makes them.

    A pickled copy reads the same files by their paths; the scratch files belong to the original, which removes them.
    """

    what = "the files"

    def __init__(self, readers: Any, schema: Any, origins: Any, scratch: Any, unreadable: Any = None) -> None:
        self._origins, self._scratch, self._is_original = origins, scratch, True
        self._readers = [reader for reader, _ in readers if sum(reader.rows)]
        self._fragment_readers, fragments, rows_before = [], [], {}
        for reader, label in readers:
            first = rows_before.get(label, 0)
            for part, rows in enumerate(reader.rows):
                if rows:
                    where = f"rows {first} to {first + rows - 1}" if label else f"{reader.unit} {part}"
                    fragments.append(Fragment(reader.file.place, part, rows, f"{label or reader.file.place}, {where}"))
                    self._fragment_readers.append(reader)
                first += rows
            rows_before[label] = first
        super().__init__(schema, fragments, unreadable)

    @property
    def local_files(self) -> list[str]:
        """The paths of the files on a local disk that these are the rows of."""
        files = [file for _, file, _ in self._origins if file is not None]
        return [file.path for file in files if file.system is None]

    def __getstate__(self) -> Any:
        return {**self.__dict__, "_scratch": None, "_is_original": False}

    def close(self) -> None:
        """Remove the scratch files, if this is not a copy."""
        if self._scratch is not None:
            self._scratch.remove()

    def batches(self, i: Any, columns: Any, rows: Any = 65_536, skip: Any = 0) -> Iterator[Any]:
        """As ``Rows.batches``; whether the file is the one that was opened is rows_before before rows are handed on."""
        import pyarrow as pa

        fragment, reader = self.fragments[i], self._fragment_readers[i]
        for name in columns:
            self._check(name)
        kinds = {name: delivered(self.schema.field(name).type) for name in dict.fromkeys(columns)}
        fixed = {name: value for name, value in reader.file.partition if name not in reader.schema.names}
        read = [name for name in kinds if name not in fixed]
        if reader.file.system is None:  # on remote storage a check takes as long as a small read
            check(reader.file, self._is_original)
        row = skip
        for batch in self._raw(i, read, rows, skip) if read else _lengths(fragment.rows, rows, skip):
            n = batch if not read else batch.num_rows
            arrays = {}
            for name, kind in kinds.items():
                array = _repeated(fixed[name], n, kind) if name in fixed else batch.column(name)
                arrays[name] = self._conformed(i, name, array, kind)
            row += n
            if read:
                check(reader.file, self._is_original)  # before the rows are used, as the caller may stop here
            yield pa.RecordBatch.from_arrays([arrays[name] for name in columns], list(columns))
        if row != max(skip, fragment.rows):
            raise FileFormatError(f"{fragment.label}: it has {row} rows where its file says {fragment.rows}")

    def _raw(self, i, names, rows, skip):
        """The batches of a reader; errors name the fragment and the column."""
        reader = self._fragment_readers[i]
        try:
            yield from reader.batches(self.fragments[i].part, names, rows, skip)
        except UNREADABLE as error:
            check(reader.file, self._is_original)
            raise self._damaged(i, names, rows, error) from None

    def _damaged(self, i, names, rows, error):
        """The error for a fragment that cannot be read, with the column at fault."""
        fragment, reader = self.fragments[i], self._fragment_readers[i]
        if isinstance(error, PermissionError):
            return FileFormatError(f"{fragment.place}: no permission to read it")
        for name in names:
            try:
                for _ in reader.batches(fragment.part, [name], rows, 0):
                    pass
            except UNREADABLE as found:
                return FileFormatError(
                    f"{fragment.label}, column {name!r}: cannot be read: {str(found).splitlines()[0]}"
                )
        return FileFormatError(f"{fragment.label}: cannot be read: {str(error).splitlines()[0]}")

    def null_count(self, i: Any, column: Any) -> int | None:
        """The number of missing values of a column in a fragment, None if the file does not say."""
        self._check(column)
        reader, fragment = self._fragment_readers[i], self.fragments[i]
        if column in reader.schema.names:
            return reader.null_count(fragment.part, column)
        return fragment.rows if dict(reader.file.partition)[column] is None else 0

    def bounds(self, i: Any, column: Any) -> tuple[Any, ...] | None:
        """The smallest and largest value of a column in a fragment, None if the file does not say."""
        self._check(column)
        reader = self._fragment_readers[i]
        if column in reader.schema.names:
            return reader.bounds(self.fragments[i].part, column)
        value = dict(reader.file.partition)[column]
        return None if value is None else (value, value)

    def nbytes(self, columns: Any = None) -> int:
        """The bytes on disk that a read of these columns takes, estimated by their types."""
        names = set(self.schema.names if columns is None else columns)
        for name in names:
            self._check(name)
        return sum(reader.nbytes(names & set(reader.schema.names)) for reader in self._readers)

    def fingerprint(self) -> dict[Any, Any]:
        """Values for JSON that differ for other rows.

        Returns
        -------
        dict
            "files": of each file its path, size, time of the last change and digest, or etag, and the rows of its
            parts; of a stream its name, a digest, and the number of rows. "schema": names and types.
        """
        files = []
        for place, file, readers in self._origins:
            entry = {"path": place} if file is None else {"path": place, "size": file.size}
            if file is not None:
                entry["mtime_ns" if isinstance(file.stamp, int) else "etag"] = file.stamp
                entry |= {"digest": file.mark} if file.mark else {}
            else:  # a stream is identified by its rows
                entry["digest"] = [reader.digest() for reader in readers]
            entry["rows"] = [rows for reader in readers for rows in reader.rows]
            files.append(entry)
        return {"files": files, "schema": [[field.name, str(field.type)] for field in self.schema]}

    def check_unchanged(self) -> None:
        """Refuse files that have changed since they were opened.

        Raises
        ------
        FileFormatError
            Names the first such file.
        """
        files = [file for _, file, _ in self._origins if file is not None]
        for file in {f.place: f for f in (*files, *(reader.file for reader in self._readers))}.values():
            check(file, self._is_original, fully=True)

    def check_read_again(self) -> None:
        """``check_unchanged`` for the files that are read at every pass, but not for files that were copied."""
        for file in {reader.file.place: reader.file for reader in self._readers}.values():
            check(file, self._is_original, fully=True)


def _lengths(total, rows, skip):
    for start in range(skip, total, rows):
        yield min(rows, total - start)


def _repeated(value, n, kind):
    """The value in the name of a folder, repeated n times."""
    import pyarrow as pa

    if value is None or not pa.types.is_dictionary(kind):
        return pa.nulls(n, kind) if value is None else pa.repeat(pa.scalar(value, kind), n)
    return pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), n), pa.array([value], kind.value_type))
