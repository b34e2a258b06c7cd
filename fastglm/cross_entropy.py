"""The deviance of softmax regression over one source, as solvers see it."""

from __future__ import annotations

import numpy as np

from .kernels import gram
from .kernels import layout as k
from .kernels.classes import class_pass
from .moments import Quadratic
from .objective import Likelihood, assembled


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
    def score_cost(self) -> float:
        # nanoseconds a row, measured: exponentials, two products and the read of X, against the pair matrices
        others, m = self.n_classes - 1, self.n_columns
        score = 4.0 * self.n_classes + 0.25 * others * m + 0.4 * m
        return score / (score + 0.02 * self.n_classes * others * m * (m + 4.0))

    def plan(self) -> np.ndarray:
        if self._plan is None:
            narrow = self.source.room.dense <= gram.SMALL
            super().plan()[[k.COLUMNS, k.WEIGHTED]] = gram.columns(narrow), gram.weighted(narrow)
        return self._plan

    def over(self, source, share: float = 1.0) -> CrossEntropy:
        return CrossEntropy(source, self.n_classes, share)

    def class_information(self, beta: np.ndarray) -> np.ndarray:
        """The information's diagonal blocks (K-1, m, m), upper triangles: each class against all others."""
        return self._pass(beta, k.ORDER_BLOCKS).information

    def weighted_design(self, a: int, b: int, beta: np.ndarray, kind) -> np.ndarray:
        """Rows whose cross-product is the information of rows a to b at ``beta``: one for each pair of classes."""
        from .source.rooted import design, weight

        data, m, others = self.source.data, self.n_columns, self.n_classes - 1
        X = design(data, a, b)
        eta = np.column_stack([np.zeros(b - a), X @ beta.reshape(others, m).T])
        mu = np.exp(eta - eta.max(1, keepdims=True))
        mu /= mu.sum(1, keepdims=True)
        w = weight(data, a, b)
        scaled = X.astype(kind) * self.scale[:m]
        parts = []
        for i in range(self.n_classes):
            for j in range(i + 1, self.n_classes):
                A = np.zeros((b - a, self.n_params), kind)
                part = scaled * np.sqrt((w * mu[:, i] * mu[:, j]).astype(kind))[:, None]
                part[w == 0.0] = 0.0
                if i:
                    A[:, (i - 1) * m : i * m] = -part
                A[:, (j - 1) * m : j * m] = part
                parts.append(A)
        return np.vstack(parts)

    def _unit(self, plan, beta, order, direction=None):
        source, others = self.source, self.n_classes - 1
        m, room, scale = source.n_stored, source.room, self.scale[: self.n_columns]
        if source.data.terms:
            scale = np.ones(room.dense)
        width = gram.padded(room.dense)
        coefficients = self._stored(beta)
        toward = coefficients if direction is None else self._stored(direction)
        if order == k.ORDER_DIAGONAL and not self._has_diagonal:
            order = k.ORDER_BLOCKS
        count = {2: others * self.n_classes // 2, k.ORDER_BLOCKS: others}.get(order, 0)
        shape = (1, others, m) if order == k.ORDER_DIAGONAL else (max(count, 1), width, width)

        def unit(runs, work):
            score, low, sums = np.zeros((others, m)), np.zeros((others, m)), np.zeros(k.SUMS)
            info, extra = np.zeros(shape), np.zeros((max(count, 1), room.size if count else 1))
            class_pass(plan, coefficients, toward, scale, runs, order, work, score, low, info, extra, sums)
            score, low = (np.concatenate([source.reduce_score(v) for v in rows]) for rows in (score, low))
            information = (info, extra) if count else (info,) if order == k.ORDER_DIAGONAL else None
            return Quadratic(float(sums[0]), score, low, information, float(sums[1]), float(sums[2]))

        return unit

    def _stored(self, beta):
        """The coefficients of the stored columns, (K-1, M), from the model's, flat."""
        rows = np.ascontiguousarray(beta).reshape(self.n_classes - 1, self.n_columns)
        return rows if self.source.data.coding is None else np.array([self.source.expand(b) for b in rows])

    def _assembled(self, q, order):
        if q.information is None:
            return q
        others, m = self.n_classes - 1, self.n_columns
        if order == k.ORDER_DIAGONAL and self._has_diagonal:
            rows = q.information[0][0]
            return q._replace(information=np.concatenate([self.source.reduce_score(v) for v in rows]))
        d, scale = self.source.room.dense, self.scale[:m]
        matrices = q.information[0][:, :d, :d]
        if d > gram.SMALL:
            matrices = matrices.transpose(0, 2, 1)
        if self.source.data.terms:
            extras = q.information[1]
            matrices = np.array([assembled(self.source, a, b, scale) for a, b in zip(matrices, extras, strict=True)])
        if order == k.ORDER_DIAGONAL:
            return q._replace(information=np.concatenate([np.diagonal(matrices[i]) for i in range(others)]))
        if order == k.ORDER_BLOCKS:
            return q._replace(information=matrices)
        return q._replace(information=laplacian(matrices, self.n_classes))


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
    full = np.zeros((others, m, others, m))
    pairs = ((i, j) for i in range(n_classes) for j in range(i + 1, n_classes))
    for (i, j), W in zip(pairs, whole, strict=True):
        full[j - 1, :, j - 1] += W
        if i > 0:
            full[i - 1, :, i - 1] += W
            full[i - 1, :, j - 1] = full[j - 1, :, i - 1] = -W
    return full.reshape(others * m, others * m)
