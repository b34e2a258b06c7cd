"""A penalty of standardised columns as a function of lambda, in the coefficients of an objective."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..family.gaussian import Gaussian
from ..family.links import Identity
from ..kernels import layout as k
from ..kernels.row_loops import FamilyLink
from ..linalg.symmetric import Dense, Diagonal
from ..options.penalties.terms import Columns, PenaltyTerms, unbounded
from ..source.base import RowTransform
from ..source.streaming_qr import design, weight
from ..source.task import Task
from .base import Deviance
from .group_penalty import GroupPenalty, largest_of_groups, norm_of_each
from .passes import line_blocks
from .penalty import ElasticPenalty, QuadraticPenalty
from .proximal_penalty import OfClasses, ProximalPenalty, largest_by_prox

CANCELLED = 1e-4  # of a column's mean square, below which its variance is summed anew about the mean
CONSTANT = 1e-24  # of it, below which a column is constant but for rounding
LEAST_ALPHA = 1e-3  # that the largest lambda of a path counts with


class Labels(NamedTuple):
    """Names of coefficients: ``names`` (m,), the intercept's first where there is one, ``terms`` (m,) of a formula."""

    names: tuple[str, ...]
    terms: tuple[str, ...]


class ScaledPenalty(NamedTuple):
    """The penalties of a path; ``at`` gives that of one lambda.

    Attributes
    ----------
    total : float
        The weight of all rows, which the mean of the loss is a sum over.
    sd : (m,) array
        Standard deviations of the columns, one where they are not scaled by; of constant columns their size.
    terms : PenaltyTerms
        Of the m coefficients at lambda one.
    free : (m,) bool array
        Coefficients that have no penalty.
    constant : (m,) bool array, optional
        Coefficients of columns that say nothing beside the intercept.
    """

    total: float
    sd: np.ndarray
    terms: PenaltyTerms
    free: np.ndarray
    constant: np.ndarray | None = None

    @property
    def P(self) -> np.ndarray | None:
        """The matrix (m, m) of a quadratic that has one."""
        return self.terms.matrix

    @property
    def separable(self) -> bool:
        """Whether the penalty is a sum over coefficients, which the strong rules need."""
        return self.P is None and self.terms.groups is None and self.terms.own is None

    @property
    def screened(self) -> bool:
        """Whether strong rules say in advance which coefficients may move, and models of many lambdas are cheap."""
        return self.P is None and self.terms.own is None

    @property
    def lower(self) -> np.ndarray:
        """Bounds of the coefficients, (m,)."""
        return self.terms.lower

    @property
    def upper(self) -> np.ndarray:
        """Bounds of the coefficients, (m,)."""
        return self.terms.upper

    @property
    def smooth(self) -> bool:
        """Whether the penalty is a quadratic at every lambda; constant columns stay at zero by any."""
        if self.P is not None:
            return True
        bounded = (np.isfinite(self.lower) | np.isfinite(self.upper)) & ~self.idle
        return self.separable and not (self.terms.l1.any() or bounded.any())

    def at(self, lam: float) -> ElasticPenalty | GroupPenalty | ProximalPenalty:
        """The penalty of half the deviance at one lambda, for descents with proximal steps."""
        size, terms, unit = lam * self.total, self.terms, self.unit(lam)
        if terms.own is not None:
            return ProximalPenalty(terms.own, size, self.sd, self.free, unit)
        ridge, lasso = size * terms.l2 * self.sd**2, size * terms.l1 * self.sd
        if terms.groups is None:
            return ElasticPenalty(ridge, lasso, self.lower, self.upper, unit)
        return GroupPenalty(ridge, lasso, terms.groups, size * terms.norms, self.sd, self.lower, self.upper, unit)

    def quadratic(self, lam: float) -> QuadraticPenalty:
        """The same as a quadratic, where it is one.

        Beside an intercept a constant column is at zero by any ridge: one of its own size keeps the two apart.
        """
        size = lam * self.total
        if self.P is None:
            own = np.where(self.idle, self.total, size * self.terms.l2)
            precision = Diagonal(own * self.sd**2)
        else:
            precision = Dense(size * self.P)
        return QuadraticPenalty(precision, np.zeros(len(self.sd)), 0.0, self.unit(lam), self.idle)

    def unit(self, lam: float) -> np.ndarray:
        """What a gradient is divided by to be that of a standardised column in lambdas; in itself at lambda zero."""
        return self.total * (lam if lam > 0.0 else 1.0) * self.sd

    @property
    def excluded(self) -> np.ndarray:
        """Which coefficients stay at zero, (m,) bool."""
        return (self.lower == 0.0) & (self.upper == 0.0)

    @property
    def idle(self) -> np.ndarray:
        """Which coefficients are zero by any penalty but a matrix, as their columns say nothing, (m,) bool."""
        nothing = self.constant is None or self.P is not None
        return np.zeros(len(self.sd), bool) if nothing else self.constant

    def null(self) -> ElasticPenalty:
        """The penalty that leaves nothing but the coefficients that are free, an infinite lambda's."""
        return self.support(self.free)

    def support(self, kept: np.ndarray, lam: float = 0.0) -> ElasticPenalty:
        """No penalty of the coefficients ``kept`` (m,) bool, within their bounds, and nothing of the others."""
        lower, upper = np.where(kept, self.lower, 0.0), np.where(kept, self.upper, 0.0)
        nothing = np.zeros(len(self.sd))
        return ElasticPenalty(nothing, nothing, lower, upper, self.unit(lam))

    def largest(self, score: np.ndarray) -> float:
        """The least lambda at which every penalised coefficient is zero, from the score of the null model."""
        terms, score = self.terms, score / (self.total * self.sd)
        if terms.own is not None:
            return largest_by_prox(terms.own, score[~self.free])
        if terms.groups is not None:
            return largest_of_groups(terms, np.where(self.excluded, 0.0, score), LEAST_ALPHA)
        strength = LEAST_ALPHA * (np.ones(len(score)) if self.P is not None else terms.l1 + terms.l2)
        moves = ~self.free & ~self.excluded
        pull = np.where(score > 0.0, np.where(self.upper > 0.0, score, 0.0), np.where(self.lower < 0.0, -score, 0.0))
        return abs(float((pull[moves] / np.maximum(terms.l1, strength)[moves]).max(initial=0.0)))

    def tiled(self, n_classes: int) -> ScaledPenalty:
        """The same for the coefficients of every class, class after class."""
        sd, free = np.tile(self.sd, n_classes), np.tile(self.free, n_classes)
        return ScaledPenalty(self.total, sd, tiled(self.terms, n_classes), free)

    def contrasts(self, n_classes: int) -> ScaledPenalty:
        """A quadratic of the coefficients of all classes, in the contrasts with the first.

        At the best common shift of the classes' coefficients the sum of b_k' P b_k is that of their deviations from
        the mean over the classes.
        """
        others, P = np.eye(n_classes - 1) - 1.0 / n_classes, self.P
        P = np.diag(self.terms.l2 * self.sd**2) if P is None else P
        terms = unbounded(len(others) * len(P), matrix=np.kron(others, P))
        return ScaledPenalty(self.total, np.tile(self.sd, len(others)), terms, np.tile(self.free, len(others)))


def tiled(terms: PenaltyTerms, n_classes: int) -> PenaltyTerms:
    """The terms of the coefficients of every class, class after class; groups have one class each, or all."""
    parts = {name: np.tile(getattr(terms, name), n_classes) for name in ("l2", "l1", "lower", "upper")}
    if terms.groups is None:
        own = None if terms.own is None else OfClasses(terms.own, n_classes)
        return terms._replace(**parts, own=own)
    groups, norms = np.tile(terms.groups, n_classes), terms.norms
    if not terms.across:
        step = len(norms) * np.repeat(np.arange(n_classes), len(terms.groups))
        groups, norms = np.where(groups >= 0, groups + step, -1), np.tile(norms, n_classes)
    return terms._replace(**parts, groups=groups, norms=norms)


def scaled_penalty(record, source, labels: Labels, total: float, moments=None) -> ScaledPenalty:
    """The penalty of a record for the columns of a source, whose rows are read for their standard deviations.

    Parameters
    ----------
    record : record of ``fastglm.penalties``
    source : Source
    labels : Labels
    total : float
        The weight of all rows.
    moments : tuple of two (m,) arrays, optional
        Means and standard deviations of the columns, where they are known.

    Raises
    ------
    InvalidParameterError
        For options of another length than the columns.
    """
    first = int(source.data.has_intercept)
    means, sd = (v[first:] for v in moments or column_moments(source, total))
    constant, intercept = sd == 0.0, np.zeros(len(sd), bool)
    if not (first or record.scale):
        constant &= means == 0.0  # as it is, another constant is a column like any other
    intercept[np.flatnonzero(constant & (means != 0.0))[: 1 - first]] = True
    size = np.where(means != 0.0, np.abs(means), 1.0)
    sd = np.where(constant & ~intercept, size, np.where(sd > 0.0, sd, 1.0) if record.scale else 1.0)
    columns = Columns(labels.names[first:], labels.terms[first:], sd, constant, intercept)
    terms = record.terms(columns)
    free = free_columns(terms, intercept)
    if first:
        sd, free, terms = np.append(1.0, sd), np.append(True, free), after_intercept(terms)
    left_out = np.append(np.zeros(first, bool), constant & ~intercept)
    return ScaledPenalty(total, sd, terms, free, left_out)


def free_columns(terms: PenaltyTerms, intercept: np.ndarray) -> np.ndarray:
    """Which columns have no penalty, (p,) bool; ``intercept`` marks the caller's own constant."""
    if terms.own is not None:
        return intercept
    if terms.matrix is not None:
        return ~terms.matrix.any(0)
    strength = terms.l1 + terms.l2
    return strength == 0.0 if terms.groups is None else strength + norm_of_each(terms.groups, terms.norms) == 0.0


def after_intercept(terms: PenaltyTerms) -> PenaltyTerms:
    """The terms with a coefficient before them that has no penalty."""
    before = {"l2": 0.0, "l1": 0.0, "lower": -np.inf, "upper": np.inf}
    parts = {name: np.append(value, getattr(terms, name)) for name, value in before.items()}
    groups = None if terms.groups is None else np.append(-1, terms.groups)
    matrix = None if terms.matrix is None else np.pad(terms.matrix, ((1, 0), (1, 0)))
    return terms._replace(**parts, groups=groups, matrix=matrix)


def column_moments(source, total: float) -> tuple[np.ndarray, np.ndarray]:
    """Weighted means and standard deviations (divisor 1/n) of the columns, (m,) each; zero where one is constant.

    One pass, and a second one where means are so large beside deviations that squares would cancel.
    """
    objective = unweighted_response(source)
    q = objective.at(np.zeros(objective.n_params), k.ORDER_MOMENTS)
    means, variances, faint = variances_of(q, total)
    faint = faint[faint >= int(source.data.has_intercept)]
    if len(faint) and not source.high_cardinality:
        found = objective.source.reduce(AboutMeans(means, faint)) / total
        variances[faint] = found[1] - found[0] ** 2
    variances[variances <= CONSTANT * (means**2 + variances)] = 0.0
    return means, np.sqrt(variances)


def unweighted_response(source) -> Deviance:
    """Least squares with the response one: a pass of order ``ORDER_MOMENTS`` sums w x and w x^2, its deviance w; one
    with curvature at zero does, too."""
    return Deviance(
        source.changed(RowTransform(False, y=1.0, weights="as they are")), FamilyLink(Gaussian(), Identity())
    )


def variances_of(q, total: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Means and variances (m,) of columns from a pass of ``unweighted_response``, and the numbers of the columns whose
    variances have lost digits."""
    means, squares = q.score / total, q.information.diagonal() / total
    variances = np.maximum(squares - means**2, 0.0)
    return means, variances, np.flatnonzero(variances < CANCELLED * squares)


class AboutMeans(Task):
    """The sums of w (x - mean) and w (x - mean)^2 of the columns ``numbers``, (2, k)."""

    def __init__(self, means: np.ndarray, numbers: np.ndarray):
        self.means, self.numbers = means, numbers

    def of(self, part, runs):
        total = np.zeros((2, len(self.numbers)))
        for a, b in line_blocks(runs):
            away = design(part.data, a, b)[:, self.numbers] - self.means[self.numbers]
            w = weight(part.data, a, b)
            total += np.array([w @ away, w @ away**2])
        return total
