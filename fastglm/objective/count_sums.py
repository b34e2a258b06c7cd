"""The likelihood of the negative binomial's theta: how often each count is seen, and sums over the rows' means.

log(Gamma(y + theta) / Gamma(theta)) is the sum of log(theta + j) over j < y, so that its derivatives need only the
weight of the rows with y > j for each j: one read of y serves every theta.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..errors import InvalidParameterError
from ..family.means import inverse_link
from ..kernels.negative_binomial import theta_terms
from ..source.streaming_qr import offset, predictor, weight, weighted_sum
from ..source.task import Task

SUMMED = 65_536  # counts up to here are summed term by term, larger ones by digamma functions
BLOCK = 16_384  # rows whose means are made together
# rows below which one thread is as fast as two, whose units are calls of a few microseconds (of 200,000 rows one takes
# 9 ms and two take 20, of a million 42 and 40)
ALONE_ROWS = 1_000_000


class CountTable(NamedTuple):
    """The ``counts`` (k,) of rows, increasing, and the ``weights`` (k,) of the rows that have each."""

    counts: np.ndarray
    weights: np.ndarray

    def __add__(self, other: CountTable) -> CountTable:
        return CountTable.of(np.append(self.counts, other.counts), np.append(self.weights, other.weights))

    @classmethod
    def of(cls, y: np.ndarray, w: np.ndarray) -> CountTable:
        """The table of counts ``y`` (n,) with weights ``w`` (n,)."""
        counts, where = np.unique(y, return_inverse=True)
        return cls(counts, np.bincount(where.ravel(), weights=w, minlength=len(counts)))

    def moments(self) -> tuple[float, float]:
        """The weighted mean and variance of the counts."""
        total = self.weights.sum()
        mean = float(self.weights @ self.counts / total)
        return mean, float(self.weights @ (self.counts - mean) ** 2 / total)

    def tails(self) -> np.ndarray:
        """The weight of the rows with y > j for j = 0, 1, ... below the largest count, at most ``SUMMED``."""
        top = int(min(self.counts[-1], SUMMED))
        each = np.bincount(np.minimum(self.counts, top).astype(np.intp), weights=self.weights, minlength=top + 1)
        return np.cumsum(each[::-1])[::-1][1:]

    def derivatives(self, theta: float, tails: np.ndarray) -> np.ndarray:
        """The first and second derivative in theta of the sum of w log(Gamma(y + theta) / Gamma(theta)), (2,)."""
        from scipy.special import polygamma, psi

        each = 1.0 / (theta + np.arange(len(tails)))
        found = np.array([tails @ each, -(tails @ each**2)])
        far = self.counts > SUMMED
        if far.any():
            y, w = self.counts[far] + theta, self.weights[far]
            found += w @ (psi(y) - psi(SUMMED + theta)), w @ (polygamma(1, y) - polygamma(1, SUMMED + theta))
        return found


class Counts(Task):
    """The ``CountTable`` of the rows of positive weight; X is not read."""

    vectors_only = True

    def of(self, part, runs):
        tables = [self._table(part, a, b) for a, b in runs]
        return self.end(tables)

    def _table(self, part, a, b):
        y, w = np.asarray(part.data.y[a:b], np.float64), weight(part.data, a, b)
        broken = (y != np.floor(y)) & (w > 0.0)
        if broken.any():
            i = int(np.argmax(broken))
            where = f"row {a + i}" if part.place is None else part.place.row(a + i)
            raise InvalidParameterError(
                f"y = {y[i]} at {where} is not a whole number: theta is estimated from counts; pass "
                "fastglm.families.NegativeBinomial(theta) for other responses"
            )
        return CountTable.of(y[w > 0.0], w[w > 0.0])


class MeanTerms(Task):
    """The first and second derivative in theta of what the log-likelihood has of the rows' means, (2,)."""

    alone_below = ALONE_ROWS

    def __init__(self, link, beta: np.ndarray, theta: float):
        self.link, self.beta, self.theta = link, beta, theta

    def of(self, part, runs):
        total = np.zeros(2)
        for first, stop in runs:
            for a in range(first, stop, BLOCK):
                b = min(a + BLOCK, stop)
                mu = inverse_link(self.link, predictor(part.data, a, b, self.beta) + offset(part.data, a, b))
                y = np.ascontiguousarray(part.data.y[a:b], np.float64)
                total += theta_terms(mu, y, weight(part.data, a, b), self.theta)
        return total


class Excess(Task):
    """The sums of w ((y - mu)^2 - y) and w mu^2: the score of 1 / theta at zero is half the first, at Poisson's fit."""

    def __init__(self, link, beta: np.ndarray):
        self.link, self.beta = link, beta

    def of(self, part, runs):
        total = np.zeros(2)
        for first, stop in runs:
            for a in range(first, stop, BLOCK):
                b = min(a + BLOCK, stop)
                y, w = np.asarray(part.data.y[a:b], np.float64), weight(part.data, a, b)
                mu = inverse_link(self.link, predictor(part.data, a, b, self.beta) + offset(part.data, a, b))
                total += weighted_sum(w, np.column_stack([(y - mu) ** 2 - y, mu**2]))
        return total
