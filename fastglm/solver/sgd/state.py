"""What a fit has come to: parameters, what its rule remembers, and its history."""

from __future__ import annotations

import numpy as np


class State:
    """All that a fit needs to go on from where it is; it changes between epochs only.

    Parameters
    ----------
    size : int
        The number of parameters.
    dtype : dtype
        Their type.
    table : int
        The number of residuals SAGA remembers; 0 for other rules.

    Attributes
    ----------
    memory : (3, size) array of ``dtype``
        Parameters, and the rule's first and second vectors (velocity or mean, and sum or mean of squares).
    average : (size,) float64
        The sum of the parameters after each of ``averaged`` updates.
    table : (table,) float64
    best : (size,) float64
        The parameters with the lowest validation loss.
    epoch, updates, averaged, stale : int
        Epochs and updates done, updates averaged, and epochs since the loss was last improved.
    rate, first_rate : float
    lowest, judged : float
        The lowest loss of an epoch, and the lowest that was an improvement.
    history : list of dict
        A record for each epoch: epoch, loss, validation_loss, rate, gradient_norm, seconds and passes,
        and params where they are kept.
    notes : list of str
        What was done without being asked for.
    """

    ARRAYS = ("memory", "average", "table", "best")
    SCALARS = ("epoch", "updates", "averaged", "stale", "rate", "first_rate", "lowest", "judged")

    def __init__(self, size: int, dtype, table: int = 0):
        self.memory = np.zeros((3, size), dtype)
        self.average, self.table, self.best = np.zeros(size), np.zeros(table), np.zeros(size)
        self.epoch = self.updates = self.averaged = self.stale = 0
        self.rate = self.first_rate = np.nan
        self.lowest = self.judged = np.inf
        self.history: list[dict] = []
        self.notes: list[str] = []

    @property
    def theta(self) -> np.ndarray:
        """The parameters, a view."""
        return self.memory[0]

    def estimate(self) -> np.ndarray:
        """The averaged parameters, or the last ones where none are averaged, float64."""
        if self.averaged:
            return self.average / self.averaged
        return self.theta.astype(np.float64)

    def snapshot(self, out: tuple | None = None) -> tuple:
        """A copy of the arrays and numbers, into the arrays of an earlier one if given."""
        arrays = [getattr(self, name) for name in self.ARRAYS]
        if out is None:
            copies = [a.copy() for a in arrays]
        else:
            copies = out[0]
            for copy, a in zip(copies, arrays, strict=True):
                np.copyto(copy, a)
        return copies, [getattr(self, name) for name in self.SCALARS], len(self.history), len(self.notes)

    def restore(self, snapshot: tuple) -> None:
        """Go back to a snapshot."""
        arrays, scalars, n_records, n_notes = snapshot
        for name, a in zip(self.ARRAYS, arrays, strict=True):
            np.copyto(getattr(self, name), a)
        for name, value in zip(self.SCALARS, scalars, strict=True):
            setattr(self, name, value)
        del self.history[n_records:], self.notes[n_notes:]
