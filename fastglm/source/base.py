"""What sources of rows have in common: the rows' description, the units they are cut into, the tree that adds them."""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

import numpy as np

from ..kernels import structured_columns as terms
from ..kernels.passes import workspace
from ..matrix.merged_factors import MergedFactors, pack
from .task import ColumnMax

UNIT_ROWS = 4096  # the fewest rows worth a task of their own
MAX_UNITS, FEW_UNITS = 64, 8
RUN = 256  # rows a sample reads in one place


class Block(NamedTuple):
    """Checked arrays of one fit: X (n, p), vectors (n,) or None; ``ones`` says whether an intercept leads.

    ``terms`` are the columns that are not numbers (``matrix.Categorical``, ``matrix.Sparse``), the long one, if any,
    last; ``coding`` says how the model's coefficients map to all stored columns, where they are not one and the same.
    ``names`` are those of the coefficients but the intercept.
    """

    X: np.ndarray
    has_intercept: bool
    y: np.ndarray
    weights: np.ndarray | None
    freq_weights: np.ndarray | None
    offset: np.ndarray | None
    exposure: np.ndarray | None
    names: tuple[str, ...] = ()
    terms: tuple = ()
    coding: Any = None

    def name(self, j: int) -> str:
        """The name of column j of X: that of its coefficient."""
        if self.coding is not None:
            j = self.coding.coefficient(j + self.has_intercept) - self.has_intercept
        return self.names[j] if j < len(self.names) else f"x{j + 1}"


class RowTransform(NamedTuple):
    """What the null model and starting values are fitted to: the vectors without the columns, or another response.

    ``bare`` leaves out all columns but the intercept, which there is if ``ones`` says so (None: as it was); every
    response is ``y``, where that is a number. ``weights`` leaves out offsets: "as they are", or "unit" for one where
    there is weight. ``kept`` (first row, rows) -> (n,) array is what weights are multiplied by.
    ``columns`` are the numbers of those that stay, where X is one array or one sparse matrix.
    """

    bare: bool
    has_intercept: bool | None = None
    y: float | None = None
    weights: str | None = None
    kept: Any = None
    columns: np.ndarray | None = None

    def after(self, earlier: RowTransform | None) -> RowTransform:
        """Both changes, one after the other."""
        if earlier is None:
            return self
        has_intercept = earlier.has_intercept if self.has_intercept is None else self.has_intercept
        y = earlier.y if self.y is None else self.y
        columns = earlier.columns if self.columns is None else self.columns
        if earlier.columns is not None and self.columns is not None:
            columns = earlier.columns[self.columns]
        return RowTransform(
            self.bare or earlier.bare, has_intercept, y, self.weights or earlier.weights, self.kept or earlier.kept,
            columns,
        )  # fmt: skip

    def __call__(self, data: Block, first: int = 0) -> Block:
        n = len(data.y)
        if self.kept is not None:
            w = self.kept(first, n)
            data = data._replace(weights=w if data.weights is None else w * data.weights)
        if self.columns is not None:
            X = data.X if data.terms else data.X[:, self.columns]
            terms = tuple(term.columns(self.columns) for term in data.terms)
            names = tuple(data.names[j] for j in self.columns) if data.names else ()
            data = data._replace(X=X, terms=terms, names=names)
        if self.bare:
            has_intercept = data.has_intercept if self.has_intercept is None else self.has_intercept
            data = data._replace(X=np.empty((n, 0)), has_intercept=has_intercept, names=(), terms=(), coding=None)
        if self.weights is not None:
            data = data._replace(offset=None, exposure=None)
        if self.weights == "unit" and (w := weight_of(data.weights, data.freq_weights)) is not None:
            data = data._replace(weights=(np.asarray(w) > 0.0).astype(np.float64), freq_weights=None)
        return data if self.y is None else data._replace(y=np.broadcast_to(np.float64(self.y), (n,)))


def weight_of(weights, freq_weights) -> np.ndarray | None:
    """Prior weight times frequency, (n,), or None."""
    if weights is None or freq_weights is None:
        return weights if freq_weights is None else freq_weights
    return weights * freq_weights


class Source:
    """Rows that tasks are summed over, cut into units.

    Parameters
    ----------
    data : Block
        The rows, or none of them where they are elsewhere: the columns' kinds and names, and which vectors there are.
    n_rows : int
    threads : int
        How many reduce at a time; the answer does not depend on it.
    block : int, optional
        Rows of a block of a pass, where these rows are a piece of more.
    packed : MergedFactors, optional
        How the terms are stored, where these rows are a piece of more.
    """

    cost = 0.0  # of reading the rows, in passes with curvature
    here = True  # whether the rows are in this process's memory
    fetched = 0.0  # the share of all rows that was read to have these
    sample_limit = np.inf  # the most rows that a sample should have
    local: Any = None  # the same rows in this process, where they are there although passes run elsewhere
    clusters: Any = ()  # the cluster of each row, a vector a way, or a source of the rows with them beside
    notes: tuple = ()  # what the user should know of the rows
    _files: Any = None
    _owned = False
    journal: Any = None

    def held_by(self, files: Any, owned: bool) -> None:
        """Keep what the rows are read from; ``owned`` is closed with the source."""
        self._files, self._owned = files, owned

    def finish(self) -> None:
        """Refuse rows that have changed since they were opened.

        Raises
        ------
        FileFormatError
        """
        if self._files is not None and not self.here:
            self._files.check_read_again()

    def close(self) -> None:
        """Let another fit have the checkpoint, and remove scratch files."""
        if self.journal is not None:
            self.journal.close()
        if self._owned:
            self._files.close()

    def __init__(
        self, data: Block, n_rows: int, threads: int, block: int | None = None, packed: MergedFactors | None = None
    ):
        self.data, self.n_rows, self.threads, self.p = data, n_rows, threads, data.X.shape[1]
        dense = self.p + data.has_intercept
        self.packed = pack(data.terms, data.coding, dense, n_rows) if packed is None else packed
        stored, coding = self.packed.terms, self.packed.coding
        self.room = terms.StructuredSums(
            dense, stored, data.has_intercept, coding is not None and coding.high_cardinality > 0
        )
        self.n_stored = dense + self.room.q + self.room.high_cardinality
        self.n_columns = self.n_stored if coding is None else coding.n_params
        # no more than there are rows: a workspace that has to be mapped costs more than a small fit
        self.block = block or block_of(n_rows, self.p + data.has_intercept)
        self._workspaces: list = []

    def expand(self, beta: np.ndarray) -> np.ndarray:
        """Coefficients of the stored columns from the model's."""
        return self.packed.expand(beta)

    def reduce_score(self, v: np.ndarray) -> np.ndarray:
        """A score of the model's coefficients from that of the stored columns."""
        return self.packed.reduce(v)

    @property
    def high_cardinality(self) -> bool:
        """Whether a factor has more levels than one matrix of all coefficients should have."""
        return self.data.coding is not None and self.data.coding.high_cardinality > 0

    def column_max(self) -> np.ndarray:
        """The largest absolute value of each column of X, (p,)."""
        return self.reduce(ColumnMax()).value if self.p else np.zeros(0)

    def workspace(self):
        """One thread's workspace, for a ``with`` statement."""
        return Lent(self._workspaces, lambda: workspace(self.p, self.block))

    def sample_ranges(self, rows: int) -> list:
        """The units of a sample of about ``rows`` rows: short runs, one at a random place in each of equal parts."""
        runs = max(1, rows // RUN)
        edges = np.linspace(0, self.n_rows, runs + 1).astype(np.int64)
        room = np.maximum(edges[1:] - edges[:-1] - RUN, 0)
        first = edges[:-1] + (np.random.default_rng(runs).random(runs) * (room + 1)).astype(np.int64)
        ranges = np.column_stack([first, np.minimum(first + RUN, edges[1:])])
        return [np.ascontiguousarray(u) for u in np.array_split(ranges, n_units(rows, self.room.size))]


class Lent:
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
        self.n, self.lock, self.next, self.root = n, threading.RLock(), 0, None
        self.waiting: dict = {}
        self.seen = None  # called after every unit, for a progress bar

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
        self._add(u, value)

    def leaf(self, i: int) -> int:
        """The leaf that is the i-th for engines."""
        return i

    def put_node(self, level: int, u: int, value) -> None:
        """Give the sum of the leaves from u 2^level on, fewer than (u + 1) 2^level, added as a tree of their own."""
        self._add(u, value, level)

    def _add(self, u, value, level=0):
        for _ in range(min(1 << level, self.n - (u << level)) if self.seen is not None else 0):
            self.seen(self.n)
        size = -(-self.n >> level)
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


def n_units(n: int, room: int) -> int:
    """How many units n rows make: each should have more rows to read than numbers to clear and add."""
    worth = max(FEW_UNITS, n // max(room, 1))
    # a power of two where there are few, so that two, four or eight threads have the same to do
    most = max(MAX_UNITS, 1 << (n >> 20).bit_length())  # a unit of very many rows is still minutes of work to lose
    return max(1, min(most, 1 << (worth.bit_length() - 1), n // UNIT_ROWS))


def block_of(n: int, m: int) -> int:
    """Rows of a block of a pass over n rows of m columns."""
    return min(block_rows(m), (n + 7) // 8 * 8)


def block_rows(m: int) -> int:
    """Rows of a block: X and its scaled copy within the second-level cache."""
    return int(min(1024, max(64, 262144 // (8 * m) // 8 * 8))) if m > 0 else 1024
