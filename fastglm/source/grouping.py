"""Equal rows of a design found: their covariates as words, and a table of the groups so far."""

from __future__ import annotations

import numpy as np

from ..core.records import VECTORS
from ..errors import InvalidParameterError
from ..kernels import group as k
from .base import Block
from .pieces import Pieces

MOST_ENTRIES = 32  # of a sparse row; longer ones hardly repeat
EXACT = 2**53  # whole numbers below it are float64 numbers


class Table:
    """A growing hash table of rows of words."""

    def __init__(self, width, limit):
        self.n, self.limit = 0, limit
        self.groups, self.hashes = np.empty((1024, width), np.uint64), np.empty(1024, np.uint64)
        self.first, self.slots = np.empty(1024, np.int64), np.zeros(2048, np.uint64)

    def add(self, keys, counts, base, ids, found=None) -> bool:
        """The groups of some rows into ``ids``; False where there would be more than the limit."""
        at = 0
        if found is None:
            found = np.empty(len(keys), np.uint64)
            k.hashes(keys, len(keys), found)
        k.settle(keys, found, counts, len(keys), self.slots, self.groups, ids)
        while True:
            at, self.n = k.place(
                keys, found, at, len(keys), base, self.slots, self.groups, self.hashes, self.first, self.n, ids
            )
            if self.n > self.limit:
                return False
            if at == len(keys):
                return True
            self._grow()

    def enter(self, other: Table):
        """The numbers in this table of another's groups, entered in their order; None where there would be too many."""
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


class Words:
    """How the covariates of a row are written as words: equal rows have equal words, and only they."""

    def __init__(self, data, rates):
        self.p, self.shifts = data.X.shape[1], [] if rates else ["offset", "exposure"]
        self.shifts = [name for name in self.shifts if getattr(data, name) is not None]
        self.signature = _signature(data)
        self.entries = [None if hasattr(t, "codes") else t.entries for t in data.terms]
        # levels of several factors share a word as long as their numbers fit
        self.places, radix, word = [], EXACT, -1
        for t in data.terms:
            if hasattr(t, "codes"):
                levels = t.shape[1] + 1
                radix, word = (radix * levels, word) if radix * levels < EXACT else (levels, word + 1)
                self.places.append((word, levels))
        n_values = sum(hasattr(t, "codes") and t.values is not None for t in data.terms)
        self.codes = self.p + len(self.shifts)
        self.width = self.codes + word + 1 + n_values + 2 * sum(e or 0 for e in self.entries)

    def fit(self, data) -> bool:
        """Whether a block's sparse rows have room; refuses a block of other columns."""
        if _signature(data) != self.signature:
            raise InvalidParameterError(
                f"blocks differ: columns and optional vectors are {_signature(data)}, at first {self.signature}"
            )
        rooms = zip(data.terms, self.entries, strict=True)
        return all(room is None or t.entries <= room <= MOST_ENTRIES for t, room in rooms)

    def write(self, data, part, out) -> None:
        """The words of some rows as float64 numbers, (rows, width)."""
        # adding zero makes one of both zeros
        np.add(data.X[part], 0.0, out=out[:, : self.p], dtype=np.float64)
        for j, name in enumerate(self.shifts, self.p):
            np.add(getattr(data, name)[part], 0.0, out=out[:, j], dtype=np.float64)
        numbers = self.codes + (self.places[-1][0] + 1 if self.places else 0)
        out[:, self.codes : numbers] = 0.0
        places, factors = iter(self.places), [t for t in data.terms if hasattr(t, "codes")]
        for t in factors:
            word, levels = next(places)
            k.append_digit(t.codes[part], float(levels), out[:, self.codes + word])
            if t.values is not None:
                out[:, numbers] = np.where(t.codes[part] >= 0, t.values[part], 0.0) + 0.0
                numbers += 1
        for t, room in zip(data.terms, self.entries, strict=True):
            if room is not None:
                _write_sparse(t, part, room, out[:, numbers : numbers + 2 * room])
                numbers += 2 * room


def _signature(data):
    """What blocks must have in common."""
    columns = (*data.names, *(f"{type(t).__name__}({t.shape[1]})" for t in data.terms))
    return columns, tuple(name for name in VECTORS if getattr(data, name) is not None)


def _write_sparse(term, part, room, out):
    """The columns and values of sparse rows, padded with the column -1."""
    edges = term.indptr[part.start : part.stop + 1]
    out[:, :room], out[:, room:] = -1.0, 0.0
    inside = np.arange(room) < np.diff(edges)[:, None]
    out[:, :room][inside] = term.indices[edges[0] : edges[-1]]
    out[:, room:][inside] = term.data[edges[0] : edges[-1]] + 0.0


def take(data, rows) -> Block:
    """Some rows of the data, with nothing of y and its weights."""
    parts = {name: v if v is None else v[rows] for name in ("offset", "exposure") for v in [getattr(data, name)]}
    terms = tuple(t.rows(rows) for t in data.terms)
    return data._replace(X=data.X[rows], y=None, weights=None, freq_weights=None, terms=terms, **parts)


def stacked(parts) -> Block:
    """The rows of several blocks in one."""
    return Pieces(tuple(parts)).data(parts[0])
