"""``fit``: from arrays, frames or files to a result."""

from __future__ import annotations

import time
from os import PathLike
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from ..errors import InvalidParameterError
from ..files import is_rows
from ..result.record import GLMResult
from .sources import fit_arrays

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal

    from typing_extensions import Unpack

    from ..family.multinomial import Multinomial
    from ..result.multinomial import MultinomialResult
    from ..types import ArrayLike, Covariance, FamilyLike, File, FitOptions, LinkLike, Rows, SolverLike, Variable


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
        from .stored import fit_collection

        return fit_collection(
            X, y, family=family, link=link, intercept=intercept, weights=weights, freq_weights=freq_weights,
            offset=offset, exposure=exposure, penalty=penalty, solver=solver, cov=cov, start=start, names=names,
            threads=threads, progress=progress, compress=compress, memory=memory, client=client, checkpoint=checkpoint,
        )  # fmt: skip
    if not isinstance(X, (np.ndarray, list)) or (isinstance(X, list) and X and isinstance(X[0], (str, PathLike))):
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
    return fit_arrays(
        X, y, family=family, link=link, intercept=intercept, weights=weights, freq_weights=freq_weights,
        offset=offset, exposure=exposure, penalty=penalty, solver=solver, cov=cov, start=start, names=names,
        threads=threads, progress=progress, compress=compress, client=client, checkpoint=checkpoint, began=began,
    )  # fmt: skip
