"""The closed forms of pairs of a family and a link, by their classes; families register them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])
FUSED: dict[tuple[type, type | None], Any] = {}
SUMMED: dict[tuple[type, type], Any] = {}


def fused(family_class: type, link_class: type | None) -> Callable[[F], F]:
    """Decorator: a closed form ``rows(family, link, eta, y) -> (r, h, d)`` for one pair.

    ``r`` is the score with respect to eta, ``h`` the expected information and ``d`` the unit deviance, all for
    unit weight. ``link_class=None`` serves every link for which no pair of its own is registered.
    """

    def register(function):
        FUSED[family_class, link_class] = function
        return function

    return register


def find_fused(family_class: type, link_class: type):
    """The closed form for a pair, looked up along both classes' parents, or None."""
    for f in family_class.__mro__:
        for k in (*link_class.__mro__, None):
            if (f, k) in FUSED:
                return FUSED[f, k]
    return None


def summed(family_class: type, link_class: type) -> Callable[[F], F]:
    """Decorator: a loop ``rows(n, eta, y, r, h, d)`` for one pair and rows of unit weight, of which passes take sums.

    It writes r and h as the pair's row does, and to ``d`` n numbers whose sum is the deviance: a family can take one
    logarithm for many rows.
    """

    def register(function):
        SUMMED[family_class, link_class] = function
        return function

    return register
