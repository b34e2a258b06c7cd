"""Expressions of a formula, ``log(x)`` or ``poly(x, 3)``: checked against an allow-list, then computed by formulaic.

What is computed row by row gives the same numbers for new rows and for blocks of rows; formulaic's stateful transforms
keep what they learned (the knots of a spline). Nothing else is offered, so a formula read from a file can do no harm.
"""

from __future__ import annotations

import ast
import difflib
import re
from typing import NamedTuple

import numpy as np

from ..errors import InvalidParameterError, MissingDataError
from ..tables import unknown_column

ELEMENTWISE = (
    "log log1p log2 log10 exp exp2 expm1 sqrt cbrt abs sign floor ceil trunc rint sin cos tan arcsin arccos arctan "
    "sinh cosh tanh minimum maximum hypot where clip isin"
).split()
STATEFUL = "bs cc cr cs poly center scale standardize".split()
CODED = ("C", "factor")  # mark an expression as a factor
CONTRASTS = "Treatment Sum Helmert Poly Diff contr".split()
MEANING = {
    "pmin": "minimum",
    "pmax": "maximum",
    "as.factor": "C",
    "ns": "cr",
    "ifelse": "where",
    "Q": "`name` in backticks",
}
NODES = (
    ast.Expression, ast.BinOp, ast.UnaryOp, ast.Compare, ast.Call, ast.Name, ast.Load, ast.Constant, ast.Attribute,
    ast.List, ast.Tuple, ast.Dict, ast.keyword, ast.operator, ast.unaryop, ast.cmpop,
)  # fmt: skip


class Labels:
    """A factor inside an expression: it can be compared with a level, and nothing else."""

    def __init__(self, codes: np.ndarray, levels: tuple):
        self.codes, self.levels = codes, levels

    def __eq__(self, level):
        return self.codes == (self.levels.index(level) if level in self.levels else -2)

    def __ne__(self, level):
        return ~(self == level)

    def __array__(self, *args, **kwargs):
        raise TypeError("a factor cannot be computed with")

    __hash__ = None


class Expression(NamedTuple):
    """A checked expression.

    Attributes
    ----------
    text : str
        As formulaic names it.
    columns : tuple of str
        The columns it reads.
    functions : tuple of str
        The functions it calls.
    """

    text: str
    columns: tuple
    functions: tuple = ()

    @property
    def column(self) -> str | None:
        """The column that the expression is, where it is no more than one."""
        return self.text if self.columns == (self.text,) and not self.functions else None


def split_call(text: str, names) -> tuple[str, list, dict] | None:
    """The parts of a call of one of some functions: its name, arguments and keywords as text; or None."""
    tree, aliases = _parse(text)
    call = tree.body
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in names):
        return None
    back = lambda node: _restore(ast.unparse(node), aliases)  # noqa: E731
    return call.func.id, [back(v) for v in call.args], {v.arg: back(v.value) for v in call.keywords}


def column(name: str, known) -> Expression:
    """The expression that is one column.

    Raises
    ------
    InvalidParameterError
        Where there is no such column.
    """
    if name not in known:
        raise unknown_column(name, list(known))
    return Expression(name, (name,))


def check(text: str, known, where: str | None = None) -> Expression:
    """Check an expression over some known columns.

    Raises
    ------
    InvalidParameterError
        Naming a column that is not there, a function that is not offered, or syntax that has no place.
    """
    where = where or text
    name = text[1:-1] if re.fullmatch("`[^`]+`", text) else text
    if name in known:
        return Expression(name, (name,))
    tree, aliases = _parse(text)
    called = {id(n.func) for n in ast.walk(tree) if isinstance(n, ast.Call)}
    inner = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
    columns, functions = {}, {}
    for node in ast.walk(tree):
        if not isinstance(node, NODES):
            raise InvalidParameterError(f"term {where!r}: {type(node).__name__} has no place in a formula")
        if isinstance(node, ast.keyword) and node.arg in (None, "out", "where", "casting", "subok"):
            raise InvalidParameterError(f"term {where!r}: the argument {node.arg!r} is not offered")
        if isinstance(node, ast.Attribute):
            functions[_attribute(node, called, known, where)] = None
        elif isinstance(node, ast.Name) and id(node) in called:
            functions[_function(node.id, where)] = None
        elif isinstance(node, ast.Name) and id(node) not in inner:
            name = aliases.get(node.id, node.id)
            if name not in known:
                raise unknown_column(name, list(known), f"the data (term {where!r})")
            columns[name] = None
    clash = set(columns) & set(functions)
    if clash:
        raise InvalidParameterError(
            f"term {where!r}: {clash.pop()!r} is both a column and a function; rename the column"
        )
    return Expression(text, tuple(columns), tuple(functions))


def value(expression: Expression, values: dict, state: dict):
    """What an expression is for some rows.

    Parameters
    ----------
    expression : Expression
    values : dict
        Of its columns: float64 arrays, boolean arrays, or Labels.
    state : dict
        What stateful transforms have learned; filled where they have not yet.

    Returns
    -------
    array (n,), (n, k), or a mapping of k names to arrays, perhaps with formulaic's metadata
    """
    if expression.column is not None:
        return values[expression.column]
    from formulaic.utils.stateful_transforms import stateful_eval

    env = {**{name: _offered()[name] for name in expression.functions}, **values}
    try:
        with np.errstate(all="ignore"):
            return stateful_eval(expression.text, env, {}, state, None)
    except (ValueError, TypeError, ArithmeticError, KeyError, IndexError, AttributeError) as error:
        factors = [name for name, v in values.items() if isinstance(v, Labels)]
        hint = f" ({', '.join(map(repr, factors))} is a factor, not a number)" if factors else ""
        raise InvalidParameterError(f"term {expression.text!r} cannot be computed: {error}{hint}") from None


def contrasts(text: str | None):
    """The contrasts named by an expression: a record of formulaic's, a matrix, a mapping, or None for treatment."""
    if text is None:
        return None
    tree, _ = _parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id not in _contrasts():
            known = ", ".join(CONTRASTS)
            raise InvalidParameterError(f"contrasts {text!r}: {node.id!r} is unknown; known: {known}, or a matrix")
        if not isinstance(node, NODES) or (isinstance(node, ast.Attribute) and not isinstance(node.value, ast.Name)):
            raise InvalidParameterError(f"contrasts {text!r} cannot be read")
        if isinstance(node, ast.Attribute) and node.attr not in "helmert poly sum treatment SAS diff custom".split():
            raise InvalidParameterError(f"contrasts {text!r}: contr.{node.attr} is unknown")
    try:
        return eval(compile(tree, "formula", "eval"), {"__builtins__": {}}, _contrasts())  # names checked above
    except (ValueError, TypeError) as error:
        raise InvalidParameterError(f"contrasts {text!r}: {error}") from None


def literal(text: str, where: str):
    """A constant written in a formula.

    Raises
    ------
    InvalidParameterError
    """
    try:
        return ast.literal_eval(text)
    except ValueError:
        raise InvalidParameterError(f"term {where!r}: {text!r} must be a constant") from None


def check_finite(numbers: np.ndarray, expression: Expression, rows) -> None:
    """Refuse values that are not finite.

    Raises
    ------
    MissingDataError
        Naming the term, the row and what its columns hold there.
    """
    finite = np.isfinite(numbers)
    if not finite.all():
        i = int(np.argmin(finite))
        held = ", ".join(f"{name} = {rows.cell(name, i)}" for name in expression.columns)
        raise MissingDataError(f"term {expression.text!r} is {numbers[i]} in row {rows.number(i)} ({held})")


def _parse(text):
    """The syntax tree of an expression, and what its stand-ins for names in backticks mean."""
    from formulaic.utils.code import sanitize_variable_names

    aliases: dict[str, str] = {}
    try:
        return ast.parse(sanitize_variable_names(text, {}, aliases), mode="eval"), aliases
    except (SyntaxError, RecursionError, MemoryError):
        raise InvalidParameterError(f"cannot read {text!r} in the formula") from None


def _restore(text, aliases):
    for alias, name in aliases.items():
        text = text.replace(alias, f"`{name}`")
    return text


def _offered():
    """All functions by name, formulaic's stateful transforms among them."""
    from formulaic.transforms import TRANSFORMS

    functions = {name: getattr(np, name) for name in ELEMENTWISE}
    functions |= {name: TRANSFORMS[name] for name in STATEFUL}
    return functions | {"I": lambda v: v, "days": days, "np": np}


def _contrasts():
    from formulaic.transforms import TRANSFORMS

    named = {name: TRANSFORMS[name] for name in CONTRASTS}
    return named | {"SDiff": named["Diff"], "SAS": TRANSFORMS["contr"].SAS}


def days(dates):
    """Dates as days since 1970-01-01, or spans of time in days, float64."""
    zero = np.datetime64(0, "D") if dates.dtype.kind == "M" else np.timedelta64(0, "D")
    return (dates - zero) / np.timedelta64(1, "D")


def _function(name, where):
    if name in _offered() and name != "np":
        return name
    if name in CODED:
        raise InvalidParameterError(f"term {where!r}: {name}(...) must be a whole factor of a term")
    if name in ("offset", "exposure", "cbind"):
        place = "left of ~" if name == "cbind" else "a term of its own"
        raise InvalidParameterError(f"term {where!r}: {name}(...) must stand {place}")
    close = [MEANING[name]] if name in MEANING else difflib.get_close_matches(name, _offered(), n=2)
    hint = f"did you mean {' or '.join(close)}? " if close else ""
    raise InvalidParameterError(
        f"term {where!r}: there is no function {name!r}; {hint}there are those of a row ({', '.join(ELEMENTWISE[:8])}, "
        f"...) and {', '.join(STATEFUL)}; compute anything else as a column first"
    )


def _attribute(node, called, known, where):
    """The name behind ``np.log``; anything else has no place."""
    text = ast.unparse(node)
    if isinstance(node.value, ast.Name) and node.value.id == "np" and id(node) in called:
        if isinstance(getattr(np, node.attr, None), np.ufunc) or node.attr in ELEMENTWISE:
            return "np"
        raise InvalidParameterError(f"term {where!r}: {text} is not computed row by row; compute it as a column first")
    hint = f"write the column's name in backticks: `{text}`" if text in known else "only np's functions are offered"
    raise InvalidParameterError(f"term {where!r}: {text!r} cannot be read; {hint}")
