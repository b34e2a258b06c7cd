"""Columns as a frame of the caller's library, and the tables that come with the package."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from ..core.frames_out import FRAMES, frame
from ..errors import InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

Library: TypeAlias = Literal["pandas", "polars", "pyarrow", "dict"]

DATA = Path(__file__).parent / "data"


def check_library(library: str) -> None:
    """Refuse a library that is unknown or not installed.

    Raises
    ------
    InvalidParameterError
    ImportError
    """
    if library not in (*FRAMES, "dict"):
        raise InvalidParameterError(f"library must be {', '.join(FRAMES)} or dict, got {library!r}")
    if library != "dict" and find_spec(library) is None:
        remedy = f"pip install {library}, or library='dict' for arrays by name"
        raise ImportError(f"a data set as a frame of {library} needs {library}: {remedy}", name=library)


def handed(columns: Mapping[str, NDArray[Any]], library: str) -> Any:
    """Columns (n,) by name as a frame of ``library``; "dict" leaves them as they are."""
    check_library(library)
    return dict(columns) if library == "dict" else frame(dict(columns), library)


def converted(table: Any, library: str) -> Any:
    """A pandas frame as one of another library, its text and categories kept."""
    if library == "pandas":
        return table
    if library == "pyarrow":
        from pyarrow import Table

        return Table.from_pandas(table, preserve_index=False)
    if library == "polars":
        from polars import from_pandas

        return from_pandas(table)
    return {str(name): table[name].to_numpy() for name in table.columns}


def read_table(name: str) -> dict[str, NDArray[Any]]:
    """The columns (n,) of a table of the package by name: whole numbers, float64, or text."""
    head, *lines = (DATA / f"{name}.csv").read_text().splitlines()
    texts = zip(*(line.split(",") for line in lines), strict=True)
    return {column: _typed(cells) for column, cells in zip(head.split(","), texts, strict=True)}


def _typed(cells: tuple[str, ...]) -> NDArray[Any]:
    for kind in (np.int64, np.float64):
        try:
            return np.array(cells, object).astype(kind)
        except ValueError:
            continue
    return np.array(cells, object)
