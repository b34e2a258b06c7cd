"""The right side of a formula, expanded by formulaic's parser with a bound on how much a few letters may ask for."""

from __future__ import annotations

from math import prod
from typing import Any

from ..errors import InvalidParameterError

MOST = 100_000  # products of terms that one operator may make
PRODUCTS = ("*", "/", "in", "%in%", ":")


def expand(text: str, available: Any) -> list[Any]:
    """The terms, formulaic's, of what stands right of the tilde; a dot stands for the ``available`` columns.

    InvalidParameterError for products of more than ``MOST`` terms, before they are made; formulaic's own errors pass.
    """
    import formulaic
    from formulaic.parser import DefaultFormulaParser

    parser = DefaultFormulaParser(operator_resolver=_bounded())
    terms = formulaic.Formula(f"~ {text}", _parser=parser, _context={"__formulaic_variables_available__": available})
    return list(terms)


def _bounded():
    """formulaic's operators, those that multiply terms bounded."""
    from formulaic.parser import DefaultOperatorResolver

    class Bounded(DefaultOperatorResolver):
        @property
        def operators(self):
            found = super().operators
            for operator in found:
                if operator.symbol in PRODUCTS:
                    operator._to_terms = _checked(operator._to_terms)
                elif operator.symbol in ("**", "^"):
                    operator._to_terms = _power
            return found

    return Bounded()


def _checked(product):
    def bounded(*sets):
        _refuse(prod(map(len, sets)))
        return product(*sets)

    return bounded


def _power(terms, exponent):
    """All products of up to ``exponent`` of some terms, in formulaic's order; made until no new one comes."""
    from formulaic.parser.types import OrderedSet

    (number,) = next(iter(exponent)).factors
    if number.eval_method.value != "literal" or not number.expr.isdigit() or int(number.expr[:9]) < 1:
        raise InvalidParameterError(f"the exponent {number.expr!r} must be a positive whole number; a power of a "
                                    "column is I(x**2)")  # fmt: skip
    found, n = list(terms), int(number.expr[:9])
    for _ in range(n - 1):
        _refuse(len(found) * len(terms))
        more = list(OrderedSet(a * b for a in found for b in terms))
        if more == found:
            break
        found = more
    return OrderedSet(found)


def _refuse(products):
    if products > MOST:
        raise InvalidParameterError(
            f"the formula asks for {products} products of terms, more than {MOST}; name the interactions that are meant"
        )
