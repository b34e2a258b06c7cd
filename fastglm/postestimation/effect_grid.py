"""Where effects are taken: the variables of a model, the values that ``at`` gives them, and typical rows."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from ..core.column_names import unknown_column
from ..design.derivative import levels_of
from ..errors import InvalidParameterError
from ..rows.supplied import in_order
from ..source.threads import get_threads

CONSTANTS = ("(Intercept)", "Intercept", "const")
MOST_POINTS = 10_000  # of a grid


class Variables(NamedTuple):
    """The columns of the data that a model reads.

    Attributes
    ----------
    terms : tuple of str
        Those of its terms, in order.
    levels : mapping of str to tuple
        Levels of those that are read as levels alone.
    shifts : tuple of str
        Those of the offset and the exposure.
    unused : mapping of str to tuple
        Levels that no row of the fit had.
    """

    terms: tuple[str, ...]
    levels: Mapping[str, tuple[Any, ...]]
    shifts: tuple[str, ...]
    unused: Mapping[str, tuple[Any, ...]]

    @property
    def every(self) -> tuple[str, ...]:
        """All of them."""
        return tuple(dict.fromkeys([*self.terms, *self.shifts]))

    def check(self, name: str, argument: str) -> str:
        """A name, if it is one of them.

        Raises
        ------
        InvalidParameterError
        """
        if name not in self.every:
            raise InvalidParameterError(f"{argument}: {unknown_column(name, self.every, 'the model')}")
        return name

    def value(self, name: str, value: Any, argument: str) -> Any:
        """A value of a column, checked where it is a level."""
        self.check(name, argument)
        if name not in self.levels:
            return value
        for level in self.levels[name]:
            if level == value or str(level) == str(value):
                return level
        if str(value) in map(str, self.unused.get(name, ())):
            raise InvalidParameterError(
                f"{argument}: no row of the fit had the level {value!r} of {name!r}, which has no coefficient"
            )
        known = ", ".join(map(str, self.levels[name][:10]))
        raise InvalidParameterError(f"{argument}: {name!r} has no level {value!r}; it has {known}")


def variables_of(result: Any) -> Variables:
    """The columns of a result's model."""
    design = result.design
    if design is None:
        return Variables(tuple(result.schema.columns), {}, (), {})
    formula = design.formula
    inside = dict.fromkeys(
        name for term in formula.terms for v in term for name in design.variables[v].expression.columns
    )
    levels = {name: found for name in inside if (found := levels_of(design, name)) is not None}
    unused = {
        name: design.unused.get(text, ()) for text, v in design.variables.items() for name in v.expression.columns
    }
    parts = (*formula.offset, *([formula.exposure] if formula.exposure else []))
    return Variables(tuple(inside), levels, tuple(dict.fromkeys(n for e in parts for n in e.columns)), unused)


def grid(at: Any, variables: Variables) -> list[dict[str, Any]]:
    """The points of ``at``: all combinations of the values of its columns; one point without changes for None.

    Raises
    ------
    InvalidParameterError
    """
    if not at:
        return [{}]
    if not isinstance(at, Mapping):
        raise InvalidParameterError(f"at must be a mapping of columns to values, or 'means', not {at!r}")
    values = []
    for name, given in at.items():
        listed = list(given) if isinstance(given, (list, tuple, set, np.ndarray, range)) else [given]
        if not listed:
            raise InvalidParameterError(f"at: {name!r} has no value")
        values.append([variables.value(name, v, "at") for v in listed])
    if np.prod([float(len(v)) for v in values]) > MOST_POINTS:
        raise InvalidParameterError(f"at: the grid has more than {MOST_POINTS:,} points")
    return [dict(zip(at, point, strict=True)) for point in product(*values)]


def typical(
    supplied: Any, variables: Variables, weighted: bool, threads: Any
) -> tuple[dict[str, Any], float, dict[str, set[Any]]]:
    """A typical row: means of numbers, the likeliest level of factors; the mean of the offset; and of numbers that have
    no more than two different values these values."""
    sums: dict[Any, Any] = {}
    counts: dict[Any, Any] = {}
    names = variables.terms

    def work(piece):
        w = piece.frequency * (np.asarray(piece.beside("weights"), float) if weighted else 1.0)
        found = {}
        for name in names:
            values = piece.labels(name) if name in variables.levels else piece.values(name)
            if name not in variables.levels:
                found[name] = float(w @ values), _distinct(values)
            else:
                levels, codes = np.unique(values, return_inverse=True)
                found[name] = dict(zip(levels.tolist(), np.bincount(codes, weights=w).tolist(), strict=True))
        return float(w.sum()), float(w @ piece.changed({})[1]), found

    weight, shift = 0.0, 0.0
    for own, moved, found in in_order(supplied, work, get_threads(threads)):
        weight, shift = weight + own, shift + moved
        for name, value in found.items():
            if isinstance(value, dict):
                tally = counts.setdefault(name, {})
                for level, count in value.items():
                    tally[level] = tally.get(level, 0.0) + count
            else:
                total, few = sums.get(name, (0.0, set()))
                sums[name] = total + value[0], few | value[1]
    if not weight > 0.0:
        raise InvalidParameterError("no row has a positive weight")
    row = {name: max(tally, key=lambda level: tally[level]) for name, tally in counts.items()}
    row |= {name: total / weight for name, (total, _) in sums.items()}
    two = {name: few for name, (_, few) in sums.items() if len(few) <= 2}
    return {name: row[name] for name in names}, shift / weight, two


def _distinct(values) -> set[Any]:
    """The different values, three of them where there are more than two."""
    few = np.unique(values[:200])
    few = few if len(few) > 2 else np.unique(values)
    return set(few[:3].tolist())


def one_row(result: Any, values: Mapping[str, Any]) -> Any:
    """A row with given values as data of the model."""
    if result.design is None:
        return np.array([[float(values[name]) for name in result.schema.columns]])
    row = {name: [values[name]] for name in values}
    for name in result.design.columns:
        if name not in row:
            row[name] = [1.0]  # of an offset, which is given in its place
    return row
