"""Streaming Newton: one read of the rows in blocks, each of which moves the coefficients by a Newton step.

After a block with score g the coefficients move by J^-1 g, with J the information of all rows so far (the renewable
estimator of Luo and Song 2020, "Renewable estimation and incremental inference in generalized linear models with
streaming data sets"; an extended Kalman filter over blocks). There is no learning rate, and the scale of the columns
does not matter. What makes it robust and cheap:

- it begins at the optimum of the first rows, or of a sample;
- of the curvature, wide models sum a part of the blocks only, and the exact diagonal of all of them, to which the
  part is rescaled, so that rare columns keep their standard errors;
- a block whose step would move linear predictors too far is solved to its own optimum, held by J (a proximal step,
  Toulis and Airoldi 2017).
"""

from __future__ import annotations

from copy import copy
from math import isfinite, nan, sqrt
from time import perf_counter

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotrs

from ..kernels.dense import symmetric
from ..moments import Quadratic
from ..objective import DIAGONAL
from ..penalty import Anchored
from ..types import READ_ONCE
from .factor import cholesky
from .newton import Control, Solution, descend

NARROW = 40  # coefficients up to which the whole curvature costs little more than its diagonal
SHARE = 0.1  # of the rows, whose curvature is summed where not all is
ENOUGH = 200  # rows a coefficient whose curvature is summed first, all of them
PRIOR = 0.01  # pseudo-observations that hold each coefficient while nothing else does
GROWTH = 1.3  # of the rows, after which J is factored again
TOO_FAR = 1.0  # the change of a linear predictor that a quadratic is not trusted with
STALE = 0.03  # of a diagonal entry, by which it may have changed since its blocks were read
NEAR = 0.1  # standard errors from the optimum, at which the curvature of all rows is made where the stream's is stale
STRETCH = 1000  # rows whose score is looked at for drift
OUTLYING = 20.0  # the leverage of a far row, in average leverages


class Running:
    """Coefficients and curvature of the rows so far.

    Attributes
    ----------
    beta : (p,) array
    curvature : (p, p) array
        The information of ``sampled`` rows; what lies below the diagonal is not defined.
    margins : (p,) array
        The diagonal of the information of all ``rows``.
    deviance, pearson : float
        Estimates of the sums over all rows at ``beta``: each block's before it was learned from, less what the step
        gained. To the second order D(beta + s) = D(beta) - s'Js; exact for least squares.
    exact : bool
        Least squares, where the steps give the optimum of all rows so far.
    meat : (p, p) array or None
        The sum of outer products of the rows' scores, where a sandwich is wanted.
    refused : int
        Rows whose means the coefficients of the time put outside the family's range; they were not learned from.
    last, waiting : (p,) array
        The score of the last stretch of rows, and what there is of the next one's, of ``waited`` rows.
    cosines, stretches : float
        The sum of the cosines between the scores of successive stretches, and how many there are.
    """

    ARRAYS = ("beta", "curvature", "margins", "meat", "last", "waiting")
    SUMS = ("rows", "sampled", "deviance", "pearson", "refused", "cosines", "stretches")
    NUMBERS = (*SUMS, "max_eta", "waited")

    def __init__(self, n_params: int, free: np.ndarray, robust: bool = False, exact: bool = False):
        self.free, self.exact, self.whole = free, exact, exact or robust or n_params <= NARROW
        self.beta = np.zeros(n_params)
        self.curvature, self.margins = np.zeros((n_params, n_params)), np.zeros(n_params)
        self.meat = np.zeros((n_params, n_params)) if robust else None
        self.rows = self.sampled = self.refused = self.waited = self.stretches = 0
        self.deviance = self.pearson = self.max_eta = self.cosines = 0.0
        self.last, self.waiting = np.zeros(n_params), np.zeros(n_params)
        self._J, self._factored = None, 0

    def start(self, objective, beta: np.ndarray, rows: int) -> None:
        """Begin at ``beta``, the optimum of the ``rows`` rows of ``objective``."""
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
        if not whole:
            self.margins += q.information
            return
        self.sampled += rows
        self.curvature += q.information
        self.margins += np.diagonal(q.information)
        if self.meat is not None:
            self.meat += objective.scores(self.beta).information

    def learn(self, objective, runs: np.ndarray) -> np.ndarray:
        """One step from the rows of ``objective`` in the half-open ranges ``runs`` (k, 2); their score before it."""
        rows = int((runs[:, 1] - runs[:, 0]).sum())
        enough = self.sampled < ENOUGH * len(self.beta) or self.sampled < SHARE * self.rows
        whole = self.whole or enough
        part = objective.part(runs)
        q = part.at(self.beta, 2 if whole else DIAGONAL)
        if not (q.finite and isfinite(q.score.sum())):
            charge(objective, part)
            self.refused += rows
            return np.zeros_like(self.beta)
        before = self._J
        self._count(q, rows, whole, part)
        step = self._solve(q.score)
        gain = float(q.score @ step)
        if self.exact or sqrt(OUTLYING * len(step) / self.rows * max(gain, 0.0)) <= TOO_FAR:
            self.beta = self.beta + step
            lower = -gain
        else:
            lower = self._proximal(part, before) - q.deviance
        self.deviance += lower
        self.pearson += lower
        charge(objective, part)
        return q.score

    def watch(self, score: np.ndarray, rows: int) -> None:
        """Look for drift in the score of the rows that were learned from last, ``rows`` of them.

        Successive scores are uncorrelated unless the stream drifts. Their cosines are, too, for stretches so long that
        a score is as often above as below its mean; and no single score outweighs all others, as those after a break
        would.
        """
        self.waiting, self.waited = self.waiting + score, self.waited + rows
        if self.waited < STRETCH:
            return
        toward = self._solve(self.waiting)
        sizes = float(self.last @ self._solve(self.last)) * float(self.waiting @ toward)
        if sizes > 0.0:
            self.cosines += float(self.last @ toward) / sqrt(sizes)
            self.stretches += 1
        self.last, self.waiting, self.waited = self.waiting, np.zeros_like(score), 0

    @property
    def ready(self) -> bool:
        """Whether there is a curvature to step by."""
        return self._J is not None

    @property
    def drifting(self) -> float:
        """How many standard errors the mean cosine between successive scores is above zero."""
        return self.cosines * sqrt(len(self.beta) / self.stretches) if self.stretches else 0.0

    def _proximal(self, part, before):
        """Move to the optimum of the block alone, held by the curvature of the rows before it; the deviance of both."""
        held = Anchored(part, self.beta, before)
        control = Control(tol=0.3, enough=0.3, max_iter=30, final=False)
        with np.errstate(all="ignore"):
            self.beta = descend(held, self.beta, control, lambda q: 1.0).beta
        return held.at(self.beta, 0).deviance

    def information(self) -> np.ndarray:
        """J (p, p): the curvature that was summed, rescaled to the exact diagonal."""
        d = np.diagonal(self.curvature)
        known = d > 0.0
        grown = np.sqrt(np.divide(self.margins, d, out=np.zeros_like(d), where=known))
        J = symmetric(self.curvature) * grown * grown[:, None]
        # a column that no summed block has seen stands alone
        J[~known, ~known] = self.margins[~known]
        return J

    def factor(self) -> np.ndarray:
        """J with the prior, (p, p); its factor is kept for the steps that follow."""
        J = self.information()
        d = np.diagonal(J)
        unseen = np.where(d > 0.0, 0.0, 1.0)
        if not np.isfinite(J).all() or (self.exact and self.adopt(J, self.rows)):
            return J
        J.flat[:: len(J) + 1] += PRIOR * self.margins / max(self.rows, 1) * self.free + unseen + 1e-10 * d
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
        """J^-1 score, from a factor no older than ``GROWTH`` times fewer rows."""
        if self.rows > self._factored and (self.exact or self.rows >= GROWTH * self._factored):
            self.factor()
        grown = self._factored / self.rows
        return grown * self._size * dpotrs(self._triangle, self._size * score)[0]

    def copy(self) -> Running:
        """A state of its own, that learns apart from this one."""
        other = copy(self)
        for name in self.ARRAYS:
            value = getattr(self, name)
            setattr(other, name, None if value is None else value.copy())
        return other

    def state(self) -> dict:
        """Everything as arrays, from which ``from_state`` goes on to the same bits."""
        arrays = {name: value for name in self.ARRAYS if (value := getattr(self, name)) is not None}
        numbers = {name: np.array(getattr(self, name)) for name in self.NUMBERS}
        flags = {"free": self.free, "exact": np.array(self.exact), "J": self._J, "factored": np.array(self._factored)}
        return arrays | numbers | flags

    @classmethod
    def from_state(cls, state: dict) -> Running:
        """The inverse of ``state``; KeyError for a part that is missing, ValueError for one that does not fit."""
        m = len(state["beta"])
        for name in (*cls.ARRAYS, "free", "J"):
            shape = (m, m) if name in ("curvature", "meat", "J") else (m,)
            if (name in state or name != "meat") and state[name].shape != shape:
                raise ValueError(f"{name} has shape {state[name].shape}, not {shape}")
        self = cls(m, state["free"], "meat" in state, bool(state["exact"]))
        for name in cls.ARRAYS:
            setattr(self, name, state.get(name) if name == "meat" else state[name])
        for name in cls.NUMBERS:
            setattr(self, name, state[name].item())
        self.adopt(state["J"], int(state["factored"]))
        return self

    def merge(self, other: Running) -> None:
        """Join another stream, which stays as it is: coefficients weighted by their information, sums added."""
        mine, theirs = self.factor(), other.copy().factor()
        apart = other.beta - self.beta
        for name in ("curvature", "margins", *self.SUMS):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.adopt(mine + theirs, self.rows)
        step = self._solve(theirs @ apart)
        rest = apart - step
        gap = float(step @ mine @ step + rest @ theirs @ rest)
        self.deviance += gap
        self.pearson += gap
        self.beta = self.beta + step
        # the next stretch has none before it
        self.last, self.waiting, self.waited = np.zeros_like(step), np.zeros_like(step), 0
        self.max_eta = max(self.max_eta, other.max_eta)
        self.meat = None if self.meat is None else self.meat + other.meat

    def moved(self, margins: np.ndarray) -> float:
        """The largest relative difference of the diagonal of the information to ``margins`` (p,)."""
        seen = self.margins > 0.0
        change = np.abs(margins / np.where(seen, self.margins, 1.0) - 1.0)
        return float(np.where(seen, change, 1.0).max(initial=0.0))

    def solution(self, history: tuple) -> Solution:
        """The state as the solution of one read; its factor is None where columns are collinear."""
        zero = np.zeros_like(self.beta)
        J = self.information()
        factor = cholesky(J, np.ones_like(zero))
        q = Quadratic(self.deviance, zero, zero, J, self.pearson, self.max_eta)
        stop = "converged" if self.exact else READ_ONCE
        return Solution(self.beta, q, factor, nan, nan, len(history), stop, history, meat=self.meat)


def charge(objective, part) -> None:
    """Count the reads of a part of the rows."""
    objective.n_passes += part.n_passes * part.source.rows_read / objective.source.rows_read


def prefix(objective, fallback, free: np.ndarray, tol: float = 0.1):
    """The optimum of a sample's rows, held by a weak prior so that it exists: coefficients, or None where it does not.

    Parameters
    ----------
    objective : Objective
        Over the sample, its sums not scaled up.
    fallback : callable
        () -> coefficients with a finite deviance.
    free : (p,) bool array
        The coefficients that the prior holds: all but the constants.
    tol : float
        In standard errors.
    """
    beta = fallback()
    q = objective.at(beta, DIAGONAL)
    if not q.finite or not np.isfinite(q.score).all():
        return None
    rows = max(objective.source.rows_read, 1)
    mean = q.information / rows
    hold = PRIOR * np.where(mean > 0.0, mean, 1.0) * np.where(free, 1.0, 1e-3)
    control = Control(tol=tol, enough=0.5, max_iter=50, final=False)
    with np.errstate(all="ignore"):
        found = descend(Anchored(objective, beta, hold), beta, control, lambda q: 1.0)
    return found.beta if np.isfinite(found.beta).all() else None


def stream(objective, options, start, fallback, dispersion, control: Control) -> Solution | None:
    """Fit by one read in blocks and a few score passes; None where the exact solver should take over.

    Parameters
    ----------
    objective : Objective
    options : ``fastglm.solvers.Stream``
    start, fallback, dispersion, control
        As for ``plan.solve``.
    """
    n, m = objective.source.n_rows, objective.n_params
    first = max(50 * m, 1000, n // 50)
    if n < 4 * first:
        return None
    free = np.ones(m, bool)
    if objective.source.data.ones:
        free[:: objective.n_columns] = False
    running = Running(m, free, control.robust, objective.linear)
    sample = objective.subset(first)
    # from a start too, because the rows of the sample are not learned from again
    beta = prefix(sample, fallback if start is None else lambda: start, free)
    if beta is None:
        return None
    running.start(sample, beta, sample.source.rows_read)
    charge(objective, sample)
    if not isfinite(running.deviance) or not running.ready:
        return None
    for runs in _blocks(objective.source, sample.source.ranges, options):
        running.learn(objective, runs)
    if running.refused or not np.isfinite(running.beta).all():
        return None
    return _certified(objective, running, options, dispersion, control)


def _blocks(source, read, options):
    """The ranges of rows in the order in which they are learned from; those ``read`` already are left out.

    Rows that counted twice would bring their own optimum's distance with them, sqrt(share) standard errors.
    """
    n = source.n_rows
    size = options.block_rows or min(8192, max(1024, n // 64 // 256 * 256))
    gaps = np.column_stack([np.append(0, read[:, 1]), np.append(read[:, 0], n)])
    gaps = gaps[gaps[:, 1] > gaps[:, 0]]
    # blocks of whole gaps, long ones cut into pieces
    pieces = [np.array([a, min(a + size, b)]) for first, b in gaps for a in range(first, b, size)]
    ends = np.searchsorted(np.cumsum([b - a for a, b in pieces]), np.arange(size, n + size, size))
    blocks = [np.array(part) for part in np.split(pieces, np.unique(ends)) if len(part)]
    return source.shuffled(blocks, np.random.default_rng(options.seed)) if options.shuffle else blocks


def _certified(objective, running, options, dispersion, control):
    """The solution after score passes over all rows, or None where they do not agree with the stream."""
    first = {
        "iteration": 0, "passes": objective.n_passes, "deviance": running.deviance, "distance": nan,
        "max_eta": running.max_eta, "fresh": True, "seconds": perf_counter() - control.began,
    }  # fmt: skip
    once = running.solution((first,))
    if once.factor is None or not options.certify:
        return once if once.factor is not None else None
    q = objective.at(running.beta, DIAGONAL)
    if not q.finite or not np.isfinite(q.information).all():
        return None
    # curvatures were summed at the coefficients of the time; the diagonal tells how much they have changed since
    stale = running.moved(q.information)
    # what is left of the distance by a step with a curvature of so many rows, three times over
    rho = min(0.9, 3.0 * sqrt(len(running.beta) / running.sampled) + stale)
    final = stale > STALE
    loop = control._replace(
        tol=options.tol, final=final, near=NEAR, lazy=True, max_iter=options.max_corrections + final, rho=rho
    )
    solution = descend(objective, running.beta, loop, dispersion, once.factor, q._replace(information=None))
    if solution.stop != "converged":
        return None
    last = solution.quadratic
    # the last step has lowered the deviance too, to the second order
    last = last._replace(deviance=last.deviance - solution.history[-1]["distance"] ** 2 * dispersion(last))
    solution = solution._replace(quadratic=last, history=(first, *solution.history))
    if solution.origin is not None:
        # a curvature of all rows was made, where it was asked for or where a step with the stream's did not help
        return solution if final else None
    last = last._replace(information=once.quadratic.information)
    return solution._replace(quadratic=last, factor=once.factor, meat=running.meat)
