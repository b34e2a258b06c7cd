"""Pieces of rows: their places in files, how pieces are joined, and how a pass collects some rows."""

from __future__ import annotations

import hashlib
import threading
from bisect import bisect_right
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ..core.records import VECTORS
from ..matrix.columns import Categorical
from .base import Block
from .task import Task

PARTS = ("y", *VECTORS)


class Place(NamedTuple):
    """The origin of a piece of rows: its ``first`` row among all, and ``stretches`` of one origin each, as (row of the
    piece, name of the origin, row in the origin)."""

    first: int
    stretches: tuple

    def row(self, i: int) -> str:
        """The origin of row i of the piece, in words."""
        start, name, row = self.stretches[bisect_right(self.stretches, i, key=lambda stretch: stretch[0]) - 1]
        return f"row {row + i - start} of {name}"


class Pieces(NamedTuple):
    """Blocks of rows; the sum of two has the blocks of both."""

    parts: tuple

    def __add__(self, other: Pieces) -> Pieces:
        return Pieces(self.parts + other.parts)

    def data(self, shape: Block) -> Block:
        """One Block of all rows; ``shape``, which has none, where there are no parts."""
        if not self.parts:
            return shape
        if len(self.parts) == 1:
            return self.parts[0]
        columns = {}
        for name in PARTS:
            values = [getattr(part, name) for part in self.parts]
            columns[name] = None if values[0] is None else np.concatenate(values)
        terms = zip(*(part.terms for part in self.parts), strict=True)
        stacked = tuple(type(parts_of_term[0]).stacked(parts_of_term) for parts_of_term in terms)
        X = [part.X for part in self.parts]
        n, p = sum(map(len, X)), X[0].shape[1]
        stacked_X = np.empty((n, p), X[0].dtype, order="C" if X[0].flags.c_contiguous else "F")
        return self.parts[0]._replace(X=np.concatenate(X, out=stacked_X), terms=stacked, **columns)


class CollectRows(Task):
    """A task that collects the rows in some ranges, as ``Pieces``."""

    journaled = False

    def __init__(self, ranges: np.ndarray):
        self.ranges = ranges[np.argsort(ranges[:, 0])]

    def needs_rows(self, first: Any, stop: Any) -> Any:
        return bool(((self.ranges[:, 0] < stop) & (self.ranges[:, 1] > first)).any())

    def of(self, part: Any, runs: Any) -> Any:
        first, n = part.place.first, len(part.data.y)
        begin, stop = np.clip(self.ranges - first, 0, n).T
        keep = begin < stop
        rows = np.concatenate(
            [np.arange(i, j) for i, j in zip(begin[keep], stop[keep], strict=True)] or [np.zeros(0, int)]
        )
        return Pieces((selected_rows(part.data, rows),)) if len(rows) else Pieces(())


class FillArrays(CollectRows):
    """A task that writes the rows in some ranges into arrays of this process, as they come."""

    def __init__(self, ranges: np.ndarray):
        super().__init__(ranges)
        self.ends = np.cumsum(self.ranges[:, 1] - self.ranges[:, 0])
        self.data, self.lock = None, threading.Lock()

    def of(self, part: Any, runs: Any) -> Any:
        with self.lock:
            if self.data is None:
                self.data = self._empty(part.data)
        first, n = part.place.first, len(part.data.y)
        for k in np.flatnonzero((self.ranges[:, 0] < first + n) & (self.ranges[:, 1] > first)):
            begin, stop = np.clip(self.ranges[k] - first, 0, n)
            place = self.ends[k] - self.ranges[k, 1] + first
            self._write(part.data, slice(begin, stop), slice(begin + place, stop + place))
        return 0

    def _write(self, data, rows, place):
        stacked_X = self.data
        stacked_X.X[place] = data.X[rows]
        for name in PARTS:
            if (vector := getattr(data, name)) is not None:
                getattr(stacked_X, name)[place] = vector[rows]
        for target, term in zip(stacked_X.terms, data.terms, strict=True):
            target.codes[place] = term.codes[rows]
            if term.values is not None:
                target.values[place] = term.values[rows]

    def _empty(self, data):
        """Arrays for all rows of the ranges, of the types and the order of those of a piece."""
        n, X = int(self.ends[-1]), data.X
        vectors = {
            name: vector if (vector := getattr(data, name)) is None else np.empty(n, vector.dtype) for name in PARTS
        }
        terms = tuple(
            Categorical(np.zeros(n, np.int32), term.shape[1], None if term.values is None else np.zeros(n))
            for term in data.terms
        )
        order = "C" if X.flags.c_contiguous else "F"
        return data._replace(X=np.empty((n, X.shape[1]), X.dtype, order=order), terms=terms, **vectors)


def selected_rows(data: Any, rows: Any) -> Any:
    """The Block of some rows: views for a slice, copies for row numbers."""
    vectors = {name: vector if (vector := getattr(data, name)) is None else vector[rows] for name in PARTS}
    X = data.X[rows] if isinstance(rows, slice) or data.X.flags.c_contiguous else data.X.T.take(rows, axis=1).T
    return data._replace(X=X, terms=tuple(term.rows(rows) for term in data.terms), **vectors)


class CheckFinite(Task):
    """A task that refuses an X with a cell that is not finite."""

    def of(self, part: Any, runs: Any) -> Any:
        part.check_finite()
        return 0


class Parts:
    """A reader over rows in memory that come in several Blocks.

    Parameters
    ----------
    parts : sequence of Block
        Blocks of equal columns, with one row at least.
    names : sequence of str, optional
        Names of the parts in messages.
    """

    cost = 0.0

    def __init__(self, parts: Any, names: Any = None) -> None:
        self.parts = tuple(parts)
        self.names = tuple(names or (f"part {i}" for i in range(len(self.parts))))
        self.starts = np.cumsum([0, *(len(part.y) for part in self.parts)])
        self.n_rows, self.shape = int(self.starts[-1]), selected_rows(self.parts[0], np.zeros(0, np.intp))
        for parts_of_term in zip(self.shape.terms, *(part.terms for part in self.parts), strict=True):
            if hasattr(parts_of_term[0], "complete"):
                parts_of_term[0].complete = all(term.complete for term in parts_of_term[1:])

    def pieces(self, first: int, sizes: list, vectors_only: bool) -> Iterator[Any]:
        """As ``Reader.pieces``."""
        for size in sizes:
            blocks, places, row = [], [], first
            while row < first + size:
                i = int(np.searchsorted(self.starts, row, side="right")) - 1
                begin, stop = row - self.starts[i], min(first + size, self.starts[i + 1]) - self.starts[i]
                blocks.append(selected_rows(self.parts[i], slice(begin, stop)))
                places.append((row - first, self.names[i], int(begin)))
                row += int(stop - begin)
            yield Pieces(tuple(blocks)).data(self.shape), Place(first, tuple(places))
            first += size

    def fingerprint(self) -> dict:
        """The numbers of rows, and a digest of all arrays."""
        digest = hashlib.blake2b(digest_size=16)
        for part in self.parts:
            arrays = [part.X, *(getattr(part, name) for name in PARTS)]
            arrays += [vector for term in part.terms for vector in vars(term).values()]
            for vector in arrays:
                digest.update(
                    np.ascontiguousarray(vector).tobytes() if isinstance(vector, np.ndarray) else repr(vector).encode()
                )
        return {"rows": [len(part.y) for part in self.parts], "what they hold": digest.hexdigest()}
