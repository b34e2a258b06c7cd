"""The wild cluster bootstrap of a linear hypothesis: p-values that few clusters do not spoil.

Of least squares a draw multiplies each cluster's residuals by a random number and fits again, which needs the clusters'
scores and cross-products alone (Roodman, MacKinnon, Nielsen and Webb 2019, Stata Journal 19). Of other families the fit
is one step from the estimate (the score bootstrap of Kline and Santos 2012, Journal of Econometric Methods 1).
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..core.records import VECTORS
from ..errors import InvalidParameterError
from ..inference import check_covariance, sandwich
from ..inference.grouped_scores import InformedScores, labelled, sums_by
from ..inference.hypotheses import linear_hypotheses
from ..inference.leverage import Products
from ..inference.row_scores import MeanScores
from ..kernels.row_loops import FamilyLink
from ..options.covariance import parse
from ..options.sgd import is_whole
from ..rows.cluster_ids import with_clusters
from .covariances import rows_of_fit

if TYPE_CHECKING:
    from ..core.records import Array
    from ..types import Rows, Variable

SLACK = 1e-9  # relative, within which |t*| counts as no less than |t|: draws that are the rows themselves
POINTS = {
    "rademacher": np.array([1.0, -1.0]),
    "webb": np.sqrt([0.5, 1.0, 1.5, 0.5, 1.0, 1.5]) * [1.0, 1.0, 1.0, -1.0, -1.0, -1.0],  # Webb (2014)
}


class WildBootstrap(NamedTuple):
    """A test of one linear hypothesis by the wild cluster bootstrap.

    Attributes
    ----------
    statistic : float
        The t statistic by clusters, with the factors of CR1S.
    p_value : float
        The share of draws whose absolute statistic is no less.
    draws : (replicates,) array
        The statistics of the draws.
    enumerated : bool
        Whether these are all signs that there are, 2^G of G clusters.
    n_clusters : int
    """

    statistic: float
    p_value: float
    draws: Array
    enumerated: bool
    n_clusters: int


def wild_bootstrap(
    result: Any, hypothesis: str, X: Rows | None = None, y: Variable | None = None, *, cluster: Variable,
    data: Rows | None = None, draws: int = 9999, points: str = "rademacher", impose_null: bool = True, seed: int = 0,
    weights: Variable | None = None, offset: Variable | None = None, exposure: Variable | None = None,
) -> WildBootstrap:  # fmt: skip
    """Test a linear hypothesis by the wild cluster bootstrap (``boottest`` of R's fwildclusterboot and of Stata).

    Parameters
    ----------
    result : GLMResult
    hypothesis : str
        One equation, as ``wald_test`` reads it: "x = 0", "x = 2 * z".
    X, y, data : the rows of the fit, or what its formula reads
    cluster : (n,) array, or name of a column
    draws : int
        All 2^G signs are taken once, where they are no more.
    points : {"rademacher", "webb"}
        What clusters are multiplied by: signs, or Webb's six numbers, for fewer than about twelve clusters.
    impose_null : bool
        Whether residuals are those of the fit under the hypothesis.
    seed : int
    weights, offset, exposure
        As they were in the fit.

    Returns
    -------
    WildBootstrap

    Raises
    ------
    InvalidParameterError, MissingDataError
    """
    if result.family.response_model == "softmax":
        raise InvalidParameterError("wild_bootstrap is of one mean a row; a softmax regression has several")
    if points not in POINTS:
        raise InvalidParameterError(f"points={points!r} is unknown; known: {', '.join(map(repr, POINTS))}")
    if not is_whole(draws) or draws < 1:
        raise InvalidParameterError(f"draws={draws!r} must be a whole number, at least 1")
    L, r = linear_hypotheses(result, hypothesis)
    if len(L) != 1:
        raise InvalidParameterError(f"hypothesis={hypothesis!r} must be one equation")
    B = np.nan_to_num(check_covariance(result.cov_unscaled, "wild_bootstrap"))
    vectors = dict(zip(VECTORS, (weights, None, offset, exposure), strict=True))
    s, S = _sums(result, B, X, y, data, vectors, cluster)
    estimate = np.nan_to_num(result.params)
    distance, count = float(L[0] @ estimate - r[0]), len(s)
    factor = count / (count - 1.0) * (result.nobs - 1.0) / (result.nobs - result.rank)
    direction = L[0] @ B
    statistic = distance / np.sqrt(factor * np.square(s @ direction).sum())
    if impose_null:  # scores of the estimate under the hypothesis
        s = s + S @ (direction * distance / (direction @ L[0]))
    w, enumerated = _points(points, count, draws, seed)
    moves = (w @ s) @ B
    left = w * (s @ direction) - moves @ (S @ direction).T
    with np.errstate(all="ignore"):
        found = moves @ L[0] / np.sqrt(factor * np.square(left).sum(axis=1))
    p_value = float(np.mean(np.abs(found) >= abs(statistic) * (1.0 - SLACK)))
    return WildBootstrap(float(statistic), p_value, found, enumerated, count)


def _sums(result, B, X, y, data, vectors, cluster):
    """Scores (G, p) and information (G, p, p) of each cluster."""
    cov = parse({"CR3": cluster})
    with rows_of_fit(result, "wild_bootstrap()", X, y, data, vectors, cov=cov) as source:
        scores = MeanScores(FamilyLink(result.family, result.link), sandwich.zeroed(result.params))
        fitted = sandwich.Fitted(None, source, scores, result.params, B, result.nobs, result.rank)
        space = Products(B, np.ones(len(B)))
        parts = list(sums_by(labelled(with_clusters(cov, source), fitted), fitted, space, (0,), InformedScores))
    sums, q = np.concatenate([part.sums for part in parts]), len(B)
    if len(sums) < 2:
        raise InvalidParameterError("cluster: all rows are of one cluster; there must be two at least")
    return sums[:, :q], sums[:, q + 1 :].reshape(-1, q, q)


def _points(points, count, draws, seed):
    """What each cluster is multiplied by in each draw (draws, G), and whether that is all there is."""
    if points == "rademacher" and 2.0**count <= draws:
        return np.array(list(product((1.0, -1.0), repeat=count)))[:, ::-1], True
    chosen = np.random.Generator(np.random.Philox(seed)).integers(0, len(POINTS[points]), (draws, count))
    return POINTS[points][chosen], False
