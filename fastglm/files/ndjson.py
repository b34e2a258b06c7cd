"""Streams of record batches from files with one JSON object a line."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..core.measured import CSV_BLOCK
from ..errors import FileFormatError
from .find import PACKED
from .text import CODECS


class JsonStream:
    """The rows of one file of JSON lines, in columns and types that hold all of them.

    The file is read twice: first for its columns and their types, as keys may turn up late and whole numbers become
    fractions, then for its rows. Keys that a line lacks are missing values.

    Raises
    ------
    FileFormatError
        For a damaged file, and for a key whose values are of kinds that no column holds.
    """

    unreadable: dict[Any, Any] = {}

    def __init__(self, file: Any) -> None:
        self.file, self.label, self._raw = file, file.place, None

    def share(self) -> Any:
        """How much of the file has been read, from 0 to 1."""
        return 0.0 if self._raw is None or self._raw.closed else self._raw.tell() / max(1, self.file.size)

    def __iter__(self) -> Iterator[Any]:
        import pyarrow as pa

        types: dict[Any, Any] = {}
        for table in self._tables(None):
            for field in table.schema:
                types[field.name] = self._common(field.name, types.get(field.name, field.type), field.type)
        for table in self._tables(pa.schema(list(types.items()))):
            yield from table.combine_chunks().to_batches()

    def _tables(self, schema):
        """The blocks of the file as tables, of a schema if there is one."""
        import pyarrow as pa
        import pyarrow.json as json

        parsing = json.ParseOptions(
            explicit_schema=schema, unexpected_field_behavior="infer" if schema is None else "ignore"
        )
        try:
            for block in self._blocks():
                # a block of its own cannot be cut within a line
                reading = json.ReadOptions(use_threads=False, block_size=len(block) + 1)
                yield json.read_json(io.BytesIO(block), read_options=reading, parse_options=parsing)
        except PermissionError:
            raise FileFormatError(f"{self.label}: no permission to read it") from None
        except (OSError, pa.ArrowInvalid) as error:
            raise FileFormatError(f"{self.label}: cannot be read: {str(error).splitlines()[0]}") from None

    def _blocks(self):
        """The file in pieces of whole lines."""
        import pyarrow as pa

        suffix, rest = Path(self.file.path).suffix.lower(), b""
        with self.file.open() as self._raw:
            stream = pa.CompressedInputStream(self._raw, CODECS[suffix]) if suffix in PACKED else self._raw
            while block := stream.read(CSV_BLOCK):
                whole, newline, rest = (rest + block).rpartition(b"\n")
                if whole.strip():
                    yield whole + newline
        if rest.strip():
            yield rest

    def _common(self, name, a, b):
        """A type for values of two types."""
        import pyarrow as pa
        import pyarrow.types as t

        if a.equals(b) or t.is_null(b):
            return a
        if t.is_null(a):
            return b
        if {t.is_integer(a), t.is_integer(b)} == {True, False} and (t.is_floating(a) or t.is_floating(b)):
            return pa.float64()
        if all(t.is_timestamp(kind) or t.is_string(kind) for kind in (a, b)):
            return pa.string()  # text that looks like a time in some lines
        raise FileFormatError(f"{self.label}: {name!r} is {a} in some lines and {b} in others; make them one kind")
