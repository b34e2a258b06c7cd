"""The deviance of one model over one source, as solvers see it."""

from __future__ import annotations

from math import isfinite

import numpy as np

from ..core.measured import APPROACHED_PRODUCTS, MOST_STEP_SIZES, PRECISE_NUMBERS, QR_COST, STEP_SIZE_NS
from ..family.gaussian import Gaussian
from ..family.links import Identity
from ..kernels import gram
from ..kernels import layout as k
from ..kernels.newton_steps import Steps
from ..kernels.path_steps import PathSteps
from ..kernels.row_loops import FamilyLink
from ..linalg.factor import root_of_products
from ..linalg.symmetric import Dense, Diagonal
from ..source.base import RowTransform
from ..source.folds import ByPart
from ..source.streaming_qr import design, offset, streaming_qr, weight
from ..source.task import Together
from .column_store import ColumnStore
from .levels import Levels
from .many import ManyScores, ManySums
from .passes import BesideFree, DeviancePass, DeviancesAlong, WeightedDesign
from .structured import assembled
from .sums import Quadratic

DIAGONAL = k.ORDER_DIAGONAL  # the order of a pass with the score and the information's diagonal


class Likelihood:
    """What every objective over a source is made of: passes that are counted, samples, scales.

    A subclass says what it is ``over`` another source, what a pass sums in ``_task``, and puts a pass's sums in order
    in ``_assembled``.

    Parameters
    ----------
    source : InMemory or Chunked
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
    price : float
        What a pass adds to them.
    small : bool
        Whether the data are so few that extended precision costs microseconds.
    linear : bool
        Whether the score is linear in the coefficients: least squares.
    bounded : bool
        Whether the means may end the range of the coefficients.
    approachable : bool
        Whether the rows are few enough for steps in compiled code, which ``approach`` makes.
    divisible : bool
        Whether ``columns`` can take some of the columns.
    canonical : bool
        Whether the expected information is the observed one.
    constant : int or None
        The number of the constant column, where whoever asks for a factor would rather shift others by multiples of it
        than have the rows factored.
    levels : Levels or None
        The levels of factors, where it is known what they say of a start.
    meat : bool
        Whether a curvature sums the outer products of the rows' scores instead of the information.
    score_cost : float
        What a score pass costs beside one with curvature.
    factorable : bool
        Whether the rows of the design can be factored, rather than their cross-product alone.
    """

    linear = bounded = False
    approachable = divisible = False
    canonical = True
    constant: int | None = None
    levels: Levels | None = None

    def __init__(self, source, n_columns: int, n_params: int, share: float):
        self.source, self.n_columns, self.n_params, self.share = source, n_columns, n_params, share
        self.scale = np.ones(n_params)
        self.small = source.rows_read * n_params <= PRECISE_NUMBERS
        self.precise = self.meat = False
        self.kept: np.ndarray | None = None
        self.own: np.ndarray | None = None
        self.aliased: dict = {}
        self._rescaled = False
        self.n_passes, self.price = 0.0, share
        self.known: tuple | None = None  # coefficients, and a pass with curvature there
        self._plan = None
        terms = bool(source.data.terms)
        self.factorable = not terms or self.small or source.rows_read * float(n_params) ** 2 <= QR_COST

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
    def exact_products(self) -> bool:
        """Whether passes multiply in double-double: those of terms, whose columns are mostly zeros and ones, do not."""
        return self.precise and not self.source.data.terms

    def at(self, beta: np.ndarray, order: int = 2) -> Quadratic:
        """Deviance (order 0), score and Pearson's chi-square (1) and expected information (2): one pass, but where
        ``known`` has it."""
        if self.known is not None and order == 2 and np.array_equal(beta, self.known[0]):
            return self.known[1]
        return self._pass(beta, order)

    @property
    def line_sizes(self) -> int:
        """Sizes of a step whose deviances ``along`` finds at the price of about one pass with curvature."""
        return int(min(MOST_STEP_SIZES, self.source.row_ns * (1.0 + self.source.cost) / STEP_SIZE_NS))

    def along(self, beta: np.ndarray, step: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        """The deviances at beta + t step for each t of ``sizes``, NaN outside the means' range: one pass for all."""
        self.n_passes += self.price
        return self.source.reduce(self._line(beta, step, np.asarray(sizes, np.float64))) / self.share

    def product(self, beta: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Expected information times ``v``: one pass, at a score pass's cost."""
        return self._pass(beta, k.ORDER_PRODUCT, v).score

    def start_empty_levels_at_bound(self, beta: np.ndarray) -> np.ndarray:
        """A start (m,) with the coefficients of empty levels far out, where a fit would take them a step at a time."""
        return beta

    @property
    def infinite_levels(self) -> np.ndarray:
        """The sign of infinity of each coefficient (m,) that an empty level takes there; zero of others."""
        return np.zeros(self.n_params)

    def by_part(self, beta: np.ndarray, order: int, parts) -> list[Quadratic]:
        """As ``at``, of the rows of each part of them: one pass for all of them."""
        tasks = [self._task(beta, order) for _ in range(parts.count)]
        found = self.source.reduce(ByPart(tasks, parts))
        self.n_passes += self.price
        return [self._assembled(q, order) for q in found.values]

    def at_each(self, beta: np.ndarray, order: int = 2) -> list[Quadratic]:
        """As ``at``, for each row of ``beta`` (R, m): one read for all of them."""
        found = self.source.reduce(Together([self._task(b, order) for b in beta]))
        self.n_passes += self.price
        return [self._assembled(q, order) for q in found.values]

    def beside(self, beta: np.ndarray, task) -> tuple:
        """A pass with curvature and the sum of another task, in one read."""
        found = self.source.reduce(Together([self._task(beta, 2), task]))
        self.n_passes += self.price
        return self._assembled(found.values[0], 2), found.values[1]

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
        other.scale, other.constant = self.scale, self.constant
        other.small = self.small  # few rows of many have no digits to lose
        other.n_passes = source.fetched_share
        return other

    def subset(self, rows: int) -> Likelihood:
        """As ``sample``, its sums those of its rows alone."""
        return self.over(self.source.sample(rows))

    def design(self) -> Deviance:
        """Least squares over the columns of X alone: y = 0, no offset, and unit weights unless the model is linear."""
        weights = "as they are" if self.linear else "unit"
        other = Deviance(
            self.source.changed(RowTransform(False, y=0.0, weights=weights)), FamilyLink(Gaussian(), Identity())
        )
        other.scale, other.price, other.small = self.scale[: self.n_columns], self.price, self.small
        return other

    def part(self, runs: np.ndarray) -> Likelihood:
        """The same model over the ranges of rows ``runs`` (k, 2) alone."""
        return self.over(self.source.part(runs))

    def rescale(self) -> bool:
        """Scale columns by powers of two to a largest entry near one; False where that changes nothing.

        Terms are left as they are: levels are zeros and ones.
        """
        if self.source.data.terms or self._rescaled:
            return False
        self._rescaled = True
        largest = self.source.column_max()
        self.n_passes += self.price
        scale = np.ones(self.n_columns)
        positive = largest > 0.0
        scale[self.n_columns - len(largest) :][positive] = np.exp2(-np.floor(np.log2(largest[positive])))
        scale = np.tile(scale, self.n_params // self.n_columns)
        changed = not np.array_equal(scale, self.scale)
        self.scale = scale
        return changed

    def root(self, beta: np.ndarray) -> np.ndarray:
        """The triangular factor R of the weighted design, R'R the information, without forming it: one pass."""
        self.n_passes += self.price
        if not self.factorable:
            # zeros and ones lose few digits in a cross-product, and a dense design of all levels would be long
            return root_of_products(self.at(beta, 2).information.toarray())
        kind = np.longdouble if self.small else np.float64
        with np.errstate(all="ignore"):
            # extended precision costs little on small data and keeps every digit of the standard errors
            return streaming_qr(self.source.reduce(self._weighted(beta, kind)), self.n_params)

    def preconditioner(self, beta: np.ndarray, rows: int) -> np.ndarray:
        """The diagonal of the information of a sample, (n_params,)."""
        sample = self.sample(rows)
        diagonal = sample.at(beta, DIAGONAL).information.diagonal()
        self.n_passes += sample.n_passes
        return diagonal

    @property
    def centred(self) -> bool:
        """Whether the first coefficient is the intercept of one linear predictor of an array's columns."""
        data = self.source.data
        return data.has_intercept and not data.terms and self.n_params == self.n_columns

    def intercept_products(self, beta: np.ndarray, rows: int) -> np.ndarray:
        """The information's first row, of a sample, (n_params,)."""
        sample = self.sample(rows)
        products = sample.product(beta, np.eye(1, self.n_params)[0])
        self.n_passes += sample.n_passes
        return products

    def sampled_rows(self, rows: int) -> np.ndarray:
        """Columns of X of a sample, (rows, p)."""
        sample = self.sample(rows)
        data, ranges = sample.source.data, np.concatenate(sample.source.units)
        self.n_passes += sample.n_passes + sample.share
        return np.concatenate([data.X[first:stop] for first, stop in ranges]).astype(np.float64)

    @property
    def _has_diagonal(self):
        """Whether the diagonal of the stored columns' information holds that of the model's."""
        return self.source.data.coding is None or self.source.data.coding.simple

    def rows(self):
        """Design (m, p, the intercept first), response, weight and offset of the m rows that count: one pass."""
        self.n_passes += self.price
        data, n = self.source.gather().data, self.source.n_rows
        w = weight(data, 0, n)
        keep = w > 0.0
        y = np.asarray(data.y, np.float64)
        return design(data, 0, n)[keep], y[keep], w[keep], offset(data, 0, n)[keep]

    @property
    def _precision(self):
        """How a pass multiplies; exactly where the score is linear in beta, so that even its residuals can be."""
        return 0 if not self.exact_products else k.EXACT if self.linear else k.ROUNDED

    def _pass(self, beta, order, *extra) -> Quadratic:
        task = self._task(beta, order, *extra)
        if self.source.in_process:
            if self._plan is None:
                self._plan = task.loops(self.source.plan().copy())
            task.equip(self.source, self._plan)
        q = self._assembled(self.source.reduce(task), order)
        self.n_passes += self.price
        if order and not isfinite(np.add.reduce(q.score)):  # as sum, without its detour
            self.source.check_finite()
        if self.exact_products:
            q = q._replace(score=q.score + q.score_low)
        return self._whole(q, beta, order, *extra)

    def _whole(self, q, *where) -> Quadratic:
        """A sample's sums scaled up to all rows, with what rows do not sum."""
        return self._completed(q if self.share == 1.0 else q.scaled(1.0 / self.share), *where)

    def _completed(self, q, beta, order, *extra) -> Quadratic:
        """A pass with what its rows do not sum, of which there is nothing."""
        return q


class Deviance(Likelihood):
    """Half the deviance of a family and link, its score and expected information.

    Parameters
    ----------
    source : InMemory or Chunked
    pair : FamilyLink
        Family and link.
    """

    bounded = True

    def __init__(self, source, pair: FamilyLink, share: float = 1.0):
        m = source.n_columns
        super().__init__(source, m, m, share)
        self.pair, self.linear, self.canonical, self._par = pair, pair.linear, pair.canonical, pair.par
        self.levels = Levels(pair, source) if source.data.terms else None

    @property
    def score_cost(self) -> float:
        alone = 0.3 if self.source.data.terms else 0.6 / (1.0 + 0.02 * self.n_params)
        # what rows cost to read they cost at every pass, in curvature passes
        return (alone + self.source.cost) / (1.0 + self.source.cost)

    def over(self, source, share: float = 1.0) -> Deviance:
        return Deviance(source, self.pair, share)

    @property
    def approachable(self) -> bool:
        return self.source.rows_read * float(self.n_params) ** 2 <= APPROACHED_PRODUCTS

    def approach(self, beta: np.ndarray, steps: Steps) -> tuple[np.ndarray, Quadratic] | None:
        """Where full Newton steps in compiled code lead, and the pass there; None where there are none, or the rows
        are many or not of columns of numbers.

        Parameters
        ----------
        beta : (m,) array
            The start, which is not changed.
        steps : Steps
            How far to go; its records are filled.

        Returns
        -------
        beta : (m,) array
        quadratic : Quadratic
        """
        found = self._stepped(beta, steps)
        if found is None or not steps.taken:
            return None
        beta, q = found
        return beta, self.at(beta, 2) if q is None else self._whole(self._assembled(q, 2), beta, 2)

    def follow(self, beta: np.ndarray, steps: PathSteps) -> bool:
        """Go along a path of penalties in compiled code, as ``approach`` does without one; False where there are no
        such steps. The optima are in ``steps``."""
        unscaled = self.share == 1.0 and np.array_equal(self.scale, np.ones(len(self.scale)))
        return unscaled and self._stepped(beta, steps) is not None

    def _stepped(self, beta, steps):
        """Where steps in compiled code lead, and the sums there, if any; None where there are none."""
        if self.source.data.terms or self.precise:
            return None
        rows = self.source.gather()  # those of a file or a cluster are read once
        if rows.mapped is not None:  # whose pages are given back piece by piece
            return None
        found = self._task(np.array(beta), 2).steps(rows, steps)
        self.n_passes += steps.passes * self.price
        return found

    def beside_free(self, beta: np.ndarray, model) -> np.ndarray:
        """The matrix ``S`` of a ``QuadraticModel`` at ``beta``, by the rows: one pass."""
        self.n_passes += self.price
        task = BesideFree(self.pair, np.array(beta), model.free, model.rest, model.slopes)
        found = self.source.reduce(task) / self.share
        return 0.5 * (found + found.T)

    def first(self) -> Quadratic:
        """The pass at the family's starting means: information^-1 score is the first IRLS iterate."""
        return self._pass(np.zeros(self.n_params), 2, None, True)

    def constant_start(self, mean: float, eta: float) -> np.ndarray:
        """Coefficients whose linear predictor, offset included, is as near as can be to ``eta`` = link(mean)."""
        m = self.n_params
        if self.source.data.has_intercept and self.source.data.offset is None and self.source.data.exposure is None:
            beta = np.zeros(m)
            beta[0] = eta
            return beta
        data = self.source.data
        # beside levels the intercept alone: all levels would only spread the same constant
        source = self.source.changed(RowTransform(bool(data.has_intercept and data.terms), y=mean))
        q = Deviance(source, self.pair).first()
        self.n_passes += self.price
        beta = q.information.any_solution(np.ones(len(q.score)), q.score)
        return np.concatenate([beta, np.zeros(m - len(beta))])

    @property
    def divisible(self) -> bool:
        data = self.source.data
        sparse = len(data.terms) == 1 and hasattr(data.terms[0], "columns") and not data.X.shape[1]
        return data.coding is None and (sparse or not data.terms)

    def column_store(self) -> ColumnStore | None:
        """The rows by their columns, where all of them are in memory."""
        source = self.source
        whole = source.in_process and source.rows_read == source.n_rows
        return ColumnStore(self.pair, source.data, source.threads) if whole else None

    def columns(self, numbers: np.ndarray) -> Deviance:
        """The same of some coefficients alone, by their increasing numbers, the intercept among them; its passes count
        as parts of a pass."""
        first = int(self.source.data.has_intercept)
        other = self.over(self.source.changed(RowTransform(False, columns=numbers[first:] - first)))
        other.price = self.price * len(numbers) / max(self.n_params, 1)
        return other

    def at_many(self, beta: np.ndarray, folds=None, of=None) -> ManySums:
        """Deviances and scores at many coefficients (R, m), or scores alone of the rows that a fold each is fitted to:
        one pass."""
        self.n_passes += self.price
        task = ManyScores(self.pair, np.ascontiguousarray(beta), folds, of, folds is not None)
        return ManySums(self.source.reduce(task))

    def many_by_part(self, beta: np.ndarray, parts) -> list[ManySums]:
        """The same of the rows of each part of them."""
        self.n_passes += self.price
        tasks = [ManyScores(self.pair, np.ascontiguousarray(beta), scores_only=True) for _ in range(parts.count)]
        return [ManySums(v) for v in self.source.reduce(ByPart(tasks, parts)).values]

    def start_empty_levels_at_bound(self, beta: np.ndarray) -> np.ndarray:
        return beta if self.levels is None else beta + self.levels.bounds()

    @property
    def infinite_levels(self) -> np.ndarray:
        return super().infinite_levels if self.levels is None else self.levels.infinite

    def _line(self, beta, step, sizes):
        return DeviancesAlong(self.pair, beta, step, sizes)

    def _weighted(self, beta, kind):
        return WeightedDesign(self.pair, beta, self.scale, kind)

    def _task(self, beta, order, direction=None, first=False):
        source = self.source
        # stored columns of which several make a coefficient have no scale of their own
        scale = self.scale if not source.data.terms else np.ones(source.structured_sums.dense)
        if source.packed.coding is not None:
            beta = source.expand(beta)
            direction = None if direction is None else source.expand(direction)
        direction = beta if direction is None else direction
        if order in k.DIAGONALS and not self._has_diagonal:
            order = 2
        if order == k.ORDER_MOMENTS and self._precision:
            order = k.ORDER_DIAGONAL
        shape = (source.n_stored, source.structured_sums.dense, source.structured_sums.size)
        how = shape, order, self.meat, self._precision
        return DeviancePass(self.pair, self._par, beta, direction, scale, first, *how)

    def _assembled(self, q, order):
        if self.source.packed.coding is not None:
            reduce = self.source.reduce_score
            q = q._replace(score=reduce(q.score), score_low=reduce(q.score_low))
        if q.information is None:
            return q
        if order in k.DIAGONALS and self._has_diagonal:
            return q._replace(information=Diagonal(self.source.packed.reduce_squares(q.information[0][0])))
        m = self.source.structured_sums.dense
        information = q.information[0][:m, :m]
        information = information if m <= gram.SMALL else information.T
        information = Dense(information)
        if self.source.data.terms:
            information = assembled(self.source, information.upper, q.information[1], self.scale)
        if order in k.DIAGONALS:
            information = Diagonal(information.diagonal())
        return Quadratic(q.deviance, q.score, q.score_low, information, q.pearson, q.max_eta)
