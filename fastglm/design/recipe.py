"""``Design``: what turns a frame into the columns of a model, the same for every block of rows and for new rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from ..errors import InvalidParameterError, MissingDataError
from ..matrix.columns import Categorical
from .contrasts import base
from .formula import Formula, parse
from .frame_columns import as_table
from .layout import INTERCEPT, ColumnBlock, Layout, arrange
from .variables import Factor, Numeric, Rows, learn, reads

MISSING = ("error", "drop")
UNSEEN = ("error", "missing", "baseline")


class Built(NamedTuple):
    """The columns of some rows, and what else a formula says of them.

    Attributes
    ----------
    X : (n, p) array of float64
        What is stored as numbers, without the intercept.
    has_intercept : bool
        Whether the model has an intercept, the first coefficient.
    terms : tuple of Categorical
        What is stored as codes.
    coding : ContrastMap or None
        From the coefficients to all stored columns.
    names : tuple of str
        Of the coefficients but the intercept.
    y : (n,) or (n, 2) array, or None
        Numbers, booleans or labels; two columns for ``cbind(successes, failures)``; None without a response.
    offset, exposure : (n,) array or None
    keep : (rows,) array of bool or None
        The rows asked for that the above are of; None where all are.
    """

    X: np.ndarray
    has_intercept: bool
    terms: tuple[Any, ...]
    coding: Any
    names: tuple[Any, ...]
    y: np.ndarray | None
    offset: np.ndarray | None
    exposure: np.ndarray | None
    keep: np.ndarray | None


@dataclass(frozen=True, eq=False)
class Design:
    """How a frame becomes the columns of a model; made from the data of a fit, and kept in its result.

    Parameters
    ----------
    formula : Formula
    variables : mapping of str to Numeric or Factor
        By their text in the terms.
    kinds : mapping of str to str
        What kind of column each that is read was.
    state : dict
        What stateful transforms learned, by expression.
    missing : {"error", "drop"}
        What to do with rows that have missing values.
    unseen : {"error", "missing", "baseline"}
        What to do with a level that the factor does not have: refuse it, leave the row out as if it were missing, or
        read it as the level that treatment contrasts compare with.
    missing_counts : mapping of str to int
        Missing values in each column that has some, when the design was made.
    n_rows, n_dropped : int
        Rows when the design was made, and how many of them were left out for missing values.
    unused : mapping of str to tuple
        Levels of categorical types that no row had; they have no coefficient, as in R.
    library : {"pandas", "polars", "pyarrow"}
        The library of the frame that the design was made from, whose frames ``tidy`` answers with.
    """

    formula: Formula
    variables: Mapping[str, Numeric | Factor]
    kinds: Mapping[str, str]
    state: dict[Any, Any]
    missing: str = "error"
    unseen: str = "error"
    missing_counts: Mapping[str, int] = field(default_factory=dict)
    n_rows: int = 0
    n_dropped: int = 0
    unused: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    library: str = "pandas"
    layout: Layout = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "layout", arrange(self.formula.terms, self.variables))

    @classmethod
    def from_formula(
        cls, formula: str | Formula, frame: Any, *, missing: str = "error", unseen: str = "error", only: Any = None
    ) -> Design:
        """The design of a formula, its levels and transforms learned from a frame.

        Parameters
        ----------
        formula : str
            See `formula.parse`; ``C(z, Sum)`` and other contrasts, ``log(x)``, ``poly(x, 3)``, ``bs(x, df=4)``, ...
            A column of text, categories or booleans is a factor, one of numbers never is unless written ``C(x)``.
        frame : data frame or Table
            See `Table`.
        missing, unseen : str
            See `Design`.
        only : (n,) array of bool, optional
            The rows to learn from, where some are left out for other reasons than the formula's columns.

        Raises
        ------
        InvalidParameterError, MissingDataError
            Naming the column, the term and the first such row.
        ImportError
            Without formulaic and narwhals.
        """
        _option("missing", missing, MISSING)
        _option("unseen", unseen, UNSEEN)
        table = as_table(frame)
        formula = formula if isinstance(formula, Formula) else parse(formula, table.known)
        return cls._learn(formula, table, missing, unseen, only)

    @classmethod
    def from_frame(
        cls, frame: Any, *, intercept: bool = True, missing: str = "error", unseen: str = "error", only: Any = None
    ) -> Design:
        """The design that has every column of a frame as a term: numbers and booleans as numbers, the rest as factors.

        Parameters
        ----------
        frame : data frame or Table
        intercept : bool
        missing, unseen, only
            See `from_formula`.

        Raises
        ------
        InvalidParameterError, MissingDataError
        """
        _option("missing", missing, MISSING)
        _option("unseen", unseen, UNSEEN)
        table = as_table(frame)
        terms = (*([()] if intercept else []), *((name,) for name in table.names))
        return cls._learn(Formula("", (), terms), table, missing, unseen, only)

    @classmethod
    def _learn(cls, formula, table, missing, unseen, only):
        texts = dict.fromkeys(v for term in formula.terms for v in term)
        columns = columns_of(formula, [name for v in texts for name in reads(v, table.known)])
        table.read(columns)
        counts, keep = _complete_rows(table, columns, missing, only)
        rows, state = Rows(table, 0, table.n_rows, keep), {}
        variables = {v: learn(v, rows, state, not formula.text) for v in texts}
        _learn_beside_terms(formula, rows, state)
        kinds = {name: table.column(name).kind for name in columns}
        dropped = 0 if keep is None else int(table.n_rows - keep.sum())
        unused = {v.name: rest for v in variables.values() if isinstance(v, Factor) and (rest := _unused(v, table))}
        return cls(
            formula, variables, kinds, state, missing, unseen, counts, table.n_rows, dropped, unused, table.library
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the coefficients, "(Intercept)" for the constant."""
        return self.layout.names

    @property
    def term_names(self) -> tuple[str, ...]:
        """The terms in order, "(Intercept)" for the constant."""
        return tuple(self.layout.slices)

    @property
    def term_slices(self) -> dict[str, np.ndarray]:
        """Term -> the numbers of its coefficients among ``names``."""
        return dict(self.layout.slices)

    @property
    def levels(self) -> dict[str, tuple[Any, ...]]:
        """Factor -> its levels."""
        return {v.name: v.levels for v in self.variables.values() if isinstance(v, Factor)}

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that new rows must have."""
        return self._reads(self.formula._replace(response=()))

    def _reads(self, formula):
        return columns_of(formula, [name for v in self.variables.values() for name in v.expression.columns])

    def without_terms(self) -> Design:
        """The design that has the response and what shifts the predictor, and no columns."""
        return replace(self, formula=self.formula._replace(terms=((),)), variables={})

    def without_shifts(self) -> Design:
        """The design without response, offset and exposure."""
        return replace(self, formula=self.formula._replace(response=(), offset=(), exposure=None), missing="error")

    def build(
        self,
        frame: Any,
        first: int = 0,
        stop: int | None = None,
        *,
        response: bool = True,
        only: np.ndarray | None = None,
    ) -> Built:
        """The columns of rows first to stop of a frame.

        Parameters
        ----------
        frame : data frame or Table
            That of the fit, or new rows; pass a Table to read columns once for many blocks.
        first, stop : int
            All rows unless given.
        response : bool
            Whether to compute the response too; without it new rows need not have one.
        only : (stop - first,) array of bool, optional
            The rows that are wanted; all unless given.

        Raises
        ------
        InvalidParameterError, MissingDataError
            Naming the column, the term and the first such row.
        """
        table = as_table(frame)
        formula = self.formula if response else self.formula._replace(response=())
        columns = self._reads(formula)
        table.read(columns)
        stop = table.n_rows if stop is None else min(stop, table.n_rows)
        keep = complete(table, columns, first, stop)
        if keep is not None and self.missing == "error":
            refuse_missing(table, columns, first, stop)
        rows, codes, keep = self._coded(table, first, stop, both(keep, only))
        values: dict[Any, Any] = {}
        X = np.empty((rows.n, len(self.layout.numbers)), order="F")
        for j, block in enumerate(self.layout.numbers):
            X[:, j] = self._product(block, rows, values)
        terms = tuple(self._categorical(block, rows, codes, values) for block in self.layout.factors)
        names = self.names[1:] if self.layout.has_intercept else self.names
        offset = [rows.numbers(e, self.state) for e in formula.offset]
        exposure = None if formula.exposure is None else rows.numbers(formula.exposure, self.state)
        y = response_of(formula.response, rows, self.state)
        shift = sum(offset[1:], offset[0]) if offset else None
        return Built(X, self.layout.has_intercept, terms, self.layout.coding, names, y, shift, exposure, keep)

    def _coded(self, table, first, stop, keep):
        """The rows that are left, the codes of every factor, and which rows these are; unseen levels as asked for."""
        rows = Rows(table, first, stop, keep, self.kinds)
        codes = {}
        unseen = np.zeros(rows.n, dtype=bool)
        for text, v in self.variables.items():
            if not isinstance(v, Factor):
                continue
            c = codes[text] = v.codes(rows, self.state)
            if not len(c) or c.min() >= 0:
                continue
            bad = c < 0
            if self.unseen == "error":
                i = int(np.argmax(bad))
                known = ", ".join(map(str, v.levels[:10])) + ", ..." * (len(v.levels) > 10)
                raise InvalidParameterError(
                    f"factor {v.name!r} has no level {v.shown(rows, self.state, i)}, which is in row {rows.number(i)}; "
                    f"its levels are {known} (unseen='missing' leaves such rows out, 'baseline' reads the baseline)"
                )
            if self.unseen == "baseline":
                codes[text] = np.where(bad, np.int32(base(v)), c)
            else:
                unseen |= bad
        if not unseen.any():
            return rows, codes, keep
        keep = np.ones(stop - first, dtype=bool) if keep is None else keep.copy()
        keep[np.flatnonzero(keep)[unseen]] = False
        return Rows(table, first, stop, keep, self.kinds), {v: c[~unseen] for v, c in codes.items()}, keep

    def _product(self, block: ColumnBlock, rows: Rows, values: dict[Any, Any]) -> np.ndarray:
        """The product of a block's numbers; each variable is computed once."""
        for variable, _ in block.numbers:
            if variable not in values:
                values[variable] = self.variables[variable].values(rows, self.state)
        columns = [values[variable][f] for variable, f in block.numbers]
        return columns[0] if len(columns) == 1 else np.prod(np.asarray(columns, dtype=np.float64), axis=0)

    def _categorical(
        self, block: ColumnBlock, rows: Rows, codes: dict[Any, Any], values: dict[Any, Any]
    ) -> Categorical:
        """A block's combinations of levels, one a row."""
        combined, stride = codes[block.factors[0]], len(self.variables[block.factors[0]].levels)
        for factor in block.factors[1:]:
            combined = combined + np.int32(stride) * codes[factor]
            stride *= len(self.variables[factor].levels)
        return Categorical(combined, block.levels, self._product(block, rows, values) if block.numbers else None)


def _option(name, value, known):
    if value not in known:
        raise InvalidParameterError(f"{name}={value!r} is unknown; known: {', '.join(map(repr, known))}")


def _complete_rows(table, columns, missing, only):
    """Missing values of each column that has some, and which of the rows ``only`` have none; None where all do."""
    if table.n_rows == 0:
        raise InvalidParameterError("the data have no rows")
    counts = {name: int(m.sum()) for name in columns if (m := table.column(name).missing) is not None}
    keep = complete(table, columns, 0, table.n_rows)
    if keep is not None and missing == "error":
        refuse_missing(table, columns, 0, table.n_rows)
    keep = both(keep, only)
    if keep is not None and not keep.any():
        raise MissingDataError(f"every row has missing values: {counts} of {table.n_rows} rows")
    return counts, keep


def _learn_beside_terms(formula, rows, state) -> None:
    """Compute offsets, exposure and response once, from which their stateful transforms learn."""
    for e in (*formula.offset, formula.exposure):
        if e is not None and rows.stored(e) is None:
            rows.numbers(e, state)
    if any(rows.stored(e) is None for e in formula.response):
        response_of(formula.response, rows, state)


def columns_of(formula: Formula, inside: Any) -> tuple[str, ...]:
    """The columns that a formula reads, each once; ``inside`` are those of its terms."""
    parts = (*formula.response, *formula.offset, *([formula.exposure] if formula.exposure else []))
    return tuple(dict.fromkeys([*(name for e in parts for name in e.columns), *inside]))


def complete(table: Any, columns: Any, first: int, stop: int) -> Any:
    """Which rows have no missing value in some columns; None where all are complete."""
    masks = [m[first:stop] for name in columns if (m := table.column(name).missing) is not None]
    return None if not any(m.any() for m in masks) else ~np.logical_or.reduce(masks)


def both(keep: Any, other: Any) -> Any:
    """The rows that two masks keep; None keeps all."""
    if keep is None or other is None:
        return other if keep is None else keep
    return keep & other


def refuse_missing(table: Any, columns: Any, first: int, stop: int) -> None:
    """Refuse missing values, naming the column and the first row."""
    for name in columns:
        missing = table.column(name).missing
        if missing is not None and missing[first:stop].any():
            rows = first + np.flatnonzero(missing[first:stop])
            raise MissingDataError(
                f"column {name!r} has {len(rows)} missing value{'s' * (len(rows) > 1)}, the first in row "
                f"{table.number(rows[0])}, counted from 0; missing='drop' leaves such rows out"
            )


def _unused(factor: Factor, table) -> tuple[Any, ...]:
    """The levels of a categorical column that no row has."""
    name = factor.expression.column
    used = set(factor.levels)
    return tuple(level for level in (table.column(name).levels if name is not None else ()) if level not in used)


def response_of(expressions: Any, rows: Any, state: Any) -> Any:
    """The response as numbers, labels, or two columns of counts; None without one."""
    if len(expressions) == 2:
        return np.column_stack([rows.numbers(e, state) for e in expressions])
    if not expressions:
        return None
    (e,) = expressions
    v = rows.compute(e, state)
    if hasattr(v, "levels"):
        return np.array(v.levels, dtype=object)[v.codes]
    return v if getattr(v, "dtype", np.dtype(float)).kind == "b" else rows.numbers(e, state)


__all__ = ["INTERCEPT", "Built", "Design"]
