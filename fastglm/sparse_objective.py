"""The deviance of a model over the rows of a CSR matrix, by products of whole matrices."""

from __future__ import annotations

import numpy as np
from scipy.sparse import diags, hstack

from .errors import InvalidParameterError
from .kernels.dense import symmetric
from .kernels.evaluate import row_terms
from .moments import Quadratic
from .objective import Likelihood
from .source.rooted import offset, weight
from .special import softmax

WIDEST = 4000  # coefficients whose information is formed; more need cov=None


class SparseDeviance(Likelihood):
    """Half the deviance of a family and link, or of a softmax regression, over sparse rows.

    Parameters
    ----------
    source : SparseRows
    model : Pair or int
        Family and link, or the number of classes, y then holding their numbers.
    """

    searchable = False

    def __init__(self, source, model):
        m = source.p + source.data.ones
        self.pair = None if isinstance(model, int) else model
        self.n_classes = model if self.pair is None else None
        super().__init__(source, m, m * (model - 1 if self.pair is None else 1), 1.0)

    def _pass(self, beta, order, *extra) -> Quadratic:
        data, n = self.source.data, self.source.n_rows
        coefficients = beta.reshape(-1, self.n_columns).T
        eta = self.source.X @ coefficients[int(data.ones) :]
        if data.ones:
            eta = eta + coefficients[0]
        w, y = weight(data, 0, n), np.asarray(data.y)
        if self.pair is not None:
            r, h, d = row_terms(self.pair, eta[:, 0] + offset(data, 0, n), y, w)
            r, blocks = r[:, None], lambda j, k: h
            pearson = np.divide(r[:, 0] ** 2, h, out=np.zeros(n), where=h > 0.0).sum()
        else:
            r, blocks, d, pearson = self._class_terms(eta, y, w)
        self.n_passes += 1.0
        information = None
        if order == 2:
            # a row repeated f times has f scores of r / f
            f = 1.0 if data.freq_weights is None else np.maximum(data.freq_weights, 1e-300)
            weights = (lambda j, k: r[:, j] * r[:, k] / f) if self.meat else blocks
            information = self._information(weights)
        score = self._transposed(r)
        return Quadratic(float(d.sum()), score, np.zeros_like(score), information, float(pearson), np.abs(eta).max())

    @staticmethod
    def _class_terms(eta, y, w):
        """Scores, information weights, deviances and Pearson's chi-square of a softmax's rows."""
        mu = softmax(np.column_stack([np.zeros(len(eta)), eta]), axis=1)
        rows, codes = np.arange(len(y)), y.astype(np.intp)
        seen = np.zeros_like(mu)
        seen[rows, codes] = 1.0
        own, rest = mu[rows, codes], np.where(seen > 0.0, 0.0, mu).sum(1)
        loss = np.where(own > 0.5, -np.log1p(-rest), -np.log(own))

        def blocks(j, k):
            return w * mu[:, j + 1] * ((j == k) - mu[:, k + 1])

        return w[:, None] * (seen - mu)[:, 1:], blocks, 2.0 * w * loss, float((w * rest / own).sum())

    def _transposed(self, r):
        """X'r of each class, flat, the intercept first."""
        parts = np.asarray(self.source.X.T @ r)
        return (np.vstack([r.sum(0), parts]) if self.source.data.ones else parts).T.ravel()

    def _information(self, weights):
        """The matrix whose block of classes j and k is X' diag(weights(j, k)) X."""
        if self.n_params > WIDEST:
            raise InvalidParameterError(
                f"cov: {self.n_params} coefficients of a sparse X are too many for a covariance; pass cov=None"
            )
        X = self.source.X
        if self.source.data.ones:
            X = hstack([np.ones((X.shape[0], 1)), X], format="csr")
        count = self.n_params // self.n_columns
        blocks = [[(X.T @ diags(weights(j, k)) @ X).toarray() for k in range(count)] for j in range(count)]
        return symmetric(np.block(blocks)) * self.scale * self.scale[:, None]
