"""The columns of rows in memory, one after the other, for descents that move one coefficient at a time."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np

from ..kernels.column_descent import add_columns, dots, squares
from ..kernels.evaluate import row_terms
from ..source.streaming_qr import offset, weight
from ..source.threads import mapped, single_threaded_blas

SOME = 1 << 11  # columns that a thread multiplies at a time
WORTH_THREADS = 2_500_000  # numbers of columns, from which their products with a vector are worth a second thread
APART = 1e-5  # linear predictors, between which a difference of scores has ten digits
LEAST = 0.05  # of an expected curvature, that the observed one is taken to be at the least; chosen
_by_columns: WeakKeyDictionary = WeakKeyDictionary()  # of sparse matrices: one copy serves all fits of the same rows


class ColumnStore:
    """The rows of an objective by their columns: a CSC matrix, or an array of which the columns in use are copied.

    Parameters
    ----------
    pair : FamilyLink
    data : Block
        With one array, or one sparse matrix.
    threads : int
    """

    def __init__(self, pair, data, threads: int):
        self.pair, self.threads, self.n = pair, threads, len(data.y)
        self.y, self.w = np.asarray(data.y, np.float64), weight(data, 0, self.n)
        self.offset, self.ones, self.X = offset(data, 0, self.n), np.ones(self.n), data.X
        nothing = np.zeros(1, np.int64), np.zeros(0, np.uint32), np.zeros(0)
        self.sparse = bool(data.terms)
        self.length = float(self.n)  # numbers of a column
        self.copied: np.ndarray | None = None
        if self.sparse:
            found = by_columns(data.terms[0])
            self.p, self.arrays = found[0].size - 1, (np.zeros((0, self.n)), *found)
            self.length = found[1].size / max(self.p, 1)
        else:
            self.p, own = data.X.shape[1], data.X.T
            whole = own.dtype == np.float64 and own.flags.c_contiguous
            self.arrays = (own if whole else np.zeros((1, self.n)), *nothing)
            self.copied = None if whole else np.full(self.p, -1)
            self.filled = 0

    def places(self, numbers: np.ndarray) -> np.ndarray:
        """Where the columns ``numbers`` are in ``arrays``; those that are not are copied."""
        if self.copied is None:
            return numbers
        new = numbers[self.copied[numbers] < 0]
        if len(new):
            dense, room = self.arrays[0], self.filled + len(new)
            if room > len(dense):
                larger = np.empty((min(self.p, max(room, 2 * len(dense))), self.n))
                larger[: self.filled] = dense[: self.filled]
                self.arrays = (larger, *self.arrays[1:])
            self.arrays[0][self.filled : room] = self.X[:, new].T
            self.copied[new] = np.arange(self.filled, room)
            self.filled = room
        return self.copied[numbers]

    def rows_at(self, eta: np.ndarray):
        """The scores and informations of rows, (n,) each, and the sums of the deviance and Pearson's chi-square."""
        with np.errstate(all="ignore"):
            r, h, deviance = row_terms(self.pair, eta, self.y, self.w)
            chi2 = np.divide(r * r, h, out=np.zeros(self.n), where=h > 0.0)
        return r, h, float(deviance.sum()), float(chi2.sum())

    def curvatures(self, eta: np.ndarray, h: np.ndarray) -> np.ndarray:
        """The second derivatives of half the rows' deviances, (n,), of which ``h`` are the expected values: by
        differences of the scores, where the link is not canonical. None is below a part of the expected one."""
        if self.pair.canonical:
            return h
        with np.errstate(all="ignore"):
            away = APART * np.maximum(np.abs(eta), 1.0)
            before, after = (row_terms(self.pair, eta + side * away, self.y, self.w)[0] for side in (-1.0, 1.0))
            own = (before - after) / (2.0 * away)
        return np.where(np.isfinite(own), np.maximum(own, LEAST * h), h)

    def times(self, numbers: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        """The columns ``numbers`` times sizes, summed, (n,)."""
        out = np.zeros(self.n)
        places = self.places(numbers)  # before the arrays are looked at, which it may change
        add_columns(*self.arrays, places, sizes, self.ones, out)
        return out

    def scores(self, numbers: np.ndarray, r: np.ndarray) -> np.ndarray:
        """The products of the columns ``numbers`` with r."""
        out, places = np.empty(len(numbers)), self.places(numbers)
        if self.threads == 1 or len(numbers) * self.length < WORTH_THREADS:
            dots(*self.arrays, places, r, out)
        else:
            edges = np.linspace(0, len(numbers), self.threads + 1).astype(int).tolist()

            def some(k):
                part = slice(edges[k], edges[k + 1])
                dots(*self.arrays, places[part], r, out[part])

            mapped(self.threads, some, list(range(self.threads)))
        return out

    def squares(self, numbers: np.ndarray, h: np.ndarray) -> np.ndarray:
        """The sums of h x^2 of the columns ``numbers``."""
        out, places = np.empty(len(numbers)), self.places(numbers)
        squares(*self.arrays, places, h, out)
        return out

    def every_score(self, r: np.ndarray) -> np.ndarray:
        """The products of all columns with r."""
        out = np.empty(self.p)

        def some(a):
            part = slice(a, min(a + SOME, self.p))
            if self.sparse:
                dots(*self.arrays, np.arange(part.start, part.stop), r, out[part])
            else:
                out[part] = r @ self.X[:, part]

        with single_threaded_blas():
            mapped(self.threads, some, list(range(0, self.p, SOME)))
        return out


def by_columns(term) -> tuple:
    """The edges, row numbers and values of the columns of a sparse matrix."""
    if term not in _by_columns:
        X = term.tocsr().tocsc()
        _by_columns[term] = X.indptr.astype(np.int64), X.indices.astype(np.int32, copy=False).view(np.uint32), X.data
    return _by_columns[term]
