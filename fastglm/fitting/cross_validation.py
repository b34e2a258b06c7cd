"""``cv``: a path of penalised fits, and how well each lambda predicts rows that were held out."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ConvergenceWarning, InvalidParameterError
from ..kernels import layout as k
from ..objective.gram import GramObjective, total_of, without
from ..objective.held_out import MEASURES, HeldOut, HeldOutClasses
from ..objective.scaled_penalty import scaled_penalty, unweighted_response, variances_of
from ..options.penalties import Lasso, check_lambdas
from ..result.cross_validation import RULES, CVResult
from ..rows.open import open_rows
from ..rows.request import check_option
from ..solver.penalty_path import follow
from ..solver.proximal import SLOW, ProximalDescent
from ..solver.rounds import MODEL_BYTES, Place, in_own_rounds, in_rounds
from ..solver.working_set import pays
from ..source.base import RowTransform
from ..source.folds import Folds, LeftOut
from .null import NullModel
from .path import path_request, solve_path, warn_of_path, written
from .perform import run_of, running
from .remarks import give

if TYPE_CHECKING:
    from ..core.records import ArrayLike
    from ..types import PenaltyLike, Rows, Variable


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
        run, labels = run_of(request, schema, source)
        with running(run, request.progress) as callback:
            found = solve_path(run, request, lambdas, ratio, callback)
            path, ways = written(run, labels, found), (_from_grams, _in_rounds, _one_by_one)
            beta = next(beta for way in ways if (beta := way(run, request, schema, found, chosen)) is not None)
            values = source.reduce(_held_out(run, beta, chosen, measure))
        source.finish()
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


def _from_grams(run, request, schema, path, folds):
    """The coefficients (F, L, m) of least squares without each fold, from sums of one pass; None of other models."""
    if not run.objective.linear or run.source.high_cardinality or getattr(request.penalty, "P", None) is not None:
        return None
    if 8.0 * folds.count * run.objective.n_params**2 > MODEL_BYTES or pays(run.objective):
        return None
    origin = path.beta[0]
    sums, problem = run.objective.by_fold(origin, 2, folds), run.problem(None, None)
    penalties = _penalties(run, request, folds)
    if penalties is None:
        return None
    every, out = total_of(sums), []
    for part, scaled in zip(sums, penalties, strict=True):
        gram = GramObjective(origin, without(every, part))
        out.append(follow(problem._replace(objective=gram, start=origin), scaled, path.lambdas, None).beta)
    return np.array(out)


def _penalties(run, request, folds):
    """The penalties of the fits without each fold, from sums of one pass; None where these lose digits."""
    first = int(run.source.data.has_intercept)
    parts = unweighted_response(run.source).by_fold(np.zeros(len(run.names)), k.ORDER_DIAGONAL, folds)
    run.objective.n_passes += run.objective.price
    every, out = total_of(parts), []
    for part in parts:
        rest = without(every, part)
        means, variances, faint = variances_of(rest, max(rest.deviance, np.finfo(float).tiny))
        if (faint >= first).any() or not rest.deviance > 0.0:
            return None
        moments = means, np.sqrt(variances)
        out.append(scaled_penalty(request.penalty, run.source, run.names, rest.deviance, moments))
    return out


def _in_rounds(run, request, schema, path, folds):
    """The coefficients (F, L, m) without each fold of a path that was followed in rounds; None of others.

    A fold starts from the coefficients of all rows, with its own score there and the model of all rows.
    """
    penalties = _penalties(run, request, folds) if path.models else None
    if penalties is None:
        return None
    parts = run.objective.many_by_fold(path.beta, folds)
    score, shape = sum(part.score for part in parts), (folds.count, len(path.lambdas), -1)
    places = [
        Place(scaled.elastic(lam), beta, every - own, scaled.total / run.sums.weight)
        for part, scaled in zip(parts, penalties, strict=True)
        for lam, beta, every, own in zip(path.lambdas.tolist(), path.beta, score, part.score, strict=True)
    ]
    control = run.problem(None, None).control
    left_out = np.repeat(np.arange(folds.count), len(path.lambdas))
    in_rounds(run.objective, places, list(path.models) * folds.count, control.tol, folds, left_out, SLOW)
    for fold in np.unique(left_out[[not place.violation <= control.tol for place in places]]).tolist():
        alone = _without_fold(run, request, schema, folds, fold)
        own = places[fold * len(path.lambdas) : (fold + 1) * len(path.lambdas)]
        in_own_rounds(alone.objective, own, control.tol)
        descent = ProximalDescent(alone.objective, own[0].beta, control)
        stops = [place.finish(descent) for place in own]
        run.objective.n_passes += alone.objective.n_passes
        if short := [stop for stop in stops if stop != "converged"]:
            give(
                run.notes, ConvergenceWarning, f"{len(short)} lambdas without fold {fold} are not certified: {short[0]}"
            )
    return np.array([place.beta for place in places]).reshape(shape)


def _without_fold(run, request, schema, folds, fold):
    """The run of all rows but a fold's, which are left out by a weight of zero."""
    rows = run.source.changed(RowTransform(False, kept=LeftOut(folds, fold)))
    rows.labels = run.whole.labels
    found = run_of(request, schema, rows)[0]
    found.penalty = request.penalty
    return found


def _one_by_one(run, request, schema, path, folds):
    """The coefficients (F, L, m) or (F, L, m, K) of the path without each fold, one fold after the other."""
    out = []
    for fold in range(folds.count):
        alone = _without_fold(run, request, schema, folds, fold)
        found = solve_path(alone, request, path.lambdas, None)
        run.objective.n_passes += alone.objective.n_passes
        warn_of_path(run, found)
        out.append(found.beta)
    return np.array(out)


def _held_out(run, beta, folds, measure):
    """The task that sums the losses of held-out rows."""
    if run.null_class is NullModel:
        return HeldOut(run.row_pair, beta, folds, measure)
    return HeldOutClasses(beta, folds, measure)
