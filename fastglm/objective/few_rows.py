"""Few rows of factors as rows of numbers, which Newton steps in compiled code read without a call of Python each."""

from __future__ import annotations

from typing import Any

from ..kernels.row_loops import FamilyLink
from ..source.in_memory import InMemory
from ..source.streaming_qr import design
from .levels import Levels

# beyond which the sums of levels take less time: in milliseconds as levels and as columns 1,000 x 43 take 6.7 and 5.2,
# 2,000 x 28 6.8 and 4.8, 4,000 x 18 6.8 and 6.5, 10,000 x 8 8.2 and 8.8
MOST_NUMBERS, MOST_PRODUCTS = 60_000, 2_000_000  # of the columns, and of every two of them


def as_columns(source: Any, pair: FamilyLink) -> Any:
    """The source with a column of numbers for each coefficient, where that is quicker; as it is where not.

    Levels without a finite estimate are better known as levels: a descent begins at their bound.

    Parameters
    ----------
    source : Source
    pair : FamilyLink
        Family and link of the rows.
    """
    n, m = source.n_rows, source.n_columns
    few = n * m <= MOST_NUMBERS and n * m * m <= MOST_PRODUCTS
    if not (source.data.terms and source.data.has_intercept and few and source.rows_read == n):
        return source
    rows = source.gather()
    if Levels(pair, rows).infinite.any():
        return source
    found = InMemory(rows.data._replace(X=design(rows.data, 0, n)[:, 1:], terms=(), coding=None), source.threads)
    found.place, found.counts = rows.place, source.counts
    return found
