"""Record batches of Arrow's file format: files of the user, and scratch files with text as codes."""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Iterator
from typing import Any

from ..core.measured import ARROW_MAPPED_BYTES
from .schema import canonical_schema


class ArrowFile:
    """The record batches of one file.

    Attributes
    ----------
    schema : pyarrow.Schema
        In canonical types.
    rows : tuple of int
        Of each record batch.
    """

    unit = "record batch"

    def __init__(self, file: Any) -> None:
        import pyarrow as pa

        self.file = file
        with file.open() if file.system else pa.memory_map(file.path) as handle, pa.ipc.open_file(handle) as reader:
            self._stored = reader.schema.names
            self.schema = canonical_schema(reader.schema, file.place)
            widths = [width_of(field.type) for field in reader.schema]
            # of a record batch that is not mapped, the narrowest column is read to learn the number of rows
            options = pa.ipc.IpcReadOptions(included_fields=[widths.index(min(widths))] if widths else [])
            handle.seek(0)
            narrow = pa.ipc.open_file(handle, options=options)
            self.rows = tuple(narrow.get_batch(i).num_rows for i in range(narrow.num_record_batches))
        self._widths = dict(zip(self._stored, widths, strict=True))

    def batches(self, part: Any, names: Any, rows: Any, skip: Any) -> Iterator[Any]:
        """Record batches of at most ``rows`` rows with the columns ``names``, in any order and of any layout."""
        import pyarrow as pa

        share = self.file.size * self.rows[part] // max(1, sum(self.rows))
        if self.file.system is None and share > ARROW_MAPPED_BYTES:
            yield from self._mapped(part, names, rows, skip)
            return
        with self.file.open() as handle:
            batch = pa.ipc.open_file(handle, options=self._options(names)).get_batch(part)
        for start in range(skip, batch.num_rows, rows):
            yield batch.slice(start, rows)

    def _mapped(self, part, names, rows, skip):
        """Batches through a memory map of the file, whose pages are released after reading."""
        import pyarrow as pa

        with open(self.file.path, "rb") as handle:
            pages = mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ)
        # all columns, for with included_fields Arrow copies what it would else point at
        batch = pa.ipc.open_file(pa.BufferReader(pa.py_buffer(pages))).get_batch(part).select(names)
        for start in range(skip, batch.num_rows, rows):
            yield batch.slice(start, rows)
            if hasattr(pages, "madvise"):
                pages.madvise(mmap.MADV_DONTNEED)

    def _options(self, names):
        import pyarrow as pa

        places = [self._stored.index(name) for name in names]
        return pa.ipc.IpcReadOptions(included_fields=places, use_threads=False)

    def null_count(self, part: Any, name: Any) -> Any:
        """None: the file does not say."""
        return None

    def bounds(self, part: Any, name: Any) -> Any:
        """None: the file does not say."""
        return None

    def nbytes(self, names: Any) -> Any:
        """The bytes that columns take in the file, estimated by their types."""
        total = sum(self._widths.values())
        return self.file.size * sum(self._widths.get(name, 0) for name in names) // max(1, total)


class ScratchFile(ArrowFile):
    """Rows spooled by this process, with text stored as codes and restored when it is read.

    Parameters
    ----------
    file : File
    schema : pyarrow.Schema
        In canonical types.
    rows : tuple of int
    nulls : list of dict
        The number of missing values by column, for each record batch.
    levels : Levels
    coded : dict of str
        Columns stored as codes -> the key of their levels.
    """

    def __init__(self, file: Any, schema: Any, rows: Any, nulls: Any, levels: Any, coded: Any) -> None:
        self.file, self.schema, self.rows = file, schema, rows
        self._nulls, self._levels, self._coded = nulls, levels, coded
        self._stored = schema.names
        self._widths = {field.name: 32 if field.name in coded else width_of(field.type) for field in schema}

    def batches(self, part: Any, names: Any, rows: Any, skip: Any) -> Iterator[Any]:
        """Record batches of at most ``rows`` rows with the columns ``names``."""
        import pyarrow as pa

        for batch in super().batches(part, names, rows, skip):
            arrays = []
            for name, array in zip(batch.schema.names, batch.columns, strict=True):
                if name in self._coded:
                    levels, kind = self._levels.array(self._coded[name]), self.schema.field(name).type
                    ordered = pa.types.is_dictionary(kind) and kind.ordered
                    array = pa.DictionaryArray.from_arrays(array, levels, ordered=ordered, safe=False)
                arrays.append(array)
            yield pa.RecordBatch.from_arrays(arrays, batch.schema.names)

    def null_count(self, part: Any, name: Any) -> Any:
        """The number of missing values of a column."""
        return self._nulls[part][name]

    def digest(self) -> str:
        """A digest of all values: of the file, and of the levels of its codes."""
        hasher = hashlib.blake2b(digest_size=16)
        with open(self.file.path, "rb") as handle:
            while block := handle.read(1 << 20):
                hasher.update(block)
        for key in sorted(set(self._coded.values())):
            hasher.update(repr(self._levels.array(key).to_pylist()).encode())
        return hasher.hexdigest()


def width_of(kind: Any) -> int:
    """The bits of a value; text counts as its codes, or as 16 bytes."""
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        return kind.index_type.bit_width
    try:
        return max(1, kind.bit_width)
    except ValueError:
        return 128
