"""Rows of a data frame in memory: columns by a design that is learned from it, or by that of an earlier fit."""

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
    """Whether something is a frame with columns that are text or categories, or one that only designs read."""
    if isinstance(X, np.ndarray) or not is_frame(X):
        return False
    if hasattr(X, "iloc"):
        return any(str(t) in ("category", "str", "string") or "dictionary" in str(t) for t in X.dtypes)
    if not hasattr(X, "to_numpy"):
        return True
    return any(str(t).startswith(("String", "Categorical", "Enum", "Utf8")) for t in X.dtypes)


def open_frame(request, data, known: Schema | None = None):
    """The schema and the source of a frame in memory; see ``open_rows``."""
    table = as_table(data)
    formula, vectors = _roles(request, table, known)
    given = vectors if request.y is None or isinstance(request.y, str) else {"y": request.y} | vectors
    beside = [*given.items(), *(("cluster", v) for v in request.clusters)]
    for name, v in beside:
        check_aligned(table, v, name)
    keep, counts = _rows_to_keep(table, beside, request.missing)
    if known is None:
        options = {"missing": request.missing, "unseen": request.unseen}
        design = Design.from_formula(formula, table, only=keep, **options)
        design = replace(design, missing_counts={**design.missing_counts, **counts}) if counts else design
    else:
        design = known.relearned().design
    if not design.formula.response and "y" not in given:
        raise InvalidParameterError(f"formula={request.formula!r} has no response; write it as 'y ~ ...'")
    built = design.build(table, response="y" not in given, only=keep)
    values = [_values(name, v, table, built.keep) for name, v in beside]
    arrays = {"y": built.y} | dict(zip(given, values, strict=False))
    block, labels = block_of(request, built, shifted(built, arrays))
    named = {role: v if isinstance(v, str) else None for role, v in vectors.items() if v is not None}
    schema = Schema(design.names, built.has_intercept, design, named, request.missing, table.library)
    notes = (*notes_of(design), *levels_sorted(table, design))
    return schema, in_memory(request, block, labels, tuple(values[len(given) :]), notes)


def _roles(request, table, known):
    """The formula to learn a design from, None where it is known, and the vectors that are beside it."""
    if known is not None:
        return None, request.vectors | known.found_by_name(request.vectors, table.names)
    if request.formula is not None:
        return with_shifts(request.formula, table.names, request.vectors)
    return all_columns(request, table.names, request.vectors)


def _rows_to_keep(table, beside, missing):
    """The rows with no missing value beside the formula's columns, None for all, and how many each column lacks."""
    masks, counts = [], {}
    for name, v in beside:
        if isinstance(v, str):
            if v not in table.names:
                raise unknown(name, v, table.names)
            table.read((v,))
            if missing == "error":
                refuse_missing(table, (v,), 0, table.n_rows)
            found = complete(table, (v,), 0, table.n_rows)
        else:
            found = present(v) if missing == "drop" and v is not None else None
            if found is not None and found.shape != (table.n_rows,):
                found = None  # of another length, which is refused where it is read
        if found is not None:
            masks.append(found)
            counts[v if isinstance(v, str) else name] = int((~found).sum())
    keep = np.logical_and.reduce(masks) if masks else None
    if keep is not None and not keep.any():
        raise MissingDataError(f"every row has missing values: {counts} of {table.n_rows} rows")
    return keep, counts


def _values(name, v, table, keep):
    """The values of a vector in the rows that are kept: a column by its name, an array, a scalar or None."""
    if isinstance(v, str):
        column = table.column(v)
        if name == "y":
            values = np.array(column.levels, dtype=object)[column.values] if column.kind == "factor" else column.values
        else:
            values = column.values if name == "cluster" else column.floats(column.values)
    elif v is None or np.ndim(v) == 0:
        return v
    else:
        values = v if keep is None else np.asarray(v)
        if len(values) != table.n_rows:
            raise InvalidParameterError(f"{name} has length {len(values)}, the data have {table.n_rows} rows")
    return values if keep is None else values[keep]
