"""Design matrices drawn in units of rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from ..errors import InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from typing_extensions import Unpack

    from ..types import DesignOptions, MatrixOptions

CELLS = 1 << 20  # numbers in one unit of X


@overload
def make_X(
    n: int, p: int, *, density: None = None, chunk_rows: None = None, **options: Unpack[MatrixOptions]
) -> NDArray[np.floating[Any]]: ...


@overload
def make_X(n: int, p: int, *, density: float, chunk_rows: None = None, **options: Unpack[MatrixOptions]) -> Any: ...


@overload
def make_X(n: int, p: int, *, chunk_rows: int, **options: Unpack[DesignOptions]) -> Iterator[Any]: ...


def make_X(n, p, *, seed=0, rho=0.0, kind="normal", dtype=np.float64, order="C", density=None, chunk_rows=None):
    """Draw a design matrix of `n` rows and `p` columns.

    Parameters
    ----------
    n, p : int
        Its shape.
    seed : int, default 0
        Two calls with the same arguments and seed give the same bits, on any machine with the same numpy.
    rho : float, default 0
        Correlation of neighbouring columns; columns j and k have ``rho ** abs(j - k)``. Dense designs only.
    kind : {"normal", "uniform", "binary", "heavy", "scaled", "badly_scaled"}
        Standard normal; uniform on (-1, 1); 0 or 1 with even chances; Student t with 5 degrees of freedom, a row at a
        time (rows of high leverage); normal with column scales running from 1e-3 to 1e3; or normal with column scales
        of 10 to a power uniform on (-2, 3) and column means uniform within 5 standard deviations, as raw data come.
    dtype : dtype, default float64
        Floating type of the result.
    order : {"C", "F"}
        Memory layout of the result. Dense designs only.
    density : float, optional
        Return a CSR matrix in which each cell is drawn with this chance and else 0. What is drawn is 1 in a binary
        design, a number of its own for each cell in a heavy one, and otherwise as above.
    chunk_rows : int, optional
        Return an iterator over matrices of so many rows each, the last with what is left: the same rows in the same
        order, without ever holding all of them.

    Returns
    -------
    ndarray or scipy.sparse.csr_matrix of shape (n, p), or an iterator of them

    Raises
    ------
    InvalidParameterError
        For arguments out of range.

    Examples
    --------
    >>> from fastglm.simulate import make_X
    >>> make_X(1000, 3, rho=0.5, kind="uniform").shape
    (1000, 3)
    """
    design = Design(n, p, seed=seed, rho=rho, kind=kind, dtype=dtype, density=density)
    units = ({"X": X} for _, X in design.units())
    return gather(units, design.n, chunk_rows, order, lambda X: X)


class Design:
    """The columns of X: their moments, and their rows one unit after another; the parameters are those of `make_X`.

    Attributes
    ----------
    unit_rows : int
        Rows of a unit. It does not depend on n, so that a longer design starts with the same rows.
    scale, center : (p,) arrays or None
        What standardised columns are multiplied with, and their means in units of it; None for 1 and 0.
    """

    def __init__(self, n, p, *, seed, rho, kind, dtype, density):
        self.n, self.p, self.seed, self.rho, self.kind = int(n), int(p), seed, rho, kind
        self.dtype, self.density = np.dtype(dtype), density
        self._check()
        self.unit_rows = max(1, CELLS // max(self.p if density is None else math.ceil(self.p * density), 8))
        self.scale = self.center = None
        if kind == "scaled":
            self.scale = np.logspace(-3, 3, self.p) if self.p > 1 else np.ones(self.p)
        elif kind == "badly_scaled":
            rng = np.random.default_rng(streams(seed)[5])
            self.scale, self.center = 10 ** rng.uniform(-2, 3, self.p), rng.uniform(-5, 5, self.p)

    def _check(self):
        n, p, rho, kind = self.n, self.p, self.rho, self.kind
        if n < 1 or p < 0:
            raise InvalidParameterError(f"n must be at least 1 and p at least 0, got n={n}, p={p}")
        if kind not in KINDS:
            raise InvalidParameterError(f"unknown kind {kind!r}; choose from {', '.join(KINDS)}")
        if not -1 < rho < 1 or (rho < 0 and kind in ("uniform", "binary")):
            raise InvalidParameterError(f"rho must lie in (-1, 1), in [0, 1) for uniform and binary, got {rho}")
        if self.dtype.kind != "f":
            raise InvalidParameterError(f"dtype must be a floating type, got {self.dtype}")
        if self.density is None:
            return
        if not 0 < self.density <= 1:
            raise InvalidParameterError(f"density must lie in (0, 1], got {self.density}")
        if rho or kind == "badly_scaled":
            raise InvalidParameterError("density goes with rho=0 and a kind whose zeros may stay: not 'badly_scaled'")

    def generators(self, seed):
        """Pairs of a slice of rows and its generator, one a unit."""
        for i, child in enumerate(seed.spawn(-(-self.n // self.unit_rows))):
            rows = slice(i * self.unit_rows, min(self.n, (i + 1) * self.unit_rows))
            yield rows, np.random.default_rng(child)

    def units(self):
        """Pairs of a slice of rows and these rows of X, C-ordered or CSR."""
        draw = self._dense if self.density is None else self._sparse
        for rows, rng in self.generators(streams(self.seed)[0]):
            yield rows, draw(rng, rows.stop - rows.start).astype(self.dtype, copy=False)

    def _dense(self, rng, rows):
        X = KINDS[self.kind](rng, (rows, self.p), self.rho)
        if self.center is not None:
            X += self.center
        if self.scale is not None:
            X *= self.scale
        return X

    def _sparse(self, rng, rows):
        from scipy.sparse import csr_matrix

        row, column = np.divmod(_drawn_cells(rng, rows * self.p, self.density), max(self.p, 1))
        shape = (len(column), 1)
        values = np.ones(shape) if self.kind == "binary" else KINDS[self.kind](rng, shape, 0.0)
        values = values[:, 0] if self.scale is None else values[:, 0] * self.scale[column]
        return csr_matrix((values, column, np.searchsorted(row, np.arange(rows + 1))), shape=(rows, self.p))

    def variance(self, beta):
        """Variance of X beta for standardised columns, those before scale and mean are applied."""
        if self.density is not None:
            mean, square = (1.0, 1.0) if self.kind == "binary" else (0.0, VARIANCE[self.kind])
            return self.density * (square - self.density * mean**2) * (beta @ beta)
        if not self.rho:
            return VARIANCE[self.kind] * (beta @ beta)
        lags = np.abs(np.subtract.outer(np.arange(self.p), np.arange(self.p)))
        return VARIANCE[self.kind] * (beta @ float(self.rho) ** lags @ beta)


def streams(seed):
    """Seeds of X, beta, y, weights, offset, scales and means of the columns, effects of levels, and codes."""
    return np.random.SeedSequence(seed).spawn(8)


def gather(units, n, size, order, make):
    """What `make` makes of all rows of n in the units, dicts of columns; with a `size` an iterator of what it makes of
    each `size` rows. Two-dimensional arrays have the layout `order`.
    """
    if order not in ("C", "F"):
        raise InvalidParameterError(f"order must be 'C' or 'F', got {order!r}")
    if size is None:
        return make(**next(_regrouped(units, n, n, order)))
    if int(size) != size or size < 1:
        raise InvalidParameterError(f"chunk_rows must be a whole number of at least 1, got {size}")
    return (make(**columns) for columns in _regrouped(units, n, int(size), order))


def _regrouped(units, n, size, order):
    """Dicts of columns of `size` rows each from units of any size; each chunk is allocated once and filled."""
    filled, left, chunk = 0, n, None
    for unit in units:
        first, rows = 0, unit["X"].shape[0]
        while first < rows:
            room = min(size, left)
            if chunk is None:
                chunk = {name: _empty(part, room, order) for name, part in unit.items()}
            last = min(rows, first + room - filled)
            for name, part in unit.items():
                _fill(chunk[name], slice(filled, filled + last - first), part, slice(first, last))
            filled, first = filled + last - first, last
            if filled == room:
                yield {name: _finished(column) for name, column in chunk.items()}
                filled, left, chunk = 0, left - room, None


def _empty(part, rows, order):
    """Room for `rows` rows like those of `part`; sparse rows have none and are collected in a list."""
    if part is None:
        return None
    return [] if hasattr(part, "tocsr") else np.empty((rows, *part.shape[1:]), part.dtype, order)


def _fill(column, to, part, rows):
    if isinstance(column, list):
        column.append(part[rows])
    elif column is not None:
        column[to] = part[rows]


def _finished(column):
    if not isinstance(column, list):
        return column
    from scipy.sparse import vstack

    return column[0] if len(column) == 1 else vstack(column, format="csr")


def _drawn_cells(rng, cells, density):
    """Sorted numbers of the cells drawn: each with chance `density`, found by the geometric gaps between them."""
    parts, last = [np.empty(0, np.int64)], -1
    while last < cells - 1:
        expected = (cells - last) * density
        parts.append(last + np.cumsum(rng.geometric(density, int(expected + 4 * math.sqrt(expected)) + 8)))
        last = int(parts[-1][-1])
    drawn = np.concatenate(parts)
    return drawn[: np.searchsorted(drawn, cells)]


def _normal(rng, shape, rho):
    z = rng.standard_normal(shape)
    if rho:
        for j in range(1, shape[1]):
            z[:, j] = rho * z[:, j - 1] + math.sqrt(1 - rho * rho) * z[:, j]
    return z


def _copied(values):
    """Columns that repeat their left neighbour with probability rho: any marginal with the same correlations."""

    def draw(rng, shape, rho):
        x = values(rng, shape)
        if rho:
            for j in range(1, shape[1]):
                x[:, j] = np.where(rng.random(shape[0]) < rho, x[:, j - 1], x[:, j])
        return x

    return draw


def _student(rng, shape, rho):
    return _normal(rng, shape, rho) / np.sqrt(rng.chisquare(5, (shape[0], 1)) / 5)


KINDS = {
    "normal": _normal,
    "uniform": _copied(lambda rng, shape: rng.uniform(-1, 1, shape)),
    "binary": _copied(lambda rng, shape: rng.integers(0, 2, shape).astype(float)),
    "heavy": _student,
    "scaled": _normal,
    "badly_scaled": _normal,
}
VARIANCE = {"normal": 1.0, "uniform": 1 / 3, "binary": 1 / 4, "heavy": 5 / 3, "scaled": 1.0, "badly_scaled": 1.0}
