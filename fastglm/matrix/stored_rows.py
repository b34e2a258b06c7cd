"""Rows of a design that is not one array, a block of which can be made dense: what predictions read."""

from __future__ import annotations

from typing import Any

import numpy as np


class StoredRows:
    """The model's columns but the intercept, (n, p), made dense a block at a time.

    Parameters
    ----------
    X : (n, p') array
        What is stored as numbers.
    terms : sequence of Categorical or Sparse
    coding : ContrastMap or None
        From the coefficients, the intercept first where there is one, to all stored columns.
    has_intercept : bool
    """

    dtype, ndim = np.dtype(np.float64), 2

    def __init__(self, X: Any, terms: Any, coding: Any, has_intercept: bool) -> None:
        self.X, self.terms, self.coding, self.has_intercept = X, tuple(terms), coding, bool(has_intercept)
        stored = X.shape[1] + sum(t.shape[1] for t in self.terms)
        self.shape = (X.shape[0], stored if coding is None else coding.n_params - self.has_intercept)

    def stored_rows(self) -> StoredRows:
        """Itself."""
        return self

    def __getitem__(self, part: Any) -> StoredRows:
        return StoredRows(self.X[part], (t.rows(part) for t in self.terms), self.coding, self.has_intercept)

    def toarray(self) -> np.ndarray:
        """The rows as float64 numbers."""
        parts = [self.X.astype(np.float64), *(t.toarray() for t in self.terms)]
        if self.has_intercept:
            parts.insert(0, np.ones((self.shape[0], 1)))
        stored = np.column_stack(parts)
        full = stored if self.coding is None else self.coding.design(stored)
        return full[:, int(self.has_intercept) :]
