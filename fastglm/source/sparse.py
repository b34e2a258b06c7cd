"""Rows of a CSR matrix in memory: what a finished first-order fit is judged by."""

from __future__ import annotations

import numpy as np

from .in_memory import Data, InMemory


class SparseRows(InMemory):
    """A source whose X is a scipy CSR matrix; its vectors are read as those of any other source.

    Parameters
    ----------
    data : Data
    threads : int
    """

    def __init__(self, data: Data, threads: int):
        super().__init__(data._replace(X=np.empty((data.X.shape[0], 0))), threads)
        self.X, self.p = data.X, data.X.shape[1]

    def column_max(self) -> np.ndarray:
        """The largest absolute value of each column of X, (p,)."""
        return np.asarray(abs(self.X).max(0).todense()).ravel()

    def check_finite(self) -> None:
        """Nothing is left to find: a first-order fit refuses an X that is not finite."""
