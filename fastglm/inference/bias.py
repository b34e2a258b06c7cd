"""What bias reduction adds to the score: sums over rows of their leverages times derivatives of their means.

With d = dmu/deta, d' = d2mu/deta2, V the variance and V' its derivative, h the leverages, w the working weights and F
the information, the adjustments of the score at dispersion one are

- "mean", the sum of x h d' / (2 d), which takes the first-order bias from the estimates (Firth, D. 1993, "Bias
  reduction of maximum likelihood estimates", Biometrika 80; Kosmidis, I. and Firth, D. 2009, "Bias reduction in
  exponential family nonlinear models", Biometrika 96);
- "median", that and F u, where u_r is the r-th column of F^-1 times the sum of x h_r (d V' / (6 V) - d' / (2 d)), with
  h_r = w (x' F^-1_r)^2 / F^-1_rr: each estimate is as likely to be too large as too small (Kenne Pagui, E. C., Salvan,
  A. and Sartori, N. 2017, "Median bias reduction of maximum likelihood estimates", Biometrika 104);
- "firth", the gradient of half the logarithm of the determinant of F, Jeffreys's penalty: the sum of
  x h (d' / d - d V' / (2 V)). Of canonical links it is the mean's.

Kosmidis, I., Kenne Pagui, E. C. and Sartori, N. (2020), "Mean and median bias reduction in generalized linear models",
Statistics and Computing 30, have them in these terms; R's ``brglm2``.
"""

from __future__ import annotations

import numpy as np

from ..kernels.evaluate import evaluate, second_derivative
from ..source.streaming_qr import offset, predictor, weight
from ..source.task import Task
from .leverage import Products, scaled
from .row_scores import blocks, columns


class Adjustments(Task):
    """The sums over rows of what is added to the score, (m, 1), and for medians beside them (m, m).

    Parameters
    ----------
    pair : FamilyLink
    beta : (m,) array
    inverse : (m, m) array
        The inverse information, NaN where aliased.
    kind : {"mean", "median", "firth"}
    """

    def __init__(self, pair, beta: np.ndarray, inverse: np.ndarray, kind: str):
        self.pair, self.beta, self.kind = pair, beta, kind
        size, V, _ = scaled(inverse)
        self.space = Products(V, size)

    def of(self, part, runs):
        m = len(self.beta)
        total = np.zeros((m, 1 + (m if self.kind == "median" else 0)))
        for a, b in blocks(runs, part.data, part.n_columns):
            X = columns(part.data, a, b)
            effects, square = self.space.effects(X)
            with np.errstate(all="ignore"):
                working, curve, skew = self._derivatives(part.data, a, b)
                weights = np.where(working > 0.0, working * square * self._first(curve, skew), 0.0)
                total[:, 0] += X.T @ weights
                if self.kind == "median":
                    own = np.where(working > 0.0, working * (skew / 6.0 - 0.5 * curve), 0.0)
                    total[:, 1:] += X.T @ (own[:, None] * effects**2)
        return total

    def _first(self, curve, skew):
        return curve - 0.5 * skew if self.kind == "firth" else 0.5 * curve

    def _derivatives(self, data, a, b):
        """The working weight of each row, d' / d and d V' / V, (rows,) each."""
        family, link = self.pair.family, self.pair.link
        eta = predictor(data, a, b, self.beta) + offset(data, a, b)
        detail = evaluate(family, link, eta, np.asarray(data.y[a:b], np.float64))
        curve = second_derivative(family, link, eta) / detail.slope
        skew = detail.slope * family.variance_slope(detail.mu) / detail.variance
        return weight(data, a, b) * detail.information, curve, skew


class ClassAdjustments(Task):
    """The same for a softmax regression, ((K - 1) m, 1): half the third cumulants of the classes times leverages.

    Kosmidis, I. and Firth, D. (2011), "Multinomial logit bias reduction via the Poisson log-linear model", Biometrika
    98, have the estimates, which maximise the likelihood with Jeffreys's penalty.

    Parameters
    ----------
    beta : (K - 1, m) array
    inverse : (K - 1 times m, same) array
    """

    def __init__(self, beta: np.ndarray, inverse: np.ndarray):
        self.beta, self.inverse = beta, np.where(np.isnan(inverse), 0.0, inverse)

    def of(self, part, runs):
        from ..special import softmax

        others, m = self.beta.shape
        V, total = self.inverse.reshape(others, m, others, m), np.zeros((others * m, 1))
        for a, b in blocks(runs, part.data, part.n_columns):
            X, w = columns(part.data, a, b), weight(part.data, a, b)
            X = X.toarray() if hasattr(X, "toarray") else X
            share = softmax(np.column_stack([np.zeros(b - a), X @ self.beta.T]))[:, 1:]
            lever = np.empty((b - a, others, others))
            for k in range(others):
                for j in range(others):
                    lever[:, k, j] = w * np.einsum("ij,ij->i", X @ V[k, :, j], X)
            own = np.einsum("ikk->ik", lever)
            across = np.einsum("ikj,ij->ik", lever, share)
            whole = (2.0 * np.einsum("ik,ik->i", across, share) - np.einsum("ik,ik->i", own, share))[:, None]
            total[:, 0] += (0.5 * (share * (own - 2.0 * across + whole)).T @ X).ravel()
        return total


def completed(sums: np.ndarray, inverse: np.ndarray, information: np.ndarray, kind: str) -> np.ndarray:
    """The adjustment of the score (m,) from the sums of ``Adjustments``.

    Parameters
    ----------
    sums : (m, 1) or (m, 1 + m) array
    inverse : (m, m) array
        That of the sums.
    information : (m, m) array
    kind : {"mean", "median", "firth"}
    """
    if kind != "median":
        return sums[:, 0]
    size, V, _ = scaled(inverse)
    u = size * np.einsum("rc,cr->r", V * size, sums[:, 1:])
    return sums[:, 0] + information @ u
