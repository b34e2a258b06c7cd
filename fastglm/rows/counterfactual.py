"""Rows for a finished fit as they are, with columns changed, and their derivatives in a column: pieces of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..design.changed import ChangedTable
from ..design.derivative import derivative, plain_coefficient
from ..errors import InvalidParameterError
from ..matrix.stored_rows import StoredRows
from .matching import check_offset
from .supplied import Piece, SuppliedRows


class CounterfactualRows(SuppliedRows):
    """New rows whose columns can be changed; see ``SuppliedRows``.

    Parameters
    ----------
    result : GLMResult
    data : arrays, data frame or files
    vectors : dict
        freq_weights, offset, exposure.
    beside : mapping of str to name of a column, or (n,) array
        What each row has beside the model: weights of averages, and the columns that groups are of.
    """

    def __init__(self, result, data, vectors: Mapping[str, Any], beside: Mapping[str, Any] | None = None):
        self.result, beside, self._begun = result, dict(beside or {}), None
        schema = result.schema
        self.beside = {key: v if isinstance(v, str) else np.asarray(v) for key, v in beside.items()}
        named = [v for v in self.beside.values() if isinstance(v, str)]
        arrays = schema.design is None and not named_columns(data)
        unknown = [name for name in named if arrays and name not in schema.columns]
        if unknown:
            raise InvalidParameterError(f"{unknown[0]!r} is no column; the rows are arrays: give an array in its place")
        super().__init__(schema, data, None, vectors, () if arrays else tuple(dict.fromkeys(named)), False)
        for key, v in self.beside.items():
            if not isinstance(v, str) and self.rows is not None:
                self.close()
                raise InvalidParameterError(f"{key}: rows of files have the names of columns, not arrays")
            if not isinstance(v, str) and v.shape != (self.n_rows,):
                raise InvalidParameterError(f"{key} has shape {v.shape}, the data have {self.n_rows} rows")

    def peek(self):
        """The first piece, None where there are no rows; the next pass has it and does not read it again."""
        if self._begun is None and self.fragments:
            pieces = super().pieces(0)
            self._begun = next(pieces, None), pieces
        return None if self._begun is None else self._begun[0]

    def pieces(self, i: int):
        """The pieces of a fragment."""
        if i or self._begun is None:
            yield from super().pieces(i)
            return
        (first, others), self._begun = self._begun, None
        if first is not None:
            yield first
        yield from others

    def _is_numbers(self, data):
        return self.schema.design is None and hasattr(data, "to_numpy") and not self.keep and not any(
            isinstance(v, str) for v in self.vectors.values()
        )  # fmt: skip

    def _numbers(self, a, b):
        return Counterfactual(self, super()._numbers(a, b), None, a, b)

    def _piece(self, table, a, b):
        return Counterfactual(self, super()._piece(table, a, b), table, a, b)


def named_columns(data) -> bool:
    """Whether data have columns with names, or are files that have them."""
    return not (isinstance(data, np.ndarray) or hasattr(data, "tocsr") or isinstance(data, (list, tuple))) or (
        isinstance(data, list) and bool(data) and isinstance(data[0], str)
    )


class Counterfactual:
    """A piece of rows, from which changed ones are made.

    Parameters
    ----------
    owner : CounterfactualRows
    piece : Piece
    table : Table or None
        That the piece is rows ``first`` to ``stop`` of, None for arrays.
    first, stop : int
    """

    def __init__(self, owner: CounterfactualRows, piece: Piece, table, first: int, stop: int):
        self.owner, self.piece, self.table, self.first, self.stop = owner, piece, table, first, stop
        self.n = piece.X.shape[0]
        self.design, self.names = owner.design, owner.schema.columns

    @property
    def frequency(self) -> np.ndarray:
        """The frequency of each row (n,)."""
        return np.broadcast_to(np.asarray(self.piece.frequency, np.float64), (self.n,))

    def beside(self, key: str) -> np.ndarray:
        """The values (n,) of a vector beside the model."""
        given, keep = self.owner.beside[key], self.piece.keep
        if not isinstance(given, str):
            part = given[self.first : self.stop]
            return part if keep is None else part[keep]
        if self.table is None:
            return self.values(given)
        values = np.asarray(self.piece.others[given].to_numpy(zero_copy_only=False))
        return values if keep is None else values[keep]

    def _shift(self, offset, exposure):
        """The offset and log exposure (n,) of the linear predictor."""
        if self.owner.result.family.response_model == "softmax":
            return np.zeros(self.n)
        return np.broadcast_to(check_offset(self.owner.result, offset, exposure, self.n), (self.n,))

    def changed(self, changes: Mapping[str, Any]):
        """The model's columns but the intercept and the shift (n,) of the linear predictor, with columns changed.

        Parameters
        ----------
        changes : mapping of str to a value, or to a function of the column's values
        """
        piece = self.piece
        if not changes:
            return piece.X, self._shift(piece.offset, piece.exposure)
        if self.design is None:
            X = np.array(piece.X.toarray() if hasattr(piece.X, "toarray") else piece.X, np.float64)
            for name, value in changes.items():
                j = self.names.index(name)
                X[:, j] = value(X[:, j]) if callable(value) else number(name, value)
            return X, self._shift(piece.offset, piece.exposure)
        table = self._table(changes)
        built = self.design.build(table, response=False, only=piece.keep)
        if built.X.shape[0] != self.n:
            raise InvalidParameterError(f"at: the rows cannot be read with {_shown(changes)}: a level is not known")
        X = StoredRows(built.X, built.terms, built.coding, built.has_intercept)
        offset = built.offset if self._reads(self.design.formula.offset, changes, "offset") else piece.offset
        exposures = (self.design.formula.exposure,) if self.design.formula.exposure else ()
        exposure = built.exposure if self._reads(exposures, changes, "exposure") else piece.exposure
        return X, self._shift(offset, exposure)

    def _reads(self, expressions, changes, role):
        """Whether the offset or exposure of the formula reads a column that is changed."""
        found = any(name in e.columns for e in expressions for name in changes)
        if found and role in self.owner.vectors:
            raise InvalidParameterError(f"{role}: the fit had one beside that of its formula, which cannot be changed")
        return found

    def _table(self, changes):
        """The rows as a table of their own, with changes."""
        fixed = {name: v for name, v in changes.items() if not callable(v)}
        for name, v in changes.items():
            if callable(v):
                fixed[name] = v(self.table.column(name).values[self.first : self.stop].astype(np.float64))
        return ChangedTable(self.table, self.first, self.stop, fixed)

    def derivative(self, name: str, changes: Mapping[str, Any]):
        """The derivative of the model's columns in one of the data: their matrix and that of the shift (None for zero),
        or the number of the coefficient where the column is a term as it stands."""
        if self.design is None:
            return int(self.owner.schema.names.index(name))
        plain = plain_coefficient(self.design, name)
        if plain is not None:
            return plain
        return derivative(self.design, self._table(changes), 0, self.stop - self.first, self.piece.keep, name)

    def values(self, name: str, changes: Mapping[str, Any] | None = None) -> np.ndarray:
        """A column (n,) of numbers."""
        keep = self.piece.keep
        if self.design is None:
            X = self.changed(changes or {})[0][:, [self.names.index(name)]]
            return np.asarray(X.toarray() if hasattr(X, "toarray") else X, np.float64).ravel()
        column = self._table(changes or {}).column(name)
        values = column.floats(column.values)
        return values if keep is None else values[keep]

    def labels(self, name: str) -> np.ndarray:
        """A column (n,) of levels, as text or as booleans or numbers."""
        column, keep = self._table({}).column(name), self.piece.keep
        values = np.array(column.levels, dtype=object)[column.values] if column.kind == "factor" else column.values
        values = values.astype(np.float64) if column.kind == "number" else values
        return values if keep is None else values[keep]


def number(name, value) -> float:
    """A finite number for a column of numbers.

    Raises
    ------
    InvalidParameterError
    """
    try:
        found = float(value)
    except (TypeError, ValueError):
        raise InvalidParameterError(f"column {name!r} holds numbers, and cannot be {value!r}") from None
    if not np.isfinite(found):
        raise InvalidParameterError(f"column {name!r} cannot be {value!r}, which is not finite")
    return found


def _shown(changes):
    return ", ".join(f"{name} = {v!r}" for name, v in changes.items())
