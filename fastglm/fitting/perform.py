"""One fit: rows are opened, the model of their response is chosen and solved, and its record is made."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import contextmanager, nullcontext

import numpy as np

from ..errors import InvalidParameterError
from ..inference import sandwich
from ..rows.open import open_rows
from ..rows.request import FitRequest
from ..rows.response import check_start
from ..solvers import declaration_of
from ..source.base import weight_of
from ..source.in_memory import InMemory
from ..source.threads import single_threaded_blas
from .progress import bar
from .run import RESPONSE_MODELS, FitRun
from .several import SEVERAL_MODELS

MOST_SHORT = 8000  # columns of terms, beside a long one, whose products are summed


def perform(request: FitRequest):
    """The result of a request.

    Returns
    -------
    GLMResult or MultinomialResult

    Raises
    ------
    InvalidParameterError, MissingDataError
        For what the caller asks, and values that the family does not admit.
    """
    schema, source = open_rows(request)
    try:
        result = fit_source(request, schema, source)
        source.finish()
    finally:
        source.close()
    return result


def fit_source(request: FitRequest, schema, source):
    """Fit a model to the rows of an open source.

    Parameters
    ----------
    request : FitRequest
    schema : Schema
    source : Source

    Returns
    -------
    GLMResult or MultinomialResult
    """
    run, labels = run_of(request, schema, source)
    start = check_start(request.start, len(run.names), run.start_columns(request.start))
    with running(run, request.progress) as callback:
        run.fit(start, callback)
        return run.result(labels)


def running(run, progress, fits: int | None = None):
    """What surrounds the passes of a fit, or of several: a progress bar, whose callback it gives, and threads that do
    not spin. What over- or underflows on the way is looked at, not warned about."""
    if run.objective.small and not progress:
        return np.errstate(all="ignore")
    return _running(run, progress, fits)


@contextmanager
def _running(run, progress, fits):
    # BLAS threads that wake between two passes would spin on the cores the passes need
    hold = nullcontext() if run.objective.small else single_threaded_blas()
    with hold, np.errstate(all="ignore"), bar(run, fits) if progress else nullcontext() as callback:
        yield callback


def run_of(request: FitRequest, schema, source):
    """The run of a request, not yet fitted, and the labels of its response."""
    options, labels = request.solver, source.labels
    if declaration_of(options).first_order:
        source = _in_process(source)  # a step costs nanoseconds
        if options.class_weight is not None:
            source = _weigh_classes(source, getattr(labels, "ordered", labels), options.class_weight)
            options = options._replace(class_weight=None)
    model = (RESPONSE_MODELS | SEVERAL_MODELS)[request.family.response_model]
    check_size(source, request.cov, model.n_contrasts(labels))
    run: FitRun = model.of(request, source, options, labels)
    run.began, run.schema, run.penalty, run.scale_kind = request.began, schema, request.penalty, request.dispersion
    run.bias_reduction = request.bias_reduction
    run.notes[:0] = source.notes
    return run, labels


def _in_process(source) -> InMemory:
    """The rows in the memory of this process, with what belongs to them."""
    found = source.local or source.gather()
    found.clusters = source.clusters
    return found


def _weigh_classes(source, labels, wanted) -> InMemory:
    """The source with every row's weight multiplied by that of its class: a mapping of labels, or "balanced"."""
    if labels is not None and isinstance(wanted, Mapping):
        unknown = [label for label in wanted if label not in labels]
        missing = [label for label in labels if label not in wanted]
        if unknown or missing:
            problem = "are not among them" if unknown else "are left out"
            raise InvalidParameterError(
                f"class_weight must name the classes of y, {list(labels)}: {unknown or missing} {problem}"
            )
        wanted = {labels.index(label): w for label, w in wanted.items()}
    from ..solver.sgd.training_rows import class_weights  # loads what first-order solvers need

    data = source.data
    w = class_weights(np.asarray(data.y), weight_of(data.weights, data.freq_weights), wanted)
    weighed = InMemory(data._replace(weights=w if data.weights is None else w * data.weights), source.threads)
    weighed.clusters = source.clusters
    if hasattr(source.clusters, "reduce"):
        raise InvalidParameterError("cov: class_weight does not go with clusters of files")
    return weighed


def check_size(source, cov, n_contrasts: int = 0) -> None:
    """Refuse a covariance of more coefficients than a matrix of all of them can hold."""
    sandwich.check(cov, source, n_contrasts)
    if cov is not None and source.structured_sums.q > MOST_SHORT:
        raise InvalidParameterError(
            f"cov={cov!r}: the information of {source.n_columns} coefficients does not fit; pass cov=None"
        )
