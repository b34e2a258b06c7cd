"""The likelihood of rows with several linear predictors, whose columns are some of those of one design."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..errors import InvalidParameterError
from ..families import get as get_family
from ..kernels import several as loops
from ..kernels.evaluate import row_terms
from ..kernels.row_loops import FamilyLink
from ..linalg.symmetric import Dense
from ..source.streaming_qr import design, offset, weight
from ..source.task import Task
from .base import Likelihood
from .sums import Quadratic

BLOCK_NUMBERS = 1 << 17  # numbers of a block of rows, so that it stays in the second-level cache


def double_rows(distribution, more, link, eta, y, w, g, h):
    """Responses of a family of one mean with a dispersion in each row; predictors: that of the mean, log dispersion.

    The derivatives of the mean's predictor are those of the family at dispersion one, over the row's.
    """
    pair = FamilyLink(get_family(distribution, **more), link)
    r, information, deviance = row_terms(pair, eta[0], y, 1.0)
    power = more.get("power", pair.family.variance_power)
    log_v = power * np.log(np.where(y > 0.0, y, SIXTH)) if power else np.zeros(len(y))
    return loops.double_rows(distribution == "gamma", eta, r, information, deviance, log_v, w, g, h)


SIXTH = 1.0 / 6.0  # of Nelder and Pregibon, in the place of a response of zero
LOOPS = {
    "ordinal": loops.ordinal_rows, "count": loops.count_rows, "truncated": loops.truncated_rows,
    "beta": loops.beta_rows, "double": double_rows,
}  # fmt: skip


class Predictor(NamedTuple):
    """The columns of a linear predictor, by their numbers in the design, whether a constant is before them, and whether
    the columns are taken from it, as those of an ordered level are from its threshold."""

    columns: np.ndarray
    constant: bool = False
    minus: bool = False

    @property
    def size(self) -> int:
        """Its coefficients."""
        return len(self.columns) + self.constant

    @property
    def places(self) -> np.ndarray:
        """Its columns in the design with a constant in front."""
        return np.concatenate([np.zeros(int(self.constant), np.intp), self.columns + 1])

    @property
    def signs(self) -> np.ndarray:
        """The sign of each coefficient in the linear predictor."""
        return np.concatenate([np.ones(int(self.constant)), np.full(len(self.columns), -1.0 if self.minus else 1.0)])


def _pairs_of(q):
    """The pairs i <= j of q predictors in the order of their second derivatives."""
    return [(i, j) for i in range(q) for j in range(i, q)]


def slices(predictors) -> list[slice]:
    """Where the coefficients of each predictor are among all."""
    ends = np.cumsum([0, *(p.size for p in predictors)])
    return [slice(int(a), int(b)) for a, b in zip(ends[:-1], ends[1:], strict=True)]


class Block(NamedTuple):
    """Some rows: the design with a constant in front, linear predictors (Q, n), response and weights."""

    X: np.ndarray
    eta: np.ndarray
    y: np.ndarray
    w: np.ndarray
    repeats: np.ndarray | None

    def divided(self) -> Block:
        """The block with its prior weights in the logarithm of the dispersion, which they divide; rows count as often
        as they are repeated, those of weight zero not at all."""
        repeats = np.ones(len(self.y)) if self.repeats is None else self.repeats
        counts = (self.w > 0.0) & (repeats > 0.0)
        prior = np.divide(self.w, repeats, out=np.ones(len(self.y)), where=counts)
        return self._replace(
            eta=np.vstack([self.eta[0], self.eta[1] - np.log(prior)]), w=np.where(counts, repeats, 0.0)
        )


def derivatives(loop, eta, y, w):
    """The weighted log-likelihood of rows, and its first (Q, n) and second (Q (Q + 1) / 2, n) derivatives in the
    linear predictors eta (Q, n), by the compiled loop of a family."""
    q, n = eta.shape
    g, h = np.empty((q, n)), np.empty((q * (q + 1) // 2, n))
    return LOOPS[loop.name](*loop.arguments, eta, y, w, g, h), g, h


def row_blocks(data, runs, predictors, beta, place=None, whole=None):
    """The rows of a source's part, block by block.

    Parameters
    ----------
    data : source.base.Block
    runs : (k, 2) array
    predictors : sequence of Predictor
    beta : (m,) array
    place : (K,) array or None
        The level of each code of y.
    whole : (Q, width) array, optional
        ``whole_of`` these, where it is at hand.
    """
    plain = not any(len(p.columns) for p in predictors)
    pairs = len(predictors) * (len(predictors) + 1) // 2
    widest = max((int(p.columns.max(initial=0)) for p in predictors), default=0)
    step = max(64, BLOCK_NUMBERS // (2 * widest + 8 + pairs))
    for first, stop in runs.tolist():
        for a in range(first, stop, step):
            b = min(a + step, stop)
            X = np.ones((b - a, 1)) if plain else _with_constant(data, a, b)
            whole = whole_of(predictors, beta, X.shape[1]) if whole is None else whole
            eta = np.empty((len(predictors), b - a))
            for row, p, own in zip(eta, predictors, whole, strict=True):
                if len(p.columns):
                    np.dot(X, own, out=row)
                else:
                    row[:] = own[0]
            eta[0] += offset(data, a, b)
            y = np.asarray(data.y[a:b])
            y = y.astype(np.float64) if place is None else place[y.astype(np.intp)]
            repeats = None if data.freq_weights is None else np.asarray(data.freq_weights[a:b], np.float64)
            yield Block(X, eta, y, weight(data, a, b), repeats)


def whole_of(predictors, beta, width):
    """The coefficients of each predictor by the columns of the design with a constant in front, (Q, width)."""
    whole = np.zeros((len(predictors), width))
    for own, p, at in zip(whole, predictors, slices(predictors), strict=True):
        own[p.places] = beta[at] * p.signs if p.minus else beta[at]
    return whole


def _with_constant(data, a, b):
    """Rows a to b of the design with a constant in front."""
    if data.terms or data.coding is not None:
        rows = design(data, a, b)
        return np.concatenate([np.ones((b - a, 1)), rows], axis=1)
    ones = 1 + data.has_intercept
    X = np.empty((b - a, ones + data.X.shape[1]))
    X[:, :ones], X[:, ones:] = 1.0, data.X[a:b]
    return X


class SeveralPass(Task):
    """The log-likelihood, and the sums over rows of which its gradient and its second derivatives are, or the sum of
    outer products of the rows' scores, as one array, of which ``assembled`` makes them.

    Parameters
    ----------
    loop : family.several.Loop
    predictors : tuple of Predictor
    beta : (m,) array
    place : as for ``row_blocks``
    order : {0, 1, 2}
    n_columns : int
        Of the design.
    meat : bool
    inverse : (p, p) array, optional
        Of the information of the first predictor, by whose leverages the score of the second one is adjusted.
    """

    def __init__(self, loop, predictors, beta, place, order, n_columns, meat=False, inverse=None):
        self.inverse = inverse
        self.loop, self.predictors, self.beta, self.place = loop, predictors, beta, place
        self.order, self.meat = order, meat
        self.vectors_only = not any(len(p.columns) for p in predictors)
        self.whole = whole_of(predictors, beta, 1 if self.vectors_only else 1 + n_columns)
        # the numbers of the pairs of predictors of which neither, one, and both have columns
        self._pairs, several = ([], [], []), [len(p.columns) > 0 for p in predictors]
        for pair, (i, j) in enumerate(_pairs_of(len(several))):
            self._pairs[several[i] + several[j]].append(pair)

    @property
    def shapes(self) -> list[tuple]:
        """The shapes of the sums after the log-likelihood."""
        (q, width), m = self.whole.shape, len(self.beta)
        if self.meat:
            return [(m, m)]
        constants, borders, squares = map(len, self._pairs)
        more = [(constants,), (width, borders), *[(width, width)] * squares] if self.order == 2 else []
        return [(width, q), *more] if self.order else []

    def of(self, part, runs):
        value, sums = 0.0, [np.zeros(shape) for shape in self.shapes]
        with np.errstate(all="ignore"):  # of this thread
            for block in row_blocks(part.data, runs, self.predictors, self.beta, self.place, self.whole):
                block = block.divided() if self.loop.divides else block
                own, g, h = derivatives(self.loop, block.eta, block.y, block.w)
                value += own
                if self.inverse is not None:
                    leverage = self._leverages(block.X, h)
                    g[1] += 0.5 * leverage
                    h[2] += 0.5 * leverage
                if self.meat:
                    self._add_meat(sums[0], block, g)
                elif self.order:
                    for total, found in zip(sums, self._products(block.X, g, h), strict=True):
                        total += found
        return np.concatenate([[value], *(total.ravel() for total in sums)])

    def assembled(self, found):
        """The log-likelihood, its gradient (m,), and minus its second derivatives or the meat (m, m)."""
        m, sums, at = len(self.beta), [], 1
        for shape in self.shapes:
            size = int(np.prod(shape))
            sums.append(found[at : at + size].reshape(shape))
            at += size
        score, curvature = np.zeros(m), np.zeros((m, m))
        if self.meat:
            curvature = sums[0]
        elif self.order:
            self._assemble(sums, score, curvature)
        return found[0], score, curvature

    def _leverages(self, X, h):
        """The leverages of rows in the mean, summed over the times that a row is repeated, (n,)."""
        columns = X[:, self.predictors[0].places]
        return -h[0] * np.einsum("ij,jk,ik->i", columns, self.inverse, columns, optimize=True)

    def _products(self, X, g, h):
        """X' g; and of the second derivatives the sums, X' h of a predictor with columns and a constant, and X' h X of
        two with columns."""
        found = [X.T @ g.T]
        if self.order == 2:
            constants, borders, squares = self._pairs
            found += [h[constants].sum(axis=1), X.T @ h[borders].T]
            found += [X.T @ (X * h[pair][:, None]) for pair in squares]
        return found

    def _assemble(self, sums, score, curvature):
        """The score and the information of the coefficients from products with all columns."""
        self._assemble_columns(sums, score, curvature)
        if any(p.minus for p in self.predictors):
            signs = np.concatenate([p.signs for p in self.predictors])
            score *= signs
            curvature *= signs
            curvature *= signs[:, None]

    def _assemble_columns(self, sums, score, curvature):
        """The same where no column is taken from its predictor."""
        places, where = [p.places for p in self.predictors], slices(self.predictors)
        for j, (place, at) in enumerate(zip(places, where, strict=True)):
            score[at] = sums[0][place, j]
        if self.order < 2:
            return
        constants, borders, squares = self._pairs
        for pair, (i, j) in enumerate(_pairs_of(len(places))):
            if pair in squares:
                found = sums[3 + squares.index(pair)][np.ix_(places[i], places[j])]
            elif pair in borders:
                side = sums[2][:, borders.index(pair)]
                found = side[places[i]][:, None] if len(self.predictors[i].columns) else side[places[j]][None]
            else:
                found = np.full((len(places[i]), len(places[j])), sums[1][constants.index(pair)])
            curvature[where[i], where[j]] = -found
            if i != j:
                curvature[where[j], where[i]] = -found.T

    def _add_meat(self, meat, block, g):
        rows = np.hstack([block.X[:, p.places] * p.signs * g[j][:, None] for j, p in enumerate(self.predictors)])
        if block.repeats is not None:
            rows *= np.where(block.repeats > 0.0, 1.0 / np.sqrt(block.repeats), 0.0)[:, None]
        meat += rows.T @ rows


class SeveralLikelihood(Likelihood):
    """Half the deviance, minus the log-likelihood, of rows with several linear predictors.

    The information is the observed one unless the loop writes expected second derivatives, and need not be positive.

    Parameters
    ----------
    source : InMemory or Chunked
    loop : family.several.Loop
    predictors : tuple of Predictor
    place : (K,) array or None
    """

    score_cost = 1.0

    def __init__(self, source, loop, predictors, place=None, share: float = 1.0):
        super().__init__(source, source.n_columns, sum(p.size for p in predictors), share)
        self.loop, self.predictors, self.place = loop, tuple(predictors), place

    def over(self, source, share: float = 1.0) -> SeveralLikelihood:
        return SeveralLikelihood(source, self.loop, self.predictors, self.place, share)

    def with_loop(self, loop) -> SeveralLikelihood:
        """The same of another loop over the rows."""
        return SeveralLikelihood(self.source, loop, self.predictors, self.place, self.share)

    def with_predictors(self, predictors) -> SeveralLikelihood:
        """The same with other columns."""
        return SeveralLikelihood(self.source, self.loop, predictors, self.place, self.share)

    def design(self):
        other = super().design()
        other.scale = np.ones(self.n_columns)  # the columns of predictors are not scaled
        return other

    def at(self, beta: np.ndarray, order: int = 2, inverse: np.ndarray | None = None) -> Quadratic:
        """Deviance (order 0), score (1) and information (2): one pass. ``inverse`` as for ``SeveralPass``."""
        beta, n_columns = np.asarray(beta, np.float64), self.source.n_columns
        task = SeveralPass(self.loop, self.predictors, beta, self.place, order, n_columns, self.meat, inverse)
        value, score, curvature = task.assembled(self.source.reduce(task) / self.share)
        self.n_passes += 0.0 if task.vectors_only else self.price
        information = Dense(curvature) if order == 2 else None
        return Quadratic(-2.0 * value, score, np.zeros(len(score)), information, np.nan, np.nan)

    def scores(self, beta: np.ndarray) -> Quadratic:
        """The pass whose ``information`` is the sum of outer products of the rows' scores."""
        self.meat = True
        try:
            return self.at(beta, 2)
        finally:
            self.meat = False


class Crossings(Task):
    """A task without a sum, which refuses rows whose cumulative probabilities fall from one level to the next.

    Parameters
    ----------
    predictors, beta, place
        As for ``row_blocks``.
    levels : tuple
        The labels, for the message.
    """

    def __init__(self, predictors, beta, place, levels):
        self.predictors, self.beta, self.place, self.levels = predictors, beta, place, levels

    def of(self, part, runs):
        for run in runs.tolist():
            done = run[0]
            for block in row_blocks(part.data, np.array([run]), self.predictors, self.beta, self.place):
                falls = (np.diff(block.eta[1:], axis=0) < 0.0) & (block.w > 0.0)
                if falls.any():
                    i = int(np.argmax(falls.any(axis=0)))
                    k = int(np.argmax(falls[:, i]))
                    where = f"row {done + i}" if part.place is None else part.place.row(done + i)
                    raise InvalidParameterError(crossing(self.levels, k, where))
                done += len(block.y)
        return np.zeros(1)


def crossing(levels, k: int, where: str) -> str:
    """The message that cumulative probabilities cross between levels k and k + 1 in a row."""
    return (
        f"family='ordinal': the estimated cumulative probabilities cross: P(y <= {levels[k + 1]!r}) is less than "
        f"P(y <= {levels[k]!r}) at {where}. Name columns with one coefficient for all thresholds in parallel=, or take "
        "kind='continuation' or 'adjacent', whose probabilities cannot cross"
    )


class ResponseMoments(Task):
    """The sums of w, w y, w y^2, of w where y is zero, and of shares w log y and w log(1 - y).

    Counts that are no whole numbers are refused.

    Parameters
    ----------
    family : str or None
        Its name, where y counts.
    shares : bool
        Whether y lies between 0 and 1.
    """

    vectors_only = True

    def __init__(self, family: str | None, shares: bool = False):
        self.family, self.shares = family, shares

    def of(self, part, runs):
        sums = np.zeros(6)
        for a, b in runs.tolist():
            y, w = np.asarray(part.data.y[a:b], np.float64), weight(part.data, a, b)
            if self.family is not None:
                odd = (y != np.floor(y)) & (w > 0.0)
                if odd.any():
                    i = int(np.argmax(odd))
                    where = f"row {a + i}" if part.place is None else part.place.row(a + i)
                    raise InvalidParameterError(
                        f"y = {y[i]} at {where} is not a whole number: family={self.family!r} is of counts"
                    )
            y = np.where(w > 0.0, y, 0.0)
            sums[:4] += [w.sum(), w @ y, w @ (y * y), w[y == 0.0].sum()]
            if self.shares:
                inside = y > 0.0  # others have no weight
                sums[4:] += [w[inside] @ np.log(y[inside]), w[inside] @ np.log1p(-y[inside])]
        return sums
