"""A test for drift: whether a stream follows one model throughout, by the scores of rows before they are learned.

Where it does, a row's score at the coefficients of the rows before it has the mean zero whatever order the rows come
in. So the sums of scores over stretches of rows are uncorrelated, and no larger than the rows' own scores and the error
of the coefficients allow. They are tested in uncorrelated directions, for a stretch with an unusual sum (a break), and
for a cumulated sum that walks further than by chance (drift): the cusum of
recursive residuals (Brown, Durbin and Evans 1975, "Techniques for testing the constancy of regression relationships
over time", JRSS B 37, 149-192), of scores in place of residuals (Hjort and Koning 2002, "Tests for constancy of model
parameters over time", Journal of Nonparametric Statistics 14, 113-132). Sums are divided by the rows' own squares (de
la Pena, Lai and Shao 2009, "Self-normalized processes"), so that neither overdispersion nor the rare large score of a
rare event passes for drift.
"""

from __future__ import annotations

from copy import copy
from typing import Any, NamedTuple

import numpy as np
from scipy.special import log_ndtr

from ..errors import ConvergenceWarning, DriftWarning
from ..kernels.evaluate import row_terms
from ..kernels.row_loops import FamilyLink
from ..source.streaming_qr import offset, weight

STRETCH, ENOUGH = 1000, 100  # rows of a stretch, at least, and at the end of a stream
FALSE_ALARMS = 1e-3  # the share of streams without drift that are warned about, at most
MOST_NAMED = 5  # columns that a warning names
UNTOLD = 2.0  # times as much as the rows before, above which a stretch tells of a direction and does not judge it


class Fluctuation:
    """The sums of scores over the stretches of a stream.

    Attributes
    ----------
    directions : (q, d) array
        Directions in which the scores of the current stretch are uncorrelated under the model.
    sums, squares : (d,) array
        Sums of the scores, and of their squares, over the ``rows`` rows of the current stretch.
    products : (d, d) array
        The information of these rows.
    walk, furthest, size : (d,) array
        The cumulated sum over all stretches in standard deviations of the model, its largest absolute value so far,
        and the sum of squares.
    largest : float
        The largest sum of a stretch in its own standard deviations.
    stretches : int
    """

    ARRAYS = ("directions", "sums", "squares", "products", "walk", "furthest", "size")
    NUMBERS = ("rows", "largest", "stretches")

    def __init__(self, directions: np.ndarray):
        n_directions = directions.shape[1]
        self.directions, self.products = directions, np.zeros((n_directions, n_directions))
        self.sums, self.squares = np.zeros(n_directions), np.zeros(n_directions)
        self.walk, self.furthest, self.size = np.zeros(n_directions), np.zeros(n_directions), np.zeros(n_directions)
        self.rows = self.stretches = 0
        self.largest = 0.0

    def watch(
        self,
        family: Any,
        link: Any,
        data: Any,
        beta: np.ndarray,
        dispersion: float,
        directions: np.ndarray,
        projection: Projection,
    ) -> Fluctuation:
        """A copy to which rows were added that are not learned yet.

        Parameters
        ----------
        family, link
        data : Block
        beta : (q,) array
            The coefficients so far; with M the ``directions``, M M' is their covariance without the dispersion.
        dispersion : float
        directions : (q, d) array
        projection : Projection
            The rows in these directions, in which a new stretch is summed.
        """
        other = copy(self)
        if not other.rows:
            other.directions = directions
        else:
            projection = project(data, other.directions, beta)
        sums, squares, products = scores(family, link, data, projection)
        other.rows += len(projection.eta)
        other.sums, other.squares, other.products = self.sums + sums, self.squares + squares, self.products + products
        if other.rows >= STRETCH:
            other._close(dispersion)
        return other

    def _close(self, dispersion):
        information = np.diagonal(self.products)
        error = np.square(self.products).sum(0)  # the variance that errors of the coefficients add to the sums
        judged = (
            (information > 0.0) & (error <= UNTOLD * information) & np.isfinite(self.sums) & np.isfinite(self.squares)
        )
        information = np.where(judged, information, 1.0)
        one = np.where(judged, 1.0 / np.sqrt(dispersion * information * (1.0 + error / information)), 0.0)
        step = one * np.where(judged, self.sums, 0.0)
        size = np.where(judged, np.maximum(1.0, np.where(judged, self.squares, 0.0) / (dispersion * information)), 0.0)
        self.walk, self.size = self.walk + step, self.size + size
        self.furthest = np.maximum(self.furthest, np.abs(self.walk))
        self.largest = max(self.largest, float((np.abs(step) / np.sqrt(np.maximum(size, 1.0))).max(initial=0.0)))
        self.stretches += 1
        self.rows, self.sums, self.squares = 0, np.zeros_like(self.sums), np.zeros_like(self.squares)
        self.products = np.zeros_like(self.products)

    def p_value(self, dispersion: float) -> float:
        """A bound of the p-value of the largest stretch and of the walk's largest value, under no drift.

        A Brownian motion on (0, 1) leaves (-c, c) with a probability below 4 (1 - Phi(c)), times the number of
        directions (Bonferroni). The current stretch counts if it is long enough.
        """
        if self.rows >= ENOUGH:
            self = copy(self)
            self._close(dispersion)
        if not self.stretches:
            return 1.0
        n_directions = len(self.sums)
        furthest = float((self.furthest / np.sqrt(np.maximum(self.size, 1.0))).max(initial=0.0))
        chances = (2.0 * n_directions * self.stretches * tail(self.largest), 4.0 * n_directions * tail(furthest))
        return min(1.0, 2.0 * min(chances))

    def merged(self, other: Fluctuation) -> Fluctuation:
        """The sums of two streams, each in its own order."""
        out = copy(self)
        out.walk, out.size = self.walk + other.walk, self.size + other.size
        out.furthest = np.maximum(np.maximum(self.furthest, other.furthest), np.abs(out.walk))
        out.largest, out.stretches = max(self.largest, other.largest), self.stretches + other.stretches
        return out

    def state(self) -> dict[Any, Any]:
        """The state as arrays, from which ``from_state`` continues to the same bits."""
        return {name: np.asarray(getattr(self, name)) for name in (*self.ARRAYS, *self.NUMBERS)}

    @classmethod
    def from_state(cls, state: dict[Any, Any]) -> Fluctuation:
        """The inverse of ``state``; KeyError for a part that is missing, ValueError for one that does not fit."""
        self = cls(state["directions"])
        for name in cls.ARRAYS:
            if state[name].shape != getattr(self, name).shape:
                raise ValueError(f"{name} has shape {state[name].shape}")
            setattr(self, name, state[name])
        for name in cls.NUMBERS:
            setattr(self, name, state[name].item())
        return self


def tail(value: float) -> float:
    """The probability that a standard normal variable exceeds the value."""
    return float(np.exp(log_ndtr(-value)))


class Projection(NamedTuple):
    """Rows in d directions, of every class (classes, n, d), and linear predictors (n, classes) without the offset."""

    Z: np.ndarray
    eta: np.ndarray

    @property
    def variances(self) -> np.ndarray:
        """The variances (n,) of the linear predictors, if the directions are a root of the coefficients' covariance;
        of several classes the largest."""
        return np.einsum("knd,knd->kn", self.Z, self.Z).max(0, initial=0.0)


def project(data: Any, directions: np.ndarray, beta: np.ndarray) -> Projection:
    """The rows of a Block times ``directions`` (q, d) and ``beta`` (q,)."""
    X = np.asarray(data.X, np.float64)
    M = np.column_stack([directions, beta])
    parts = M.reshape(-1, X.shape[1] + data.has_intercept, M.shape[1])
    out = np.empty((len(parts), len(X), M.shape[1]))
    for Z, part in zip(out, parts, strict=True):
        np.matmul(X, part[int(data.has_intercept) :], out=Z)
        if data.has_intercept:
            Z += part[0]
    return Projection(out[:, :, :-1], out[:, :, -1].T)


def warning_of(drift: Fluctuation, dispersion: float, lost: np.ndarray, names: Any) -> Any:
    """(category, text) of a warning about a stream's estimates, or None.

    Parameters
    ----------
    drift : Fluctuation
    dispersion : float
    lost : (q,) array
        The number of rows that were dropped with uncertain linear predictors, by the coefficient that is uncertain.
    names : sequence of str
    """
    chance = drift.p_value(dispersion)
    if chance < FALSE_ALARMS:
        return DriftWarning, (
            f"the stream drifts: later rows deviate from the estimates of those before them (p = {chance:.2g}), so "
            "that the order of the rows matters. Shuffle the rows, or fit the stretches apart"
        )
    columns = np.flatnonzero(lost)
    if not len(columns):
        return None
    some = ", ".join(dict.fromkeys(names[j % len(names)] for j in columns[:MOST_NAMED]))
    return ConvergenceWarning, (
        f"{int(lost.sum()):,} rows had to be forgotten while hardly anything was known of their columns, so that the "
        f"coefficients of {some} cannot be trusted. Leave out or join columns that are rarely other than constant, or "
        "fit the rows in memory or from a file"
    )


def uncertain_rows(data: Any, directions: np.ndarray) -> np.ndarray:
    """The number of rows by the coefficient (q,) whose standard error contributes most to their linear predictor."""
    X = np.asarray(data.X, np.float64)
    X = np.column_stack([np.ones(len(X)), X]) if data.has_intercept else X
    errors = np.linalg.norm(directions, axis=1)
    moved = np.abs(np.tile(X, len(errors) // X.shape[1])) * errors
    return np.bincount(moved.argmax(1), minlength=len(errors)).astype(np.float64)


def scores(family: Any, link: Any, data: Any, projection: Projection) -> Any:
    """The sums (d,) of the rows' scores in their directions and of squares (d,), and the rows' information (d, d).

    Of a longer block the first ``STRETCH`` rows count.
    """
    Z, eta = projection.Z[:, :STRETCH], projection.eta[:STRETCH]
    n = len(eta)
    w = weight(data, 0, n)
    if family.response_model != "softmax":
        residual, information, _ = row_terms(FamilyLink(family, link), eta[:, 0] + offset(data, 0, n), data.y[:n], w)
        Z = Z[0]
        row_scores = Z * residual[:, None]
        return row_scores.sum(0), np.einsum("nd,nd->d", row_scores, row_scores), Z.T @ (Z * information[:, None])
    top = np.maximum(eta.max(1, keepdims=True), 0.0)
    mu = np.exp(eta - top)
    mu /= np.exp(-top) + mu.sum(1, keepdims=True)
    residual = (np.asarray(data.y[:n], np.intp)[:, None] == np.arange(1, 1 + eta.shape[1])) - mu
    row_scores = np.einsum("knd,nk->nd", Z, w[:, None] * residual)
    mean = np.einsum("knd,nk->nd", Z, mu)
    products = np.einsum("nk,knd,kne->de", w[:, None] * mu, Z, Z, optimize=True) - mean.T @ (mean * w[:, None])
    return row_scores.sum(0), np.einsum("nd,nd->d", row_scores, row_scores), products
