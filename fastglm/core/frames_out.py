"""Tables that are handed back, as frames of the library at hand."""

from __future__ import annotations

from importlib import import_module

# library -> its module and what makes a frame there of columns by name
FRAMES = {"pandas": ("pandas", "DataFrame"), "polars": ("polars", "DataFrame"), "pyarrow": ("pyarrow", "table")}


def frame(columns, library="pandas"):
    """Columns by name as a frame of a library, else of pandas, or as they are where neither is installed."""
    for module, make in dict.fromkeys((FRAMES.get(library, FRAMES["pandas"]), FRAMES["pandas"])):
        try:
            found = import_module(module)
        except ImportError:
            continue
        return getattr(found, make)(columns)
    return columns
