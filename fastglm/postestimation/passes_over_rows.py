"""Rows given again to a finished fit, evaluated at it piece by piece: what tests of its assumptions are sums over."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..errors import InvalidParameterError
from ..inference.residuals import evaluate_rows
from ..rows.supplied import check_numbers, in_order
from ..source.threads import get_threads


class Evaluated(NamedTuple):
    """The rows of a piece with family and link evaluated on them.

    Attributes
    ----------
    piece : ``rows.supplied.Piece``
    rows : ``inference.residuals.Rows``
    prior, frequency : (n,) arrays
        Prior weights (times trials), and how often each row counts.
    """

    piece: Any
    rows: Any
    prior: np.ndarray
    frequency: np.ndarray

    @property
    def weight(self) -> np.ndarray:
        """Prior weight times frequency, (n,)."""
        return self.prior * self.frequency


class RowPasses:
    """Passes over the rows of any storage; each ``sum`` or ``each`` reads all of them once.

    Parameters
    ----------
    result : GLMResult
    data, y : rows, as for ``residuals``
    what : str
        The name of the verb, for messages.
    weights, freq_weights, offset, exposure : arrays, or names of columns
    threads : int, optional
    keep : sequence of str
        Columns that pieces hold as ``others``.

    Raises
    ------
    InvalidParameterError
        For a softmax regression, and without rows.
    """

    def __init__(self, result, data, y, what, *, weights=None, freq_weights=None, offset=None, exposure=None,
                 threads=None, keep=()):  # fmt: skip
        if result.family.response_model == "softmax":
            raise InvalidParameterError(f"{what} is of one mean a row; a softmax regression has one for each class")
        if data is None:
            raise InvalidParameterError(f"{what} reads the rows, which a result does not hold: pass data=")
        vectors = {"weights": weights, "freq_weights": freq_weights, "offset": offset, "exposure": exposure}
        self.result, self.what, self.threads = result, what, get_threads(threads)
        self.supplied = result.schema.open(data, y, vectors, keep=keep)

    def __enter__(self) -> RowPasses:
        return self

    def __exit__(self, *_) -> None:
        self.supplied.close()

    def each(self, work):
        """``work`` of the evaluated rows of each piece, in the order of the rows."""
        return in_order(self.supplied, lambda piece: work(self._evaluated(piece)), self.threads)

    def sum(self, work):
        """The sum of the arrays that ``work`` makes of each piece, or of each of a tuple of them."""
        total = None
        for part in self.each(work):
            if total is None:
                total = part
            elif isinstance(part, tuple):
                total = tuple(a + b for a, b in zip(total, part, strict=True))
            else:
                total = total + part
        if total is None:
            raise InvalidParameterError(f"{self.what}: the data have no rows")
        return total

    def _evaluated(self, piece):
        n = piece.X.shape[0]
        frequency = np.broadcast_to(np.asarray(piece.frequency, np.float64), (n,))
        check_numbers("freq_weights", frequency)
        rows = evaluate_rows(self.result, piece.X, piece.y, piece.weights, piece.offset, piece.exposure)
        return Evaluated(piece, rows, np.broadcast_to(np.asarray(rows.weights, np.float64), (n,)), frequency)
