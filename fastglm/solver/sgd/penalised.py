"""First-order fits with a penalty of ``fastglm.penalties``: its strengths, and the certificate of any penalised fit."""

from __future__ import annotations

import numpy as np

from ..proximal import ProximalDescent
from .certificate import MOST_COEFFICIENTS
from .driver import automatic_method

LEFT_OUT = 1e300  # the lasso of a column that stays at zero: no gradient exceeds it


class PenalisedGoal:
    """The optimality conditions as the end of a first-order fit, and proximal Newton steps down to it.

    Parameters
    ----------
    objective : Objective
        In the coefficients of all classes of a softmax regression.
    penalty : ElasticPenalty
        Its own, without bounds but those of columns that are left out.
    control : Control
        Of proximal Newton steps.
    tol : float
        The violation over lambda at which the first-order descent may stop.
    finishes : bool
        Whether proximal Newton steps follow.
    """

    def __init__(self, objective, penalty, control, tol: float, finishes: bool):
        self.objective, self.penalty, self.control, self.tol, self.finishes = objective, penalty, control, tol, finishes

    def __call__(self, coef: np.ndarray) -> bool:
        """Whether a fit whose losses no longer fall may stop at ``coef``."""
        return self.finishes or self.finished(coef)[2] <= self.tol

    def finished(self, coef: np.ndarray):
        """(coefficients (m,), their pass, the violation over lambda, proximal Newton steps) after ``coef``."""
        beta = np.asarray(coef, np.float64).T.ravel()
        if not self.finishes:
            q = self.objective.at(beta, 1)
            return beta, q, self.penalty.violation(beta, q.score), 0
        descent = ProximalDescent(self.objective, beta, self.control)
        descent.solve(self.penalty)
        descent.verify()
        return descent.beta, descent.q, descent.violation(self.penalty), max(len(descent.history) - 1, 0)


def finishes(data, model, options, n_params: int) -> bool:
    """Whether proximal Newton steps end a fit: of few coefficients, whose method was not named."""
    chosen = options.method == "auto" and automatic_method(data, model, options) == "saga"
    return chosen and n_params <= MOST_COEFFICIENTS and not options.validation_fraction


def strengths(penalty, reduction: str, total: float, intercept: int) -> tuple[np.ndarray, np.ndarray]:
    """The ridge and the lasso of each column, (p,) each, beside the mean or the sum of the losses."""
    size = total if reduction == "mean" else 1.0
    lasso = np.where(penalty.upper > 0.0, penalty.lasso / size, LEFT_OUT)
    return (penalty.ridge / size)[intercept:], lasso[intercept:]
