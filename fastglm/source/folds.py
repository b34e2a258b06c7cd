"""Folds of rows: as they are given, or by a hash of the row's number, so that files have those of arrays."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .in_memory import InMemory
from .pieces import selected_rows
from .task import Task

# the finaliser of SplitMix64 (Steele, Lea and Flood 2014)
STRIDE, FIRST, SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


class Folds(NamedTuple):
    """``count`` folds; ``numbers`` (n,) has the fold of each row, None where a hash of its number says it."""

    count: int
    numbers: np.ndarray | None = None

    def of(self, rows: np.ndarray) -> np.ndarray:
        """The folds of some rows, by their numbers among all."""
        if self.numbers is not None:
            return self.numbers[rows]
        with np.errstate(over="ignore"):
            h = (rows.astype(np.uint64) + np.uint64(1)) * np.uint64(STRIDE)
            h = (h ^ (h >> np.uint64(30))) * np.uint64(FIRST)
            h = (h ^ (h >> np.uint64(27))) * np.uint64(SECOND)
            h ^= h >> np.uint64(31)
        return (h % np.uint64(self.count)).astype(np.intp)


class LeftOut(NamedTuple):
    """All rows but those of one fold, as ones and zeros that weights are multiplied by."""

    folds: Folds
    fold: int

    def __call__(self, first: int, n: int) -> np.ndarray:
        return (self.folds.of(np.arange(first, first + n)) != self.fold).astype(np.float64)


def first_row(part) -> int:
    """The number among all rows of the first one of a piece."""
    return getattr(part.place, "first", 0)


class PerFold(NamedTuple):
    """A value of each fold; adding two adds fold by fold."""

    values: tuple[Any, ...]

    def __add__(self, other: PerFold) -> PerFold:
        return PerFold(tuple(a + b for a, b in zip(self.values, other.values, strict=True)))


class ByFold(Task):
    """A task summed over the rows of each fold in one pass, as ``PerFold``."""

    def __init__(self, tasks: list[Task], folds: Folds):
        self.tasks, self.folds = tasks, folds

    def begin(self):
        return [task.begin() for task in self.tasks]

    def add(self, state, part, runs, work):
        first = first_row(part)
        rows = np.concatenate([np.arange(a, b) for a, b in runs.tolist()])
        of = self.folds.of(first + rows)
        for f, (task, own) in enumerate(zip(self.tasks, state, strict=True)):
            data = selected_rows(part.data, rows[of == f])
            n = len(data.y)
            if n:
                packed = part.packed.of(data.terms) if data.terms else None
                piece = InMemory(data, 1, [np.array([[0, n]])], part.block, packed, part.place)
                task.add(own, piece, piece.units[0], work)

    def end(self, state):
        return PerFold(tuple(task.end(own) for task, own in zip(self.tasks, state, strict=True)))
