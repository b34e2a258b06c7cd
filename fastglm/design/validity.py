"""Whether what a file says of a design can be one, so that a damaged or hostile file is refused when it is read."""

from __future__ import annotations

import ast
from math import isfinite
from typing import Any

from ..core.records import VECTORS
from ..errors import FileFormatError
from .column import KINDS
from .expression import tree_of
from .functions import STATEFUL
from .recipe import MISSING, UNSEEN
from .variables import Numeric

LIBRARIES = ("pandas", "polars", "pyarrow")


def check_saved(saved: Any) -> None:
    """Refuse plain values that `record.to_dict` cannot have written; FileFormatError names what is wrong."""
    _need(isinstance(saved, dict) and type(saved.get("version", 0)) is int, "it has no version")
    text, terms, variables = saved["formula"], saved["terms"], saved["variables"]
    _need(isinstance(text, str), "its formula is not text")
    _need(isinstance(terms, list) and all(_texts(term) for term in terms), "its terms are not lists of text")
    _need(len({frozenset(term) for term in terms}) == len(terms), "it has a term twice")
    _need(_mapping(saved["columns"], lambda kind: kind in KINDS), f"its columns are not all one of {', '.join(KINDS)}")
    _need(isinstance(variables, dict) and all(isinstance(v, dict) for v in variables.values()), "it has no variables")
    _need(set(variables) == {v for term in terms for v in term}, "its variables are not those of its terms")
    for name, v in variables.items():
        _variable(name, v)
    _need(saved["missing"] in MISSING and saved["unseen"] in UNSEEN, "missing or unseen is unknown")
    _need(_mapping(saved["missing_counts"], _whole), "it counts missing values by no number")
    _need(isinstance(saved["rows"], list) and len(saved["rows"]) == 2 and all(map(_whole, saved["rows"])), "its rows")
    _need(_mapping(saved["unused"], _levels), "its unused levels are no lists")
    _need(saved.get("library", "pandas") in LIBRARIES, "its library is unknown")
    beside = saved.get("roles", {})
    _need(_mapping(beside, _texts) and set(beside) <= {"response", "offset", "exposure"}, "its roles")
    _need(len(beside.get("exposure", ())) < 2, "it has two exposures")


def check_schema(saved: Any) -> None:
    """Refuse plain values that no schema of rows can have been written as, by a FileFormatError."""
    _need(isinstance(saved, dict) and _texts(saved["names"]), "its names are not text")
    _need(type(saved["intercept"]) is bool, "its intercept is neither true nor false")
    _need(saved["library"] in LIBRARIES and saved["missing"] in MISSING, "its library or missing is unknown")
    roles = saved["vectors"]
    _need(_mapping(roles, lambda v: v is None or isinstance(v, str)) and set(roles) <= set(VECTORS), "its vectors")


def check_state(design: Any) -> None:
    """Refuse a design that has not kept what its splines, polynomials and scales learned: new rows would teach them."""
    formula = design.formula
    shifts = (*formula.response, *formula.offset, *([formula.exposure] if formula.exposure else []))
    for e in (*(v.expression for v in design.variables.values()), *shifts):
        if not set(e.functions) & set(STATEFUL):
            continue
        tree, _ = tree_of(e.text)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in STATEFUL:
                kept = design.state.get(ast.unparse(node).replace('"', r'\\\\"')) if design.state else None
                raw = any(k.arg == "raw" for k in node.keywords) or len(node.args) > 2
                _need(isinstance(kept, dict) and (kept or raw), f"what {e.text!r} learned is lost")
    for name, v in design.variables.items():
        learns = isinstance(v, Numeric) and v.expression.column is not None and v.fields is not None
        _need(not learns, f"column {name!r} cannot have several columns")


def _variable(name, v):
    """Refuse a variable that is neither a factor with levels nor numbers."""
    if "levels" in v:
        _need(_levels(v["levels"]) and v["levels"], f"the levels of {name!r} are no labels of one type")
        return
    fields, drop = v["fields"], v["drop"]
    one = fields is None or (isinstance(fields, list) and fields and all(type(f) in (str, int) for f in fields))
    _need(one and len(set(fields or ())) == len(fields or ()), f"the columns of {name!r} have no names")
    _need(type(v["spans"]) is bool and (drop is None or (fields and drop in fields)), f"what {name!r} leaves out")


def _levels(values) -> bool:
    """Whether values are different labels of one type, text, booleans or numbers."""
    if not isinstance(values, list):
        return False
    kinds = {type(v) for v in values}
    numbers = kinds <= {int, float} and all(map(isfinite, values))
    return (kinds <= {str} or kinds <= {bool} or numbers) and len(set(values)) == len(values)


def _whole(v) -> bool:
    return type(v) is int and v >= 0


def _texts(v) -> bool:
    return isinstance(v, list) and all(isinstance(item, str) for item in v)


def _mapping(v, of) -> bool:
    """Whether something maps text to values of a kind."""
    return isinstance(v, dict) and all(isinstance(key, str) and _of(of, item) for key, item in v.items())


def _of(of, item) -> bool:
    try:
        return bool(of(item))
    except TypeError:  # what cannot be looked up is not among what is known
        return False


def _need(holds, what):
    if not holds:
        raise FileFormatError(f"this is not a saved design: {what}")
