"""The fit of a model with several linear predictors a row: which columns they have, where the descent begins."""

from __future__ import annotations

import time

import numpy as np

from ..core.records import VECTORS
from ..errors import (
    CollinearityWarning,
    ConvergenceWarning,
    FastGLMWarning,
    InvalidParameterError,
    SeparationWarning,
    warn,
)
from ..family.links import linear_predictor
from ..inference import sandwich
from ..inference.row_scores import PredictorScores
from ..linalg.factor import from_root
from ..linalg.symmetric import CROSS_PRODUCT
from ..objective.response_sums import ClassWeights, check
from ..objective.several import Crossings, Predictor, ResponseMoments, SeveralLikelihood, slices
from ..objective.sums import Quadratic
from ..options.solvers import declaration_of
from ..result.several import SeveralResult
from ..rows.cluster_ids import with_clusters
from ..rows.ordered_levels import levels_of
from ..rows.schema import INTERCEPT
from ..solver.indefinite import newton_indefinite
from ..solver.problem import Solution
from ..source.base import Block
from ..source.in_memory import InMemory
from .null import class_null_deviance
from .predictor_columns import PredictorColumns
from .remarks import describe
from .restricted import restricted
from .run import FitRun
from .theta_limits import INFINITE as INFINITE_THETA
from .theta_limits import USUAL, range_of
from .theta_limits import ZERO as THETA_ZERO

TOL, TOL_SMALL, MAX_ITER = 1e-6, 1e-9, 200  # standard errors, those of small data whose passes cost nothing; iterations
TOL_NULL = 1e-4  # of the null model, whose likelihood alone is told
SAMPLE, TIMES, SHARE = 5000, 8, 40  # least rows of a sample to begin with, of so many times as many; its share
SAFE = 1e-4  # from 0 and 1, within which shares keep the digits of their logarithms
NEARLY_DEPENDENT = 1e-9  # least eigenvalue of a part's information of unit diagonal, below which its rank is decided
INFINITE = 1e3  # standard error of a coefficient times its column's size that no finite estimate has
FAR = 15.0  # of a logit, beyond which its rows have no doubt

SEPARATED = (
    "separation in {part}: some coefficients are infinite, because columns tell the outcome of some rows without fail; "
    "leave those columns out"
)
NO_EXCESS = (
    "separation in {part}: some of its coefficients are infinite, because there are rows, or all, whose zeros are no "
    "more than the count part has, or are all beside it; give the zero part fewer columns, or take a family without it"
)


class SeveralModel(FitRun):
    """A model of several linear predictors a row: ``predictors`` is filled in when the schema is known."""

    @staticmethod
    def n_contrasts(labels) -> int:
        """Contrasts of classes, of which there are none."""
        return 0

    @staticmethod
    def start_columns(start) -> None:
        """Starting coefficients are a vector."""
        return None

    @classmethod
    def of(cls, request, source, options, labels) -> SeveralModel:
        """The run of a request, the vectors of its rows checked."""
        family, totals = request.family, None
        sums = check(source, family)
        levels = place = None
        if family.labelled:
            levels = levels_of(request, labels)
            place = np.array([levels.index(label) for label in labels.ordered])
            found = source.reduce(ClassWeights(len(levels)))
            totals = np.zeros(len(levels))
            totals[place] = found
            if not totals.all():
                empty = levels[int(np.argmin(totals))]
                raise InvalidParameterError(f"y: the level {empty!r} has no rows of positive weight: drop the level")
        moments = source.reduce(ResponseMoments(family.name if family.whole else None, family.shares))
        return cls(request, source, sums, options, levels, place, totals, moments)

    def __init__(self, request, source, sums, options, levels, place, totals, moments):
        family, link = request.family, request.link
        self.parts, self.second_link = request.parts, getattr(family, "precision_link", None)
        if family.second_constant and self.second_link is None:
            self.second_link = "log" if request.parts or family.second or not family.shares else "identity"
        self.observed = family.observed
        loop = family.loop(link, self.second_link, expected=not self.observed)
        super().__init__(source, family, link, SeveralLikelihood(source, loop, (), place), sums, options, request.cov)
        self.levels, self.totals, self.moments = levels, totals, moments
        self.columns = (*self.names,)

    def fit(self, start, callback) -> None:
        """Find the columns of each predictor, the null model, and the estimates."""
        found = self._predictors()
        blank = tuple(Predictor(np.zeros(0, np.intp), True) for _ in found)
        null = self.objective.with_predictors(self._null_of(found, blank))
        self.null_solution = self._null_solution(null)
        self.predictors, self.aliased = self._independent(found)
        before = self.objective.n_passes
        self.objective = self.objective.with_predictors(self.predictors)
        self.objective.n_passes = before
        lost = self._end_of_theta(self.null_solution) < 0  # constants at the end of a range are no place to begin
        constants = self._null_start() if lost else self.null_solution.beta
        begin = self._from_sample(self.objective, self._start(constants))
        self.solution, self.inverse = self._least(self.objective, begin, self._tol(), callback)
        if self._end_of_theta(self.solution) > 0:
            self._as_poisson(callback)
        if self.family.labelled and self.predictors[-1].minus and self.family.kind == "cumulative":
            self._check_crossings()
        if self.solution.stop == "converged" and getattr(self.family, "method", "ml") == "reml":
            self.solution, self.inverse = restricted(self.objective, self.solution, self._tol(), MAX_ITER)
        if self.solution.stop == "not finite at the start":
            raise InvalidParameterError(
                "at the null model the likelihood or its derivatives are not finite, because numbers in X, y or the "
                "offset are so large that sums overflow: rescale them"
            )

    def _least(self, objective, begin, tol, callback=None):
        """The descent from ``begin``, and the inverse information at its end."""
        kept = range_of(self.family, self._mean(), objective.n_params)
        return newton_indefinite(objective, begin, tol, MAX_ITER, callback, self.observed, kept)

    def _mean(self):
        """That of the response."""
        return self.moments[1] / self.moments[0]

    def _end_of_theta(self, solution):
        """-1 where log theta is at the lower end of its range at the optimum, 1 at the upper one, else 0."""
        kept = range_of(self.family, self._mean(), len(solution.beta))
        return 0 if kept is None or solution.stop != "converged" else kept.end(solution.beta)

    def _as_poisson(self, callback):
        """Go on with Poisson counts, which those of an infinite theta are."""
        self.family, passes = self.family.limit, self.objective.n_passes
        self.predictors, self.aliased = self.predictors[:-1], self.aliased[:-1]
        whole = self.objective.with_loop(self.family.loop(self.link, self.second_link))
        null = whole.with_predictors(tuple(Predictor(np.zeros(0, np.intp), True) for _ in self.predictors))
        self.null_solution = self._null_solution(null)
        self.objective = whole.with_predictors(self.predictors)
        self.objective.n_passes = passes + null.n_passes
        self.solution, self.inverse = self._least(self.objective, self.solution.beta[:-1], self._tol(), callback)
        self._give(FastGLMWarning, INFINITE_THETA.format(limit=self.family.name))

    def _check_crossings(self):
        """Refuse estimates by which cumulative probabilities fall from a level to the next, in one pass."""
        self.source.reduce(Crossings(self.predictors, self.solution.beta, self.objective.place, self.levels))
        self.objective.n_passes += self.objective.price

    def _sample_rows(self, objective):
        """The rows of a sample to begin with, None where there are too few for one."""
        n = self.source.n_rows
        rows = max(SAMPLE, 200 * objective.n_params, n // SHARE)
        return rows if n >= TIMES * rows else None

    def _from_sample(self, objective, begin):
        """The estimates of a sample of the rows, or where they do not exist, or rows are few, the start as it is."""
        rows = self._sample_rows(objective)
        if rows is None:
            return begin
        sample = objective.sample(rows)
        found, _ = self._least(sample, begin, 1e-2)
        objective.n_passes += sample.n_passes
        if found.stop != "converged" or (end := self._end_of_theta(found)) < 0:
            return begin
        if end > 0:  # of more rows theta may be finite
            found.beta[-1] = np.log(USUAL * self._mean())
        return found.beta

    def _tol(self):
        tol = getattr(self.options, "tol", None)
        usual = TOL_SMALL if self.objective.small else TOL
        return usual if tol is None or declaration_of(self.options).chooses else min(tol, usual)

    def _null_of(self, found, blank):
        """The predictors of the null model: constants, and where levels have thresholds nothing beside them."""
        return (Predictor(np.zeros(0, np.intp)), *blank[1:]) if self.family.labelled else blank

    def _null_solution(self, null) -> Solution:
        """The fit of the constants alone: of levels without an offset their shares."""
        begin, data = self._null_start(), self.source.data
        if self.family.labelled and data.offset is None:
            deviance = class_null_deviance(self.totals, True)
            return Solution(begin, Quadratic(deviance, begin, begin, None, np.nan, np.nan), None, 0.0, 0.0, 0, "", ())
        pair = self._two_shares() if self.family.shares and data.offset is None else None
        if pair is not None:
            weights = np.full(2, 0.5 * self.moments[0])
            rows = InMemory(Block(np.zeros((2, 0)), True, pair, weights, None, None, None), 1)
            null = SeveralLikelihood(rows, null.loop, null.predictors)
        begin = begin if pair is not None else self._from_sample(null, begin)
        return self._least(null, begin, TOL_NULL)[0]

    def _two_shares(self):
        """Two shares whose geometric means, and those of what they lack, are those of all: they say the same of a
        constant mean and precision. None where they would lose digits."""
        weight, log_y, log_rest = self.moments[[0, 4, 5]]
        product, rest = np.exp(2.0 * log_y / weight), np.exp(2.0 * log_rest / weight)
        half = 0.5 * (1.0 + product - rest)
        high = half + np.sqrt(max(half * half - product, 0.0))
        pair = np.array([product / high, high])
        return pair if ((pair > SAFE) & (pair < 1.0 - SAFE)).all() else None

    # which columns

    def _predictors(self):
        """The predictors with their columns."""
        first, n_levels = int(self.source.data.has_intercept), len(self.levels or ())
        return PredictorColumns(self.family, self.schema, self.parts, self.columns, first, n_levels).predictors()

    def _independent(self, found):
        """The predictors without columns that repeat earlier ones, and by predictor what those are made of."""
        rows, sets = self._sample_rows(self.objective), self._sets(found)
        if rows is not None and self._all_independent(sets, self._gram(self.objective.sample(rows))):
            return found, [{} for _ in found]  # more rows tell columns apart no less
        gram = self._gram(self.objective) if any(len(p.columns) > 1 for p in sets) else None
        if gram is None or self._all_independent(sets, gram):
            return found, [{} for _ in found]
        made = [self._made(p, gram) for p in sets]
        kept = tuple(
            p._replace(columns=p.columns[[j not in m for j in p.columns]]) for p, m in zip(found, made, strict=True)
        )
        return kept, [self._worded(i, found, sets[i], m) for i, m in enumerate(made)]

    def _sets(self, found):
        """By predictor the columns that must be independent: of levels those of all thresholds together."""
        if not self.family.labelled:
            return found
        return [Predictor(np.unique(np.concatenate([p.columns for p in found])))] * len(found)

    def _worded(self, i, found, whole, made):
        """The redundant columns of predictor i, with what they are made of in words."""
        own = found[i].columns
        named = [INTERCEPT] * self.family.labelled
        named += [self._named(i if j in own else 0, j) for j in whole.columns]
        return {j: describe(parts, named) for j, parts in made.items() if j in own}

    def _places(self, p):
        """The columns of a predictor in the design with a constant in front, which thresholds are."""
        return np.concatenate([[0], p.columns + 1]) if self.family.labelled else p.columns + 1

    def _all_independent(self, sets, gram):
        """Whether no set of columns is nearly dependent."""
        several = [self._places(p) for p in (sets[:1] if self.family.labelled else sets) if len(p.columns) > 1]
        return all(np.linalg.eigvalsh(_scaled(gram, at)[0])[0] > NEARLY_DEPENDENT for at in several)

    def _made(self, p, gram):
        """The redundant columns of a predictor by their numbers, and of which of its places they are made."""
        places = self._places(p)
        if len(p.columns) < 2:
            return {}
        scaled, size = _scaled(gram, places)
        root = np.linalg.cholesky(scaled + 1e-15 * np.eye(len(scaled))).T * size
        first, gone = len(places) - len(p.columns), from_root(root, np.ones(len(root)), tolerance=CROSS_PRODUCT).aliased
        return {int(p.columns[j - first]): parts for j, parts in gone.items()}

    def _gram(self, objective):
        """The cross-product of the design with a constant in front, in one pass."""
        design = objective.design()
        inner = np.asarray(design.at(np.zeros(design.n_params), 2).information)
        self.objective.n_passes += design.n_passes
        whole = np.zeros((len(inner) + 1,) * 2)
        whole[1:, 1:], whole[0, 0] = inner, 1.0
        if self.source.data.has_intercept:
            whole[0], whole[:, 0] = whole[1], whole[:, 1]
        return whole

    # where to begin

    def _null_start(self):
        """Estimates of the constants from the moments of the response."""
        if self.family.labelled:
            return self._thresholds(self.totals / self.totals.sum())
        w, wy, wyy, zero = self.moments[:4]
        mean, share = wy / w, zero / w
        if self.family.second_kind == "dispersion":
            spread = max(wyy / w - mean * mean, 1e-300 + 1e-12 * mean * mean)
            phi = spread / abs(mean) ** self.family.variance_power
            return np.array([linear_predictor(self.link, mean), np.log(phi)])
        if self.family.shares:
            spread = max(wyy / w - mean * mean, 1e-12)
            phi = max(mean * (1.0 - mean) / spread - 1.0, 0.1)
            change = {"log": np.log, "identity": float, "sqrt": np.sqrt}[self.second_link]
            return np.array([linear_predictor(self.link, mean), change(phi)])
        if self.family.second_field is None:
            if mean <= 1.0:
                raise InvalidParameterError(f"y is one in every row: family={self.family.name!r} needs larger counts")
            return np.array([np.log(max(mean - 0.5, 0.1))] + [0.0] * (self.family.shape_name is not None))
        if share >= 1.0:
            raise InvalidParameterError(f"y is zero in every row: family={self.family.name!r} needs positive counts")
        if share <= 0.0:
            raise InvalidParameterError(f"y has no zero: family={self.family.name!r} is of counts with zeros")
        positive = wy / (w - zero)
        chance = min(max(0.5 * share if self.family.inflated else 1.0 - share, 1e-3), 1.0 - 1e-3)
        begin = [np.log(max(positive - 0.5, 0.1)), np.log(chance / (1.0 - chance))]
        return np.array(begin + [0.0] * (self.family.shape_name is not None))

    def _thresholds(self, shares):
        """The thresholds that reproduce the shares of the levels."""
        below = np.cumsum(shares)[:-1]
        chance = {
            "cumulative": below,
            "adjacent": shares[:-1] / (shares[:-1] + shares[1:]),
            "continuation": shares[:-1] / (1.0 - below + shares[:-1]),
        }[self.family.kind]
        return np.array([linear_predictor(self.link, float(p)) for p in chance])

    def _start(self, constants):
        """The null model's constants at the intercepts, zero at all other coefficients."""
        beta = np.zeros(sum(p.size for p in self.predictors))
        values = [0.0, *constants] if self.family.labelled else constants
        for p, at, value in zip(self.predictors, slices(self.predictors), values, strict=True):
            first = len(p.columns) > 0 and self.source.data.has_intercept and p.columns[0] == 0
            if p.constant or first:
                beta[at.start] = value
        return beta

    # what is made of it

    def result(self, classes) -> SeveralResult:
        """The solution as a frozen record, its warnings given."""
        found, names = self._full()
        separated = self._separated()
        solution, family, sums = self.solution, self.family, self.sums
        converged = solution.stop == "converged" and not separated
        self._warn(converged, separated)
        rank = int(np.isfinite(found["params"]).sum())
        data, deviance = self.whole.data, float(solution.quadratic.deviance)
        vectors = {name for name in VECTORS if getattr(data, name) is not None}
        constants = float(self.null_solution.quadratic.deviance)
        nobs = int(sums.nobs) if float(sums.nobs).is_integer() else float(sums.nobs)
        return SeveralResult(
            **found, names=names, family=family, link=self.link, deviance=deviance, null_deviance=constants,
            pearson_chi2=float("nan"), scale=1.0, llf=-0.5 * deviance, llnull=-0.5 * constants, nobs=nobs,
            df_resid=nobs - rank, df_model=rank - len(self.null_solution.beta), rank=rank, converged=converged,
            aliased={self._named(i, j): made for i, gone in enumerate(self.aliased) for j, made in gone.items()},
            n_rows=self.whole.n_rows, weight_sum=sums.weight, intercept=data.has_intercept, has_intercept=True,
            has_weights="weights" in vectors, has_freq_weights="freq_weights" in vectors,
            exposure_kind=next((name for name in ("exposure", "offset") if name in vectors), None),
            classes=self.levels, solver="newton", stop="separation" if separated else solution.stop,
            n_iter=solution.n_iter, n_passes=round(self.objective.n_passes, 3), history=solution.history,
            certificate=solution.certificate, score_norm=solution.score_norm,
            elapsed=time.perf_counter() - self.began, notes=tuple(self.notes), schema=self.schema,
            columns=tuple(tuple(int(j) for j in columns) for columns in self._columns()),
            second_link=self.second_link,
        )  # fmt: skip

    def _columns(self):
        """The columns of every predictor, the redundant ones among them."""
        return [sorted([*p.columns, *gone]) for p, gone in zip(self.predictors, self.aliased, strict=True)]

    def _named(self, i, j):
        """The name of a coefficient: of predictor i, of column j or None for its constant."""
        parts = self.family.parts
        if self.family.labelled:
            levels = "|".join(map(_spelled, self.levels[i - 1 : i + 1]))
            return levels if j is None else self.columns[j] if i == 0 else f"{self.columns[j]}:{levels}"
        if i == len(parts):
            return f"Log({self.family.shape_name})"
        if self.family.second_constant:
            part = f"({parts[1]})"
            return self.columns[j] if i == 0 else part if j is None else f"{part}_{self.columns[j]}"
        column = INTERCEPT if j is None else self.columns[j]
        return f"{parts[i]}_{column}" if parts[i] else column

    def scores(self, beta):
        """The scores of the rows."""
        return PredictorScores(self.objective.loop, self.predictors, beta, self.objective.place)

    def _full(self):
        """Coefficients and covariances with NaN where aliased, and all names."""
        names, kept = [], []
        for i, (p, columns) in enumerate(zip(self.predictors, self._columns(), strict=True)):
            if p.constant:
                names.append(self._named(i, None))
                kept.append(True)
            names += [self._named(i, j) for j in columns]
            kept += [j in p.columns for j in columns]
        at = np.flatnonzero(kept)
        params = np.full(len(names), np.nan)
        params[at] = self.solution.beta
        fields = {"params": params, "cov_unscaled": None}
        if self.cov is None:
            return fields, tuple(names)

        def spread(matrix):
            whole = np.full((len(names),) * 2, np.nan)
            whole[np.ix_(at, at)] = matrix
            return whole

        fields["cov_unscaled"] = spread(self.inverse)
        if self.cov != "model":
            rows, beta = self.whole.local or self.whole, self.solution.beta
            fitted = sandwich.Fitted(
                self.objective, rows, self.scores(beta), beta, self.inverse, self.sums.nobs, len(at)
            )
            robust = sandwich.covariance(with_clusters(self.cov, self.whole), fitted)
            fields |= robust | {"covariance": spread(np.asarray(robust["covariance"])), "cov_kind": self.cov.name}
        return fields, tuple(names)

    def _separated(self):
        """The part whose estimates are infinite, in words, else ""."""
        solution = self.solution
        errors = np.sqrt(np.maximum(np.diagonal(self.inverse), 0.0))
        parts = [f"the {part} part" for part in self.family.parts if part] or ["the model"]
        if not self.family.separable:
            return ""
        for i, at in enumerate(slices(self.predictors)):
            p = self.predictors[i]
            if not p.size or (i == len(self.family.parts) and not self.family.labelled):
                continue
            b, e = solution.beta[at], errors[at]
            hopeless = (e > INFINITE) | (solution.stop == "no information")
            if (hopeless & (np.abs(b) > FAR)).any() or (
                not p.constant and (e > INFINITE * np.maximum(np.abs(b), 1)).any()
            ):
                return parts[min(i, len(parts) - 1)]
        return ""

    def _warn(self, converged, separated):
        """Warn of what is wrong with the fit, the gravest alone, beside columns that repeat others."""
        gone = [self._named(i, j) for i, names in enumerate(self.aliased) for j in names]
        if gone:
            text = f"{', '.join(gone[:5])}: the columns repeat others, and their coefficients are not estimated"
            self._give(CollinearityWarning, text)
        if separated:
            inflated = separated == "the zero part" and self.family.inflated
            self._give(SeparationWarning, (NO_EXCESS if inflated else SEPARATED).format(part=separated))
        elif not converged:
            self._give(
                ConvergenceWarning,
                f"not converged ({self.solution.stop}): a parameter may be infinite; see the history of the result",
            )
        elif self._end_of_theta(self.solution) < 0:
            self._give(FastGLMWarning, THETA_ZERO.format(end=self.solution.beta[-1]))

    def _give(self, category, text):
        self.notes.append(text)
        warn(category, text)


def _scaled(gram, places):
    """A part of a cross-product with unit diagonal, and the lengths of its columns."""
    block = gram[np.ix_(places, places)]
    size = np.sqrt(np.maximum(np.diagonal(block), 1e-300))
    return block / size / size[:, None], size


def _spelled(level):
    """A level in the name of a threshold: whole numbers without a point."""
    return f"{level:.15g}" if isinstance(level, float) else str(level)


SEVERAL_MODELS = {"several": SeveralModel}
