"""Bias reduction: the root of an adjusted score, found by scoring with one read of the rows for each step.

The leverages of a read are those of the information that the read before has made; where the steps end both are the
same, so that the root is exact. Where that slows the steps down, as in few or separated rows, a second read at the same
coefficients has the leverages of their own information.
"""

from __future__ import annotations

import numpy as np

from ..errors import InvalidParameterError
from ..inference.bias import Adjustments, ClassAdjustments, completed
from ..objective.count_sums import CountTable
from ..objective.penalty import unscaled_information
from ..solver.newton import factorise, without_aliased
from ..solver.problem import Solution
from ..solver.solve import solve
from ..solver.start import begin
from ..source.task import Task
from .null import ClassNullModel

TOLERANCE = 1e-10  # of the last step, in standard errors
NEAR = 1e-6  # of a step's length, below which rounding and lags decide which of two is the longer
RISE = 1.0  # of the penalised deviance, that a step to the root of a score which is not its gradient may make
SLOW = 0.2  # of the last step's length, above which leverages are those of the same coefficients
MOST_STEPS, MOST_HALVINGS = 1000, 12  # chosen: adjusted scores converge linearly where data are few
MOST_COEFFICIENTS = 1000  # chosen: the leverage of a row costs their square


def solve_adjusted(run, problem) -> Solution:
    """The root of the adjusted score of a fit; the dispersion is left in ``run.reduced_scale``.

    Parameters
    ----------
    run : FitRun
    problem : Problem

    Raises
    ------
    InvalidParameterError
        For more coefficients than a matrix has room for.
    """
    objective, control = run.objective, problem.control
    if objective.n_params > MOST_COEFFICIENTS or run.source.high_cardinality:
        raise InvalidParameterError(
            f"bias_reduction: {objective.n_params:,} coefficients are more than leverages are computed for"
        )
    beta, q = _first(run, problem)
    if not (q.finite and np.isfinite(q.score).all()):
        return Solution(beta, q, None, np.nan, np.nan, 0, "not finite at the start", ())
    point = Point.of(run, beta, q, None)
    beta, step, merit, halvings, history = without_aliased(beta, point.factor), point.step, np.inf, 0, []
    for iteration in range(1, MOST_STEPS + 1):
        new = point.moved(beta + step)
        if new is not None and (objective.small or new.distance > max(SLOW * merit, NEAR)):
            new = new.again()
        if new is None or new.worse(point) or (new.distance > merit > NEAR and halvings < MOST_HALVINGS):
            step, halvings = 0.5 * step, halvings + 1
            if halvings > 3 * MOST_HALVINGS:
                return point.solution("no step helps", iteration, tuple(history))
            continue
        point, beta, step, merit, halvings = new, new.beta, new.step, new.distance, 0
        history.append({"deviance": point.q.deviance, "distance": point.distance, "max_eta": point.q.max_eta})
        if control.callback is not None:
            control.callback(history[-1])
        if point.distance < TOLERANCE and iteration > 1:
            return point.solution("converged", iteration, tuple(history))
    return point.solution("limit of iterations", MOST_STEPS, tuple(history))


def _first(run, problem):
    """Coefficients to begin with and their pass.

    Maximum likelihood where a dispersion is estimated, which is then of the size of the last one; else the ordinary
    start, but for levels, which that may put at infinity.
    """
    objective = run.objective
    if run.family.dispersion != "one" and problem.start is None:
        found = solve(problem.controlled(need_information=False))
        if found.stop == "converged" and np.isfinite(found.beta).all():
            return found.beta, objective.at(found.beta, 2)
    if not objective.sampleable and problem.start is None:
        beta = problem.fallback()
        return beta, objective.at(beta, 2)
    beta, q = begin(objective, problem.start, problem.fallback)
    return beta, objective.at(beta, 2) if q is None else q


class Point:
    """A place of the search: the adjusted score, the step from it and its length in standard errors."""

    def __init__(self, run, beta, q, factor, inverse, adjustment):
        self.run, self.beta, self.q, self.factor, self.inverse = run, beta, q, factor, inverse
        rank = len(beta) - len(factor.aliased)
        self.scale = run.reduced_scale = reduced_dispersion(run, q, rank)
        score = q.score + self.scale * adjustment
        self.step = factor.solve(score)
        self.distance = float(np.sqrt(max(score @ self.step, 0.0) / self.scale))
        self.penalised = q.deviance + log_determinant(inverse)

    def worse(self, last) -> bool:
        """Whether the deviance less the logarithm of the information's determinant has risen from another point.

        It is what the adjusted score descends for "firth", and bounded where the others' roots are.
        """
        if self.run.family.dispersion != "one":
            return False
        gradient = self.run.bias_reduction == "firth" or (self.run.canonical and self.run.bias_reduction != "median")
        return bool(self.penalised > last.penalised + (1e-9 * abs(last.penalised) if gradient else RISE))

    @classmethod
    def of(cls, run, beta, q, adjustment):
        """The point of a pass with curvature; without an adjustment it is zero."""
        factor = factorise(run.objective, q, beta)
        adjustment = np.zeros(len(beta)) if adjustment is None else adjustment
        return cls(run, beta, q, factor, factor.inverse(), adjustment)

    def moved(self, beta):
        """The point at other coefficients by one read, with the leverages of this one's information; None where the
        deviance does not exist."""
        q, sums = self.run.objective.beside(beta, adjustments(self.run, beta, self.inverse))
        if not (q.finite and np.isfinite(q.score).all() and np.isfinite(sums).all()):
            return None
        return Point.of(self.run, beta, q, self._added(q, sums))

    def again(self):
        """The same point with the leverages of its own information: one read."""
        objective = self.run.objective
        sums = objective.source.reduce(adjustments(self.run, self.beta, self.inverse))
        objective.n_passes += objective.price
        return Point(self.run, self.beta, self.q, self.factor, self.inverse, self._added(self.q, sums))

    def _added(self, q, sums):
        information = unscaled_information(q, self.run.objective.scale).toarray()
        return completed(sums, self.inverse, information, kind_of(self.run))

    def solution(self, stop, iterations, history) -> Solution:
        """The end of the search."""
        norm = float(np.sqrt(self.q.score @ self.q.score))
        return Solution(self.beta, self.q, self.factor, self.distance, norm, iterations, stop, history)


def log_determinant(inverse: np.ndarray) -> float:
    """log|V| of the inverse information (m, m) of the coefficients that are not aliased; infinite where it is none."""
    there = ~np.isnan(inverse.diagonal())
    size = np.sqrt(inverse.diagonal()[there])
    if not np.all((size > 0.0) & np.isfinite(size)):
        return np.inf
    sign, found = np.linalg.slogdet(inverse[np.ix_(there, there)] / size / size[:, None])
    return float(found + 2.0 * np.log(size).sum()) if sign > 0.0 else np.inf


def kind_of(run) -> str:
    """The adjustment of the coefficients: that of the means where medians are of the dispersion alone."""
    return "mean" if run.bias_reduction == "mixed" else run.bias_reduction


def adjustments(run, beta, inverse) -> Task:
    """The task that sums what is added to the score of a fit."""
    if run.null_class is ClassNullModel:
        return ClassAdjustments(beta.reshape(run.objective.n_classes - 1, -1), inverse)
    return Adjustments(run.pair, beta, inverse, kind_of(run))


def reduced_dispersion(run, q, rank: int) -> float:
    """The dispersion whose adjusted score is zero at the deviance of a pass.

    That of families without a likelihood is Pearson's chi-square over the residual degrees of freedom.
    """
    family, nobs = run.family, run.sums.nobs
    if family.dispersion == "one":
        return 1.0
    rest, deviance = nobs - rank, max(q.deviance, 0.0)
    if not rest > 0.0:
        raise InvalidParameterError("bias_reduction: as many coefficients as rows leave no dispersion")
    medians = run.bias_reduction in ("median", "mixed")
    if family.profiled or not family.counts_dispersion:
        return q.pearson / rest
    if family.variance_power != 2.0:
        return deviance / (rest - (2.0 / 3.0 if medians else 0.0))
    if not hasattr(run, "weight_table"):
        run.weight_table = run.source.reduce(WeightTable())
    return _gamma_dispersion(deviance, rank, run.weight_table, medians)


def _gamma_dispersion(deviance, rank, table, medians):
    """The root of the gamma's adjusted score of the dispersion, in its logarithm, by Brent's method."""
    from scipy.optimize import brentq
    from scipy.special import polygamma, psi

    w, f = table
    n = f.sum()

    def score(log_phi):
        phi = np.exp(log_phi)
        k = w / phi
        expected = 2.0 * (f @ (w * (np.log(k) - psi(k))))
        second = f @ (w**2 * 2.0 * (polygamma(1, k) - 1.0 / k))
        third = f @ (w**3 * -2.0 * (polygamma(2, k) + 1.0 / k**2))
        ratio = third / second / phi
        added = rank + ratio / 3.0 if medians else rank - 2.0 + ratio
        return (deviance - expected) / phi + added

    first = np.log(max(deviance, 1e-300) / n)
    return float(np.exp(brentq(score, first - 5.0, first + np.log(n) + 5.0, xtol=1e-14, rtol=1e-14)))


class WeightTable(Task):
    """The distinct prior weights of the rows and how often each is, as a ``CountTable``; X is not read."""

    vectors_only = True

    def of(self, part, runs):
        tables = []
        for a, b in runs:
            w, f = (
                np.ones(b - a) if v is None else np.asarray(v[a:b], np.float64)
                for v in (part.data.weights, part.data.freq_weights)
            )
            tables.append(CountTable.of(w[w > 0.0], f[w > 0.0]))
        return self.end(tables)


class JeffreysDeviance:
    """The deviance less log|F|, whose score is the adjusted one: what profiles of a Firth fit rise from.

    A pass is two reads: the second one has the leverages of the information that the first has made.
    """

    def __init__(self, run):
        self.run, self.objective = run, run.objective

    def __getattr__(self, name):
        return getattr(self.objective, name)

    def at(self, beta, order: int = 2):
        """A pass with curvature, the penalty in its deviance and score."""
        return self.at_each(np.array([beta]), 2)[0]

    def at_each(self, beta, order: int = 2):
        """As ``at``, for each row of ``beta`` (R, m)."""
        found, kept = self.objective.at_each(beta, 2), []
        for b, q in zip(beta, found, strict=True):
            if not (np.isfinite(q.deviance) and np.isfinite(q.score).all()):
                kept.append(q)
                continue
            inverse = factorise(self.objective, q, b).inverse()
            sums = self.objective.source.reduce(adjustments(self.run, b, inverse))
            self.objective.n_passes += self.objective.price
            kept.append(q._replace(deviance=q.deviance + log_determinant(inverse), score=q.score + sums[:, 0]))
        return kept
