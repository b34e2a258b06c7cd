"""Rows of files, read piece by piece in bounded memory: Parquet, Arrow, CSV, and streams that are read once."""

from .fragments import Fragment, Rows
from .opening import is_rows, open_rows
from .streams import from_duckdb

__all__ = ["Fragment", "Rows", "from_duckdb", "is_rows", "open_rows"]
