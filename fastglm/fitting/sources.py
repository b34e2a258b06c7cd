"""Fits of rows in memory, and of any source of rows."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import nullcontext

import numpy as np

from .. import __version__
from ..errors import InvalidParameterError
from ..family.binomial import Bernoulli, Binomial
from ..family.links import Log, Logit
from ..inference import sandwich
from ..kernels.row_loops import FamilyLink
from ..objective.compression import compressed
from ..objective.response_sums import ClassWeights, check, validate_response
from ..result.record import GLMResult
from ..rows import arrays
from ..rows.labels import Encoded
from ..solver.sgd.training_rows import class_weights
from ..solvers import declaration_of, resolve
from ..source.base import weight_of
from ..source.chunked import Chunked, Chunks
from ..source.in_memory import InMemory
from ..source.journal import Journal
from ..source.pieces import Parts
from ..source.threads import get_threads, single_threaded_blas
from .progress import bar
from .run import GLM, Softmax

MOST_SHORT = 8000  # columns of terms, beside a long one, whose products are summed


def fit_arrays(
    X,
    y,
    *,
    family="gaussian",
    link=None,
    intercept=True,
    weights=None,
    freq_weights=None,
    offset=None,
    exposure=None,
    penalty=None,
    solver="auto",
    cov="model",
    start=None,
    names=None,
    threads=None,
    progress=False,
    compress="auto",
    client=None,
    checkpoint=None,
    began=None,
) -> GLMResult:
    """``fit`` of rows in memory: arrays, sparse matrices, columns of ``fastglm.matrix``, or what a design has built.

    Parameters
    ----------
    X, y, **others
        As for ``fit``.
    began : float, optional
        When the fit began, by ``time.perf_counter``.

    Returns
    -------
    GLMResult, or MultinomialResult for family="multinomial"

    Raises
    ------
    InvalidParameterError, MissingDataError
    """
    began = time.perf_counter() if began is None else began
    family, link = arrays.family_and_link(family, link)
    options = resolve(solver)
    cov = check_options(penalty, cov, exposure, link, compress)
    check_clusters(cov)
    data, classes = arrays.assemble(
        X,
        y,
        family,
        intercept=intercept,
        weights=weights,
        freq_weights=freq_weights,
        offset=offset,
        exposure=exposure,
        names=names,
    )
    source = InMemory(data, get_threads(threads))
    if client is not None:
        raise InvalidParameterError(
            "client: rows in memory are fitted by the threads of this process; pass files or a collection of Dask"
        )
    if checkpoint is not None:
        what = {"family": family, "link": link, "solver": options, "cov": cov, "start": start, "compress": compress}
        source = journalled(data, source.threads, checkpoint, what)
    try:
        return fit_source(
            source, family, link, options, cov, classes, start=start, progress=progress, compress=compress, began=began
        )
    finally:
        if checkpoint is not None:
            source.journal.close()


def fit_source(
    source,
    family,
    link,
    solver="auto",
    cov="model",
    classes=None,
    *,
    start=None,
    progress=False,
    compress="auto",
    began=None,
) -> GLMResult:
    """Fit a model to the rows of a source.

    Parameters
    ----------
    source : InMemory or Chunked
    family, link : values, not names
    solver, cov, start, progress, compress
        As for ``fit``.
    classes : tuple, labels.Encoded or None
        The labels of a binary, or the classes of a multinomial response, whose y holds their numbers.
    began : float, optional
        When the fit began, by ``time.perf_counter``.

    Returns
    -------
    GLMResult, or MultinomialResult for several classes

    Raises
    ------
    InvalidParameterError, MissingDataError
        For values that the family does not admit.
    """
    began = time.perf_counter() if began is None else began
    options, several, cov = resolve(solver), isinstance(classes, Encoded), sandwich.parse(cov)
    if declaration_of(options).first_order:
        source = source.gather()  # a step costs nanoseconds: its rows are in memory
        if options.class_weight is not None:
            if getattr(cov, "source", None) is not None:
                raise InvalidParameterError(f"cov={cov!r}: class_weight does not go with clusters of files")
            labels = classes.ordered if several else classes
            data = _weigh_classes(source.data, labels, options.class_weight)
            options = options._replace(class_weight=None)
            source = InMemory(data, source.threads)
    check_size(source, cov, len(classes.classes) - 1 if several else 0)
    if several:
        model = _softmax(source, family, link, options, cov, classes)
    else:
        model = _glm(source, family, link, options, cov, compress)
    model.began = began
    if classes is None and family.domain.high == 1.0 and model.sums.binary:
        classes = (0, 1)
    start = arrays.check_start(start, len(model.names), _columns(start, classes, options) if several else None)
    # BLAS threads that wake between two passes would spin on the cores the passes need
    hold = nullcontext() if model.objective.small else single_threaded_blas()
    # what over- or underflows on the way is looked at, not warned about
    with hold, np.errstate(all="ignore"), bar(model) if progress else nullcontext() as callback:
        model.fit(start, callback)
        return model.result(classes)


def _weigh_classes(data, labels, wanted):
    """The data with every row's weight multiplied by that of its class: a mapping of labels, or "balanced"."""
    if labels is not None and isinstance(wanted, Mapping):
        unknown = [label for label in wanted if label not in labels]
        missing = [label for label in labels if label not in wanted]
        if unknown or missing:
            problem = "are not among them" if unknown else "are left out"
            raise InvalidParameterError(
                f"class_weight must name the classes of y, {list(labels)}: {unknown or missing} {problem}"
            )
        wanted = {labels.index(label): w for label, w in wanted.items()}
    w = class_weights(np.asarray(data.y), weight_of(data.weights, data.freq_weights), wanted)
    return data._replace(weights=w if data.weights is None else w * data.weights)


def _columns(start, encoded, options) -> int:
    """The columns that starting coefficients of several classes should have."""
    everyone = len(encoded.classes)
    return everyone if declaration_of(options).first_order and np.shape(start)[1:] == (everyone,) else everyone - 1


def _glm(source, family, link, options, cov, compress) -> GLM:
    """A model of one mean a row, its vectors checked."""
    sums = validate_response(source, FamilyLink(family, link))
    quick = Bernoulli() if isinstance(family, Binomial) and isinstance(link, Logit) and sums.binary else family
    pair, cells = FamilyLink(quick, link), None
    if compress and not declaration_of(options).sequential:
        cells = compressed(source, pair, compress)
    return GLM(source, family, link, pair, sums, options, cov, cells)


def _softmax(source, family, link, options, cov, encoded) -> Softmax:
    """A model of the classes' probabilities, its vectors checked."""
    sums = check(source, family)
    totals = source.reduce(ClassWeights(len(encoded.classes)))
    return Softmax(source, family._replace(reference=encoded.reference), link, encoded, totals, sums, options, cov)


def check_size(source, cov, several: int = 0) -> None:
    """Refuse a covariance of more coefficients than a matrix of all of them can hold; ``several`` as there."""
    sandwich.check(cov, source, several)
    if cov is not None and source.room.q > MOST_SHORT:
        raise InvalidParameterError(
            f"cov={cov!r}: the information of {source.n_columns} coefficients does not fit; pass cov=None"
        )


def check_clusters(cov) -> None:
    """Refuse clusters that are names of columns, where there are arrays."""
    names = [v for v in getattr(cov, "by", ()) if isinstance(v, str)]
    if names:
        raise InvalidParameterError(
            f"cov: cluster {names[0]!r} names a column, which glm(formula, data) and files have; for arrays pass "
            "{'cluster': groups} with an array of the cluster of each row"
        )


def check_options(penalty, cov, exposure, link, compress="auto"):
    """Refuse options that are not known, or contradict the link; returns the covariance that is meant."""
    if compress not in ("auto", True, False):
        raise InvalidParameterError(f"compress={compress!r} is unknown; known: 'auto', True or False")
    if penalty is not None:
        raise InvalidParameterError("penalty is reserved for a later version; pass penalty=None")
    if exposure is not None and not isinstance(link, Log):
        raise InvalidParameterError(f"exposure needs the log link, not {link.name!r}; pass an offset instead")
    return sandwich.parse(cov)


def journalled(data, threads: int, checkpoint, what: dict) -> Chunked:
    """A source over rows in memory whose passes are kept in the folder ``checkpoint``."""
    reader = Parts([data])
    return Chunked(Chunks(reader), threads, journal=Journal(checkpoint, identity(reader, **what)))


def identity(reader, **what) -> dict:
    """What tells a fit from others, as plain values; ``Journal`` names what has changed."""
    what = {name: v.tolist() if isinstance(v, np.ndarray) else v for name, v in what.items()}
    return {
        "the version of fastglm": __version__,
        "the data": reader.fingerprint(),
        **{f"{name}=": repr(value) for name, value in what.items()},
    }
