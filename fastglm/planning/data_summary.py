"""A summary of the rows of a fit for its forecast: sizes and counts, and a first piece of rows."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ..core.measured import KEPT_BYTES, SUMMARY_ROWS
from ..engines import engine_of
from ..files import is_rows
from ..files import open_rows as open_files
from ..rows.collections import stored_collection
from ..rows.open import open_rows
from ..rows.response import label_values
from ..rows.storages import canonical, is_collection
from ..rows.stored import reader_of
from ..source.base import Block
from ..source.chunked import Chunked, Chunks
from ..source.pieces import selected_rows


class DataSummary(NamedTuple):
    """Sizes and counts of the rows, and a first ``piece`` of them.

    ``width`` counts the columns that are read, ``row_bytes`` is all rows as numbers, ``reread`` says whether
    files are read at every pass, and ``caller_bytes`` is the size of data that the caller has in memory.
    """

    piece: Block
    rows: int
    classes: int
    files: int = 0
    fragments: int = 0
    file_bytes: int = 0
    row_bytes: int = 0
    width: int = 0
    reread: bool = False
    cost: float = 0.0
    caller_bytes: int = 0

    def sample_limit(self, source) -> float:
        """The largest sensible sample, as of ``Chunked``."""
        return Chunked.sample_limit.fget(source) if self.reread else np.inf


def summarise(request) -> DataSummary:
    """Summarise the rows of a request.

    Raises
    ------
    InvalidParameterError, MissingDataError
    """
    data = canonical(request.data)
    if is_collection(data):
        return _of_files(*stored_collection(request, data))
    if not is_rows(data):
        return _of_memory(replace(request, client=None, checkpoint=None))
    rows = open_files(data)
    try:
        return _of_files(request, rows)
    finally:
        if rows is not data:
            rows.close()


def _of_files(request, rows) -> DataSummary:
    reader, _ = reader_of(request, rows, engine_of(None, request.threads))
    blocks = Chunked(Chunks(reader), 1).blocks()
    piece = next(blocks)
    blocks.close()
    reread = reader.nbytes() > (KEPT_BYTES if request.memory is None else request.memory)
    known = reader.response.known or ()
    files = {fragment.place for fragment in rows.fragments}
    return DataSummary(
        piece, reader.n_rows, len(known), len(files), len(rows.fragments), rows.nbytes(reader.columns),
        reader.nbytes(), len(reader.columns), reread, reader.cost if reread else 0.0,
    )  # fmt: skip


def _of_memory(request) -> DataSummary:
    _, source = open_rows(request)
    data, size = source.data, sum(_sizes(source.data))
    # a frame takes about as much for the columns that are read
    return DataSummary(
        selected_rows(data, slice(0, SUMMARY_ROWS)),
        source.n_rows,
        len(label_values(source.labels) or ()),
        row_bytes=size,
        caller_bytes=size,
    )


def _sizes(data):
    vectors = [vector.nbytes for vector in (data.X, *data[2:7]) if vector is not None]
    return vectors + [4 * len(data.y) * (1 + (getattr(term, "values", None) is not None)) for term in data.terms]
