"""Expressions of a formula, ``log(x)`` or ``poly(x, 3)``: checked against an allow-list, then computed by formulaic.

Which functions there are is declared in ``functions``. Nothing else is offered, and numbers are bounded before anything
is computed, so a formula read from a file can do no harm.
"""

from __future__ import annotations

import ast
import difflib
import re
from collections import deque
from math import isfinite
from typing import Any, NamedTuple

import numpy as np

from ..core.column_names import unknown_column
from ..errors import InvalidParameterError, MissingDataError
from .functions import BY_NUMPY, DECLARED, STATEFUL, offered, too_large

CODED = ("C", "factor", "relevel")  # mark an expression as a factor
MEANING = {
    "pmin": "minimum",
    "pmax": "maximum",
    "as.factor": "C",
    "ifelse": "where",
    "Q": "`name` in backticks",
}
ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.BitAnd, ast.BitOr, ast.BitXor)
COMPARED = (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE)
SIGNS = (ast.USub, ast.UAdd, ast.Invert)
UNCOMPUTED = (ValueError, TypeError, ArithmeticError, LookupError, AttributeError, RuntimeError, AssertionError)
# of a response whose logarithm is not finite
HINT = "; family='poisson', or family='gamma' with link='log', fits y itself, and log1p(y) takes zeros"
PLAIN = (bool, int, float, str, type(None))  # what a constant may be
COMPUTED = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.FloorDiv: lambda a, b: a // b,
    ast.Mod: lambda a, b: a % b,
    ast.Pow: lambda a, b: a**b,
}


class Labels:
    """A factor inside an expression: it can be compared with a level, and nothing else."""

    def __init__(self, codes: np.ndarray, levels: tuple[Any, ...]):
        self.codes, self.levels = codes, levels

    def __eq__(self, level: Any) -> Any:
        return self.codes == (self.levels.index(level) if level in self.levels else -2)

    def __ne__(self, level: Any) -> Any:
        return ~(self == level)

    def __array__(self, *args: Any, **kwargs: Any) -> None:
        raise TypeError("a factor cannot be computed with")

    __hash__ = None


class Expression(NamedTuple):
    """A checked expression: its ``text`` as formulaic names it, the ``columns`` it reads and the ``functions`` it
    calls.
    """

    text: str
    columns: tuple[Any, ...]
    functions: tuple[Any, ...] = ()

    @property
    def column(self) -> str | None:
        """The column that the expression is, where it is no more than one."""
        return self.text if self.columns == (self.text,) and not self.functions else None


def split_call(text: str, names: Any) -> tuple[str, list[Any], dict[Any, Any]] | None:
    """The parts of a call of one of some functions: its name, arguments and keywords as text; or None."""
    tree, aliases = tree_of(text)
    call = tree.body
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in names):
        return None
    back = lambda node: _restore(ast.unparse(node), aliases)  # noqa: E731
    try:
        return call.func.id, [back(v) for v in call.args], {v.arg: back(v.value) for v in call.keywords}
    except RecursionError:
        raise InvalidParameterError(f"{_short(text)!r} is nested too deeply") from None


def spelled(text: str) -> str:
    """An expression with the spaces that formulaic gives the terms of a formula."""
    tree, aliases = tree_of(text)
    try:
        return _restore(ast.unparse(tree), aliases)
    except RecursionError:
        raise InvalidParameterError(f"{_short(text)!r} is nested too deeply") from None


def column(name: str, known: Any) -> Expression:
    """The expression that is one column; InvalidParameterError where there is no such column."""
    if name not in known:
        raise unknown_column(name, list(known))
    return Expression(name, (name,))


def check(text: str, known: Any, where: str | None = None) -> Expression:
    """Check an expression over the ``known`` columns; InvalidParameterError names a column that is not there, a
    function that is not offered, or syntax that has no place.
    """
    where = where or text
    name = text[1:-1] if re.fullmatch("`[^`]+`", text) else text
    if name in known:
        return Expression(name, (name,))
    tree, aliases = tree_of(text)
    found = Check(known, aliases, where)
    try:
        found.all(tree.body)
    except RecursionError:
        raise InvalidParameterError(f"term {_short(where)!r} is nested too deeply") from None
    clash = set(found.columns) & set(found.functions)
    if clash:
        raise InvalidParameterError(
            f"term {where!r}: {clash.pop()!r} is both a column and a function; rename the column"
        )
    return Expression(text, tuple(found.columns), tuple(found.functions))


class Check:
    """The columns and functions of an expression, found node by node; what has no place in a formula is an error."""

    def __init__(self, known: Any, aliases: Any, where: Any) -> None:
        self.known, self.aliases, self.where = known, aliases, where
        self.columns, self.functions = {}, {}

    def wrong(self, text: Any) -> InvalidParameterError:
        return InvalidParameterError(f"term {_short(self.where)!r}: {text}")

    def all(self, node: Any) -> None:
        """Check a tree."""
        waiting = deque([node])
        while waiting:
            waiting += self.one(waiting.popleft())

    def one(self, node: Any) -> list[Any]:
        """Check a node; those below it that are left to check."""
        if isinstance(node, ast.Call):
            return self.call(node)
        if isinstance(node, ast.Name):
            name = self.aliases.get(node.id, node.id)
            if name not in self.known:
                term = "" if name == self.where else f" (term {_short(self.where)!r})"
                raise unknown_column(name, list(self.known), f"the data{term}")
            self.columns[name] = None
            return []
        if isinstance(node, ast.Constant) and isinstance(node.value, PLAIN):
            return []
        if isinstance(node, ast.BinOp) and isinstance(node.op, ARITHMETIC):
            if not any(isinstance(inner, (ast.Name, ast.Call)) for inner in ast.walk(node)):
                self.constant(node)
                return []
            return [node.left, node.right]
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, SIGNS):
            return [node.operand]
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], COMPARED):
            if len(node.ops) > 1:
                raise self.wrong("a chain of comparisons has no place in a formula; write (0 < x) & (x < 1)")
            return [node.left, *node.comparators]
        if isinstance(node, ast.Attribute):
            self.attribute(node)
        if isinstance(node, (ast.List, ast.Tuple)):
            raise self.wrong("a list of numbers is not a column; it may stand in isin(x, [1, 2]) and as knots")
        operator = getattr(node, "op", None) or getattr(node, "ops", [node])[0]
        raise self.wrong(f"{type(operator).__name__} has no place in a formula")

    def call(self, node: Any) -> list[Any]:
        """Check a call; its arguments that may be columns."""
        name = self.function(node.func)
        declared = DECLARED[name]
        least, most = declared.least, declared.most
        if not least <= len(node.args) <= most:
            many = f"{least}" if least == most else f"{least} to {most}"
            raise self.wrong(f"{name} takes {many} argument{'s' * (most > 1)}, not {len(node.args)}")
        for keyword in node.keywords:
            if keyword.arg not in declared.keywords:
                raise self.wrong(f"the argument {keyword.arg!r} is not offered by {name}")
        constants = [self.constant(v) for v in node.args[declared.columns :]]
        problem = too_large(name, constants, {k.arg: self.constant(k.value) for k in node.keywords})
        if problem:
            raise self.wrong(problem)
        return node.args[: declared.columns]

    def function(self, node: Any) -> str:
        """The name of a function that is called, ``log`` or ``np.log``."""
        if isinstance(node, ast.Name):
            self.functions[_function(node.id, self.where)] = None
            return node.id
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "np":
            if node.attr not in BY_NUMPY:
                raise self.wrong(f"np.{node.attr} is not computed row by row; compute it as a column first")
            self.functions["np"] = None
            return node.attr
        if isinstance(node, ast.Attribute):
            self.attribute(node)
        raise self.wrong(f"{_short(ast.unparse(node))!r} is not the name of a function")

    def attribute(self, node: Any) -> None:
        """Refuse ``a.b``: a name with a dot, or a method."""
        text = ast.unparse(node)
        hint = "only np's functions are offered"
        if text in self.known:
            hint = f"write the column's name in backticks: `{text}`"
        raise self.wrong(f"{text!r} cannot be read; {hint}")

    def constant(self, node: Any) -> Any:
        """A constant of a formula: a number, text, or a list of these."""
        if isinstance(node, (ast.List, ast.Tuple)):
            return [self.constant(v) for v in node.elts]
        if isinstance(node, ast.Constant) and isinstance(node.value, PLAIN):
            return node.value
        return self.number(node)

    def number(self, node: Any) -> float:
        """A number that is computed from others, in float64, so that none can be too large to compute."""
        if isinstance(node, ast.Constant) and isinstance(node.value, (bool, int, float)):
            return float(node.value)
        try:
            if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
                return (-1.0 if isinstance(node.op, ast.USub) else 1.0) * self.number(node.operand)
            if isinstance(node, ast.BinOp) and type(node.op) in COMPUTED:
                found = COMPUTED[type(node.op)](self.number(node.left), self.number(node.right))
                if isinstance(found, float) and isfinite(found):
                    return found
                raise OverflowError
        except ArithmeticError:
            raise self.wrong(f"{_short(ast.unparse(node))!r} is not a number that float64 can hold") from None
        raise self.wrong(f"{_short(ast.unparse(node))!r} must be a constant")


def _short(text) -> str:
    """A text for a message, cut where it is very long."""
    return text if len(text) <= 200 else f"{text[:200]}..."


def value(expression: Expression, values: dict[Any, Any], state: dict[Any, Any]) -> Any:
    """An expression's value for some rows: an array (n,) or (n, k), or a mapping of k names to arrays, perhaps with
    formulaic's metadata.

    ``values`` are those of its columns: float64 arrays, boolean arrays, or Labels. ``state`` has what stateful
    transforms have learned, and is filled where they have not yet.
    """
    if expression.column is not None:
        return values[expression.column]
    from formulaic.utils.stateful_transforms import stateful_eval

    functions = offered()
    env = {**{name: functions[name] for name in expression.functions}, **values}
    try:
        with np.errstate(all="ignore"):
            return stateful_eval(expression.text, env, {}, state, None)
    except UNCOMPUTED as error:
        factors = [name for name, v in values.items() if isinstance(v, Labels)]
        hint = f" ({', '.join(map(repr, factors))} is a factor, not a number)" if factors else ""
        raise InvalidParameterError(f"term {expression.text!r} cannot be computed: {error}{hint}") from None


def literal(text: str, where: str) -> Any:
    """A constant written in a formula."""
    try:
        return ast.literal_eval(text)
    except UNCOMPUTED:
        raise InvalidParameterError(f"term {where!r}: {text!r} must be a constant") from None


def check_finite(numbers: np.ndarray, expression: Expression, rows: Any) -> None:
    """Refuse values that are not finite; MissingDataError names the term, the row and what its columns hold there."""
    finite = np.isfinite(numbers)
    if not finite.all():
        i = int(np.argmin(finite))
        held = ", ".join(f"{name} = {rows.cell(name, i)}" for name in expression.columns)
        logarithm = set(expression.functions) & {"log", "log2", "log10", "np"} and not np.isposinf(numbers[i])
        raise MissingDataError(
            f"term {expression.text!r} is {numbers[i]} in row {rows.number(i)} ({held})" + (HINT if logarithm else "")
        )


def tree_of(text: Any) -> Any:
    """The syntax tree of an expression, and what its stand-ins for names in backticks mean."""
    from formulaic.utils.code import sanitize_variable_names

    aliases: dict[str, str] = {}
    try:
        return ast.parse(sanitize_variable_names(text, {}, aliases), mode="eval"), aliases
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise InvalidParameterError(f"cannot read {_short(text)!r} in the formula") from None


def _restore(text, aliases):
    for alias, name in aliases.items():
        text = text.replace(alias, f"`{name}`")
    return text


def _function(name, where):
    if name in DECLARED:
        return name
    if name in CODED:
        raise InvalidParameterError(f"term {where!r}: {name}(...) must be a whole factor of a term")
    if name in ("offset", "exposure", "cbind"):
        place = "left of ~" if name == "cbind" else "a term of its own"
        raise InvalidParameterError(f"term {where!r}: {name}(...) must stand {place}")
    close = [MEANING[name]] if name in MEANING else difflib.get_close_matches(name, DECLARED, n=2)
    hint = f"did you mean {' or '.join(close)}? " if close else ""
    raise InvalidParameterError(
        f"term {where!r}: there is no function {name!r}; {hint}there are those of a row (log, exp, sqrt, where, "
        f"...) and {', '.join(STATEFUL)}; compute anything else as a column first"
    )
