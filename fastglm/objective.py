"""The deviance of one model over one source, as solvers see it."""

from __future__ import annotations

from math import isfinite

import numpy as np

from .kernels import gram, precise
from .kernels import layout as k
from .kernels.dense import symmetric
from .kernels.passes import block_pass
from .kernels.rows import Pair
from .moments import Quadratic
from .source.in_memory import InMemory

SMALL_CELLS = 50_000


class Deviance:
    """Half the deviance of a family and link, its score and expected information.

    Parameters
    ----------
    source : InMemory
    pair : Pair
        Family and link.

    Attributes
    ----------
    n_params : int
        Columns, the intercept included.
    n_passes : float
        Reads of X so far, a sample counted by its share of the rows.
    """

    def __init__(self, source: InMemory, pair: Pair, share: float = 1.0):
        self.source, self.pair, self.share = source, pair, share
        self.n_params = source.p + source.data.ones
        self.scale = np.ones(self.n_params)
        self.precise = False
        self.kept: np.ndarray | None = None
        self.aliased: dict = {}
        self.n_passes = 0.0
        self._par = pair.par
        self._plan = None

    @property
    def small(self) -> bool:
        """Whether the data are so few that extended precision costs microseconds."""
        return self.source.rows_read * self.n_params <= SMALL_CELLS

    def at(self, beta: np.ndarray, order: int = 2) -> Quadratic:
        """Deviance (order 0), score and Pearson's chi-square (1) and expected information (2): one pass."""
        return self._pass(beta, order, 0)

    def first(self) -> Quadratic:
        """The pass at the family's starting means: information^-1 score is the first IRLS iterate."""
        return self._pass(np.zeros(self.n_params), 2, self.pair.first_eta)

    def along(self, beta: np.ndarray, step: np.ndarray, sizes) -> list[float]:
        """Deviances at ``beta + t step`` for each t of ``sizes``, a pass each."""
        return [self.at(beta + t * step, 0).deviance for t in sizes]

    def product(self, beta: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Expected information times ``v``."""
        return symmetric(self.at(beta, 2).information) @ v

    def sample(self, rows: int) -> Deviance:
        """The same model over a representative sample, its sums scaled up to the whole."""
        source = self.source.sample(rows)
        other = Deviance(source, self.pair, source.rows_read / self.source.n_rows)
        other.scale = self.scale
        return other

    def rescale(self) -> bool:
        """Scale columns by powers of two to a largest entry near one; False where that changes nothing."""
        largest = self.source.column_max()
        self.n_passes += self.share
        scale = np.ones(self.n_params)
        positive = largest > 0.0
        scale[self.n_params - len(largest) :][positive] = np.exp2(-np.floor(np.log2(largest[positive])))
        changed = not np.array_equal(scale, self.scale)
        self.scale = scale
        return changed

    def constant_start(self, mean: float, eta: float) -> np.ndarray:
        """Coefficients whose linear predictor, offset included, is as near as can be to ``eta`` = link(mean)."""
        m = self.n_params
        if self.source.data.ones and self.source.data.offset is None and self.source.data.exposure is None:
            return np.concatenate([[eta], np.zeros(m - 1)])
        flat = np.broadcast_to(np.float64(mean), (self.source.n_rows,))
        source = InMemory(self.source.data._replace(y=flat), self.source.threads, self.source.units)
        q = Deviance(source, self.pair).first()
        self.n_passes += self.share
        d = np.sqrt(np.maximum(np.diagonal(q.information), 1e-300))
        return np.linalg.lstsq(symmetric(q.information) / d / d[:, None], q.score / d, rcond=1e-10)[0] / d

    def root(self, beta: np.ndarray) -> np.ndarray:
        """The triangular factor R of the weighted design, R'R the information, without forming it: one pass."""
        from .source.rooted import weighted_root

        self.n_passes += self.share
        return weighted_root(self, beta)

    def rows(self):
        """Design (m, p, the intercept first), response, weight and offset of the m rows that count: one pass."""
        from .source.rooted import design, offset, weight

        self.n_passes += self.share
        data, n = self.source.data, self.source.n_rows
        w = weight(data, 0, n)
        keep = w > 0.0
        y = np.asarray(data.y, np.float64)
        return design(data, 0, n)[keep], y[keep], w[keep], offset(data, 0, n)[keep]

    def plan(self) -> np.ndarray:
        """The source's plan with this pair's row loop."""
        if self._plan is None:
            self._plan = self.source.plan().copy()
            self._plan[k.ROWS] = self.pair.rows
            self._plan[k.CURVATURE] = gram.curvature(self.n_params <= gram.SMALL)
        return self._plan

    def _pass(self, beta, order, first_eta) -> Quadratic:
        plan = self.plan()
        # 2 where the score is linear in beta, so that even its residuals can be exact
        plan[k.PRECISE] = self.precise and (k.EXACT if self.pair.linear else k.ROUNDED)
        if self.precise:
            plan[k.PRECISE_ETA], plan[k.PRECISE_SCORE] = precise.addresses()
        m = self.n_params
        width = gram.padded(m)

        def unit(runs, work):
            score, low, sums = np.zeros(m), np.zeros(m), np.zeros(k.SUMS)
            information = np.zeros((width, width) if order == 2 else (1, 1))
            block_pass(plan, self._par, beta, self.scale, runs, order, first_eta, work, score, low, information, sums)
            return Quadratic(
                float(sums[0]), score, low, information if order == 2 else None, float(sums[1]), float(sums[2])
            )

        q = self.source.reduce(unit)
        self.n_passes += self.share
        if order and not isfinite(q.score.sum()):
            self.source.check_finite()
        if order == 2:
            information = q.information[:m, :m]
            q = q._replace(information=information if m <= gram.SMALL else information.T)
        if self.precise:
            q = q._replace(score=q.score + q.score_low)
        return q if self.share == 1.0 else q.scaled(1.0 / self.share)
