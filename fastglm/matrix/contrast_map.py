"""From coefficients to the columns that are stored: contrasts, dropped levels, the order of terms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, hstack

from ..errors import InvalidParameterError

MOST_REACHED = 2000  # stored columns, up to which the coefficients of some of them are looked for


class ContrastMap:
    """A linear map from the m coefficients of a model to the M columns that its design stores.

    A factor is stored as all its levels; treatment coding drops one of them, other contrasts mix them. The stored
    columns are those of numbers first (the intercept before them), then those of factors of few levels and of sparse
    rows, then the levels of the factor of high cardinality.

    Parameters
    ----------
    core : (M0, m0) scipy sparse matrix, or (m0,) array of ints
        The map of all columns but the last factor's, or, where each coefficient is that of one column, its number.
    width : int
        M0.
    kept : (L',) array of ints, optional
        The levels of the factor of high cardinality that have a coefficient.
    high_cardinality : int
        The number L of its levels.
    order : (m,) array of ints, optional
        The numbers of the model's coefficients in the order of this map: those of ``core``, then those of ``kept``.
        Without it they are in that order.
    """

    def __init__(self, core: Any, width: int, kept: Any = None, high_cardinality: int = 0, order: Any = None) -> None:
        self.picked = None if hasattr(core, "tocsr") else np.asarray(core, dtype=np.intp)
        self.map = core.tocsr() if self.picked is None else None
        self.transposed = self.map.T.tocsr() if self.picked is None else None
        self.width, self.high_cardinality = width, high_cardinality
        self.kept = np.zeros(0, np.intp) if kept is None else np.asarray(kept, dtype=np.intp)
        self.core = len(self.picked) if self.picked is not None else self.map.shape[1]
        self.order = order
        if self.map is not None and self.map.shape[0] != width:
            raise InvalidParameterError(f"the coding maps to {self.map.shape[0]} columns, the design has {width}")

    @property
    def n_params(self) -> int:
        """m, the coefficients."""
        return self.core + len(self.kept)

    @property
    def n_columns(self) -> int:
        """M, the columns that are stored."""
        return self.width + self.high_cardinality

    @property
    def simple(self) -> bool:
        """Whether each coefficient is that of one column."""
        return self.picked is not None

    def coefficient(self, column: int) -> int:
        """The number of the first coefficient of a stored column of numbers."""
        row = np.flatnonzero(self.picked == column) if self.simple else self.map[column].indices
        return int((row if self.order is None else self.order[row]).min())

    @property
    def level_numbers(self) -> np.ndarray:
        """The numbers of the coefficients of the factor of high cardinality."""
        return (np.arange(self.n_params) if self.order is None else self.order)[self.core :]

    def matrix_map(self) -> Any:
        """The map of the core as a scipy sparse matrix (M0, m0)."""
        if not self.simple:
            return self.map
        m = len(self.picked)
        return csr_matrix((np.ones(m), (self.picked, np.arange(m))), shape=(self.width, m))

    def expand(self, beta: np.ndarray) -> np.ndarray:
        """Coefficients of the stored columns, (M,) or (M, R), from the model's, (m,) or (m, R)."""
        full = np.zeros((self.n_columns, *beta.shape[1:]))
        beta = beta if self.order is None else beta[self.order]
        if self.simple:
            full[self.picked] = beta[: self.core]
        else:
            full[: self.width] = self.map @ beta[: self.core]
        full[self.width + self.kept] = beta[self.core :]
        return full

    def reduce(self, v: np.ndarray) -> np.ndarray:
        """The transposed map: a score of the model's coefficients, (m,) or (m, R), from that of the stored columns."""
        core = v[self.picked] if self.simple else self.transposed @ v[: self.width]
        return self._numbered(np.concatenate([core, v[self.width + self.kept]]))

    def reduce_squares(self, v: np.ndarray) -> np.ndarray:
        """``reduce`` by the squares of the map: a diagonal (m,) from that of the stored columns (M,)."""
        core = v[self.picked] if self.simple else self.transposed.power(2) @ v[: self.width]
        return self._numbered(np.concatenate([core, v[self.width + self.kept]]))

    def reaching(self, chosen: np.ndarray, factors: Sequence[slice], has_intercept: bool) -> np.ndarray:
        """Coefficients (m,) whose linear predictor is one on rows with one of the ``chosen`` (M,) stored columns, and
        zero on others; all zero where there are none, or columns are too many to look.

        Parameters
        ----------
        chosen : (M,) array of bools
            Columns of levels.
        factors : sequence of slice
            The columns of each factor, of which every row has one level.
        has_intercept : bool
            Whether the first column is the intercept.
        """
        none = np.zeros(self.n_params)
        if not chosen.any() or self.n_columns > MOST_REACHED:
            return none
        # what is the same at all levels of a factor can as well be the intercept's, or another factor's
        constants = np.zeros((self.n_columns, len(factors) + has_intercept))
        for j, levels in enumerate([slice(0, 1), *factors] if has_intercept else factors):
            constants[levels, j] = 1.0
        design = np.hstack([self.expand(np.eye(self.n_params)), constants[:, 1:] - constants[:, :1]])
        found = np.linalg.lstsq(design, chosen * 1.0, rcond=1e-10)[0]
        beta = np.where(np.abs(found[: self.n_params]) > 1e-10, found[: self.n_params], 0.0)
        return beta if np.abs(design @ found - chosen).max() < 1e-8 else none

    def _numbered(self, v):
        """A vector (m,) in the order of this map, in that of the coefficients."""
        if self.order is None:
            return v
        out = np.empty_like(v)
        out[self.order] = v
        return out

    def matrix(self, full: np.ndarray) -> np.ndarray:
        """T' A T of the symmetric core A (M0, M0), in the order of this map."""
        if self.simple:
            return full[np.ix_(self.picked, self.picked)]
        half = self.transposed @ full
        return np.ascontiguousarray(self.transposed @ half.T)

    def border(self, B: np.ndarray) -> np.ndarray:
        """The rows (L', m0) of the factor of high cardinality of B (L, M0), in the order of this map."""
        B = B[self.kept]
        return np.ascontiguousarray(B[:, self.picked] if self.simple else (self.transposed @ B.T).T)

    def design(self, full: Any) -> Any:
        """The model's columns (n, m) from the stored ones (n, M), an array or a CSR matrix."""
        stack = hstack if hasattr(full, "tocsr") else np.hstack
        core = full[:, self.picked] if self.simple else (self.transposed @ full[:, : self.width].T).T
        columns = stack([core, full[:, self.width + self.kept]])
        columns = columns.tocsr() if hasattr(full, "tocsr") else columns
        return columns if self.order is None else columns[:, np.argsort(self.order)]


def identity(n_columns: int) -> ContrastMap:
    """Every stored column has its own coefficient."""
    return ContrastMap(np.arange(n_columns), n_columns)
