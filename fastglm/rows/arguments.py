"""What formulas and results have in common, wherever the rows are: shifts given by name, notes about the data."""

from __future__ import annotations

from ..errors import InvalidParameterError

SHIFTS = ("offset", "exposure")


def with_shifts(formula, names, vectors: dict):
    """The formula with the columns named as offset and exposure in it, so that predictions find them again.

    Parameters
    ----------
    formula : str
    names : sequence of str
        The columns there are.
    vectors : dict
        Arguments of a fit: names of columns, arrays or None.

    Returns
    -------
    formula : str
    vectors : dict
        Those that are left.

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


def named(vectors: dict) -> dict:
    """What a design keeps of the vectors of a fit: the name of the column, None for an array."""
    return {role: v if isinstance(v, str) else None for role, v in vectors.items() if v is not None}


def found_by_name(design, given: dict, names) -> dict:
    """The columns of new rows that are vectors because they were in the fit, by the argument that they are.

    Parameters
    ----------
    design : Design
    given : dict
        The arguments that there are, None where nothing was given.
    names : sequence of str
        The columns of the rows.

    Raises
    ------
    InvalidParameterError
        For an argument that would count twice what is found by name, and for an array of the fit that is not given.
    """
    formula = design.formula
    shifts = {"offset": formula.offset, "exposure": (formula.exposure,) if formula.exposure else ()}
    for role, v in given.items():
        own, array = shifts.get(role, ()), role in design.vectors and design.vectors[role] is None
        column = design.vectors.get(role)
        if v is not None and ((own and not array) or column in names):
            has = f"the formula of the fit has {role}({own[0].text})" if own else f"the fit had {role}={column!r}"
            raise InvalidParameterError(f"{role}: {has}, which is found in the data by its name; leave {role}= out")
        if v is None and array and any(shifts.values()) and role in SHIFTS:
            raise InvalidParameterError(f"{role}: the fit had an array beside its formula; give {role}= for these rows")
    return {role: c for role, c in design.vectors.items() if c in names and role in given}


def unknown(name, value, names) -> InvalidParameterError:
    """The error for an argument that names no column."""
    return InvalidParameterError(f"{name}={value!r} is not a column of the data: {', '.join(list(names)[:10])}")


def quoted(name: str) -> str:
    """A column's name as formulas write it."""
    return name if name.isidentifier() else f"`{name}`"


def sorted_by(table, design) -> list[str]:
    """Of polars' categories, whose order is that of first sight in the process: that their levels were sorted."""
    names = [v.expression.column for v in design.variables.values() if hasattr(v, "levels")]
    return [
        f"{name} is a polars Categorical: its levels are in the order of the alphabet; an Enum keeps its own"
        for name in dict.fromkeys(names)
        if name in table.alphabetical
    ]


def notes_of(design) -> list[str]:
    """What became of missing values and of levels that no row has."""
    notes = []
    if design.n_dropped:
        each = ", ".join(f"{name}: {count}" for name, count in design.missing_counts.items() if count)
        notes.append(f"{design.n_dropped} of {design.n_rows} rows with missing values were left out ({each})")
    for name, levels in design.unused.items():
        shown = ", ".join(map(str, levels[:5])) + (", ..." if len(levels) > 5 else "")
        notes.append(f"{name} has levels that no row has, which are left out: {shown}")
    return notes
