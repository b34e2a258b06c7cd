"""Groups of equal rows of a design: rows as keys of machine words, and a hash table of the groups."""

from __future__ import annotations

import numpy as np

from ..core.measured import MOST_SPARSE_ENTRIES
from ..core.records import VECTORS
from ..errors import InvalidParameterError
from ..kernels import group as k
from .base import Block
from .pieces import Pieces

EXACT = 2**53  # whole numbers below it are float64 numbers


class Table:
    """A growing hash table of keys, each a row of machine words."""

    def __init__(self, width, limit):
        self.n, self.limit = 0, limit
        self.groups, self.hashes = np.empty((1024, width), np.uint64), np.empty(1024, np.uint64)
        self.first, self.slots = np.empty(1024, np.int64), np.zeros(2048, np.uint64)

    def add(self, keys, counts, base, ids, hashes=None) -> bool:
        """Write the group of each of some rows into ``ids``; False where there are more groups than the limit."""
        at = 0
        if hashes is None:
            hashes = np.empty(len(keys), np.uint64)
            k.hashes(keys, len(keys), hashes)
        k.settle(keys, hashes, counts, len(keys), self.slots, self.groups, ids)
        while True:
            at, self.n = k.place(
                keys, hashes, at, len(keys), base, self.slots, self.groups, self.hashes, self.first, self.n, ids
            )
            if self.n > self.limit:
                return False
            if at == len(keys):
                return True
            self._grow()

    def enter(self, other: Table):
        """Enter the groups of another table in their order; their numbers in this one, None beyond the limit."""
        numbers = np.empty(other.n, np.int32)
        done = self.add(other.groups[: other.n], np.ones(other.n), 0, numbers, other.hashes[: other.n])
        return numbers if done else None

    def _grow(self):
        room = 2 * len(self.first)
        for name in ("groups", "hashes", "first"):
            old = getattr(self, name)
            new = np.empty((room, *old.shape[1:]), old.dtype)
            new[: len(old)] = old
            setattr(self, name, new)
        self.slots = np.zeros(2 * room, np.uint64)
        k.refill(self.slots, self.hashes, self.n)


class RowKeys:
    """The covariates of rows as keys: two rows are equal if and only if their keys are."""

    def __init__(self, data, rates):
        self.p, self.shifts = data.X.shape[1], [] if rates else ["offset", "exposure"]
        self.shifts = [name for name in self.shifts if getattr(data, name) is not None]
        self.signature = _signature(data)
        self.entries = [None if hasattr(term, "codes") else term.entries for term in data.terms]
        # several factors share a word as long as the product of their levels is an exact float64
        self.places, radix, word = [], EXACT, -1
        for term in data.terms:
            if hasattr(term, "codes"):
                levels = term.shape[1] + 1
                radix, word = (radix * levels, word) if radix * levels < EXACT else (levels, word + 1)
                self.places.append((word, levels))
        n_values = sum(hasattr(term, "codes") and term.values is not None for term in data.terms)
        self.codes = self.p + len(self.shifts)
        self.width = self.codes + word + 1 + n_values + 2 * sum(entries or 0 for entries in self.entries)

    def fit(self, data) -> bool:
        """Whether the sparse rows of a block fit into keys; refuses a block of other columns."""
        if _signature(data) != self.signature:
            raise InvalidParameterError(
                f"blocks differ: columns and optional vectors are {_signature(data)}, at first {self.signature}"
            )
        rooms = zip(data.terms, self.entries, strict=True)
        return all(room is None or term.entries <= room <= MOST_SPARSE_ENTRIES for term, room in rooms)

    def write(self, data, part, out) -> None:
        """The keys of some rows as float64 numbers, into ``out`` (rows, width)."""
        # adding zero turns -0.0 into 0.0
        np.add(data.X[part], 0.0, out=out[:, : self.p], dtype=np.float64)
        for j, name in enumerate(self.shifts, self.p):
            np.add(getattr(data, name)[part], 0.0, out=out[:, j], dtype=np.float64)
        numbers = self.codes + (self.places[-1][0] + 1 if self.places else 0)
        out[:, self.codes : numbers] = 0.0
        places, factors = iter(self.places), [term for term in data.terms if hasattr(term, "codes")]
        for term in factors:
            word, levels = next(places)
            k.append_digit(term.codes[part], float(levels), out[:, self.codes + word])
            if term.values is not None:
                out[:, numbers] = np.where(term.codes[part] >= 0, term.values[part], 0.0) + 0.0
                numbers += 1
        for term, room in zip(data.terms, self.entries, strict=True):
            if room is not None:
                _write_sparse(term, part, room, out[:, numbers : numbers + 2 * room])
                numbers += 2 * room


def _signature(data):
    """The columns and the optional vectors, which all blocks must share."""
    columns = (*data.names, *(f"{type(term).__name__}({term.shape[1]})" for term in data.terms))
    return columns, tuple(name for name in VECTORS if getattr(data, name) is not None)


def _write_sparse(term, part, room, out):
    """The columns and values of sparse rows, padded with the column -1."""
    edges = term.indptr[part.start : part.stop + 1]
    out[:, :room], out[:, room:] = -1.0, 0.0
    inside = np.arange(room) < np.diff(edges)[:, None]
    out[:, :room][inside] = term.indices[edges[0] : edges[-1]]
    out[:, room:][inside] = term.data[edges[0] : edges[-1]] + 0.0


def covariates_of(data, rows) -> Block:
    """The covariates of some rows, without response and weights."""
    parts = {
        name: vector if vector is None else vector[rows]
        for name in ("offset", "exposure")
        for vector in [getattr(data, name)]
    }
    terms = tuple(term.rows(rows) for term in data.terms)
    return data._replace(X=data.X[rows], y=None, weights=None, freq_weights=None, terms=terms, **parts)


def stacked(parts) -> Block:
    """One Block of the rows of several."""
    return Pieces(tuple(parts)).data(parts[0])
