"""A reader of files for a fit: columns by a design, vectors by their names, labels as numbers."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ..core.measured import BATCH_BYTES, CHEAP_NUMBERS, DECODE_NS, PASS_COLUMN_NS, PASS_SQUARE_NS
from ..core.records import VECTORS
from ..design.arrow import ArrowTable
from ..design.profile import Fragments, Profile
from ..design.recipe import complete, refuse_missing
from ..design.record import to_dict
from ..design.variables import Rows as TableRows
from ..source.base import Block
from ..source.pieces import Place
from ..source.threads import Threads
from .arguments import shifted
from .response import StoredResponse, counts


class FrameReader:
    """A ``Reader`` of the columns of files.

    Parameters
    ----------
    rows : files.Rows
    found : Profile
    response : StoredResponse
    vectors : mapping of str to str
        The column of each vector, such as "weights".
    others : sequence of str
        More columns in which complete rows have no missing value.
    """

    def __init__(self, rows, profile: Profile, response: StoredResponse, vectors=None, more_columns=()):
        self.rows, self.design, self.response, self.vectors = rows, profile.design, response, dict(vectors or {})
        self.text, self.notes = texts(rows), profile.notes
        self._bare = self.design.without_terms()
        self.kept, self.starts = profile.kept, np.cumsum([0, *profile.kept])
        self.n_rows = int(self.starts[-1])
        self.columns, self.vector_columns = (self._reads(design) for design in (self.design, self._bare))
        self._needed = tuple(dict.fromkeys([*self.columns, *more_columns]))
        self.shape = self._data(ArrowTable(rows.schema.empty_table().select(list(self.columns)), self.text), False)
        width = len(self.columns)
        per_number = PASS_COLUMN_NS + PASS_SQUARE_NS * width
        self.cost = DECODE_NS / per_number if self.n_rows * width > CHEAP_NUMBERS else 0.0

    def _reads(self, design):
        formula = design.formula
        response = [name for expression in formula.response for name in expression.columns]
        return tuple(dict.fromkeys([*response, *design.columns, *self.vectors.values()]))

    def nbytes(self) -> int:
        """The size of all rows as numbers in memory, in bytes."""
        return self.n_rows * (8 * (self.shape.X.shape[1] + len(self.vectors) + 2) + 4 * len(self.shape.terms))

    def fingerprint(self) -> dict[Any, Any]:
        """The fingerprint of the files, with the design and the vectors."""
        return {"rows": self.rows.fingerprint(), "design": to_dict(self.design), "vectors": self.vectors}

    def labels(self, first: int, stop: int) -> list[Any]:
        """The names of the fragments that hold rows ``first`` to ``stop``, for messages."""
        return [self.rows.fragments[number].label for number in self._between(first, stop)]

    def place(self) -> Place:
        """The places of all rows, for messages."""
        stretches, uncounted = [], ", rows with missing values not counted"
        for number, (start, n_complete) in enumerate(zip(self.starts.tolist(), self.kept.tolist(), strict=False)):
            fragment = self.rows.fragments[number]
            if n_complete:
                stretches.append((start, fragment.label + (uncounted if n_complete < fragment.rows else ""), 0))
        return Place(0, tuple(stretches))

    def held(self, first: int, stop: int) -> dict[Any, Any] | None:
        """Futures of the fragments that hold rows ``first`` to ``stop``, where a cluster has them."""
        futures = getattr(self.rows, "futures", None)
        return None if futures is None else {number: futures[number] for number in self._between(first, stop)}

    def _between(self, first, stop):
        first_fragment = int(np.searchsorted(self.starts, first, side="right")) - 1
        return range(first_fragment, int(np.searchsorted(self.starts, stop)))

    def pieces(self, first: int, sizes: list[Any], vectors_only: bool):
        """As ``Reader.pieces``."""
        import pyarrow as pa

        stream = self._batches(first, self.vector_columns if vectors_only else self.columns)
        batch, label, row = None, "", 0
        for size in sizes:
            batches, stretches, n = [], [], 0
            while n < size:
                if batch is None or not batch.num_rows:
                    batch, label, row = next(stream)
                    continue
                part = batch.slice(0, size - n)
                stretches.append((n, label, row))
                batches.append(part)
                n, row, batch = n + part.num_rows, row + part.num_rows, batch.slice(part.num_rows)
            place = Place(first, tuple(stretches))
            table = batches[0] if len(batches) == 1 else pa.Table.from_batches(batches)
            arrow = ArrowTable(table, self.text, False, place)
            if self.design.missing == "error":
                gaps = [name for name in table.schema.names if table.column(name).null_count]
                arrow.read(gaps)
                refuse_missing(arrow, gaps, 0, arrow.n_rows)
            yield self._data(arrow, vectors_only), place
            first += size

    def _batches(self, first, columns):
        """(batch of complete rows, name of its origin, its first row in the origin) from row ``first`` on."""
        i = int(np.searchsorted(self.starts, first, side="right")) - 1
        skip = first - int(self.starts[i])
        for number in range(i, len(self.kept)):
            fragment = self.rows.fragments[number]
            if self.kept[number] == fragment.rows:
                row = skip
                for batch in self.rows.batches(number, columns, batch_rows(len(columns)), skip):
                    yield batch, fragment.label, row
                    row += batch.num_rows
            elif self.kept[number]:
                yield from self._complete(number, columns, skip)
            skip = 0

    def _complete(self, number, columns, skip):
        label, row = f"{self.rows.fragments[number].label}, rows with missing values not counted", 0
        for batch in self.rows.batches(number, self._needed, batch_rows(len(self._needed))):
            table = ArrowTable(batch, self.text)
            table.read(self._needed)
            keep = complete(table, self._needed, 0, table.n_rows)
            batch = (batch if keep is None else batch.filter(keep)).select(list(columns))
            skipped = min(skip, batch.num_rows)
            skip, row = skip - skipped, row + skipped
            yield batch.slice(skipped), label, row
            row += batch.num_rows - skipped

    def _data(self, table, vectors_only) -> Block:
        design = self._bare if vectors_only else self.design
        built = design.build(table, response=self.response.kind != "label")
        vectors = {name: table.column(column) for name, column in self.vectors.items()}
        vectors = {name: column.floats(column.values) for name, column in vectors.items()}
        vectors = shifted(built, vectors)
        y, weights = built.y, vectors.get("weights")
        if self.response.kind == "label":
            y = self._codes(table)
        elif self.response.kind == "counts":
            y, weights = counts(y, len(y), weights)
        return Block(
            built.X, built.has_intercept, y, weights, *(vectors.get(name) for name in VECTORS[1:]),
            built.names, built.terms, built.coding,
        )  # fmt: skip

    def _codes(self, table):
        """The response as numbers of its labels."""
        rows = TableRows(table, 0, table.n_rows, None, self.design.kinds)
        variable, response = rows.compute(self.design.formula.response[0], self.design.state), self.response
        if hasattr(variable, "levels"):
            numbers = dict(zip(response.known, response.codes.tolist(), strict=True))
            lookup = np.array([numbers.get(level, 0) for level in variable.levels] or [0], response.codes.dtype)
            return lookup[variable.codes]
        return response.codes[np.searchsorted(np.array(response.known), np.asarray(variable))]


def batch_rows(columns: int) -> int:
    """The number of rows of so many columns that are read at a time."""
    return max(1024, BATCH_BYTES // (8 * max(columns, 1)))


def texts(rows) -> tuple[Any, ...]:
    """The names of text columns, whose levels are sorted."""
    import pyarrow as pa

    return tuple(field.name for field in rows.schema if pa.types.is_string(field.type))


def fragments_of(rows, threads: int, looked: bool, engine=None) -> Fragments:
    """Rows of files as a profile reads them, the fragments distributed by an engine."""
    mapped = partial((engine or Threads(threads)).map, held=getattr(rows, "futures", None))
    sizes = np.array([fragment.rows for fragment in rows.fragments], dtype=np.int64)
    return Fragments(rows.names, sizes, partial(_tables, rows, texts(rows), looked), rows.null_count, mapped)


def _tables(rows, text, looked, i, columns):
    """The tables of a fragment, one after the other; not a closure, so that it can be pickled."""
    row = 0
    for batch in rows.batches(i, columns, batch_rows(len(columns))):
        yield ArrowTable(batch, text, looked, Place(0, ((0, rows.fragments[i].label, row),)))
        row += batch.num_rows
