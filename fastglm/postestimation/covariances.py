"""Another covariance of a finished fit, from its rows: arrays, a frame, or files."""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import replace

import numpy as np

from ..core.records import VECTORS
from ..errors import InvalidParameterError
from ..inference import check_covariance, sandwich, several
from ..inference.row_scores import ClassScores, MeanScores, PredictorScores
from ..kernels.row_loops import FamilyLink
from ..objective.base import Deviance
from ..objective.response_sums import check
from ..objective.softmax import CrossEntropy
from ..options.covariance import known, parse
from ..rows.cluster_ids import with_clusters
from ..rows.open import open_rows
from ..rows.request import FitRequest
from ..rows.response import label_values


def with_cov(
    result, kind, X=None, y=None, *, data=None, cluster=None, correction=None, weights=None, freq_weights=None,
    offset=None, exposure=None, threads=None,
):  # fmt: skip
    """The same fit with another covariance of the coefficients.

    Parameters
    ----------
    result : GLMResult
    kind : str or mapping
        As ``cov`` of ``fit``; "cluster" with ``cluster=``.
    X, y : arrays or data frame
        The rows of the fit, as they were then.
    data : data frame or files
        In place of X and y, where the model was fitted by a formula: read as the fit read them.
    cluster : (n,) array, name of a column, or list of these
    correction : bool
        As in ``{"cluster": ..., "correction": ...}``.
    weights, freq_weights, offset, exposure : (n,) array, or name of a column of ``data``
        As they were in the fit; those that the formula has are found.
    threads : int, optional

    Returns
    -------
    GLMResult

    Raises
    ------
    InvalidParameterError, MissingDataError
        For rows that are not those of the fit, and a covariance that the model cannot have.
    """
    cov = _asked(kind, cluster, correction)
    inverse = check_covariance(result.cov_unscaled, "sandwich")
    vectors = dict(zip(VECTORS, (weights, freq_weights, offset, exposure), strict=True))
    with rows_of_fit(result, f"with_cov({kind!r})", X, y, data, vectors, cov=cov, threads=threads) as source:
        fields = _covariance(result, with_clusters(cov, source), source, inverse)
    return replace(result, cov_kind=cov.name, **({"cov_df": None} | fields))


@contextmanager
def rows_of_fit(result, verb: str, X, y, data, vectors, **options):
    """The rows of a finished fit, opened again as a source: arrays and a response, or what a formula reads.

    Raises
    ------
    InvalidParameterError, MissingDataError
        For rows that are not those of the fit; ``verb`` names who asks.
    """
    if (data is None) == (X is None):
        raise InvalidParameterError(f"{verb} needs the rows of the fit: X and y, or data")
    if y is None and (result.design is None or not result.design.formula.response):
        has = "needs y beside X" if data is None else "the fit has no formula with a response to read data by; pass y="
        raise InvalidParameterError(f"{verb.partition('(')[0]}: {has}")
    numbered = result.family.response_model == "mean" and not isinstance((result.classes or (0,))[0], (str, bool))
    request = FitRequest(
        data=X if data is None else data, y=y, family=result.family, link=result.link, intercept=result.intercept,
        missing=result.schema.missing, labels=None if numbered else result.classes, **vectors, **options,
    )  # fmt: skip
    _, source = open_rows(request, result.schema)
    with closing(source), np.errstate(all="ignore"):
        _check_labels(result, source)
        check_same(result, source)
        yield source
        source.finish()


def _check_labels(result, source):
    """Refuse a response of other labels than that of the fit."""
    known = label_values(source.labels)
    had = tuple(result.classes or ())
    if result.family.response_model == "several":
        had = tuple(sorted(had))  # the levels have an order of their own
    if known is not None and tuple(known) != had:
        raise InvalidParameterError(f"y has the labels {list(known)}, that of the fit {list(result.classes or ())}")


def _asked(kind, cluster, correction):
    if cluster is not None or kind == "cluster":
        if kind != "cluster" or cluster is None:
            raise InvalidParameterError(f"with_cov({kind!r}, cluster=...): clusters belong to the kind 'cluster'")
        kind = {"cluster": cluster, "correction": True if correction is None else correction}
    elif correction is not None:
        raise InvalidParameterError("correction belongs to the kind 'cluster'; for the others it is in their names")
    cov = parse(kind)
    if cov is None or cov == "model":
        raise InvalidParameterError(f"unknown covariance {kind!r}; known: {known()}")
    return cov


def _covariance(result, cov, source, inverse):
    model = result.family.response_model
    sandwich.check(cov, source, result.params.shape[1] if model == "softmax" else 0)
    beta = result.params.ravel(order="F")
    if model == "several":
        objective = several.likelihood(result, source)
        scores = PredictorScores(objective.loop, objective.predictors, sandwich.zeroed(beta), objective.place)
    elif model == "softmax":
        n_contrasts = result.params.shape[1]
        objective = CrossEntropy(source, n_contrasts + 1)
        scores = ClassScores(sandwich.zeroed(beta).reshape(n_contrasts, -1))
    else:
        pair = FamilyLink(result.family, result.link)
        objective, scores = Deviance(source, pair), MeanScores(pair, sandwich.zeroed(beta))
    root = result.information_root
    fitted = sandwich.Fitted(
        objective, source, scores, beta, inverse, result.nobs, result.rank, root=root, dispersion=result.scale
    )
    return sandwich.covariance(cov, fitted)


def check_same(result, source) -> None:
    """Refuse rows that cannot be those of the fit."""
    had = len(result.schema.names)
    if source.n_columns != had:
        raise InvalidParameterError(f"the rows have {source.n_columns} coefficients, the fit had {had}")
    for name in ("weights", "freq_weights"):
        had = getattr(result, f"has_{name}")
        if had != (getattr(source.data, name) is not None):
            raise InvalidParameterError(
                f"the model was fitted with{'' if had else 'out'} {name}: "
                + ("give them again" if had else "leave them out")
            )
    shifted = source.data.offset is not None or source.data.exposure is not None
    if (result.exposure_kind is not None) != shifted:
        raise InvalidParameterError("offset and exposure must be those of the fit; give what it had, and nothing else")
    nobs = check(source, result.family).nobs
    if not np.isclose(nobs, result.nobs, rtol=1e-9):
        raise InvalidParameterError(f"the rows count {nobs:g} observations, those of the fit {result.nobs:g}")
