"""The lasso."""

from __future__ import annotations

from typing import NamedTuple

from .registry import penalty
from .terms import Columns, PenaltyTerms, elastic_terms


@penalty("lasso")
class Lasso(NamedTuple):
    """The sum of absolute values, lam sum |b_j|; ``ElasticNet`` with alpha = 1.

    Parameters
    ----------
    lam : float, optional
        Not negative. Left out for a path, which has its own values.
    scale : bool
        Whether columns are divided by their standard deviations first.
    positive : bool
        Whether no coefficient may be negative.
    grouped : bool
        Of a softmax regression: a column is in the model for all classes or for none, by the norm of its coefficients
        in the place of absolute values (glmnet's type.multinomial = "grouped").
    """

    lam: float | None = None
    scale: bool = True
    positive: bool = False
    grouped: bool = False

    @property
    def needs(self) -> tuple[str, ...]:
        """The kinds of penalties that a solver must handle."""
        return ("l1",) + ("bounds",) * self.positive + ("groups",) * self.grouped

    @property
    def confined(self) -> bool:
        """Whether coefficients are bounded."""
        return self.positive

    def terms(self, columns: Columns) -> PenaltyTerms:
        """The penalty of the columns of a model at lambda one."""
        return elastic_terms(columns, 1.0, lower=0.0 if self.positive else None, across=self.grouped)
