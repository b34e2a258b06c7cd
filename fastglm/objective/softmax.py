"""The deviance of softmax regression over one source, as solvers see it."""

from __future__ import annotations

import numpy as np

from ..core.measured import FEWEST_BLOCK_ROWS, PASS_BLOCK_BYTES
from ..kernels import gram
from ..kernels import layout as k
from ..kernels.classes import class_pass
from ..linalg.symmetric import ArrowheadMatrix, Dense, Diagonal
from ..source.streaming_qr import WeightedRows, design, predictor, weight
from ..source.task import Task
from .base import Likelihood
from .passes import Pass, line_blocks
from .structured import assembled
from .sums import Quadratic


class ClassPass(Pass):
    """A pass of a ``CrossEntropy`` of K classes."""

    def __init__(self, n_classes, beta, direction, scale, *how):
        super().__init__(*how)
        self.n_classes, self.beta, self.direction, self.scale = n_classes, beta, direction, scale

    def loops(self, plan):
        """The plan with the loops of several curvatures."""
        narrow = self.shape[1] <= gram.SMALL
        plan[[k.COLUMNS, k.WEIGHTED]] = gram.columns(narrow), gram.weighted(narrow)
        # the classes' vectors are to stay in the second-level cache beside X
        row_bytes = 8 * (2 * plan[k.P] + 4 * self.n_classes + k.VECTORS)
        rows = max(FEWEST_BLOCK_ROWS, PASS_BLOCK_BYTES // row_bytes // 8 * 8)
        plan[k.BLOCK] = min(plan[k.BLOCK], rows)
        return plan

    def _count(self):
        others = self.n_classes - 1
        return {2: others * self.n_classes // 2, k.ORDER_BLOCKS: others}.get(self.order, 0)

    def begin(self):
        m, dense, room = self.shape
        others, width, count = self.n_classes - 1, gram.padded(dense), self._count()
        shape = (1, others, m) if self.order == k.ORDER_DIAGONAL else (max(count, 1), width, width)
        extra = np.zeros((max(count, 1), room if count else 1))
        return np.zeros((others, m)), np.zeros((others, m)), np.zeros(shape), extra, np.zeros(k.SUMS)

    def add(self, state, part, runs, work):
        class_pass(self.plan(part), self.beta, self.direction, self.scale, runs, self.order, work, *state)

    def end(self, state):
        score, low, info, extra, sums = state
        information = (info, extra) if self._count() else (info,) if self.order == k.ORDER_DIAGONAL else None
        return Quadratic(float(sums[0]), score, low, information, float(sums[1]), float(sums[2]))


class WeightedPairs(WeightedRows):
    """Rows whose cross-product is the information at ``beta`` (K-1, m): one for each row and pair of classes."""

    def __init__(self, beta, scale, kind):
        self.beta, self.scale, self.kind = beta, scale, kind

    def rows(self, data, a, b):
        others, m = self.beta.shape
        X = design(data, a, b)
        eta = np.column_stack([np.zeros(b - a), X @ self.beta.T])
        mu = np.exp(eta - eta.max(1, keepdims=True))
        mu /= mu.sum(1, keepdims=True)
        w = weight(data, a, b)
        scaled = X.astype(self.kind) * self.scale[:m]
        parts = []
        for i in range(others + 1):
            for j in range(i + 1, others + 1):
                A = np.zeros((b - a, others * m), self.kind)
                part = scaled * np.sqrt((w * mu[:, i] * mu[:, j]).astype(self.kind))[:, None]
                part[w == 0.0] = 0.0
                if i:
                    A[:, (i - 1) * m : i * m] = -part
                A[:, (j - 1) * m : j * m] = part
                parts.append(A)
        return np.vstack(parts)


class ClassDeviancesAlong(Task):
    """As ``DeviancesAlong`` of softmax regression: ``beta`` and ``step`` are (K-1, m)."""

    def __init__(self, beta, step, sizes):
        self.beta, self.step, self.sizes = beta, step, sizes

    def of(self, part, runs):
        data, total = part.data, np.zeros(len(self.sizes))
        with np.errstate(all="ignore"):  # of this thread
            for a, b in line_blocks(runs):
                eta, along = (
                    np.stack([np.zeros(b - a), *(predictor(data, a, b, v) for v in rows)])
                    for rows in (self.beta, self.step)
                )
                y, w = np.asarray(data.y[a:b]).astype(np.intp), weight(data, a, b)
                for i, t in enumerate(self.sizes):
                    at = eta + t * along
                    # relative to the class that was seen
                    loss = np.logaddexp.reduce(at - at[y, np.arange(b - a)], axis=0)
                    total[i] += 2.0 * np.where(w > 0.0, w * loss, 0.0).sum()
        return total


class CrossEntropy(Likelihood):
    """Half the deviance of a softmax regression: minus the sum of w log mu of the class that was seen.

    The coefficients are one vector, class after class, the reference (number zero) left out.

    Parameters
    ----------
    source : InMemory
        Its y holds the numbers of the classes.
    n_classes : int
        K, the reference included.
    """

    def __init__(self, source, n_classes: int, share: float = 1.0):
        m = source.n_columns
        super().__init__(source, m, m * (n_classes - 1), share)
        self.n_classes = n_classes

    @property
    def n_eliminated(self) -> int:
        coding = self.source.data.coding
        return self.n_params - (self.n_classes - 1) * (len(coding.kept) if coding is not None else 0)

    @property
    def score_cost(self) -> float:
        # nanoseconds a row, measured: exponentials, two products and the read of X, against the pair matrices
        others, m = self.n_classes - 1, self.n_columns
        score = 4.0 * self.n_classes + 0.25 * others * m + 0.4 * m
        alone = score / (score + 0.02 * self.n_classes * others * m * (m + 4.0))
        return (alone + self.source.cost) / (1.0 + self.source.cost)

    def over(self, source, share: float = 1.0) -> CrossEntropy:
        return CrossEntropy(source, self.n_classes, share)

    def _line(self, beta, step, sizes):
        return ClassDeviancesAlong(*(v.reshape(self.n_classes - 1, -1) for v in (beta, step)), sizes)

    def _weighted(self, beta, kind):
        return WeightedPairs(beta.reshape(self.n_classes - 1, -1), self.scale, kind)

    def _task(self, beta, order, direction=None):
        source, scale = self.source, self.scale[: self.n_columns]
        if source.data.terms:
            scale = np.ones(source.structured_sums.dense)
        coefficients = self._stored(beta)
        toward = coefficients if direction is None else self._stored(direction)
        if order == k.ORDER_DIAGONAL and not self._has_diagonal:
            order = k.ORDER_BLOCKS
        shape = (source.n_stored, source.structured_sums.dense, source.structured_sums.size)
        return ClassPass(self.n_classes, coefficients, toward, scale, shape, order, self.meat, self._precision)

    def _stored(self, beta):
        """The coefficients of the stored columns, (K-1, M), from the model's, flat."""
        rows = np.ascontiguousarray(beta).reshape(self.n_classes - 1, self.n_columns)
        return rows if self.source.packed.coding is None else np.array([self.source.expand(b) for b in rows])

    def _assembled(self, q, order):
        score, low = (np.concatenate([self.source.reduce_score(v) for v in rows]) for rows in (q.score, q.score_low))
        q = q._replace(score=score, score_low=low)
        if q.information is None:
            return q
        others, m = self.n_classes - 1, self.n_columns
        if order == k.ORDER_DIAGONAL and self._has_diagonal:
            rows = q.information[0][0]
            squares = np.concatenate([self.source.packed.reduce_squares(v) for v in rows])
            return q._replace(information=Diagonal(squares))
        d, scale = self.source.structured_sums.dense, self.scale[:m]
        matrices = q.information[0][:, :d, :d]
        if d > gram.SMALL:
            matrices = matrices.transpose(0, 2, 1)
        if self.source.data.terms:
            extras = q.information[1]
            matrices = [assembled(self.source, a, b, scale) for a, b in zip(matrices, extras, strict=True)]
        if order == k.ORDER_DIAGONAL:
            return q._replace(information=Diagonal(np.concatenate([matrices[i].diagonal() for i in range(others)])))
        if self.source.high_cardinality and order == 2:
            return q._replace(information=arrowhead_laplacian(matrices, self.n_classes))
        matrices = np.array([np.asarray(A) for A in matrices])
        return q._replace(information=Dense(laplacian(matrices, self.n_classes)))


def laplacian(matrices: np.ndarray, n_classes: int) -> np.ndarray:
    """The matrix of all coefficients: the sum of W_kl at (e_k - e_l)(e_k - e_l)', without the reference, e_0 = 0.

    Parameters
    ----------
    matrices : (K (K-1) / 2, m, m) array
        Upper triangles of the symmetric W_kl, in the order (0, 1), (0, 2), ... (1, 2), ...
    n_classes : int
    """
    m, others = matrices.shape[1], n_classes - 1
    whole = np.triu(matrices) + np.triu(matrices, 1).transpose(0, 2, 1)
    return _by_class(whole, n_classes).reshape(others * m, others * m)


def arrowhead_laplacian(parts, n_classes: int) -> ArrowheadMatrix:
    """``laplacian`` of arrowhead matrices: the border of each level's classes, and the pairs' weights."""
    (L, m0), others = parts[0].coupling.shape, n_classes - 1
    core = laplacian(np.array([part.fixed for part in parts]), n_classes)
    border = _by_class(np.array([part.coupling for part in parts]), n_classes).transpose(1, 0, 2, 3)
    last = np.zeros((L, others, others))
    for (i, j), part in zip(_pairs(n_classes), parts, strict=True):
        a, b = (i - 1, j - 1) if i else (j - 1, j - 1)
        last[:, a, b] = last[:, b, a] = part.levels
    k, m = np.arange(others), m0 + L
    own = np.arange(m) if parts[0].order is None else parts[0].order
    order = np.concatenate([np.add.outer(m * k, own[:m0]).ravel(), np.add.outer(own[m0:], m * k).ravel()])
    return ArrowheadMatrix(core, border.reshape(L * others, others * m0), last, order)


def _pairs(n_classes):
    return [(i, j) for i in range(n_classes) for j in range(i + 1, n_classes)]


def _by_class(matrices, n_classes):
    """The sum of W_kl at (e_k - e_l)(e_k - e_l)' for rectangular W_kl (a, b): (K-1, a, K-1, b)."""
    _, a, b = matrices.shape
    full = np.zeros((n_classes - 1, a, n_classes - 1, b))
    for (i, j), W in zip(_pairs(n_classes), matrices, strict=True):
        full[j - 1, :, j - 1] += W
        if i > 0:
            full[i - 1, :, i - 1] += W
            full[i - 1, :, j - 1] = full[j - 1, :, i - 1] = -W
    return full
