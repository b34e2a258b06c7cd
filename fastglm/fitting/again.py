"""What a model is fitted anew by: the vectors of its fit, some of its columns, and the formula of some of its terms."""

from __future__ import annotations

import numpy as np

from ..errors import InvalidParameterError
from ..rows.arguments import quoted


def vectors(first, options):
    """The names of the vectors of a fit that are not given; those that were arrays have to be."""
    known = {role: column for role, column in first.schema.vectors.items() if role not in options}
    missing = [role for role, column in known.items() if column is None]
    if missing:
        raise InvalidParameterError(f"the fit had an array as {missing[0]}; give {missing[0]}= again")
    return known


def columns_of(X, selected):
    """Some columns of an array or a sparse matrix."""
    if hasattr(X, "tocsr"):
        return X.tocsc()[:, selected].tocsr()
    array = np.asarray(X)
    if array.ndim != 2 or array.dtype.kind not in "biuf":
        raise InvalidParameterError(f"X of type {type(X).__name__} has no columns to choose; pass an array")
    return array[:, selected]


def terms_of(design, selected) -> list[tuple[str, ...]]:
    """The terms of a design that have one of the ``selected`` coefficients, by their numbers, as names of variables."""
    found = [(term, design.term_slices[":".join(term)]) for term in design.formula.terms if term]
    return [term for term, numbers in found if np.isin(numbers, selected).any()]


def formula_of(design, terms: list[tuple[str, ...]]) -> str:
    """The formula of some terms of a design, with its response and what shifts its predictor."""
    formula = design.formula

    def text(name):
        variable = design.variables[name]
        return quoted(name) if variable.expression.column == name else name

    parts = ["1" if () in formula.terms else "0", *(":".join(map(text, term)) for term in terms)]
    parts += [f"offset({e.text})" for e in formula.offset]
    parts += [] if formula.exposure is None else [f"exposure({formula.exposure.text})"]
    responses = [quoted(e.text) if e.column == e.text else e.text for e in formula.response]
    response = f"cbind({', '.join(responses)})" if len(responses) > 1 else "".join(responses)
    return f"{response} ~ {' + '.join(parts)}".strip()
