"""The record of a stream: that of a fit, from sums, a solution and a null deviance of rows that are gone."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import numpy as np

from ..errors import warn
from ..fitting.null import class_null_deviance
from ..fitting.statistics import SolvedFit, class_result, dispersion, mean_result
from ..inference import sandwich
from ..linalg.factor import from_root
from ..options.covariance import parse
from ..rows.schema import INTERCEPT
from ..solver.newton import without_aliased
from ..solvers import Stream
from .batch import NUMBERS
from .drift import warning_of

COLLINEAR = 1e-7  # chosen: an information matrix alone tells columns apart to half the digits of float64


def result_of(model: Any) -> Any:
    """The record of a stream that has an estimate.

    Parameters
    ----------
    model : OnlineGLM

    Returns
    -------
    GLMResult or MultinomialResult

    Warns
    -----
    DriftWarning, ConvergenceWarning
        As ``OnlineGLM.result``.
    """
    began, state, is_softmax = perf_counter(), model._final_state(), model._is_softmax
    names = ((INTERCEPT,) if model.intercept else ()) + model._shape.names
    history = {"iteration": model.n_batches, "passes": 1.0, "deviance": state.deviance, "max_eta": state.max_eta}
    solution = state.solution(())._replace(n_iter=model.n_batches, history=(history,))
    if solution.factor is None:
        solution = _without_collinear(solution)
    family, notes = model.family, []
    warning = warning_of(model._drift, model._dispersion(state), state.lost, names)
    if warning is not None:
        warn(*warning)
        notes.append(warning[1])
    if is_softmax:
        family = family._replace(reference=ordered_labels(model)[0])
        null_deviance = class_null_deviance(model._totals, model.intercept)
    else:
        null_deviance = _null_deviance(model)
    fit = SolvedFit(
        family, model.link, names, model.intercept, model.intercept, model._vectors, model._sums, model.n_rows,
        null_deviance, solution, Stream(), _covariances(model, solution), 1.0, began, notes,
    )  # fmt: skip
    return class_result(fit, model._shape.classes) if is_softmax else mean_result(fit, two_labels(model))


def _covariances(model, solution) -> dict[Any, Any]:
    """The inverse information, and the sandwich around the scores that were summed, as fields of a result."""
    cov, factor, sums = parse(model.cov), solution.factor, model._sums
    if cov is None or factor is None:
        return {"cov_unscaled": None}
    inverse, rank = factor.inverse(), len(solution.beta) - len(factor.aliased)
    if cov == "model":
        root = factor.root() if factor.accurate and not model._is_softmax else None
        return {"cov_unscaled": inverse, "information_root": root}
    scale = dispersion(model.family, sums, solution.quadratic.deviance, len(solution.beta))
    covariance = sandwich.of_scores(cov, inverse, solution.meat, np.ones(len(inverse)), sums.nobs, rank, scale)
    return {"cov_unscaled": inverse, "cov_kind": cov.name, "covariance": covariance}


def _without_collinear(solution):
    """The solution without the columns that repeat earlier ones, as far as the information alone can tell."""
    information = solution.quadratic.information.toarray()
    diagonal = np.diagonal(information)
    size = 1.0 / np.sqrt(np.where(diagonal > 0.0, diagonal, 1.0))
    values, vectors = np.linalg.eigh(information * size * size[:, None])
    R = np.sqrt(np.maximum(values, 0.0))[:, None] * np.where(diagonal > 0.0, vectors.T, 0.0)
    factor = from_root(R, size, tolerance=COLLINEAR)
    return solution._replace(factor=factor, beta=without_aliased(solution.beta, factor))


def _null_deviance(model) -> float:
    """The deviance of the mean of y, from that of a constant mean: their difference needs sums alone."""
    family, sums = model.family, model._sums
    if not model.intercept:
        return model._null
    if not hasattr(family, "log_partition"):
        return np.nan
    return model._null + sums.deviance_change(family, model._null_mean, sums.mean)


def two_labels(model: Any) -> tuple[Any, ...] | None:
    """The two labels of a binomial y, zero and one where it has numbers; None for other families."""
    known = model._shape.classes
    return NUMBERS if known is None and model.family.domain.high == 1.0 and model._sums.binary else known


def ordered_labels(model: Any) -> tuple[Any, ...]:
    """The classes of a multinomial y in the order of their codes, the reference first."""
    classes, reference = model._shape.classes, model.family.reference
    reference = classes[0] if reference is None else reference
    return (reference, *(label for label in classes if label != reference))
