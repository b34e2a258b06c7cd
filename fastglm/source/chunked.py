"""Rows that are read anew at every pass: files, partitions of a cluster, anything that comes in pieces."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Protocol

import numpy as np

from ..core.lazy import cached_property
from ..kernels.passes import workspace
from .base import RUN, Block, Lent, RowTransform, Source, Tree, all_rows, n_units
from .in_memory import InMemory
from .pieces import Collect, Fill, Finite
from .task import ColumnRange, Task
from .threads import Threads

PIECE_BYTES = 16 << 20  # of the rows that a thread holds as numbers at a time
SAMPLE_BYTES = 32 << 20, 128 << 20  # that a sample may take in any case, and at the most
WINDOW_BYTES = 48 << 20
FRAGMENTS = 16  # the most that a sample is taken from where reading is dear; four at least, else a quarter of all


class Reader(Protocol):
    """What makes rows of numbers from wherever they are; it can be pickled, and read again.

    Attributes
    ----------
    shape : Block
        None of the rows, but all else.
    n_rows : int
    cost : float
        Of reading a pass, in passes with curvature.
    starts : (fragments + 1,) int array
        The rows at which pieces begin that are read as a whole.
    """

    shape: Block
    n_rows: int
    cost: float
    starts: np.ndarray

    def pieces(self, first: int, sizes: list, vectors_only: bool) -> Any:
        """(Data, Place) of as many rows as ``sizes`` say, one after the other from row ``first`` on."""

    def fingerprint(self) -> dict:
        """What tells these rows from others, as plain values."""


class Chunks:
    """Rows of a reader cut into units: what engines run tasks on, here or elsewhere.

    Parameters
    ----------
    reader : Reader
    change : RowTransform, optional
        To the rows as they are read.
    """

    def __init__(self, reader: Reader, change: RowTransform | None = None):
        self.reader, self.change = reader, change
        self.shape = reader.shape if change is None else change(reader.shape)
        layout = Source(self.shape, reader.n_rows, 1)
        self.block, self.p, self.packed, self._idle = layout.block, layout.p, layout.packed, []
        units = all_rows(reader.n_rows, layout.room.size)
        self.edges = np.array([0, *(u[0, 1] for u in units)])
        width = 8 * (self.p + 4) + 12 * len(self.shape.terms)
        self.piece = max(1, PIECE_BYTES // (width * self.block)) * self.block

    def __getstate__(self):
        return self.__dict__ | {"_idle": []}

    def workspace(self):
        """One thread's workspace, for a ``with`` statement."""
        return Lent(self._idle, lambda: workspace(self.p, self.block))

    def stretches(self, units: list, n: int) -> list:
        """Units in about n lists of consecutive ones, each from the beginning of a fragment where they are shorter.

        What comes before a stretch in its fragment has to be decoded for nothing.
        """
        fragments = np.searchsorted(self.reader.starts, self.edges[units], side="right").tolist()
        longest, out, began = max(1, -(-len(units) // n)), [], None
        for u, fragment in zip(units, fragments, strict=True):
            here = out and out[-1][-1] == u - 1
            if here and (fragment == began or len(out[-1]) < longest):
                out[-1].append(u)
            else:
                out.append([u])
            began = fragment
        return out

    def values(self, task: Task, units: list, work: np.ndarray):
        """(unit, its value) of consecutive units, read in one go."""
        for u, parts in self.parts(units, task.vectors_only):
            state = task.begin()
            for part in parts:
                task.add(state, part, part.units[0], work)
            yield u, task.end(state)

    def parts(self, units: list, vectors_only: bool):
        """(unit, its rows as sources of one piece each) of consecutive units, read in one go."""
        sizes = [self._sizes(u) for u in units]
        bare = vectors_only or (self.change is not None and self.change.bare)
        pieces = self.reader.pieces(int(self.edges[units[0]]), [n for each in sizes for n in each], bare)
        for u, each in zip(units, sizes, strict=True):
            yield u, (self._part(*next(pieces)) for _ in each)

    def _sizes(self, u):
        n = int(self.edges[u + 1] - self.edges[u])
        return [min(self.piece, n - a) for a in range(0, n, self.piece)]

    def _part(self, data, place):
        data = data if self.change is None else self.change(data, place.first)
        packed = self.packed.of(data.terms) if data.terms else None
        return InMemory(data, 1, [np.array([[0, len(data.y)]])], self.block, packed, place)


class Chunked(Source):
    """A source over rows that are read anew at every pass.

    Parameters
    ----------
    chunks : Chunks
    threads : int
    engine : Threads or another with its ``run``
        Where tasks run; threads of this process unless given.
    journal : Journal, optional
        Where results of passes are kept, so that an interrupted fit can go on.
    """

    here = False

    def __init__(self, chunks: Chunks, threads: int, engine=None, journal=None):
        super().__init__(chunks.shape, chunks.reader.n_rows, threads, chunks.block, chunks.packed)
        self.chunks, self.engine, self.journal = chunks, engine or Threads(threads), journal
        self.rows_read, self.cost = self.n_rows, chunks.reader.cost
        self.ranges = np.array([[0, self.n_rows]])
        self._window, self._reading = (0, 0, None), (-1, None)
        self.seen = None  # called after every unit with the number of units, for a progress bar

    def reduce(self, task: Task) -> Any:
        """The sum of a task over the units, added in a fixed binary tree."""
        edges = self.chunks.edges.tolist()
        units = [u for u, (a, b) in enumerate(pairwise(edges)) if task.wants(a, b)]
        tree = Tree(len(units))
        if not task.vectors_only:
            tree.seen = self.seen
        if self.journal is not None and task.kept:
            return self.journal.run(self.engine, self.chunks, task, units, tree)
        self.engine.run(self.chunks, task, units, tree)
        return tree.root

    def changed(self, change: RowTransform) -> Chunked:
        """A source over the same rows with other columns."""
        return Chunked(
            Chunks(self.chunks.reader, change.after(self.chunks.change)), self.threads, self.engine, self.journal
        )

    @property
    def sample_limit(self) -> int:
        """The most rows that a sample should have: two hundred a coefficient, within bounds of memory."""
        if not self.cost:
            return self.n_rows
        low, high = (size // (8 * max(self.n_columns, 1)) for size in SAMPLE_BYTES)
        return min(high, max(low, 200 * self.n_columns))

    def sample(self, rows: int) -> Gathered:
        """About ``rows`` rows, read once and kept in memory: the same ones that a sample in memory would have, or where
        reading is dear those of a few fragments at random."""
        if not self.cost:
            return self._gathered(self.sample_ranges(rows))
        starts = np.asarray(self.chunks.reader.starts)
        count = min(len(starts) - 1, max(4, min(FRAGMENTS, (len(starts) - 1) // 4)))
        edges = np.linspace(0, len(starts) - 1, count + 1).astype(np.int64)
        rng = np.random.default_rng(rows)
        picked = edges[:-1] + (rng.random(len(edges) - 1) * np.diff(edges)).astype(np.int64)
        sizes = starts[picked + 1] - starts[picked]
        each = (rows * (sizes / sizes.sum())).astype(np.int64)
        runs = [starts[f] + _runs(n, k) for f, n, k in zip(picked, sizes, each, strict=True)]
        found = self._gathered(np.array_split(np.concatenate(runs), n_units(rows, self.room.size)))
        found.fetched = float(sizes.sum() / self.n_rows)
        return found

    def part(self, runs: np.ndarray) -> InMemory:
        """The rows in the ranges ``runs`` (k, 2), in memory; those of one neighbourhood are read together."""
        low, high = int(runs[:, 0].min()), int(runs[:, 1].max())
        first, stop, window = self._window
        if low < first or high > stop:
            edges = self._neighbourhoods
            a, b = int(np.searchsorted(edges, low, side="right")) - 1, int(np.searchsorted(edges, high))
            first, stop = int(edges[a]), int(edges[b])
            window = self._next(a) if b == a + 1 else self._collect(np.array([[first, stop]]))
            self._window = first, stop, window
        return InMemory(window, self.threads, [runs - first], self.block, self.packed.of(window.terms))

    def _next(self, i):
        """The rows of a neighbourhood; one after the other they are read in one go."""
        at, pieces = self._reading
        if at != i:
            sizes = np.diff(self._neighbourhoods[i:]).tolist()
            pieces = self.chunks.reader.pieces(int(self._neighbourhoods[i]), sizes, False)
        self._reading = i + 1, pieces
        data, place = next(pieces)
        return data if self.chunks.change is None else self.chunks.change(data, place.first)

    @cached_property
    def _neighbourhoods(self):
        """The edges of stretches that fit in memory: whole fragments, and parts of large ones."""
        most = max(1, WINDOW_BYTES // (8 * (self.p + 4) + 4 * len(self.data.terms)))
        edges = [0]
        for a, b in pairwise(np.asarray(self.chunks.reader.starts).tolist()):
            if b - edges[-1] > most and a > edges[-1]:
                edges.append(a)
            while b - edges[-1] > most:
                edges.append(edges[-1] + most)
        return np.array([*edges, self.n_rows] if edges[-1] < self.n_rows else edges)

    def blocks(self):
        """The rows as Data, piece by piece, read once more."""
        units = list(range(len(self.chunks.edges) - 1))
        for _, parts in self.chunks.parts(units, False):
            for part in parts:
                yield part.data

    def gather(self) -> InMemory:
        """A source over all rows in memory."""
        place = getattr(self.chunks.reader, "place", None)
        return InMemory(self._collect(self.ranges), self.threads, place=None if place is None else place())

    def shuffled(self, blocks: list, rng) -> list:
        """Ranges of rows in random order: of fragments, and of the blocks of each stretch that is read at once."""
        first = np.array([b[0, 0] for b in blocks])
        fragment, owner = (
            np.searchsorted(edges, first, side="right") for edges in (self.chunks.reader.starts, self._neighbourhoods)
        )
        order = []
        for f in rng.permutation(np.unique(fragment)):
            mine = np.flatnonzero(fragment == f)
            order += [rng.permutation(mine[owner[mine] == u]) for u in np.unique(owner[mine])]
        return [blocks[i] for i in np.concatenate(order)]

    def constant_column(self) -> int | None:
        """The number of a constant, nonzero column of X, or None: one pass."""
        if self.p == 0:
            return None
        top, bottom = self.reduce(ColumnRange()).value
        found = np.flatnonzero((top == -bottom) & (top != 0.0))
        return int(found[0]) if len(found) else None

    def check_finite(self) -> None:
        """Look for the cell of X that made a sum not finite.

        Raises
        ------
        MissingDataError
            Naming the column, and the place of the row.
        """
        self.reduce(Finite())

    def _collect(self, ranges) -> Block:
        if isinstance(self.engine, Threads) and all(hasattr(t, "codes") for t in self.data.terms):
            fill = Fill(ranges)
            self.reduce(fill)
            return fill.data
        return self.reduce(Collect(ranges)).data(self.data)

    def _gathered(self, units):
        ranges = np.concatenate(units)
        ends = np.cumsum(ranges[:, 1] - ranges[:, 0])
        local = np.column_stack([np.append(0, ends[:-1]), ends])
        edges = np.cumsum([0, *(len(u) for u in units)])
        units = [np.ascontiguousarray(local[a:b]) for a, b in pairwise(edges)]
        return Gathered(self, ranges, self._collect(ranges), units)


def _runs(n, rows):
    """Runs of rows (k, 2), ``rows`` in all, spread over n rows."""
    runs = int(max(1, min(rows, n) // RUN))
    first = np.linspace(0, max(n - RUN, 0), runs).astype(np.int64)
    return np.column_stack([first, np.minimum(first + RUN, np.append(first[1:], n))])


class Gathered(InMemory):
    """Some rows of another source, in memory, as if they were still among all.

    Attributes
    ----------
    fetched : float
        The share of all rows that was read for them.
    """

    fetched = 0.0

    def __init__(self, whole: Chunked, ranges: np.ndarray, data: Block, units: list):
        super().__init__(data, whole.threads, units, whole.block, whole.packed.of(data.terms))
        self.whole, self._ranges, self.n_rows = whole, ranges, whole.n_rows

    @property
    def ranges(self) -> np.ndarray:
        """The half-open ranges of rows of the whole source that these are, (k, 2)."""
        return self._ranges

    def sample(self, rows: int):
        """About ``rows`` rows: of the whole source, or where that is dear to read of these."""
        if not self.whole.cost:
            return self.whole.sample(rows)
        runs = np.concatenate(self.units)
        count = max(1, round(len(runs) * rows / self.rows_read))
        picked = runs[np.unique(np.linspace(0, len(runs) - 1, count).astype(np.intp))]
        return self._over([np.ascontiguousarray(u) for u in np.array_split(picked, min(8, len(picked)))])

    def changed(self, change: RowTransform) -> InMemory:
        return InMemory(change(self.data), self.threads, self.units, self.block)

    def _over(self, units):
        other = super()._over(units)
        other.n_rows = self.n_rows
        return other
