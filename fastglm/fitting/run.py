"""One model on one source: its fit, and the statistics R prints."""

from __future__ import annotations

import time

import numpy as np

from ..errors import InvalidParameterError, warn
from ..inference import sandwich
from ..inference.row_scores import ClassScores, MeanScores
from ..inference.separation import find_separation
from ..kernels.row_loops import FamilyLink
from ..objective.base import Deviance
from ..objective.compression import Compressed, compressed
from ..objective.response_sums import ClassWeights, check, validate_response
from ..objective.softmax import CrossEntropy
from ..options.sgd import tolerance
from ..result.multinomial import MultinomialResult
from ..result.record import GLMResult
from ..rows.cluster_ids import with_clusters
from ..rows.schema import INTERCEPT
from ..solver.choose import control_for
from ..solver.empty import evaluate
from ..solver.newton import factorise, refine, without_aliased
from ..solver.problem import Problem, Solution
from ..solver.sgd.certificate import Certificate
from ..solver.sgd.driver import run as run_sgd
from ..solver.solve import solve
from ..solvers import declaration_of, name_of
from ..source.streaming_qr import as_rows
from .null import ClassNullModel, NullModel
from .penalised import solve_penalised
from .remarks import describe, warn_of_fit, warn_of_range, without_information

WELL = ("converged", "boundary", "early stopping")


class FitRun:
    """One fit: the objective, its solution, and the statistics R prints.

    A subclass gives the ``objective``, the ``null`` model and the ``result``.
    """

    null_class: type
    penalty = None  # the record of the penalty

    def __init__(self, source, family, link, objective, sums, options, cov):
        self.began = time.perf_counter()
        self.source, self.family, self.link, self.objective, self.sums = source, family, link, objective, sums
        self.options, self.cov, self.declaration = options, cov, declaration_of(options)
        self.canonical = family.canonical == link.name
        self.names = ((INTERCEPT,) if source.data.has_intercept else ()) + source.data.names
        self.notes: list[str] = []
        self.whole, self.within = source, 0.0  # the rows themselves, where the source has their cells

    def fit(self, start, callback):
        """Solve, then polish the last digits where they are cheap or were in danger."""
        self.find_null_model()
        if not self.objective.n_params:
            self.solution = evaluate(self.objective)
            return
        if self.declaration.first_order:
            self.solution = self.descend_stochastically(start, callback)
            return
        problem = self.problem(start, callback)
        self.solution = solve(problem) if self.penalty is None else solve_penalised(self, self.penalty, problem)
        if self.solution.stop == "not finite at the start":
            raise InvalidParameterError(
                "start: at the first coefficients the deviance or its derivatives are not finite, because the numbers "
                "in X or y are so large that sums overflow (rescale them), or because a mean lies outside the "
                "family's range (pass start= with admissible coefficients, or another link)"
            )
        if self.penalty is None:
            self.refine()

    def refine(self):
        """Polish the last digits of a fit where they are cheap, or were in danger."""
        if self.objective.precise or (self.objective.small and self.objective.linear):
            self.solution = refine(self.objective, self.solution)
        elif self.objective.small and self.cov is not None and self._last_distance() > 1e-10:
            self.solution = self._at_the_end()

    def find_null_model(self):
        """Fit the null model, which starting values come from."""
        self.null = self.null_class(self, 0 if self.source.data.has_intercept else self.source.constant_column())

    def problem(self, start, callback) -> Problem:
        """The fit as a solver sees it, without its penalty."""
        information = self.information()
        control = control_for(
            self.objective, self.options, n_rows=self.whole.n_rows, information=information, canonical=self.canonical,
            need_information=self.cov is not None, began=self.began, callback=callback,
            robust=getattr(self.cov, "from_scores", False),
        )  # fmt: skip
        return Problem(self.objective, self.options, control, start, self.null, self.dispersion, information)

    def descend_stochastically(self, start, callback) -> Solution:
        """A first-order fit, with the pass at its end that says how far the optimum is, and gives the covariance."""
        data, options = as_rows(self.source.gather().data), self.options
        model, start = self.stochastic(start)
        classes = model if isinstance(model, int) else None
        goal = Certificate(
            self.objective, self.to_params, classes, options, self.sums.weight, self.dispersion, data, model
        )
        found = run_sgd(data, model, options, start=start, callback=callback, certify=goal)
        self.notes += found.notes
        self.objective.n_passes += float(found.history["passes"][-1]) if found.epochs else 0.0
        penalised = options.l1 > 0.0 or options.l2 > 0.0
        columns = [values.tolist() for values in found.history.values()]
        history = tuple(dict(zip(found.history, row, strict=True)) for row in zip(*columns, strict=True))
        factor = None
        if self.cov is not None and not penalised:
            self.raw, certificate = found.coef, np.inf
            beta = self.to_params(found.coef)
            q = self.objective.at(beta, 2)
            if q.finite and np.isfinite(q.score).all():
                factor = factorise(self.objective, q, beta)
                beta = without_aliased(beta, factor)
                errors = np.sqrt(max(self.dispersion(q), 1e-300) * factor.inverse().diagonal())
                certificate = float(np.nanmax(np.abs(factor.solve(q.score)) / errors))
        else:
            self.raw, (q, _, _, certificate), steps = goal.finished(found.coef)
            beta = self.to_params(self.raw)
            if steps:
                self.notes.append(f"{steps} proximal Newton steps followed the {found.epochs} epochs")
        if penalised and self.cov is not None:
            self.notes.append("a penalised fit has no standard errors")
        score = float(np.sqrt(q.score @ q.score))
        return Solution(beta, q, factor, certificate, score, found.epochs, found.stop, history)

    def _last_distance(self):
        return self.solution.history[-1]["distance"] if self.solution.stop == "converged" else 0.0

    def _at_the_end(self):
        """The solution with its curvature made where it ended: on small data a pass costs microseconds."""
        q = self.objective.at(self.solution.beta, 2)
        if not q.finite:
            return self.solution
        return self.solution._replace(quadratic=q, factor=factorise(self.objective, q, self.solution.beta))

    def dispersion(self, q):
        """The dispersion at a pass: one where it is known, else deviance over degrees of freedom."""
        if self.family.dispersion == "one":
            # very small weights make huge standard errors, which must not pass for convergence
            return min(1.0, self.sums.weight / self.sums.nobs)
        df = self.sums.nobs - self.objective.n_params
        return max(q.deviance, 0.0) / df if df > 0 else 1.0

    def covariances(self):
        """The inverse information, and the sandwich where it was asked for, as arguments of the result."""
        if self.cov is None or self.solution.factor is None:
            return {"cov_unscaled": None}
        inverse, root = self.solution.factor.inverse(), None
        if self.solution.factor.accurate and self.null_class is NullModel:
            root = self.solution.factor.root()
        if self.cov == "model":
            return {"cov_unscaled": inverse, "information_root": root}
        if not len(inverse):
            return {"cov_unscaled": inverse, "cov_kind": self.cov.name, "covariance": inverse}
        beta, rank = self.solution.beta, len(self.solution.beta) - len(self.solution.factor.aliased)
        # clusters of arrays are beside the rows of this process, those of files in a source of their own
        rows, cov = self.whole.local or self.whole, with_clusters(self.cov, self.whole)
        fitted = sandwich.Fitted(
            self.objective, rows, self.scores(sandwich.zeroed(beta)), beta, inverse, self.sums.nobs, rank,
            self.solution.meat, root, self.dispersion(self.solution.quadratic),
        )  # fmt: skip
        return {"cov_unscaled": inverse, "cov_kind": self.cov.name, **sandwich.covariance(cov, fitted)}

    def record(self):
        """What every result says of the rows, the fit and how it went; its warnings are given."""
        s, solution, data = self.sums, self.solution, self.whole.data
        # by number, because names may repeat; what holds for one class holds for all
        redundant = solution.factor.aliased if solution.factor is not None else {}
        m = len(self.names)
        levels = frozenset(self.source.data.coding.level_numbers.tolist() if self.source.high_cardinality else ())
        aliased = {
            self.names[j % m]: describe({k % m: c for k, c in combination.items()}, self.names, levels)
            for j, combination in redundant.items()
        }
        separated = find_separation(self)
        params = np.array(solution.beta)
        if redundant:
            params[list(redundant)] = np.nan
        converged = solution.stop in WELL and not separated
        if self.declaration.first_order:
            # losses that no longer fall say little; the distance to the optimum says it
            converged = solution.certificate <= tolerance(self.options) and not separated
            if not converged and solution.stop == "converged":
                self.solution = solution = solution._replace(stop="the loss no longer falls")
        idle = () if separated or not converged else without_information(solution, self.names)
        if idle:
            converged, self.solution = False, solution._replace(stop="no information")
            solution = self.solution
        warn_of_fit(self, aliased, separated, converged, idle)
        covariances = self.covariances()
        self.in_range = warn_of_range(self, covariances["cov_unscaled"])
        return params, dict(
            **covariances,
            names=self.names,
            family=self.family,
            link=self.link,
            deviance=max(solution.quadratic.deviance, 0.0),
            null_deviance=self.null.deviance,
            pearson_chi2=solution.quadratic.pearson,
            nobs=_whole(s.nobs),
            rank=len(params) - len(redundant) if self.penalty is None else int(np.count_nonzero(params)),
            converged=converged,
            aliased=aliased,
            n_rows=self.whole.n_rows,
            weight_sum=s.weight,
            intercept=data.has_intercept,
            has_intercept=self.null.constant is not None,
            has_weights=data.weights is not None,
            has_freq_weights=data.freq_weights is not None,
            solver=name_of(self.options),
            stop="separation" if separated else solution.stop,
            n_iter=solution.n_iter,
            n_passes=round(self.objective.n_passes, 3),
            history=solution.history,
            certificate=solution.certificate,
            score_norm=solution.score_norm,
            elapsed=time.perf_counter() - self.began,
            notes=tuple(self.notes),
            penalty=self.penalty,
        )

    def give(self, category, text):
        """Warn, and keep the text for the result."""
        self.notes.append(text)
        warn(category, text)


class MeanModel(FitRun):
    """A model of one mean a row."""

    null_class = NullModel

    @staticmethod
    def n_contrasts(labels) -> int:
        """Contrasts of classes, of which there are none."""
        return 0

    @classmethod
    def of(cls, request, source, options, labels) -> MeanModel:
        """The run of a request, the vectors of its rows checked."""
        family, link = request.family, request.link
        sums = validate_response(source, FamilyLink(family, link))
        quick = family.of_zeros_and_ones(link) if sums.binary else family
        pair, cells = FamilyLink(quick, link), None
        if request.compress and not declaration_of(options).sequential:
            cells = compressed(source, pair, request.compress)
        return cls(source, family, link, pair, sums, options, request.cov, cells)

    @staticmethod
    def start_columns(start) -> None:
        """Starting coefficients are a vector."""
        return None

    def __init__(self, source, family, link, pair, sums, options, cov, cells=None):
        objective = Deviance(source, pair) if cells is None else Compressed(cells, pair, source.threads)
        super().__init__(objective.source, family, link, objective, sums, options, cov)
        self.pair = objective.pair
        self.row_pair = FamilyLink(family, link)  # of the rows themselves, where the objective has their cells
        if cells is not None:
            self.whole, self.within = source, cells.deviance_within
            self.notes.append(f"{source.n_rows:,} rows were compressed to {len(cells.counts):,} cells, exactly")

    def stochastic(self, start):
        """What a first-order solver fits, and where it starts."""
        return self.pair, start

    def to_params(self, coef):
        """Coefficients as the objective keeps them, from a first-order solver's."""
        return coef

    def scores(self, beta):
        """The scores of the rows."""
        return MeanScores(self.row_pair, beta)

    def information(self):
        """Rows' worth of information in the response: the events, where they can be rare."""
        events = self.family.events(self.sums.weighted_y, self.sums.weight)
        return events if np.isfinite(events) else self.whole.n_rows

    def result(self, classes) -> GLMResult:
        """The solution as a frozen record, its warnings given."""
        if classes is None and self.family.domain.high == 1.0 and self.sums.binary:
            classes = (0, 1)
        params, record = self.record()
        df = self.sums.nobs - record["rank"]
        pearson = record["pearson_chi2"] if self.in_range else np.nan
        return GLMResult(
            params=params,
            scale=1.0 if self.family.dispersion == "one" else (pearson / df if df > 0 else np.nan),
            llf=self.loglik(record["deviance"]),
            llnull=self.loglik(self.null.deviance),
            df_resid=_whole(df),
            df_model=record["rank"] - record["has_intercept"],
            exposure_kind=self._exposure_kind(),
            classes=classes,
            **record,
        )

    def loglik(self, deviance):
        """The log-likelihood at a deviance, by R's rules for the dispersion; NaN for quasi-likelihood."""
        if self.family.saturated is None:
            return np.nan
        if deviance == np.inf:
            return -np.inf
        if hasattr(self.family, "loglik"):
            return self.family.loglik(deviance, self.sums.saturated, self.sums.weight, self.sums.nobs)
        return self.sums.saturated - 0.5 * deviance

    def _exposure_kind(self):
        data = self.whole.data
        return "exposure" if data.exposure is not None else "offset" if data.offset is not None else None


class SoftmaxModel(FitRun):
    """A model of the probabilities of K classes; ``totals`` are their weights, in the order of the codes."""

    null_class = ClassNullModel

    @staticmethod
    def n_contrasts(labels) -> int:
        """The classes but the reference."""
        return len(labels.classes) - 1

    @classmethod
    def of(cls, request, source, options, labels) -> SoftmaxModel:
        """The run of a request, the vectors of its rows checked."""
        sums = check(source, request.family)
        totals = source.reduce(ClassWeights(len(labels.classes)))
        family = request.family._replace(reference=labels.reference)
        return cls(source, family, request.link, labels, totals, sums, options, request.cov)

    def start_columns(self, start) -> int:
        """The columns of starting coefficients: a class each, first-order solvers also those of the reference."""
        everyone = len(self.totals)
        return everyone if self.declaration.first_order and np.shape(start)[1:] == (everyone,) else everyone - 1

    def __init__(self, source, family, link, encoded, totals, sums, options, cov):
        super().__init__(source, family, link, CrossEntropy(source, len(totals)), sums, options, cov)
        self.encoded, self.totals, self.raw = encoded, totals, None

    def stochastic(self, start):
        """The number of classes, and coefficients of all of them, none pinned: in the order of their codes."""
        if start is None:
            return len(self.totals), None
        start = start.reshape(-1, len(self.names)).T
        if start.shape[1] < len(self.totals):
            return len(self.totals), np.pad(start, ((0, 0), (1, 0)))
        return len(self.totals), start[:, [self.encoded.classes.index(c) for c in self.encoded.ordered]]

    def to_params(self, coef):
        """Each class against the reference, class after class."""
        return (coef[:, 1:] - coef[:, :1]).T.ravel()

    def scores(self, beta):
        """The scores of the rows."""
        return ClassScores(beta.reshape(len(self.totals) - 1, -1))

    def information(self):
        """Rows' worth of information in the response: those of the rarest class, or of all others."""
        return float(min(self.totals.min(), (self.totals.sum() - self.totals).min()))

    def result(self, encoded) -> MultinomialResult:
        """The solution as a frozen record, its warnings given."""
        params, record = self.record()
        others = self.objective.n_classes - 1
        if record["aliased"]:
            # a column that one class cannot tell apart none can
            params.reshape(others, -1)[:, [self.names.index(name) for name in record["aliased"]]] = np.nan
        raw = None if self.raw is None else self.raw[:, [encoded.ordered.index(c) for c in encoded.classes]]
        return MultinomialResult(
            params=np.ascontiguousarray(params.reshape(others, -1).T),
            scale=1.0,
            llf=-0.5 * record["deviance"],
            llnull=-0.5 * self.null.deviance,
            df_resid=_whole(self.sums.nobs * others - record["rank"]),
            df_model=record["rank"] - others * record["has_intercept"],
            classes=encoded.classes,
            coef_raw=raw,
            **record,
        )


RESPONSE_MODELS = {"mean": MeanModel, "softmax": SoftmaxModel}


def _whole(x):
    return int(x) if float(x).is_integer() else float(x)
