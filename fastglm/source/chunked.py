"""Rows that are read again at every pass: files, partitions of a cluster, anything that comes in pieces."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Protocol

import numpy as np

from ..core.lazy import cached_property
from ..core.measured import PIECE_BYTES, SAMPLE_BYTES, SAMPLE_FRAGMENTS, SAMPLE_RUN_ROWS, WINDOW_BYTES
from ..kernels.passes import workspace
from .base import Block, BorrowedWorkspace, RowTransform, Source, Tree, all_rows, n_units
from .in_memory import InMemory
from .pieces import CheckFinite, CollectRows, FillArrays
from .task import ColumnRange, Task
from .threads import Threads


class Reader(Protocol):
    """A reader of rows as numbers, from files or other storage; it can be pickled, and read again.

    Attributes
    ----------
    shape : Block
        A block without rows, which describes the columns and the vectors.
    n_rows : int
    cost : float
        The cost of reading all rows once, in units of a pass with curvature.
    starts : (fragments + 1,) int array
        The first row of each fragment, the smallest part that is decoded as a whole, and the number of rows.
    """

    shape: Block
    n_rows: int
    cost: float
    starts: np.ndarray

    def pieces(self, first: int, sizes: list, vectors_only: bool) -> Any:
        """Consecutive pieces of ``sizes`` rows from row ``first`` on, each a (Block, Place)."""

    def fingerprint(self) -> dict:
        """Plain values that differ for other rows."""


class Chunks:
    """Rows of a reader cut into units, on which engines run tasks in this process or another.

    Parameters
    ----------
    reader : Reader
    change : RowTransform, optional
        A change of the rows as they are read.
    """

    rows_alone = True  # whether a piece is a Block, and nothing beside it

    def __init__(self, reader: Reader, change: RowTransform | None = None):
        self.reader, self.change = reader, change
        self.shape = reader.shape if change is None else change(reader.shape)
        layout = Source(self.shape, reader.n_rows, 1)
        self.block, self.p, self.packed, self._idle = layout.block, layout.p, layout.packed, []
        units = all_rows(reader.n_rows, layout.structured_sums.size)
        self.edges = np.array([0, *(unit[0, 1] for unit in units)])
        width = 8 * (self.p + 4) + 12 * len(self.shape.terms)
        self.piece = max(1, PIECE_BYTES // (width * self.block)) * self.block

    def __getstate__(self):
        return self.__dict__ | {"_idle": []}

    def workspace(self):
        """One thread's workspace, for a ``with`` statement."""
        return BorrowedWorkspace(self._idle, lambda: workspace(self.p, self.block))

    def unit_runs(self, units: list, n: int) -> list:
        """Units in about n lists of consecutive numbers, which begin where a fragment does if fragments are small.

        A list that began within a fragment would decode the rows before it for nothing.
        """
        fragments = np.searchsorted(self.reader.starts, self.edges[units], side="right").tolist()
        longest, out, began = max(1, -(-len(units) // n)), [], None
        for unit, fragment in zip(units, fragments, strict=True):
            continues = out and out[-1][-1] == unit - 1
            if continues and (fragment == began or len(out[-1]) < longest):
                out[-1].append(unit)
            else:
                out.append([unit])
            began = fragment
        return out

    def values(self, task: Task, units: list, work: np.ndarray):
        """(unit, value of the task) of consecutive units, read in one go."""
        for unit, parts in self.parts(units, task.vectors_only):
            state = task.begin()
            for part in parts:
                task.add(state, part, part.units[0], work)
            yield unit, task.end(state)

    def parts(self, units: list, vectors_only: bool):
        """(unit, sources of one piece of its rows each) of consecutive units, read in one go."""
        sizes = [self._sizes(unit) for unit in units]
        bare = vectors_only or (self.change is not None and self.change.bare)
        pieces = self.reader.pieces(int(self.edges[units[0]]), [n for unit_sizes in sizes for n in unit_sizes], bare)
        for unit, unit_sizes in zip(units, sizes, strict=True):
            yield unit, (self._part(*next(pieces)) for _ in unit_sizes)

    def _sizes(self, unit):
        n = int(self.edges[unit + 1] - self.edges[unit])
        return [min(self.piece, n - first) for first in range(0, n, self.piece)]

    def _part(self, data, place):
        data = data if self.change is None else self.change(data, place.first)
        packed = self.packed.of(data.terms) if data.terms else None
        return InMemory(data, 1, [np.array([[0, len(data.y)]])], self.block, packed, place)


class Chunked(Source):
    """A source over rows that are read again at every pass.

    Parameters
    ----------
    chunks : Chunks
    threads : int
    engine : Threads or another with its ``run``
        The engine that runs tasks; by default threads of this process.
    journal : Journal, optional
        The folder in which sums of passes are kept, so that an interrupted fit can go on.
    """

    in_process = False

    def __init__(self, chunks: Chunks, threads: int, engine=None, journal=None):
        super().__init__(chunks.shape, chunks.reader.n_rows, threads, chunks.block, chunks.packed)
        self.chunks, self.engine, self.journal = chunks, engine or Threads(threads), journal
        self.rows_read, self.cost = self.n_rows, chunks.reader.cost
        self.ranges = np.array([[0, self.n_rows]])
        self._window, self._reading = (0, 0, None), (-1, None)
        self.on_unit = None  # called with the number of units after each of them, for a progress bar

    def reduce(self, task: Task) -> Any:
        """The sum of a task over the units, added in a fixed binary tree."""
        edges = self.chunks.edges.tolist()
        units = [unit for unit, (first, stop) in enumerate(pairwise(edges)) if task.needs_rows(first, stop)]
        tree = Tree(len(units))
        if not task.vectors_only:
            tree.on_unit = self.on_unit
        if self.journal is not None and task.journaled:
            return self.journal.run(self.engine, self.chunks, task, units, tree)
        self.engine.run(self.chunks, task, units, tree)
        return tree.root

    def changed(self, change: RowTransform) -> Chunked:
        """A source over the same rows with other columns."""
        return Chunked(
            Chunks(self.chunks.reader, change.compose(self.chunks.change)), self.threads, self.engine, self.journal
        )

    @property
    def sample_limit(self) -> int:
        """The largest sensible sample: two hundred rows a coefficient, within bounds of memory."""
        if not self.cost:
            return self.n_rows
        low, high = (size // (8 * max(self.n_columns, 1)) for size in SAMPLE_BYTES)
        return min(high, max(low, 200 * self.n_columns))

    def sample(self, rows: int) -> SampledRows:
        """A sample of about ``rows`` rows, read once and kept in memory: the rows that a source in memory would sample,
        or where reading is expensive rows of a few fragments at random."""
        if not self.cost:
            return self._sampled(self.sample_ranges(rows))
        starts = np.asarray(self.chunks.reader.starts)
        count = min(len(starts) - 1, max(4, min(SAMPLE_FRAGMENTS, (len(starts) - 1) // 4)))
        edges = np.linspace(0, len(starts) - 1, count + 1).astype(np.int64)
        rng = np.random.default_rng(rows)
        picked = edges[:-1] + (rng.random(len(edges) - 1) * np.diff(edges)).astype(np.int64)
        sizes = starts[picked + 1] - starts[picked]
        unit_sizes = (rows * (sizes / sizes.sum())).astype(np.int64)
        runs = [starts[fragment] + _runs(n, k) for fragment, n, k in zip(picked, sizes, unit_sizes, strict=True)]
        constant = self._sampled(np.array_split(np.concatenate(runs), n_units(rows, self.structured_sums.size)))
        constant.fetched_share = float(sizes.sum() / self.n_rows)
        return constant

    def part(self, runs: np.ndarray) -> InMemory:
        """The rows in the ranges ``runs`` (k, 2), in memory; rows of one neighbourhood are read together."""
        low, high = int(runs[:, 0].min()), int(runs[:, 1].max())
        first, stop, window = self._window
        if low < first or high > stop:
            edges = self._neighbourhoods
            begin, end = int(np.searchsorted(edges, low, side="right")) - 1, int(np.searchsorted(edges, high))
            first, stop = int(edges[begin]), int(edges[end])
            window = self._next(begin) if end == begin + 1 else self._collect(np.array([[first, stop]]))
            self._window = first, stop, window
        return InMemory(window, self.threads, [runs - first], self.block, self.packed.of(window.terms))

    def _next(self, i):
        """The rows of a neighbourhood; consecutive neighbourhoods are read in one go."""
        at, pieces = self._reading
        if at != i:
            sizes = np.diff(self._neighbourhoods[i:]).tolist()
            pieces = self.chunks.reader.pieces(int(self._neighbourhoods[i]), sizes, False)
        self._reading = i + 1, pieces
        data, place = next(pieces)
        return data if self.chunks.change is None else self.chunks.change(data, place.first)

    @cached_property
    def _neighbourhoods(self):
        """The edges of ranges of rows that fit in memory: whole fragments, and parts of large fragments."""
        most = max(1, WINDOW_BYTES // (8 * (self.p + 4) + 4 * len(self.data.terms)))
        edges = [0]
        for first, stop in pairwise(np.asarray(self.chunks.reader.starts).tolist()):
            if stop - edges[-1] > most and first > edges[-1]:
                edges.append(first)
            while stop - edges[-1] > most:
                edges.append(edges[-1] + most)
        return np.array([*edges, self.n_rows] if edges[-1] < self.n_rows else edges)

    def blocks(self):
        """The rows as Blocks, piece by piece, in one more read."""
        units = list(range(len(self.chunks.edges) - 1))
        for _, parts in self.chunks.parts(units, False):
            for part in parts:
                yield part.data

    def gather(self) -> InMemory:
        """A source over all rows in memory."""
        place = getattr(self.chunks.reader, "place", None)
        return InMemory(self._collect(self.ranges), self.threads, place=None if place is None else place())

    def shuffled(self, blocks: list, rng) -> list:
        """Ranges of rows in random order: fragments are shuffled, and the blocks within each neighbourhood."""
        first = np.array([stop[0, 0] for stop in blocks])
        fragment, owner = (
            np.searchsorted(edges, first, side="right") for edges in (self.chunks.reader.starts, self._neighbourhoods)
        )
        order = []
        for f in rng.permutation(np.unique(fragment)):
            of_fragment = np.flatnonzero(fragment == f)
            order += [
                rng.permutation(of_fragment[owner[of_fragment] == unit]) for unit in np.unique(owner[of_fragment])
            ]
        return [blocks[i] for i in np.concatenate(order)]

    def constant_column(self) -> int | None:
        """The number of a constant, nonzero column of X, or None: one pass."""
        if self.p == 0:
            return None
        top, bottom = self.reduce(ColumnRange()).value
        sample = np.flatnonzero((top == -bottom) & (top != 0.0))
        return int(sample[0]) if len(sample) else None

    def check_finite(self) -> None:
        """Refuse an X with a cell that is not finite.

        Raises
        ------
        MissingDataError
            Names the column, and the row within its file.
        """
        self.reduce(CheckFinite())

    def _collect(self, ranges) -> Block:
        if isinstance(self.engine, Threads) and all(hasattr(term, "codes") for term in self.data.terms):
            fill = FillArrays(ranges)
            self.reduce(fill)
            return fill.data
        return self.reduce(CollectRows(ranges)).data(self.data)

    def _sampled(self, units):
        ranges = np.concatenate(units)
        ends = np.cumsum(ranges[:, 1] - ranges[:, 0])
        local = np.column_stack([np.append(0, ends[:-1]), ends])
        edges = np.cumsum([0, *(len(unit) for unit in units)])
        units = [np.ascontiguousarray(local[first:stop]) for first, stop in pairwise(edges)]
        return SampledRows(self, ranges, self._collect(ranges), units)


def _runs(n, rows):
    """Runs (k, 2) of ``rows`` rows in total, spread evenly over n rows."""
    runs = int(max(1, min(rows, n) // SAMPLE_RUN_ROWS))
    first = np.linspace(0, max(n - SAMPLE_RUN_ROWS, 0), runs).astype(np.int64)
    return np.column_stack([first, np.minimum(first + SAMPLE_RUN_ROWS, np.append(first[1:], n))])


class SampledRows(InMemory):
    """A sample of another source in memory, which counts as all of its rows.

    Attributes
    ----------
    fetched_share : float
        The share of all rows that was read for the sample.
    """

    fetched_share = 0.0

    def __init__(self, whole: Chunked, ranges: np.ndarray, data: Block, units: list):
        super().__init__(data, whole.threads, units, whole.block, whole.packed.of(data.terms))
        self.whole, self._ranges, self.n_rows = whole, ranges, whole.n_rows

    @property
    def ranges(self) -> np.ndarray:
        """The half-open ranges of the sampled rows in the whole source, (k, 2)."""
        return self._ranges

    def sample(self, rows: int):
        """A sample of about ``rows`` rows: of the whole source, or where its reading is expensive of this sample."""
        if not self.whole.cost:
            return self.whole.sample(rows)
        runs = np.concatenate(self.units)
        count = max(1, round(len(runs) * rows / self.rows_read))
        picked = runs[np.unique(np.linspace(0, len(runs) - 1, count).astype(np.intp))]
        return self._over([np.ascontiguousarray(unit) for unit in np.array_split(picked, min(8, len(picked)))])

    def changed(self, change: RowTransform) -> InMemory:
        return InMemory(change(self.data), self.threads, self.units, self.block)

    def _over(self, units):
        other = super()._over(units)
        other.n_rows = self.n_rows
        return other
