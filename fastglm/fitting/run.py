"""One model on one source, from its null model to its record."""

from __future__ import annotations

import time

import numpy as np

from ..core.records import VECTORS
from ..errors import InvalidParameterError
from ..inference import sandwich
from ..inference.retransform import response_logarithm
from ..inference.row_scores import ClassScores, MeanScores
from ..inference.separation import find_separation
from ..kernels.row_loops import FamilyLink
from ..objective.base import Deviance
from ..objective.compression import Compressed, compressed
from ..objective.few_rows import as_columns
from ..objective.response_sums import ClassWeights, check, validate_response
from ..objective.scaled_penalty import Labels
from ..objective.smearing import smearing
from ..objective.softmax import CrossEntropy
from ..objective.tweedie_sums import likelihoods
from ..result.multinomial import MultinomialResult
from ..result.record import GLMResult
from ..rows.cluster_ids import with_clusters
from ..rows.schema import INTERCEPT
from ..solver.choose import control_for
from ..solver.empty import evaluate
from ..solver.newton import factorise, refine
from ..solver.problem import Problem
from ..solvers import declaration_of
from .bias_reduction import solve_adjusted
from .centred import solved_plainly
from .dispersions import Scale, scale_of
from .null import ClassNullModel, NullModel
from .penalised import solve_penalised
from .statistics import SolvedFit, class_result, dispersion, mean_result


class FitRun:
    """One fit: the objective, its solution, and the statistics R prints.

    A subclass has the ``objective``, the class of the ``null`` model, and the ``result``.
    """

    null_class: type
    null = None  # the null model, when it is found
    schema = None  # that of arrays
    penalty = None  # the record of the penalty
    scale_kind = "pearson"  # the estimate of a free dispersion
    bias_reduction, reduced_scale = None, 1.0  # the adjustment of the score, and the dispersion found with it
    path = False  # whether it has many values of lambda
    edf = ridge_covariance = None  # its effective degrees of freedom, and the covariance of a ridge

    def __init__(self, source, family, link, objective, sums, options, cov):
        self.began = time.perf_counter()
        self.source, self.family, self.link, self.objective, self.sums = source, family, link, objective, sums
        self.options, self.cov, self.declaration = options, cov, declaration_of(options)
        self.canonical = family.canonical == link.name
        self.names = ((INTERCEPT,) if source.data.has_intercept else ()) + source.data.names
        self.notes: list[str] = []
        self.whole, self.within = source, 0.0  # the rows themselves, where the source has cells or columns of them

    @property
    def labels(self) -> Labels:
        """The names of the coefficients, and the terms of the formula that they belong to."""
        design = getattr(self.schema, "design", None)
        terms = list(self.names)
        for term, numbers in ({} if design is None else design.term_slices).items():
            for j in numbers:
                terms[j] = term
        return Labels(self.names, tuple(terms))

    def fit(self, start, callback):
        """Solve, then refine the last digits where that is cheap, or where they may be lost."""
        self.find_null_model()
        if not self.objective.n_params:
            self.solution = evaluate(self.objective)
            return
        if self.declaration.first_order:
            from .stochastic import descend  # whose many loops most fits do without

            self.solution = descend(self, start, callback)
            return
        problem = self.problem(start, callback)
        if self.bias_reduction is not None:
            self.solution = solve_adjusted(self, problem)
        elif self.penalty is not None:
            self.solution = solve_penalised(self, self.penalty, problem)
        else:
            self.solution = solved_plainly(self, problem)
        if self.solution.stop == "not finite at the start":
            raise InvalidParameterError(
                "start: at the first coefficients the deviance or its derivatives are not finite, because the numbers "
                "in X or y are so large that sums overflow (rescale them), or because a mean lies outside the "
                "family's range (pass start= with admissible coefficients, or another link)"
            )

    def polished(self, solution):
        """A solution with its last digits, where they are cheap, or were in danger."""
        if self.objective.precise or (self.objective.small and self.objective.linear):
            return refine(self.objective, solution)
        last = solution.history[-1]["distance"] if solution.stop == "converged" else 0.0
        if self.objective.small and self.cov is not None and last > 1e-10:
            return self._at_the_end(solution)
        return solution

    def find_null_model(self):
        """Fit the null model, which starting values come from."""
        self.null = self.null_class(self, 0 if self.source.data.has_intercept else self.source.constant_column())

    def problem(self, start, callback, options=None) -> Problem:
        """The fit as a solver sees it, without its penalty; by ``options`` in the place of its own."""
        information, options = self.information(), options or self.options
        control = control_for(
            self.objective, options, n_rows=self.whole.n_rows, information=information, canonical=self.canonical,
            need_information=self.cov is not None, began=self.began, callback=callback,
            robust=getattr(self.cov, "from_scores", False),
        )  # fmt: skip
        return Problem(self.objective, options, control, start, self.null, self.dispersion, information)

    def _at_the_end(self, solution):
        """The solution with its curvature made where it ended: on small data a pass costs microseconds."""
        q = self.objective.at(solution.beta, 2)
        if not q.finite:
            return solution
        return solution._replace(quadratic=q, factor=factorise(self.objective, q, solution.beta))

    def dispersion(self, q):
        """The dispersion at a pass."""
        return dispersion(self.family, self.sums, q.deviance, self.objective.n_params)

    def covariances(self):
        """The inverse information, and the sandwich where it was asked for, as arguments of the result."""
        if self.ridge_covariance is not None:
            return {"cov_unscaled": None, "cov_kind": self.cov.name, "covariance": self.ridge_covariance}
        if self.cov is None or self.penalty is not None or self.solution.factor is None:
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

    def solved(self) -> SolvedFit:
        """The fit as its record is computed from it."""
        separated = find_separation(self) if self.bias_reduction is None else ""
        covariances, data = self.covariances(), self.whole.data
        levels = self.source.data.coding.level_numbers.tolist() if self.source.high_cardinality else ()
        return SolvedFit(
            self.family, self.link, self.names, data.has_intercept, self.null.constant is not None,
            frozenset(name for name in VECTORS if getattr(data, name) is not None), self.sums, self.whole.n_rows,
            self.null.deviance, self.solution, self.options, covariances, self.objective.n_passes, self.began,
            self.notes, separated, frozenset(levels), self.schema, self.penalty, self.edf, self.bias_reduction,
        )  # fmt: skip


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
        pair, cells, asked = FamilyLink(quick, link), None, declaration_of(options)
        if request.compress and not asked.sequential:
            cells = compressed(source, pair, request.compress)
        if cells is not None:
            objective = Compressed(cells, pair, source.threads)
        else:
            plain = request.penalty is None and not (asked.sequential or asked.first_order)
            objective = Deviance(as_columns(source, pair) if plain else source, pair)
        return cls(source, family, link, objective, sums, options, request.cov, cells)

    @staticmethod
    def start_columns(start) -> None:
        """Starting coefficients are a vector."""
        return None

    def __init__(self, source, family, link, objective, sums, options, cov, cells=None):
        super().__init__(objective.source, family, link, objective, sums, options, cov)
        self.pair, self.whole = objective.pair, source
        self.row_pair = FamilyLink(family, link)  # of the rows themselves, where the objective has their cells
        if cells is not None:
            self.within = cells.deviance_within
            self.notes.append(f"{source.n_rows:,} rows were compressed to {len(cells.counts):,} cells, exactly")

    def stochastic(self, start):
        """The family and link that a first-order solver fits, and its starting coefficients."""
        return self.pair, start

    def to_params(self, coef):
        """Coefficients in the order of the objective, from those of a first-order solver."""
        return coef

    def scores(self, beta):
        """The scores of the rows."""
        return MeanScores(self.row_pair, beta)

    def information(self):
        """The number of rows that carry information: the events, where they can be rare."""
        events = self.family.events(self.sums.weighted_y, self.sums.weight)
        return events if np.isfinite(events) else self.whole.n_rows

    def result(self, classes) -> GLMResult:
        """The solution as a frozen record, its warnings given."""
        return mean_result(self.solved(), classes, self._smearing(), self._likelihoods(), self._scale)

    def _scale(self, df, pearson):
        """The dispersion at the solution, on residual degrees of freedom, by the kind that was asked for."""
        if self.bias_reduction is not None:
            return Scale("bias-reduced", self.reduced_scale, np.nan)
        return scale_of(self, self.scale_kind, max(self.solution.quadratic.deviance, 0.0), pearson, df)

    def _likelihoods(self):
        """The log-likelihoods of the model and the null model at their best dispersions, for a family that has no other
        rule for it: reads of the response alone."""
        if not self.family.profiled:
            return None
        deviances = max(self.solution.quadratic.deviance, 0.0), self.null.deviance
        return likelihoods(self.whole, self.family, self.sums.nobs, deviances)

    def _smearing(self):
        """The mean of exp(residual) of least squares of a logarithm, one more pass; None of others."""
        found = response_logarithm(self.schema) if self.objective.linear else None
        if found is None or not self.solution.quadratic.finite:
            return None
        self.objective.n_passes += self.objective.price
        return smearing(self.whole, self.solution.beta, found.rate)


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
        """The number of classes, and starting coefficients of all classes in the order of their codes."""
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
        """The number of rows that carry information: those of the rarest class, or of all others."""
        return float(min(self.totals.min(), (self.totals.sum() - self.totals).min()))

    def result(self, encoded) -> MultinomialResult:
        """The solution as a frozen record, its warnings given."""
        raw = None if self.raw is None else self.raw[:, [encoded.ordered.index(c) for c in encoded.classes]]
        return class_result(self.solved(), encoded.classes, raw)


RESPONSE_MODELS = {"mean": MeanModel, "softmax": SoftmaxModel}
