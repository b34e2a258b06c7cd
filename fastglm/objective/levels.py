"""What the levels of factors say of a start: coefficients that have no finite estimate, and the means of levels' rows.

A level has no finite estimate where all of its rows have y at one end of the means' range. Beside a log link Newton's
step from the null model takes a level whose rows have r times the mean to a linear predictor of r - 1, not of log r,
and as many steps more lead back from there: a level of few events is the last to arrive.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite
from typing import Any

import numpy as np

from ..core.lazy import cached_property
from ..family.gaussian import Gaussian
from ..family.links import linear_predictor
from ..kernels.evaluate import first_predictor
from ..kernels.row_loops import FamilyLink
from ..matrix.contrast_map import identity
from ..matrix.merged_factors import MergedFactors
from ..source.streaming_qr import weight
from ..source.task import Largest, Task
from .sums import Quadratic

FEW = 2000  # levels, whose links take less time one by one than a loop takes to be compiled


class Levels:
    """The levels of the factors of one model over one source.

    Parameters
    ----------
    pair : FamilyLink
    source : InMemory or Chunked
        With terms.
    """

    def __init__(self, pair: FamilyLink, source: Any):
        self.pair, self.source, self.data = pair, source, source.data
        self.place = identity(source.n_columns) if self.data.coding is None else self.data.coding

    @cached_property
    def factors(self) -> list[slice]:
        """The stored columns of each factor whose levels are ones."""
        return [columns for term, columns in terms(self.data) if hasattr(term, "codes") and term.values is None]

    @cached_property
    def empty(self) -> list[np.ndarray]:
        """For each end of the means' range the coefficients (m,) whose linear predictor is one where a level has all of
        its rows at that end, and zero elsewhere; zero where there is no such level."""
        ends = self.pair.family.mean[:2]
        finite = [end for end in ends if isfinite(end)]
        found = self._rows(finite) if finite else []
        none = np.zeros(self.source.n_columns)
        if not any((v[self._of_levels] == 0.0).any() for v in found):
            return [none, none]  # without counting which levels have rows at all
        there, inside = self._rows([None])[0] > 0.0, iter(found)
        empty = [there & (next(inside) == 0.0) if isfinite(end) else none for end in ends]
        if self.place.simple:
            return [v * 1.0 for v in empty]
        return [self.place.reaching(v, self.factors, self.data.has_intercept) if v is not none else v for v in empty]

    def _rows(self, ends):
        """As ``LevelRows``, of each coefficient, or where contrasts mix levels of each stored column."""
        found = self.source.reduce(LevelRows(ends, not self.place.simple))
        return list(map(self.source.reduce_score, found)) if self.place.simple else list(found)

    @cached_property
    def _of_levels(self):
        """Which coefficients, or stored columns where contrasts mix levels, are those of levels."""
        columns = np.zeros(self.place.n_columns)
        for levels in self.factors:
            columns[levels] = 1.0
        return (self.place.reduce(columns) if self.place.simple else columns) > 0.0

    @property
    def infinite(self) -> np.ndarray:
        """The sign of infinity (m,) of each coefficient that an empty level takes there, zero of others."""
        ends = zip(self.empty, self.pair.link.ends, strict=True)
        return np.sign(sum((np.sign(end) * toward for toward, end in ends if end is not None), np.zeros(1)))

    def bounds(self) -> np.ndarray:
        """What takes each row of an empty level to the end of the link, and none of them further, (m,).

        Zero where contrasts mix levels: the information of those that have some would drown out there, and stay behind.
        """
        ends = self.pair.link.ends
        if ends == (None, None) or not self.place.simple:
            return np.zeros(self.source.n_columns)
        bounds = sum(end * toward for toward, end in zip(self.empty, ends, strict=True) if end is not None)
        wanted = self.place.expand(bounds)
        own = np.zeros_like(wanted)
        for levels in self.factors:
            if wanted[levels].any():
                there = self.source.reduce(LeastShift(own, np.sign(wanted), levels)).value if own.any() else 0.0
                own[levels] = np.where(wanted[levels] == 0.0, 0.0, wanted[levels] + np.sign(wanted[levels]) * there)
        return self.place.reduce(own)

    def have_means(self, mean: float) -> bool:
        """Whether ``toward_means`` has an answer: the mean of the response is inside the range, and each level of a
        factor has a coefficient of its own but for one, which the intercept has."""
        if not (self.factors and self.place.simple and self.data.has_intercept) or self.pair.linear:
            return False
        if not isfinite(linear_predictor(self.pair.link, mean)):
            return False
        there = self._there
        return all(np.count_nonzero(~there[levels]) <= 1 for levels in self.factors)

    @property
    def _there(self):
        """Which stored columns (M,) have a coefficient."""
        return self.place.expand(np.ones(self.place.n_params)) > 0.0

    def toward_means(self, mean: float, step: np.ndarray, q: Quadratic) -> np.ndarray:
        """Newton's step from the null model, with the part of each factor bent to where the link has its levels' means.

        The mean of a level's rows is known by their score and information. On the linear predictor it is that of the
        level itself and that of all other columns on these rows: of both Newton's step has the tangents, by which the
        level's own part is told, so that factors that go together are not counted twice.

        Parameters
        ----------
        mean : float
            The mean of the response.
        step : (m,) array
            Newton's, which is not changed.
        q : Quadratic
            The pass at the null model, with curvature.
        """
        eta, there = linear_predictor(self.pair.link, mean), self._there
        full, information, score = map(self.place.expand, (step, q.information.diagonal(), q.score))
        bent = full.copy()
        for levels in self.factors:
            dropped = np.flatnonzero(~there[levels])
            h, g = information[levels].copy(), score[levels].copy()
            h[dropped], g[dropped] = max(information[0] - h.sum(), 0.0), score[0] - g.sum()
            centre = float(h @ full[levels]) / h.sum()
            tangent = full[levels] - centre
            own = g / np.where(h > 0.0, h, np.inf)
            moved = self._bent(own, mean, eta) - self._bent(own - tangent, mean, eta)
            # beyond the range, as at levels without events, the tangent is what there is
            moved = centre + np.where(np.isfinite(moved), moved, tangent)
            for base in dropped:
                bent[0] += moved[base]
                moved -= moved[base]
            bent[levels] = moved
        return self.place.reduce(bent)

    def _bent(self, x, mean, eta):
        """How far the link is from ``eta`` where its tangent is ``x`` from it; NaN out of the means' range."""
        means = mean + x * float(self.pair.link.slope(eta))
        inside = (means > self.pair.family.mean.low) & (means < self.pair.family.mean.high)
        found = np.full(len(x), np.nan)
        found[inside] = predictors(self.pair.link, means[inside]) - eta
        return found


def predictors(link: Any, means: np.ndarray) -> np.ndarray:
    """The linear predictors of means (k,) inside the range."""
    if len(means) <= FEW:
        return np.array([linear_predictor(link, mean) for mean in means])
    # least squares begin at y: the loop of their starting values is the link
    return first_predictor(FamilyLink(Gaussian(), link), means, 1.0)


def terms(data: Any) -> Iterator[tuple[Any, slice]]:
    """Each term of some rows, with its stored columns; terms are as they are, not merged."""
    first = int(data.has_intercept) + data.X.shape[1]
    for term in data.terms:
        yield term, slice(first, first + term.shape[1])
        first += term.shape[1]


class LevelRows(Task):
    """Of each stored column's level the rows that count with y inside of each of some ends, (ends, M); for None all
    rows there are. Columns are those of the terms as they are, or ``apart``, not merged."""

    def __init__(self, ends: list, apart: bool = False):
        self.ends, self.apart = ends, apart

    def of(self, part, runs):
        data, sums = part.data, 0.0
        packed = MergedFactors(part.packed.dense, data.terms, data.coding) if self.apart else part.packed
        weighted = data.weights is not None or data.freq_weights is not None
        for a, b in runs:
            y, counts = np.asarray(data.y[a:b]), weight(data, a, b) > 0.0 if weighted else True
            rows = (np.ones(b - a) if end is None else ((y != end) & counts) * 1.0 for end in self.ends)
            sums = sums + np.array([packed.level_rows(v, a) for v in rows])
        return sums


class LeastShift(Task):
    """How far coefficients of levels ``own`` (M,) take at least a row of each level of one factor, its columns
    ``levels``, in the direction ``sign`` (M,): ``Largest`` of the negative (L,)."""

    def __init__(self, own: np.ndarray, sign: np.ndarray, levels: slice):
        self.own, self.sign, self.levels = own, sign, levels

    def of(self, part, runs):
        data, found = part.data, np.full(self.levels.stop - self.levels.start, -np.inf)
        codes_of = next(term for term, columns in terms(data) if columns == self.levels).codes
        for a, b in runs:
            shift, codes = np.zeros(b - a), codes_of[a:b]
            for term, columns in terms(data):
                if self.own[columns].any():
                    shift += term.rows(slice(a, b)).dot(self.own[columns])
            np.maximum.at(found, codes[codes >= 0], -(shift * self.sign[self.levels][codes])[codes >= 0])
        return Largest(found)
