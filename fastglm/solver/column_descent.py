"""Proximal Newton by the columns of rows in memory, over the few of them that a lasso needs.

Every quadratic model is minimised by coordinate descent on the columns themselves, so that no matrix of coefficients is
made, to a tolerance that follows the violation of the optimality conditions (as skglm, celer and glum do; Bertrand et
al. 2022, "Beyond L1: faster and better sparse models with skglm"). Columns enter by the strong rule (Tibshirani et al.
2012, Journal of the Royal Statistical Society B 74), and the scores of all of them certify where it ends.
"""

from __future__ import annotations

import numpy as np

from ..kernels.column_descent import descend_columns
from .newton import DEVIANCE_NOISE, record

INNER = 0.1  # of the violation, that the minimum of a model may leave
SWEEPS = 6  # of coordinate descent before conjugate gradients along the face
MOST_ROUNDS, MOST_PRODUCTS = 50, 100  # of both on one model, and of conjugate gradients each time
ARMIJO, HALVINGS = 1e-4, 30  # as in ``proximal``
MOST_IDLE = 8  # rounds that do not halve the violation, after which rounding is taken to leave no more
STALLED, MOST_STALLS = 0.9, 5  # of the violation, that as many steps in a row left when nothing more is to come
LEAST_ENTERING = 50  # columns that may enter at once


class ColumnDescent:
    """Coefficients and the rows' linear predictors, kept from one penalty to the next.

    Parameters
    ----------
    objective : Deviance
    store : ColumnStore
        Its columns.
    beta : (m,) array
        A start with a finite deviance.
    control : Control
    """

    def __init__(self, objective, store, beta, control):
        self.objective, self.store, self.control, self.history = objective, store, control, []
        self.first, self.beta, self.last = int(objective.source.data.has_intercept), beta, None
        self.past: tuple = ()  # the last two penalties' units and coefficients
        self.q = objective.at(beta, 1)
        self.numbers = np.flatnonzero(beta[self.first :])
        self.eta = self._predictor(beta)
        self.r, self.h, *_ = store.rows_at(self.eta)

    information = None  # of all columns

    def verify(self):
        """Nothing: every certificate is of the rows."""

    def violation(self, penalty) -> float:
        """The largest violation of the optimality conditions over all columns, in the penalty's units."""
        return penalty.violation(self.beta, self.q.score)

    def solve(self, penalty, tol: float | None = None) -> str:
        """Descend to the optimum with a penalty; why it stopped."""
        tol = self.control.tol if tol is None else tol
        self._enter(self._strong(penalty))
        self._ahead(penalty)
        while True:
            stop = self._descend(penalty, tol)
            self._certify()
            violations = penalty.subgradient(self.beta, self.q.score + penalty.score(self.beta)) / penalty.unit
            number, passes = len(self.history) + 1, self.objective.n_passes
            q, violation = self.q, violations.max()
            record(self.history, self.control, number, passes, q.deviance, q.max_eta, violation, True)
            violations = violations[self.first :]
            violations[self.numbers] = 0.0
            new = np.flatnonzero(violations > tol)
            if not len(new) or not np.isfinite(self.q.deviance):
                break
            # the worst first, so that columns which the others make superfluous do not enter
            most = max(LEAST_ENTERING, len(self.numbers))
            self._enter(new[np.argsort(-violations[new], kind="stable")[:most]])
        self.last, self.past = penalty, (*self.past[-1:], (float(penalty.unit[-1]), self.beta))
        return stop

    def _ahead(self, penalty):
        """Go on from the optima of the last two penalties in a straight line, if that lowers what is minimised."""
        if len(self.past) < 2 or self.past[1][1] is not self.beta:
            return
        (start, before), (end, beta) = self.past
        t = (float(penalty.unit[-1]) - end) / (end - start) if end != start else 0.0
        trial = np.where((before != 0.0) & (beta != 0.0), beta + t * (beta - before), beta)
        trial = np.clip(np.where(trial * beta < 0.0, 0.0, trial), penalty.lower, penalty.upper)
        eta = self._moved(trial)
        r, h, deviance, pearson = self.store.rows_at(eta)
        if 0.5 * deviance + penalty.value(trial) < 0.5 * self.q.deviance + penalty.value(beta):
            self.beta, self.eta, self.r, self.h = trial, eta, r, h
            self.q = self.q._replace(deviance=deviance, pearson=pearson)

    def _moved(self, beta):
        """The linear predictors of other coefficients."""
        step = (beta - self.beta)[self.first :]
        numbers = np.flatnonzero(step)
        eta = self.eta + self.store.times(numbers, step[numbers])
        return eta + (beta[0] - self.beta[0]) if self.first else eta

    def _strong(self, penalty):
        """The columns that are not zero, have no lasso or are kept by the sequential strong rule."""
        lasso, beta, score = (v[self.first :] for v in (penalty.lasso, self.beta, self.q.score))
        kept = (penalty.lower[self.first :] < 0.0) | (penalty.upper[self.first :] > 0.0)
        strong = lasso == 0.0
        if self.last is not None:
            strong |= np.abs(score) >= 2.0 * lasso - self.last.lasso[self.first :]
        self.numbers = np.flatnonzero(beta)
        return np.flatnonzero(kept & strong)

    def _enter(self, new):
        self.numbers = np.union1d(self.numbers, new)

    def _predictor(self, beta):
        """The linear predictors, from the columns that are not zero."""
        numbers = np.flatnonzero(beta[self.first :])
        eta = self.store.offset + self.store.times(numbers, beta[self.first :][numbers])
        return eta + beta[0] if self.first else eta

    def _certify(self):
        """Take the scores of all columns."""
        score = self.store.every_score(self.r)
        self.q = self.q._replace(score=np.append(self.r.sum(), score) if self.first else score)
        self.objective.n_passes += self.objective.price

    def _descend(self, penalty, tol):
        """Solve over the working set."""
        inside = self.numbers + self.first
        own = penalty.of(inside)
        score, last, stalls = self.store.scores(self.numbers, self.r), np.inf, 0
        enough = max(tol, self.control.accept_tol)  # where rounding leaves no less
        for _ in range(self.control.max_iter):
            violation = own.violation(self.beta[inside], score)
            if self.first:
                violation = max(violation, abs(self.r.sum()) / penalty.unit[0])
            if violation <= 0.5 * tol:
                return "converged"
            stalls = stalls + 1 if violation > STALLED * last else 0
            if stalls == MOST_STALLS:
                return "converged" if violation <= enough else "rounding lets the violation fall no further"
            last = violation
            if not self._step(own, inside, max(min(INNER, violation) * violation, 0.1 * tol), score):
                return "converged" if violation <= enough else "no step along the direction lowers the deviance"
            score = self.store.scores(self.numbers, self.r)
        return "converged" if last <= enough else "iteration limit reached"

    def _step(self, own, inside, tol, score):
        """To the minimum of the model, or a part of the way; False where the penalised deviance does not fall."""
        beta = self.beta[inside]
        new, moved = ColumnModel(self, own).minimised(beta, tol)
        step, before = new - beta, own.value(beta)
        along = self.store.times(self.numbers, step) + moved
        gain = float(score @ step) + moved * float(self.r.sum()) - own.value(new) + before
        noise, t = DEVIANCE_NOISE * abs(self.q.deviance) + 1e-300, 1.0
        for _ in range(HALVINGS):
            trial = new if t == 1.0 else beta + t * step
            eta = self.eta + t * along
            r, h, deviance, pearson = self.store.rows_at(eta)
            fall = 0.5 * (self.q.deviance - deviance) + before - own.value(trial)
            if np.isfinite(deviance) and fall >= (ARMIJO * t * gain if gain * t > noise else 0.0) - noise:
                self.beta = self.beta.copy()
                self.beta[inside] = trial
                if self.first:
                    self.beta[0] += t * moved
                self.eta, self.r, self.h = eta, r, h
                self.q = self.q._replace(deviance=deviance, pearson=pearson, max_eta=float(np.abs(eta).max()))
                return True
            t *= 0.5
        return False


class ColumnModel:
    """The quadratic model of half the deviance where a descent is, in the columns of its working set.

    Parameters
    ----------
    descent : ColumnDescent
    penalty : ElasticPenalty
        Of the working set's coefficients.
    """

    def __init__(self, descent, penalty):
        self.store, self.numbers, self.penalty = descent.store, descent.numbers, penalty
        self.h, self.u = descent.store.curvatures(descent.eta, descent.h), descent.r.copy()
        self.total = float(self.h.sum()) if descent.first else 0.0
        self.places = self.store.places(self.numbers)
        self.curvature = self.store.squares(self.numbers, self.h)

    def minimised(self, beta, tol):
        """The minimum of the model and the penalty, and the move of the intercept to it."""
        own, b, moved, chosen = self.penalty, beta.copy(), 0.0, np.empty(len(beta), np.int64)
        least, idle = np.inf, 0
        arrays = own.lasso, own.ridge, own.lower, own.upper, own.unit
        for _ in range(MOST_ROUNDS):
            moved += descend_columns(
                *self.store.arrays, self.places, self.u, self.h, self.total, self.curvature, b, *arrays, tol, SWEEPS,
                chosen,
            )  # fmt: skip
            # small moves of many columns that are alike may add up to more
            violation = own.violation(b, self.store.scores(self.numbers, self.u))
            idle = idle + 1 if violation > 0.5 * least else 0
            least = min(least, violation)
            if violation <= tol or idle == MOST_IDLE:
                break
            moved += self._along_face(b, tol)
        return b, moved

    def _along_face(self, b, tol):
        """Newton's step of the coefficients that are not zero, in place, by conjugate gradients; the intercept's move.

        Coefficients that would change their signs end at zero where that lowers the model; else the step ends where
        the first of them is zero.
        """
        own = self.penalty
        face = np.flatnonzero((b > own.lower) & (b < own.upper) & ((b != 0.0) | (own.lasso == 0.0)))
        if not len(face):
            return 0.0
        numbers, x, part = self.numbers[face], b[face], own.of(face)
        first = self._shift(self.u)
        self.u -= first * self.h
        left = self.store.scores(numbers, self.u) - part.ridge * x - part.lasso * np.sign(x)
        step, along = self._newton(numbers, left, part, self.curvature[face], tol)
        ends = np.clip(x + step, part.lower, part.upper)
        ends[(part.lasso > 0.0) & (x * ends < 0.0)] = 0.0
        if not np.array_equal(ends, x + step):
            projected = self.store.times(numbers, ends - x)
            if self._change(projected, ends, part) < self._change(0.0 * along, x, part):
                along = projected
            else:
                with np.errstate(all="ignore"):
                    reach = np.where(ends != x + step, (ends - x) / step, 1.0)
                t = float(reach.min())
                ends, along = np.where(reach <= t, ends, x + t * step), t * along
        b[face] = ends
        moved = -self._shift(self.h * along)
        self.u -= self.h * (along + moved)
        return first + moved

    def _shift(self, scores):
        """The move of the intercept that brings the sum of some scores to zero."""
        return float(scores.sum()) / self.total if self.total > 0.0 else 0.0

    def _change(self, along, b, part):
        """The model and the penalty of some coefficients b, to a constant, after a change ``along`` of the rows."""
        away = along - self._shift(self.h * along)
        return 0.5 * float(away @ (self.h * away)) - float(self.u @ away) + part.value(b)

    def _newton(self, numbers, left, part, curvature, tol):
        """The solution of Newton's equations of some columns, and the columns times it, by conjugate gradients."""
        diagonal = np.maximum(curvature + part.ridge, np.finfo(float).tiny)
        step, along, direction, rho = np.zeros(len(numbers)), np.zeros(self.store.n), np.zeros(len(numbers)), 1.0
        ahead = np.zeros(self.store.n)
        for _ in range(MOST_PRODUCTS):
            if np.abs(left / part.unit).max() <= 0.5 * tol:
                break
            z = left / diagonal
            rho, last = float(left @ z), rho
            direction = z + rho / last * direction
            ahead = self.store.times(numbers, direction)
            away = ahead - self._shift(self.h * ahead)
            product = self.store.scores(numbers, self.h * away) + part.ridge * direction
            curved = float(direction @ product)
            if not curved > 0.0:
                break
            size = rho / curved
            step, along, left = step + size * direction, along + size * ahead, left - size * product
        return step, along
