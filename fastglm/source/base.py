"""The ground of all sources: the description of the rows, the units they are cut into, the tree that adds sums."""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

import numpy as np

from ..core.measured import (
    FEW_UNITS,
    FEWEST_BLOCK_ROWS,
    MOST_BLOCK_ROWS,
    MOST_UNITS,
    PASS_BLOCK_BYTES,
    PASS_COLUMN_NS,
    PASS_ROW_NS,
    PASS_SQUARE_NS,
    SAMPLE_RUN_ROWS,
    UNIT_ROWS,
)
from ..kernels import structured_columns as terms
from ..kernels.passes import workspace
from ..matrix.merged_factors import MergedFactors, pack
from .task import ColumnMax


class Block(NamedTuple):
    """Checked arrays of one fit: X (n, p), vectors (n,) or None; ``has_intercept`` says whether a constant leads.

    ``terms`` are the structured columns (``matrix.Categorical``, ``matrix.Sparse``), one of high cardinality last;
    ``coding`` maps the model's coefficients to all stored columns, None where both are the same. ``names`` name the
    coefficients without the intercept.
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
    """A change of the rows, for null models and starting values: fewer columns, or another response.

    ``bare`` leaves out all columns but the intercept, which ``has_intercept`` adds or removes (None keeps it); ``y`` is
    the response of every row, None keeps the responses. ``weights`` leaves out offsets and exposures: "as they are"
    keeps the weights, "unit" replaces positive weights by one.
    ``kept`` (first row, rows) -> (n,) array is what weights are multiplied by. ``columns`` are the numbers of those
    that stay, where X is one array or one sparse matrix.
    """

    bare: bool
    has_intercept: bool | None = None
    y: float | None = None
    weights: str | None = None
    kept: Any = None
    columns: np.ndarray | None = None

    def compose(self, earlier: RowTransform | None) -> RowTransform:
        """The change ``earlier`` followed by this one."""
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
    """Rows cut into units, over which tasks are summed.

    Parameters
    ----------
    data : Block
        The rows. For files or remote rows a block without rows, which describes the columns and the vectors.
    n_rows : int
    threads : int
        The number of threads of a reduction; the answer does not depend on it.
    block : int, optional
        Rows of a block of a pass, given for a piece of a larger source.
    packed : MergedFactors, optional
        The storage of the terms, given for a piece of a larger source.
    """

    cost = 0.0  # of reading all rows once, in units of a pass with curvature
    in_process = True  # whether the rows are in the memory of this process
    counts: np.ndarray | None = None  # how many rows have each small count as their response, where a scan found it
    fetched_share = 0.0  # the share of all rows that was read to sample these rows
    sample_limit = np.inf  # the largest sensible sample, in rows
    local: Any = None  # a source over the same rows in this process, where passes run on a cluster
    clusters: Any = ()  # a vector of cluster ids for each way of clustering, or a source that reads them
    notes: tuple = ()  # remarks on the rows for the result, such as how many were left out
    labels: Any = None  # of the response: None, a tuple of two, or ``rows.labels.Encoded``
    _files: Any = None
    _owned = False
    journal: Any = None

    def keep_files(self, files: Any, owned: bool) -> None:
        """Keep the ``files`` that the rows are read from; those ``owned`` are closed with the source."""
        self._files, self._owned = files, owned

    def finish(self) -> None:
        """Refuse rows that have changed since they were opened.

        Raises
        ------
        FileFormatError
        """
        if self._files is not None and not self.in_process:
            self._files.check_read_again()

    def close(self) -> None:
        """Release the checkpoint's folder, and remove scratch files."""
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
        if stored:
            long = coding is not None and coding.high_cardinality > 0
            self.structured_sums = terms.StructuredSums(dense, stored, data.has_intercept, long)
        else:
            self.structured_sums = terms.StructuredSums.without_terms(dense)
        self.n_stored = dense + self.structured_sums.q + self.structured_sums.high_cardinality
        self.n_columns = self.n_stored if coding is None else coding.n_params
        # no more than there are rows: a workspace that has to be mapped costs more than a small fit
        self.block = block or block_of(n_rows, self.p + data.has_intercept)
        self._workspaces: list = []

    def expand(self, beta: np.ndarray) -> np.ndarray:
        """Coefficients of the stored columns from coefficients of the model."""
        return self.packed.expand(beta)

    def reduce_score(self, score: np.ndarray) -> np.ndarray:
        """The score of the model's coefficients from the score of the stored columns."""
        return self.packed.reduce(score)

    @property
    def high_cardinality(self) -> bool:
        """Whether a factor has so many levels that their block of the information is kept as a diagonal."""
        return self.data.coding is not None and self.data.coding.high_cardinality > 0

    @property
    def row_ns(self) -> float:
        """Nanoseconds of a row in a pass with curvature, about: a term costs as a number does, whatever its levels."""
        m = self.structured_sums.dense + len(self.packed.terms)
        return PASS_ROW_NS + PASS_COLUMN_NS * m + PASS_SQUARE_NS * m * m

    def column_max(self) -> np.ndarray:
        """The largest absolute value of each column of X, (p,)."""
        return self.reduce(ColumnMax()).value if self.p else np.zeros(0)

    def workspace(self):
        """A workspace for one thread, as a context manager."""
        return BorrowedWorkspace(self._workspaces, lambda: workspace(self.p, self.block))

    def sample_ranges(self, rows: int) -> list:
        """The units of a sample of about ``rows`` rows: short runs, one at a random place in each equal stretch."""
        runs = max(1, rows // SAMPLE_RUN_ROWS)
        edges = np.linspace(0, self.n_rows, runs + 1).astype(np.int64)
        slack = np.maximum(edges[1:] - edges[:-1] - SAMPLE_RUN_ROWS, 0)
        first = edges[:-1] + (np.random.default_rng(runs).random(runs) * (slack + 1)).astype(np.int64)
        ranges = np.column_stack([first, np.minimum(first + SAMPLE_RUN_ROWS, edges[1:])])
        return [np.ascontiguousarray(unit) for unit in np.array_split(ranges, n_units(rows, self.structured_sums.size))]


class BorrowedWorkspace:
    """A workspace from a pool of idle ones, returned to the pool on exit."""

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
    """A sum of n values in a fixed binary tree; values come in any order, and O(log n) of them are held."""

    def __init__(self, n: int):
        self.n, self.lock, self.next, self.root = n, threading.RLock(), 0, None
        self.waiting: dict = {}
        self.on_unit = None  # called after every unit, for a progress bar

    def take(self):
        """The numbers of the units that are not done yet, shared between threads."""
        while True:
            with self.lock:
                unit, self.next = self.next, self.next + 1
            if unit >= self.n:
                return
            yield unit

    def put(self, unit: int, value) -> None:
        """Add the value of a unit: it is summed with its neighbour as soon as both are known."""
        self._add(unit, value)

    def leaf(self, i: int) -> int:
        """The number of the leaf that engines call the i-th."""
        return i

    def put_node(self, level: int, unit: int, value) -> None:
        """Add the sum of the leaves unit 2^level to (unit + 1) 2^level - 1, summed as a subtree of its own."""
        self._add(unit, value, level)

    def _add(self, unit, value, level=0):
        for _ in range(min(1 << level, self.n - (unit << level)) if self.on_unit is not None else 0):
            self.on_unit(self.n)
        size = -(-self.n >> level)
        while size > 1:
            other = unit ^ 1
            if other < size:
                with self.lock:
                    if (level, other) not in self.waiting:
                        self.waiting[level, unit] = value
                        return
                    partner = self.waiting.pop((level, other))
                value = value + partner if unit < other else partner + value
            level, size, unit = level + 1, (size + 1) // 2, unit // 2
        self.root = value


def all_rows(n: int, summed: int = 0) -> list:
    """The units of n rows as ranges, a function of n and ``summed``, so that every machine adds in the same order."""
    tasks = n_units(n, summed)
    if tasks == 1:
        return [np.array([[0, n]])]
    edges = np.linspace(0, n, tasks + 1).astype(np.int64)
    return [edges[unit : unit + 2].reshape(1, 2) for unit in range(tasks)]


def n_units(n: int, summed: int) -> int:
    """The number of units of n rows, where a unit sums ``summed`` numbers: fewer than it has rows."""
    if n < 2 * UNIT_ROWS:
        return 1
    worth = max(FEW_UNITS, n // max(summed, 1))
    # powers of two, so that two, four or eight threads have the same to do
    most = max(MOST_UNITS, 1 << (n >> 20).bit_length())  # a unit of very many rows is still minutes of work to lose
    return min(most, 1 << (worth.bit_length() - 1), 1 << (n // UNIT_ROWS - 1).bit_length())


def block_of(n: int, columns: int) -> int:
    """Rows of a block of a pass over n rows and so many columns."""
    return min(block_rows(columns), (n + 7) // 8 * 8)


def block_rows(columns: int) -> int:
    """Rows of a block whose X and scaled copy fit in the second-level cache."""
    rows = PASS_BLOCK_BYTES // (8 * columns) // 8 * 8 if columns > 0 else MOST_BLOCK_ROWS
    return min(MOST_BLOCK_ROWS, max(FEWEST_BLOCK_ROWS, rows))
