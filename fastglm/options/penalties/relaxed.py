"""The relaxed lasso."""

from __future__ import annotations

from typing import Any, NamedTuple

from .checks import check_bounds, check_factors, check_share, leaves_out
from .registry import penalty
from .terms import Columns, PenaltyTerms, elastic_terms


@penalty("relaxed")
class Relaxed(NamedTuple):
    """A mixture of a lasso's coefficients, and those without a penalty of the columns that are in it.

    The coefficients are gamma b + (1 - gamma) b0, b those of the penalised fit, b0 of the maximum of the likelihood
    among coefficients that are zero where b is (Meinshausen 2007, Computational Statistics and Data Analysis 52). The
    form is that of Hastie, Tibshirani and Tibshirani 2020, Statistical Science 35, and of glmnet.

    Parameters
    ----------
    lam : float, optional
        Not negative. Left out for a path, which has its own values.
    gamma : float
        The penalised solution's part, from 0 (maximum likelihood) to 1 (the penalised fit).
    alpha : float
        The lasso's part in the penalty, from 0 (ridge) to 1 (lasso).
    factors, lower, upper : as for ``ElasticNet``; bounds hold for both fits
    scale : bool
        Whether columns are divided by their standard deviations first.
    """

    lam: float | None = None
    gamma: float = 0.0
    alpha: float = 1.0
    factors: Any = None
    lower: Any = None
    upper: Any = None
    scale: bool = True

    @property
    def needs(self) -> tuple[str, ...]:
        """The kinds of penalties that a solver must handle."""
        return ("ridge", "l1", "bounds", "stages")

    @property
    def confined(self) -> bool:
        """Whether coefficients are bounded or left out."""
        return self.lower is not None or self.upper is not None or leaves_out(self.factors)

    @property
    def share(self) -> float:
        """The penalised solution's part in the result."""
        return self.gamma

    def checked(self) -> Relaxed:
        """The record, its numbers looked at as far as that needs no row."""
        check_share("gamma", self.gamma, "maximum likelihood", "the penalised fit")
        check_share("alpha", self.alpha, "ridge", "lasso")
        check_factors(self.factors)
        check_bounds(self.lower, self.upper)
        return self

    def terms(self, columns: Columns) -> PenaltyTerms:
        """The penalty of the columns of a model at lambda one."""
        return elastic_terms(columns, self.alpha, self.factors, self.lower, self.upper)
