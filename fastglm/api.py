"""``fit``: from arrays to a result."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import nullcontext
from os import PathLike
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from . import inputs
from .errors import InvalidParameterError
from .family.binomial import Bernoulli, Binomial
from .family.links import Log, Logit
from .inference import sandwich
from .kernels.rows import Pair
from .labels import Encoded
from .model import GLM, Softmax
from .progress import bar
from .result import GLMResult
from .scan import ClassWeights, check, scan
from .solver.sgd.rows import class_weights
from .solvers import SGD, Stream, resolve
from .source.base import weight_of
from .source.in_memory import InMemory
from .source.threads import get_threads, single_threaded_blas

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal

    from typing_extensions import Unpack

    from .family.multinomial import Multinomial
    from .multinomial import MultinomialResult
    from .types import ArrayLike, Covariance, FamilyLike, File, FitOptions, LinkLike, Rows, SolverLike, Variable

MOST_SHORT = 8000  # columns of terms, beside a long one, whose products are summed


@overload
def fit(
    X: Rows, y: Variable, *, family: Literal["multinomial"] | Multinomial, **options: Unpack[FitOptions]
) -> MultinomialResult: ...


@overload
def fit(X: Rows, y: Variable, *, family: FamilyLike = "gaussian", **options: Unpack[FitOptions]) -> GLMResult: ...


def fit(
    X: Rows,
    y: Variable,
    *,
    family: FamilyLike = "gaussian",
    link: LinkLike | None = None,
    intercept: bool = True,
    weights: Variable | None = None,
    freq_weights: Variable | None = None,
    offset: Variable | None = None,
    exposure: Variable | None = None,
    penalty: None = None,
    solver: SolverLike = "auto",
    cov: Covariance = "model",
    start: ArrayLike | None = None,
    names: Sequence[str] | None = None,
    threads: int | None = None,
    progress: bool = False,
    compress: bool | Literal["auto"] = "auto",
    memory: int | None = None,
    client: Any = None,
    checkpoint: File | None = None,
) -> GLMResult:
    """Fit a generalized linear model by maximum likelihood, with inference.

    Parameters
    ----------
    X : (n, p) array
        Numbers of any type, order and stride, read in place; a list, a scipy sparse matrix, or the columns of
        ``fastglm.matrix``. In a data frame, columns of text and categories are factors, against their first level.
        Also files, as for ``glm``: then y, weights and so on are names of columns, and all others are X. Also a
        ``dask.array`` or ``dask.dataframe``, with y, weights and so on of the same kind, or names of its columns.
    y : (n,) array
        The response. For the binomial also two labels (strings, bools), proportions with ``weights`` as the numbers
        of trials, or an (n, 2) array of successes and failures.
    family : str or family
        A name or a value of ``fastglm.families``.
    link : str or link, optional
        A name or a value of ``fastglm.links``; the family's default without it.
    intercept : bool
        Whether to add a constant, named "(Intercept)", before the columns of X.
    weights : (n,) array, optional
        R's prior weights: var(y_i) = scale V(mu_i) / weights_i. A row of weight zero is as if it were not there.
    freq_weights : (n,) array, optional
        How often each row is repeated; they enter nobs and the degrees of freedom.
    offset : (n,) array, optional
        Added to the linear predictor.
    exposure : (n,) array, optional
        Positive; its logarithm is added to the linear predictor (log link only).
    penalty : None
        Reserved; maximum likelihood is fitted.
    solver : str or record of ``fastglm.solvers``
        "auto", "newton", "irls", "lbfgs", "newton-cg", "stream" or "sgd".
    cov : "model", "robust", "HC1", "HC2", "HC3", "cluster:column", {"cluster": groups} or None
        The covariance of the estimates: from the model, or for a pass more one that holds whatever the variance of y:
        the sandwich (HC0; Huber 1967, White 1980) and its corrections for small samples as R's ``vcovHC`` has them, or
        that of rows dependent within clusters, as ``vcovCL``. ``groups`` are the clusters of the rows (n,) of any type,
        a column's name in frames and files, or a list of these for several ways of clustering; add ``"correction":
        False`` to leave out the factors for few clusters and rows. None spares the pass that a covariance costs. See
        ``fastglm.inference.sandwich``.
    start : (p,) array, optional
        Starting coefficients, the intercept first; (p, K-1) for a multinomial y, or (p, K) for solver="sgd".
    names : sequence of str, optional
        Names of the columns of X.
    threads : int, optional
        All available cores without it. The answer is the same to the bit for every number.
    progress : bool
        Show a progress bar.
    compress : "auto", True or False
        Whether to collapse rows of equal covariates into cells with the sums that make the fit of them that of all
        rows: exactly the same coefficients, standard errors, deviance and robust covariance. By itself where it pays,
        as in designs of factors.
    memory, client
        For files and collections of Dask, as for ``glm``.
    checkpoint
        As for ``glm``.

    Returns
    -------
    GLMResult, or MultinomialResult for family="multinomial"

    Raises
    ------
    fastglm.errors.InvalidParameterError
        Before any work, for input that cannot be used; the message names the argument, the column and the row.

    Warns
    -----
    SeparationWarning, CollinearityWarning, ConvergenceWarning
        When some estimates are infinite, not identified, or not certified; the message names the remedy.

    References
    ----------
    McCullagh, P. and Nelder, J. A. (1989), Generalized Linear Models, 2nd ed.; conventions as R's ``stats::glm``.

    Examples
    --------
    >>> import numpy as np, fastglm
    >>> x = np.array([2.0, 3, 5, 7, 11, 13])
    >>> result = fastglm.fit(x[:, None], [0, 0, 1, 0, 1, 1], family="binomial")
    >>> result.params.round(6)
    array([-3.549071,  0.551776])
    """
    began = time.perf_counter()
    if not isinstance(X, (np.ndarray, list)):
        from .frames import plain

        X = plain(X)
        if isinstance(X, str) and "~" in X:
            raise InvalidParameterError(f"X={X!r} is a formula: fit takes arrays or files; see glm(formula, data)")
    if hasattr(X, "__dask_graph__"):
        from .engines.collections import fit_collection

        return fit_collection(
            X, y, family=family, link=link, intercept=intercept, weights=weights, freq_weights=freq_weights,
            offset=offset, exposure=exposure, penalty=penalty, solver=solver, cov=cov, start=start, names=names,
            threads=threads, progress=progress, compress=compress, memory=memory, client=client, checkpoint=checkpoint,
        )  # fmt: skip
    if not isinstance(X, (np.ndarray, list)) or (isinstance(X, list) and X and isinstance(X[0], (str, PathLike))):
        from .files import is_rows

        if is_rows(X):
            from .stored import all_columns, fit_rows

            if names is not None:
                raise InvalidParameterError("names: the columns of files have names of their own")
            return fit_rows(
                all_columns(y, bool(intercept)), X, family=family, link=link, weights=weights,
                freq_weights=freq_weights, offset=offset, exposure=exposure, penalty=penalty, solver=solver, cov=cov,
                start=start, threads=threads, progress=progress, compress=compress, memory=memory, client=client,
                checkpoint=checkpoint, began=began,
            )  # fmt: skip
    if hasattr(X, "columns") or hasattr(X, "__arrow_c_stream__"):
        from .frames import fit_frame, has_factors

        if has_factors(X):
            return fit_frame(
                X, y, family=family, link=link, intercept=intercept, weights=weights, freq_weights=freq_weights,
                offset=offset, exposure=exposure, penalty=penalty, solver=solver, cov=cov, start=start, names=names,
                threads=threads, progress=progress, compress=compress, client=client, checkpoint=checkpoint,
            )  # fmt: skip
    family, link = inputs.family_and_link(family, link)
    options = resolve(solver)
    cov = check_options(penalty, cov, exposure, link, compress)
    check_clusters(cov)
    data, classes = inputs.assemble(
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
        from .stored import journalled

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
    if isinstance(options, SGD):
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
    start = inputs.check_start(start, len(model.names), _columns(start, classes, options) if several else None)
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
    return everyone if isinstance(options, SGD) and np.shape(start)[1:] == (everyone,) else everyone - 1


def _glm(source, family, link, options, cov, compress) -> GLM:
    """A model of one mean a row, its vectors checked."""
    sums = scan(source, Pair(family, link))
    quick = Bernoulli() if isinstance(family, Binomial) and isinstance(link, Logit) and sums.binary else family
    pair, cells = Pair(quick, link), None
    if compress and not isinstance(options, (SGD, Stream)):
        from .cells import compressed

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
