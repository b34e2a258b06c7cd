"""Tables that are handed back, as frames of the library at hand."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

# library -> its module and what makes a frame there of columns by name
FRAMES = {"pandas": ("pandas", "DataFrame"), "polars": ("polars", "DataFrame"), "pyarrow": ("pyarrow", "table")}


def frame(columns: Any, library: Any = "pandas") -> Any:
    """Columns by name as a frame of a library, else of pandas, or as they are where neither is installed."""
    for module, make in dict.fromkeys((FRAMES.get(library, FRAMES["pandas"]), FRAMES["pandas"])):
        try:
            found = import_module(module)
        except ImportError:
            continue
        return getattr(found, make)(columns)
    return columns


def labelled(names: Any, values: Any, columns: Any = None, library: Any = "pandas") -> Any:
    """Numbers (k,), or (k, c) with names of ``columns``, by their names: a pandas Series or DataFrame, a frame of
    another library with a column ``term``, or a dict where neither is installed.
    """
    parts = {"estimate": values} if columns is None else {str(c): values[:, j] for j, c in enumerate(columns)}
    if library in FRAMES and library != "pandas":
        return frame({"term": list(names), **parts}, library)
    try:
        pandas = import_module("pandas")
    except ImportError:
        return {name: value for name, value in zip(names, values, strict=True)}
    index = pandas.Index(names, name="term")
    if columns is None:
        return pandas.Series(np.array(values), index=index, name="estimate")
    return pandas.DataFrame(np.array(values), index=index, columns=list(columns))
