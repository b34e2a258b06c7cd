"""Rows of arrays in memory, read in place: any number type, order and stride, without a copy."""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np

from ..core.measured import THREAD_NS, UNIT_ROWS, VECTOR_ROWS
from ..errors import MissingDataError
from ..kernels import layout as k
from ..kernels import passes, structured_columns
from ..kernels.load import loader
from ..matrix.columns import table
from ..matrix.merged_factors import MergedFactors
from .base import Block, RowTransform, Source, Tree, all_rows
from .mapped import mapped
from .threads import beside, single_threaded_blas, together


class InMemory(Source):
    """A source over arrays: ranges of rows, summed in a fixed tree.

    Parameters
    ----------
    data : Block
    threads : int
        The number of threads of a reduction; the answer does not depend on it.
    units : list of (k, 2) int64 arrays, optional
        The ranges of rows of each unit; by default all rows.
    block : int, optional
        Rows of a block of a pass, given for a piece of a larger source.
    packed : MergedFactors, optional
        The storage of the terms, given for a piece of a larger source.
    place : Place, optional
        The files and row numbers of the rows, for messages.
    """

    def __init__(
        self,
        data: Block,
        threads: int,
        units: list | None = None,
        block: int | None = None,
        packed: MergedFactors | None = None,
        place=None,
    ):
        super().__init__(data, len(data.X), threads, block, packed)
        self.place = place
        self.units = all_rows(self.n_rows, self.structured_sums.size) if units is None else units
        self.single = len(self.units) == 1
        self.rows_read = self.n_rows if units is None else sum(int((unit[:, 1] - unit[:, 0]).sum()) for unit in units)
        self._plan = self._table = None
        self._finite = False  # once X has been looked at
        self.mapped = mapped(data)

    def plan(self) -> np.ndarray:
        """The plan of addresses that kernels read; it is valid as long as ``data`` lives."""
        if self._plan is None:
            self._plan = make_plan(self.data, self.block)
            if self.data.terms:
                self._table = table(self.packed.terms)
                add_terms(self._plan, self._table, self.structured_sums)
        return self._plan

    def sample(self, rows: int) -> InMemory:
        """A source over a sample of about ``rows`` rows."""
        return self._over(self.sample_ranges(rows))

    def part(self, runs: np.ndarray) -> InMemory:
        """A source over the ranges of rows ``runs`` (k, 2)."""
        return self._over([runs])

    def _over(self, units):
        other = InMemory(self.data, self.threads, units, self.block, self.packed, self.place)
        other._plan, other._workspaces, other._table = self.plan(), self._workspaces, self._table
        return other

    @property
    def ranges(self) -> np.ndarray:
        """The half-open ranges of rows that are read, (k, 2)."""
        return self.units[0] if self.single else np.concatenate(self.units)

    def gather(self) -> InMemory:
        """A source over all rows in memory: this one."""
        return self

    def changed(self, change: RowTransform) -> InMemory:
        """A source over the same rows with other columns."""
        units = None if self.rows_read == self.n_rows else self.units
        return InMemory(change(self.data), self.threads, units, place=self.place)

    def shuffled(self, blocks: list, rng) -> list:
        """Ranges of rows in random order."""
        order = np.arange(len(blocks))
        rng.shuffle(order)
        return [blocks[i] for i in order]

    def reduce(self, task):
        """The sum of a ``Task`` over the units, added in a fixed binary tree."""
        if task.one_thread:
            return self._alone(task)
        if self.single:
            with self.workspace() as work:
                return self._unit(task, 0, work)
        with single_threaded_blas():
            joined = task.joined(self, self.units) if self.mapped is None else None
            if joined is not None:
                work, end = joined
                together(self.worthwhile(len(self.units)), lambda: self._join(work))
                return end()
            tree = Tree(len(self.units))
            threads = 1 if self.rows_read < task.alone_below else self.worthwhile(len(self.units))
            together(threads, lambda: self._work(task, tree))
            return tree.root

    def _alone(self, task):
        """The value of a task that reads vectors alone, without the calls that units of rows of X would take."""
        state = task.begin()
        for first, stop in self.ranges.tolist():
            for begin in range(first, stop, VECTOR_ROWS):
                piece = np.array([[begin, min(begin + VECTOR_ROWS, stop)]])
                task.add(state, self, piece, None)
                if self.mapped is not None:
                    self.mapped.release(piece)
        return task.end(state)

    def share(self, work, units: int) -> None:
        """Let threads take ``units`` between them: each calls ``work``, with a workspace, which ends when none is left.

        BLAS has the threads that it has in ``reduce``.
        """
        with nullcontext() if self.single else single_threaded_blas():
            beside(self.worthwhile(units), lambda: self._join(work))

    def _join(self, work):
        with self.workspace() as room:
            work(room)

    def worthwhile(self, units: int) -> int:
        """The threads that a pass over ``units`` is worth: one reads few rows before another would have begun."""
        return min(self.threads, units, 1 + int(self.rows_read * self.row_ns / THREAD_NS))

    def constant_column(self) -> int | None:
        """The number of a constant, nonzero column of X, or None."""
        return constant_column(self.data.X)

    def check_finite(self) -> None:
        """Refuse an X with a cell that is not finite.

        Raises
        ------
        MissingDataError
            Names the first such column and row.
        """
        X = self.data.X
        if self._finite or X.dtype.kind != "f":
            return
        for first in range(0, self.n_rows, UNIT_ROWS):
            bad = ~np.isfinite(X[first : first + UNIT_ROWS])
            if bad.any():
                i, j = (int(vector[0]) for vector in np.nonzero(bad))
                where = f"row {first + i}" if self.place is None else self.place.row(first + i)
                raise MissingDataError(
                    f"X is not finite: {X[first + i, j]} in column {self.data.name(j)!r} (number {j}) at {where}; "
                    "missing='drop' leaves such rows out"
                )
        self._finite = True

    def _work(self, task, tree):
        try:
            with self.workspace() as work:
                for unit in tree.take():
                    tree.put(unit, self._unit(task, unit, work))
        except BaseException:
            tree.next = tree.n  # no thread takes another unit
            raise

    def _unit(self, task, unit, work):
        state = task.begin()
        if self.mapped is None:
            task.add(state, self, self.units[unit], work)
        else:
            for piece in self.mapped.pieces(self.units[unit], self.block):
                task.add(state, self, piece, work)
                self.mapped.release(piece)
        return task.end(state)


def constant_column(X) -> int | None:
    """The number of a constant, nonzero column of X, or None."""
    n, p = X.shape
    probe = X[:: max(1, n // 16)]
    for j in np.nonzero((probe == probe[:1]).all(0) & (probe[0] != 0))[0]:
        value = X[0, j]
        if all((X[first : first + 65536, j] == value).all() for first in range(0, n, 65536)):
            return int(j)
    return None


def add_terms(plan: np.ndarray, rows: np.ndarray, room) -> None:
    """Add the addresses of the structured columns, and of the loops that multiply them, to a plan."""
    plan[[k.TERMS, k.N_TERMS]] = rows.ctypes.data, len(rows)
    plan[[k.SHORT, k.ROOM]] = room.q, room.size
    plan[[k.T_PREDICT, k.T_SCATTER, k.T_SQUARES]] = (
        structured_columns.predictor(),
        structured_columns.scatter(1),
        structured_columns.scatter(2),
    )
    plan[k.T_CURVATURE] = structured_columns.curvature()


def make_plan(data: Block, block: int) -> np.ndarray:
    """The int64 plan ``kernels.passes`` reads, without the row loop's address."""
    X = data.X
    n, p = X.shape
    plan = [0] * k.PLAN
    plan[k.P], plan[k.ONES], plan[k.BLOCK], plan[k.X] = p, data.has_intercept, block, X.ctypes.data
    row, col = X.strides if n > 1 else (8 * p, X.strides[1])
    if p == 1 and row == 8:  # rows of one number are a column
        col = 8 * n
    plan[k.ROW_STRIDE], plan[k.COL_STRIDE] = row, col
    native = X.dtype == np.float64 and X.flags.aligned
    if native and (col == 8 or p == 0 or (p == 1 and row != 8)) and row % 8 == 0 and row >= 8 * max(p, 1):
        plan[k.STORAGE] = k.C_ORDER
    elif native and row == 8 and col % 8 == 0 and col >= 8 * n:
        plan[k.STORAGE] = k.F_ORDER
    elif p:
        plan[k.STORAGE], plan[k.LOAD] = k.LOADED, loader(X.dtype)
    vectors = (data.y, data.weights, data.freq_weights, data.offset, data.exposure)
    for field, vector in zip((k.Y, k.W, k.F, k.OFFSET, k.EXPOSURE), vectors, strict=True):
        if vector is not None:
            direct = vector.dtype == np.float64 and vector.flags.aligned and vector.strides[0] == 8
            plan[field : field + 3] = vector.ctypes.data, vector.strides[0], 0 if direct else loader(vector.dtype)
    if data.freq_weights is not None or data.exposure is not None:
        plan[k.COMBINE] = passes.combine()
    return np.array(plan, np.int64)
