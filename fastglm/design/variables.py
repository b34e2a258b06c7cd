"""The variables of a formula's terms: what they learn from the data, and their values for some rows."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np

from ..errors import InvalidParameterError
from . import expression as ex
from .expression import Expression, Labels
from .frame_columns import Table

# numbers in groups of three digits, and any numbers; also of fractions and with a sign
SEPARATED = re.compile(r"\s*[+-]?\d{1,3}(?:[,' \u00a0\u202f]\d{3})+(?:\.\d*)?\s*")
NUMERAL = re.compile(rf"{SEPARATED.pattern}|\s*[+-]?\d*\.?\d+(?:[eE][+-]?\d+)?\s*|\s*[+-]?\d+\.\s*")


class Rows:
    """Rows ``first`` to ``stop`` of a table, those with missing values left out by ``keep`` (stop - first,).

    ``kinds`` are those that columns had when the design was made; others are refused.
    """

    def __init__(self, table: Table, first: int, stop: int, keep: Any = None, kinds: Any = None) -> None:
        self.table, self.first, self.stop, self.kinds = table, first, stop, kinds
        self.kept = None if keep is None or keep.all() else np.flatnonzero(keep)
        self.n = stop - first if self.kept is None else len(self.kept)
        self._values: dict[str, Any] = {}

    def row(self, i: int) -> int:
        """The row of the table that the i-th of these is."""
        return self.first + (i if self.kept is None else int(self.kept[i]))

    def number(self, i: int) -> str:
        """That row in words, for messages: its number, and where it is."""
        return self.table.number(self.row(i))

    def cell(self, name: str, i: int) -> Any:
        """What a column holds in the i-th row, to be shown."""
        column, row = self.column(name), self.row(i)
        return repr(column.levels[column.values[row]]) if column.kind == "factor" else column.values[row]

    def column(self, name: str) -> Any:
        """A column of the whole table, of the kind that it had before."""
        column = self.table.column(name)
        kind = (self.kinds or {}).get(name, column.kind)
        if column.kind != kind:
            raise InvalidParameterError(
                f"column {name!r} holds {column.kind}s; it held {kind}s when the design was made"
            )
        return column

    def take(self, values: np.ndarray) -> np.ndarray:
        """These rows of a vector that has the table's, a view where it can be."""
        part = values[self.first : self.stop]
        return part if self.kept is None else part[self.kept]

    def value(self, name: str) -> Any:
        """A column as expressions see it: float64 numbers, booleans, dates, or Labels; read-only."""
        if name not in self._values:
            column = self.column(name)
            if column.kind == "factor":
                v: Any = Labels(self.take(column.values), column.levels)
            else:
                v = self.take(column.values)
                if column.kind == "number":
                    v = v.astype(np.float64, copy=False) if self.table.exact(name) else column.floats(v)
                v = v.view()
                v.flags.writeable = False
            self._values[name] = v
        return self._values[name]

    def stored(self, expression: Expression) -> np.ndarray | None:
        """A column of finite numbers as it is stored, where that is what an expression is and float64 holds them."""
        name = expression.column
        if name is None or self.column(name).kind != "number" or not self.table.exact(name):
            return None
        return self.take(self.column(name).values)

    def compute(self, expression: Expression, state: dict[Any, Any]) -> Any:
        """The value of an expression for these rows."""
        return ex.value(expression, {name: self.value(name) for name in expression.columns}, state)

    def numbers(self, expression: Expression, state: dict[Any, Any]) -> np.ndarray:
        """The value of an expression that must be one finite number a row, float64."""
        stored = self.stored(expression)
        if stored is not None:
            return stored.astype(np.float64, copy=False)
        v = self.compute(expression, state)
        return as_numbers(v, expression, self)


def as_numbers(v: Any, expression: Expression, rows: Rows) -> np.ndarray:
    """A computed column as (n,) finite float64 numbers; errors name the term, and the row where it is not finite."""
    if isinstance(v, Labels):
        raise InvalidParameterError(f"term {expression.text!r} is a factor where a number is needed")
    v = np.asarray(getattr(v, "__wrapped__", v))
    if v.dtype.kind in "Mm":
        raise InvalidParameterError(f"term {expression.text!r} is a date or a span of time; write days(...) around it")
    if v.shape != (rows.n,) or v.dtype.kind not in "fiub":
        what = "has no column in it" if not expression.columns else f"is {v.dtype} of shape {v.shape}, not a column"
        raise InvalidParameterError(f"term {expression.text!r} {what}")
    v = v.astype(np.float64, copy=False)
    ex.check_finite(v, expression, rows)
    return v


class Numeric(NamedTuple):
    """A variable of one or more columns of numbers.

    Attributes
    ----------
    expression : Expression
    fields : tuple or None
        Of several columns, the names of each; None for one.
    spans : bool
        Whether the columns sum to a constant, so that one is left out beside an intercept.
    drop : field
        The one left out.
    """

    expression: Expression
    fields: tuple[Any, ...] | None = None
    spans: bool = False
    drop: Any = None

    def used(self, reduced: bool) -> tuple[Any, ...]:
        """The fields that have a column."""
        return tuple(f for f in self.fields or (None,) if not (reduced and f == self.drop))

    def names(self, reduced: bool) -> tuple[Any, ...]:
        """The names of the columns."""
        text = self.expression.text
        return tuple(text if f is None else f"{text}[{f}]" for f in self.used(reduced))

    def values(self, rows: Rows, state: dict[Any, Any]) -> dict[Any, Any]:
        """Field -> (n,) numbers, for all fields: float64, or those of a column as they are stored."""
        if not rows.n:  # transforms need not know what to do with nothing
            return {field: np.zeros(0) for field in self.fields or (None,)}
        stored = rows.stored(self.expression) if self.fields is None else None
        if stored is not None:
            return {None: stored}
        columns = by_field(rows.compute(self.expression, state))
        if self.fields is None:
            return {None: as_numbers(columns, self.expression, rows)}
        if not isinstance(columns, dict) or not set(self.fields) <= set(columns):
            raise InvalidParameterError(f"term {self.expression.text!r} has not the columns that it had in the fit")
        return {field: as_numbers(columns[field], self.expression, rows) for field in self.fields}


class Factor(NamedTuple):
    """A variable of levels.

    Attributes
    ----------
    expression : Expression
        What the levels are of: the first argument of ``C(...)``, ``factor(...)`` or ``relevel(...)``.
    name : str
        As written in the formula.
    levels : tuple of str, bool, int or float
    contrasts : str or None
        As written in the formula; None for treatment contrasts to the first level.
    spans : bool
        Whether it may be coded by contrasts, as it is but for ``C(..., spans_intercept=False)``.
    reference : str, bool, int, float or None
        The level that ``relevel(..., ref=...)`` puts first; None leaves the order as it is.
    """

    expression: Expression
    name: str
    levels: tuple[Any, ...]
    contrasts: str | None = None
    spans: bool = True
    reference: Any = None

    @classmethod
    def marked(cls, text: str, call: tuple[Any, ...], known: Any, levels: tuple[Any, ...] = ()) -> Factor:
        """The factor of ``C(expression, contrasts, levels=..., spans_intercept=...)``, also spelled ``factor``, or of
        ``relevel(expression, ref=...)``, of whose ``call`` name, arguments and keywords are given; its levels are those
        of the call, if it has any, unless given, and none are looked for. The expression may itself be such a call.
        """
        name, arguments, keywords = call
        inner = ex.split_call(arguments[0], ex.CODED) if arguments and arguments[0] not in known else None
        if inner is not None:
            held = cls.marked(text, inner, known, levels)
        if name == "relevel":
            return cls._relevelled(text, arguments, keywords, known, levels, held if inner else None)
        unknown = set(keywords) - {"contrasts", "levels", "spans_intercept"}
        if unknown or not 1 <= len(arguments) <= 2 or (len(arguments) == 2 and "contrasts" in keywords):
            raise InvalidParameterError(
                f"term {text!r}: {name} takes an expression, contrasts, levels= and spans_intercept="
            )
        contrasts = arguments[1] if len(arguments) == 2 else keywords.get("contrasts")
        spans = ex.literal(keywords.get("spans_intercept", "True"), text)
        levels = levels or tuple(ex.literal(keywords.get("levels", "()"), text))
        if inner is not None:
            contrasts, levels = contrasts or held.contrasts, levels or held.levels
            return held._replace(levels=held.in_order(levels), contrasts=contrasts, spans=bool(spans))
        return cls(ex.check(arguments[0], known, text), text, levels, contrasts, bool(spans))

    @classmethod
    def _relevelled(cls, text, arguments, keywords, known, levels, held) -> Factor:
        """The factor of ``relevel(expression, ref=...)``; ``held`` is that of the expression where it is a call."""
        if not 1 <= len(arguments) <= 2 or set(keywords) != ({"ref"} if len(arguments) == 1 else set()):
            raise InvalidParameterError(f"term {text!r}: relevel takes a factor and the level that comes first, ref=")
        reference = ex.literal(arguments[1] if len(arguments) == 2 else keywords["ref"], text)
        if not isinstance(reference, (str, bool, int, float)):
            raise InvalidParameterError(f"term {text!r}: ref must be one level, got {reference!r}")
        held = held or cls(ex.check(arguments[0], known, text), text, levels)
        held = held._replace(reference=reference)
        return held._replace(levels=held.in_order(held.levels))

    def in_order(self, levels: Any) -> tuple[Any, ...]:
        """Levels with the one of ``relevel`` first, where it is among them; text matches numbers that read so."""
        if self.reference is None:
            return tuple(levels)
        same = [level for level in levels if level == self.reference or str(level) == self.reference]
        return (*same[:1], *(level for level in levels if level not in same[:1]))

    def has_reference(self) -> bool:
        """Whether the level of ``relevel`` is the first one, as it is where there is none."""
        return self.reference is None or (self.reference in (self.levels[0], str(self.levels[0])))

    def codes(self, rows: Rows, state: dict[Any, Any]) -> np.ndarray:
        """The level of each row, int32; -1 for one that is not among them."""
        return _encode(_source(self.expression, rows, state), self.levels)

    def shown(self, rows: Rows, state: dict[Any, Any], i: int) -> str:
        """What the i-th row holds, as it reads."""
        v = _source(self.expression, rows, state)
        return repr(v.levels[v.codes[i]]) if isinstance(v, Labels) else str(v[i])


def reads(text: str, known: Any) -> tuple[str, ...]:
    """The columns that a variable reads; InvalidParameterError for one that cannot be read, or a column that is not
    there.
    """
    inner = text
    while inner not in known and (call := ex.split_call(inner, ex.CODED)) is not None and call[1]:
        inner = call[1][0]
    return ex.check(inner, known, text).columns


def learn(text: str, rows: Rows, state: dict[Any, Any], as_number: bool = False) -> Any:
    """The variable of a column or an expression, from all complete rows: Numeric, or Factor with the levels that occur.

    ``state`` is that of the stateful transforms; with ``as_number`` booleans are numbers rather than a factor.
    """
    known = rows.table.known
    call = None if text in known else ex.split_call(text, ex.CODED)
    if call is not None:
        factor = Factor.marked(text, call, known)
        levels = factor.levels or _levels(_source(factor.expression, rows, state))
        return factor._replace(levels=factor.in_order(levels))
    expression = ex.check(text, known)
    if expression.column is not None and rows.column(expression.column).kind in ("date", "span"):
        rows.column(expression.column).floats(np.zeros(0))  # says what to write instead
    if rows.stored(expression) is not None:
        return Numeric(expression)
    v = rows.compute(expression, state)
    if isinstance(v, Labels):
        _refuse_numerals(text, v, rows)
    if isinstance(v, Labels) or (getattr(v, "dtype", np.dtype(float)).kind == "b" and not as_number):
        return Factor(expression, text, _levels(v))
    columns = by_field(v)
    if not isinstance(columns, dict):
        as_numbers(columns, expression, rows)
        return Numeric(expression)
    about = getattr(v, "__formulaic_metadata__", None)
    spans = bool(about is not None and about.spans_intercept)
    return Numeric(expression, tuple(columns), spans, about.drop_field if spans else None)


def _refuse_numerals(text, v, rows):
    """Refuse text that is numbers with separators of thousands, as a factor of as many levels as there are numbers."""
    if not v.levels or not NUMERAL.fullmatch(v.levels[0]):  # as of almost all factors
        return
    marked = [level for level in v.levels if SEPARATED.fullmatch(level)]
    if not marked or not all(NUMERAL.fullmatch(level) for level in v.levels):
        return
    codes = {v.levels.index(level) for level in marked}
    i = next((i for i, code in enumerate(v.codes.tolist()) if code in codes), None)
    if i is not None:
        raise InvalidParameterError(
            f"column {text!r} is text that reads as numbers with separators of thousands: {v.levels[v.codes[i]]!r} in "
            f"row {rows.number(i)}; take the separators out and make it a number (pandas.read_csv(..., thousands=',')),"
            f" or write C({text}) if it is a factor"
        )


def _source(expression, rows, state):
    """What the levels are of: Labels, a column as it is stored (whole numbers exact), or computed values."""
    name = expression.column
    stored = name is not None and rows.column(name).kind != "factor"
    coded = rows.table.coded(name) if stored else None
    if coded is not None:
        return Labels(rows.take(coded.values), coded.levels)
    v = rows.take(rows.column(name).values) if stored else rows.compute(expression, state)
    return _dated(v) if getattr(v, "dtype", np.dtype(float)).kind == "M" else v


def _dated(values) -> Labels:
    """Dates as levels in the order of time."""
    dates, codes = np.unique(values, return_inverse=True)
    return Labels(codes.astype(np.int32), tuple(map(_iso, dates)))


def _iso(date) -> str:
    """A date as ``2020-01-31``, with the time of day where it is not midnight."""
    for unit in ("D", "s", "us"):
        if (short := date.astype(f"M8[{unit}]")) == date:
            return str(short)
    return str(date)


def _levels(values) -> tuple[Any, ...]:
    """The levels that occur, in order: of Labels their own, of booleans both, else sorted."""
    if isinstance(values, Labels):
        seen = _seen(values.codes, len(values.levels))
        return tuple(level for level, there in zip(values.levels, seen, strict=True) if there)
    values = _plain(values)
    return (False, True) if values.dtype.kind == "b" else tuple(np.unique(values).tolist())


def _seen(codes, n_levels) -> np.ndarray:
    """Which levels occur; the rows are read until all have."""
    seen = np.zeros(n_levels, dtype=bool)
    for first in range(0, len(codes), 1 << 15):
        seen[codes[first : first + (1 << 15)]] = True
        if seen.all():
            break
    return seen


def _encode(values, levels) -> np.ndarray:
    """The number of each value among the levels, -1 where it is not one of them; perhaps a view."""
    if isinstance(values, Labels) and values.levels == levels:
        return values.codes
    if isinstance(values, Labels):
        place = {level: code for code, level in enumerate(levels)}
        return np.array([*(place.get(level, -1) for level in values.levels), -1], dtype=np.int32)[values.codes]
    values, known = _plain(values), np.array(levels)
    if not len(known) or (known.dtype.kind == "U") != (values.dtype.kind == "U"):
        return np.full(len(values), -1, dtype=np.int32)
    order = np.argsort(known, kind="stable")
    place = np.minimum(np.searchsorted(known, values, sorter=order), len(known) - 1)
    codes = order[place].astype(np.int32)
    codes[known[codes] != values] = -1
    return codes


def _plain(values):
    """Values that can be sorted, whole numbers as integers whatever their type."""
    values = np.asarray(getattr(values, "__wrapped__", values))
    if values.ndim != 1:
        raise InvalidParameterError("the levels of a factor are those of one column, not of several")
    if values.dtype.kind not in "fiubU":
        raise InvalidParameterError("a span of time has no levels; write days(...) around it")
    if values.dtype.kind == "f" and (np.trunc(values) == values).all() and np.abs(values).max(initial=0.0) < 2.0**53:
        return values.astype(np.int64)
    return values


def by_field(v: Any) -> Any:
    """A value as one array or a mapping of fields to arrays, as formulaic takes values apart."""
    about = getattr(v, "__formulaic_metadata__", None)
    v = getattr(v, "__wrapped__", v)
    if isinstance(v, dict):
        return {field: column for field, column in v.items() if not str(field).startswith("__")}
    if getattr(v, "ndim", 1) != 2:
        return v
    fields = about.column_names if about is not None and about.column_names else range(v.shape[1])
    return {field: v[:, j] for j, field in enumerate(fields)}
