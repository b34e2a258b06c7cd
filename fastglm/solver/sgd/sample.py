"""What a sample of rows tells before the first step: a start, its loss, and how long steps may be."""

from __future__ import annotations

import numpy as np

from ...core.lazy import cached_property
from ...errors import InvalidParameterError
from ...kernels.evaluate import first_predictor, row_terms

ROWS = 4096  # of a sample
POWER_STEPS = 60  # of the power iteration for the largest eigenvalue
SPREAD = (-1.0, 0.0, 1.0)  # how far linear predictors may move before the curvature is another


class Sample:
    """Evenly spread rows of a task, as the loop sees them: standardised, with the intercept's ones.

    Parameters
    ----------
    task : LinearTask
    """

    def __init__(self, task):
        rows, data = task.rows, task.data
        ids = rows.sample(ROWS)
        self.task, self.has_intercept = task, task.has_intercept
        self.X = data.X[ids] if task.sparse else np.asarray(data.X[ids], np.float64)
        if task.scaling is not None:
            inverse = task.scaling.inverse_scale
            if task.sparse:
                self.X = self.X.multiply(inverse).tocsr()
            else:
                self.X = (self.X - task.scaling.centre) * inverse
        self.y = rows.y[ids]
        self.w = np.ones(len(ids)) if rows.weight is None else rows.weight[ids]
        self.shift = np.zeros(len(ids)) if rows.shift is None else rows.shift[ids]

    def predictor(self, theta) -> np.ndarray:
        """The rows' linear predictors, (rows, width)."""
        theta = theta.reshape(self.task.features, self.task.width)
        eta = self.X @ theta[self.has_intercept :] + self.shift[:, None]
        return eta + theta[0] if self.has_intercept else eta

    def start(self) -> np.ndarray:
        """The null model: the intercept that predicts the mean; without one, what fits the families' first predictors.

        Raises
        ------
        InvalidParameterError
            Where neither has a finite loss.
        """
        theta = np.zeros((self.task.features, self.task.width))
        if self.task.pair is None:
            counts = np.bincount(self.y.astype(np.int64), weights=self.w, minlength=self.task.width) + 0.5
            if self.has_intercept:
                theta[0] = np.log(counts) - np.log(counts).mean()
        elif self.has_intercept:
            theta[0] = self._constant()
        if not np.isfinite(self.loss(theta.ravel())) and self.task.pair is not None:
            self.task.check_finite()
            eta = first_predictor(self.task.pair, self.y, self.w) - self.shift
            dense = self.X.toarray() if self.task.sparse else self.X
            design = np.column_stack([np.ones((len(eta), int(self.has_intercept))), dense])
            theta[:, 0] = np.linalg.lstsq(design, eta, rcond=None)[0]
        if not np.isfinite(self.loss(theta.ravel())):
            raise InvalidParameterError("start: no first coefficients with a finite loss were found; pass start=")
        return theta.ravel()

    def _constant(self):
        mean = np.average(self.y, weights=self.w)
        try:
            eta = float(self.task.pair.link.link(float(mean)))
        except (ValueError, ZeroDivisionError, OverflowError):
            eta = np.inf
        if not np.isfinite(eta):
            eta = np.average(first_predictor(self.task.pair, self.y, self.w), weights=self.w)
        return eta - np.average(self.shift, weights=self.w)

    def loss(self, theta) -> float:
        """The mean loss of a row: half its deviance."""
        eta = self.predictor(theta)
        if self.task.pair is not None:
            return float(row_terms(self.task.pair, eta[:, 0], self.y, self.w)[2].mean() / 2.0)
        top = eta.max(1)
        seen = np.take_along_axis(eta, self.y.astype(np.int64)[:, None], 1)[:, 0]
        return float((self.w * (top - seen + np.log(np.exp(eta - top[:, None]).sum(1)))).mean())

    def information(self, theta) -> np.ndarray:
        """The information of each row, the largest over linear predictors near those of ``theta``, (rows,)."""
        if self.task.pair is None:
            return 0.5 * self.w
        eta = self.predictor(theta)[:, 0]
        near = [row_terms(self.task.pair, eta + d, self.y, self.w)[1] for d in SPREAD]
        return np.max(np.where(np.isfinite(near), near, 0.0), axis=0)

    def smoothness(self, theta, batch: int) -> tuple[float, float]:
        """The largest curvature of the mean loss, and what bounds a step on batches of ``batch`` rows.

        Notes
        -----
        The second is the expected smoothness of sampling without replacement, between the largest curvature of the
        mean (all rows) and of a single row (Gower et al. 2019, SGD: General Analysis and Improved Rates,
        Proposition 3.8).
        """
        h = self.information(theta) / self.task.rows.mean_weight
        largest = self.curvature(h)
        squares = self.X.multiply(self.X).sum(1) if self.task.sparse else np.einsum("ij,ij->i", self.X, self.X)
        single = float((h * (np.asarray(squares).ravel() + self.has_intercept)).max())
        n, b = self.task.rows.count, batch
        if n == 1 or b >= n:
            return largest, largest
        alone = (n - b) / (b * (n - 1.0))
        return largest, n * (b - 1.0) / (b * (n - 1.0)) * largest + alone * single

    def curvature(self, h) -> float:
        """The largest eigenvalue of X' diag(h) X / rows, by power iteration."""
        v = np.ones(self.task.features)
        size = 0.0
        for _ in range(POWER_STEPS):
            v /= np.linalg.norm(v)
            eta = self.X @ v[self.has_intercept :] + (v[0] if self.has_intercept else 0.0)
            r = h * eta
            u = np.concatenate([[r.sum()] if self.has_intercept else [], self.X.T @ r]) / len(h)
            before, size = size, float(v @ u)
            norm = np.linalg.norm(u)
            if not norm > 0.0 or abs(size - before) <= 1e-3 * size:
                break
            v = u
        return max(size, np.finfo(float).tiny)

    @cached_property
    def scales(self) -> np.ndarray:
        """The largest absolute value of each column as the loop sees it, (p,)."""
        top = abs(self.X).max(0)
        return np.asarray(top.todense() if self.task.sparse else top).ravel()
