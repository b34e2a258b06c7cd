"""The ridge."""

from __future__ import annotations

from typing import Any, NamedTuple

from ...errors import InvalidParameterError
from .checks import semidefinite
from .registry import penalty
from .terms import Columns, PenaltyTerms, elastic_terms, unbounded


@penalty("ridge")
class Ridge(NamedTuple):
    """The sum of squares, lam / 2 sum b_j^2, or the quadratic lam / 2 b' P b.

    Parameters
    ----------
    lam : float, optional
        Not negative. Left out for a path, which has its own values.
    P : (p, p) array, optional
        Symmetric and positive semidefinite, of the coefficients of X on their own scale.
    scale : bool
        Whether columns are divided by their standard deviations first; P is taken as it is.
    positive : bool
        Whether no coefficient may be negative; not together with P.
    """

    lam: float | None = None
    P: Any = None
    scale: bool = True
    positive: bool = False

    @property
    def needs(self) -> tuple[str, ...]:
        """The kinds of penalties that a solver must handle."""
        return ("ridge", "bounds") if self.positive else ("quadratic",) if self.P is not None else ("ridge",)

    @property
    def confined(self) -> bool:
        """Whether coefficients are bounded."""
        return self.positive

    def checked(self) -> Ridge:
        """The record with P as a symmetric array."""
        if self.P is None:
            return self
        if self.positive:
            raise InvalidParameterError("penalty: positive=True does not go with P")
        return self._replace(P=semidefinite(self.P))

    def terms(self, columns: Columns) -> PenaltyTerms:
        """The penalty of the columns of a model at lambda one."""
        p = len(columns.names)
        if self.P is None:
            return elastic_terms(columns, 0.0, lower=0.0 if self.positive else None)
        if len(self.P) != p:
            raise InvalidParameterError(f"penalty: P has {len(self.P)} rows, expected {p} for the columns of X")
        return unbounded(p, matrix=self.P)
