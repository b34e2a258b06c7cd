"""One look at the rows of a fit: how many there are of what, and a first piece of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..design import Design, as_table
from ..errors import InvalidParameterError
from ..family.multinomial import Multinomial
from ..files import is_rows, open_rows
from ..fitting.stored import MEMORY, reader_for
from ..rows import arrays
from ..rows.arguments import with_shifts
from ..source.base import Block
from ..source.chunked import Chunked, Chunks

LOOK = 65_536  # rows looked at for cells and rare events


class Seen(NamedTuple):
    """What one look tells of the rows: a first ``piece`` of them, and how many there are of what; ``again`` says
    whether files are read at every pass, ``held`` what the caller's own data take, in bytes."""

    piece: Block
    rows: int
    classes: int
    files: int = 0
    fragments: int = 0
    file_bytes: int = 0
    row_bytes: int = 0
    width: int = 0
    again: bool = False
    cost: float = 0.0
    held: int = 0

    def sample_limit(self, source) -> float:
        """As ``Chunked.sample_limit``."""
        return Chunked.sample_limit.fget(source) if self.again else np.inf


def look(formula, data, family, given: dict, clusters: tuple, missing: str, threads: int, memory: int | None) -> Seen:
    """Look at files, a frame, or an array.

    Parameters
    ----------
    given : dict
        The weights, freq_weights, offset and exposure of ``glm`` or ``fit``, or None.
    clusters : tuple
        Those of the covariance, names of columns where the data are files.

    Raises
    ------
    InvalidParameterError, MissingDataError
    """
    if not is_rows(data):
        return (_of_frame if isinstance(formula, str) else _of_arrays)(formula, data, family, given, missing)
    rows = open_rows(data)
    try:
        return _of_files(rows, formula, family, given, clusters, missing, threads, MEMORY if memory is None else memory)
    finally:
        if rows is not data:
            rows.close()


def _of_files(rows, formula, family, given, clusters, missing, threads, memory) -> Seen:
    reader = reader_for(rows, formula, family, given, missing, "error", threads, clusters)
    blocks = Chunked(Chunks(reader), 1).blocks()
    piece = next(blocks)
    blocks.close()
    again = reader.nbytes() > memory
    known = reader.response.known or ()
    files = {fragment.place for fragment in rows.fragments}
    return Seen(
        piece, reader.n_rows, len(known), len(files), len(rows.fragments), rows.nbytes(reader.columns),
        reader.nbytes(), len(reader.columns), again, reader.cost if again else 0.0,
    )  # fmt: skip


def _of_frame(formula, data, family, given, missing) -> Seen:
    table = as_table(data)
    formula, given = with_shifts(formula, table.names, given)
    design = Design.from_formula(formula, table, missing=missing)
    built = design.build(table, 0, LOOK)
    if built.y is None:
        raise InvalidParameterError(f"formula={formula!r} has no response; write it as 'y ~ ...'")
    n = len(built.y)
    vectors = [np.ones(n) if given.get(name) is not None else None for name in ("weights", "freq_weights")]
    y, weights, classes = built.y, vectors[0], ()
    if isinstance(family, Multinomial):
        classes = np.unique(design.without_terms().build(table).y)
        y = np.zeros(n)
    else:
        y, weights, _ = arrays.response(built.y, n, family, weights)
    piece = Block(
        built.X, built.has_intercept, y, weights, vectors[1], built.offset, built.exposure, built.names, built.terms,
        built.coding,
    )  # fmt: skip
    rows, each = design.n_rows - design.n_dropped, sum(_sizes(piece)) / n
    # the frame itself has about as much of the columns that are read
    return Seen(piece, rows, len(classes), row_bytes=int(rows * each), held=int(rows * each))


def _of_arrays(y, X, family, given, missing) -> Seen:
    data, classes = arrays.assemble(X, y, family, intercept=True, names=None, **given)
    n = len(data.y)
    piece = data._replace(
        X=data.X[:LOOK], terms=tuple(t.rows(slice(0, LOOK)) for t in data.terms),
        **{name: None if v is None else v[:LOOK] for name, v in zip(Block._fields[2:7], data[2:7], strict=True)},
    )  # fmt: skip
    count = len(classes.classes) if isinstance(family, Multinomial) else 0
    return Seen(piece, n, count, row_bytes=sum(_sizes(data)), held=sum(_sizes(data)))


def _sizes(data):
    vectors = [v.nbytes for v in (data.X, *data[2:7]) if v is not None]
    return vectors + [4 * len(data.y) * (1 + (getattr(t, "values", None) is not None)) for t in data.terms]
