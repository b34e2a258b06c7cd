"""Folds of rows: how rows are cut into parts, and which parts each fold is fitted to and measured on."""

from __future__ import annotations

from functools import reduce
from typing import Any, NamedTuple

import numpy as np

from .in_memory import InMemory
from .pieces import selected_rows
from .task import Each, Task

# the finaliser of SplitMix64 (Steele, Lea and Flood 2014)
STRIDE, FIRST, SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


class Hashed(NamedTuple):
    """``count`` parts by a hash of the row's number and a seed, so that files have those of arrays."""

    count: int
    seed: int = 0

    def of(self, rows: np.ndarray) -> np.ndarray:
        """The parts of some rows, by their numbers among all."""
        return (hashed(rows, self.seed) % np.uint64(self.count)).astype(np.intp)


class Numbered(NamedTuple):
    """``count`` parts; ``numbers`` (n,) has that of each row."""

    count: int
    numbers: np.ndarray

    def of(self, rows: np.ndarray) -> np.ndarray:
        """The parts of some rows, by their numbers among all."""
        return self.numbers[rows]


class Stretches(NamedTuple):
    """Consecutive rows; ``edges`` (count - 1,) are the first rows of all parts but the first one."""

    count: int
    edges: np.ndarray

    def of(self, rows: np.ndarray) -> np.ndarray:
        """The parts of some rows, by their numbers among all."""
        return np.searchsorted(self.edges, rows, side="right")


class Folds(NamedTuple):
    """F folds of rows that are cut into B parts.

    Attributes
    ----------
    parts : Hashed, Numbered or Stretches
    fitted : (F, B) bool array
        The parts whose rows a fold is fitted to.
    measured : (F, B) bool array
        Those that it is measured on.
    """

    parts: Any
    fitted: np.ndarray
    measured: np.ndarray

    @classmethod
    def each_in_turn(cls, parts: Any) -> Folds:
        """One fold for each part, which is fitted to all others."""
        own = np.eye(parts.count, dtype=bool)
        return cls(parts, ~own, own)

    @property
    def count(self) -> int:
        """F."""
        return len(self.fitted)

    def fits(self, fold: Any, rows: np.ndarray) -> np.ndarray:
        """Whether some rows (n,) are among those that a fold is fitted to, or (n, R) for an array of folds."""
        return self.fitted.T[self.parts.of(rows)][:, fold]

    def sums(self, by_part: list[Any], without: Any, combined: Any) -> list[Any]:
        """Sums over the rows that each fold is fitted to, from those of every part.

        Where a fold leaves out fewer parts than it has, they are taken off the sum of all.
        """
        every, out = reduce(combined, by_part), []
        for fitted in self.fitted:
            if fitted.sum() > len(fitted) / 2:
                out.append(reduce(without, [by_part[b] for b in np.flatnonzero(~fitted)], every))
            else:
                out.append(reduce(combined, [by_part[b] for b in np.flatnonzero(fitted)]))
        return out


def hashed(numbers: np.ndarray, seed: int = 0) -> np.ndarray:
    """Uniform 64-bit numbers (n,) of whole numbers: outputs of SplitMix64, whose stream the seed begins."""
    with np.errstate(over="ignore"):
        h = (numbers.astype(np.uint64) + np.uint64(1)) * np.uint64(STRIDE)
        if seed:
            h += hashed(np.array([seed]))
        h = (h ^ (h >> np.uint64(30))) * np.uint64(FIRST)
        h = (h ^ (h >> np.uint64(27))) * np.uint64(SECOND)
        return h ^ (h >> np.uint64(31))


class Fitted(NamedTuple):
    """The rows that a fold is fitted to, as ones and zeros that weights are multiplied by."""

    folds: Folds
    fold: int

    def __call__(self, first: int, n: int) -> np.ndarray:
        return self.folds.fits(self.fold, np.arange(first, first + n)).astype(np.float64)


def first_row(part: Any) -> int:
    """The number among all rows of the first one of a piece."""
    return getattr(part.place, "first", 0)


class ByPart(Task):
    """A task summed over the rows of each part in one pass, as ``Each``."""

    def __init__(self, tasks: list[Task], parts: Any) -> None:
        self.tasks, self.parts = tasks, parts

    def begin(self) -> Any:
        return [task.begin() for task in self.tasks]

    def add(self, state: Any, part: Any, runs: Any, work: Any) -> None:
        first = first_row(part)
        rows = np.concatenate([np.arange(a, b) for a, b in runs.tolist()])
        of = self.parts.of(first + rows)
        for b, (task, own) in enumerate(zip(self.tasks, state, strict=True)):
            data = selected_rows(part.data, rows[of == b])
            n = len(data.y)
            if n:
                packed = part.packed.of(data.terms) if data.terms else None
                piece = InMemory(data, 1, [np.array([[0, n]])], part.block, packed, part.place)
                task.add(own, piece, piece.units[0], work)

    def end(self, state: Any) -> Any:
        return Each(tuple(task.end(own) for task, own in zip(self.tasks, state, strict=True)))
