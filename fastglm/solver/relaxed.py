"""Relaxed fits: penalised coefficients, and those without a penalty of the same columns, mixed.

Hastie, Tibshirani and Tibshirani (2020), "Best subset, forward stepwise or lasso? Analysis and recommendations based on
extensive comparisons", Statistical Science 35.
"""

from __future__ import annotations

import numpy as np

from .penalty_path import PathSolution
from .problem import Problem, Solution
from .working_set import descent_of


def relaxed(problem: Problem, scaled, share: float, lam: float, solution: Solution) -> Solution:
    """The mixture at one lambda of its penalised solution and of that without a penalty on its support.

    Parameters
    ----------
    problem : Problem
    scaled : ScaledPenalty
    share : float
        The part of the penalised solution.
    lam : float
    solution : Solution
        The penalised one.
    """
    violation, unknown = np.array([solution.certificate]), np.zeros(1)
    one = PathSolution(np.array([lam]), solution.beta[None], violation, unknown, unknown, (solution.stop,))
    quadratics: list = []
    found = relaxed_path(problem, scaled, share, one, quadratics)
    return solution._replace(
        beta=found.beta[0], quadratic=quadratics[0], certificate=float(found.certificate[0]), stop=found.stops[0]
    )


def relaxed_path(problem: Problem, scaled, share: float, path: PathSolution, quadratics: list | None = None):
    """The same for all lambdas of a path; the passes at the mixtures are added to ``quadratics``."""
    quadratics = [] if quadratics is None else quadratics
    objective = problem.objective
    descent = descent_of(objective, path.beta[0], problem.control, scaled)
    beta, certificate, stops = [], [], []
    for lam, penalised, violation, stop in zip(path.lambdas, path.beta, path.certificate, path.stops, strict=True):
        support = scaled.support((penalised != 0.0) | scaled.free, float(lam))
        why = descent.solve(support)
        beta.append(share * penalised + (1.0 - share) * descent.beta)
        certificate.append(max(violation, descent.violation(support)))
        stops.append(stop if stop != "converged" else why)
        quadratics.append(objective.at(beta[-1], 1))
    return path._replace(
        beta=np.array(beta),
        certificate=np.array(certificate),
        deviance=np.array([q.deviance for q in quadratics]),
        pearson=np.array([q.pearson for q in quadratics]),
        stops=tuple(stops),
        curvatures=None,
    )
