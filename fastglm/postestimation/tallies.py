"""Counts of numbers by their value: exact while few differ, then by wider and wider cells, in bounded memory."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..core.measured import MOST_TALLY_CELLS


class Tally(NamedTuple):
    """Weights summed over the rows of each value.

    Attributes
    ----------
    keys : (cells,) array of int64, sorted
        Values as whole numbers in their order, without the last ``shift`` bits.
    sums : (cells, c) array
        Weights of their rows.
    shift : int
        0 while a cell is one value.
    """

    keys: np.ndarray
    sums: np.ndarray
    shift: int

    @classmethod
    def of(cls, values, weights, cells=None) -> Tally:
        """The counts of some rows.

        Parameters
        ----------
        values : (n,) array of float64
        weights : (n, c) array
            Rows of weight zero are not counted.
        cells : (k, 2) array of int64, optional
            Ranges of whole keys, first to last; other rows are not counted.
        """
        keys, counted = ordered(values), weights.any(axis=1)
        if cells is not None:
            at = np.searchsorted(cells[:, 0], keys, side="right") - 1
            counted &= (at >= 0) & (keys <= cells[np.maximum(at, 0), 1])
        return cls(*_merged(keys[counted], weights[counted]), 0)._bounded()

    @classmethod
    def joined(cls, parts) -> Tally:
        """The sum of several."""
        shift = max(part.shift for part in parts)
        keys = np.concatenate([part.keys >> (shift - part.shift) for part in parts])
        return cls(*_merged(keys, np.concatenate([part.sums for part in parts])), shift)._bounded()

    def _bounded(self):
        tally = self
        while len(tally.keys) > MOST_TALLY_CELLS:
            tally = Tally(*_merged(tally.keys >> 1, tally.sums), tally.shift + 1)
        return tally

    def auc(self) -> tuple[Any, ...]:
        """The share of pairs of an event (first weight) and a non-event (second) with the event's value the larger.

        Returns
        -------
        share, error : float
            Ties count half; ``error`` is half the share of pairs in cells of several values. NaN without pairs.
        """
        events, non_events = self.sums.T
        pairs = events.sum() * non_events.sum()
        if not pairs > 0.0:
            return np.nan, np.nan
        before = np.cumsum(non_events) - non_events
        tied = 0.5 * float(events @ non_events)
        return (float(events @ before) + tied) / pairs, tied / pairs if self.shift else 0.0

    def quantiles(self, targets, recount) -> np.ndarray:
        """The smallest values up to which the first weight is at least each of ``targets``.

        Parameters
        ----------
        targets : (k,) array, sorted
        recount : callable
            cells (k, 2) -> the Tally of the rows within them, asked for cells of several values.
        """
        cumulated = np.cumsum(self.sums[:, 0])
        # a target that is met but for rounding is met
        at = np.minimum(np.searchsorted(cumulated, targets * (1.0 - 1e-12)), len(self.keys) - 1)
        if not self.shift:
            return values_of(self.keys[at])
        cells = np.unique(at)
        first = self.keys[cells] << self.shift
        finer = recount(np.column_stack([first, first + (1 << self.shift) - 1]))
        if finer.shift >= self.shift:
            return values_of(((self.keys[at] + 1) << self.shift) - 1)
        out = np.empty(len(targets))
        for cell, low in zip(cells, first, strict=True):
            inside = (finer.keys << finer.shift >= low) & (finer.keys << finer.shift < low + (1 << self.shift))
            part = Tally(finer.keys[inside], finer.sums[inside], finer.shift)
            targets_here = at == cell
            remainder = targets[targets_here] - (cumulated[cell] - self.sums[cell, 0])
            out[targets_here] = part.quantiles(remainder, recount)
        return out


def total(parts) -> Tally | None:
    """The sum of Tallies as they come; many are joined at a time, so that the cost hardly grows with the cells."""
    joined, waiting, cells = None, [], 0
    for part in parts:
        waiting.append(part)
        cells += len(part.keys)
        if joined is None or cells > max(len(joined.keys), 1 << 18):
            joined = Tally.joined(waiting if joined is None else [joined, *waiting])
            waiting, cells = [], 0
    return Tally.joined([joined, *waiting]) if waiting else joined


def _merged(keys, sums):
    """Rows of equal keys as one, sorted."""
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    first = np.flatnonzero(np.append(True, keys[1:] != keys[:-1])[: len(keys)])
    return keys[first], np.add.reduceat(sums[order], first, axis=0) if len(first) else sums


def ordered(values) -> np.ndarray:
    """float64 numbers as int64 in the same order; zero has one key."""
    bits = (np.ascontiguousarray(values, dtype=np.float64) + 0.0).view(np.int64)
    return np.where(bits >= 0, bits, np.int64(-(2**63)) - bits)


def values_of(keys) -> np.ndarray:
    """The inverse of ``ordered``."""
    return np.where(keys >= 0, keys, np.int64(-(2**63)) - keys).view(np.float64)
