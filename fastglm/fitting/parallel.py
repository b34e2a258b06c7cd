"""The score test that ordered levels have the same coefficients at every threshold: proportional odds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import chdtrc

from ..errors import InvalidParameterError
from ..inference.test_table import TestTable
from ..objective.several import Predictor, SeveralLikelihood, slices
from ..postestimation.covariances import rows_of_fit
from ..solver.indefinite import direction

if TYPE_CHECKING:
    from ..result.several import SeveralResult
    from ..types import Rows, Variable


def parallel_test(
    result: SeveralResult, data: Rows, y: Variable | None = None, *, weights: Variable | None = None,
    freq_weights: Variable | None = None, offset: Variable | None = None, threads: int | None = None,
) -> TestTable:  # fmt: skip
    """Rao's score test of an ordinal model against coefficients that differ between the thresholds, in one pass.

    Under cumulative logits this is the test of proportional odds (Peterson and Harrell 1990, "Partial proportional
    odds models for ordinal response variables", Applied Statistics 39; that of SAS's PROC LOGISTIC). The information
    is the observed one.

    Parameters
    ----------
    result : SeveralResult
        Of family="ordinal", with three levels or more.
    data : the rows of the fit: a frame or files, or X of arrays with y
    y : (n,) array, for arrays
    weights, freq_weights, offset : as the fit had them
    threads : int, optional

    Returns
    -------
    TestTable
        A row for all columns together, then one for each column alone: df, statistic (chi-square), p_value.

    Raises
    ------
    InvalidParameterError
        For a model without thresholds or with one alone, and rows that are not those of the fit.

    Examples
    --------
    ``fit.parallel_test(data)``
    """
    family = getattr(result, "family", None)
    if not getattr(family, "labelled", False) or family.response_model != "several":
        raise InvalidParameterError("parallel_test is of a result of family='ordinal'")
    if family.parallel is not True:
        raise InvalidParameterError("parallel_test: the model has coefficients of its own at every threshold already")
    thresholds = len(result.classes) - 1
    if thresholds < 2:
        raise InvalidParameterError("parallel_test: two levels have one threshold, whose coefficients are the model's")
    vectors = {"weights": weights, "freq_weights": freq_weights, "offset": offset}
    X, frame = (data, None) if y is not None else (None, data)
    kept = [j for j, b in zip(result.columns[0], result.params, strict=False) if np.isfinite(b)]
    with rows_of_fit(result, "parallel_test", X, y, frame, vectors, threads=threads) as source:
        labels = source.labels
        place = np.array([result.classes.index(label) for label in labels.ordered])
        columns = np.array(kept, np.intp)
        wide = (Predictor(columns), Predictor(columns[:0], True), *[Predictor(columns, True)] * (thresholds - 1))
        objective = SeveralLikelihood(source, family.loop(result.link, None), wide, place)
        where = slices(wide)
        beta = np.zeros(objective.n_params)
        beta[where[0]] = result.params[: result.places[0].stop][np.isfinite(result.params[: result.places[0].stop])]
        for at, value in zip(where[1:], result.thresholds, strict=True):
            beta[at.start] = value
        quadratic = objective.at(beta, 2)
    own = np.concatenate([np.arange(where[0].start, where[0].stop), [at.start for at in where[1:]]])
    extra = np.array([np.arange(at.start + 1, at.stop) for at in where[2:]])  # (thresholds - 1, columns)
    chosen = [extra.ravel(), *extra.T] if len(kept) > 1 else [extra.ravel()]
    information = np.asarray(quadratic.information)
    statistics = np.array([_statistic(information, quadratic.score, own, more) for more in chosen])
    df = np.array([float(len(more)) for more in chosen])
    names = [result.schema.names[j] for j in kept] if len(kept) > 1 else []
    return TestTable(
        title=f"Score test of parallel coefficients: {family.kind}, {result.link.name} link",
        terms=("all columns", *names),
        columns={"df": df, "statistic": statistics, "p_value": chdtrc(df, statistics)},
        library=result.schema.library,
    )


def _statistic(information, score, own, more):
    """U' I^-1 U of some coefficients beside those of the model, whose score is zero."""
    every = np.concatenate([own, more])
    return direction(information[np.ix_(every, every)], score[every]).gain
