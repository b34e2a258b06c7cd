"""Sums of products of scores and of those some rows before them, in one pass: what long-run variances are made from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..source.task import Task
from .grouped_scores import score_rows
from .row_scores import blocks, repeats


class Lagged(NamedTuple):
    """A series u_1 ... u_n of vectors (q,) by its sums; adding two joins a series and what follows it.

    Attributes
    ----------
    count : int
        n.
    total : (q,) array
    gammas : (lags + 1, q, q) array
        The sums over t of u_t u_{t-j}', for j = 0 ... lags.
    head, tail : (at most lags + 1, q) arrays
        The first and the last vectors.
    """

    count: int
    total: np.ndarray
    gammas: np.ndarray
    head: np.ndarray
    tail: np.ndarray

    @property
    def lags(self) -> int:
        """The largest lag."""
        return len(self.gammas) - 1

    @classmethod
    def of(cls, U: np.ndarray, lags: int) -> Lagged:
        """The sums of a series (n, q) that is in memory."""
        n, q = U.shape
        gammas = np.zeros((lags + 1, q, q))
        for j in range(min(lags, n - 1) + 1 if n else 0):
            gammas[j] = U[j:].T @ U[: n - j]
        return cls(n, U.sum(axis=0), gammas, U[: lags + 1].copy(), U[max(n - lags - 1, 0) :].copy())

    def __add__(self, other: Lagged) -> Lagged:
        W, cut, gammas = np.concatenate([self.tail, other.head]), len(self.tail), self.gammas + other.gammas
        for j in range(1, len(gammas)):
            low, high = max(cut, j), min(cut + j, len(W))
            if low < high:
                gammas[j] += W[low:high].T @ W[low - j : high - j]
        keep = len(gammas)
        head = np.concatenate([self.head, other.head])[:keep] if len(self.head) < keep else self.head
        tail = np.concatenate([self.tail, other.tail])[-keep:] if len(other.tail) < keep else other.tail
        return Lagged(self.count + other.count, self.total + other.total, gammas, head, tail)

    def mapped(self, change: np.ndarray) -> Lagged:
        """The series of u_t' change."""
        gammas = change.T @ self.gammas @ change
        return Lagged(self.count, self.total @ change, gammas, self.head @ change, self.tail @ change)

    def autoregression(self) -> np.ndarray:
        """A of the least squares of u_t on A u_{t-1} (q, q), without a constant."""
        before = self.gammas[0] - np.outer(self.tail[-1], self.tail[-1])
        return np.linalg.lstsq(before, self.gammas[1].T, rcond=None)[0].T

    def whitened(self, A: np.ndarray) -> Lagged:
        """The series e_t = u_t - A u_{t-1}, t = 2 ... n, for one lag less."""
        head, tail, gammas = self.head, self.tail, self.gammas
        out = np.zeros((self.lags, *A.shape))
        for j in range(min(self.lags, self.count - 1)):
            first, last = np.outer(head[j], head[0]), np.outer(tail[-1], tail[-1 - j])
            if j:
                one_less = gammas[j - 1] - np.outer(head[j - 1], head[0]) - np.outer(tail[-1], tail[-j])
            else:
                one_less = gammas[1].T
            out[j] = gammas[j] - first - gammas[j + 1] @ A.T - A @ one_less + A @ (gammas[j] - last) @ A.T
        total = self.total - head[0] - A @ (self.total - tail[-1])
        heads, tails = head[1:] - head[:-1] @ A.T, tail[1:] - tail[:-1] @ A.T
        return Lagged(self.count - 1, total, out, heads, tails)


class LaggedScores(Task):
    """``Lagged`` of the scores of rows in their order; rows of weight zero are left out.

    Parameters
    ----------
    scores : MeanScores or ClassScores
    space : Products or Coordinates
    lags : int
    """

    journaled = False

    def __init__(self, scores, space, lags):
        self.scores, self.space, self.lags = scores, space, lags

    def of(self, part, runs):
        total = None
        for a, b in blocks(runs, part.data, self.space.width):
            U = score_rows(self.scores, self.space, part.data, a, b)[repeats(part.data, a, b) > 0.0]
            found = Lagged.of(U, self.lags)
            total = found if total is None else total + found
        return total
