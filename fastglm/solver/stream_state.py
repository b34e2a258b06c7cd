"""The state of a stream: coefficients, and the information of the rows that it no longer holds.

A row that was learned from and dropped is replaced by a quadratic, its log-likelihood expanded at the coefficients of
the time. The expansion is as good as the row itself once the row's linear predictor is known to a fraction of one,
because log-likelihoods change their curvature over distances of about one. Rows whose linear predictor has a variance
above ``KNOWN`` are to be kept by the caller and given again with the next rows, and all of them are then solved for at
once. Most rows can be dropped after a few hundred; a row of a rarely informed column stays until the column has had
about fifteen rows' worth of information.
"""

from __future__ import annotations

from copy import copy
from math import inf, isfinite, nan, sqrt

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotrs, dtrtri

from ..core.records import READ_ONCE
from ..kernels.dense import symmetric
from ..linalg.symmetric import Dense
from ..objective.base import DIAGONAL
from ..objective.penalised import Penalised
from ..objective.penalty import QuadraticPenalty
from ..objective.sums import Quadratic
from .newton import search
from .problem import Solution

NARROW = 40  # coefficients up to which the whole curvature costs little more than its diagonal
SHARE = 0.1  # of the rows, whose curvature is summed where not all is
ENOUGH = 200  # rows a coefficient whose curvature is summed first, all of them
PRIOR = 0.01  # pseudo-observations that hold each coefficient while nothing else does
GROWTH = 1.3  # of the rows, after which J is factored again
TOO_FAR = 0.7  # the change of a linear predictor that a quadratic is not trusted with
MUCH_TOO_FAR = 2.0  # the same, beyond which its curvature is not, either
OUTLYING = 20.0  # the leverage of a far row, in average leverages
KNOWN, UNUSUAL = 0.07, 3.0  # the variance of a linear predictor, and times the mean, above which a row is kept
UNKNOWN = 1e-30  # the precision of a coefficient that no row has told anything of
UNTRUSTED = 0.5  # the variance of a linear predictor, with which no row may go without a word
PROBES = 16  # random directions that stand for all those of a wide J
MOST_STEPS, HALVINGS = 50, 40  # Newton steps where rows are solved for, and halvings of one
NEARLY, SOLVED = 0.1, 0.01  # standard errors that are left where rows are solved for, on the way and at the end


class StreamState:
    """Coefficients and curvature of the rows so far.

    Attributes
    ----------
    beta : (p,) array
    curvature : (p, p) array
        The information of ``sampled`` rows; what lies below the diagonal is not defined.
    information_diagonal : (p,) array
        The diagonal of the information of all ``rows``.
    deviance, pearson : float
        Estimates of the sums over all rows at ``beta``: each block's before it was learned from, less what the step
        gained. To the second order D(beta + s) = D(beta) - s'Js; exact for least squares.
    exact : bool
        Least squares, where the steps give the optimum of all rows so far.
    pull : (p,) array
        The score at ``beta`` of the quadratics of dropped rows; at the optimum the kept rows' score is its negative.
    prior : (p,) array
        The precision that holds each coefficient, at zero but for the constants, while rows are solved for.
    lost : (p,) array
        For each coefficient the rows dropped while the variance of their linear predictor, due to it, was large.
    meat : (p, p) array or None
        The sum of outer products of the rows' scores, where a sandwich is wanted.
    seen, spreads : float
        Rows whose linear predictors' variances were looked at, and the sum of these times the rows at the time.
    refused : int
        Rows whose means the coefficients of the time put outside the family's range; they were not learned from.
    """

    ARRAYS = ("beta", "curvature", "information_diagonal", "pull", "prior", "lost", "meat")
    SAVED_AS = {"information_diagonal": "margins"}  # names in saved states, where they are others
    LATER = ("pull", "prior", "lost", "meat", "seen", "spreads")  # that older states, or some, have not
    SUMS = ("rows", "sampled", "deviance", "pearson", "refused", "seen", "spreads")
    NUMBERS = (*SUMS, "max_eta")

    def __init__(self, n_params: int, free: np.ndarray, robust: bool = False, exact: bool = False):
        self.free, self.exact, self.whole = free, exact, exact or robust or n_params <= NARROW
        self.beta = np.zeros(n_params)
        self.curvature, self.information_diagonal = np.zeros((n_params, n_params)), np.zeros(n_params)
        self.pull, self.prior, self.lost = np.zeros((3, n_params))
        self.meat = np.zeros((n_params, n_params)) if robust else None
        self.rows = self.sampled = self.refused = self.seen = 0
        self.deviance = self.pearson = self.max_eta = self.spreads = 0.0
        self._J, self._factored = None, 0

    def start(self, objective, beta: np.ndarray, rows: int, kept: bool = False) -> None:
        """Begin at ``beta``, the optimum of the ``rows`` rows of ``objective``, which may be ``kept``."""
        if kept:
            self.beta = beta
            self.weigh(objective)
            return
        q = objective.at(beta, 2)
        self.beta = beta
        self._count(q, rows, True, objective)
        self.factor()
        if self.exact and self.ready:
            # what a prior held back
            step = self._solve(q.score)
            self.beta = beta + step
            self.deviance -= float(q.score @ step)
            self.pearson -= float(q.score @ step)

    def _count(self, q, rows, whole, objective):
        self.rows += rows
        self.deviance += q.deviance
        self.pearson += q.pearson
        self.max_eta = max(self.max_eta, q.max_eta)
        # never in place: a block that has to be solved for is taken back
        if not whole:
            self.information_diagonal = self.information_diagonal + q.information.diagonal()
            return
        self.sampled += rows
        self.curvature = self.curvature + q.information.toarray()
        self.information_diagonal = self.information_diagonal + q.information.diagonal()
        if self.meat is not None:
            self.meat = self.meat + objective.scores(self.beta).information.toarray()

    def learn(self, objective, runs: np.ndarray) -> np.ndarray:
        """One step from the rows of ``objective`` in the half-open ranges ``runs`` (k, 2); their score before it."""
        rows = int((runs[:, 1] - runs[:, 0]).sum())
        enough = self.sampled < ENOUGH * len(self.beta) or self.sampled < SHARE * self.rows
        whole = self.whole or enough
        part = objective.part(runs)
        q = part.at(self.beta, 2 if whole else DIAGONAL)
        if not (q.finite and isfinite(q.score.sum())):
            count_passes(objective, part)
            self.refused += rows
            return np.zeros_like(self.beta)
        before = self.__dict__.copy()
        # a block that tells more of a column than all before it
        mostly = (q.information.diagonal() > self.information_diagonal).any()
        self._count(q, rows, whole, part)
        score = q.score + self.pull
        step = self._solve(score)
        gain = float(score @ step)
        far = sqrt(OUTLYING * len(step) / self.rows * max(gain, 0.0))  # that a linear predictor would move
        if self.exact or (far <= TOO_FAR and not mostly):
            self.beta, self.pull = self.beta + step, np.zeros_like(step)
            self.deviance -= gain
            self.pearson -= gain
        else:
            # the block's quadratic is that where its optimum is
            self.__dict__.update(before)
            self.forget(part, rows, self.solve(part, q=q if whole else None, fresh=mostly or not far <= MUCH_TOO_FAR))
        count_passes(objective, part)
        return q.score

    def solve(self, objective, tol: float = NEARLY, q=None, fresh: bool = True):
        """Move to the optimum of the rows of ``objective``, held by the quadratics of those that are gone, to ``tol``.

        What is left is in ``pull``, so that the next step makes up for it. ``q`` is the pass with curvature at the
        coefficients, where there is one; that at the optimum is returned, with its own curvature if that is to be
        ``fresh``, else with that where it began.
        """
        if not self.prior.all():
            own = (objective.at(self.beta, DIAGONAL) if q is None else q).information.diagonal()
            rows = self.rows + objective.source.rows_read
            prior = PRIOR * np.where(self.free, 1.0, 1e-3) * (self.information_diagonal + own) / rows
            self.prior = np.where((self.prior == 0.0) & np.isfinite(prior), prior, self.prior)
        J, pull = self.information(), self.pull - self.prior * self.free * self.beta
        P = Dense(J).plus_diagonal(np.where(self.prior > 0.0, self.prior, UNKNOWN))
        held = Penalised(objective, QuadraticPenalty(P, self.beta, pull))
        scale = min(1.0, self.pearson / self.rows) if self.rows and self.pearson > 0.0 else 1.0
        with np.errstate(all="ignore"):
            beta, q = self._descended(held, tol * tol * scale, q, 2 if fresh else 1)
            self.move(beta, J)
        return q

    def _descended(self, held, enough, last, order):
        """Damped Newton from ``beta``, each step of which is seen to help: of a column that is hardly known a step may
        be long although little is to be gained. The coefficients, and the objective's own pass there."""
        beta, last = self.beta, held.objective.at(self.beta, 2) if last is None else last
        q = held.penalised(last, beta)
        size, triangle = _root(q.information.toarray())
        for _ in range(MOST_STEPS):
            step = size * dpotrs(triangle, size * q.score)[0]
            gain = float(q.score @ step)
            if not enough < gain < inf:
                break
            _, trial, new, _ = search(held, beta, step, gain, q, order, HALVINGS)
            if new is None:
                break
            beta, q = trial, new
            if order == 2:
                last, (size, triangle) = held.latest, _root(q.information.toarray())
            else:
                last = held.latest._replace(information=last.information)
        return beta, last

    def move(self, beta: np.ndarray, J: np.ndarray) -> None:
        """Go to ``beta`` along the quadratic of the rows that are gone, whose information is J."""
        step = beta - self.beta
        change = float(step @ J @ step) - 2.0 * float(self.pull @ step)
        self.deviance += change
        self.pearson += change
        self.beta, self.pull = beta, self.pull - J @ step

    def far(self, variances: np.ndarray) -> float:
        """The variance of a linear predictor above which a row is not to go, from those of rows before they do."""
        self.seen += len(variances)
        self.spreads += float(np.minimum(variances, UNUSUAL * KNOWN).sum()) * self._factored
        usual = self.spreads / max(self.seen * self._factored, 1)
        return max(KNOWN, min(UNUSUAL * usual, UNTRUSTED))

    def weigh(self, objective) -> None:
        """Let J be that of all rows, those of ``objective`` too, which are kept."""
        J = self.information() + objective.at(self.beta, 2).information.toarray()
        J.flat[:: len(J) + 1] += np.where(self.prior > 0.0, self.prior, UNKNOWN) + 1e-10 * np.diagonal(J)
        self.adopt(J, self.rows + objective.source.rows_read)

    def forget(self, objective, rows: int, q=None) -> None:
        """Let the ``rows`` rows of ``objective`` go: their quadratic ``q`` at the coefficients stays."""
        q = objective.at(self.beta, 2) if q is None else q
        self._count(q, rows, True, objective)
        self.pull = self.pull + q.score
        self.factor()

    def spread(self) -> np.ndarray:
        """M (p, d) with M M' the inverse of J: the rows of X M have the variances of linear predictors as squares.

        Of a wide J in ``PROBES`` random directions, right to a third of the variance (Johnson and Lindenstrauss 1984).
        """
        inverse, _ = dtrtri(self._triangle)
        M = self._size[:, None] * np.triu(inverse) * sqrt(min(1.0, self._factored / max(self.rows, 1)))
        m = len(M)
        return M if m <= NARROW else M @ (np.random.default_rng(m).normal(size=(m, PROBES)) / sqrt(PROBES))

    @property
    def ready(self) -> bool:
        """Whether there is a curvature to step by."""
        return self._J is not None

    def information(self) -> np.ndarray:
        """J (p, p): the curvature that was summed, rescaled to the exact diagonal."""
        d = np.diagonal(self.curvature)
        known = d > 0.0
        grown = np.sqrt(np.divide(self.information_diagonal, d, out=np.zeros_like(d), where=known))
        J = symmetric(self.curvature) * grown * grown[:, None]
        # a column that no summed block has seen stands alone
        J[~known, ~known] = self.information_diagonal[~known]
        return J

    def factor(self) -> np.ndarray:
        """J with the prior, (p, p); its factor is kept for the steps that follow."""
        J = self.information()
        d = np.diagonal(J)
        unseen = np.where(d > 0.0, 0.0, UNKNOWN)
        if not np.isfinite(J).all() or (self.exact and self.adopt(J, self.rows)):
            return J
        J.flat[:: len(J) + 1] += PRIOR * self.information_diagonal / max(self.rows, 1) * self.free + unseen + 1e-10 * d
        self.adopt(J, self.rows)
        return J

    def adopt(self, J: np.ndarray, rows: int) -> bool:
        """Step by the inverse of J, the information of ``rows`` rows, from now on; False where it has none."""
        if not np.diagonal(J).min(initial=1.0) > 0.0:
            return False
        size = 1.0 / np.sqrt(np.diagonal(J))
        triangle, status = dpotrf(J * size * size[:, None])
        if status == 0 and np.square(triangle.diagonal()).min() > 1e-12:
            self._J, self._factored, self._size, self._triangle = J, rows, size, triangle
            return True
        return False

    def _solve(self, score):
        """J^-1 score, from a factor no older than ``GROWTH`` times fewer rows, or less of a column's information."""
        if self.rows > self._factored and (self.exact or self.rows >= GROWTH * self._factored or self._shifted()):
            self.factor()
        grown = self._factored / max(self.rows, 1)
        return grown * self._size * dpotrs(self._triangle, self._size * score)[0]

    def _shifted(self):
        """Whether a column has learned much more than the others since J was factored."""
        return (self.information_diagonal * self._factored > GROWTH * self.rows * np.diagonal(self._J)).any()

    def copy(self) -> StreamState:
        """A state of its own, that learns apart from this one."""
        other = copy(self)
        for name in self.ARRAYS:
            value = getattr(self, name)
            setattr(other, name, None if value is None else value.copy())
        return other

    def state(self) -> dict:
        """Everything as arrays, from which ``from_state`` goes on to the same bits."""
        arrays = {
            self.SAVED_AS.get(name, name): value for name in self.ARRAYS if (value := getattr(self, name)) is not None
        }
        numbers = {name: np.array(getattr(self, name)) for name in self.NUMBERS}
        flags = {"free": self.free, "exact": np.array(self.exact), "J": self._J, "factored": np.array(self._factored)}
        return arrays | numbers | flags

    @classmethod
    def from_state(cls, state: dict) -> StreamState:
        """The inverse of ``state``; KeyError for a part that is missing, ValueError for one that does not fit."""
        m, saved = len(state["beta"]), {name: cls.SAVED_AS.get(name, name) for name in cls.ARRAYS}
        for name in (*saved.values(), "free", "J"):
            shape = (m, m) if name in ("curvature", "meat", "J") else (m,)
            if (name in state or name not in cls.LATER) and state[name].shape != shape:
                raise ValueError(f"{name} has shape {state[name].shape}, not {shape}")
        self = cls(m, state["free"], "meat" in state, bool(state["exact"]))
        for name, key in saved.items():
            setattr(self, name, state.get(key, getattr(self, name)) if name in cls.LATER else state[key])
        for name in cls.NUMBERS:
            setattr(self, name, state[name].item() if name in state or name not in cls.LATER else 0)
        self.adopt(state["J"], int(state["factored"]))
        return self

    def joint(self, other: StreamState) -> np.ndarray:
        """The coefficients of two streams, weighted by their information."""
        both = copy(self)
        mine, theirs = both.factor(), copy(other).factor()
        both.rows = self.rows + other.rows
        both.adopt(mine + theirs, both.rows)
        return self.beta + both._solve(theirs @ (other.beta - self.beta))

    def merge(self, other: StreamState, beta: np.ndarray | None = None) -> None:
        """Join another stream, which stays as it is, at ``beta``, or coefficients weighted by their information."""
        other = other.copy()
        mine, theirs = self.factor(), other.factor()
        if beta is None:
            beta = self.joint(other)
        self.move(beta, self.information())
        other.move(beta, other.information())
        for name in ("curvature", "information_diagonal", "pull", "lost", *self.SUMS):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.prior = np.maximum(self.prior, other.prior)
        self.adopt(mine + theirs, self.rows)
        self.max_eta = max(self.max_eta, other.max_eta)
        self.meat = None if self.meat is None else self.meat + other.meat

    def moved(self, diagonal: np.ndarray) -> float:
        """The largest relative difference of the diagonal of the information to ``diagonal`` (p,)."""
        seen = self.information_diagonal > 0.0
        change = np.abs(diagonal / np.where(seen, self.information_diagonal, 1.0) - 1.0)
        return float(np.where(seen, change, 1.0).max(initial=0.0))

    def solution(self, history: tuple) -> Solution:
        """The state as the solution of one read; its factor is None where columns are collinear."""
        zero = np.zeros_like(self.beta)
        J = Dense(self.information())
        factor = J.factor(np.ones_like(zero))
        q = Quadratic(self.deviance, zero, zero, J, self.pearson, self.max_eta)
        stop, meat = "converged" if self.exact else READ_ONCE, None if self.meat is None else Dense(self.meat)
        return Solution(self.beta, q, factor, nan, nan, len(history), stop, history, meat=meat)


def _root(J):
    """Scale (p,) and the triangle R (p, p) with R'R the scaled matrix, a trifle added to its diagonal."""
    size = 1.0 / np.sqrt(np.diagonal(J))
    scaled = J * size * size[:, None]
    scaled.flat[:: len(J) + 1] += 1e-10
    return size, dpotrf(scaled)[0]


def count_passes(objective, part) -> None:
    """Count the reads of a part of the rows."""
    objective.n_passes += part.n_passes * part.source.rows_read / objective.source.rows_read
