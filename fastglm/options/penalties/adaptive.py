"""The adaptive lasso."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ...errors import InvalidParameterError
from .checks import check_share, is_number, numbers
from .registry import penalty
from .ridge import Ridge
from .terms import Columns, PenaltyTerms, column_values, elastic_terms

NONE = 0.0  # of a column that the first fit has not got


@penalty("adaptive")
class Adaptive(NamedTuple):
    """An elastic net with the factors 1 / |b_j|^gamma of a first fit (Zou 2006, "The adaptive lasso and its oracle
    properties", Journal of the American Statistical Association 101).

    The first coefficients b are those of standardised columns where ``scale`` is true, so that units do not matter; the
    habit of ``penalty.factor = 1 / abs(coef)`` beside standardised columns is ``ElasticNet(factors=1 / abs(coef))``.

    Parameters
    ----------
    lam : float, optional
        Not negative. Left out for a path, which has its own values.
    alpha : float
        The lasso's part, from 0 (ridge) to 1 (lasso).
    gamma : float
        The power of the first coefficients.
    weights : None, "ridge", a result, (p,) array or mapping of names
        The first fit: maximum likelihood; a ridge with lambda 1/n, one row's worth, which more columns than rows and
        collinear ones have too; a fit of the same columns; or the first coefficients. Those of zero leave a column out.
        In cross-validation a fit that is named here is made for each fold anew.
    scale : bool
        Whether columns are divided by their standard deviations first.
    """

    lam: float | None = None
    alpha: float = 1.0
    gamma: float = 1.0
    weights: Any = None
    scale: bool = True

    @property
    def confined(self) -> bool:
        """Whether coefficients are left out: by first ones of zero they are."""
        return True

    @property
    def needs(self) -> tuple[str, ...]:
        """The kinds of penalties that a solver must handle."""
        return ("ridge", "l1", "bounds", "stages")

    @property
    def initial(self) -> str | Ridge | None:
        """The first fit, or None where its coefficients are known."""
        if self.weights is None:
            return "maximum likelihood"
        return Ridge(None, scale=self.scale) if isinstance(self.weights, str) else None

    def checked(self) -> Adaptive:
        """The record with the coefficients of a result in its place."""
        check_share("alpha", self.alpha, "ridge", "lasso")
        if not is_number(self.gamma) or not 0.0 < self.gamma < np.inf:
            raise InvalidParameterError(f"penalty: gamma={self.gamma!r} must be a positive number")
        weights = self.weights
        if isinstance(weights, str) and weights != "ridge":
            raise InvalidParameterError(f"penalty: weights={weights!r} must be None, 'ridge', a result or coefficients")
        if hasattr(weights, "params"):
            b = np.asarray(weights.params, np.float64)[int(weights.intercept) :]
            return self._replace(weights=b if b.ndim == 1 else np.sqrt(np.square(b).sum(1)))
        if not isinstance(weights, str):
            found = numbers("weights", weights)
            if found is not None and not np.isfinite(found).all():
                raise InvalidParameterError("penalty: weights must be finite")
        return self

    def weighted(self, coefficients: np.ndarray) -> Adaptive:
        """The record with the coefficients (p,) or (p, K) of the first fit."""
        b = np.asarray(coefficients)
        return self._replace(weights=b if b.ndim == 1 else np.sqrt(np.square(b).mean(1)))

    def terms(self, columns: Columns) -> PenaltyTerms:
        """The penalty of the columns of a model at lambda one, the first coefficients being known."""
        missing = NONE if isinstance(self.weights, Mapping) else 1.0
        b = np.abs(column_values("weights", self.weights, columns, missing)) * columns.sd
        with np.errstate(divide="ignore", over="ignore"):
            factors = 1.0 / b**self.gamma
        if not np.isfinite(factors[~columns.intercept]).any():
            raise InvalidParameterError("penalty: weights are zero for every column")
        return elastic_terms(columns, self.alpha, factors)
