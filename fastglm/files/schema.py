"""Types of columns in files: one type for text and one for categories, and the schema that several files share."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from ..core.column_names import unknown_column
from ..errors import FileFormatError


def is_text(kind: Any) -> bool:
    """Whether an Arrow type is text, in any layout."""
    import pyarrow.types as t

    return t.is_string(kind) or t.is_large_string(kind) or getattr(t, "is_string_view", lambda _: False)(kind)


def canonical(kind: Any) -> Any:
    """A type with its layout left out: text is string, categories are dictionaries with codes of 32 bits."""
    import pyarrow as pa

    if is_text(kind):
        return pa.string()
    if pa.types.is_dictionary(kind):
        return pa.dictionary(pa.int32(), canonical(kind.value_type), kind.ordered)
    return kind


def canonical_schema(schema: Any, place: Any) -> Any:
    """A schema in canonical types, without metadata.

    Raises
    ------
    FileFormatError
        For names that are not unique.
    """
    import pyarrow as pa

    check_unique(schema.names, place)
    return pa.schema([(field.name, canonical(field.type)) for field in schema])


def check_unique(names: Any, place: Any) -> None:
    """Refuse names of columns that are not unique."""
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise FileFormatError(f"{place}: several columns are named {repeated[0]!r}; names must be unique")


def delivered(kind: Any) -> Any:
    """The type in which batches have a column of a canonical type: text as a dictionary."""
    import pyarrow as pa

    return pa.dictionary(pa.int32(), kind) if pa.types.is_string(kind) else kind


def promoted(first: Any, second: Any) -> Any:
    """The type that holds the values of two canonical types exactly as far as numbers go, None where there is none."""
    import pyarrow as pa
    import pyarrow.types as t

    if first.equals(second) or t.is_null(second):
        return first
    if t.is_null(first):
        return second
    are_numbers = [t.is_integer(kind) or t.is_floating(kind) for kind in (first, second)]
    if all(are_numbers):
        return pa.from_numpy_dtype(np.promote_types(first.to_pandas_dtype(), second.to_pandas_dtype()))
    values = [kind.value_type if t.is_dictionary(kind) else kind for kind in (first, second)]
    if values != [first, second]:
        if not values[0].equals(values[1]):
            return None
        are_dictionaries = t.is_dictionary(first) and t.is_dictionary(second)
        if are_dictionaries:
            return pa.dictionary(pa.int32(), values[0])
        return pa.string() if t.is_string(values[0]) else None
    are_exact = [t.is_temporal(kind) or t.is_decimal(kind) for kind in (first, second)]
    if all(np.logical_or(are_numbers, are_exact)):
        try:
            schemas = [pa.schema([("x", kind)]) for kind in (first, second)]
            return pa.unify_schemas(schemas, promote_options="permissive").field("x").type
        except (pa.ArrowTypeError, pa.ArrowInvalid):
            return None
    return None


def unified(files: Any, columns: Any = None) -> Any:
    """The schema that several files share, and the columns that they do not share.

    Parameters
    ----------
    files : list of (str, pyarrow.Schema)
        Names for messages, and canonical schemas.
    columns : sequence of str, optional
        The columns to look at, by default all.

    Returns
    -------
    schema : pyarrow.Schema
    unreadable : dict
        Column -> the reason why it cannot be read from all files, an error once it is used; empty with ``columns``.

    Raises
    ------
    InvalidParameterError
        For one of ``columns`` that is missing.
    FileFormatError
        For one of ``columns`` that differs in two files, with their names.
    """
    import pyarrow as pa

    different = files[:1]
    for place, other in files[1:]:
        if not other.equals(different[-1][1]):
            different.append((place, other))
    first, schema = different[0]
    names = [name for _, other in different for name in other.names] if columns is None else columns
    fields, unreadable = [], {}
    for name in dict.fromkeys(names):
        if columns is not None and name not in schema.names:
            raise unknown_column(name, schema.names, first)
        try:
            fields.append((name, _in_all(name, different)))
        except FileFormatError as error:
            if columns is not None:
                raise
            unreadable[name] = str(error)
    return pa.schema(fields), unreadable


def _in_all(name, files):
    """The type that holds a column of all files."""
    has = next(place for place, schema in files if name in schema.names)
    lacks = next((place for place, schema in files if name not in schema.names), None)
    if lacks is not None:
        raise FileFormatError(
            f"{has} has a column {name!r}, {lacks} has not; give the files the same columns, or read them apart"
        )
    (at, schema), *rest_of_files = files
    kind = schema.field(name).type
    for place, other in rest_of_files:
        kind, at = _both(name, kind, at, other.field(name).type, place)
    return kind


def _both(name, first, at, second, place):
    """The type that holds a column of two files, and the file that has this type."""
    kind = promoted(first, second)
    if kind is None:
        raise FileFormatError(
            f"column {name!r} is {shown(first)} in {at} and {shown(second)} in {place}; convert it in one of them"
        )
    return kind, (place if kind.equals(second) and not kind.equals(first) else at)


def shown(kind: Any) -> str:
    """A type in words."""
    import pyarrow.types as t

    if t.is_dictionary(kind):
        return f"categories of {shown(kind.value_type)}"
    return "text" if t.is_string(kind) else str(kind)


def conformed(array: Any, kind: Any) -> Any:
    """An array converted to a canonical or delivered type; Arrow raises an error for values outside the type."""
    import pyarrow as pa

    if pa.types.is_dictionary(array.type) and array.dictionary.null_count:
        array = array.dictionary_decode()
    if array.type.equals(kind):
        return array
    if not pa.types.is_dictionary(kind):
        return array.dictionary_decode().cast(kind) if pa.types.is_dictionary(array.type) else array.cast(kind)
    if not pa.types.is_dictionary(array.type):
        array = array.cast(kind.value_type).dictionary_encode()
    codes, levels = array.indices.cast(pa.int32()), array.dictionary.cast(kind.value_type)
    return pa.DictionaryArray.from_arrays(codes, levels, ordered=kind.ordered)
