"""Rows of equal covariates as one: cells with the sums that make a fit of them that of all rows, exactly.

With w the weight of a row, W, y' the sum and the weighted mean of y over a cell, and mu the mean of the model,

    deviance   sum w d(y, mu)         = W d(y', mu) + sum w d(y, y')
    Pearson    sum w (y - mu)^2       = W (y' - mu)^2 + SS
    scores     sum q (y - mu)^2       = A + 2 B (y' - mu) + C (y' - mu)^2

the first because a unit deviance is a Bregman divergence (Banerjee, Merugu, Dhillon and Ghosh 2005, Journal of Machine
Learning Research 6). Where the link is the log and the variance a power p of the mean, a row of exposure e is one of
exposure 1, response y / e and weight w e^(2 - p), so that rows of unequal exposure share a cell.
"""

from __future__ import annotations

from itertools import chain
from math import isqrt
from typing import NamedTuple

import numpy as np

from ..core.measured import CELLS_PROBE_ROWS, CELLS_PROBES, CELLS_SAMPLE, CELLS_WORTH_ROWS
from ..core.protocols import SymmetricOperator
from ..errors import InvalidParameterError
from ..family.gaussian import Gaussian
from ..family.links import Identity
from ..kernels.evaluate import evaluate
from ..kernels.row_loops import FamilyLink
from ..source.base import Block
from ..source.covariate_cells import CellGrouping
from ..source.grouping import covariates_of
from ..source.in_memory import InMemory
from ..source.streaming_qr import offset, predictor
from .base import Deviance

MOST_CELLS = 2**31 - 1  # numbers of cells are int32


class Cells(NamedTuple):
    """Rows grouped by their covariates.

    Attributes
    ----------
    data : Block
        One row a cell, in order of first appearance: y the weighted mean, weights the sum of the weights.
    cell_of : (n,) int32 array or None
        The cell of each row, -1 for a row of weight zero; None for rows that came in blocks.
    rows : int
        The rows that were grouped.
    counts : (cells,) array
        How many rows each cell has, counted by frequency.
    SS, A, B, C : (cells,) arrays
        See the module's text; y and its weight in the cell's exposure.
    deviance_within : float
        What the deviance of the rows has beyond that of the cells, whatever the coefficients.
    """

    data: Block
    cell_of: np.ndarray | None
    rows: int
    counts: np.ndarray
    SS: np.ndarray
    A: np.ndarray
    B: np.ndarray
    C: np.ndarray
    deviance_within: float


def compress(data: Block, *, pair: FamilyLink, most: float = 0.5, threads: int = 1) -> Cells | None:
    """The cells of some rows, or None where there are too many of them or no exact sums.

    Parameters
    ----------
    data : Block
        Its vectors checked (``scan``).
    pair : FamilyLink
        Family and link.
    most : float
        The most cells a row, beyond which rows stay as they are.
    threads : int
        How many group at a time; the cells are the same to the bit for every number.

    Returns
    -------
    Cells or None
        None also where the statistics are not finite, or a column is not, which the rows are needed to name.
    """
    n = len(data.y)
    limit = min(int(most * n), MOST_CELLS)
    expected = expected_cells(data, pair)
    if expected > limit and most < 1.0:
        return None
    running = CellGrouping(data, pair, limit, threads, min(expected, limit))
    return _finished(running) if running.add(data, keep=True) else None


class Compressed(Deviance):
    """The deviance of rows, from their cells.

    Parameters
    ----------
    cells : Cells
    pair : FamilyLink
        Family and link of the rows.
    threads : int
    """

    def __init__(self, cells: Cells, pair: FamilyLink, threads: int):
        super().__init__(InMemory(cells.data, threads), of_means(pair))
        self.cells, self.price = cells, len(cells.counts) / cells.rows
        self.n_passes = 1.0  # the one that grouped the rows

    divisible = False  # the sums of cells are those of all columns

    def along(self, beta, step, sizes):
        return super().along(beta, step, sizes) + self.cells.deviance_within

    def follow(self, beta, steps):
        found = super().follow(beta, steps)
        some = slice(steps.solved)
        steps.deviance[some] += self.cells.deviance_within
        steps.pearson[some] = [pearson(self.cells, self.pair, b) for b in steps.beta[some]]
        return found

    def at_each(self, beta, order=2):
        within = self.cells.deviance_within
        return [q._replace(deviance=q.deviance + within) for q in super().at_each(beta, order)]

    def at_many(self, beta, folds=None, of=None):
        found = super().at_many(beta, folds, of)
        found.deviance = found.deviance + self.cells.deviance_within
        found.pearson = np.array([pearson(self.cells, self.pair, b) for b in beta])
        return found

    def _completed(self, q, beta, order, *extra):
        if self.meat and order == 2:
            q = q._replace(information=meat(self.cells, self.pair, beta, self.scale, self.source.threads))
        chi2 = pearson(self.cells, self.pair, beta) if order and not extra else q.pearson
        return q._replace(deviance=q.deviance + self.cells.deviance_within, pearson=chi2)


def pays(data: Block, pair: FamilyLink, rows: int) -> int:
    """The most cells with which compressing ``rows`` rows is quicker than reading them at every pass, by measurement.

    More where a row costs more: of factors, of a link that is not canonical, of many columns.
    """
    dear = bool(data.terms) or not pair.canonical or data.X.shape[1] >= 20
    few = rows < CELLS_WORTH_ROWS or pair.linear  # least squares takes two passes whatever the rows
    return 0 if few else min(rows // 20, 200_000 if dear else 50_000)


def compressed(source, pair: FamilyLink, wanted) -> Cells | None:
    """The cells of a source's rows, or None where they are better left alone.

    Parameters
    ----------
    source : InMemory or Chunked
    pair : FamilyLink
    wanted : "auto" or True
        Compress where it pays, or wherever it can be done.

    Raises
    ------
    InvalidParameterError
        Where it was asked for and cannot be done.
    """
    n = source.n_rows
    most = n if wanted is True else pays(source.data, pair, n)
    # looking at rows here and there would bring most pages of a mapped file into memory
    if most == 0 or (wanted is not True and source.in_process and source.mapped is not None):
        return None
    if source.in_process:
        cells = compress(source.data, pair=pair, most=most / n, threads=source.threads)
    else:
        blocks = source.blocks()
        first = next(blocks)
        if wanted is not True and expected_cells(first, pair) > most:
            return None
        cells = compress_blocks(chain([first], blocks), pair, most)
    if cells is None and wanted is True:
        raise InvalidParameterError(
            f"compress=True: the {n} rows have no exact cells, because a column is not finite, exposures are out of "
            "all proportion, or a sparse row has many entries; leave compress out"
        )
    return cells


def compress_blocks(blocks, pair: FamilyLink, limit: int = 1_000_000) -> Cells | None:
    """The cells of rows that come in blocks, or None where there are more than ``limit``.

    Parameters
    ----------
    blocks : iterable of Block
        With the same columns; each with or without weights, frequencies, offset and exposure as the first.
    pair : FamilyLink
    limit : int
        The most cells, which bounds the memory.
    """
    running = None
    for data in blocks:
        running = CellGrouping(data, pair, min(limit, MOST_CELLS)) if running is None else running
        if not running.add(data):
            return None
    return None if running is None else _finished(running)


def expected_cells(data: Block, pair: FamilyLink) -> float:
    """How many cells some rows have, estimated from a sample of them in well under a millisecond.

    By Chao and Lin's estimate (2012, Biometrics 68), for sampling without replacement, from the numbers of cells seen
    once and twice. Zero for so few rows that grouping them is as quick; infinite where sparse rows are long.
    """
    n = len(data.y)
    size = min(CELLS_SAMPLE, 4 * isqrt(n))
    if n <= 2 * size:
        return 0.0
    edges = np.linspace(0, n, size + 1).astype(np.int64)
    rows = edges[:-1] + (np.random.default_rng(size).random(size) * np.diff(edges)).astype(np.int64)
    # few places, because each touches pages of a file that is mapped
    probe = np.concatenate([data.X[r : r + CELLS_PROBE_ROWS] for r in rows[:: max(1, size // CELLS_PROBES)]])
    if any(len(np.unique(v)) == len(probe) for v in probe.T):
        return np.inf  # so many values of a column alone, and no kernel to compile to see it
    sample = covariates_of(data, rows)._replace(y=np.zeros(size))
    running = CellGrouping(sample, pair, size)
    if not running.words.fit(sample):
        return np.inf
    ids, keys = np.empty(size, np.int32), np.empty((size, running.words.width))
    running.words.write(sample, slice(0, size), keys)
    running.table.add(keys.view(np.uint64), np.ones(size), 0, ids)
    seen = np.bincount(ids)
    once, twice = int((seen == 1).sum()), int((seen == 2).sum())
    unseen = once * once / (2.0 * twice * size / (size - 1) + once * size / (n - size)) if once else 0.0
    return len(seen) + unseen


def of_means(pair: FamilyLink) -> FamilyLink:
    """The pair for means of y, which are fractions where y is zero or one."""
    return pair._replace(family=pair.family.of_fractions())


def pearson(cells: Cells, pair: FamilyLink, beta: np.ndarray) -> float:
    """Pearson's chi-square of the rows at ``beta``: sum w (y - mu)^2 / V(mu)."""
    total = 0.0
    for part, at in _stretches(cells, pair, beta):
        r, h = at.score, at.information
        with np.errstate(all="ignore"):
            between = np.where(h > 0.0, cells.data.weights[part] * r * r / h, 0.0)
            within = np.where(cells.SS[part] > 0.0, cells.SS[part] / at.variance, 0.0)
        total += float((between + within).sum())
    return total


def meat(
    cells: Cells, pair: FamilyLink, beta: np.ndarray, scale: np.ndarray | None = None, threads: int = 1
) -> SymmetricOperator:
    """The sum of the outer products of the rows' scores at ``beta``, as ``Likelihood.scores`` has it.

    Parameters
    ----------
    scale : (m,) array, optional
        What each coefficient's column is multiplied by.

    Returns
    -------
    SymmetricOperator
    """
    squares = np.empty(len(cells.A))
    for part, at in _stretches(cells, pair, beta):
        with np.errstate(all="ignore"):
            g = np.where(at.slope != 0.0, at.information / at.slope, 0.0)
        r = at.score
        squares[part] = cells.A[part] * g * g + 2.0 * cells.B[part] * g * r + cells.C[part] * r * r
    # the information of least squares is X' diag(weights) X; a square may be less than zero by its rounding
    data = cells.data._replace(weights=np.maximum(squares, 0.0), offset=None, exposure=None)
    objective = Deviance(InMemory(data, threads), FamilyLink(Gaussian(), Identity()))
    objective.scale = np.ones(len(beta)) if scale is None else scale
    return objective.at(np.zeros(len(beta)), 2).information


def _stretches(cells, pair, beta):
    """Ranges of cells and the row formulas there."""
    data, pair = cells.data, of_means(pair)
    for a in range(0, len(data.y), 1 << 16):
        part = slice(a, min(a + (1 << 16), len(data.y)))
        eta = predictor(data, part.start, part.stop, beta) + offset(data, part.start, part.stop)
        yield part, evaluate(pair.family, pair.link, eta, data.y[part])


def _finished(running) -> Cells:
    u = running.statistics
    return Cells(running.data(), running.cell_of, running.rows, u.counts, u.SS, u.A, u.B, u.C, float(u.gaps.sum()))
