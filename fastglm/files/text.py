"""Streams of record batches from CSV files, in types that widen where later rows need it."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..core.column_names import DELIMITERS
from ..core.measured import CSV_BLOCK
from ..errors import FileFormatError
from .find import PACKED
from .schema import check_unique

NOT_UTF8 = re.compile(r"In CSV column #(\d+): (?:Row #(\d+): )?CSV conversion error to string: invalid UTF8")
FAILED = re.compile(r"In CSV column #(\d+): (?:Row #(\d+): )?CSV conversion error to [^:]*: invalid value '(.*)'", re.S)
CODECS = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd", ".lz4": "lz4"}


class CsvStream:
    """The rows of one CSV file, read once from its beginning.

    Columns whose first block holds no value take the type of the first later value, and whole numbers become fractions
    where one turns up, as if the whole file had been looked at.

    Attributes
    ----------
    unreadable : dict
        Column -> the reason why its values cannot be read and are null: later ones are of another kind, or not UTF-8.

    Raises
    ------
    FileFormatError
        For a damaged file.
    """

    def __init__(self, file: Any) -> None:
        self.file, self.label = file, file.place
        self._raw, self.unreadable = None, {}

    def share(self) -> Any:
        """How much of the file has been read, from 0 to 1."""
        return 0.0 if self._raw is None or self._raw.closed else self._raw.tell() / max(1, self.file.size)

    def __iter__(self) -> Iterator[Any]:
        import pyarrow as pa

        if self.file.size == 0:
            return
        types, done = {}, 0
        while True:
            try:
                with self._open(types) as reader:
                    types, repeated = types or self._types(reader.schema), done  # rows to read again in wider types
                    for batch in reader:
                        batch = self._without_odd(batch)
                        if repeated >= batch.num_rows:
                            repeated -= batch.num_rows
                            continue
                        done += batch.num_rows - repeated
                        yield batch.slice(repeated)
                        repeated = 0
                return
            except (pa.ArrowInvalid, OSError) as error:
                types = self._widened(types, error)

    def _open(self, types):
        import pyarrow as pa
        import pyarrow.csv as csv

        suffix = Path(self.file.path).suffix.lower()
        self._raw = self.file.open()
        stream = pa.CompressedInputStream(self._raw, CODECS[suffix]) if suffix in PACKED else self._raw
        name = Path(self.file.path).with_suffix("") if suffix in PACKED else Path(self.file.path)
        return csv.open_csv(
            stream,
            read_options=csv.ReadOptions(use_threads=False, block_size=CSV_BLOCK),
            parse_options=csv.ParseOptions(delimiter=self._delimiter(name)),
            convert_options=csv.ConvertOptions(
                column_types=types, strings_can_be_null=True, decimal_point=self.file.dialect[1]
            ),
        )

    def _delimiter(self, name):
        """What was told, or else what the extension tells; where commas are decimal signs they delimit nothing."""
        told, decimal = self.file.dialect
        usual = DELIMITERS.get(name.suffix.lower(), ",")
        return told or (";" if usual == decimal else usual)

    def _without_odd(self, batch):
        """A batch with nulls in columns that cannot be read."""
        import pyarrow as pa

        if not self.unreadable:
            return batch
        empty = pa.nulls(batch.num_rows)
        arrays = [empty if name in self.unreadable else batch.column(name) for name in batch.schema.names]
        return pa.RecordBatch.from_arrays(arrays, batch.schema.names)

    def _types(self, schema):
        """The types of the first block."""
        import pyarrow as pa

        try:
            names = schema.names
        except UnicodeDecodeError:
            raise FileFormatError(f"{self.label}: its first line is not UTF-8; convert the file's encoding") from None
        for field in schema:
            if pa.types.is_binary(field.type):
                self._not_utf8(field.name)
        check_unique(names, self.label)
        return {field.name: field.type for field in schema}

    def _not_utf8(self, name):
        self.unreadable[name] = f"{self.label}: column {name!r} is not UTF-8; convert the file's encoding"

    def _widened(self, types, error):
        """Types that also hold the value at which reading stopped; an error where there are none."""
        import pyarrow as pa
        import pyarrow.csv as csv
        import pyarrow.types as t

        if isinstance(error, PermissionError):
            raise FileFormatError(f"{self.label}: no permission to read it") from None
        match = NOT_UTF8.search(str(error))
        if match is not None and types:
            name = list(types)[int(match[1])]
            self._not_utf8(name)
            return {**types, name: pa.binary()}
        match = FAILED.search(str(error))
        if match is None or not types:
            raise FileFormatError(f"{self.label}: cannot be read: {str(error).splitlines()[0]}") from None
        name, value = list(types)[int(match[1])], match[3]
        quoted = '"' + value.replace('"', '""') + '"'
        options = csv.ConvertOptions(quoted_strings_can_be_null=False, decimal_point=self.file.dialect[1])
        kind = csv.read_csv(io.BytesIO(f"x\n{quoted}\n".encode()), convert_options=options).schema.field(0).type
        old = types[name]
        if not (t.is_null(old) or (t.is_integer(old) and t.is_floating(kind))) or kind.equals(old):
            row = f"line {match[2]}" if match[2] else "a later line"
            self.unreadable[name] = (
                f"{self.label}: column {name!r} is {old} in its first rows, but {value!r} stands in {row}; correct the "
                "value, leave it empty if it is missing, or write the file as Parquet with that column as text"
            )
            return {**types, name: pa.binary()}
        return {**types, name: kind}
