"""Rows of a table with some columns replaced by given values: what a model is asked of counterfactually."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import InvalidParameterError
from .column import Column
from .frame_columns import Table


class ChangedTable(Table):
    """Rows ``first`` to ``stop`` of a table, some of its columns replaced.

    Parameters
    ----------
    table : Table
    first, stop : int
    changes : mapping of str to scalar or (stop - first,) array
        A value for all rows: a number, a boolean, a level or a date, of the kind that the column has; or a number for
        each row.
    """

    index, place = None, None

    def __init__(self, table: Table, first: int, stop: int, changes: dict[str, Any]):
        self._table, self._first, self._stop, self._changes = table, first, stop, changes
        self.library, self.names, self.known = table.library, table.names, table.known
        self._columns, self._exact, self._coded, self._lazy = {}, {}, {}, False
        self._rows = stop - first

    def read(self, names: Any) -> None:
        """Read columns."""
        for name in names:
            if name not in self._columns:
                self._columns[name] = self._read(self._table.column(name))

    def number(self, i: int) -> str:
        """Row i of these in words that follow "row"."""
        return self._table.number(self._first + i)

    def _read(self, column):
        part = slice(self._first, self._stop)
        if column.name in self._changes:
            return replaced(column, self._changes[column.name], self._rows)
        missing = None if column.missing is None else column.missing[part]
        return column._replace(values=column.values[part], missing=missing)


def replaced(column: Column, value: Any, n: int) -> Column:
    """A column of n rows of the kind of another one, with given values.

    Raises
    ------
    InvalidParameterError
        For a value that the column cannot have.
    """
    name = column.name
    if column.kind == "factor":
        return Column(name, "factor", np.zeros(n, np.int32), (str(value),))
    if column.kind == "number":
        try:
            values = np.broadcast_to(np.asarray(value, np.float64), (n,))
        except (TypeError, ValueError):
            raise InvalidParameterError(f"column {name!r} holds numbers, and cannot be {value!r}") from None
        if not np.isfinite(values).all():
            raise InvalidParameterError(f"column {name!r} cannot be {value!r}, which is not finite")
        return Column(name, "number", values)
    if column.kind == "boolean":
        if value not in (0, 1, "True", "False"):
            raise InvalidParameterError(f"column {name!r} holds booleans, and cannot be {value!r}")
        return Column(name, "boolean", np.full(n, value in (1, "True")))
    try:
        return Column(name, column.kind, np.full(n, np.asarray(value, column.values.dtype)))
    except (TypeError, ValueError):
        raise InvalidParameterError(f"column {name!r} holds {column.kind}s, and cannot be {value!r}") from None
