"""The deviance of one model over one source, as solvers see it."""

from __future__ import annotations

from math import isfinite

import numpy as np

from .errors import InvalidParameterError
from .kernels import gram, precise
from .kernels import layout as k
from .kernels.dense import symmetric
from .kernels.evaluate import row_terms
from .kernels.passes import block_pass
from .kernels.rows import Pair
from .moments import Bordered, Quadratic
from .source.in_memory import InMemory

SMALL_CELLS = 50_000
# the linear predictor at which a mean is as good as at the end of its range
FAR_OUT = {"log": 40.0, "logit": 40.0, "cloglog": 40.0}
RANK_TOLERANCE = 1e-11  # R's glm.fit; never coupled to the convergence tolerance
DIAGONAL = k.ORDER_DIAGONAL  # the order of a pass with the score and the information's diagonal


class Likelihood:
    """What every objective over a source is made of: passes that are counted, samples, scales.

    A subclass says what it is ``over`` another source, sums one unit of rows in ``_unit``, and puts a pass's sums in
    order in ``_assembled``.

    Parameters
    ----------
    source : InMemory
    n_columns : int
        Columns, the intercept included.
    n_params : int
        Coefficients.
    share : float
        The part of the rows that the source has; sums are scaled up to the whole.

    Attributes
    ----------
    n_passes : float
        Reads of X so far, a sample counted by its share of the rows.
    linear : bool
        Whether the score is linear in the coefficients: least squares.
    bounded : bool
        Whether the means may end the range of the coefficients.
    meat : bool
        Whether a curvature sums the outer products of the rows' scores instead of the information.
    score_cost : float
        What a score pass costs beside one with curvature.
    """

    linear = False
    bounded = False

    def __init__(self, source: InMemory, n_columns: int, n_params: int, share: float):
        self.source, self.n_columns, self.n_params, self.share = source, n_columns, n_params, share
        self.scale = np.ones(n_params)
        self.precise = self.meat = False
        self.kept: np.ndarray | None = None
        self.aliased: dict = {}
        self.n_passes = 0.0
        self._plan = None

    @property
    def n_eliminated(self) -> int:
        """Coefficients that a factorisation has to eliminate one by one: all but a long factor's levels."""
        coding = self.source.data.coding
        return self.n_params - (len(coding.kept) if coding is not None else 0)

    @property
    def sampleable(self) -> bool:
        """Whether a sample has something of every column: rare levels need not be in it."""
        return not self.source.data.terms

    @property
    def rank_tolerance(self) -> float:
        """What a column must keep of its length beside earlier ones not to depend on them."""
        return 1e-6 if self.source.data.terms and not self.small else RANK_TOLERANCE

    @property
    def exact_products(self) -> bool:
        """Whether passes multiply in double-double: those of terms, whose columns are mostly zeros and ones, do not."""
        return self.precise and not self.source.data.terms

    @property
    def small(self) -> bool:
        """Whether the data are so few that extended precision costs microseconds."""
        return self.source.rows_read * self.n_params <= SMALL_CELLS

    def at(self, beta: np.ndarray, order: int = 2) -> Quadratic:
        """Deviance (order 0), score and Pearson's chi-square (1) and expected information (2): one pass."""
        return self._pass(beta, order)

    def along(self, beta: np.ndarray, step: np.ndarray, sizes) -> list[float]:
        """Deviances at ``beta + t step`` for each t of ``sizes``, a pass each."""
        return [self.at(beta + t * step, 0).deviance for t in sizes]

    def product(self, beta: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Expected information times ``v``: one pass, at a score pass's cost."""
        return self._pass(beta, k.ORDER_PRODUCT, v).score

    def block(self, beta: np.ndarray, order: int, runs: np.ndarray) -> Quadratic:
        """The sums over the ranges of rows ``runs`` (k, 2) alone, in this thread; ``DIAGONAL`` is an order too."""
        plan = self._set(order)
        with self.source.workspace() as work:
            unit = self._unit(plan, beta, order)
            q = self._assembled(unit(runs, work), order)
        self.n_passes += self.share * float((runs[:, 1] - runs[:, 0]).sum()) / self.source.rows_read
        return q

    def scores(self, beta: np.ndarray) -> Quadratic:
        """The pass whose ``information`` is the sum of outer products of the rows' scores, the sandwich's meat."""
        self.meat = True
        try:
            return self._pass(beta, 2)
        finally:
            self.meat = False

    def sample(self, rows: int) -> Likelihood:
        """The same model over a representative sample, its sums scaled up to the whole."""
        source = self.source.sample(rows)
        other = self.over(source, source.rows_read / self.source.n_rows)
        other.scale = self.scale
        return other

    def subset(self, rows: int) -> Likelihood:
        """As ``sample``, its sums those of its rows alone."""
        return self.over(self.source.sample(rows))

    def part(self, runs: np.ndarray) -> Likelihood:
        """The same model over the ranges of rows ``runs`` (k, 2) alone."""
        return self.over(self.source.part(runs))

    def rescale(self) -> bool:
        """Scale columns by powers of two to a largest entry near one; False where that changes nothing.

        Terms are left as they are: levels are zeros and ones.
        """
        if self.source.data.terms:
            return False
        largest = self.source.column_max()
        self.n_passes += self.share
        scale = np.ones(self.n_columns)
        positive = largest > 0.0
        scale[self.n_columns - len(largest) :][positive] = np.exp2(-np.floor(np.log2(largest[positive])))
        scale = np.tile(scale, self.n_params // self.n_columns)
        changed = not np.array_equal(scale, self.scale)
        self.scale = scale
        return changed

    def root(self, beta: np.ndarray) -> np.ndarray:
        """The triangular factor R of the weighted design, R'R the information, without forming it: one pass."""
        from .source.rooted import tall_skinny_root

        self.n_passes += self.share
        if self.source.data.terms and not self.small:
            # zeros and ones lose few digits in a cross-product, and a dense design of all levels would be long
            J = self.at(beta, 2).information
            if isinstance(J, Bordered):
                raise InvalidParameterError(
                    "X is rank deficient beside a factor of very many levels: a column does not vary within levels, "
                    "or a level has rows of weight zero only; drop the column, or merge such levels"
                )
            J = symmetric(J)
            size = np.sqrt(np.diagonal(J))
            inverse = np.divide(1.0, size, out=np.zeros_like(size), where=size > 0.0)
            values, vectors = np.linalg.eigh(J * inverse * inverse[:, None])
            return np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T * size
        kind = np.longdouble if self.small else np.float64
        with np.errstate(all="ignore"):
            # extended precision costs little on small data and keeps every digit of the standard errors
            return tall_skinny_root(self.source, self.n_params, lambda a, b: self.weighted_design(a, b, beta, kind))

    def preconditioner(self, beta: np.ndarray, rows: int) -> np.ndarray:
        """The diagonal of the information of a sample, (n_params,)."""
        sample = self.sample(rows)
        diagonal = sample.at(beta, DIAGONAL).information
        self.n_passes += sample.n_passes
        return diagonal

    @property
    def _has_diagonal(self):
        """Whether the diagonal of the stored columns' information holds that of the model's."""
        return self.source.data.coding is None or self.source.data.coding.simple

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
        """The source's plan with the loops of this objective."""
        if self._plan is None:
            self._plan = self.source.plan().copy()
        return self._plan

    def _set(self, order):
        """The plan with the flags of a pass."""
        plan = self.plan()
        if order == k.ORDER_DIAGONAL:
            plan[k.SQUARES] = gram.squares()
        # 2 where the score is linear in beta, so that even its residuals can be exact
        plan[k.PRECISE] = self.exact_products and (k.EXACT if self.linear else k.ROUNDED)
        plan[k.MEAT] = self.meat
        if self.exact_products:
            plan[k.PRECISE_ETA], plan[k.PRECISE_SCORE] = precise.addresses()
        return plan

    def _pass(self, beta, order, *extra) -> Quadratic:
        plan = self._set(order)
        q = self._assembled(self.source.reduce(self._unit(plan, beta, order, *extra)), order)
        self.n_passes += self.share
        if order and not isfinite(q.score.sum()):
            self.source.check_finite()
        if self.exact_products:
            q = q._replace(score=q.score + q.score_low)
        return q if self.share == 1.0 else q.scaled(1.0 / self.share)


class Deviance(Likelihood):
    """Half the deviance of a family and link, its score and expected information.

    Parameters
    ----------
    source : InMemory
    pair : Pair
        Family and link.
    """

    bounded = True

    def __init__(self, source: InMemory, pair: Pair, share: float = 1.0):
        m = source.n_columns
        super().__init__(source, m, m, share)
        self.pair, self.linear = pair, pair.linear
        self._par = pair.par

    @property
    def score_cost(self) -> float:
        if self.source.data.terms:
            return 0.3
        return 0.6 / (1.0 + 0.02 * self.n_params)

    def over(self, source, share: float = 1.0) -> Deviance:
        return Deviance(source, self.pair, share)

    def first(self) -> Quadratic:
        """The pass at the family's starting means: information^-1 score is the first IRLS iterate."""
        return self._pass(np.zeros(self.n_params), 2, None, self.pair.first_eta)

    def constant_start(self, mean: float, eta: float) -> np.ndarray:
        """Coefficients whose linear predictor, offset included, is as near as can be to ``eta`` = link(mean)."""
        m = self.n_params
        if self.source.data.ones and self.source.data.offset is None and self.source.data.exposure is None:
            return np.concatenate([[eta], np.zeros(m - 1)])
        data = self.source.data._replace(y=np.broadcast_to(np.float64(mean), (self.source.n_rows,)))
        if data.ones and data.terms:
            # the intercept alone: all levels would only spread the same constant
            data = data._replace(X=np.empty((len(data.y), 0)), terms=(), coding=None)
        q = Deviance(InMemory(data, self.source.threads, self.source.units), self.pair).first()
        self.n_passes += self.share
        d = np.sqrt(np.maximum(np.diagonal(q.information), 1e-300))
        beta = np.linalg.lstsq(symmetric(q.information) / d / d[:, None], q.score / d, rcond=1e-10)[0] / d
        return np.concatenate([beta, np.zeros(m - len(beta))])

    def sent_away(self, beta: np.ndarray) -> np.ndarray:
        """A start with the coefficients of empty levels far out, where a fit would take them one step at a time.

        A level is empty where all of its rows have y at the same end of the means' range: its estimate is infinite.
        """
        from .source.rooted import weight

        data, away = self.source.data, FAR_OUT.get(self.pair.link.name)
        coding, family = data.coding, self.pair.family
        if not data.terms or away is None or (coding is not None and not coding.simple):
            return beta
        y, w = np.asarray(data.y), weight(data, 0, self.source.n_rows)
        beta, first = np.array(beta), self.source.room.dense
        places = np.full(self.source.n_stored, -1)
        stored = np.arange(self.n_params) if coding is None else np.r_[coding.picked, coding.width + coding.kept]
        places[stored] = np.arange(self.n_params)
        for end, sign in ((family.mean.low, -1.0), (family.mean.high, 1.0)):
            inside = (y != end) & (w > 0.0)
            column = first
            for term in data.terms:
                if getattr(term, "values", 0) is None:
                    seen = np.zeros(term.shape[1] + 1, bool)
                    seen[term.codes[inside]] = True  # no level is the last place
                    there = np.zeros(term.shape[1] + 1, bool)
                    there[term.codes] = True
                    empty = places[column + np.flatnonzero((there & ~seen)[:-1])]
                    beta[empty[empty >= 0]] = sign * away
                column += term.shape[1]
        return beta

    def weighted_design(self, a: int, b: int, beta: np.ndarray, kind) -> np.ndarray:
        """Rows a to b of diag(h)^(1/2) X diag(scale) at ``beta``, of the number type ``kind``."""
        from .source.rooted import design, offset, weight

        data = self.source.data
        X = design(data, a, b)
        h = row_terms(self.pair, X @ beta + offset(data, a, b), data.y[a:b], weight(data, a, b))[1]
        A = X.astype(kind) * self.scale * np.sqrt(h.astype(kind))[:, None]
        A[h == 0.0] = 0.0
        return A

    def plan(self) -> np.ndarray:
        if self._plan is None:
            narrow = self.source.room.dense <= gram.SMALL
            super().plan()[[k.ROWS, k.CURVATURE]] = self.pair.rows, gram.curvature(narrow)
        return self._plan

    def _unit(self, plan, beta, order, direction=None, first_eta=0):
        source = self.source
        m, par = source.n_stored, self._par
        # stored columns of which several make a coefficient have no scale of their own
        scale = self.scale if not source.data.terms else np.ones(source.room.dense)
        width, room = gram.padded(source.room.dense), source.room.size
        beta = source.expand(beta)
        direction = beta if direction is None else source.expand(direction)
        if order == k.ORDER_DIAGONAL and not self._has_diagonal:
            order = 2
        shapes = {2: (width, width), k.ORDER_DIAGONAL: (1, m)}

        def unit(runs, work):
            score, low, sums = np.zeros(m), np.zeros(m), np.zeros(k.SUMS)
            info, extra = np.zeros(shapes.get(order, (1, 1))), np.zeros(room if order == 2 else 1)
            block_pass(plan, par, beta, direction, scale, runs, order, first_eta, work, score, low, info, extra, sums)
            information = {2: (info, extra), k.ORDER_DIAGONAL: (info,)}.get(order)
            score, low = source.reduce_score(score), source.reduce_score(low)
            return Quadratic(float(sums[0]), score, low, information, float(sums[1]), float(sums[2]))

        return unit

    def _assembled(self, q, order):
        if q.information is None:
            return q
        if order == k.ORDER_DIAGONAL and self._has_diagonal:
            return q._replace(information=self.source.reduce_score(q.information[0][0]))
        m = self.source.room.dense
        information = q.information[0][:m, :m]
        information = information if m <= gram.SMALL else information.T
        if self.source.data.terms:
            information = assembled(self.source, information, q.information[1], self.scale)
        if order == k.ORDER_DIAGONAL:
            information = np.diagonal(information)
        return q._replace(information=information)


def assembled(source, dense: np.ndarray, extra: np.ndarray, scale: np.ndarray):
    """The information of the model's coefficients, times scale on both sides, from what a pass over terms sums.

    Parameters
    ----------
    source : InMemory
    dense : (d, d) array
        The upper triangle of the columns of numbers, the intercept first.
    extra : flat array
        ``kernels.terms.Room``'s.
    scale : (m,) array

    Returns
    -------
    (m, m) array, or a Bordered where there is a long term
    """
    own, cross, border, diagonal = source.room.split(extra)
    d, width = len(dense), len(dense) + len(own)
    full = np.empty((width, width))
    full[:d, :d] = symmetric(dense)
    full[d:, :d], full[:d, d:], full[d:, d:] = cross, cross.T, symmetric(own)
    coding = source.data.coding
    if coding is None:
        return full * scale * scale[:, None]
    core, m = coding.matrix(full), coding.core
    core *= scale[:m] * scale[:m, None]
    if not coding.long:
        return core
    long = scale[m:]
    return Bordered(core, coding.border(border) * scale[:m] * long[:, None], diagonal[coding.kept] * long**2)
