"""Effective degrees of freedom along a path of penalised fits, by which information criteria count parameters."""

from __future__ import annotations

import numpy as np

from .leave_one_out import closed_form, degrees
from .penalised import every_class

MOST_PARAMS = 1000  # coefficients, up to which least squares has them without being asked


def effective_df(run, scaled, found, wanted: bool) -> np.ndarray | None:
    """The effective number of coefficients at each lambda, (L,), the free ones counted; None where it is not cheap.

    Of a lasso that of coefficients that are not zero (Zou, Hastie and Tibshirani 2007, Annals of Statistics 35); else
    the trace of (J + P)^-1 J over them, J the information and P the quadratic part of the penalty. Least squares has J
    from one pass; other models have a pass at each lambda.

    Parameters
    ----------
    run : FitRun
    scaled : ScaledPenalty
    found : PathSolution
    wanted : bool
        Whether passes may be made for it.
    """
    several = found.beta.ndim == 3
    beta = found.beta.transpose(0, 2, 1).reshape(len(found.beta), -1) if several else found.beta  # class after class
    twice = np.zeros(beta.shape[1], bool)  # free coefficients, which the other classes' make superfluous
    if several:
        twice[: len(scaled.factors)] = scaled.factors == 0.0
        scaled = scaled.tiled(found.beta.shape[2])
    if scaled.P is None and scaled.alpha == 1.0:
        return np.count_nonzero((beta != 0.0) & ~twice, axis=1).astype(np.float64)
    objective = every_class(run) if several else run.objective
    if not wanted and not (objective.linear and objective.n_params <= MOST_PARAMS):
        return None
    if not several and closed_form(run, scaled):
        G, P = _information(objective, beta[0]), scaled.quadratic(1.0).precision.toarray()
        return degrees(G, P, found.lambdas)
    J, out = None, np.empty(len(beta))
    for i, (lam, b) in enumerate(zip(found.lambdas.tolist(), beta, strict=True)):
        J = _information(objective, b) if J is None or not objective.linear else J
        ridge = scaled.elastic(lam).ridge if scaled.P is None else scaled.quadratic(lam).precision.toarray()
        active = ((b != 0.0) | (scaled.factors == 0.0)) & ~twice
        own = J[np.ix_(active, active)]
        penalty = np.diag(ridge[active]) if ridge.ndim == 1 else ridge[np.ix_(active, active)]
        out[i] = np.trace(np.linalg.solve(own + penalty, own))
    return out


def _information(objective, beta):
    """The information at some coefficients as an array (m, m)."""
    scale = np.resize(objective.scale, objective.n_params)  # every class has the same
    return objective.at(beta, 2).information.toarray() / np.outer(scale, scale)
