"""One column of a data frame: its values as they are stored, and as codes of the whole numbers that occur."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..errors import InvalidParameterError

HINTS = {
    "date": "wrap it: days(...) for the number of days since 1970-01-01, C(...) for a factor",
    "span": "wrap it: days(...) for the length in days",
}
KINDS = ("number", "boolean", "factor", "date", "span")
BLOCK = 1 << 15  # rows looked at together
EXACT = 2**53  # whole numbers beyond it are not all float64 numbers


class Column(NamedTuple):
    """The values of one column, checked.

    Attributes
    ----------
    name : str
    kind : str
        "number", "boolean", "factor", "date" or "span" (of time).
    values : (n,) array
        Numbers or booleans as stored; int32 codes of a factor's levels, -1 where missing; datetime64; timedelta64.
    levels : tuple of str
        Of a factor: in the order of a categorical type, sorted for text.
    missing : (n,) array of bool, or None where nothing is missing
    """

    name: str
    kind: str
    values: np.ndarray
    levels: tuple[Any, ...] = ()
    missing: np.ndarray | None = None

    def floats(self, part: np.ndarray) -> np.ndarray:
        """A part of the values as float64, without a copy where they are; InvalidParameterError for a factor, dates or
        spans of time, and for whole numbers that float64 does not hold exactly.
        """
        if self.kind not in ("number", "boolean"):
            hint = HINTS.get(self.kind, "a factor has levels, not numbers")
            raise InvalidParameterError(f"column {self.name!r} holds {self.kind}s where numbers are needed; {hint}")
        large = self.largest(part)
        if large > EXACT:
            raise InvalidParameterError(
                f"column {self.name!r} holds {large}, beyond 2**53, which float64 does not hold exactly; "
                "rescale it, or use it as a factor: C(...)"
            )
        return part.astype(np.float64, copy=False)

    def largest(self, part: np.ndarray) -> int:
        """The largest absolute value of a part, where its type can hold more than float64 holds exactly; else 0."""
        if part.dtype.kind not in "iu" or part.dtype.itemsize < 8 or not len(part):
            return 0
        return max(int(part.max()), -int(part.min()))


def counted(column: Column) -> Column | None:
    """Whole numbers as codes of those that occur, by a table of all between the least and the largest."""
    values = column.values
    if column.kind != "number" or values.dtype.kind not in "iu" or not len(values):
        return None
    low, high = int(values.min()), int(values.max())
    if high - low > min(4 * len(values) + 1000, 1 << 24) or high > EXACT:
        return None
    # block by block, so that what is between stays in cache
    edges = range(0, len(values), BLOCK)
    places = lambda: (values[a : a + BLOCK].astype(np.int64, copy=False) - low for a in edges)  # noqa: E731
    seen = np.zeros(high - low + 1, dtype=bool)
    for place in places():
        seen[place] = True
    table = np.cumsum(seen, dtype=np.int32)
    table -= 1
    codes = np.empty(len(values), dtype=np.int32)
    for a, place in zip(edges, places(), strict=True):
        np.take(table, place, out=codes[a : a + BLOCK], mode="clip")
    return Column(column.name, "factor", codes, tuple((np.flatnonzero(seen) + low).tolist()), column.missing)
