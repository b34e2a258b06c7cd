"""The files that ``predict`` and ``simulate`` write: Parquet, Arrow, CSV and lines of JSON, text also compressed."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import InvalidParameterError
from .output import plain

PACKED = {".gz": "gzip", ".zst": "zstd"}
TEXT = (".csv", ".ndjson", ".jsonl")
SUFFIXES = (".parquet", ".arrow", *TEXT, *(text + packed for text in TEXT for packed in PACKED))
KINDS = ".parquet, .arrow, .csv or .ndjson, the last two also compressed (.gz, .zst)"


def suffix_of(option: str, path) -> str:
    """The extension of a path, which tells the format; InvalidParameterError for one that is none."""
    name = Path(path).name
    found = max((suffix for suffix in SUFFIXES if name.endswith(suffix)), key=len, default=None)
    if found is None or name == found:
        raise InvalidParameterError(f"{option} {path}: rows are written as {KINDS}")
    return found


def stem_of(path: Path, suffix: str) -> str:
    """The name of a file without its extension, of whatever length."""
    return path.name.removesuffix(suffix)


class Kept:
    """A binary file that stays open when Arrow has written to it, as standard output must."""

    closed = False

    def __init__(self, file: Any):
        self.write, self.flush = file.write, file.flush

    def writable(self) -> bool:
        """Whether it can be written to, as it can."""
        return True

    def close(self) -> None:
        """Leave it open."""


@contextmanager
def writer(path, schema, suffix: str):
    """A function that writes Arrow tables of a schema, one after the other, to a path or to a file that is ``Kept``."""
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    if suffix == ".parquet":
        with pa.parquet.ParquetWriter(path, schema) as file:
            yield file.write_table
        return
    binary = isinstance(path, Kept)
    if suffix in (".arrow", ".arrows"):
        kind = pa.ipc.new_stream if binary or suffix == ".arrows" else pa.ipc.new_file
        with kind(path if binary else str(path), schema) as file:
            yield file.write_table
        return
    packed = PACKED.get(Path(suffix).suffix)
    with pa.PythonFile(path, "w") if binary else pa.OSFile(str(path), "wb") as raw:
        with pa.CompressedOutputStream(raw, packed) if packed else raw as text:
            if suffix.startswith(".csv"):
                with pa.csv.CSVWriter(text, schema) as file:
                    yield file.write_table
            else:
                yield lambda table: _write_lines(text, table)


def _write_lines(file: Any, table: Any) -> None:
    """Write the rows of a table as lines of JSON."""
    for batch in table.to_batches(max_chunksize=8192):
        lines = (json.dumps(plain(row), allow_nan=False, ensure_ascii=False) for row in batch.to_pylist())
        file.write(("\n".join(lines) + "\n").encode() if batch.num_rows else b"")


def copy(parquet, out, suffix: str) -> None:
    """Copy a Parquet file to another format, piece by piece."""
    import pyarrow as pa
    import pyarrow.parquet

    with pa.parquet.ParquetFile(parquet) as file, writer(out, file.schema_arrow, suffix) as write:
        for batch in file.iter_batches():
            write(pa.Table.from_batches([batch]))
