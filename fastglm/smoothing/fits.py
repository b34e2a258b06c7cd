"""Local fits at many points: rows sorted once, windows, threads, and what came out at each point."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any, NamedTuple

import numpy as np

from ..core.lazy import cached_property, frozen
from ..kernels import local as loops
from ..kernels import local_gaussian, local_moments
from ..kernels.evaluate import first_predictor, row_terms
from ..kernels.row_loops import FamilyLink
from ..source.threads import mapped
from . import bandwidths, kernels

CHUNKS = 16  # of points for each thread; chosen: the last of them leave little of a thread idle
WIDE = 6000  # rows of a window, half-way up the points, from which blocks of them are narrow beside the bandwidth
# rows of a window, half-way up the points, for each power of a kernel, up to which reading them takes less than moments
FEW = 100
BLOCK_CHUNK = 1024  # blocks of rows that are filled at a time; chosen: a millisecond


class SortedRows:
    """The rows of a fit, sorted by their first column.

    Parameters
    ----------
    X : (n, d) array
    y, weights, shift : (n,) arrays, the responses, prior weights and offsets

    Attributes
    ----------
    x : (d, n) array, sorted; y, w, shift : (n,) in the same order
    order : (n,) the rows' places before
    """

    def __init__(self, X: Any, y: Any, weights: Any, shift: Any) -> None:
        kept = np.flatnonzero(weights > 0.0)
        self.order = kept[np.argsort(X[kept, 0], kind="stable")]
        self.x = np.ascontiguousarray(X[self.order].T)
        self.y, self.w, self.shift = (np.ascontiguousarray(v[self.order]) for v in (y, weights, shift))
        self.n = len(self.y)

    @property
    def range(self) -> np.ndarray:
        """The range of each column, (d,); one where it is constant."""
        width = np.ptp(self.x, axis=1)
        return np.where(width > 0.0, width, 1.0)

    @property
    def spread(self) -> np.ndarray:
        """The standard deviation of each column, (d,); one where it is constant."""
        deviation = self.x.std(axis=1)
        return np.where(deviation > 0.0, deviation, 1.0)

    def tree(self, scale: Any) -> Any:
        """A k-d tree of the rows, columns divided by ``scale`` (d,)."""
        from scipy.spatial import cKDTree

        return cKDTree((self.x / scale[:, None]).T)


class Monomials(NamedTuple):
    """The monomials of d columns, lowest degree first: those of a local polynomial, and their products.

    ``exponents`` (q, d) of the polynomial; ``table`` (count, 2) each product's parent and column; ``gram`` (q, q) the
    number of the product of two; ``sizes`` (degree + 1,) how many have at most each degree.
    """

    exponents: np.ndarray
    table: np.ndarray
    gram: np.ndarray
    sizes: np.ndarray

    @classmethod
    def of(cls, d: int, degree: int) -> Monomials:
        """All monomials of total degree up to ``degree``."""
        terms = [c for k in range(2 * degree + 1) for c in combinations_with_replacement(range(d), k)]
        number = {c: i for i, c in enumerate(terms)}
        table = np.array([(number[c[:-1]], c[-1]) if c else (0, 0) for c in terms], dtype=np.int64)
        own = [c for c in terms if len(c) <= degree]
        gram = np.array([[number[tuple(sorted(a + b))] for b in own] for a in own], dtype=np.int64)
        sizes = np.array([sum(len(c) <= k for c in own) for k in range(degree + 1)], dtype=np.int64)
        exponents = np.array([[c.count(j) for j in range(d)] for c in own], dtype=np.int64).reshape(len(own), d)
        return cls(exponents, table, gram, sizes)


@dataclass(frozen=True, eq=False)
class Model:
    """What is fitted at every point."""

    kernel: Any
    degree: int
    pair: FamilyLink
    singular: int
    threads: int


class Fits(NamedTuple):
    """Local fits at m points.

    ``coef`` (m, q) of monomials of distances in bandwidths, ``bandwidth`` (m, d), ``variance`` (m, q) of the
    coefficients at dispersion one or None, ``facts`` (m, 7) as ``kernels.local`` numbers them.
    """

    points: np.ndarray
    bandwidth: np.ndarray
    coef: np.ndarray
    variance: np.ndarray | None
    facts: np.ndarray

    @property
    def eta(self) -> np.ndarray:
        """The linear predictor at each point, (m,), without an offset."""
        return self.coef[:, 0]

    @property
    def slope(self) -> np.ndarray:
        """Its derivatives in each column, (m, d); NaN where a constant was fitted."""
        d = self.points.shape[1]
        if self.coef.shape[1] <= d:
            return np.full(self.points.shape, np.nan)
        return self.coef[:, 1 : d + 1] / self.bandwidth

    @property
    def status(self) -> np.ndarray:
        """What became of each point, (m,)."""
        return self.facts[:, loops.STATUS].astype(np.intp)


class Fitter:
    """Local fits of one model to sorted rows.

    Parameters
    ----------
    rows : SortedRows
    model : Model
    """

    def __init__(self, rows: SortedRows, model: Model):
        self.rows, self.model = rows, model
        self.monomials = Monomials.of(len(rows.x), model.degree)

    @cached_property
    def first_step(self) -> tuple[np.ndarray, np.ndarray]:
        """Weights and weighted responses of the first step (n,): those of least squares, or at the families' starts."""
        rows, pair = self.rows, self.model.pair
        if pair.linear:
            return rows.w, rows.w * (rows.y - rows.shift)
        eta = first_predictor(pair, rows.y, rows.w)
        r, h, _ = row_terms(pair, eta, rows.y, rows.w)
        return h, h * (eta - rows.shift) + r

    def at_rows(self, bandwidth: Any, squares: bool = False) -> Fits:
        """The fits at the rows themselves, in the order of ``rows``."""
        return self.at(self.rows.x.T, bandwidth, squares, least=np.zeros(self.rows.n))

    def at(self, points: Any, bandwidth: Any, squares: bool = False, least: Any = None) -> Fits:
        """The fits at points (m, d), with variances where ``squares``."""
        order = np.argsort(points[:, 0], kind="stable")
        sorted_points = np.ascontiguousarray(points[order], dtype=np.float64)
        h = bandwidths.at_points(bandwidth, self.rows, sorted_points)
        usable = (h > 0.0).all(axis=1)
        h[~usable] = np.nan
        with np.errstate(all="ignore"):
            inverse = 1.0 / h
        m, q = len(points), len(self.monomials.gram)
        out = np.full((m, q), np.nan), np.full((m, q if squares else 0), np.nan), np.full((m, loops.FACTS), np.nan)
        kernel = self.model.kernel
        if kernel.radius < np.inf:
            least, reach = np.zeros(m), np.full(m, kernel.radius)
        else:
            least = self._least(sorted_points, h) if least is None else least
            reach = np.sqrt(least + kernels.REACH**2)
        x0, p0, width = self.rows.x[0], sorted_points[:, 0], reach * h[:, 0]
        first, last = np.searchsorted(x0, p0 - width, "left"), np.searchsorted(x0, p0 + width, "right")
        last[~usable] = first[~usable] = 0
        self._run(sorted_points, inverse, least, first, last, squares, out)
        coef, variance, facts = (np.empty_like(v) for v in out)
        for value, found in zip((coef, variance, facts), out, strict=True):
            value[order] = found
        h_out = np.empty_like(h)
        h_out[order] = h
        return Fits(np.asarray(points, dtype=np.float64), h_out, coef, variance if squares else None, facts)

    def _least(self, points, h):
        """The squared distance, in bandwidths, of the nearest row of each point."""
        x = self.rows.x
        if len(x) == 1:
            right = np.clip(np.searchsorted(x[0], points[:, 0]), 1, self.rows.n - 1) if self.rows.n > 1 else 0
            gap = np.minimum(np.abs(points[:, 0] - x[0][right - 1]), np.abs(points[:, 0] - x[0][right]))
            return (gap / h[:, 0]) ** 2
        scale = h[0] / h[0].mean() if np.isfinite(h[0]).all() else np.ones(len(x))
        nearest, _ = self.rows.tree(scale).query(points / scale)
        return (nearest / (h[:, 0] / scale[0])) ** 2

    def _run(self, points, inverse, least, first, last, squares, out):
        """Run the loop over chunks of points, in threads."""
        rows, model, own, (h0, z0) = self.rows, self.model, self.monomials, self.first_step
        route = self._route(first, last)
        if route == "rows":
            address, kernel = 0 if model.pair.linear else model.pair.rows, kernels.address(model.kernel)
            loop, data = loops.fit_points, (
                rows.x, rows.y, rows.w, rows.shift, h0, z0, points, inverse, least, first, last, kernel, address,
                model.pair.par, own.table,
            )  # fmt: skip
        else:
            line = rows.x[0], h0, z0, points[:, 0].copy(), inverse[:, 0].copy()
            loop, data = local_gaussian.fit_gaussian, (*line, least, first, last)
            if route == "windows":
                middle = np.clip(np.searchsorted(rows.x[0], points[:, 0]), first, last)
                powers = np.array(model.kernel.powers)
                squared = np.convolve(powers, powers)
                loop, data = local_moments.fit_windows, (*line, first, middle, last, powers, squared)
            data += self._blocks(route, squares)
        # arrays that may be written are another type to a loop: it is compiled for those that may not, alone
        data = [frozen(v.view()) if isinstance(v, np.ndarray) else v for v in (*data, own.gram, own.sizes)]

        def work(part):
            loop(*data, model.singular, squares, *part, *out)

        group = local_moments.SHARING  # a multiple of the points that share a tile
        size = max(1, -(-len(points) // (CHUNKS * model.threads * group))) * group
        mapped(model.threads, work, [(a, min(a + size, len(points))) for a in range(0, len(points), size)])

    def _route(self, first, last) -> str:
        """Whether the rows are read one by one, or their moments, by polynomial kernels or the gaussian one."""
        if not self.model.pair.linear or len(self.rows.x) > 1:
            return "rows"
        powers, rows = self.model.kernel.powers, np.median(last - first) if len(first) else 0
        if powers is not None:
            return "windows" if rows > FEW * len(powers) else "rows"
        return "gaussian" if self.model.kernel.expanded and rows > WIDE else "rows"

    def _blocks(self, route, squares):
        """The moments of blocks of rows that a kernel needs; kept for later points."""
        degree = self.model.degree
        if route == "gaussian":
            fan, most = local_gaussian.FAN, local_gaussian.TERMS - 1
            orders = most + 2 * degree, most + degree
        else:
            fan, most = local_moments.FAN, len(self.model.kernel.powers) - 1
            orders = (2 if squares else 1) * most + 2 * degree, most + degree
        kept = getattr(self, "_kept_blocks", None)
        if kept is None or kept[2].shape[1] <= orders[0]:
            x, (h, z) = self.rows.x[0], self.first_step
            starts = local_moments.block_starts(len(x), fan)
            place, ones, responses = (np.empty((starts[-1], width)) for width in (2, orders[0] + 1, orders[1] + 1))
            ranges = [(a, min(a + BLOCK_CHUNK, starts[1])) for a in range(0, starts[1], BLOCK_CHUNK)]

            def fill(part):
                local_moments.fill_blocks(x, h, z, *part, place, ones, responses)

            mapped(self.model.threads, fill, ranges)
            local_moments.join_blocks(x, fan, starts, place, ones, responses)
            self._kept_blocks = kept = starts, place, ones, responses
        return kept
