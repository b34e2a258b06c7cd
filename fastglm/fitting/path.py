"""``path``: penalised fits for many values of lambda."""

from __future__ import annotations

from contextlib import closing
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ConvergenceWarning, InvalidParameterError
from ..objective.scaled_penalty import ScaledPenalty
from ..options.penalties import Lasso, check_lambdas
from ..result.path import PathResult
from ..rows.open import open_rows
from ..rows.request import FitRequest
from ..rows.response import check_start
from ..solver.penalty_path import PathSolution, follow
from ..solver.problem import Solution
from ..solver.relaxed import relaxed_path
from .effective_df import effective_df
from .penalised import centred, every_class, penalty_of, remark_on_constants, settled
from .perform import run_of, running
from .refit import refit as refit  # so that paths have it
from .remarks import give

if TYPE_CHECKING:
    from ..core.records import ArrayLike
    from ..types import PenaltyLike, Rows, Variable


# what a path takes beside its own arguments: what a request has that does not come from them
OWN = ("data", "y", "formula", "penalty", "path", "beside", "labels", "began")
KNOWN = {item.name for item in fields(FitRequest)} - set(OWN)


def path(
    X: Rows | str,
    y: Variable | Rows = None,
    *,
    penalty: PenaltyLike = Lasso(),  # noqa: B008
    lambdas: int | ArrayLike = 100,
    ratio: float | None = None,
    criteria: bool = False,
    **options: Any,
) -> PathResult:
    """Fit a penalised model for a whole path of lambdas.

    Parameters
    ----------
    X, y : rows and response as for ``fit``, or a formula and data as for ``glm``
    penalty : record of ``fastglm.penalties`` without a lam
        ``Lasso()``, ``Ridge()`` or ``ElasticNet(alpha=...)``.
    lambdas : int or (L,) array
        How many values, evenly spaced by their logarithms from the least that leaves no penalised coefficient, or the
        values themselves. A path is never cut short.
    ratio : float, optional
        The last lambda over the first: 1e-4 with more rows than columns, else 1e-2 (as glmnet).
    criteria : bool
        Whether information criteria are wanted where effective degrees of freedom take passes of their own, one at
        each lambda: in models with a ridge part that are not least squares. A lasso has them at no cost.
    **options
        As for ``fit`` or ``glm``: family, link, weights, offset, exposure, solver, memory, client, progress and so on.
        With ``checkpoint``, a folder, a path that was interrupted goes on with the first pass that was not made.

    Returns
    -------
    PathResult

    Raises
    ------
    InvalidParameterError, MissingDataError
        As for ``fit``, and for lambdas that cannot be used.

    Warns
    -----
    ConvergenceWarning
        Where the optimum of some lambda is not certified.

    Notes
    -----
    Least squares reads the rows once for all lambdas, and once for the standard deviations of the columns.

    References
    ----------
    Friedman, J., Hastie, T. and Tibshirani, R. (2010), "Regularization paths for generalized linear models via
    coordinate descent", Journal of Statistical Software 33.

    Examples
    --------
    >>> import numpy as np, fastglm
    >>> X = np.random.default_rng(0).normal(size=(50, 3))
    >>> found = fastglm.path(X, X[:, 0] + 0.1 * X[:, 1], lambdas=5)
    >>> found.df.tolist()
    [0, 1, 1, 2, 2]
    """
    check_lambdas(lambdas, ratio)
    request = path_request(X, y, penalty, options, {"lambdas": lambdas, "ratio": ratio, "criteria": criteria})
    schema, source = open_rows(request)
    with closing(source):
        run, labels = run_of(request, schema, source)
        with running(run, request.progress, how_many(lambdas)) as callback:
            found = written(run, labels, *solve_path(run, request, lambdas, ratio, callback), criteria=criteria)
        source.finish()
    return found


def path_request(X, y, penalty, options, search: dict[Any, Any], beside: tuple[Any, ...] = ()) -> FitRequest:
    """The request of a path: arrays and a response, or a formula and its data."""
    unknown = [name for name in options if name not in KNOWN]
    if unknown:
        raise TypeError(f"unexpected arguments {unknown}; known: {', '.join(sorted(KNOWN))}")
    if isinstance(X, str) and "~" in X:
        return FitRequest(data=y, formula=X, penalty=penalty, path=search, beside=beside, **options)
    return FitRequest(data=X, y=y, penalty=penalty, path=search, beside=beside, **options)


def how_many(lambdas) -> int:
    """The number of lambdas that are asked for."""
    return int(lambdas) if np.ndim(lambdas) == 0 else np.size(lambdas)


def solve_path(run, request, lambdas, ratio, callback=None, held_out=False) -> tuple[PathSolution, ScaledPenalty]:
    """The path of a run, of a softmax regression the coefficients (L, m, K) of all classes, and its penalty.

    Of ``held_out`` rows' predictions, which are all that is wanted of it, the last digits are not worth their passes.
    """
    if run.null is None:
        run.find_null_model()
    start = check_start(request.start, len(run.names), run.start_columns(request.start))
    run.path = True
    problem, classes = run.problem(start, callback), every_class(run)
    if held_out:
        problem = problem.controlled(tol=problem.control.accept_tol)
    record = settled(run, request.penalty, problem)
    scaled = penalty_of(run, record)
    if classes is None:
        return followed(problem, scaled, lambdas, ratio, record.share), scaled
    if scaled.P is not None:
        found = follow(problem, scaled.contrasts(classes.n_classes), lambdas, ratio)
        beta = np.array([classes.from_contrasts(beta) for beta in found.beta])
    else:
        problem = problem._replace(objective=classes, start=classes.from_contrasts(problem.first()))
        found = followed(problem, scaled.tiled(classes.n_classes), lambdas, ratio, record.share)
        beta = found.beta
    raw = [centred(beta.T, scaled) for beta in beta.reshape(len(beta), classes.n_classes, -1)]
    return found._replace(beta=np.array(raw)), scaled


def followed(problem, scaled, lambdas, ratio, share) -> PathSolution:
    """The path of a problem, its solutions relaxed where they are a ``share`` of the result."""
    found = follow(problem, scaled, lambdas, ratio)
    if share == 1.0 or found.stops[0] == "not finite at the start":
        return found
    return relaxed_path(problem, scaled, share, found)


def written(run, labels, found: PathSolution, scaled: ScaledPenalty, criteria: bool = False) -> PathResult:
    """The solutions of a path as a record, a warning given where some are not certified."""
    if found.stops[0] == "not finite at the start":
        raise InvalidParameterError(
            "start: at the first coefficients the deviance or its derivatives are not finite; pass start= with "
            "admissible coefficients, rescale X or y, or take another link"
        )
    warn_of_path(run, found)
    penalised = run.penalty._replace(lam=float(found.lambdas[0]))
    run.penalty = penalised
    first, many = found.beta[0], found.beta.ndim == 3
    order = [labels.ordered.index(c) for c in labels.classes] if many else None
    if many:
        run.raw, first = first, run.to_params(first)
    q = run.objective.at(first, 1)
    run.solution = Solution(first, q, None, found.certificate[0], 0.0, len(found.lambdas), "converged", ())
    coefficients = found.beta[:, :, order] if many else found.beta
    inside = slice(int(run.source.data.has_intercept), None)
    nonzero = coefficients[:, inside] != 0.0
    degrees = effective_df(run, scaled, found, criteria)
    remark_on_constants(run, scaled)
    result = run.result(labels)
    return PathResult(
        lambdas=found.lambdas,
        params=coefficients,
        certificate=found.certificate,
        df=np.count_nonzero(nonzero.any(2) if many else nonzero, axis=1),
        effective_df=degrees,
        deviance=found.deviance,
        pearson_chi2=found.pearson,
        llf=[-0.5 * d if many else run.sums.loglik(run.family, d) for d in found.deviance.tolist()],
        converged=[stop == "converged" for stop in found.stops],
        n_passes=round(run.objective.n_passes, 3),
        first=result,
    )


def warn_of_path(run, found: PathSolution) -> None:
    """Say which lambdas of a path are not certified."""
    converged = np.array([stop == "converged" for stop in found.stops])
    if not converged.all():
        worst = int(np.argmax(np.where(converged, -np.inf, found.certificate)))
        give(
            run.notes,
            ConvergenceWarning,
            f"{np.count_nonzero(~converged)} of {len(converged)} lambdas are not certified, the worst at "
            f"lambda {found.lambdas[worst]:.4g}, violation {found.certificate[worst]:.2g}: {found.stops[worst]}. Raise "
            "max_iter, or leave out the smallest lambdas",
        )
