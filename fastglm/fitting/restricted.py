"""Restricted maximum likelihood of models of the mean and of the dispersion.

The dispersion's score is adjusted for the coefficients of the mean that are estimated beside it: half of each row's
leverage is added to it, and its information counts a row as one less its leverage (Smyth, G. K. and Verbyla, A. P.
1999, "Adjusted likelihood methods for modelling dispersion in generalized linear models", Environmetrics 10). For
normal responses with the identity link the equations are those of REML.
"""

from __future__ import annotations

from time import perf_counter

import numpy as np

from ..objective.several import slices
from ..solver.problem import Solution

LONGEST = 3.0  # standard errors of a step; chosen: the adjustment moves estimates by a fraction of one


def restricted(objective, solution: Solution, tol: float, max_iter: int) -> tuple[Solution, np.ndarray]:
    """The root of the adjusted scores, by scoring steps from the maximum of the likelihood.

    Parameters
    ----------
    objective : SeveralLikelihood
        Of a mean and a dispersion.
    solution : Solution
        The maximum of its likelihood.
    tol : float
        Standard errors.
    max_iter : int

    Returns
    -------
    solution : Solution
        Its deviance is minus twice the log-likelihood and the logarithm of the determinant of the mean's information,
        as R's ``dglm`` has it.
    inverse : (m, m) array
        That of the information at the end.
    """
    began, beta, mean = perf_counter(), np.array(solution.beta), slices(objective.predictors)[0]
    history, stop, distance = list(solution.history), "iteration limit reached", np.inf
    for iteration in range(len(history) + 1, len(history) + 1 + max_iter):
        plain = objective.at(beta, 2)
        own = np.asarray(plain.information)[mean, mean]
        q = objective.at(beta, 2, np.linalg.inv(own))
        inverse = np.linalg.inv(np.asarray(q.information))
        step = inverse @ q.score
        distance = float(np.max(np.abs(step) / np.sqrt(np.diagonal(inverse))))
        q = q._replace(deviance=plain.deviance + float(np.linalg.slogdet(own)[1]))
        history.append(
            {"iteration": iteration, "passes": objective.n_passes, "deviance": q.deviance, "distance": distance,
             "max_eta": float("nan"), "fresh": True, "seconds": perf_counter() - began}
        )  # fmt: skip
        beta = beta + step * min(1.0, LONGEST / max(distance, 1e-300))
        if not np.isfinite(distance):
            stop = "not finite"
            break
        if distance <= tol:
            stop = "converged"
            break
    score = float(np.sqrt(q.score @ q.score))
    return Solution(beta, q, None, distance, score, len(history), stop, tuple(history)), inverse
