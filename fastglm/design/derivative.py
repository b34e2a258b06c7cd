"""The derivative of a design's columns in one column of the data: exact for arithmetic, analytic functions and
B-splines, central differences for the rest.

Columns are products of variables; the product rule needs the derivative of each variable alone. Where it is analytic it
is taken by a complex step, whose truncation error is below rounding (Squire and Trapp 1998, "Using complex variables to
estimate derivatives of real functions", SIAM Review 40). Central differences of a smooth function are right to about
ten digits.
"""

from __future__ import annotations

import ast
from typing import Any

import numpy as np

from ..errors import InvalidParameterError
from ..matrix.columns import Categorical
from ..matrix.stored_rows import StoredRows
from . import expression as ex
from .expression import Expression
from .natural_spline import basis, extended
from .variables import Factor, Rows, by_field

ANALYTIC = frozenset(
    "np I log log1p log2 log10 exp expm1 exp2 sqrt sin cos tan sinh cosh tanh square reciprocal negative positive add "
    "subtract multiply divide true_divide power float_power center scale standardize".split()
)
STEPS = frozenset(
    "where sign signbit floor ceil rint round trunc floor_divide fmod mod remainder heaviside isin isnan isinf "
    "isfinite equal not_equal less less_equal greater greater_equal logical_and logical_or logical_xor "
    "logical_not".split()
)
IMAGINARY = 1e-50  # the complex step, so small that its square vanishes beside one
DIFFERENCE = 1e-5  # of the size of a column: the cube root of the rounding unit, about


def readers(design: Any, name: str) -> list[str]:
    """The variables of a design's terms that read a column."""
    return [text for text, v in design.variables.items() if name in v.expression.columns]


def levels_of(design: Any, name: str) -> tuple[Any, ...] | None:
    """The levels of a column that has a part in the terms as levels alone, empty where they are of an expression; None
    for a column of numbers."""
    if design.kinds[name] == "boolean":
        return (False, True)
    found = [design.variables[text] for text in readers(design, name)]
    if found and all(isinstance(v, Factor) for v in found):
        own = [v.levels for v in found if v.expression.column == name]
        if own:
            return own[0]
    return () if design.kinds[name] == "factor" else None


def plain_coefficient(design: Any, name: str) -> int | None:
    """The number of the coefficient of a column that is one term, as it stands, and in no other; else None."""
    inside = [term for term in design.formula.terms if any(text in readers(design, name) for text in term)]
    shifts = (*design.formula.offset, *([design.formula.exposure] if design.formula.exposure else []))
    if inside != [(name,)] or any(name in e.columns for e in shifts) or isinstance(design.variables[name], Factor):
        return None
    numbers = design.term_slices[name]
    return int(np.arange(len(design.names))[numbers][0]) if len(numbers) == 1 else None


def derivative(design: Any, table: Any, first: int, stop: int, keep: Any, name: str) -> Any:
    """The derivative of rows of a design in a column of numbers.

    Parameters
    ----------
    design : Design
    table : Table
    first, stop : int
    keep : (stop - first,) array of bool or None
        The rows that are wanted.
    name : str

    Returns
    -------
    X : StoredRows
        The derivative of the columns but the intercept.
    shift : (n,) array or None
        That of the offset and the logarithm of the exposure, None for zero.

    Raises
    ------
    InvalidParameterError
        For a factor, and for terms that step.
    """
    rows, codes, _ = design._coded(table, first, stop, keep)
    slopes = {}
    for text in readers(design, name):
        v = design.variables[text]
        if isinstance(v, Factor):
            raise _stepping(text, name)
        slopes[text] = _fields(v.expression, v.fields, rows, design.state, name)
    values: dict[Any, Any] = {}
    X = np.empty((rows.n, len(design.layout.numbers)), order="F")
    for j, block in enumerate(design.layout.numbers):
        X[:, j] = _product_rule(design, block, rows, values, slopes)
    terms = []
    for block in design.layout.factors:
        part = design._categorical(block, rows, codes, values)
        terms.append(Categorical(part.codes, block.levels, _product_rule(design, block, rows, values, slopes)))
    shift = _shift(design, rows, name)
    return StoredRows(X, terms, design.layout.coding, design.layout.has_intercept), shift


def _product_rule(design, block, rows, values, slopes):
    """The derivative of the product of a block's numbers, (n,)."""
    total = np.zeros(rows.n)
    for i, (variable, field) in enumerate(block.numbers):
        if variable not in slopes:
            continue
        part = slopes[variable][field]
        for k, (other, its_field) in enumerate(block.numbers):
            if other not in values:
                values[other] = design.variables[other].values(rows, design.state)
            part = part if k == i else part * values[other][its_field]
        total = total + part
    return total


def _shift(design, rows, name):
    """The derivative of the offset and of the logarithm of the exposure; None where they do not read the column."""
    formula, total = design.formula, None
    for e in formula.offset:
        if name in e.columns:
            total = _fields(e, None, rows, design.state, name)[None] + (0.0 if total is None else total)
    e = formula.exposure
    if e is not None and name in e.columns:
        slope = _fields(e, None, rows, design.state, name)[None] / rows.numbers(e, design.state)
        total = slope + (0.0 if total is None else total)
    return total


def _fields(expression: Expression, fields, rows: Rows, state, name) -> dict[Any, Any]:
    """Field -> the derivative (n,) of an expression in a column."""
    n = rows.n
    if expression.column is not None or not n:
        return {field: np.ones(n) for field in fields or (None,)}
    tree, _ = ex.tree_of(expression.text)
    steps = any(isinstance(node, (ast.Compare, ast.FloorDiv, ast.Mod)) for node in ast.walk(tree))
    if steps or _called(tree) & STEPS:
        raise _stepping(expression.text, name)
    given = {column: rows.value(column) for column in expression.columns}
    if set(expression.functions) <= ANALYTIC:
        found = ex.value(expression, given | {name: given[name] + 1j * IMAGINARY}, state)
        return {None: np.broadcast_to(np.imag(np.asarray(getattr(found, "__wrapped__", found))) / IMAGINARY, (n,))}
    spline = _spline(expression, tree, given, state, name)
    if spline is not None:
        return {field: spline[field] for field in fields}
    return _differences(expression, fields, given, state, name)


def _called(tree):
    """The names of the functions that a tree calls, without np."""
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return {getattr(f, "id", getattr(f, "attr", "")) for f in calls}


def _spline(expression, tree, given, state, name):
    """The derivatives of ``bs(x, ...)`` or ``ns(x, ...)`` by field, from its knots; None for another expression."""
    call = tree.body
    function = getattr(call.func, "id", "") if isinstance(call, ast.Call) else ""
    alone = function in ("bs", "ns") and expression.columns == (name,)
    learned = [kept for kept in state.values() if isinstance(kept, dict) and "knots" in kept]
    if not alone or not isinstance(call.args[0], ast.Name):
        return None
    kept = state.get(expression.text) or state.get(ast.unparse(tree))
    if kept is None or kept not in learned or "raise" != _keyword(call, "extrapolation", "raise"):
        return None
    x, knots = np.asarray(given[name], float), np.asarray(kept["knots"], float)
    if function == "ns":
        intercept = call.args[3] if len(call.args) > 3 else _keyword(call, "intercept", False)
        spline = basis(knots, bool(getattr(intercept, "value", intercept)))
        return dict(enumerate(extended(spline, x, derivative=True).T, start=1))
    from scipy.interpolate import BSpline

    degree = int(np.sum(knots == knots[0])) - 1
    b_splines = BSpline(knots, np.eye(len(knots) - degree - 1), degree)
    if degree != int(_keyword(call, "degree", 3)) or degree < 1:
        return None
    return dict(enumerate(b_splines.derivative()(x).T))


def _keyword(call, name, default):
    """A constant among the keywords of a call."""
    found = [word.value.value for word in call.keywords if word.arg == name and isinstance(word.value, ast.Constant)]
    return found[0] if found else default


def _differences(expression, fields, given, state, name):
    """Derivatives by the parabola through three points, in the middle of which each row is but beside a bound."""
    x = np.asarray(given[name], float)
    h = DIFFERENCE * max(float(np.std(x)), 1e-3 * float(np.abs(x).max(initial=0.0)), 1e-300)
    bounds = [kept for kept in state.values() if isinstance(kept, dict) and "lower_bound" in kept]
    low = max((float(kept["lower_bound"]) for kept in bounds if _bound_of(kept, x)), default=-np.inf)
    high = min((float(kept["upper_bound"]) for kept in bounds if _bound_of(kept, x)), default=np.inf)
    middle = np.clip(x, low + h, high - h)
    t = (x - middle) / h
    total: dict[Any, Any] = {}
    for sign, weight in ((-1.0, t - 0.5), (0.0, -2.0 * t), (1.0, t + 0.5)):
        found = _columns(ex.value(expression, given | {name: middle + sign * h}, state), fields)
        for field in fields or (None,):
            total[field] = total.get(field, 0.0) + weight / h * found[field]
    return total


def _bound_of(kept, x):
    """Whether all rows are between the bounds that a transform has learned, so that they may be its."""
    return kept["lower_bound"] <= x.min() and x.max() <= kept["upper_bound"]


def _columns(v, fields):
    """A computed expression by field."""
    v = by_field(v)
    return v if isinstance(v, dict) else {None: np.asarray(getattr(v, "__wrapped__", v), float)}


def _stepping(text, name):
    return InvalidParameterError(
        f"term {text!r} has no derivative in {name!r}; compare({name!r}, ...) has differences between its values"
    )
