"""The null model of a fit: its deviance is the reference of the fit's, its coefficients a start for descents."""

from __future__ import annotations

import numpy as np

from ..core.lazy import cached_property
from ..family.links import linear_predictor
from ..objective.base import Deviance
from ..solver.choose import tolerances
from ..solver.decide import Control
from ..solver.problem import Problem
from ..solver.solve import solve
from ..solvers import Newton
from ..source.base import RowTransform

RARE = 0.1  # the distance of a mean from an end of its range, below which Newton's steps from it are too long


class NullModel:
    """The null model: its deviance, and when called the coefficients that reproduce its mean.

    It does not hold the model that holds it: the rows of a fit are free when it ends, not at a collection of garbage.
    """

    def __init__(self, model, constant):
        self.constant, self.start = constant, None
        self.objective, self.pair, self.family, self.link = model.objective, model.pair, model.family, model.link
        sums, data = model.sums, model.source.data
        self.mean = sums.mean
        shifted = data.offset is not None or data.exposure is not None
        if constant is None:
            self.deviance = self._plain(False, np.zeros(0)) + model.within
        elif hasattr(model.pair.family, "null_deviance") and not shifted:
            self.deviance = model.pair.family.null_deviance(self.mean, sums.weight)
        elif not shifted and model.source.counts is not None and self._inside:
            self.deviance = self._of_counts(model.source.counts) + model.within
        elif not shifted:
            self.deviance = self._plain(True, np.array([self.eta])) + model.within
        else:
            self.deviance = self._fitted(model.canonical, model.information()) + model.within

    @property
    def central(self):
        """Whether the null model is as good a start as R's starting means."""
        data = self.objective.source.data
        plain = data.has_intercept and data.offset is None and data.exposure is None
        return plain and self.family.domain.high == 1.0 and 0.0 < self.mean < 1.0

    @property
    def rare(self):
        """Whether the mean is near an end of a range of two: a level of events alone is one over their share away."""
        return self.family.domain.high == 1.0 and not RARE <= self.mean <= 1.0 - RARE

    @cached_property
    def eta(self):
        """The linear predictor of the mean of y."""
        return linear_predictor(self.link, self.mean)

    def _objective(self, has_intercept):
        return Deviance(self.objective.source.changed(RowTransform(True, has_intercept)), self.pair)

    @property
    def _inside(self):
        """Whether the mean is inside its range, where scalar formulas hold."""
        return self.family.mean.low < self.mean < self.family.mean.high and np.isfinite(self.eta)

    def _of_counts(self, counts):
        """The deviance of the mean, from how many rows have each count."""
        there, family = np.flatnonzero(counts), self.pair.family
        return float(counts[there] @ [family.deviance(float(count), self.mean) for count in there])

    def _plain(self, has_intercept, beta):
        deviance = self._objective(has_intercept).at(beta, 0).deviance
        if np.isfinite(deviance):
            return deviance
        # a mean on the boundary has an infinite linear predictor, and reproduces every y
        if has_intercept:
            return np.nan if np.isfinite(self.eta) else 0.0
        return np.inf if self._ends_at_zero() else np.nan

    def _ends_at_zero(self):
        """Whether a linear predictor of zero is an end of the means' range, where the deviance has no bound."""
        family, link, data = self.family, self.link, self.objective.source.data
        if data.offset is not None or data.exposure is not None:
            return False
        try:
            mean = float(link.inverse(0.0))
        except ZeroDivisionError:
            mean = np.inf
        return mean in (family.mean.low, family.mean.high)

    def _fitted(self, canonical, information):
        """The intercept refitted with the offset, as R does."""
        objective = self._objective(True)
        self.start = _exact(objective, self.eta, self.link)
        if self.start is None:
            self.start = objective.constant_start(self.mean, self.eta)
        seed, options = _Seed(self.start), Newton()
        control = Control(canonical=canonical, need_information=False, **tolerances(objective, options))
        try:
            solution = solve(Problem(objective, options, control, self.start, seed, lambda quadratic: 1.0, information))
            self.start = solution.beta
            return solution.quadratic.deviance
        except (FloatingPointError, np.linalg.LinAlgError):  # the null model need not have a start (R bug 16877)
            return np.nan

    def __call__(self):
        n_params = self.objective.n_params
        if self.start is not None and self.constant == 0 and np.isfinite(self.start).all():
            return np.concatenate([self.start, np.zeros(n_params - 1)])
        if self.constant == 0 and self.objective.source.data.has_intercept and np.isfinite(self.eta):
            return self.objective.constant_start(self.mean, self.eta)
        # where eta may not change its sign, zero with an offset may be finite on the wrong side
        one_sided = self.constant is not None and np.isfinite(self.eta) and self.link.half_line
        beta = np.zeros(n_params)
        if not one_sided and np.isfinite(self.objective.at(beta, 0).deviance):
            return beta
        return self.objective.constant_start(self.mean, self.eta)


def _exact(objective, eta, link):
    """The constant beside an offset under a log link, exact for variances that are a power of the mean; or None."""
    if not link.is_log or not np.isfinite(eta):
        return None
    quadratic = objective.at(np.array([eta]), 2)
    # the score is sum w (y - mu) mu^(1-p), the information sum w mu^(2-p): both are scaled by a change of the constant
    ratio = float(quadratic.score[0] / quadratic.information.diagonal()[0])
    return np.array([eta + np.log1p(ratio)]) if quadratic.finite and -1.0 < ratio < np.inf else None


class _Seed:
    deviance, central, rare = np.inf, False, False

    def __init__(self, beta):
        self.beta = beta

    def __call__(self):
        return self.beta


class ClassNullModel:
    """The null model of a softmax regression: every row has the classes' shares, or even chances without a constant."""

    central, rare = True, False

    def __init__(self, model, constant):
        self.objective, self.totals, self.constant = model.objective, model.totals, constant
        self.deviance = class_null_deviance(model.totals, constant is not None)

    def __call__(self):
        objective, totals = self.objective, self.totals
        beta = np.zeros((objective.n_classes - 1, objective.n_columns))
        if self.constant == 0 and objective.source.data.has_intercept:
            beta[:, 0] = np.log(totals[1:] / totals[0])
        return beta.ravel()


def class_null_deviance(totals: np.ndarray, has_constant: bool) -> float:
    """The deviance of the classes' shares (K,), or of even chances without a constant, of rows of these weights."""
    with np.errstate(all="ignore"):
        shares = np.log(totals / totals.sum()) if has_constant else -np.log(len(totals))
    return float(-2.0 * (totals * shares).sum())
