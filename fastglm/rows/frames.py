"""Rows of a data frame in memory, read by a design learned from it, or by the design of an earlier fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..design import Design, as_table, check_aligned
from ..design.recipe import complete, refuse_missing
from ..errors import InvalidParameterError, MissingDataError
from .arguments import all_columns, levels_sorted, notes_of, shifted, unknown, with_shifts
from .arrays import block_of, in_memory, present
from .schema import Schema
from .storages import is_frame


def has_factors(X) -> bool:
    """Whether X is a frame with columns of text or categories, or of a library that only designs read."""
    if isinstance(X, np.ndarray) or not is_frame(X):
        return False
    if hasattr(X, "iloc"):
        return any(str(kind) in ("category", "str", "string") or "dictionary" in str(kind) for kind in X.dtypes)
    if not hasattr(X, "to_numpy"):
        return True
    return any(str(kind).startswith(("String", "Categorical", "Enum", "Utf8")) for kind in X.dtypes)


def open_frame(request, data, known: Schema | None = None):
    """The schema and the source of a frame in memory; see ``open_rows``."""
    table = as_table(data)
    formula, vectors = _roles(request, table, known)
    by_role = vectors if request.y is None or isinstance(request.y, str) else {"y": request.y} | vectors
    beside = [*by_role.items(), *((request.clusters_role, value) for value in request.clusters)]
    for name, value in beside:
        check_aligned(table, value, name)
    keep, counts = _rows_to_keep(table, beside, request.missing)
    if known is None:
        options = {"missing": request.missing, "unseen": request.unseen}
        design = Design.from_formula(formula, table, only=keep, **options)
        design = replace(design, missing_counts={**design.missing_counts, **counts}) if counts else design
    else:
        design = known.for_fit_rows().design
    if not design.formula.response and "y" not in by_role:
        raise InvalidParameterError(f"formula={request.formula!r} has no response; write it as 'y ~ ...'")
    built = design.build(table, response="y" not in by_role, only=keep)
    values = [_values(name, value, table, built.keep) for name, value in beside]
    arrays = {"y": built.y} | dict(zip(by_role, values, strict=False))
    block, labels = block_of(request, built, shifted(built, arrays))
    named = {role: value if isinstance(value, str) else None for role, value in vectors.items() if value is not None}
    schema = Schema(design.names, built.has_intercept, design, named, request.missing, table.library)
    notes = (*notes_of(design), *levels_sorted(table, design))
    return schema, in_memory(request, block, labels, tuple(values[len(by_role) :]), notes)


def _roles(request, table, known):
    """The formula to learn a design from, None where it is known, and the vectors that are beside it."""
    if known is not None:
        return None, request.vectors | known.found_by_name(request.vectors, table.names)
    if request.formula is not None:
        return with_shifts(request.formula, table.names, request.vectors)
    return all_columns(request, table.names, request.vectors)


def _rows_to_keep(table, beside, missing):
    """A mask of the rows without a missing value in ``beside``, None for all, and the missing values of each."""
    masks, counts = [], {}
    for name, value in beside:
        if isinstance(value, str):
            if value not in table.names:
                raise unknown(name, value, table.names)
            table.read((value,))
            if missing == "error":
                refuse_missing(table, (value,), 0, table.n_rows)
            complete_rows = complete(table, (value,), 0, table.n_rows)
        else:
            complete_rows = present(value) if missing == "drop" and value is not None else None
            if complete_rows is not None and complete_rows.shape != (table.n_rows,):
                complete_rows = None  # of another length, which is refused where it is read
        if complete_rows is not None:
            masks.append(complete_rows)
            counts[value if isinstance(value, str) else name] = int((~complete_rows).sum())
    keep = np.logical_and.reduce(masks) if masks else None
    if keep is not None and not keep.any():
        raise MissingDataError(f"every row has missing values: {counts} of {table.n_rows} rows")
    return keep, counts


def _values(name, value, table, keep):
    """The values of a vector in the rows of the mask ``keep``: of a column, an array, a scalar or None."""
    if isinstance(value, str):
        column = table.column(value)
        if name in ("y", "folds"):
            values = np.array(column.levels, dtype=object)[column.values] if column.kind == "factor" else column.values
        else:
            values = column.values if name == "cluster" else column.floats(column.values)
    elif value is None or np.ndim(value) == 0:
        return value
    else:
        values = value if keep is None else np.asarray(value)
        if len(values) != table.n_rows:
            raise InvalidParameterError(f"{name} has length {len(values)}, the data have {table.n_rows} rows")
    return values if keep is None else values[keep]
