"""A small formula language for numeric columns: ``y ~ x + log(z) + x:z + I(x**2) + offset(log(e)) - 1``.

The text is taken apart with Python's own parser and computed over an allow-list of functions; nothing is evaluated.
`parse` and `design` are the seam behind which a larger formula language can take its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from .errors import InvalidParameterError, MissingDataError
from .expression import Expression, FormulaError, read
from .tables import unknown_column

FUNCTIONS = {name: getattr(np, name) for name in "log log1p log2 log10 exp expm1 sqrt abs".split()}
OPERATORS = {
    "+": np.add, "-": np.subtract, "*": np.multiply, ":": np.multiply, "/": np.divide, "**": np.power,
}  # fmt: skip


@dataclass(frozen=True)
class Formula:
    """A formula taken apart.

    Attributes
    ----------
    response : tuple of Expression
        One, or the two of ``cbind(successes, failures)``.
    terms : tuple of Expression
        The columns of X; a lone ``.`` stands for all other columns of the table.
    offset : tuple of Expression
        Summed where there are several.
    exposure : Expression or None
    intercept : bool
    removed : tuple of str
        Terms taken away again, as in ``. - id``.
    """

    response: tuple[Expression, ...]
    terms: tuple[Expression, ...]
    offset: tuple[Expression, ...]
    exposure: Expression | None
    intercept: bool
    removed: tuple[str, ...] = ()

    def columns(self, available: Iterable[str] = ()) -> tuple[str, ...]:
        """The columns needed, where `available` ones take the place of a dot."""
        parts = [*self.response, *self.expand(available), *self.offset, *([self.exposure] if self.exposure else [])]
        return tuple(dict.fromkeys(name for part in parts for name in part.columns))

    def expand(self, available: Iterable[str]) -> tuple[Expression, ...]:
        """The terms, the dot replaced, each once, without the removed ones."""
        others = [*self.response, *self.offset, *([self.exposure] if self.exposure else [])]
        used = {name for part in others for name in part.columns}
        dot = [Expression("column", name) for name in available if name not in used]
        terms = [each for term in self.terms for each in (dot if term.value == "." else [term])]
        return tuple({str(term): term for term in terms if str(term) not in self.removed}.values())


def parse(formula: str) -> Formula:
    """Take a formula apart.

    Parameters
    ----------
    formula : str
        ``response ~ term + term ...``. A response is a column, a function of one, or ``cbind(successes, failures)``.
        Terms are columns, ``log log1p log2 log10 exp expm1 sqrt abs`` of them, arithmetic inside ``I(...)``, products
        ``x:z``, ``x*z`` for both and their product, ``.`` for all other columns, ``offset(...)``, ``exposure(...)``,
        and ``-1`` or ``0`` for no intercept. Quote unusual names in backticks.

    Returns
    -------
    Formula

    Raises
    ------
    FormulaError
        Naming the part that cannot be read.
    """
    left, tilde, right = formula.partition("~")
    if not tilde or not left.strip() or not right.strip() or "~" in right:
        raise FormulaError(f"formula {formula!r} is not of the form 'y ~ x1 + x2'")
    response = read(left)
    pair = response.kind == "call" and response.value == "cbind"
    if pair and len(response.operands) != 2:
        raise FormulaError("cbind takes two columns: cbind(successes, failures)")
    parts = _Parts()
    parts.add(read(right))
    return Formula(response.operands if pair else (response,), tuple(parts.terms), tuple(parts.offset),
                   parts.exposure, parts.intercept, tuple(parts.removed))  # fmt: skip


class _Parts:
    """The right-hand side, collected from left to right."""

    def __init__(self):
        self.terms, self.offset, self.removed = [], [], []
        self.exposure, self.intercept = None, True

    def add(self, e):
        match e:
            case Expression("operator", "+", (left, right)):
                self.add(left)
                self.add(right)
            case Expression("operator", "-", (left, right)):
                self.add(left)
                self.remove(right)
            case Expression("negative", _, (inner,)):
                self.remove(inner)
            case Expression("operator", "*", (left, right)):
                self.add(left)
                self.add(right)
                self.terms.append(_product(left, right))
            case Expression("operator", ":", (left, right)):
                self.terms.append(_product(left, right))
            case Expression("operator"):
                raise FormulaError(f"term '{e}' is arithmetic: write I({e})")
            case Expression("number", value):
                self._number(value)
            case Expression("call", "offset", (inner,)):
                self.offset.append(inner)
            case Expression("call", "exposure", (inner,)) if self.exposure is None:
                self.exposure = inner
            case Expression("call", "offset" | "exposure" as name):
                raise FormulaError(f"{name}(...) takes one expression" + ", once" * (name == "exposure"))
            case _:
                self.terms.append(e)

    def remove(self, e):
        if e.kind == "number":
            self._number(1 - e.value)
        elif e.kind == "operator" and e.value == "+":
            self.remove(e.operands[0])
            self.remove(e.operands[1])
        else:
            self.removed.append(str(e))

    def _number(self, value):
        if value not in (0, 1):
            raise FormulaError(f"{value:g} is not a term: 1 asks for an intercept, 0 or -1 for none")
        self.intercept = value == 1


def _product(left, right):
    for side in (left, right):
        if (side.kind == "operator" and side.value != ":") or side.kind == "number" or side.value == ".":
            raise FormulaError(f"'{side}' cannot be a factor of a product; write its terms out")
    return Expression("operator", ":", (left, right))


def design(formula: str | Formula, table: Mapping[str, np.ndarray]):
    """Compute what a formula asks for.

    Parameters
    ----------
    formula : str or Formula
    table : mapping of str to 1-d array
        The columns.

    Returns
    -------
    X : ndarray of shape (n, k)
        Without the intercept, which is ``parse(formula).intercept``.
    y : ndarray of shape (n,) or (n, 2)
    names : list of str
        Of the columns of X.
    offset, exposure : ndarray or None

    Raises
    ------
    InvalidParameterError, MissingDataError, FormulaError
        Naming the column or term, and the row.
    """
    formula = parse(formula) if isinstance(formula, str) else formula
    values = Values(table)
    terms = formula.expand(table)
    y = values.response(formula.response)
    X = np.empty((len(y), len(terms)))
    for j, term in enumerate(terms):
        X[:, j] = values.of(term)
    offset = sum(values.of(part) for part in formula.offset) if formula.offset else None
    exposure = values.of(formula.exposure) if formula.exposure else None
    return X, y, [str(term) for term in terms], offset, exposure


class Values:
    """Computes expressions over one table; a column is checked when it is first used."""

    def __init__(self, table):
        self.table, self.checked = table, {}

    def response(self, parts):
        """One column, two side by side, or labels as they are."""
        if len(parts) == 2:
            return np.column_stack([self.of(part) for part in parts])
        if parts[0].kind == "column" and kind_of(self._column(parts[0].value)) == "text":
            return _present(parts[0].value, self._column(parts[0].value))
        return self.of(parts[0])

    def of(self, term):
        """The values of a term, finite floats."""
        with np.errstate(all="ignore"):
            value = np.broadcast_to(self._compute(term, term), self._rows(term))
        bad = ~np.isfinite(value)
        if bad.any():
            row = int(np.argmax(bad))
            where = ", ".join(f"{name} = {self.table[name][row]}" for name in term.columns)
            raise MissingDataError(f"term '{term}' is {value[row]} in row {row} ({where})")
        return value

    def _rows(self, term):
        if not term.columns:
            raise FormulaError(f"'{term}' has no column in it")
        return (len(self._column(term.columns[0])),)

    def _compute(self, e, term):
        operands = e.operands
        if e.kind == "column":
            return self._numbers(e.value, term)
        if e.kind == "number":
            return float(e.value)
        if e.kind == "call":
            self._offered(e, term)
            inner = self._compute(operands[0], term)
            return inner if e.value == "I" else FUNCTIONS[e.value](inner)
        if e.kind == "negative":
            return -self._compute(operands[0], term)
        if e.kind == "operator":
            return OPERATORS[e.value](*(self._compute(operand, term) for operand in operands))
        raise FormulaError(f"text {e.value} in term '{term}' needs the full formula language, not available yet")

    def _offered(self, call, term):
        if (call.value in FUNCTIONS or call.value == "I") and len(call.operands) == 1:
            return
        kinds = ", ".join(f"column {name!r} is {kind_of(self._column(name))}" for name in call.columns)
        offered = ", ".join(("I", *FUNCTIONS))
        raise FormulaError(
            f"term '{term}' needs the full formula language, which is not available yet for {call.value}() ({kinds}); "
            f"offered are {offered} of one numeric expression"
        )

    def _column(self, name):
        if name not in self.table:
            raise unknown_column(name, list(self.table))
        return np.asarray(self.table[name])

    def _numbers(self, name, term):
        if name not in self.checked:
            column = self._column(name)
            if column.ndim != 1:
                raise InvalidParameterError(f"column {name!r} has {column.ndim} dimensions, not one")
            if (kind := kind_of(column)) != "numeric":
                raise InvalidParameterError(
                    f"term '{term}' needs the full formula language, which is not available yet: column {name!r} is "
                    f"{kind}, and only numeric columns can be used"
                )
            self.checked[name] = _present(name, column.astype(float, copy=False))
        return self.checked[name]


def kind_of(column: np.ndarray) -> str:
    """What a column holds: "numeric", "text", "dates" or "objects"."""
    if column.dtype.kind in "biuf":
        return "numeric"
    if column.dtype.kind in "mM":
        return "dates"
    if column.dtype.kind in "UST":
        return "text"
    first = next((value for value in column.ravel() if value is not None), None)
    return "text" if isinstance(first, (str, bytes)) else "dates" if hasattr(first, "year") else "objects"


def _present(name, column):
    if column.dtype.kind not in "fO":
        return column
    missing = np.equal(column, None) if column.dtype.kind == "O" else np.isnan(column)
    if missing.any():
        row, count = int(np.argmax(missing)), int(np.sum(missing))
        raise MissingDataError(f"column {name!r} has {count} missing values, the first in row {row} (counted from 0)")
    return column
