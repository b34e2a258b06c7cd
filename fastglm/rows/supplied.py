"""New rows for a finished fit, from arrays, frames or files, in pieces as the functions of ``inference`` take them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ..core.records import VECTORS
from ..design import as_table, check_aligned
from ..design.arrow import ArrowTable
from ..design.recipe import both, complete, refuse_missing
from ..errors import InvalidParameterError, MissingDataError
from ..files import is_rows
from ..files import open_rows as open_files
from ..matrix.stored_rows import StoredRows
from ..source.ordered import ordered
from ..source.pieces import Place
from .arguments import unknown
from .collections import collection_rows
from .matching import check_X
from .numbers import complete_rows, present
from .reader import texts
from .storages import canonical, is_collection, is_frame

BATCH = 65_536  # rows of a piece
NUMBERS = (int, float, np.number, np.ndarray)


class Piece(NamedTuple):
    """A piece of ``n`` rows; the other fields hold the rows of the mask ``keep``, all rows if it is None.

    ``others`` are columns to return too, (n,) Arrow arrays by name.
    """

    n: int
    X: Any
    y: Any = None
    weights: Any = None
    freq_weights: Any = None
    offset: Any = None
    exposure: Any = None
    keep: Any = None
    others: dict[Any, Any] = {}

    def aligned(self, values: Any) -> np.ndarray:
        """Values of the rows of ``keep`` in their places among all rows; NaN, or None for labels, at the others."""
        if self.keep is None:
            return values
        empty = np.nan if values.dtype.kind == "f" else None
        full = np.full((self.n, *values.shape[1:]), empty, dtype=values.dtype if empty is not None else object)
        full[self.keep] = values
        return full

    @property
    def frequency(self) -> np.ndarray:
        """The frequency of each row."""
        return np.ones(self.X.shape[0]) if self.freq_weights is None else self.freq_weights


class SuppliedRows:
    """New rows in fragments of pieces; ``Schema.open`` makes them.

    Parameters
    ----------
    schema : Schema
    data : arrays, data frame or files
    y : (n,) array_like, name of a column, or None
        None takes the response of the formula, or no response if ``respond`` is False.
    vectors : dict
        weights, freq_weights, offset, exposure: arrays, scalars or names of columns.
    keep : sequence of str
        Names of columns to return too.
    respond : bool
        Whether the response is needed.
    in_memory : str
        The name of a verb that needs rows in memory, for messages; "" for the others.

    Raises
    ------
    InvalidParameterError
    """

    y: Any
    rows: Any
    frame: Any
    X: Any
    n_rows: int
    names: tuple[str, ...]
    vectors: dict[str, Any]
    arrays: dict[str, Any]

    def __init__(
        self,
        schema: Any,
        data: Any,
        y: Any = None,
        vectors: Any = None,
        keep: Any = (),
        respond: Any = True,
        in_memory: Any = "",
    ) -> None:
        self.schema, self.design, self.y, self.respond, self.rows = schema, schema.design, y, respond, None
        self.vectors = {name: v for name, v in (vectors or {}).items() if v is not None}
        self.keep, self.owned = tuple([keep] if isinstance(keep, str) else keep), False
        self.frame, self.X, self.bare, self.n_rows, self.names = None, None, False, 0, ()
        self._find(data, in_memory)
        try:
            self._check(vectors or {})
        except InvalidParameterError:
            self.close()
            raise

    def _find(self, data, in_memory):
        """Tell files, frames, and arrays of numbers in the order of the columns, and open them."""
        data = canonical(self._of_one_column(data))
        if in_memory and (is_collection(data) or is_rows(data)):
            raise InvalidParameterError(f"{in_memory} needs rows in memory: arrays or a data frame")
        if is_collection(data):
            self.rows, roles = collection_rows(data, self.schema, {"y": self.y, **self.vectors})
            self.y, self.vectors, self.owned = roles.pop("y"), roles, True
        elif is_rows(data):
            self.rows = open_files(data)
            self.owned = self.rows is not data
        elif is_frame(data) and not self._is_numbers(data):
            self.frame = as_table(data)
            self.n_rows, self.names = self.frame.n_rows, self.frame.names
        else:
            self.X = check_X(self.schema, data)
            self.n_rows = self.X.shape[0]
        if self.rows is not None:
            self.n_rows, self.names = self.rows.n_rows, self.rows.names

    def _of_one_column(self, data):
        """A scalar as a row of the one column that a design reads."""
        if self.design is None or len(self.design.columns) != 1 or np.ndim(data) or not isinstance(data, NUMBERS):
            return data
        return {self.design.columns[0]: [float(data)]}

    def _is_numbers(self, data):
        """Whether a frame is read as numbers, because no column has a role of its own."""
        named = self.keep or any(isinstance(v, str) for v in (self.y, *self.vectors.values()))
        return self.design is None and hasattr(data, "to_numpy") and not named

    def _check(self, given):
        """Find vectors of the fit by name, and refuse names that are no columns and vectors of another length."""
        if self.X is None:
            self.vectors |= self.schema.found_by_name(given, self.names)
        given = {"y": self.y} | self.vectors if self.y is not None else self.vectors
        for name, v in (*given.items(), *(("keep", name) for name in self.keep)):
            if isinstance(v, str):
                if v not in self.names:
                    raise unknown(name, v, self.names or ("none: the rows are arrays",))
            elif self.rows is not None:
                raise InvalidParameterError(f"{name} must be the name of a column where the data are files")
            elif self.frame is not None:
                check_aligned(self.frame, v, name)
        formula = None if self.design is None else self.design.formula
        if self.respond and self.y is None and (self.X is not None or formula is None or not formula.response):
            raise InvalidParameterError("y is needed: the response of these rows")
        self.named = tuple(v for v in given.values() if isinstance(v, str))
        # a frame of indicators keeps the names of its classes
        arrays = {name: v for name, v in given.items() if not isinstance(v, str)}
        self.arrays = {name: v if hasattr(v, "columns") else np.asarray(v) for name, v in arrays.items()}
        for name, v in self.arrays.items():
            if np.ndim(v) and v.shape[:1] != (self.n_rows,):
                raise InvalidParameterError(f"{name} has shape {v.shape}, the data have {self.n_rows} rows")
        self.of_formula = self.respond and self.y is None

    def without_columns(self) -> SuppliedRows:
        """The rows without the model's columns: response, weights, offset and exposure."""
        if self.design is not None and (self.design.missing, self.design.unseen) != ("error", "error"):
            return self  # its columns say which rows there are
        other = object.__new__(SuppliedRows)
        other.__dict__.update(self.__dict__, owned=False, bare=True)
        other.design = None if self.design is None else self.design.without_terms()
        return other

    def whole(self) -> Piece:
        """All rows as one piece; for rows in memory."""
        if self.X is not None:
            return self._numbers(0, self.n_rows)
        self.frame.read(self._columns())
        return self._piece(self.frame, 0, self.n_rows)

    def close(self) -> None:
        """Remove scratch files."""
        if self.owned:
            self.rows.close()

    @property
    def fragments(self) -> int:
        """The number of fragments, each of one or more pieces."""
        return len(self.rows.fragments) if self.rows is not None else -(-self.n_rows // BATCH)

    def pieces(self, i: int) -> Iterator[Any]:
        """The pieces of a fragment."""
        a, b = i * BATCH, min((i + 1) * BATCH, self.n_rows)
        if self.X is not None:
            yield self._numbers(a, b)
        elif self.frame is not None:
            self.frame.read(self._columns())
            yield self._piece(self.frame, a, b)
        else:
            label, row = self.rows.fragments[i].label, 0
            columns = tuple(dict.fromkeys([*self._columns(), *self.keep]))
            for batch in self.rows.batches(i, columns, BATCH) if columns else _without_columns(self.rows.fragments[i]):
                table = ArrowTable(batch, texts(self.rows), True, Place(0, ((0, label, row),)))
                yield self._piece(table, 0, batch.num_rows)
                row += batch.num_rows

    def _numbers(self, a, b):
        """The piece of rows a to b of numbers in memory."""
        X = np.empty((b - a, 0)) if self.bare else self.X[a:b]
        found = {name: v[a:b] if np.ndim(v) else v for name, v in self.arrays.items()}
        keep = self._present(a, b) if self.schema.missing == "drop" else None
        if keep is None or keep.all():
            return Piece(b - a, X, **found)
        kept = np.flatnonzero(keep)
        return Piece(
            b - a, X[kept], keep=keep, **{name: np.asarray(v)[kept] if np.ndim(v) else v for name, v in found.items()}
        )

    def _present(self, a, b):
        """A mask of the rows without a missing value in X and the arrays beside it; None for all."""
        if self.schema.missing != "drop":
            return None
        values = [v[a:b] for v in self.arrays.values() if np.ndim(v)]
        masks = [m for v in values if (m := present(v)) is not None]
        if self.X is not None and (m := complete_rows(self.X[a:b])) is not None:
            masks.append(m)
        return np.logical_and.reduce(masks) if masks else None

    def _columns(self):
        """The columns that are read as numbers or factors."""
        if self.design is None:
            return (*(() if self.bare else self.schema.columns), *self.named)
        response = [name for e in self.design.formula.response for name in e.columns] if self.of_formula else []
        return tuple(dict.fromkeys([*response, *self.design.columns, *self.named]))

    def _piece(self, table, a, b):
        columns = self.named if self.design is not None else self._columns()
        table.read(columns)
        mask = both(complete(table, columns, a, b), self._present(a, b))
        if mask is not None and self.schema.missing == "error":
            refuse_missing(table, columns, a, b)
        found, keep = {}, mask
        if self.design is None:
            names = () if self.bare else self.schema.columns
            parts = [table.column(name) for name in names]
            X = np.column_stack([np.empty((b - a, 0)), *(c.floats(c.values[a:b]) for c in parts)])
            X = X if mask is None else X[mask]
        else:
            built = self.design.build(table, a, b, response=self.of_formula)
            X, keep = StoredRows(built.X, built.terms, built.coding, built.has_intercept), both(built.keep, mask)
            left = slice(None) if mask is None else mask if built.keep is None else mask[built.keep]
            found = {name: getattr(built, name) for name in ("y", "offset", "exposure")}
            found = {name: v[left] for name, v in found.items() if v is not None}
            X = X if mask is None else X[np.flatnonzero(left)]
        kept = slice(None) if keep is None else keep
        for name in VECTORS if self.y is None else ("y", *VECTORS):
            v = self.y if name == "y" else self.vectors.get(name)
            if v is not None:
                found[name] = _joined(name, found.get(name), self._vector(table, name, v, a, b, kept))
        return Piece(b - a, X, keep=keep, others=self._others(table, a, b), **found)

    def _vector(self, table, name, v, a, b, kept):
        if not isinstance(v, str):
            v = self.arrays[name]
            return np.asarray(v[a:b])[kept] if np.ndim(v) else v
        column = table.column(v)
        values = column.values[a:b][kept]
        if name != "y":
            return column.floats(values)
        return np.array(column.levels, dtype=object)[values] if column.kind == "factor" else values

    def _others(self, table, a, b):
        if not self.keep:
            return {}
        import pyarrow as pa

        found = {}
        for name in self.keep:
            array = table.to_arrow(name, a, b)
            found[name] = array.cast(array.type.value_type) if pa.types.is_dictionary(array.type) else array
        return found


def _without_columns(fragment):
    """The rows of a fragment without columns, as for a model of the intercept alone."""
    import pyarrow as pa

    for first in range(0, fragment.rows, BATCH):
        yield pa.record_batch([pa.nulls(min(BATCH, fragment.rows - first))], names=[""])


def _joined(name, own, more):
    """The offset or exposure of the formula with that of the argument."""
    if own is None or name not in ("offset", "exposure"):
        return more
    return own + more if name == "offset" else own * more


def in_order(given: SuppliedRows, work: Any, threads: int) -> Any:
    """``work`` of every piece, in the order of the rows."""
    if given.fragments == 1 and given.rows is None:
        return map(work, given.pieces(0))
    return ordered(given.fragments, given.pieces, work, threads)


def check_numbers(name: Any, values: Any) -> None:
    """Refuse weights that are not finite or negative."""
    if not np.isfinite(values).all():
        raise MissingDataError(f"{name} is not finite")
    if np.any(np.asarray(values) < 0):
        raise InvalidParameterError(f"{name} must not be negative")
