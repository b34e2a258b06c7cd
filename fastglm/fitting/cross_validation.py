"""``cv``: a path of penalised fits, and how well each lambda predicts rows that were held out."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InvalidParameterError
from ..kernels import layout as k
from ..objective.gram import GramObjective, total_of, without
from ..objective.held_out import MEASURES, HeldOut, HeldOutClasses
from ..objective.scaled_penalty import scaled_penalty, unweighted_response, variances_of
from ..options.penalties import Lasso, check_lambdas
from ..result.cross_validation import RULES, CVResult
from ..rows.open import open_rows
from ..rows.request import check_option
from ..solver.penalty_path import follow
from ..source.base import RowTransform
from ..source.folds import Folds, LeftOut
from .null import NullModel
from .path import path_of, path_request
from .perform import run_of, running

if TYPE_CHECKING:
    from ..types import ArrayLike, PenaltyLike, Rows, Variable


def cv(
    X: Rows | str,
    y: Variable | Rows = None,
    *,
    penalty: PenaltyLike = Lasso(),  # noqa: B008
    lambdas: int | ArrayLike = 100,
    ratio: float | None = None,
    folds: int | ArrayLike = 10,
    measure: str | None = None,
    rule: str = "min",
    **options: Any,
) -> CVResult:
    """Choose lambda by cross-validation.

    Parameters
    ----------
    X, y, penalty, lambdas, ratio : as for ``path``
    folds : int or (n,) array of whole numbers or labels
        How many, by a hash of each row's number, so that files and clusters have the folds of arrays; or the fold of
        each row.
    measure : {"deviance", "mse", "mae", "class"}, optional
        The loss of a held-out row: its unit deviance, without which it is that, the square or the absolute value of
        its error, or whether its class is missed.
    rule : {"min", "1se"}
        What ``best`` is by: the least mean loss, or the largest lambda within a standard error of it.
    **options
        As for ``path``.

    Returns
    -------
    CVResult

    Raises
    ------
    InvalidParameterError, MissingDataError

    Notes
    -----
    All folds have the lambdas of all rows, and none is cut short. Columns are standardised in each fold anew. Least
    squares reads the rows once for all folds: the sums of a fold's fit are those of all rows less its own.

    Examples
    --------
    >>> import numpy as np, fastglm
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> found = fastglm.cv(X, X[:, 0] + np.random.default_rng(1).normal(size=200), lambdas=20)
    >>> found.best.params.shape
    (4,)
    """
    check_lambdas(lambdas, ratio)
    check_option("rule", rule, RULES)
    request = path_request(X, y, penalty, {**options, "compress": False})
    measure = _measure(measure, request)
    schema, source = open_rows(request)
    with closing(source):
        chosen = _folds(folds, source.n_rows)
        run, source, labels = run_of(request, schema, source)
        with running(run, request.progress) as callback:
            path = path_of(run, request, labels, lambdas, ratio, callback)
            beta = _from_grams(run, request, path, chosen)
            if beta is None:
                beta = _one_by_one(run, request, schema, labels, path, chosen)
            values = source.reduce(_held_out(run, labels, beta, chosen, measure))
        source.finish()
    path = replace(path, first=replace(path.first, schema=schema.kept()))
    losses, weights = values[:, :-1], values[:, -1]
    kept = weights > 0.0
    if kept.sum() < 2:
        raise InvalidParameterError("folds: fewer than two of them have rows of positive weight")
    means = losses[kept] / weights[kept, None]
    return CVResult(path=path, measure=measure, fold_values=means, fold_weights=weights[kept], rule=rule)


def _measure(measure, request):
    """The name of the measure, which the family must have."""
    measure = "deviance" if measure is None else measure
    check_option("measure", measure, MEASURES)
    many, binary = request.family.response_model == "softmax", request.family.domain.high == 1.0
    if (measure == "class" and not (many or binary)) or (many and measure in ("mse", "mae")):
        raise InvalidParameterError(f"measure={measure!r} is none of family={request.family.name!r}")
    return measure


def _folds(folds, n) -> Folds:
    """The folds of n rows."""
    if isinstance(folds, str):
        raise InvalidParameterError(f"folds={folds!r}: pass a number, or an array with the fold of each row")
    if np.ndim(folds) == 0:
        if isinstance(folds, bool) or int(folds) != folds or not 2 <= folds <= n:
            raise InvalidParameterError(f"folds={folds!r} must be a whole number from 2 to the {n} rows")
        return Folds(int(folds))
    labels, numbers = np.unique(np.asarray(folds), return_inverse=True)
    if numbers.shape != (n,) or len(labels) < 2:
        raise InvalidParameterError(f"folds has {numbers.size} values, {len(labels)} folds; expected {n} of 2 or more")
    return Folds(len(labels), numbers)


def _from_grams(run, request, path, folds):
    """The coefficients (F, L, m) of least squares without each fold, from sums of one pass; None of other models."""
    if not run.objective.linear or run.source.high_cardinality or getattr(request.penalty, "P", None) is not None:
        return None
    origin, first = np.array(path.params[0]), int(run.source.data.has_intercept)
    sums = run.objective.by_fold(origin, 2, folds)
    plain = unweighted_response(run.source).by_fold(np.zeros(len(origin)), k.ORDER_DIAGONAL, folds)
    every, all_plain = total_of(sums), total_of(plain)
    problem, out = run.problem(None, None), []
    for part, ones in zip(sums, plain, strict=True):
        rest = without(all_plain, ones)
        means, variances, faint = variances_of(rest, rest.deviance)
        if (faint >= first).any() or not rest.deviance > 0.0:
            return None
        moments = means, np.sqrt(variances)
        scaled = scaled_penalty(request.penalty, run.source, run.names, rest.deviance, moments)
        gram = GramObjective(origin, without(every, part))
        out.append(follow(problem._replace(objective=gram, start=origin), scaled, path.lambdas, None).beta)
    return np.array(out)


def _one_by_one(run, request, schema, labels, path, folds):
    """The coefficients (F, L, m) or (F, L, m, K) of the path without each fold, rows left out by a weight of zero."""
    out = []
    for fold in range(folds.count):
        rows = run.source.changed(RowTransform(False, kept=LeftOut(folds, fold)))
        without_fold = run_of(request, schema, rows)[0]
        params = path_of(without_fold, request, labels, path.lambdas, None).params
        run.objective.n_passes += without_fold.objective.n_passes
        out.append(params)
    return np.array(out)


def _held_out(run, labels, beta, folds, measure):
    """The task that sums the losses of held-out rows."""
    if run.null_class is NullModel:
        return HeldOut(run.row_pair, beta, folds, measure)
    return HeldOutClasses(beta[..., [labels.classes.index(c) for c in labels.ordered]], folds, measure)
