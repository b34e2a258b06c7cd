"""The deviance of softmax regression over one source, as solvers see it."""

from __future__ import annotations

import numpy as np

from .kernels import gram
from .kernels import layout as k
from .kernels.classes import class_pass
from .moments import Quadratic
from .objective import Likelihood


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
        m = source.p + source.data.ones
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
            narrow = self.n_columns <= gram.SMALL
            super().plan()[[k.COLUMNS, k.WEIGHTED]] = gram.columns(narrow), gram.weighted(narrow)
        return self._plan

    def over(self, source, share: float = 1.0) -> CrossEntropy:
        return CrossEntropy(source, self.n_classes, share)

    def preconditioner(self, beta: np.ndarray, rows: int) -> np.ndarray:
        """The diagonal of the information of a sample, (K-1)p."""
        sample = self.sample(rows)
        blocks = sample.class_information(beta)
        self.n_passes += sample.n_passes
        return np.concatenate([np.diagonal(b) for b in blocks])

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
        others, m = self.n_classes - 1, self.n_columns
        width = gram.padded(m)
        coefficients, scale = np.ascontiguousarray(beta).reshape(others, m), self.scale[:m]
        toward = coefficients if direction is None else np.ascontiguousarray(direction).reshape(others, m)
        shapes = {
            2: (others * self.n_classes // 2, width, width),
            k.ORDER_BLOCKS: (others, width, width),
            k.ORDER_DIAGONAL: (1, others, m),
        }
        shape = shapes.get(order, (1, 1, 1))

        def unit(runs, work):
            score, low, sums = np.zeros((others, m)), np.zeros((others, m)), np.zeros(k.SUMS)
            info = np.zeros(shape)
            class_pass(plan, coefficients, toward, scale, runs, order, work, score, low, info, sums)
            information = (info,) if order in shapes else None
            return Quadratic(float(sums[0]), score.ravel(), low.ravel(), information, float(sums[1]), float(sums[2]))

        return unit

    def _assembled(self, q, order):
        if q.information is None:
            return q
        sums = q.information[0]
        if order == k.ORDER_DIAGONAL:
            return q._replace(information=sums.ravel())
        m = self.n_columns
        matrices = sums[:, :m, :m]
        if m > gram.SMALL:
            matrices = matrices.transpose(0, 2, 1)
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
