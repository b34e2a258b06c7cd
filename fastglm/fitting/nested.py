"""Models nested in a fitted one, each with some coefficients at zero, all fitted by the same reads of the rows.

A model without some terms is the fitted one with their coefficients at zero. Each begins where the quadratic model at
the estimates has its least deviance. The first reads have every model's own curvature; later ones, where the steps by
it are short already, have the scores of all models alone, as one product of many right-hand sides.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..errors import InvalidParameterError
from ..inference.hypotheses import quadratic_form

CLOSE, EXACT = 1e-12, 1e-20  # of the dispersion, that a deviance may still fall: for deviances; for scores too
SLOW = 1e-4  # of a fall still to come, what a step by an older curvature must leave less than
OWN = 2  # first reads with curvatures
MOST_READS = 25  # of all rows; chosen: models of the tests need three to eight
MOST_PARAMS = 500  # coefficients; chosen: more curvatures at once take more than their separate fits
BYTES = 64 << 20  # that the curvatures of a read may take


class NestedFit(NamedTuple):
    """A model with some coefficients of a larger one at zero, at its least deviance.

    Attributes
    ----------
    deviance : float
    rank : int
    df_resid : float
    score, information : (m,), (m, m) arrays or None
        Of all coefficients of the larger model, where they were asked for.
    shape : None
        No parameter of the family was estimated.
    """

    deviance: float
    rank: int
    df_resid: float
    score: np.ndarray | None = None
    information: np.ndarray | None = None
    shape: None = None


class NestedSearch:
    """Where the search for the least deviance over some coefficients has come to.

    Parameters
    ----------
    beta : (m,) array
        The estimates of the larger model.
    free : (k,) array of int
        The coefficients that may differ from zero.
    information : (m, m) array
        Of the larger model at its estimates.
    """

    def __init__(self, beta: np.ndarray, free: np.ndarray, information: np.ndarray):
        self.free, self.H, self.beta = free, information, np.zeros(len(beta))
        fixed = np.setdiff1d(np.arange(len(beta)), free)
        self.beta[free] = beta[free] + self._solve(information[np.ix_(free, fixed)] @ beta[fixed])
        self.open, self.failed, self.slow, self.left, self.deviance, self.score = (
            True,
            False,
            True,
            np.inf,
            np.inf,
            None,
        )

    def _solve(self, g):
        if not len(self.free):
            return np.zeros(0)
        return np.linalg.lstsq(self.H[np.ix_(self.free, self.free)], g, rcond=1e-14)[0]

    def arrive(self, deviance, score, information, goal):
        """Take the sums at the coefficients, and step on unless the least deviance is here."""
        if not (np.isfinite(deviance) and np.isfinite(score).all()):
            self.failed, self.open = True, False
            return
        self.H = self.H if information is None else information
        step = self._solve(score[self.free])
        left = float(score[self.free] @ step)
        self.deviance, self.score = deviance - max(left, 0.0), score
        self.open, self.slow, self.left = left > goal, left > SLOW * self.left, left
        if self.open:
            self.beta[self.free] += step


def nested_fits(run, result, free, scores: bool) -> list[NestedFit | None]:
    """The fits of models nested in a result's, None for each that takes a fit of its own.

    Parameters
    ----------
    run : FitRun
        Of the result, on its rows.
    result : GLMResult
    free : list of (k,) arrays of int
        The coefficients of each model.
    scores : bool
        Whether the scores and the information of the larger model are wanted at each.
    """
    objective, beta = run.objective, np.asarray(result.params)
    if not hasattr(objective, "at_many") or len(beta) > MOST_PARAMS or not result.converged or result.aliased:
        return [None] * len(free)
    q = objective.at(beta, 2)
    if not np.isclose(q.deviance, result.deviance, rtol=1e-7, atol=1e-7 * result.nobs):
        raise InvalidParameterError("y: the response, weights or offset are not those of the result")
    information = _curvature(objective, q)
    searches = [NestedSearch(beta, np.asarray(some, int), information) for some in free]
    goal = (EXACT if scores else CLOSE) * (1.0 if result.family.dispersion == "one" else result.scale)
    batch = max(1, int(BYTES // (8 * max(len(beta), 1) ** 2)))
    for first in range(0, len(searches), batch):
        _descend(objective, searches[first : first + batch], goal, scores)
    return [_fit(result, search, scores) for search in searches]


def _descend(objective, searches, goal, curvatures):
    """Read the rows until every search has ended; ``curvatures`` are wanted at the end, and then summed by each."""
    for i in range(MOST_READS):
        still = [search for search in searches if search.open]
        if not still:
            return
        beta = np.array([search.beta for search in still])
        if curvatures or (not objective.linear and (i < OWN or any(search.slow for search in still))):
            for search, q in zip(still, objective.at_each(beta, 2), strict=True):
                search.arrive(q.deviance, q.score, _curvature(objective, q), goal)
        else:
            sums = objective.at_many(beta)
            for search, deviance, score in zip(still, sums.deviance, sums.score, strict=True):
                search.arrive(float(deviance), score, None, goal)
    for search in searches:
        search.failed |= search.open


def _curvature(objective, q):
    return q.information.toarray() / objective.scale / objective.scale[:, None]


def _fit(result, search, scores):
    if search.failed:
        return None
    rank = quadratic_form(search.H[np.ix_(search.free, search.free)], search.score[search.free])[1]
    if rank < len(search.free):
        return None
    more = (search.score, search.H) if scores else (None, None)
    return NestedFit(search.deviance, rank, result.nobs - rank, *more)
