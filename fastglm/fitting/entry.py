"""``fit`` and ``glm``: from arrays, frames or files to a result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from ..errors import InvalidParameterError
from ..result.record import GLMResult
from ..rows.request import FitRequest
from .estimated import fit_request

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal

    from typing_extensions import Unpack

    from ..core.records import ArrayLike, File
    from ..family.multinomial import Multinomial
    from ..result.multinomial import MultinomialResult
    from ..types import (
        Covariance,
        FamilyLike,
        FitOptions,
        GLMOptions,
        LinkLike,
        PenaltyLike,
        Rows,
        SolverLike,
        Variable,
    )

# the methods of a result that fit models anew, and the modules of their functions, imported when first called
GLMResult.above |= {
    verb: f"{__package__}.{module}"
    for module, verbs in {
        "comparison": ("anova",),
        "detect_separation": ("detect_separation",),
        "parallel": ("parallel_test",),
        "profile": ("profile", "profile_limits"),
        "shape_profile": ("profile_shape",),
        "single_terms": ("drop1", "add1", "score_test"),
        "stepwise": ("step",),
        "update": ("update",),
    }.items()
    for verb in verbs
}


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
    penalty: PenaltyLike | None = None,
    solver: SolverLike = "auto",
    cov: Covariance = "model",
    start: ArrayLike | None = None,
    names: Sequence[str] | None = None,
    threads: int | None = None,
    progress: bool = False,
    missing: Literal["error", "drop"] = "error",
    unseen: Literal["error", "missing", "baseline"] = "error",
    compress: bool | Literal["auto"] = "auto",
    memory: int | None = None,
    client: Any = None,
    checkpoint: File | None = None,
    dispersion: Literal["pearson", "deviance", "ml"] = "pearson",
    bias_reduction: Literal["firth", "mean", "median", "mixed"] | None = None,
) -> GLMResult:
    """Fit a generalized linear model by maximum likelihood, with inference.

    Parameters
    ----------
    X : (n, p) array
        Numbers of any type, order and stride, read in place; a list, a scipy sparse matrix, or the columns of
        ``fastglm.matrix``. In a data frame, columns of text and categories are factors, against their first level.
        Also files, as for ``glm``: then y, weights and so on are names of columns, and all others are X. Also a
        ``dask.array`` or ``dask.dataframe``, with y, weights and so on of the same kind, or names of its columns.
    y : (n,) array, or name of a column
        The response. For the binomial also two labels (strings, bools), proportions with ``weights`` as the numbers
        of trials, or an (n, 2) array of successes and failures.
    family : str or family
        A name or a value of ``fastglm.families``. ``"negative_binomial"`` (``"nb"``) and ``"tweedie"`` by their names
        have theta and the power estimated by maximum likelihood, which is the ``shape`` of the result.
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
    penalty : record of ``fastglm.penalties``, or {"ridge": lam}, {"lasso": lam}, optional
        What is added to the weighted mean of half the unit deviance: ``Ridge``, ``Lasso``, ``ElasticNet``,
        ``GroupLasso``, ``Adaptive`` or ``Relaxed``, of columns divided by their standard deviations. The intercept is
        free. Such a fit has no standard errors but those of a ridge with ``cov``, and its ``certificate`` is the
        largest violation of the optimality conditions over lambda. Maximum likelihood without.
    solver : str or record of ``fastglm.solvers``
        "auto", "newton", "irls", "proximal-newton", "lbfgs", "newton-cg", "stream" or "sgd".
    cov : "model", "robust", "HC1" to "HC5", "HC4m", "cluster:column", {"cluster": groups} or None
        The covariance of the estimates: from the model, or for a pass more one that holds whatever the variance of y:
        the sandwich (HC0; Huber 1967, White 1980) and its corrections for small samples as R's ``vcovHC`` has them, or
        that of rows dependent within clusters, as ``vcovCL``. ``groups`` are the clusters of the rows (n,) of any type,
        a column's name in frames and files, or a list of these for several ways of clustering; add ``"correction":
        False`` to leave out the factors for few clusters and rows. None spares the pass that a covariance costs. See
        ``fastglm.inference.sandwich``. Series, panels, few clusters and surveys have "HAC", "Driscoll-Kraay",
        "panel-HAC", "PCSE", "CR2", "CR3", "jackknife" and "survey" with their options as a mapping, such as
        {"HAC": 4, "time": "year"}: docs/covariances.md.
        Beside a ridge "bayesian" or "frequentist", the inverse of the information and
        the penalty alone or around the information (mgcv's Vp and Ve).
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
    dispersion : {"pearson", "deviance", "ml"}
        The estimate of a dispersion that is free, which is the ``scale`` of the result: Pearson's chi-square or the
        deviance over the residual degrees of freedom, or that of the largest likelihood (of the gamma one over R's
        ``MASS::gamma.shape``), which is not corrected for the number of coefficients.
    bias_reduction : {"firth", "mean", "median", "mixed"}, optional
        Solve adjusted score equations, whose estimates are finite where rows are separated: "firth" maximises the
        likelihood times the root of the determinant of the information (Firth 1993; R's ``logistf``), "mean" takes the
        first-order bias from the estimates, "median" makes too large and too small ones as likely (R's ``brglm2``).
        A free dispersion is estimated likewise, by "mixed" with medians beside coefficients by means.
    missing, unseen, memory, client, checkpoint
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
    return fit_request(
        FitRequest(
            data=X, y=y, family=family, link=link, intercept=intercept, weights=weights, freq_weights=freq_weights,
            offset=offset, exposure=exposure, penalty=penalty, solver=solver, cov=cov, start=start, names=names,
            threads=threads, progress=progress, missing=missing, unseen=unseen, compress=compress, memory=memory,
            client=client, checkpoint=checkpoint, dispersion=dispersion,
            bias_reduction=bias_reduction, estimation=True,
        )
    )  # fmt: skip


@overload
def glm(
    formula: str, data: Rows, *, family: Literal["multinomial"] | Multinomial, **options: Unpack[GLMOptions]
) -> MultinomialResult: ...


@overload
def glm(formula: str, data: Rows, *, family: FamilyLike = "gaussian", **options: Unpack[GLMOptions]) -> GLMResult: ...


def glm(
    formula: str,
    data: Rows,
    *,
    family: FamilyLike = "gaussian",
    link: LinkLike | None = None,
    weights: Variable | None = None,
    freq_weights: Variable | None = None,
    offset: Variable | None = None,
    exposure: Variable | None = None,
    penalty: PenaltyLike | None = None,
    solver: SolverLike = "auto",
    cov: Covariance = "model",
    start: ArrayLike | None = None,
    threads: int | None = None,
    progress: bool = False,
    missing: Literal["error", "drop"] = "error",
    unseen: Literal["error", "missing", "baseline"] = "error",
    compress: bool | Literal["auto"] = "auto",
    memory: int | None = None,
    client: Any = None,
    checkpoint: File | None = None,
    dispersion: Literal["pearson", "deviance", "ml"] = "pearson",
    bias_reduction: Literal["firth", "mean", "median", "mixed"] | None = None,
) -> GLMResult:
    """Fit a generalized linear model of a data frame by a formula.

    Parameters
    ----------
    formula : str
        ``"y ~ x + C(z) + a:b + offset(log(e))"`` in Wilkinson's notation as R and formulaic read it: contrasts such as
        ``C(z, Treatment("b"))`` or ``C(z, Sum)``, interactions, ``poly``, ``bs``, ``cr``, ``log``, ``- 1``, and
        ``cbind(successes, failures) ~``. Columns of text, categories and booleans are factors, numbers are not.
    data : data frame, or path
        pandas, polars, pyarrow, DuckDB, or anything with ``__arrow_c_stream__``; only the columns that are named are
        read, one at a time. Or what is too much for memory: a Parquet, Arrow or CSV file, a pattern such as
        ``"claims/*.parquet"``, a folder with or without partitions, a URL, a list of these, ``from_duckdb("select
        ...")``, an iterator of frames, or a function that returns one. Or a ``dask.dataframe``, whose partitions stay
        where they are.
    weights, freq_weights, offset, exposure : str or (n,) array, optional
        As in ``fit``; a name is that of a column.
    family, link, penalty, solver, cov, start, threads, progress, compress, dispersion, bias_reduction
        As in ``fit``.
    missing : {"error", "drop"}
        What to do with rows that have missing values, in the columns of the model or beside them. Dropped ones are
        counted in the summary, and predictions of them are NaN.
    unseen : {"error", "missing", "baseline"}
        What a prediction does with a level that the fit has not seen.
    memory : int, optional
        Bytes that the rows of files may take in memory; more are read again at every pass. 256 MiB without it. Rows
        that the caller has in memory are read there.
    client : distributed.Client, executor or ``fastglm.engines.Ray``, optional
        Where passes run: a Dask cluster, the processes of a ``concurrent.futures`` executor, or Ray. Workers read files
        by the same paths; rows in memory are sent to them once. The answer is the same to the bit on processors of one
        kind. A Dask client that is there is found for collections of Dask.
    checkpoint : str or Path, optional
        A folder where the state of a fit is kept, from which an interrupted one goes on to the same bits.

    Returns
    -------
    GLMResult, or MultinomialResult for family="multinomial"
        With the ``design`` that reads new frames.

    Raises
    ------
    InvalidParameterError, MissingDataError
        Naming the column, the term and the first such row.
    ImportError
        Without formulaic and narwhals (``pip install "fastglm[tables]"``).

    Examples
    --------
    >>> import fastglm, pandas
    >>> frame = pandas.DataFrame({"y": [1, 3, 2, 5, 4, 8], "x": [0.0, 1, 2, 3, 4, 5], "z": list("aabbcc")})
    >>> fastglm.glm("y ~ x + z", frame, family="poisson").names
    ('(Intercept)', 'x', 'z[T.b]', 'z[T.c]')
    """
    if not isinstance(formula, str):
        swapped = " (formula and data are swapped: glm(formula, data))" if isinstance(data, str) else ""
        raise InvalidParameterError(f"formula must be text like 'y ~ x', not {type(formula).__name__}{swapped}")
    return fit_request(
        FitRequest(
            data=data, formula=formula, family=family, link=link, weights=weights, freq_weights=freq_weights,
            offset=offset, exposure=exposure, penalty=penalty, solver=solver, cov=cov, start=start, threads=threads,
            progress=progress, missing=missing, unseen=unseen, compress=compress, memory=memory, client=client,
            checkpoint=checkpoint, dispersion=dispersion,
            bias_reduction=bias_reduction, estimation=True,
        )
    )  # fmt: skip
