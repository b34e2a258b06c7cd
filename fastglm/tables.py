"""Columns of CSV and Parquet files as numpy arrays; only those asked for are read."""

from __future__ import annotations

import difflib
from pathlib import Path

import numpy as np

from .errors import FileFormatError, InvalidParameterError

DELIMITERS = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
PARQUET = (".parquet", ".pq")


def column_names(path) -> list[str]:
    """Names of the columns of a file, without reading its rows.

    Parameters
    ----------
    path : str or Path
        A ``.csv``, ``.tsv`` (also with ``.gz``) or ``.parquet`` file.

    Returns
    -------
    list of str
    """
    path, kind = _checked(path)
    try:
        if kind in PARQUET:
            import pyarrow.parquet

            return pyarrow.parquet.read_schema(path).names
        import pyarrow.csv

        with pyarrow.csv.open_csv(path, parse_options=_parsing(kind)) as reader:
            return reader.schema.names
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None


def read_table(path, columns=None) -> dict[str, np.ndarray]:
    """Read columns of a CSV or Parquet file.

    Parameters
    ----------
    path : str or Path
        A ``.csv``, ``.tsv`` (also with ``.gz``) or ``.parquet`` file.
    columns : iterable of str, optional
        The columns to read; all by default.

    Returns
    -------
    dict of str to ndarray
        Integers stay integers; a missing number is NaN; text and anything else that is not a number is an array of
        objects, missing as None.
    """
    path, kind = _checked(path)
    if columns is not None:
        columns = list(dict.fromkeys(columns))
        known = column_names(path)
        for name in columns:
            if name not in known:
                raise unknown_column(name, known, path.name)
    try:
        table = _read(path, kind, columns)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None
    return {name: _array(table.column(name)) for name in table.column_names}


def unknown_column(name, known, where="the data") -> InvalidParameterError:
    """The error for a column that is not there, with the names that look like it."""
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    close += [other for other in known if other.lower() == name.lower() and other not in close]
    hint = f"did you mean {' or '.join(map(repr, close))}?" if close else f"columns: {', '.join(list(known)[:20])}"
    return InvalidParameterError(f"column {name!r} is not in {where}; {hint}")


def _checked(path):
    """The path and the suffix that tells its format."""
    path = Path(path)
    kind = Path(path.stem).suffix.lower() if path.suffix.lower() == ".gz" else path.suffix.lower()
    if kind not in DELIMITERS and kind not in PARQUET:
        known = ", ".join((*DELIMITERS, *PARQUET))
        raise InvalidParameterError(f"{path}: cannot tell the format from the extension; known are {known}")
    if not path.is_file():
        raise InvalidParameterError(f"{path}: no such file")
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise InvalidParameterError("reading files needs pyarrow: pip install 'fastglm[tables]'") from None
    return path, kind


def _read(path, kind, columns):
    if kind in PARQUET:
        import pyarrow.parquet

        return pyarrow.parquet.read_table(path, columns=columns)
    import pyarrow.csv

    # without columns pyarrow reads them all, so an empty list must not reach it
    options = pyarrow.csv.ConvertOptions(include_columns=columns or None, strings_can_be_null=True)
    return pyarrow.csv.read_csv(path, parse_options=_parsing(kind), convert_options=options)


def _parsing(kind):
    import pyarrow.csv

    return pyarrow.csv.ParseOptions(delimiter=DELIMITERS[kind])


def _array(column) -> np.ndarray:
    import pyarrow as pa

    kind = column.type
    if pa.types.is_decimal(kind) or (pa.types.is_boolean(kind) and column.null_count):
        column = column.cast(pa.float64())
    elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
        return np.array(column.to_pylist(), dtype=object)
    return column.to_numpy()


def _unreadable(path, error):
    return FileFormatError(f"{path}: cannot be read: {str(error).splitlines()[0]}")
