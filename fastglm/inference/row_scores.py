"""The scores of a model's rows, and the rows themselves, block by block."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_matrix, hstack

from ..core.measured import SCORED_BYTES, SPARSE_ROWS
from ..kernels.evaluate import row_terms
from ..objective.several import derivatives, row_blocks, slices
from ..source.pieces import selected_rows
from ..source.streaming_qr import as_rows, design, offset, predictor


class MeanScores(NamedTuple):
    """The scores of a model of one mean a row, at ``beta`` without NaN; ``pair`` is its family and link."""

    pair: Any
    beta: np.ndarray

    def terms(self, data, a, b):
        """Score (rows, 1) and information (rows,) in the linear predictor of one copy of each row."""
        eta = predictor(data, a, b, self.beta) + offset(data, a, b)
        w = 1.0 if data.weights is None else np.asarray(data.weights[a:b], np.float64)
        r, h, _ = row_terms(self.pair, eta, np.asarray(data.y[a:b]), w)
        return r[:, None], h

    def by_predictor(self, X):
        """The columns of the linear predictor, and their places."""
        return [(X, slice(0, X.shape[1]))]

    def constants(self, kept, n_columns):
        """Which of the coefficients ``kept`` (k,) is that of the intercept, where there is one."""
        return kept % n_columns == 0


class ClassScores(NamedTuple):
    """The scores of a softmax regression of K classes, at ``beta`` (K - 1, m); y holds the numbers of the classes."""

    beta: np.ndarray

    def terms(self, data, a, b):
        """Scores in the linear predictors (rows, K - 1) of one copy of each row, and None."""
        from ..special import softmax

        eta = np.column_stack([np.zeros(b - a), *(predictor(data, a, b, beta) for beta in self.beta)])
        seen = np.asarray(data.y[a:b]).astype(np.intp)[:, None] == np.arange(eta.shape[1])
        r = (seen - softmax(eta))[:, 1:]
        return r if data.weights is None else r * np.asarray(data.weights[a:b], np.float64)[:, None], None

    def by_predictor(self, X):
        """The columns of each linear predictor, which has all of X, and their places."""
        p = X.shape[1]
        return [(X, slice(k * p, (k + 1) * p)) for k in range(len(self.beta))]

    def constants(self, kept, n_columns):
        """Which of the coefficients ``kept`` (k,) are those of the intercept, where there is one."""
        return kept % n_columns == 0


class PredictorScores(NamedTuple):
    """The scores of a model of several linear predictors a row at ``beta`` (m,), without NaN, by its compiled ``loop``
    and ``predictors``; ``place`` is the level of each code of y."""

    loop: Any
    predictors: tuple[Any, ...]
    beta: np.ndarray
    place: Any = None

    def terms(self, data, a, b):
        """Scores in the linear predictors (rows, Q) of one copy of each row, and None."""
        found = []
        for block in row_blocks(data, np.array([[a, b]]), self.predictors, self.beta, self.place):
            block = block.divided() if self.loop.divides else block
            f = block.repeats
            w = block.w if f is None else np.where(f > 0.0, block.w / np.where(f > 0.0, f, 1.0), 0.0)
            found.append(derivatives(self.loop, block.eta, block.y, w)[1].T)
        return np.concatenate(found), None

    def by_predictor(self, X):
        """The columns of each linear predictor, a constant in front where it has one, and their places."""
        found = []
        for p, at in zip(self.predictors, slices(self.predictors), strict=True):
            own = X[:, p.columns]
            own = own.toarray() if hasattr(own, "toarray") else own
            own = np.hstack([np.ones((X.shape[0], int(p.constant))), own])
            found.append((own * p.signs, at))
        return found

    def constants(self, kept, n_columns):
        """Which of the coefficients ``kept`` (k,) are constants of their predictors, where there is an intercept."""
        return np.concatenate([p.places <= 1 for p in self.predictors])[kept]


def score_parts(scores, space, data, a: int, b: int):
    """By linear predictor the scores in it of rows a to b (rows,), the columns that it has in the units of ``space``,
    and their places among the coefficients of all."""
    r, X = repeated_scores(scores, data, a, b), space.rows(columns(data, a, b))
    return [(r[:, k], own, at) for k, (own, at) in enumerate(scores.by_predictor(X))]


def blocks(runs: np.ndarray, data, m: int):
    """Ranges of rows small enough to be made dense, in order."""
    step = SPARSE_ROWS if data.terms else max(64, SCORED_BYTES // (8 * m))
    for a, b in runs.tolist():
        for c in range(a, b, step):
            yield c, min(c + step, b)


def columns(data, a: int, b: int):
    """Rows a to b of the design, the intercept first: an array, or beside terms a CSR matrix."""
    if not data.terms:
        return design(data, a, b)
    rows = csr_matrix(as_rows(selected_rows(data, slice(a, b))).X)
    return hstack([np.ones((b - a, 1)), rows], format="csr") if data.has_intercept else rows


def repeated_scores(scores, data, a: int, b: int) -> np.ndarray:
    """Scores in the linear predictors (rows, K - 1) times how often each row occurred, zero where its weight is."""
    f = repeats(data, a, b)[:, None]
    with np.errstate(all="ignore"):
        return np.where(f > 0.0, scores.terms(data, a, b)[0] * f, 0.0)


def repeats(data, a: int, b: int) -> np.ndarray:
    """How often each row occurred, (rows,), zero where its weight is zero."""
    f = np.ones(b - a) if data.freq_weights is None else np.asarray(data.freq_weights[a:b], np.float64)
    return f if data.weights is None else np.where(np.asarray(data.weights[a:b]) > 0.0, f, 0.0)
