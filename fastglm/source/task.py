"""Sums over rows as tasks, the same for rows in memory, in files and on other machines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


class Task:
    """A sum over rows. Tasks are sent to other processes, so that they hold values, but no rows and no addresses.

    A unit's state is made by ``begin``, receives the unit's rows piece by piece in ``add``, and becomes by ``end`` a
    value that has ``+``.

    Attributes
    ----------
    vectors_only : bool
        Whether the task does without the columns of X, so that they need not be read.
    journaled : bool
        Whether the sum is small enough to be kept for a fit that is resumed.
    one_thread : bool
        Whether its work over rows in memory is calls of NumPy so short that threads would wait for each other; it
        needs no workspace.
    alone_below : int
        Rows in memory, below which one thread takes all units, as their calls of NumPy are short.
    """

    vectors_only = False
    journaled = True
    one_thread = False
    alone_below = 0

    def needs_rows(self, first: int, stop: int) -> bool:
        """Whether the task reads any of the rows ``first`` to ``stop``."""
        return True

    def begin(self) -> Any:
        """The state of a unit before its first row."""
        return []

    def add(self, state: Any, part: Any, runs: np.ndarray, work: np.ndarray) -> None:
        """Add the rows of ``part``, an InMemory, in the ranges ``runs`` (k, 2); ``work`` is its workspace."""
        state.append(self.of(part, runs))

    def of(self, part: Any, runs: np.ndarray) -> Any:
        """The value of the rows ``runs`` of ``part``, for tasks whose value is the sum over pieces of any size."""
        raise NotImplementedError

    def end(self, state: Any) -> Any:
        """The value of a unit from its state."""
        total = state[0]
        for value in state[1:]:
            total = total + value
        return total

    def joined(self, part: Any, units: list[np.ndarray]) -> tuple[Callable, Callable] | None:
        """Units summed in compiled code, as threads wait for each other between calls.

        Parameters
        ----------
        part : InMemory
        units : list of (k, 2) arrays
            The ranges of rows of each unit.

        Returns
        -------
        tuple or None
            What each thread calls with its workspace, and what then gives the value of all units, added as a ``Tree``
            adds them; None where units are summed one by one.
        """
        return None


class Largest(NamedTuple):
    """An array whose sum with another is the larger of each number."""

    value: np.ndarray

    def __add__(self, other: Largest) -> Largest:
        return Largest(np.maximum(self.value, other.value))


class ColumnMax(Task):
    """The largest absolute value of each column of X, as ``Largest`` (p,)."""

    def of(self, part: Any, runs: Any) -> Any:
        X = part.data.X
        top = np.zeros(X.shape[1])
        for first, stop in runs:
            for begin in range(first, stop, 1024):
                rows = X[begin : min(begin + 1024, stop)].astype(np.float64)
                np.maximum(top, np.abs(rows).max(0), out=top)
        return Largest(top)


class ColumnRange(Task):
    """The largest of each column of X and of its negative, as ``Largest`` (2, p)."""

    def of(self, part: Any, runs: Any) -> Any:
        rows = np.concatenate([part.data.X[first:stop] for first, stop in runs]).astype(np.float64)
        return Largest(np.stack([rows.max(0), -rows.min(0)]))


class Each(NamedTuple):
    """A value of each of some tasks; adding two adds them one by one."""

    values: tuple[Any, ...]

    def __add__(self, other: Each) -> Each:
        return Each(tuple(a + b for a, b in zip(self.values, other.values, strict=True)))


class Together(Task):
    """Several tasks in one read, as ``Each``."""

    def __init__(self, tasks: list[Task]):
        self.tasks = tasks

    def begin(self) -> Any:
        return [task.begin() for task in self.tasks]

    def add(self, state: Any, part: Any, runs: Any, work: Any) -> None:
        for task, own in zip(self.tasks, state, strict=True):
            task.add(own, part, runs, work)

    def end(self, state: Any) -> Any:
        return Each(tuple(task.end(own) for task, own in zip(self.tasks, state, strict=True)))
