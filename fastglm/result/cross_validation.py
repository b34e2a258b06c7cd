"""The record of a cross-validated path. It holds no data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..core.lazy import frozen
from ..errors import InvalidParameterError
from .path import PathResult
from .record import GLMResult

if TYPE_CHECKING:
    from ..core.records import Array

RULES = ("min", "1se")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class CVResult:
    """A path of penalised fits with its cross-validated losses.

    Parameters
    ----------
    path : PathResult
        Of all rows.
    measure : str
        The loss, a mean over held-out rows by their weights: "deviance", "mse", "mae" or "class".
    fold_values : (F, L) array
        The mean loss of each fold by the coefficients that were fitted without it.
    fold_weights : (F,) array
    rule : "min" or "1se"
        What ``best`` is by.
    """

    path: PathResult
    measure: str
    fold_values: Array
    fold_weights: Array
    rule: str

    def __post_init__(self) -> None:
        for name in ("fold_values", "fold_weights"):
            object.__setattr__(self, name, frozen(np.asarray(getattr(self, name)).view()))

    @property
    def lambdas(self) -> Array:
        """The values of lambda, (L,), decreasing."""
        return self.path.lambdas

    @property
    def mean(self) -> Array:
        """The mean loss at each lambda, folds counted by their weights, (L,)."""
        return np.average(self.fold_values, axis=0, weights=self.fold_weights)

    @property
    def se(self) -> Array:
        """Its standard error, from the variance between the folds, (L,)."""
        away = (self.fold_values - self.mean) ** 2
        return np.sqrt(np.average(away, axis=0, weights=self.fold_weights) / (len(self.fold_values) - 1))

    @property
    def lambda_min(self) -> float:
        """The largest lambda at the least mean loss."""
        return float(self.lambdas[int(np.argmin(self.mean))])

    @property
    def lambda_1se(self) -> float:
        """The largest lambda whose mean loss is within a standard error of the least (Breiman et al. 1984)."""
        mean, i = self.mean, int(np.argmin(self.mean))
        return float(self.lambdas[int(np.argmax(mean <= mean[i] + self.se[i]))])

    def at(self, rule: str) -> GLMResult:
        """The fit of all rows by a rule, "min" or "1se".

        Raises
        ------
        InvalidParameterError
        """
        if rule not in RULES:
            raise InvalidParameterError(f"rule={rule!r} is unknown; known: {', '.join(RULES)}")
        return self.path.at(self.lambda_min if rule == "min" else self.lambda_1se)

    @property
    def best(self) -> GLMResult:
        """The fit of all rows at the chosen lambda."""
        return self.at(self.rule)

    def __repr__(self) -> str:
        i = int(np.argmin(self.mean))
        return (
            f"<CVResult of {len(self.fold_values)} folds: {self.measure} {self.mean[i]:.6g} (se {self.se[i]:.2g}) at "
            f"lambda {self.lambda_min:.4g}; within one se to {self.lambda_1se:.4g}>"
        )
