"""Wide row groups in bounded memory: decoded a few columns at a time into a temporary file, then read by rows.

A Parquet file keeps a page or more of every column in memory while all columns are read together, which is gigabytes
for a thousand columns.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..core.measured import COLUMN_PAGE_BYTES, COLUMNS_AT_A_TIME
from ..errors import FileFormatError


def is_wide(columns: int, limit: int) -> bool:
    """Whether the pages of so many columns, read together, take more than ``limit`` bytes."""
    return columns * COLUMN_PAGE_BYTES > limit


class Transposed:
    """The columns of a row group, for a ``with`` statement.

    Parameters
    ----------
    opened : pyarrow.parquet.ParquetFile
    part : int
        The row group.
    names : list of str
    n_rows : int
    rows : int
        The number of rows that are decoded at a time.

    Raises
    ------
    FileFormatError
        If the folder for temporary files is full.
    """

    def __init__(self, opened: Any, part: int, names: list[Any], n_rows: int, rows: int) -> None:
        self.opened, self.part, self.names, self.n_rows, self.rows = opened, part, names, n_rows, rows

    def __enter__(self) -> Any:
        self.file, self.end, self.places, self.whole = tempfile.TemporaryFile(), 0, {}, {}
        try:
            for first in range(0, len(self.names), COLUMNS_AT_A_TIME):
                self._decode(self.names[first : first + COLUMNS_AT_A_TIME])
        except OSError as error:
            self.file.close()
            raise FileFormatError(
                f"{tempfile.gettempdir()}: no room to decode a row group of {len(self.names)} columns and "
                f"{self.n_rows} rows ({error.strerror or error}); set TMPDIR to another folder, or write the file in "
                "smaller row groups"
            ) from None
        except BaseException:
            self.file.close()
            raise
        return self

    def __exit__(self, *exc: Any) -> None:
        self.file.close()

    def _decode(self, names):
        import pyarrow as pa

        batches = self.opened.iter_batches(self.rows, row_groups=[self.part], columns=names, use_threads=False)
        arrays_of, row = {name: [] for name in names}, 0
        for batch in batches:
            for name in names:
                array = batch.column(name)
                if _plain(array.type) and not array.null_count and not arrays_of[name]:
                    self._write(name, array.to_numpy(), row)
                else:
                    arrays_of[name].append((row, array))
            row += batch.num_rows
        for name, arrays in arrays_of.items():
            if arrays:  # text, and numbers of which some are missing
                before = [self._arrow(name, 0, arrays[0][0])] if arrays[0][0] else []
                self.whole[name] = pa.chunked_array([*before, *(array for _, array in arrays)])

    def _write(self, name, values, row):
        if name not in self.places:
            self.places[name] = self.end, values.dtype
            self.end += self.n_rows * values.itemsize
        os.pwrite(self.file.fileno(), np.ascontiguousarray(values), self.places[name][0] + row * values.itemsize)

    def _arrow(self, name, first, n):
        import pyarrow as pa

        place, dtype = self.places[name]
        values = os.pread(self.file.fileno(), n * dtype.itemsize, place + first * dtype.itemsize)
        return pa.array(np.frombuffer(values, dtype))

    def batches(self, skip: int) -> Iterator[Any]:
        """Record batches of the rows from ``skip`` on."""
        import pyarrow as pa

        for first in range(skip, self.n_rows, self.rows):
            n, arrays = min(self.rows, self.n_rows - first), []
            for name in self.names:
                if name in self.whole:
                    part = self.whole[name].slice(first, n)
                    arrays.append(part.unify_dictionaries().combine_chunks() if part.num_chunks > 1 else part.chunk(0))
                else:
                    arrays.append(self._arrow(name, first, n))
            arrays = [a.chunk(0) if isinstance(a, pa.ChunkedArray) else a for a in arrays]
            yield pa.RecordBatch.from_arrays(arrays, self.names)


def _plain(kind) -> bool:
    """Whether an Arrow type is a number type of numpy."""
    import pyarrow.types as t

    return t.is_integer(kind) or (t.is_floating(kind) and not t.is_float16(kind))
