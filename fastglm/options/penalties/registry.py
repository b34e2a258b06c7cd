"""The registry of penalties, and what a record has that says no more than its formula."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ...family.registry import complete
from .checks import semidefinite
from .terms import Columns, PenaltyTerms, unbounded

PENALTIES: dict[str, type] = {}  # by name; those of results that were saved are found by the names of their classes
C = TypeVar("C", bound=type)


class PenaltyFacts:
    """Everything that a penalty may say of itself; a class without its own fact has this one.

    A record needs ``lam`` and either ``matrix(columns)``, the (p, p) P of lam b' P b / 2 for b on the scale of X, or
    ``value(b)`` and ``prox(b, size)`` at lambda one, for b of standardised columns.

    Attributes
    ----------
    scale : bool
        Whether columns are divided by their standard deviations first.
    needs : tuple of {"ridge", "quadratic", "l1", "bounds", "groups", "proximal", "stages"}
        The kinds of penalties that a solver must handle.
    confined : bool
        Whether coefficients are bounded or left out, which remains at lambda zero.
    initial : None, "maximum likelihood" or record of a penalty
        The fit whose coefficients weigh those of this penalty.
    share : float
        The part of the penalised solution in the result, beside that without penalty of the coefficients that are not
        zero in it.
    """

    lam: float | None
    scale, confined, share, initial = True, False, 1.0, None

    @property
    def needs(self) -> tuple[str, ...]:
        """The kinds of penalties that a solver must handle."""
        return ("quadratic",) if hasattr(self, "matrix") else ("proximal",)

    def checked(self) -> Any:
        """The record, its numbers looked at as far as that needs no row."""
        return self

    def terms(self, columns: Columns) -> PenaltyTerms:
        """The penalty of the columns of a model at lambda one."""
        p = len(columns.names)
        if hasattr(self, "matrix"):
            return unbounded(p, matrix=semidefinite(self.matrix(columns), p))
        return unbounded(p, own=self)


def penalty(name: str) -> Callable[[C], C]:
    """Class decorator: register a penalty, a NamedTuple with a field ``lam``.

    Parameters
    ----------
    name : str
        As in ``fit(..., penalty={name: lam})``.
    """

    def register(cls):
        cls.name = name
        PENALTIES[name] = complete(cls, PenaltyFacts)
        return cls

    return register
