"""``cv``: a path of penalised fits, and how well each lambda predicts rows that are held out."""

from __future__ import annotations

from contextlib import closing
from functools import reduce
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..errors import ConvergenceWarning, InvalidParameterError
from ..files import is_rows
from ..kernels import layout as k
from ..linalg.symmetric import Diagonal
from ..objective.gram import GramObjective, combined, without
from ..objective.held_out import LOSSES, HeldOut, HeldOutClasses, PartTotals
from ..objective.scaled_penalty import scaled_penalty, unweighted_response, variances_of
from ..options.folds import repeated, resolve_folds
from ..options.penalties import Lasso, check_lambdas
from ..postestimation.held_out_ranks import areas
from ..result.cross_validation import MEASURES, RULES, CVResult
from ..rows.fold_rows import FoldRows
from ..rows.open import open_rows
from ..rows.request import check_option
from ..rows.response import check_start
from ..rows.storages import canonical, is_collection
from ..solver.penalty_path import follow
from ..solver.proximal import SLOW, ProximalDescent
from ..solver.rounds import MODEL_BYTES, RENEWALS, Place, in_rounds, of_folds
from ..solver.working_set import pays
from ..source.base import RowTransform
from ..source.folds import Fitted, Folds
from ..source.threads import mapped
from .leave_one_out import closed_form, leave_one_out
from .null import NullModel
from .path import how_many, path_request, solve_path, warn_of_path, written
from .penalised import penalty_of
from .perform import run_of, running
from .remarks import give

if TYPE_CHECKING:
    from ..core.records import ArrayLike
    from ..types import FoldsLike, PenaltyLike, Rows, Variable


SQUARES = ("deviance", "mse")  # measures of least squares that are means of squared errors
LOST = 1e-6  # of the null deviance, below which a sum of squares has lost digits
STEPWISE = {"quadratic", "groups", "proximal", "stages"}  # parts of penalties whose paths are made step by step
NARROW = 100  # whose folds of least squares take longer in the interpreter than in compiled loops


def cv(
    X: Rows | str,
    y: Variable | Rows = None,
    *,
    penalty: PenaltyLike = Lasso(),  # noqa: B008
    lambdas: int | ArrayLike = 100,
    ratio: float | None = None,
    folds: FoldsLike = 10,
    groups: Variable = None,
    repeats: int = 1,
    measure: str | None = None,
    rule: str = "min",
    **options: Any,
) -> CVResult:
    """Choose lambda by cross-validation.

    Parameters
    ----------
    X, y, penalty, lambdas, ratio : as for ``path``
    folds : int, record of ``fastglm.folds``, mapping, "loo", name of a column, (n,) array, or splitter of scikit-learn
        How many, by a hash of each row's number, so that files and clusters have the folds of arrays; a kind of folds,
        such as ``TimeSeriesSplit(5)`` or {"stratified": 5}; each row by itself; or the fold of each row, a label. Where
        labels are truth values, the rows of True are held out by one fit to the others.
    groups : name of a column or (n,) array, optional
        The rows of a group are held out together.
    repeats : int
        How often rows are cut into folds, each time at random.
    measure : {"deviance", "mse", "mae", "class", "auc"}, optional
        The loss of a held-out row: its unit deviance, without which it is that, the square or the absolute value of
        its error, or whether its class is missed. "auc" is the area under the ROC curve of each fold's rows by
        themselves, of which the largest mean is chosen, as in glmnet.
    rule : {"min", "1se"}
        What ``best`` is by: the best mean, or the largest lambda within a standard error of it.
    **options
        As for ``path``.

    Returns
    -------
    CVResult

    Raises
    ------
    InvalidParameterError, MissingDataError
        Before any fit for folds that cannot be: empty ones, those without which a class is missing, more of them than
        groups or rows.

    Notes
    -----
    All folds have the lambdas of all rows, and none is cut short. Columns are standardised in each fold anew. Least
    squares reads the rows once for all folds: the sums of a fold's fit are those of all rows less its own. Leaving out
    each row of least squares with a ridge has a closed form.

    References
    ----------
    Stone, M. (1974), "Cross-validatory choice and assessment of statistical predictions", Journal of the Royal
    Statistical Society B 36. Breiman, L., Friedman, J., Olshen, R. and Stone, C. (1984), "Classification and
    Regression Trees", of the rule of one standard error.

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
    kinds = repeated(resolve_folds(folds, groups), repeats)
    beside, given = _beside(kinds[0], X, y)
    said = {"lambdas": lambdas, "ratio": ratio, "folds": kinds[0], "repeats": repeats, "measure": measure}
    request = path_request(X, y, penalty, {**options, "compress": False}, said, beside)
    measure = _measure(measure, request)
    schema, source = open_rows(request)
    with closing(source):
        run, labels = run_of(request, schema, source)
        scaled = _closed_form(run, request, kinds[0], measure)
        rows = FoldRows(source, request.family, given)
        plans = [] if scaled else [_checked(run, kind.assign(rows), measure, rule) for kind in kinds]
        n_folds = sum(plan.count for plan in plans)
        with running(run, request.progress, how_many(lambdas) * (1 + n_folds)) as callback:
            grams = [_grams(run, request, plan) for plan in plans]
            found, penalties = solve_path(run, request, lambdas, ratio, callback)
            path = written(run, labels, found, penalties)
            if scaled:
                mean, se = leave_one_out(run, scaled, found, measure)
                described = {"mean": mean, "se": se, "n_folds": source.n_rows}
            else:
                measured = [
                    _values(run, request, schema, found, plan, own, measure, callback)
                    for plan, own in zip(plans, grams, strict=True)
                ]
                values, weights = zip(*measured, strict=True)
                described = {"fold_values": np.concatenate(values), "fold_weights": np.concatenate(weights)}
        source.finish()
    return CVResult.of(path=path, measure=measure, rule=rule, folds=repr(kinds[0]), repeats=repeats, **described)


def _beside(kind, X, y) -> tuple[tuple[Any, ...], Any]:
    """The labels of folds as they are read with the rows, and as they are where the rows are files and they are not."""
    data = y if isinstance(X, str) and "~" in X else X
    labels = kind.beside
    if not labels or isinstance(labels[0], str) or hasattr(labels[0], "__dask_graph__"):
        return labels, None
    if isinstance(data, np.ndarray):
        return labels, None
    data = canonical(data)
    return ((), labels[0]) if is_rows(data) or is_collection(data) else (labels, None)


def _measure(measure, request):
    """The name of the measure, which the family must have."""
    measure = "deviance" if measure is None else measure
    check_option("measure", measure, MEASURES)
    many, binary = request.family.response_model == "softmax", request.family.domain.high == 1.0
    wanted = {"class": many or binary, "auc": binary, "mse": not many, "mae": not many}
    if not wanted.get(measure, True):
        raise InvalidParameterError(f"measure={measure!r} is none of family={request.family.name!r}")
    return measure


def _closed_form(run, request, kind, measure):
    """The penalty of all rows where each row is left out in closed form; None elsewhere."""
    if not kind.each_row or not run.objective.linear or measure not in LOSSES:
        return None
    scaled = penalty_of(run, request.penalty)
    return scaled if closed_form(run, scaled) else None


def _checked(run, folds: Folds, measure: str, rule: str) -> Folds:
    """Folds, refused where one cannot be fitted or measured."""
    if folds.count == 1 and rule == "1se":
        raise InvalidParameterError("rule='1se': one held-out part has no standard error; take rule='min', or folds")
    totals, names = _totals(run, folds.parts)
    for fold, (fitted, measured) in enumerate(zip(folds.fitted, folds.measured, strict=True)):
        rest, own = totals[fitted].sum(0), totals[measured].sum(0)
        if not own.sum() > 0.0:
            raise InvalidParameterError(f"folds: fold {fold} has no rows of positive weight to be measured on")
        if not rest.sum() > 0.0:
            raise InvalidParameterError(f"folds: fold {fold} has no rows of positive weight to be fitted to")
        if (missing := (rest == 0.0) & (totals.sum(0) > 0.0)).any():
            raise InvalidParameterError(
                f"folds: the rows that fold {fold} is fitted to have {names[int(np.argmax(missing))]}; take other "
                "folds, fewer, or fastglm.folds.StratifiedKFold, which gives each fold its share of every class"
            )
        if measure == "auc" and not (own > 0.0).all():
            raise InvalidParameterError(
                f"measure='auc': fold {fold} is measured on rows of one class; fastglm.folds.StratifiedKFold gives "
                "each fold its share of both"
            )
    return folds


def _totals(run, parts) -> tuple[np.ndarray, list[str]]:
    """What the rows of each part have, (B, kinds): the weights of the classes, or of counts and sizes their sum; and
    what rows have that have none of a kind."""
    if run.null_class is not NullModel:
        totals = run.source.reduce(PartTotals(parts, len(run.totals)))
        return totals, [f"none of class {label!r}" for label in run.encoded.ordered]
    sums = run.source.reduce(PartTotals(parts, 0))
    if run.family.two_outcomes:
        return np.column_stack([sums[:, 0] - sums[:, 1], sums[:, 1]]), ["no y below 1", "no y above 0"]
    positive = run.family.domain.low == 0.0  # a response that is not negative, whose mean has to be above zero
    return (sums, ["no weight", "no y above 0"]) if positive else (sums[:, :1], ["no weight"])


def _values(run, request, schema, path, folds, grams, measure, callback) -> tuple[np.ndarray, np.ndarray]:
    """The means of a measure over the held-out rows of each fold (F, L), and their weights (F,)."""
    beta = None if grams is None else _from_grams(run, request, path, folds, grams, callback)
    if beta is not None and measure in SQUARES and (found := _held_out_squares(run, folds, grams, beta)):
        return found
    if beta is None:
        ways = (_in_rounds, _one_by_one)
        beta = next(beta for way in ways if (beta := way(run, request, schema, path, folds, callback)) is not None)
    loss = "deviance" if measure == "auc" else measure
    task = HeldOut if run.null_class is NullModel else HeldOutClasses
    args = (run.row_pair, beta, folds, loss) if task is HeldOut else (beta, folds, loss)
    sums = run.source.reduce(task(*args))
    if measure == "auc":
        return areas(run.source, run.row_pair, beta, folds), sums[:, -1]
    return sums[:, :-1] / sums[:, -1:], sums[:, -1]


class Grams(NamedTuple):
    """The sums of least squares over each part of the rows.

    Attributes
    ----------
    origin : (m,) array
    parts : list of Quadratic
        The pass of each part there, with its information.
    """

    origin: np.ndarray
    parts: list


def _grams(run, request, folds) -> Grams | None:
    """The sums over each part, from one pass that the path begins with, too; None of other models."""
    unfit = {"stages", "quadratic"} & set(request.penalty.needs)
    if not run.objective.linear or run.source.high_cardinality or unfit:
        return None
    if 8.0 * folds.parts.count * run.objective.n_params**2 > MODEL_BYTES or pays(run.objective):
        return None
    run.find_null_model()
    origin = run.problem(check_start(request.start, len(run.names)), None).first()
    parts = run.objective.by_part(origin, 2, folds.parts)
    run.objective.known = origin, reduce(combined, parts)
    return Grams(origin, parts)


def _from_grams(run, request, path, folds, grams, callback):
    """The coefficients (F, L, m) of least squares of each fold; None where their penalties lose digits."""
    problem, (origin, parts) = run.problem(None, callback), grams
    penalties = _penalties(run, request, folds, parts if run.source.data.has_intercept else None)
    if penalties is None:
        return None
    problem = problem._replace(start=origin).controlled(tol=problem.control.accept_tol)
    threads = run.source.threads if len(origin) > NARROW else 1

    def followed(fold):
        own, scaled = fold
        with np.errstate(all="ignore"):  # which every thread has of its own
            return follow(problem._replace(objective=GramObjective(origin, own)), scaled, path.lambdas, None).beta

    every = list(zip(folds.sums(parts, without, combined), penalties, strict=True))
    return np.array(mapped(threads, followed, every))


def _held_out_squares(run, folds, grams, beta):
    """The mean squared errors of held-out rows (F, L), and their weights, by sums; None where these lose digits."""
    if not run.source.data.has_intercept:
        return None
    values, weights = [], []
    for measured, own in zip(folds.measured, beta, strict=True):
        q = reduce(combined, [grams.parts[b] for b in np.flatnonzero(measured)])
        left = GramObjective(grams.origin, q).deviances(own)
        if not (left > LOST * q.deviance).all():
            return None
        weights.append(q.information.diagonal()[0])
        values.append(left / weights[-1])
    return np.array(values), np.array(weights)


def _penalties(run, request, folds, grams=None):
    """The penalties of the fits of each fold, from sums of one pass; None where these lose digits.

    ``grams`` are those of the parts of least squares with an intercept, whose row has the sums of the columns.
    """
    first = int(run.source.data.has_intercept)
    if grams is None:
        parts = unweighted_response(run.source).by_part(np.zeros(len(run.names)), k.ORDER_MOMENTS, folds.parts)
        run.objective.n_passes += run.objective.price
    else:
        parts = [_moments(q) for q in grams]
    out = []
    for rest in folds.sums(parts, without, combined):
        means, variances, faint = variances_of(rest, max(rest.deviance, np.finfo(float).tiny))
        if (faint >= first).any() or not rest.deviance > 0.0:
            return None
        moments = means, np.sqrt(variances)
        out.append(scaled_penalty(request.penalty, run.source, run.labels, rest.deviance, moments))
    return out


def _moments(q):
    """The sums of w, w x and w x^2 of a pass with curvature, in their places in one of ``unweighted_response``."""
    H = q.information.toarray()
    return q._replace(deviance=float(H[0, 0]), score=H[0], information=Diagonal(np.diagonal(H).copy()))


def _in_rounds(run, request, schema, path, folds, callback):
    """The coefficients (F, L, m) of each fold of a path that was followed in rounds; None of others.

    A fold starts from the coefficients of all rows, with the score and the curvature of its rows there.
    """
    rounds = path.curvatures is not None and "stages" not in request.penalty.needs
    penalties = _penalties(run, request, folds) if rounds else None
    if penalties is None:
        return None
    by_part = [part.score for part in run.objective.many_by_part(path.beta, folds.parts)]
    scores, shape = folds.sums(by_part, np.subtract, np.add), (folds.count, len(path.lambdas), -1)
    curvatures = of_folds(run.objective, path, folds, path.curvatures)
    places = [
        Place(scaled.at(lam), beta, own, curved, i)
        for score, scaled, curved in zip(scores, penalties, curvatures, strict=True)
        for i, (lam, beta, own) in enumerate(zip(path.lambdas.tolist(), path.beta, score, strict=True))
    ]
    for place in places:
        place.violation = place.penalty.violation(place.beta, place.score)
    control = run.problem(None, callback).control
    of_fold = np.repeat(np.arange(folds.count), len(path.lambdas))
    every = [places[i : i + len(path.lambdas)] for i in range(0, len(places), len(path.lambdas))]
    alone = Alone(run, request, schema, folds)

    def renewed(slow):
        for fold in np.unique(of_fold[slow]).tolist():
            if alone.renewals[fold] < RENEWALS:
                alone.renewals[fold] += 1
                own = [place for place in every[fold] if not place.violation <= control.tol]
                curvatures[fold].renew(alone[fold], own)

    in_rounds(run.objective, places, control, folds, of_fold, SLOW, renewed)
    for fold, own in enumerate(every):
        if all(place.violation <= control.tol for place in own):
            continue
        descent = ProximalDescent(alone[fold], path.beta[0], control)
        stops = [place.finish(descent) for place in own]
        if short := [stop for stop in stops if stop != "converged"]:
            give(run.notes, ConvergenceWarning, f"{len(short)} lambdas of fold {fold} are not certified: {short[0]}")
    run.objective.n_passes += sum(objective.n_passes for objective in alone.values())
    return np.array([place.beta for place in places]).reshape(shape)


class Alone(dict):
    """The objectives of the rows that each fold is fitted to, made when they are asked for.

    Parameters
    ----------
    run, request, schema
        Of all rows.
    folds : Folds
    """

    def __init__(self, run, request, schema, folds):
        super().__init__()
        self.of, self.renewals = (run, request, schema, folds), [0] * folds.count

    def __missing__(self, fold):
        self[fold] = _of_fold(*self.of, fold).objective
        return self[fold]


def _of_fold(run, request, schema, folds, fold, threads=None):
    """The run of the rows that a fold is fitted to, all others left out by a weight of zero."""
    rows = run.source.changed(RowTransform(False, kept=Fitted(folds, fold)))
    rows.labels = run.whole.labels
    rows.threads = rows.threads if threads is None else threads
    found = run_of(request, schema, rows)[0]
    found.penalty = request.penalty
    return found


def _one_by_one(run, request, schema, path, folds, callback):
    """The coefficients (F, L, m) or (F, L, m, K) of the path of each fold; of rows in memory each has a thread."""
    source = run.source
    # folds of few rows take longer in the interpreter, but for paths in compiled code
    compiled = run.objective.approachable and not source.data.terms and not STEPWISE & set(request.penalty.needs)
    worth = compiled or not run.objective.small
    together = source.in_process and source.threads > 1 and folds.count > 1 and worth

    def followed(fold):
        alone = _of_fold(run, request, schema, folds, fold, 1 if together else None)
        with np.errstate(all="ignore"):  # which every thread has of its own
            return alone, solve_path(alone, request, path.lambdas, None, callback, held_out=True)[0]

    every = list(range(folds.count))
    out = []
    for alone, found in mapped(source.threads, followed, every) if together else map(followed, every):
        run.objective.n_passes += alone.objective.n_passes
        warn_of_path(run, found)
        out.append(found.beta)
    return np.array(out)
