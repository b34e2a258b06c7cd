"""Cells of rows with equal covariates, and statistics of each cell, summed unit by unit in a fixed order."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..core.measured import CELL_UNIT_ROWS, GROUPED_ROWS, MOST_CELL_UNITS, ROWS_PER_CELL
from ..family.registry import power_of_variance
from ..kernels import group as k
from .grouping import RowKeys, Table, covariates_of, stacked
from .streaming_qr import offset
from .threads import pool

RATIO = 1e100  # between two exposures, beyond which the powers of it overflow

ONES = np.ones(GROUPED_ROWS)


class Statistics(NamedTuple):
    """Sums over the rows of each cell, (cells,) arrays; ``objective.compression`` says how a fit uses them.

    With w the prior weight times the frequency and q the squared prior weight times the frequency of a row: ``weight``
    sums w, ``mean`` is the mean of y by w, ``counts`` sums frequencies, ``SS`` sums w (y - mean)^2, ``A``, ``B`` and
    ``C`` sum q (y - mean)^2, q (y - mean) and q, and ``gaps`` sums w d(y, mean), d the unit deviance.
    """

    weight: np.ndarray
    mean: np.ndarray
    counts: np.ndarray
    SS: np.ndarray
    A: np.ndarray
    B: np.ndarray
    C: np.ndarray
    gaps: np.ndarray

    def around(self, mean: np.ndarray, deviance) -> Statistics:
        """The sums about other means (cells,), ``deviance`` the unit deviance of two arrays."""
        gap = self.mean - mean
        return self._replace(
            mean=mean,
            SS=self.SS + self.weight * gap * gap,
            A=self.A + gap * (2.0 * self.B + self.C * gap),
            B=self.B + self.C * gap,
            gaps=self.gaps + self.weight * np.where(gap != 0.0, deviance(self.mean, mean), 0.0),
        )

    def joined(self, other: Statistics, deviance) -> Statistics:
        """The sums over the rows of both (Chan, Golub and LeVeque 1983)."""
        weight = self.weight + other.weight
        mean = self.mean + (other.mean - self.mean) * (other.weight / weight)
        first, stop = self.around(mean, deviance), other.around(mean, deviance)
        return Statistics(*(u + values for u, values in zip(first, stop, strict=True)))._replace(mean=mean)


class Unit(NamedTuple):
    """The cells of a range of rows, with their statistics."""

    table: Table
    sums: Statistics


class CellGrouping:
    """The cells of all rows added so far."""

    def __init__(self, data, pair, limit, threads=1, expected=0.0):
        self.power, self.threads, self.expected = _power(data, pair), threads, expected
        self.par, self.address = pair.par, k.unit_deviance(type(pair.family))
        self.words, self.exposure = RowKeys(data, self.power is not None), None
        if self.power is not None:
            # the exposure of a typical row, so that responses of cells are as large as those of rows
            self.exposure = float(np.mean(_exposure(data, slice(0, min(len(data.y), GROUPED_ROWS)))))
        self.table = Table(self.words.width, limit)
        self.sums = np.zeros((len(Statistics._fields), 0))
        self.parts, self.rows, self.cell_of, self.failed = [], 0, None, False

    def add(self, data, keep=False) -> bool:
        """Group the rows of a block, and ``keep`` the cell of each row; False where the rows cannot be grouped."""
        if not self.words.fit(data):
            return False
        first, n = [], len(data.y)
        ids, edges = np.empty(n, np.int32), np.linspace(0, n, _n_units(n, self.expected) + 1).astype(np.int64).tolist()
        ranges = list(zip(edges[:-1], edges[1:], strict=True))
        for (begin, stop), unit in zip(ranges, self._grouped(data, ranges, ids), strict=True):
            before = self.table.n
            if before == 0 and unit is not None:
                self.table, self.sums = unit.table, np.stack(unit.sums)
                first.append(unit.table.first[: unit.table.n] + begin)
                continue
            numbers = None if unit is None or self.failed else self.table.enter(unit.table)
            if numbers is None:
                # units under way read the flag and stop
                self.failed = True
                continue
            first.append(unit.table.first[: unit.table.n][numbers >= before] + begin)
            self._join(unit.sums, numbers, before)
            if keep:
                k.renumber(ids[begin:stop], numbers)
        if self.failed:
            return False
        self.rows += n
        self.parts.append(covariates_of(data, np.concatenate(first)))
        self.cell_of = ids if keep else None
        sums = self.statistics
        return bool(all(np.isfinite(values).all() for values in (self.parts[-1].X, sums.gaps, sums.A)))

    @property
    def statistics(self) -> Statistics:
        """The statistics of all cells so far."""
        return Statistics(*self.sums[:, : self.table.n].copy())

    def data(self):
        """The cells as rows of a Block, with the mean of y and the sum of the weights."""
        sums = self.statistics
        data = self.parts[0] if len(self.parts) == 1 else stacked(self.parts)
        if self.power is not None:
            data = data._replace(offset=None, exposure=np.full(len(sums.mean), self.exposure))
        return data._replace(y=sums.mean, weights=sums.weight, freq_weights=None)

    def _grouped(self, data, ranges, ids):
        """The grouped units of some ranges of rows, in order."""

        def work(edges):
            return None if self.failed else self._unit(data, *edges, ids[slice(*edges)])

        threads = min(self.threads, len(ranges))
        return map(work, ranges) if threads == 1 else pool(threads).map(work, ranges)

    def _unit(self, data, first, stop, ids) -> Unit | None:
        """Group the rows first to stop, and write the cell of each into ``ids``; None where they cannot be grouped."""
        table = Table(self.words.width, self.table.limit)
        buffer = np.empty((min(stop - first, GROUPED_ROWS), self.words.width))
        for part in _parts(first, stop):
            keys = buffer[: part.stop - part.start]
            self.words.write(data, part, keys)
            counts = self._vectors(data, part)[1]
            if self.power is not None and not self._comparable(data, part):
                return None
            if self.failed or not table.add(
                keys.view(np.uint64), counts, part.start - first, ids[part.start - first : part.stop - first]
            ):
                return None
        return Unit(table, self._statistics(data, first, stop, ids, table.n))

    def _join(self, unit_sums, numbers, before):
        """Join the statistics of a unit's cells with the statistics so far."""
        n, room = self.table.n, self.sums.shape[1]
        if n > room:
            self.sums = np.pad(self.sums, ((0, 0), (0, max(n, 2 * room) - room)))
        old, unit_sums = numbers < before, np.stack(unit_sums)
        cells = numbers[old]
        joined = Statistics(*self.sums[:, cells]).joined(Statistics(*unit_sums[:, old]), self._deviance)
        self.sums[:, cells], self.sums[:, numbers[~old]] = np.stack(joined), unit_sums[:, ~old]

    def _statistics(self, data, begin, stop, ids, n_cells) -> Statistics:
        """The statistics of the rows first to stop, in two passes: the means, and the sums about them."""
        first, second = np.zeros((n_cells, k.FIRST)), np.zeros((n_cells, k.SECOND))
        for part in _parts(begin, stop):
            k.add_first(ids[part.start - begin : part.stop - begin], *self._vectors(data, part), first)
        weight = first[:, k.WEIGHT] + first[:, k.WEIGHT_LOW]
        means = (first[:, k.WEIGHTED_Y] + first[:, k.WEIGHTED_Y_LOW]) / weight
        for part in _parts(begin, stop):
            y, w, squares, _ = self._vectors(data, part)
            k.add_second(
                ids[part.start - begin : part.stop - begin], y, w, squares, means, self.address, self.par, second
            )
        counts, C = first[:, k.COUNT].copy(), first[:, k.SQUARES_OF_WEIGHTS].copy()
        SS, A, B, gaps = (second[:, j].copy() for j in (k.WITHIN, k.MEAT_SQUARE, k.MEAT_CROSS, k.GAPS))
        return Statistics(weight, means, counts, SS, A, B, C, gaps)

    def _deviance(self, y, mu):
        """The unit deviance of each pair, (n,)."""
        out = np.empty(len(y))
        k.unit_deviances(self.address, self.par, np.ascontiguousarray(y), np.ascontiguousarray(mu), out)
        return out

    def _vectors(self, data, part):
        """Response, weight, squared prior weight times frequency, and frequency of some rows, (rows,) float64 each."""
        y = np.ascontiguousarray(data.y[part], dtype=np.float64)
        w = frequency = ONES[: len(y)]
        if data.weights is not None:
            w = np.ascontiguousarray(data.weights[part], dtype=np.float64)
        if data.freq_weights is not None:
            frequency = np.ascontiguousarray(data.freq_weights[part], dtype=np.float64)
        if self.power is not None:
            with np.errstate(all="ignore"):
                ratio = _exposure(data, part) / self.exposure
                y, w = y / ratio, w * ratio ** (2.0 - self.power)
        return (
            (y, w, w * w, frequency) if data.freq_weights is None else (y, w * frequency, w * w * frequency, frequency)
        )

    def _comparable(self, data, part):
        """Whether powers of the ratios of exposures stay within the range of float64."""
        with np.errstate(all="ignore"):
            ratio = _exposure(data, part) / self.exposure
        return bool(((ratio > 1.0 / RATIO) & (ratio < RATIO)).all())


def _parts(first, stop):
    return (slice(begin, min(begin + GROUPED_ROWS, stop)) for begin in range(first, stop, GROUPED_ROWS))


def _n_units(n, expected):
    """The number of units of n rows, a function of the data alone: each is worth a table and its merging."""
    rows = max(CELL_UNIT_ROWS, ROWS_PER_CELL * int(expected))
    return 1 << (max(1, min(MOST_CELL_UNITS, n // rows)).bit_length() - 1)


def _exposure(data, part):
    """exp(offset) times the exposure of some rows; infinite where it overflows."""
    with np.errstate(over="ignore"):
        return np.exp(offset(data, part.start, part.stop))


def _power(data, pair):
    """The variance as a power of the mean, where rows of unequal exposure can share a cell, else None."""
    if not pair.link.is_log or (data.offset is None and data.exposure is None):
        return None
    return power_of_variance(pair.family)
