"""The kinds of columns. Their products run the same compiled loops as a fit does."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, vstack

from ..core.measured import HIGH_CARDINALITY
from ..errors import InvalidParameterError, MissingDataError
from ..kernels import layout
from ..kernels import structured_columns as k
from .contrast_map import ContrastMap
from .stored_rows import StoredRows

INT32 = np.iinfo(np.int32).max
DROP = "missing='drop' leaves such rows out"


class Categorical:
    """The levels of a factor: a row has a one, or its ``values``, in the column of its level.

    Parameters
    ----------
    codes : (n,) array of integers
        The level of each row, 0 to n_levels - 1; a negative code has no level, and its row zeros only.
    n_levels : int
    values : (n,) array, optional
        In place of the ones: the interaction of the factor with a number.

    Raises
    ------
    InvalidParameterError
        For codes that are not whole numbers below ``n_levels``.
    """

    def __init__(self, codes: Any, n_levels: int, values: Any = None) -> None:
        codes = np.asarray(codes)
        if codes.ndim != 1 or codes.dtype.kind not in "iu":
            raise InvalidParameterError(f"codes must be whole numbers (n,), not {codes.dtype} of shape {codes.shape}")
        if len(codes) and int(codes.max()) >= n_levels:
            row = int(np.argmax(codes >= n_levels))
            raise InvalidParameterError(f"codes: {codes[row]} at row {row} is not below n_levels={n_levels}")
        self.codes = np.ascontiguousarray(codes, dtype=np.int32)
        self.values = None if values is None else _values(values, "values", self.codes.shape)
        self.complete = not len(codes) or int(codes.min()) >= 0
        self.shape = (len(codes), int(n_levels))

    entries = 1  # the most numbers of a row

    def row(self, offset: int) -> tuple[Any, ...]:
        """The term's row in the table of the compiled loops, its columns counted from ``offset``."""
        values = 0 if self.values is None else self.values.ctypes.data
        return k.CODES, self.codes.ctypes.data, 0, values, offset, self.shape[1]

    def rows(self, part: Any) -> Categorical:
        """Some of the rows: a slice or numbers."""
        other = object.__new__(Categorical)  # what was checked before is not checked again
        other.codes = np.ascontiguousarray(self.codes[part])
        other.values = None if self.values is None else np.ascontiguousarray(self.values[part])
        other.shape, other.complete = (len(other.codes), self.shape[1]), self.complete
        return other

    @staticmethod
    def stacked(parts: Any) -> Categorical:
        """The rows of several, one below the other."""
        values = None if parts[0].values is None else np.concatenate([part.values for part in parts])
        return Categorical(np.concatenate([part.codes for part in parts]), parts[0].shape[1], values)

    def stored_rows(self) -> StoredRows:
        """The rows as predictions read them."""
        return Split((self,)).stored_rows()

    def tocsr(self) -> Any:
        """As a scipy CSR matrix."""
        seen = np.flatnonzero(self.codes >= 0)
        values = np.ones(len(seen)) if self.values is None else self.values[seen]
        return csr_matrix((values, (seen, self.codes[seen])), shape=self.shape)

    def toarray(self) -> np.ndarray:
        """As numbers (n, n_levels)."""
        out = np.zeros(self.shape)
        seen = np.flatnonzero(self.codes >= 0)
        out[seen, self.codes[seen]] = 1.0 if self.values is None else self.values[seen]
        return out

    def dot(self, b: Any) -> Any:
        """X b."""
        return Split((self,)).dot(b)

    def t_dot(self, r: Any) -> Any:
        """X' r."""
        return Split((self,)).t_dot(r)

    def gram(self, w: Any = None, other: Any = None) -> Any:
        """X' diag(w) X, or X' diag(w) Y for another matrix Y of as many rows."""
        return Split((self,)).gram(w, other)


class Sparse:
    """Columns of which most entries are zero: a scipy sparse matrix of any format, kept by rows.

    Parameters
    ----------
    X : scipy sparse matrix, (n, p)

    Raises
    ------
    InvalidParameterError, MissingDataError
        For entries that are not finite numbers; the message names the row and the column.
    """

    def __init__(self, X: Any) -> None:
        X = X.tocsr()
        if X.dtype.kind not in "fiub":
            raise InvalidParameterError(f"X is a sparse matrix of dtype {X.dtype}; numeric values are needed")
        if not X.has_canonical_format:
            X = X.copy()
            X.sum_duplicates()
        if X.shape[1] > INT32:
            raise InvalidParameterError(f"X has {X.shape[1]} columns; at most {INT32} are supported")
        self.shape = X.shape
        self.data = np.ascontiguousarray(X.data, dtype=np.float64)
        self.indices = np.ascontiguousarray(X.indices, dtype=np.int32)
        self.indptr = np.ascontiguousarray(X.indptr, dtype=np.int64)
        self.entries = int(np.diff(self.indptr).max(initial=0))
        bad = ~np.isfinite(self.data)
        if bad.any():
            place = int(np.argmax(bad))
            row = int(np.searchsorted(self.indptr, place, side="right")) - 1
            raise MissingDataError(
                f"X is not finite: {self.data[place]} in column {self.indices[place]} at row {row}; {DROP}"
            )

    def columns(self, numbers: np.ndarray) -> Sparse:
        """Some of the columns."""
        return Sparse(self.tocsr()[:, numbers])

    def row(self, offset: int) -> tuple[Any, ...]:
        """As ``Categorical.row``."""
        places = (self.indices, self.indptr, self.data)
        return k.ROWS, *(v.ctypes.data for v in places), offset, self.shape[1]

    def tocsr(self) -> Any:
        """As a scipy CSR matrix."""
        return csr_matrix((self.data, self.indices, self.indptr), shape=self.shape)

    def rows(self, part: Any) -> Sparse:
        """Some of the rows: a slice or numbers."""
        return Sparse(self.tocsr()[part])

    @staticmethod
    def stacked(parts: Any) -> Sparse:
        """The rows of several, one below the other."""
        return Sparse(vstack([part.tocsr() for part in parts], format="csr"))

    def toarray(self) -> np.ndarray:
        """As numbers (n, p)."""
        return self.tocsr().toarray()

    dot, t_dot, gram, stored_rows = Categorical.dot, Categorical.t_dot, Categorical.gram, Categorical.stored_rows


class Dense:
    """Columns of numbers.

    Parameters
    ----------
    X : (n, p) array of float64
    """

    entries = 0

    def __init__(self, X: Any) -> None:
        X = np.asarray(X)
        if X.ndim != 2 or X.dtype.kind not in "fiub":
            raise InvalidParameterError(f"X must be numbers (n, p), not {X.dtype} of shape {X.shape}")
        self.X, self.shape = X, X.shape

    def rows(self, part: Any) -> Dense:
        """Some of the rows: a slice or numbers."""
        return Dense(self.X[part])

    def toarray(self) -> np.ndarray:
        """As float64 numbers (n, p)."""
        return self.X.astype(np.float64)

    dot, t_dot, gram, stored_rows = Categorical.dot, Categorical.t_dot, Categorical.gram, Categorical.stored_rows


def table(terms: Any) -> np.ndarray:
    """The table of some terms for the compiled loops, their columns counted from zero in the order given."""
    offset, rows = 0, []
    for term in terms:
        rows.append(term.row(offset))
        offset += term.shape[1]
    return np.array(rows, dtype=np.int64).reshape(-1, k.FIELDS)


class Split:
    """Matrices side by side, their columns in the order given.

    Parameters
    ----------
    parts : sequence of Dense, Categorical, Sparse, arrays or scipy sparse matrices
    """

    def __init__(self, parts: Any) -> None:
        self.parts = tuple(as_matrix(part) for part in parts)
        if not self.parts:
            raise InvalidParameterError("a design needs at least one matrix")
        n = {part.shape[0] for part in self.parts}
        if len(n) > 1:
            raise InvalidParameterError(f"the matrices have {sorted(n)} rows; they must have the same number")
        self.shape = (n.pop(), sum(part.shape[1] for part in self.parts))
        self.edges = np.cumsum([0, *(part.shape[1] for part in self.parts)])
        self.high_cardinality = _high_cardinality(self.parts)

    @property
    def numbers(self) -> tuple[Any, ...]:
        """The arrays of the dense parts."""
        return tuple(part.X for part in self.parts if isinstance(part, Dense))

    @property
    def terms(self) -> tuple[Any, ...]:
        """The parts that are not dense, a factor of high cardinality last."""
        return tuple(self.parts[i] for i in self._stored if not isinstance(self.parts[i], Dense))

    @property
    def _stored(self) -> list[Any]:
        """The numbers of the parts in the order in which they are stored: dense ones, others, high cardinality."""
        kinds = [i == self.high_cardinality or -isinstance(part, Dense) for i, part in enumerate(self.parts)]
        return sorted(range(len(kinds)), key=kinds.__getitem__)  # the sort is stable: parts of one kind stay in order

    def contrast_map(self, has_intercept: bool) -> ContrastMap | None:
        """From coefficients, the intercept first, to the stored columns; None where they are one and the same."""
        order = self.order
        if has_intercept:
            order = np.concatenate([[0], order + 1])
        straight = np.array_equal(order, np.arange(len(order)))
        if self.high_cardinality is not None:
            L = self.parts[self.high_cardinality].shape[1]
            width = len(order) - L
            return ContrastMap(np.arange(width), width, np.arange(L), L, None if straight else order)
        return None if straight else ContrastMap(np.argsort(order, kind="stable"), len(order))

    def stored_rows(self) -> StoredRows:
        """The rows as predictions read them."""
        numbers = [part.X for part in self.parts if isinstance(part, Dense)]
        dense = np.column_stack([np.zeros((self.shape[0], 0)), *numbers])
        return StoredRows(dense, self.terms, ContrastMap(np.argsort(self.order, kind="stable"), self.shape[1]), False)

    def rows(self, part: Any) -> Split:
        """Some of the rows: a slice or numbers."""
        return Split(m.rows(part) for m in self.parts)

    def toarray(self) -> np.ndarray:
        """As numbers (n, p)."""
        return np.column_stack([part.toarray() for part in self.parts])

    def dot(self, b: Any) -> Any:
        """X b."""
        b = np.ascontiguousarray(b, dtype=np.float64)
        if b.ndim == 2:
            return np.column_stack([self.dot(column) for column in b.T])
        out = np.zeros(self.shape[0])
        for part, first in zip(self.parts, self.edges, strict=False):
            piece = b[first : first + part.shape[1]]
            if isinstance(part, Dense):
                out += part.X @ piece
            else:
                t = table((part,))
                _call(k.predictor(), t.ctypes.data, 1, 0, self.shape[0], piece.ctypes.data, out.ctypes.data)
        return out

    def t_dot(self, r: Any) -> Any:
        """X' r."""
        r = np.ascontiguousarray(r, dtype=np.float64)
        if r.ndim == 2:
            return np.column_stack([self.t_dot(column) for column in r.T])
        out = np.zeros(self.shape[1])
        for part, first in zip(self.parts, self.edges, strict=False):
            if isinstance(part, Dense):
                out[first : first + part.shape[1]] = part.X.T @ r
            else:
                t = table((part,))
                _call(k.scatter(1), t.ctypes.data, 1, 0, self.shape[0], r.ctypes.data, out.ctypes.data + 8 * int(first))
        return out

    def gram(self, w: Any = None, other: Any = None) -> Any:
        """X' diag(w) X, or X' diag(w) Y for another matrix Y of as many rows."""
        w = np.ones(self.shape[0]) if w is None else np.ascontiguousarray(w, dtype=np.float64)
        if other is not None:
            both = Split((*self.parts, *(other.parts if isinstance(other, Split) else (other,)))).gram(w)
            return both[: self.shape[1], self.shape[1] :]
        numbers = [p.toarray() for p in self.parts if isinstance(p, Dense)] or [np.zeros((len(w), 0))]
        dense = np.ascontiguousarray(np.column_stack(numbers))
        t, p = table(self.terms), dense.shape[1]
        room = k.StructuredSums(p, self.terms)
        extra = np.zeros(room.size)
        plan = np.zeros(layout.PLAN, np.int64)
        plan[[layout.P, layout.STORAGE, layout.ROW_STRIDE]] = p, layout.C_ORDER, 8 * p
        plan[[layout.TERMS, layout.N_TERMS, layout.SHORT, layout.ROOM]] = t.ctypes.data, len(t), room.q, room.size
        addresses = (v.ctypes.data for v in (dense, w, extra))
        _call(k.curvature(), plan.ctypes.data, 0, len(w), *addresses)
        own, cross, _, _ = room.split(extra)
        own = np.triu(own) + np.triu(own, 1).T
        full = np.block([[(dense.T * w) @ dense, cross.T], [cross, own]])
        back = np.argsort(self.order, kind="stable")
        return full[np.ix_(back, back)]

    @property
    def order(self) -> np.ndarray:
        """The numbers of the columns in the order in which they are stored."""
        return np.concatenate([np.arange(self.edges[i], self.edges[i + 1]) for i in self._stored])


def _high_cardinality(parts) -> int | None:
    """The number of the factor of so many levels that one matrix of all coefficients should not have them, or None."""
    levels = [part.shape[1] if isinstance(part, Categorical) else 0 for part in parts]
    plain = [w if w and part.values is None else 0 for w, part in zip(levels, parts, strict=True)]
    return int(np.argmax(plain)) if sum(levels) > HIGH_CARDINALITY and max(plain) > 0 else None


def as_matrix(X: Any) -> Any:
    """``X`` as one of the kinds of columns: an array is Dense, a scipy sparse matrix Sparse."""
    if isinstance(X, (Dense, Categorical, Sparse, Split)):
        return X
    return Sparse(X) if hasattr(X, "tocsr") else Dense(X)


def split_of(X: Any) -> Split | None:
    """``X`` as columns side by side where it is sparse or of the kinds above; None for arrays and frames."""
    X = Sparse(X) if hasattr(X, "tocsr") else X
    return X if isinstance(X, Split) else Split((X,)) if isinstance(X, (Dense, Sparse)) else None


def _values(v, name, shape):
    v = np.ascontiguousarray(v, dtype=np.float64)
    if v.shape != shape:
        raise InvalidParameterError(f"{name} has shape {v.shape}, expected {shape}")
    if not np.isfinite(v).all():
        row = int(np.argmin(np.isfinite(v)))
        raise MissingDataError(f"{name} is not finite: {v[row]} at row {row}; {DROP}")
    return v


def _call(address, *arguments):
    """Call a compiled loop whose arguments are all integers."""
    ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * len(arguments))(address)(*arguments)
