"""Arguments that name columns, as parts of formulas; and the notes on rows that results show."""

from __future__ import annotations

from typing import Any

from ..core.records import SHIFTS
from ..design.expression import column
from ..design.formula import QUOTED as QUOTED
from ..design.formula import Formula
from ..errors import InvalidParameterError


def with_shifts(formula, names, vectors: dict[Any, Any]):
    """The formula with the columns named as offset and exposure added, so that predictions find them.

    Parameters
    ----------
    formula : str
    names : sequence of str
        The columns of the data.
    vectors : dict
        Arguments of a fit: names of columns, arrays or None.

    Returns
    -------
    formula : str
    vectors : dict
        The arguments that are not in the formula.

    Raises
    ------
    InvalidParameterError
    """
    vectors = dict(vectors)
    if vectors.get("exposure") is not None and "exposure(" in formula.replace(" ", ""):
        raise InvalidParameterError("exposure: the formula has one already")
    for shift in SHIFTS:
        if isinstance(vectors.get(shift), str):
            value = vectors.pop(shift)
            if value not in names:
                raise unknown(shift, value, names)
            formula = f"{formula} + {shift}({quoted(value)})"
    return formula, vectors


def all_columns(request, names, vectors: dict[Any, Any]):
    """The formula of ``fit`` with a response by name: every column without another role is a term.

    Returns
    -------
    formula : Formula
    vectors : dict
        The arguments that are not in the formula.

    Raises
    ------
    InvalidParameterError
    """
    roles = {"y": request.y, **vectors, **{f"{request.clusters_role} {i}": v for i, v in enumerate(request.clusters)}}
    roles = {role: v for role, v in roles.items() if isinstance(v, str)}
    for role, value in roles.items():
        if value not in names:
            raise unknown(role, value, names)
    terms = tuple((name,) for name in names if name not in roles.values())
    offset, exposure = (roles.get(shift) for shift in SHIFTS)
    response = (column(request.y, names),) if "y" in roles else ()
    formula = Formula(
        "", response, (((),) if request.intercept else ()) + terms,
        () if offset is None else (column(offset, names),), None if exposure is None else column(exposure, names),
    )  # fmt: skip
    return formula, {role: v for role, v in vectors.items() if role not in roles or role not in SHIFTS}


def shifted(built, arrays: dict[Any, Any]) -> dict[Any, Any]:
    """The vectors of some rows, with the offset and the exposure of their formula."""
    vectors = dict(arrays)
    if built.offset is not None:
        vectors["offset"] = built.offset if vectors.get("offset") is None else built.offset + vectors["offset"]
    if built.exposure is not None:
        vectors["exposure"] = built.exposure
    return vectors


def unknown(name, value, names) -> InvalidParameterError:
    """The error for an argument that names no column."""
    return InvalidParameterError(f"{name}={value!r} is not a column of the data: {', '.join(list(names)[:10])}")


def quoted(name: str) -> str:
    """A column's name as formulas write it."""
    return name if name.isidentifier() else f"`{name}`"


def levels_sorted(table, design) -> list[str]:
    """Notes that levels of polars' Categorical, whose order depends on the process, were sorted."""
    names = [value.expression.column for value in design.variables.values() if hasattr(value, "levels")]
    return [
        f"{name} is a polars Categorical: its levels are in the order of the alphabet; an Enum keeps its own"
        for name in dict.fromkeys(names)
        if name in table.alphabetical
    ]


def notes_of(design) -> list[str]:
    """Notes on rows left out for missing values, and on levels that no row has."""
    notes = []
    if design.n_dropped:
        counts = ", ".join(f"{name}: {count}" for name, count in design.missing_counts.items() if count)
        notes.append(f"{design.n_dropped} of {design.n_rows} rows with missing values were left out ({counts})")
    for name, levels in design.unused.items():
        shown = ", ".join(map(str, levels[:5])) + (", ..." if len(levels) > 5 else "")
        notes.append(f"{name} has levels that no row has, which are left out: {shown}")
    return notes
