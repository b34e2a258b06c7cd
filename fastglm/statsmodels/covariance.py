"""Covariances of the coefficients by statsmodels' conventions."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..errors import InvalidParameterError
from .observations import gram
from .refusals import caution, check_options, refuse

HETEROSCEDASTIC = ("HC0", "HC1", "HC2", "HC3")
KINDS = ("nonrobust", *HETEROSCEDASTIC, "cluster")


class Solution(NamedTuple):
    """Coefficients (p,) and the inverse of their information at unit scale (p, p), without NaN."""

    params: Any
    covariance: Any


def least_norm(exog, fitted) -> Solution:
    """The coefficients of a fit, those of a design of deficient rank being the shortest that reproduce its means.

    The columns of the design are X = K B, with K the independent ones; K g = X b is solved by the pseudo-inverse of B,
    which is also what pseudo-inverses of the weighted design give at every step of iterated least squares.
    """
    aliased = np.isnan(fitted.params)
    if not aliased.any():
        return Solution(fitted.params.copy(), fitted.cov_unscaled.copy())
    independent = np.asarray(exog[:, ~aliased], dtype=float)
    combinations = np.zeros((independent.shape[1], len(aliased)))
    combinations[:, ~aliased] = np.eye(independent.shape[1])
    combinations[:, aliased] = np.linalg.lstsq(independent, np.asarray(exog[:, aliased], dtype=float), rcond=None)[0]
    back = np.linalg.pinv(combinations)
    kept = ~aliased
    return Solution(back @ fitted.params[kept], back @ fitted.cov_unscaled[np.ix_(kept, kept)] @ back.T)


def inverse(information):
    """The inverse of an information matrix, its columns scaled alike first; its pseudo-inverse if it is singular."""
    size = np.sqrt(np.maximum(np.abs(np.diagonal(information)), np.finfo(float).tiny))
    scaled = information / np.outer(size, size)
    try:
        found = np.linalg.inv(scaled)
    except np.linalg.LinAlgError:
        return np.linalg.pinv(information, hermitian=True)
    return found / np.outer(size, size)


def observed(model, params, solution):
    """The inverse of the observed information at unit scale, (p, p)."""
    if model.spec.canonical:
        return solution.covariance
    return inverse(gram(model.exog, model.row_information(model.linear(params))))


def check_kind(kind, kwds) -> str:
    """The kind of covariance by its usual name; NotSupportedError for one that is not here lists those that are."""
    names = {name.lower(): name for name in KINDS}
    if not isinstance(kind, str) or kind.lower() not in names:
        raise refuse(f"cov_type={kind!r}", f"there are {', '.join(map(repr, KINDS))}")
    kind = names[kind.lower()]
    options = ("use_correction", "df_correction", "groups") if kind == "cluster" else ()
    check_options(f"cov_kwds of {kind!r}: ", dict(kwds or {}), options)
    return kind


def sandwich(model, params, bread, kind, kwds):
    """A robust covariance (p, p) of a model of one mean a row, from the inverse ``bread`` of the observed information.

    "HC0" is that of Huber (1967) and White (1980), "cluster" that of Liang and Zeger (1986) with the factor G / (G - 1)
    (n - 1) / (n - p).
    """
    scores = model.row_scores(model.linear(params))
    if kind == "cluster":
        return bread @ _cluster_meat(model.exog, scores, kwds) @ bread
    # a repeated row counts as often as it occurs, and not with the square of that
    frequencies = np.where(model.freq_weights > 0, model.freq_weights, 1.0)
    return bread @ gram(model.exog, scores**2 / frequencies) @ bread


def _cluster_meat(exog, scores, kwds):
    groups = (kwds or {}).get("groups")
    if groups is None or np.ndim(groups) != 1 or len(groups) != len(exog):
        raise InvalidParameterError(
            f"cov_type='cluster' needs cov_kwds with groups, a label for each of {len(exog)} rows"
        )
    labels, codes = np.unique(np.asarray(groups), return_inverse=True)
    totals = np.zeros((len(labels), exog.shape[1]))
    for j in range(exog.shape[1]):
        totals[:, j] = np.bincount(codes, weights=scores * exog[:, j], minlength=len(labels))
    n, p = exog.shape
    factor = len(labels) / (len(labels) - 1.0) * (n - 1.0) / (n - p) if kwds.get("use_correction", True) else 1.0
    return factor * totals.T @ totals


def clusters_df(kind, kwds):
    """Degrees of freedom of the tests where clusters give them, else None."""
    if kind != "cluster" or kwds.get("df_correction", True) is False:
        return None
    return len(np.unique(np.asarray(kwds["groups"]))) - 1


def of_likelihood(model, params, solution, kind, kwds):
    """A robust covariance of a GLM or a discrete model: HC0, whatever the digit, as in statsmodels."""
    if kind == "cluster" and (model.has_frequencies or model.has_weights):
        caution("cov_type='cluster' takes the weights of a row as its own, as in statsmodels")
    if kind in HETEROSCEDASTIC[1:]:
        caution(f"cov_type={kind!r} of this model is HC0, as in statsmodels: no correction for small samples is made")
    return sandwich(model, params, observed(model, params, solution), "HC0" if kind != "cluster" else kind, kwds)
