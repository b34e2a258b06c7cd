"""Rows of files, read piece by piece in bounded memory: Parquet, Arrow, CSV, and streams that are read once."""

from .opening import is_rows, open_rows
from .rows import Fragment, Rows
from .streams import from_duckdb

__all__ = ["Fragment", "Rows", "from_duckdb", "is_rows", "open_rows"]
