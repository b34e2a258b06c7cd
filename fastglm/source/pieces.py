"""Pieces of rows: where they are, how they are joined, and how some of them are taken out of a pass."""

from __future__ import annotations

import hashlib
import threading
from bisect import bisect_right
from typing import NamedTuple

import numpy as np

from ..core.records import VECTORS
from ..matrix.columns import Categorical
from .base import Block
from .task import Task

PARTS = ("y", *VECTORS)


class Place(NamedTuple):
    """Where the rows of a piece are: its ``first`` row among all, and (row of the piece, name, row there) of stretches
    that come from one place each."""

    first: int
    stretches: tuple

    def row(self, i: int) -> str:
        """Row i of the piece in words."""
        start, name, row = self.stretches[bisect_right(self.stretches, i, key=lambda s: s[0]) - 1]
        return f"row {row + i - start} of {name}"


class Pieces(NamedTuple):
    """Rows of several places; adding two is the rows of both."""

    parts: tuple

    def __add__(self, other: Pieces) -> Pieces:
        return Pieces(self.parts + other.parts)

    def data(self, shape: Block) -> Block:
        """All rows as one."""
        if not self.parts:
            return shape
        if len(self.parts) == 1:
            return self.parts[0]
        columns = {}
        for name in PARTS:
            values = [getattr(part, name) for part in self.parts]
            columns[name] = None if values[0] is None else np.concatenate(values)
        terms = zip(*(part.terms for part in self.parts), strict=True)
        stacked = tuple(type(each[0]).stacked(each) for each in terms)
        X = [part.X for part in self.parts]
        n, p = sum(map(len, X)), X[0].shape[1]
        whole = np.empty((n, p), X[0].dtype, order="C" if X[0].flags.c_contiguous else "F")
        return self.parts[0]._replace(X=np.concatenate(X, out=whole), terms=stacked, **columns)


class Collect(Task):
    """The rows in some ranges, as ``Pieces``."""

    kept = False

    def __init__(self, ranges: np.ndarray):
        self.ranges = ranges[np.argsort(ranges[:, 0])]

    def wants(self, first, stop):
        return bool(((self.ranges[:, 0] < stop) & (self.ranges[:, 1] > first)).any())

    def of(self, part, runs):
        first, n = part.place.first, len(part.data.y)
        a, b = np.clip(self.ranges - first, 0, n).T
        keep = a < b
        rows = np.concatenate([np.arange(i, j) for i, j in zip(a[keep], b[keep], strict=True)] or [np.zeros(0, int)])
        return Pieces((taken(part.data, rows),)) if len(rows) else Pieces(())


class Fill(Task):
    """The rows in some ranges, written where they belong in arrays of this process as they come."""

    kept = False

    def __init__(self, ranges: np.ndarray):
        self.ranges = ranges[np.argsort(ranges[:, 0])]
        self.ends = np.cumsum(self.ranges[:, 1] - self.ranges[:, 0])
        self.data, self.lock = None, threading.Lock()

    def wants(self, first, stop):
        return bool(((self.ranges[:, 0] < stop) & (self.ranges[:, 1] > first)).any())

    def of(self, part, runs):
        with self.lock:
            if self.data is None:
                self.data = self._empty(part.data)
        first, n = part.place.first, len(part.data.y)
        for k in np.flatnonzero((self.ranges[:, 0] < first + n) & (self.ranges[:, 1] > first)):
            a, b = np.clip(self.ranges[k] - first, 0, n)
            place = self.ends[k] - self.ranges[k, 1] + first
            self._write(part.data, slice(a, b), slice(a + place, b + place))
        return 0

    def _write(self, data, rows, place):
        whole = self.data
        whole.X[place] = data.X[rows]
        for name in PARTS:
            if (v := getattr(data, name)) is not None:
                getattr(whole, name)[place] = v[rows]
        for mine, term in zip(whole.terms, data.terms, strict=True):
            mine.codes[place] = term.codes[rows]
            if term.values is not None:
                mine.values[place] = term.values[rows]

    def _empty(self, data):
        """Arrays for all rows of the ranges, of the types and the order of a piece's."""
        n, X = int(self.ends[-1]), data.X
        vectors = {name: v if (v := getattr(data, name)) is None else np.empty(n, v.dtype) for name in PARTS}
        terms = tuple(
            Categorical(np.zeros(n, np.int32), t.shape[1], None if t.values is None else np.zeros(n))
            for t in data.terms
        )
        order = "C" if X.flags.c_contiguous else "F"
        return data._replace(X=np.empty((n, X.shape[1]), X.dtype, order=order), terms=terms, **vectors)


def taken(data, rows):
    """Some rows, a slice or numbers; copies where they are numbers."""
    vectors = {name: v if (v := getattr(data, name)) is None else v[rows] for name in PARTS}
    X = data.X[rows] if isinstance(rows, slice) or data.X.flags.c_contiguous else data.X.T.take(rows, axis=1).T
    return data._replace(X=X, terms=tuple(t.rows(rows) for t in data.terms), **vectors)


class Finite(Task):
    """Nothing, or an error that names the first cell that is not finite."""

    def of(self, part, runs):
        part.check_finite()
        return 0


class Parts:
    """A reader over rows in memory that come in several parts, with one description.

    Parameters
    ----------
    parts : sequence of Block
        With equal columns; at least one row.
    names : sequence of str, optional
        What to call the parts in messages.
    """

    cost = 0.0

    def __init__(self, parts, names=None):
        self.parts = tuple(parts)
        self.names = tuple(names or (f"part {i}" for i in range(len(self.parts))))
        self.starts = np.cumsum([0, *(len(part.y) for part in self.parts)])
        self.n_rows, self.shape = int(self.starts[-1]), taken(self.parts[0], np.zeros(0, np.intp))
        for each in zip(self.shape.terms, *(part.terms for part in self.parts), strict=True):
            if hasattr(each[0], "complete"):
                each[0].complete = all(term.complete for term in each[1:])

    def pieces(self, first: int, sizes: list, vectors_only: bool):
        """As ``Reader.pieces``."""
        for size in sizes:
            found, places, row = [], [], first
            while row < first + size:
                i = int(np.searchsorted(self.starts, row, side="right")) - 1
                a, b = row - self.starts[i], min(first + size, self.starts[i + 1]) - self.starts[i]
                found.append(taken(self.parts[i], slice(a, b)))
                places.append((row - first, self.names[i], int(a)))
                row += int(b - a)
            yield Pieces(tuple(found)).data(self.shape), Place(first, tuple(places))
            first += size

    def fingerprint(self) -> dict:
        """The numbers of rows, and a digest of all that they hold."""
        digest = hashlib.blake2b(digest_size=16)
        for part in self.parts:
            arrays = [part.X, *(getattr(part, name) for name in PARTS)]
            arrays += [v for t in part.terms for v in vars(t).values()]
            for v in arrays:
                digest.update(np.ascontiguousarray(v).tobytes() if isinstance(v, np.ndarray) else repr(v).encode())
        return {"rows": [len(part.y) for part in self.parts], "what they hold": digest.hexdigest()}
