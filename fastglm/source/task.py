"""What is summed over rows: a task, the same for rows in memory, in files and on other machines."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np


class Task:
    """What a source reduces. It is sent to other processes, so that it holds values, no rows and no addresses.

    A unit's state is made by ``begin``, receives the unit's rows piece by piece in ``add``, and becomes by ``end`` a
    value that has ``+``.

    Attributes
    ----------
    vectors_only : bool
        Whether the columns of X are not looked at, so that they need not be read.
    kept : bool
        Whether the result of a pass is small enough to be kept for a fit that is taken up again.
    """

    vectors_only = False
    kept = True

    def wants(self, first: int, stop: int) -> bool:
        """Whether the rows ``first`` to ``stop`` are looked at."""
        return True

    def begin(self) -> Any:
        """The state of a unit of which no row has been seen."""
        return []

    def add(self, state: Any, part, runs: np.ndarray, work: np.ndarray) -> None:
        """Add the rows of ``part``, an InMemory, in the ranges ``runs`` (k, 2); ``work`` is its workspace."""
        state.append(self.of(part, runs))

    def of(self, part, runs: np.ndarray) -> Any:
        """The value of some rows, for tasks whose value is the sum over pieces of any size."""
        raise NotImplementedError

    def end(self, state: Any) -> Any:
        """The value of the unit."""
        total = state[0]
        for value in state[1:]:
            total = total + value
        return total


class Largest(NamedTuple):
    """Numbers whose sum is the larger of each."""

    value: np.ndarray

    def __add__(self, other: Largest) -> Largest:
        return Largest(np.maximum(self.value, other.value))


class ColumnMax(Task):
    """The largest absolute value of each column of X, as ``Largest`` (p,)."""

    def of(self, part, runs):
        X = part.data.X
        top = np.zeros(X.shape[1])
        for a, b in runs:
            for c in range(a, b, 1024):
                rows = X[c : min(c + 1024, b)].astype(np.float64)
                np.maximum(top, np.abs(rows).max(0), out=top)
        return Largest(top)


class ColumnRange(Task):
    """The largest of each column of X and of its negative, as ``Largest`` (2, p)."""

    def of(self, part, runs):
        rows = np.concatenate([part.data.X[a:b] for a, b in runs]).astype(np.float64)
        return Largest(np.stack([rows.max(0), -rows.min(0)]))
