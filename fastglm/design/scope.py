"""Which factors of a term are coded in full and which by contrasts, so that no column is redundant by design.

The rule is that of patsy and formulaic, for terms in the order of the formula: a term spans the products of its
factors' contrasts and of all their subsets; what earlier terms span already is left out, and the rest is joined again
into as few products as possible, ``a- + 1 -> a`` (contrasts and a constant are all levels).

References
----------
Chambers, J. M. and Hastie, T. J. (1992), Statistical Models in S, section 2.4; N. J. Smith, patsy, "From terms to
matrix: redundancy" in its manual.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any, NamedTuple


class Scoped(NamedTuple):
    """A factor of a term, and whether it is coded by contrasts (``reduced``) or in full."""

    factor: str
    reduced: bool


def scope(terms: Sequence[tuple[Any, ...]], spans: Callable[[str], bool]) -> list[list[tuple[Any, ...]]]:
    """The products of each term, none where it is redundant; the empty product is a constant.

    A term is a tuple of its factors, the empty one the intercept; ``spans`` says whether a factor's columns in full sum
    to a constant.
    """
    done: set[Any] = set()
    products = []
    for term in terms:
        subsets = product(*(((Scoped(f, True), None) if spans(f) else (Scoped(f, False),)) for f in term))
        spanned = [tuple(f for f in subset if f is not None) for subset in subsets]
        new = [p for p in spanned if frozenset(p) not in done]
        done.update(map(frozenset, new))
        products.append(_join(sorted(new, key=len)))
    return products


def _join(products):
    """As few products as span the same."""
    joined: list[Any] = []
    for p in products:
        for other in joined:
            extra = [f for f in p if f not in other]
            if len(p) == len(other) + 1 and len(extra) == 1 and extra[0].reduced:
                full = tuple(Scoped(f.factor, False) if f == extra[0] else f for f in p)
                rest = [q for q in joined if q != other]
                joined = _join([*rest, full])
                break
        else:
            if p not in joined:
                joined.append(p)
    return joined
