"""The design of rows that are not in memory together: one look at the columns whose values it must know.

Those are the levels of factors and of a response of labels, and, where missing values are left out, which rows are
complete. Columns of numbers alone are not read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ..errors import InvalidParameterError, MissingDataError
from . import expression as ex
from .formula import Formula, parse
from .frame_columns import Table
from .recipe import MISSING, UNSEEN, Design, _option, columns_of, complete, refuse_missing, response_of
from .variables import Factor, Rows, learn, reads

AT_ONCE = 1 << 28  # bytes of the columns that splines and polynomials must see whole


class Profile(NamedTuple):
    """What one look at all rows tells.

    Attributes
    ----------
    design : Design
    kept : (fragments,) int array
        The rows of each fragment that are complete.
    labels : tuple or None
        The labels of the response that occur, sorted; None where it is numbers.
    notes : tuple of str
        What the user should know of the data.
    """

    design: Design
    kept: np.ndarray
    labels: tuple[Any, ...] | None
    notes: tuple[Any, ...] = ()


class Fragments(NamedTuple):
    """Rows in fragments, as a profile reads them.

    Attributes
    ----------
    names : tuple of str
    rows : (fragments,) int array
    tables : callable
        (fragment, columns) -> Tables of its rows, one after the other.
    missing : callable
        (fragment, column) -> how many values are missing there, None where nobody knows without looking.
    map : callable
        (function, items) -> results in order, as ``map``; where work can be shared, it is.
    """

    names: tuple[Any, ...]
    rows: np.ndarray
    tables: Callable[[int, tuple[Any, ...]], Iterable[Any]]
    missing: Callable[[int, str], Any]
    map: Callable


def profile(
    formula: str | Formula,
    fragments: Fragments,
    *,
    missing: Any = "error",
    unseen: Any = "error",
    classes: Any = False,
    extra: Any = (),
) -> Profile:
    """The design of a formula, its levels and transforms learned from all rows; ``missing`` and ``unseen`` as for
    ``Design``.

    With ``classes``, numbers of the response are labels too. ``extra`` names more columns that a row must have to be
    complete. Errors name the column, and where the row is.
    """
    _option("missing", missing, MISSING)
    _option("unseen", unseen, UNSEEN)
    known = dict.fromkeys(fragments.names)
    formula = parse(formula, known) if isinstance(formula, str) else formula
    texts = tuple(dict.fromkeys(v for term in formula.terms for v in term))
    columns = columns_of(formula, [*(name for v in texts for name in reads(v, known)), *extra])
    if missing == "error":
        _refuse_known(fragments, columns)
    look = _ColumnScan(formula, texts, columns, missing == "drop", classes)
    look.first(_first(fragments, columns, look.drop))
    found = list(fragments.map(look.fragment(fragments), range(len(fragments.rows))))
    kept = np.array([part.kept for part in found], dtype=np.int64)
    counts = {name: n for name in columns if (n := sum(part.missing.get(name, 0) for part in found))}
    if not kept.sum():
        raise MissingDataError(f"every row has missing values: {counts} of {fragments.rows.sum()} rows")
    variables, unused = look.variables(found)
    n = int(fragments.rows.sum())
    design = Design(
        formula, variables, look.kinds, look.state, missing, unseen, counts, n, n - int(kept.sum()), unused, "pyarrow"
    )
    labels = None if look.labels is None else tuple(sorted(look.labels.union(*(part.labels for part in found))))
    return Profile(design, kept, labels, tuple(look.disagreeing(found)))


class _FragmentColumns(NamedTuple):
    """The columns of one fragment: rows kept, missing values, levels, declared levels, labels, and whole columns."""

    kept: int
    missing: dict[Any, Any]
    levels: dict[Any, Any]
    declared: dict[Any, Any]
    labels: set[Any]
    whole: list[Any]


class _ColumnScan:
    """What is looked for in every fragment."""

    def __init__(self, formula, texts, columns, drop, classes):
        self.formula, self.texts, self.columns, self.drop, self.classes = formula, texts, columns, drop, classes
        self.kinds, self.state, self.known, self.labels = {}, {}, {}, None

    def first(self, table):
        """Learn from some rows what every variable is, and so which columns must be looked at in all."""
        keep = complete(table, self.columns, 0, table.n_rows)
        if keep is not None and not keep.any():
            keep = None
        rows, trial, bare = Rows(table, 0, table.n_rows, keep), {}, not self.formula.text
        self.kinds = {name: table.column(name).kind for name in self.columns}
        self.known = {v: learn(v, rows, trial, bare) for v in self.texts}
        shifts = [*self.formula.offset, *([self.formula.exposure] if self.formula.exposure else [])]
        for e in shifts:
            rows.numbers(e, trial)
        self._learn_labels(rows, trial)
        factors = [v.expression for v in self.known.values() if isinstance(v, Factor)]
        others = [v.expression for v in self.known.values() if not isinstance(v, Factor)]
        self.whole = _columns(e for e in (*others, *shifts, *self.formula.response) if _is_stateful(e))
        wanted = [*factors, *(self.formula.response if self.labels is not None else ())]
        self.read = self.columns if self.drop else tuple(dict.fromkeys([*_columns(wanted), *self.whole]))

    def _learn_labels(self, rows, trial):
        """Whether the response is labels, of which booleans are known before all rows are seen."""
        y = response_of(self.formula.response, rows, trial) if self.formula.response else np.zeros(0)
        if y.ndim == 1 and (self.classes or y.dtype.kind in "Ob"):
            self.labels = set() if y.dtype.kind != "b" else {False, True}

    def fragment(self, fragments):
        """A function that can be sent to another process: number of a fragment -> its ``_FragmentColumns``."""
        stateful = len(self.whole) * 8 * int(fragments.rows.sum())
        if stateful > AT_ONCE:
            raise InvalidParameterError(
                f"columns {', '.join(self.whole)}: splines, polynomials and scaling must see all values at once "
                f"({stateful >> 20} MiB), which these rows are too many for; compute such columns beforehand"
            )
        return partial(self._at, fragments.rows, fragments.tables)

    def _at(self, rows, tables, i):
        if not self.read:
            return _FragmentColumns(int(rows[i]), {}, {}, {}, set(), [])
        part = _FragmentColumns(0, {}, {v: set() for v in self.texts}, {}, set(), [])
        for table in tables(i, self.read):
            part = self._add(part, table)
        return part

    def _add(self, part, table):
        table.read(self.read)
        if not self.drop:
            refuse_missing(table, self.read, 0, table.n_rows)
        keep = complete(table, self.read, 0, table.n_rows) if self.drop else None
        rows = Rows(table, 0, table.n_rows, keep, self.kinds)
        for name in self.read if self.drop else ():
            m = table.column(name).missing
            if m is not None:
                part.missing[name] = part.missing.get(name, 0) + int(m.sum())
        for text, v in self.known.items():
            if isinstance(v, Factor) and rows.n:
                part.levels[text].update(learn(text, rows, {}, not self.formula.text).levels)
                name = v.expression.column
                if name is not None and name not in table.text and table.column(name).levels:
                    part.declared.setdefault(name, table.column(name).levels)
        if self.labels is not None and rows.n:
            y = response_of(self.formula.response, rows, {})
            part.labels.update(np.unique(y).tolist() if y.dtype.kind != "b" else ())
        if self.whole:
            part.whole.append({name: rows.value(name) for name in self.whole})
        return part._replace(kept=part.kept + rows.n)

    def variables(self, found):
        """The variables with what all fragments showed, and the levels of categories that no row has."""
        variables, unused = {}, {}
        rows = self._whole_rows(found) if self.whole else None
        for text, v in self.known.items():
            if not isinstance(v, Factor):
                stateful = _is_stateful(v.expression)
                variables[text] = learn(text, rows, self.state, not self.formula.text) if stateful else v
                continue
            levels = set().union(*(part.levels.get(text, ()) for part in found))
            declared = dict.fromkeys(level for part in found for level in part.declared.get(v.expression.column, ()))
            call = None if text in self.kinds else ex.split_call(text, ex.CODED)
            fixed = call is not None and Factor.marked(text, call, self.kinds).levels
            if not fixed:
                v = v._replace(levels=v.in_order(_ordered(levels, declared)))
            variables[text] = v
            there = set(v.levels)
            if rest := tuple(level for level in declared if level not in there):
                unused[v.name] = rest
        for e in (*self.formula.offset, self.formula.exposure, *self.formula.response):
            if e is not None and _is_stateful(e):
                rows.numbers(e, self.state)
        return variables, unused

    def disagreeing(self, found):
        """Notes of categories whose order is not the same in all fragments."""
        for name in dict.fromkeys(name for part in found for name in part.declared):
            orders = [part.declared[name] for part in found if name in part.declared]
            place = {level: i for i, level in enumerate(dict.fromkeys(level for order in orders for level in order))}
            for order in orders:
                if any(place[a] > place[b] for a, b in zip(order, order[1:], strict=False)):
                    first, other = (", ".join(map(str, levels[:5])) for levels in (orders[0], order))
                    yield (
                        f"{name} has its categories in several orders, {first} and {other}: the first is taken; "
                        "C(..., levels=[...]) gives another"
                    )
                    break

    def _whole_rows(self, found):
        pieces = [piece for part in found for piece in part.whole]
        table = Table({name: np.concatenate([piece[name] for piece in pieces]) for name in self.whole})
        return Rows(table, 0, table.n_rows)


def _is_stateful(expression) -> bool:
    """Whether an expression calls a function that must see all values at once."""
    return bool(set(expression.functions) & set(ex.STATEFUL))


def _columns(expressions) -> tuple[Any, ...]:
    """The columns that expressions read, each once."""
    return tuple(dict.fromkeys(name for e in expressions for name in e.columns))


def _ordered(levels, declared):
    """Levels in the order in which their type declares them, else sorted; whole numbers only where all are."""
    if declared:
        return tuple(level for level in declared if level in levels)
    if any(isinstance(level, float) for level in levels):
        levels = {float(level) for level in levels}
    return tuple(sorted(levels))


def _first(fragments, columns, drop):
    """Some rows to learn from: the first ones, of which one at least is complete if any is."""
    if not len(fragments.rows):
        raise InvalidParameterError("the data have no rows")
    for i in range(len(fragments.rows)):
        for table in fragments.tables(i, columns):
            table.read(columns)
            keep = complete(table, columns, 0, table.n_rows) if drop else None
            if keep is None or keep.any():
                return table
    raise MissingDataError(f"every row has missing values in one of the columns {', '.join(columns)}")


def _refuse_known(fragments, columns):
    """Refuse missing values that the files themselves tell of."""
    for name in columns:
        for i in range(len(fragments.rows)):
            if fragments.missing(i, name):
                for table in fragments.tables(i, (name,)):
                    missing = table.column(name).missing
                    if missing is not None and missing.any():
                        row = table.number(int(np.argmax(missing)))
                        raise MissingDataError(
                            f"column {name!r} has missing values, the first in row {row}; missing='drop' leaves such "
                            "rows out"
                        )
