"""The elastic net."""

from __future__ import annotations

from typing import Any, NamedTuple

from ...errors import InvalidParameterError
from .checks import check_bounds, check_factors, check_share, leaves_out
from .registry import penalty
from .terms import Columns, PenaltyTerms, elastic_terms


@penalty("elastic net")
class ElasticNet(NamedTuple):
    """A mixture of lasso and ridge, with factors and bounds of the coefficients.

    Parameters
    ----------
    lam : float, optional
        Not negative. Left out for a path, which has its own values.
    alpha : float
        The lasso's part, from 0 (ridge) to 1 (lasso).
    factors : (p,) array or mapping of names, optional
        What each coefficient's penalty is multiplied by: 0 leaves it free, infinity leaves the column out. The finite
        ones are rescaled to sum to p, for which a column that is left out counts as 1. The names are those of columns,
        or of terms of a formula, a factor's for all of its levels.
    lower, upper : float, (p,) array or mapping of names, optional
        Bounds of the coefficients on the scale of X, on both sides of zero.
    scale : bool
        Whether columns are divided by their standard deviations first.
    positive : bool
        The same as ``lower=0``.
    grouped : bool
        Of a softmax regression: a column is in the model for all classes or for none, by the norm of its coefficients
        in the place of absolute values (glmnet's type.multinomial = "grouped"); not together with bounds.
    """

    lam: float | None = None
    alpha: float = 0.5
    factors: Any = None
    lower: Any = None
    upper: Any = None
    scale: bool = True
    positive: bool = False
    grouped: bool = False

    @property
    def needs(self) -> tuple[str, ...]:
        """The kinds of penalties that a solver must handle."""
        bounds = ("bounds",) * self.confined + ("groups",) * self.grouped
        return ("ridge",) * bool(self.alpha < 1.0) + ("l1",) * bool(self.alpha > 0.0) + bounds

    @property
    def confined(self) -> bool:
        """Whether coefficients are bounded or left out."""
        return self.positive or self.lower is not None or self.upper is not None or leaves_out(self.factors)

    def checked(self) -> ElasticNet:
        """The record, its numbers looked at as far as that needs no row."""
        check_share("alpha", self.alpha, "ridge", "lasso")
        check_factors(self.factors)
        check_bounds(self.lower, self.upper)
        if self.positive and self.lower is not None:
            raise InvalidParameterError("penalty: positive=True is lower=0; leave one of them out")
        if self.grouped and (self.positive or self.lower is not None or self.upper is not None):
            raise InvalidParameterError("penalty: grouped=True does not go with bounds")
        return self

    def terms(self, columns: Columns) -> PenaltyTerms:
        """The penalty of the columns of a model at lambda one."""
        lower = 0.0 if self.positive else self.lower
        return elastic_terms(columns, self.alpha, self.factors, lower, self.upper, self.grouped)
