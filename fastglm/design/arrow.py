"""Batches of Arrow columns as tables, without a detour: what files are read as, many times over."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.column_names import unknown_column
from .frame_columns import Column, Table, coded, column_of


class ArrowTable(Table):
    """A record batch, or a table of a few, as named columns.

    Parameters
    ----------
    batch : pyarrow.RecordBatch or pyarrow.Table
    text : sequence of str
        The columns that are text although they come as dictionaries: their levels are sorted.
    looked : bool
        Whether to look for numbers that are missing or not finite; otherwise they are found where sums are not finite.
    place : Place, optional
        Where the rows are, for messages.
    """

    library = "pyarrow"
    index = None

    def __init__(self, batch: Any, text: Any = (), looked: bool = True, place: Any = None) -> None:
        self._frame, self._lazy = batch, False
        self._columns, self._coded, self._exact = {}, {}, {}
        self.names, self.place, self.text, self._looked = tuple(batch.schema.names), place, frozenset(text), looked
        self.known = dict.fromkeys(self.names)
        self._rows = batch.num_rows

    def read(self, names: Any) -> None:
        """Read columns."""
        for name in names:
            if name not in self.known:
                raise unknown_column(name, self.names)
            if name not in self._columns:
                self._columns[name] = self._read(name, self._frame.column(name))

    def to_arrow(self, name: str, first: int, stop: int) -> Any:
        """Rows ``first`` to ``stop`` of a column as an Arrow array."""
        array = self._frame.column(name).slice(first, stop - first)
        return array.combine_chunks() if hasattr(array, "combine_chunks") else array

    def _read(self, name, array) -> Column:
        import pyarrow as pa
        import pyarrow.types as t

        kind, plain = array.type, array.null_count == 0
        if (t.is_floating(kind) and not t.is_float16(kind) and not self._looked) or (t.is_integer(kind) and plain):
            values = array.to_numpy(zero_copy_only=False)
            return Column(name, "number", values, missing=None if plain else np.isnan(values))
        if t.is_dictionary(kind) and t.is_string(kind.value_type):
            if isinstance(array, pa.ChunkedArray):
                array = array.unify_dictionaries().combine_chunks()
                array = pa.concat_arrays(array.chunks) if isinstance(array, pa.ChunkedArray) else array
            codes = array.indices if plain else array.indices.fill_null(-1)
            return coded(name, codes.to_numpy(), array.dictionary.to_pylist(), name not in self.text)
        import narwhals as nw

        array = array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array])
        return column_of(name, nw.from_native(array, series_only=True))
