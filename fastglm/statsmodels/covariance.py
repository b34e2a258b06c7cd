"""Covariances of the coefficients by statsmodels' conventions."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..errors import InvalidParameterError
from .observations import gram
from .refusals import caution, check_options, refuse

HETEROSCEDASTIC = ("HC0", "HC1", "HC2", "HC3")
KINDS = ("nonrobust", *HETEROSCEDASTIC, "cluster", "HAC")
OPTIONS = {"cluster": ("use_correction", "df_correction", "groups"), "HAC": ("maxlags", "use_correction")}


class Solution(NamedTuple):
    """Coefficients (p,) and the inverse of their information at unit scale (p, p), without NaN."""

    params: Any
    covariance: Any


def least_norm(exog: Any, fitted: Any) -> Solution:
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


def inverse(information: Any) -> Any:
    """The inverse of an information matrix, its columns scaled alike first; its pseudo-inverse if it is singular."""
    size = np.sqrt(np.maximum(np.abs(np.diagonal(information)), np.finfo(float).tiny))
    scaled = information / np.outer(size, size)
    try:
        found = np.linalg.inv(scaled)
    except np.linalg.LinAlgError:
        return np.linalg.pinv(information, hermitian=True)
    return found / np.outer(size, size)


def observed(model: Any, params: Any, solution: Any) -> Any:
    """The inverse of the observed information at unit scale, (p, p)."""
    if model.spec.canonical:
        return solution.covariance
    return inverse(gram(model.exog, model.row_information(model.linear(params))))


def check_kind(kind: Any, kwds: Any) -> str:
    """The kind of covariance by its usual name; NotSupportedError for one that is not here lists those that are."""
    names = {name.lower(): name for name in KINDS}
    if not isinstance(kind, str) or kind.lower() not in names:
        raise refuse(f"cov_type={kind!r}", f"there are {', '.join(map(repr, KINDS))}")
    kind = names[kind.lower()]
    check_options(f"cov_kwds of {kind!r}: ", dict(kwds or {}), OPTIONS.get(kind, ()))
    return kind


def sandwich(model: Any, params: Any, bread: Any, kind: Any, kwds: Any) -> Any:
    """A robust covariance (p, p) of a model of one mean a row, from the inverse ``bread`` of the observed information.

    "HC0" is that of Huber (1967) and White (1980), "cluster" that of Liang and Zeger (1986) with the factor G / (G - 1)
    (n - 1) / (n - p), of two ways of clustering that of Cameron, Gelbach and Miller (2011), "HAC" that of Newey and
    West (1987) with Bartlett's weights.
    """
    design, scores = model.scored_rows(params)
    if kind == "cluster":
        return bread @ _cluster_meat(design, scores, kwds) @ bread
    if kind == "HAC":
        return bread @ _lagged_meat(design, scores, kwds) @ bread
    # a repeated row counts as often as it occurs, and not with the square of that
    frequencies = np.where(model.freq_weights > 0, model.freq_weights, 1.0)
    return bread @ gram(design, scores**2 / frequencies) @ bread


def _cluster_meat(exog, scores, kwds):
    groups = np.asarray(kwds["groups"]) if (kwds or {}).get("groups") is not None else np.zeros(0)
    groups = groups.T if groups.ndim == 2 and len(groups) == 2 != len(exog) else groups
    if groups.ndim not in (1, 2) or len(groups) != len(exog) or groups.ndim == 2 and groups.shape[1] != 2:
        raise InvalidParameterError(
            f"cov_type='cluster' needs cov_kwds with groups, a label or two for each of {len(exog)} rows"
        )
    correct = kwds.get("use_correction", True)
    if groups.ndim == 1:
        return _one_way(exog, scores, groups, correct)
    first, second = (np.unique(column, return_inverse=True)[1] for column in groups.T)
    ways = first, second, first * (int(second.max()) + 1) + second
    one, other, both = (_one_way(exog, scores, labels, correct) for labels in ways)
    return one + other - both


def _one_way(exog, scores, groups, correct):
    labels, codes = np.unique(groups, return_inverse=True)
    totals = np.zeros((len(labels), exog.shape[1]))
    for j in range(exog.shape[1]):
        totals[:, j] = np.bincount(codes, weights=scores * exog[:, j], minlength=len(labels))
    n, p = exog.shape
    factor = len(labels) / (len(labels) - 1.0) * (n - 1.0) / (n - p) if correct else 1.0
    return factor * totals.T @ totals


def _lagged_meat(exog, scores, kwds):
    n, p = exog.shape
    lags = (kwds or {}).get("maxlags")
    if not isinstance(lags, (int, np.integer)) or not 0 <= lags < n:
        raise InvalidParameterError(f"cov_type='HAC' needs cov_kwds with maxlags, a count below the {n} rows")
    rows = exog * scores[:, None]
    total = rows.T @ rows
    for lag in range(1, lags + 1):
        product = rows[lag:].T @ rows[:-lag]
        total += (1.0 - lag / (lags + 1.0)) * (product + product.T)
    return total * (n / (n - p)) if kwds.get("use_correction", False) else total


def clusters_df(kind: Any, kwds: Any) -> Any:
    """Degrees of freedom of the tests where clusters give them, else None."""
    if kind != "cluster" or kwds.get("df_correction", True) is False:
        return None
    groups = np.asarray(kwds["groups"])
    groups = groups.T if groups.ndim == 2 and groups.shape[0] == 2 else groups
    return min(len(np.unique(column)) for column in np.atleast_2d(groups.T)) - 1


def of_likelihood(model: Any, params: Any, solution: Any, kind: Any, kwds: Any, bread: Any = None) -> Any:
    """A robust covariance of a GLM or a discrete model: HC0, whatever the digit, as in statsmodels. The ``bread`` is
    the inverse of the observed information where it is known.
    """
    if kind == "cluster" and (model.has_frequencies or model.has_weights):
        caution("cov_type='cluster' takes the weights of a row as its own, as in statsmodels")
    if kind in HETEROSCEDASTIC[1:]:
        caution(f"cov_type={kind!r} of this model is HC0, as in statsmodels: no correction for small samples is made")
    bread = observed(model, params, solution) if bread is None else bread
    return sandwich(model, params, bread, "HC0" if kind in HETEROSCEDASTIC else kind, kwds)
