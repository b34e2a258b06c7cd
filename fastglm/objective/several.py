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
    "ordinal": loops.ordinal_rows, "count": loops.count_rows, "beta": loops.beta_rows, "double": double_rows,
}  # fmt: skip


class Predictor(NamedTuple):
    """The columns of a linear predictor, by their numbers in the design, and whether a constant is before them."""

    columns: np.ndarray
    constant: bool = False

    @property
    def size(self) -> int:
        """Its coefficients."""
        return len(self.columns) + self.constant

    @property
    def places(self) -> np.ndarray:
        """Its columns in the design with a constant in front."""
        return np.concatenate([np.zeros(int(self.constant), np.intp), self.columns + 1])


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


def row_blocks(data, runs, predictors, beta, place=None):
    """The rows of a source's part, block by block.

    Parameters
    ----------
    data : source.base.Block
    runs : (k, 2) array
    predictors : sequence of Predictor
    beta : (m,) array
    place : (K,) array or None
        The level of each code of y.
    """
    where, plain = slices(predictors), not any(len(p.columns) for p in predictors)
    pairs = len(predictors) * (len(predictors) + 1) // 2
    widest = max((int(p.columns.max(initial=0)) for p in predictors), default=0)
    step = max(64, BLOCK_NUMBERS // (2 * widest + 8 + pairs))
    for first, stop in runs.tolist():
        for a in range(first, stop, step):
            b = min(a + step, stop)
            X = np.ones((b - a, 1)) if plain else _with_constant(data, a, b)
            eta = np.empty((len(predictors), b - a))
            for row, p, at in zip(eta, predictors, where, strict=True):
                if len(p.columns):
                    full = np.zeros(X.shape[1])
                    full[p.places] = beta[at]
                    np.dot(X, full, out=row)
                else:
                    row[:] = beta[at][0] if p.constant else 0.0
            eta[0] += offset(data, a, b)
            y = np.asarray(data.y[a:b])
            y = y.astype(np.float64) if place is None else place[y.astype(np.intp)]
            repeats = None if data.freq_weights is None else np.asarray(data.freq_weights[a:b], np.float64)
            yield Block(X, eta, y, weight(data, a, b), repeats)


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
    """The log-likelihood, its gradient, and minus its second derivatives or the sum of outer products of the rows'
    scores, as one array (1 + m + m^2).

    Parameters
    ----------
    loop : family.several.Loop
    predictors : tuple of Predictor
    beta : (m,) array
    place : as for ``row_blocks``
    order : {0, 1, 2}
    meat : bool
    inverse : (p, p) array, optional
        Of the information of the first predictor, by whose leverages the score of the second one is adjusted.
    """

    def __init__(self, loop, predictors, beta, place, order, meat=False, inverse=None):
        self.inverse = inverse
        self.loop, self.predictors, self.beta, self.place = loop, predictors, beta, place
        self.order, self.meat = order, meat
        self.vectors_only = not any(len(p.columns) for p in predictors)

    def of(self, part, runs):
        m, q = len(self.beta), len(self.predictors)
        total, sums, meat = np.zeros(1 + m + (m * m if self.order == 2 else 0)), None, np.zeros((m, m))
        with np.errstate(all="ignore"):  # of this thread
            for block in row_blocks(part.data, runs, self.predictors, self.beta, self.place):
                n, block = len(block.y), block.divided() if self.loop.divides else block
                g, h = np.empty((q, n)), np.empty((q * (q + 1) // 2, n))
                loop = LOOPS[self.loop.name]
                total[0] += loop(*self.loop.arguments, block.eta, block.y, block.w, g, h)
                if self.inverse is not None:
                    leverage = self._leverages(block.X, h)
                    g[1] += 0.5 * leverage
                    h[2] += 0.5 * leverage
                if self.meat:
                    self._add_meat(meat, block, g)
                elif self.order:
                    found = self._products(block.X, g, h)
                    sums = found if sums is None else [x + y for x, y in zip(sums, found, strict=True)]
        if self.meat:
            total[1 + m :] = meat.ravel()
        elif sums is not None:
            self._assemble(sums, total[1 : 1 + m], total[1 + m :].reshape(-1, m))
        return total

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

    @property
    def _pairs(self):
        """The numbers of the pairs of predictors of which neither, one, and both have columns."""
        kinds, several = ([], [], []), [len(p.columns) > 0 for p in self.predictors]
        for pair, (i, j) in enumerate(_pairs_of(len(several))):
            kinds[several[i] + several[j]].append(pair)
        return kinds

    def _assemble(self, sums, score, curvature):
        """The score and the information of the coefficients from products with all columns."""
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
        rows = np.hstack([block.X[:, p.places] * g[j][:, None] for j, p in enumerate(self.predictors)])
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
        self.scale = np.ones(source.n_columns)  # of the design, whose rank is decided; nothing else is scaled

    def over(self, source, share: float = 1.0) -> SeveralLikelihood:
        return SeveralLikelihood(source, self.loop, self.predictors, self.place, share)

    def with_loop(self, loop) -> SeveralLikelihood:
        """The same of another loop over the rows."""
        return SeveralLikelihood(self.source, loop, self.predictors, self.place, self.share)

    def with_predictors(self, predictors) -> SeveralLikelihood:
        """The same with other columns."""
        return SeveralLikelihood(self.source, self.loop, predictors, self.place, self.share)

    def at(self, beta: np.ndarray, order: int = 2, inverse: np.ndarray | None = None) -> Quadratic:
        """Deviance (order 0), score (1) and information (2): one pass. ``inverse`` as for ``SeveralPass``."""
        beta = np.asarray(beta, np.float64)
        task = SeveralPass(self.loop, self.predictors, beta, self.place, order, self.meat, inverse)
        found, m = self.source.reduce(task) / self.share, self.n_params
        self.n_passes += 0.0 if task.vectors_only else self.price
        information = Dense(found[1 + m :].reshape(m, m)) if order == 2 else None
        return Quadratic(-2.0 * found[0], found[1 : 1 + m], np.zeros(m), information, np.nan, np.nan)

    def scores(self, beta: np.ndarray) -> Quadratic:
        """The pass whose ``information`` is the sum of outer products of the rows' scores."""
        self.meat = True
        try:
            return self.at(beta, 2)
        finally:
            self.meat = False


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
