"""A penalty of standardised columns as a function of lambda, in the coefficients of an objective."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..errors import InvalidParameterError
from ..family.gaussian import Gaussian
from ..family.links import Identity
from ..kernels import layout as k
from ..kernels.row_loops import FamilyLink
from ..linalg.symmetric import Dense, Diagonal
from ..options.penalties import as_net, column_values
from ..source.base import RowTransform
from ..source.streaming_qr import design, weight
from ..source.task import Task
from .base import Deviance
from .passes import line_blocks
from .penalty import ElasticPenalty, QuadraticPenalty

CANCELLED = 1e-4  # of a column's mean square, below which its variance is summed anew about the mean
CONSTANT = 1e-24  # of it, below which a column is constant but for rounding
LEAST_ALPHA = 1e-3  # that the largest lambda of a path counts with


class ScaledPenalty(NamedTuple):
    """The penalties of a path; ``at`` gives that of one lambda.

    Attributes
    ----------
    total : float
        The weight of all rows, which the mean of the loss is a sum over.
    sd : (m,) array
        Standard deviations of the columns, one where they are not scaled by.
    factors : (m,) array
        Of sum p over the penalised columns; zero where a coefficient is free.
    alpha : float
    lower, upper : (m,) arrays
    P : (m, m) array or None
        In the place of sd, factors and alpha.
    """

    total: float
    sd: np.ndarray
    factors: np.ndarray
    alpha: float
    lower: np.ndarray
    upper: np.ndarray
    P: np.ndarray | None = None

    @property
    def smooth(self) -> bool:
        """Whether the penalty is a quadratic at every lambda."""
        return self.P is not None or (
            self.alpha == 0.0 and not (np.isfinite(self.lower).any() or np.isfinite(self.upper).any())
        )

    def elastic(self, lam: float) -> ElasticPenalty:
        """The penalty of half the deviance at one lambda, for coordinate descent."""
        size = lam * self.total * self.factors
        ridge, lasso = size * (1.0 - self.alpha) * self.sd**2, size * self.alpha * self.sd
        return ElasticPenalty(ridge, lasso, self.lower, self.upper, self.unit(lam))

    def quadratic(self, lam: float) -> QuadraticPenalty:
        """The same as a quadratic, where it is one."""
        size = lam * self.total
        ridge = size * (1.0 - self.alpha) * self.factors * self.sd**2
        precision = Diagonal(ridge) if self.P is None else Dense(size * self.P)
        return QuadraticPenalty(precision, np.zeros(len(self.sd)), 0.0, self.unit(lam))

    def contrasts(self, lam: float, n_classes: int) -> QuadraticPenalty:
        """A quadratic of the coefficients of all classes in the contrasts with the first.

        At the best common shift of the classes' coefficients the sum of b_k' P b_k is that of their deviations from
        the mean over the classes.
        """
        P = self.quadratic(lam).precision.toarray()
        others = np.eye(n_classes - 1) - 1.0 / n_classes
        precision = Dense(np.kron(others, P))
        return QuadraticPenalty(precision, np.zeros(len(others) * len(P)), 0.0, np.tile(self.unit(lam), len(others)))

    def unit(self, lam: float) -> np.ndarray:
        """What a gradient is divided by to be that of a standardised column in lambdas; in itself at lambda zero."""
        return self.total * (lam if lam > 0.0 else 1.0) * self.sd

    @property
    def excluded(self) -> np.ndarray:
        """Which coefficients stay at zero, (m,) bool."""
        return (self.lower == 0.0) & (self.upper == 0.0)

    def null(self) -> ElasticPenalty:
        """The penalty that leaves nothing but the coefficients that are free, an infinite lambda's."""
        zero = self.factors > 0.0
        nothing = np.zeros(len(self.sd))
        lower, upper = np.where(zero, 0.0, self.lower), np.where(zero, 0.0, self.upper)
        return ElasticPenalty(nothing, nothing, lower, upper, self.unit(0.0))

    def largest(self, score: np.ndarray) -> float:
        """The least lambda at which every penalised coefficient is zero, from the score of the null model."""
        moves = (self.factors > 0.0) & ~self.excluded
        pull = np.where(score > 0.0, np.where(self.upper > 0.0, score, 0.0), np.where(self.lower < 0.0, -score, 0.0))
        pull = pull[moves] / (self.total * self.sd * self.factors)[moves]
        return abs(float(pull.max(initial=0.0))) / max(self.alpha, LEAST_ALPHA)

    def tiled(self, n_classes: int) -> ScaledPenalty:
        """The same for the coefficients of every class, class after class."""
        sd, factors, lower, upper = (np.tile(v, n_classes) for v in (self.sd, self.factors, self.lower, self.upper))
        return self._replace(sd=sd, factors=factors, lower=lower, upper=upper)


def scaled_penalty(record, source, names: tuple[str, ...], total: float, moments=None) -> ScaledPenalty:
    """The penalty of a record for the columns of a source, whose rows are read for their standard deviations.

    Parameters
    ----------
    record : Ridge, Lasso or ElasticNet
    source : Source
    names : tuple of str
        Of the coefficients, the intercept's first where there is one.
    total : float
        The weight of all rows.
    moments : tuple of two (m,) arrays, optional
        Means and standard deviations of the columns, where they are known.

    Raises
    ------
    InvalidParameterError
        For options of another length than the columns.
    """
    net, first = as_net(record), int(source.data.has_intercept)
    columns, infinite = names[first:], np.full(first, np.inf)
    factors, lower, upper = (
        column_values(name, values, columns, default)
        for name, values, default in (
            ("factors", net.factors, 1.0), ("lower", net.lower, -np.inf), ("upper", net.upper, np.inf)
        )
    )  # fmt: skip
    P = getattr(record, "P", None)
    if P is not None and len(P) != len(columns):
        raise InvalidParameterError(f"penalty: P has {len(P)} rows, expected {len(columns)} for the columns of X")
    means, sd = (v[first:] for v in moments or column_moments(source, total))
    constant = (sd == 0.0) & (means != 0.0)
    if not (first or net.scale):
        sd = np.where(constant, 1.0, sd)  # as it is, a constant is a column like any other
    own = np.flatnonzero(constant & (sd == 0.0))[: 1 - first]  # the caller's own intercept
    factors[own] = 0.0
    gone = np.isinf(factors) | (sd == 0.0)
    gone[own] = False
    factors = np.where(gone, 1.0, factors)
    if factors.any():
        factors *= (len(columns) - len(own)) / factors.sum()
    sd = np.where(sd > 0.0, sd, 1.0) if net.scale else np.ones(len(columns))
    return ScaledPenalty(
        total,
        np.append(np.ones(first), sd),
        np.append(np.zeros(first), factors),
        net.alpha,
        np.append(-infinite, np.where(gone, 0.0, lower)),
        np.append(infinite, np.where(gone, 0.0, upper)),
        None if P is None else np.pad(P, ((first, 0), (first, 0))),
    )


def column_moments(source, total: float) -> tuple[np.ndarray, np.ndarray]:
    """Weighted means and standard deviations (divisor 1/n) of the columns, (m,) each; zero where one is constant.

    One pass, and a second one where means are so large beside deviations that squares would cancel.
    """
    objective = unweighted_response(source)
    q = objective.at(np.zeros(objective.n_params), k.ORDER_DIAGONAL)
    means, variances, faint = variances_of(q, total)
    faint = faint[faint >= int(source.data.has_intercept)]
    if len(faint) and not source.high_cardinality:
        found = objective.source.reduce(AboutMeans(means, faint)) / total
        variances[faint] = found[1] - found[0] ** 2
    variances[variances <= CONSTANT * (means**2 + variances)] = 0.0
    return means, np.sqrt(variances)


def unweighted_response(source) -> Deviance:
    """Least squares with the response one: at zero its score and information sum w x and w x^2, its deviance w."""
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
