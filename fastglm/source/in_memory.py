"""Rows of arrays in memory, read in place: any number type, order and stride, without a copy."""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

import numpy as np

from ..errors import MissingDataError
from ..kernels import layout as k
from ..kernels import terms
from ..kernels.load import loader
from ..kernels.passes import workspace
from ..matrix.columns import Table, table
from .task import ColumnMax
from .threads import pool, single_threaded_blas

UNIT_ROWS = 4096  # the fewest rows worth a task of their own
MAX_UNITS, FEW_UNITS = 64, 8
RUN = 256  # rows a sample reads in one place


class Data(NamedTuple):
    """Checked arrays of one fit: X (n, p), vectors (n,) or None; ``ones`` says whether an intercept leads.

    ``terms`` are the columns that are not numbers (``matrix.Categorical``, ``matrix.Sparse``), the long one, if any,
    last; ``coding`` says how the model's coefficients map to all stored columns, where they are not one and the same.
    ``names`` are those of the coefficients but the intercept.
    """

    X: np.ndarray
    ones: bool
    y: np.ndarray
    weights: np.ndarray | None
    freq_weights: np.ndarray | None
    offset: np.ndarray | None
    exposure: np.ndarray | None
    names: tuple[str, ...] = ()
    terms: tuple = ()
    coding: Any = None

    def name(self, j: int) -> str:
        """The name of column j of X."""
        return self.names[j] if j < len(self.names) else f"x{j + 1}"


class Change(NamedTuple):
    """What the null model and starting values are fitted to: the vectors without the columns, or another response.

    ``bare`` leaves out all columns but the intercept, which there is if ``ones`` says so (None: as it was); every
    response is ``y``, where that is a number.
    """

    bare: bool
    ones: bool | None = None
    y: float | None = None

    def __call__(self, data: Data) -> Data:
        n = len(data.y)
        if self.bare:
            ones = data.ones if self.ones is None else self.ones
            data = data._replace(X=np.empty((n, 0)), ones=ones, names=(), terms=(), coding=None)
        return data if self.y is None else data._replace(y=np.broadcast_to(np.float64(self.y), (n,)))


def weight_of(weights, freq_weights) -> np.ndarray | None:
    """Prior weight times frequency, (n,), or None."""
    if weights is None or freq_weights is None:
        return weights if freq_weights is None else freq_weights
    return weights * freq_weights


class InMemory:
    """A source over arrays: ranges of rows, reduced in a fixed tree.

    Parameters
    ----------
    data : Data
    threads : int
        How many reduce at a time; the answer does not depend on it.
    units : list of (k, 2) int64 arrays, optional
        The ranges of rows each task reads; all rows unless given.
    block : int, optional
        Rows of a block of a pass, where these rows are a piece of more.
    place : Place, optional
        Where the rows came from, for messages.
    """

    cost = 0.0  # of reading the rows, in passes with curvature
    here = True  # whether the rows are in this process's memory

    def __init__(self, data: Data, threads: int, units: list | None = None, block: int | None = None, place=None):
        self.data, self.threads, self.place = data, threads, place
        self.n_rows, self.p = data.X.shape
        self.room = terms.Room(self.p + data.ones, *_spread(data))
        self.n_stored = self.p + data.ones + self.room.q + self.room.long
        self.n_columns = self.n_stored if data.coding is None else data.coding.n_params
        # no more than there are rows: a workspace that has to be mapped costs more than a small fit
        self.block = block or block_of(self.n_rows, self.p + data.ones)
        self.units = all_rows(self.n_rows, self.room.size) if units is None else units
        self.single = len(self.units) == 1
        self.rows_read = self.n_rows if units is None else sum(int((u[:, 1] - u[:, 0]).sum()) for u in units)
        self._plan = self._table = None
        self._workspaces: list = []

    def plan(self) -> np.ndarray:
        """Where the kernels find everything; the addresses live as long as ``data``."""
        if self._plan is None:
            self._plan = make_plan(self.data, self.block)
            if self.data.terms:
                self._table = table(self.data.terms)
                add_terms(self._plan, self._table, self.room)
        return self._plan

    def sample(self, rows: int) -> InMemory:
        """A source over about ``rows`` rows: short runs, one at a random place in each of equal stretches."""
        runs = max(1, rows // RUN)
        edges = np.linspace(0, self.n_rows, runs + 1).astype(np.int64)
        room = np.maximum(edges[1:] - edges[:-1] - RUN, 0)
        first = edges[:-1] + (np.random.default_rng(runs).random(runs) * (room + 1)).astype(np.int64)
        ranges = np.column_stack([first, np.minimum(first + RUN, edges[1:])])
        tasks = n_units(rows, self.room.size)
        return self._over([np.ascontiguousarray(u) for u in np.array_split(ranges, tasks)])

    def part(self, runs: np.ndarray) -> InMemory:
        """A source over the ranges of rows ``runs`` (k, 2)."""
        return self._over([runs])

    def _over(self, units):
        other = InMemory(self.data, self.threads, units)
        other._plan, other._workspaces, other._table = self.plan(), self._workspaces, self._table
        return other

    @property
    def ranges(self) -> np.ndarray:
        """The half-open ranges of rows that are read, (k, 2)."""
        return np.concatenate(self.units)

    def gather(self) -> InMemory:
        """A source over all rows in memory: this one."""
        return self

    def changed(self, change: Change) -> InMemory:
        """A source over the same rows with other columns."""
        return InMemory(change(self.data), self.threads, None if self.rows_read == self.n_rows else self.units)

    def shuffled(self, blocks: list, rng) -> list:
        """Ranges of rows in random order."""
        order = np.arange(len(blocks))
        rng.shuffle(order)
        return [blocks[i] for i in order]

    def reduce(self, task):
        """The sum of a ``Task`` over the units, added in a fixed binary tree."""
        if self.single:
            with self.workspace() as work:
                return self._unit(task, 0, work)
        with single_threaded_blas():
            tree = Tree(len(self.units))
            if self.threads == 1:
                self._work(task, tree)
            else:
                n = min(self.threads, len(self.units))
                for future in [pool(n).submit(self._work, task, tree) for _ in range(n)]:
                    future.result()
            return tree.root

    def column_max(self) -> np.ndarray:
        """The largest absolute value of each column of X, (p,)."""
        return self.reduce(ColumnMax()).value if self.p else np.zeros(0)

    def constant_column(self) -> int | None:
        """The number of a constant, nonzero column of X, or None."""
        X = self.data.X
        n, p = X.shape
        probe = X[:: max(1, n // 16)]
        for j in np.nonzero((probe == probe[:1]).all(0) & (probe[0] != 0))[0]:
            c = X[0, j]
            if all((X[a : a + 65536, j] == c).all() for a in range(0, n, 65536)):
                return int(j)
        return None

    def expand(self, beta: np.ndarray) -> np.ndarray:
        """Coefficients of the stored columns from the model's."""
        return beta if self.data.coding is None else self.data.coding.expand(beta)

    def reduce_score(self, v: np.ndarray) -> np.ndarray:
        """A score of the model's coefficients from that of the stored columns."""
        return v if self.data.coding is None else self.data.coding.reduce(v)

    def check_finite(self) -> None:
        """Look for the cell of X that made a sum not finite.

        Raises
        ------
        MissingDataError
            Naming the first such column and row.
        """
        X = self.data.X
        if X.dtype.kind != "f":
            return
        for a in range(0, self.n_rows, UNIT_ROWS):
            bad = ~np.isfinite(X[a : a + UNIT_ROWS])
            if bad.any():
                i, j = (int(v[0]) for v in np.nonzero(bad))
                where = f"row {a + i}" if self.place is None else self.place.row(a + i)
                raise MissingDataError(
                    f"X is not finite: {X[a + i, j]} in column {self.data.name(j)!r} (number {j}) at {where}; "
                    "missing values are not dropped, remove or fill such rows"
                )

    def _work(self, task, tree):
        with self.workspace() as work:
            for u in tree.take():
                tree.put(u, self._unit(task, u, work))

    def _unit(self, task, u, work):
        state = task.begin()
        task.add(state, self, self.units[u], work)
        return task.end(state)

    def workspace(self):
        """One thread's workspace, for a ``with`` statement."""
        return _Lent(self._workspaces, lambda: workspace(self.p, self.block))


class _Lent:
    """A workspace taken from a list of idle ones, and given back."""

    def __init__(self, idle, make):
        self.idle, self.make = idle, make

    def __enter__(self):
        try:
            self.item = self.idle.pop()
        except IndexError:
            self.item = self.make()
        return self.item

    def __exit__(self, *exc):
        self.idle.append(self.item)


class Tree:
    """Adds n values in a fixed binary tree as they come in, in any order, holding O(log n) of them."""

    def __init__(self, n: int):
        self.n, self.lock, self.next, self.root = n, threading.Lock(), 0, None
        self.waiting: dict = {}

    def take(self):
        """The numbers of the units still to do, shared between threads."""
        while True:
            with self.lock:
                u, self.next = self.next, self.next + 1
            if u >= self.n:
                return
            yield u

    def put(self, u: int, value) -> None:
        """Give the value of unit u; it is added to its neighbour as soon as both are there."""
        level, size = 0, self.n
        while size > 1:
            other = u ^ 1
            if other < size:
                with self.lock:
                    if (level, other) not in self.waiting:
                        self.waiting[level, u] = value
                        return
                    partner = self.waiting.pop((level, other))
                value = value + partner if u < other else partner + value
            level, size, u = level + 1, (size + 1) // 2, u // 2
        self.root = value


def all_rows(n: int, room: int = 0) -> list:
    """The units of n rows, by n and what a unit sums alone, so that every machine adds in the same order."""
    tasks = n_units(n, room)
    if tasks == 1:
        return [np.array([[0, n]])]
    edges = np.linspace(0, n, tasks + 1).astype(np.int64)
    return [edges[u : u + 2].reshape(1, 2) for u in range(tasks)]


def _spread(data):
    """The columns of short terms and of the long one: a factor of more levels than a matrix of all should have."""
    widths = [t.shape[1] for t in data.terms]
    long = widths[-1] if data.coding is not None and data.coding.long else 0
    return sum(widths) - long, long


def n_units(n: int, room: int) -> int:
    """How many units n rows make: each should have more rows to read than numbers to clear and add."""
    worth = max(FEW_UNITS, n // max(room, 1))
    # a power of two where there are few, so that two, four or eight threads have the same to do
    return max(1, min(MAX_UNITS, 1 << (worth.bit_length() - 1), n // UNIT_ROWS))


def add_terms(plan: np.ndarray, rows: Table, room) -> None:
    """Where the kernels find the terms and the loops that multiply them."""
    plan[[k.TERMS, k.N_TERMS, k.WIDEST]] = rows.address, len(rows.rows), max(rows.widest, 1)
    plan[[k.SHORT, k.LONG]] = room.q, room.long
    plan[[k.T_PREDICT, k.T_SCATTER, k.T_SQUARES]] = terms.predictor(), terms.scatter(1), terms.scatter(2)
    plan[k.T_CURVATURE] = terms.curvature()


def block_of(n: int, m: int) -> int:
    """Rows of a block of a pass over n rows of m columns."""
    return min(block_rows(m), (n + 7) // 8 * 8)


def block_rows(m: int) -> int:
    """Rows of a block: X and its scaled copy within the second-level cache."""
    return int(min(1024, max(64, 262144 // (8 * m) // 8 * 8))) if m > 0 else 1024


def make_plan(data: Data, block: int) -> np.ndarray:
    """The int64 plan ``kernels.passes`` reads, without the row loop's address."""
    X = data.X
    n, p = X.shape
    plan = np.zeros(k.PLAN, np.int64)
    plan[k.P], plan[k.ONES], plan[k.BLOCK], plan[k.X] = p, data.ones, block, X.ctypes.data
    row, col = X.strides if n > 1 else (8 * p, X.strides[1])
    plan[k.ROW_STRIDE], plan[k.COL_STRIDE] = row, col
    native = X.dtype == np.float64 and X.flags.aligned
    if native and (col == 8 or p <= 1) and row % 8 == 0 and row >= 8 * max(p, 1):
        plan[k.STORAGE] = k.C_ORDER
    elif native and row == 8 and col % 8 == 0 and col >= 8 * n:
        plan[k.STORAGE] = k.F_ORDER
    elif p:
        plan[k.STORAGE], plan[k.LOAD] = k.LOADED, loader(X.dtype)
    vectors = (data.y, data.weights, data.freq_weights, data.offset, data.exposure)
    for field, v in zip((k.Y, k.W, k.F, k.OFFSET, k.EXPOSURE), vectors, strict=True):
        if v is not None:
            direct = v.dtype == np.float64 and v.flags.aligned and v.strides[0] == 8
            plan[field : field + 3] = v.ctypes.data, v.strides[0], 0 if direct else loader(v.dtype)
    return plan
