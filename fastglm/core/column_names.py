"""Columns of CSV and Parquet files; only those that a formula may need are read."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Any

from ..errors import FileFormatError, InvalidParameterError, not_loaded

DELIMITERS = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
CODINGS = ("Treatment", "Sum", "Helmert", "Poly", "Diff", "SDiff", "True", "False", "None", "pi", "contr", "np")
PARQUET = (".parquet", ".pq")


def column_names(path: Any) -> list[str]:
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


def read_table(path: Any, formula: str = ".", *others: Any) -> Any:
    """Read the columns of a CSV or Parquet file that a formula may need.

    Parameters
    ----------
    path : str or Path
        A ``.csv``, ``.tsv`` (also with ``.gz``) or ``.parquet`` file.
    formula : str
        Columns whose names do not occur in it are not read; all are where it has a "." of its own.
    *others : str or None
        Names of more columns.

    Returns
    -------
    pyarrow.Table

    Raises
    ------
    InvalidParameterError, FileFormatError
        For a file that is not there, of another kind, or damaged, and for a name among ``others`` that is no column.
    """
    path, kind = _checked(path)
    known = column_names(path)
    for name in others:
        if name is not None and name not in known:
            raise unknown_column(name, known, path.name)
    for name in mentioned(formula):
        if name not in known and name not in CODINGS:
            raise unknown_column(name, known, path.name)
    try:
        return _read(path, kind, needed(known, formula, others))
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None


def needed(known: Any, formula: str, others: Any = ()) -> list[str]:
    """The columns that a formula may need, with some others: those whose names occur in it, or all if it has a "."."""
    every = re.search(r"(^|[\s~+*:(-])\.($|[\s+*:)-])", formula) is not None
    return [name for name in known if every or name in formula or name in others]


def mentioned(formula: str) -> list[str]:
    """The names in a formula that can only be columns: not called, not the name of an argument, not text."""
    quoted = re.findall(r"`([^`]+)`", formula)
    bare = re.sub(r"`[^`]*`|'[^']*'|\"[^\"]*\"", " ", formula)
    words = re.finditer(r"(?<![\w.])[^\W\d][\w.]*(?!\s*[\w.(])(?!\s*=[^=])", bare)
    return [*quoted, *(word.group() for word in words)]


def unknown_column(name: Any, known: Any, where: Any = "the data") -> InvalidParameterError:
    """The error for a column that is not there, with the names that look like it."""
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    close += [other for other in known if other.lower() == name.lower() and other not in close]
    hint = f"did you mean {' or '.join(map(repr, close))}?" if close else f"columns: {', '.join(list(known)[:20])}"
    return InvalidParameterError(f"column {name!r} is not in {where}; {hint}")


def is_series(data: Any) -> bool:
    """Whether something is one column of pandas or polars."""
    return hasattr(data, "to_frame") and not hasattr(data, "columns")


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
    except ImportError as error:
        raise InvalidParameterError(not_loaded("pyarrow", "reading files needs pyarrow", error)) from None
    return path, kind


def _read(path, kind, columns):
    if kind in PARQUET:
        import pyarrow.parquet

        return pyarrow.parquet.read_table(path, columns=columns)
    import pyarrow.csv

    # without columns pyarrow reads them all, which is right where a formula names none
    options = pyarrow.csv.ConvertOptions(include_columns=columns or None, strings_can_be_null=True)
    return pyarrow.csv.read_csv(path, parse_options=_parsing(kind), convert_options=options)


def _parsing(kind):
    import pyarrow.csv

    return pyarrow.csv.ParseOptions(delimiter=DELIMITERS[kind])


def _unreadable(path, error):
    return FileFormatError(f"{path}: cannot be read: {str(error).splitlines()[0]}")
