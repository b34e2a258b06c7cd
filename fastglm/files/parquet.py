"""Row groups of Parquet files, read in bounded memory, and their footers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..core.measured import AT_ONCE_BYTES, COALESCED_BYTES, FOOTER_BYTES, LOCAL_BUFFER, PAGES_BYTES, REMOTE_BUFFER
from .ipc import width_of
from .schema import canonical_schema, is_text
from .transposed import Transposed, is_wide


class Footers:
    """A cache of parsed footers; a pickled copy starts empty."""

    def __init__(self):
        self._parsed = {}

    def __reduce__(self) -> Any:
        return Footers, ()

    def get(self, file: Any) -> Any:
        """The metadata of a file."""
        metadata = self._parsed.pop(file.place, None) or self._read(file)
        self._parsed[file.place] = metadata
        return metadata

    def _read(self, file):
        import pyarrow.parquet as pq

        with file.open() as handle:
            metadata = pq.read_metadata(handle)
        total = metadata.serialized_size + sum(footer.serialized_size for footer in list(self._parsed.values()))
        for place in list(self._parsed):
            if total <= FOOTER_BYTES:
                break
            old = self._parsed.pop(place, None)
            total -= old.serialized_size if old else 0
        return metadata


class ParquetFile:
    """The row groups of one file.

    Attributes
    ----------
    schema : pyarrow.Schema
        In canonical types.
    rows : tuple of int
        Of each row group.
    """

    unit = "row group"

    def __init__(self, file: Any, footers: Any) -> None:
        self.file, self._footers = file, footers
        metadata = footers.get(file)
        self.schema = canonical_schema(metadata.schema.to_arrow_schema(), file.place)
        self.rows = tuple(metadata.row_group(i).num_rows for i in range(metadata.num_row_groups))

    def batches(self, part: Any, names: Any, rows: Any, skip: Any) -> Iterator[Any]:
        """Record batches of at most ``rows`` rows with the columns ``names``, in any order and of any layout."""
        import pyarrow.parquet as pq

        metadata = self._footers.get(self.file)
        is_local = self.file.system is None
        at_once = not is_local and self.nbytes(names, (part,)) <= COALESCED_BYTES
        with (
            self.file.open() as handle,
            pq.ParquetFile(
                handle,
                metadata=metadata,
                read_dictionary=[name for name in names if self._text(name)],
                pre_buffer=at_once,
                buffer_size=0
                if at_once
                else (LOCAL_BUFFER if len(names) <= 32 else LOCAL_BUFFER // 4)
                if is_local
                else REMOTE_BUFFER,
                page_checksum_verification=True,
            ) as opened,
        ):
            # pyarrow reads "a.b" beside "a", as if it were a field of it: the caller selects its columns
            if is_local and 8 * self.rows[part] * len(names) <= AT_ONCE_BYTES:
                # a quarter faster than batch by batch
                found = opened.read_row_group(part, columns=names, use_threads=False).to_batches(rows)
            elif is_wide(len(names), PAGES_BYTES) and all(name in self.schema.names for name in names):
                with Transposed(opened, part, list(names), self.rows[part], rows) as columns:
                    yield from columns.batches(skip)
                return
            else:
                found = opened.iter_batches(rows, row_groups=[part], columns=names, use_threads=False)
            for batch in found:
                if skip >= batch.num_rows:
                    skip -= batch.num_rows
                else:
                    yield batch.slice(skip)
                    skip = 0

    def _text(self, name):
        import pyarrow as pa

        kind = self.schema.field(name).type
        return is_text(kind.value_type if pa.types.is_dictionary(kind) else kind)

    # sizes and statistics of columns are not read from footers: in damaged ones pyarrow ends the process

    def null_count(self, part: Any, name: Any) -> Any:
        """None: known once the values are read."""
        return None

    def bounds(self, part: Any, name: Any) -> Any:
        """None: known once the values are read."""
        return None

    def nbytes(self, names: Any, parts: Any = None) -> Any:
        """The bytes that columns take in the file, judged by their types."""
        widths = {field.name: width_of(field.type) for field in self.schema}
        rows = sum(self.rows if parts is None else (self.rows[i] for i in parts))
        share = sum(widths.get(name, 0) for name in names) / max(1, sum(widths.values()))
        return int(self.file.size * share * rows / max(1, sum(self.rows)))
