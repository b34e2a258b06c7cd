"""Effective degrees of freedom along a path of penalised fits, by which information criteria count parameters."""

from __future__ import annotations

import numpy as np

from ..linalg.symmetric import Dense
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
    record, several = run.penalty, found.beta.ndim == 3
    if record.share < 1.0 or "proximal" in record.needs:
        return None
    objective, every, beta = run.objective, scaled, found.beta
    if several:
        objective, every, beta = _of_classes(run, scaled, beta)
    if every.separable and not every.terms.l2.any():
        # of coefficients without a penalty those of one class are superfluous
        twice = np.count_nonzero(scaled.free) if several else 0
        return np.array([float(np.count_nonzero(every.at(1.0).moves(b)) - twice) for b in beta])
    if not wanted and not (objective.linear and objective.n_params <= MOST_PARAMS):
        return None
    if not several and closed_form(run, scaled):
        G, P = _information(objective, beta[0]), scaled.quadratic(1.0).precision.toarray()
        return degrees(G, P, found.lambdas)
    J, out = None, np.empty(len(beta))
    for i, (lam, b) in enumerate(zip(found.lambdas.tolist(), beta, strict=True)):
        J = Dense(_information(objective, b)) if J is None or not objective.linear else J
        penalty = every.at(lam) if every.P is None else every.quadratic(lam)
        out[i] = penalty.degrees_of_freedom(b, J)
    return out


def _of_classes(run, scaled, beta):
    """The objective of a softmax regression, its penalty and the coefficients (L, m') that these are of."""
    classes = every_class(run)
    beta = beta.transpose(0, 2, 1).reshape(len(beta), -1)  # class after class
    if scaled.P is None:
        return classes, scaled.tiled(classes.n_classes), beta
    return run.objective, scaled.contrasts(classes.n_classes), np.array([classes.to_contrasts(b) for b in beta])


def _information(objective, beta):
    """The information at some coefficients as an array (m, m)."""
    scale = np.resize(objective.scale, objective.n_params)  # every class has the same
    return objective.at(beta, 2).information.toarray() / np.outer(scale, scale)
