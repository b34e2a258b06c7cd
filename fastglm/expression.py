"""Arithmetic over columns as text: read with Python's own parser, kept as a small tree, never evaluated as code."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import Any

from .errors import InvalidParameterError

OPERATORS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**", ast.MatMult: ":"}
LEVEL = {"+": 0, "-": 0, "*": 1, "/": 1, ":": 1, "**": 2}  # how tightly they bind
TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))|`(?P<quoted>[^`]+)`"
    r"|(?P<name>\.?[^\W\d][\w.]*|\.)|(?P<text>\"[^\"]*\"|'[^']*')|(?P<symbol>\*\*|[-+*/^:(),=]))"
)


class FormulaError(InvalidParameterError):
    """A formula cannot be read, or asks for more than the numeric formula language offers."""


@dataclass(frozen=True)
class Expression:
    """A node: a "column", a "number", a "call" of a function or an "operator", with its operands."""

    kind: str
    value: Any
    operands: tuple[Expression, ...] = ()

    def __str__(self) -> str:
        if self.kind == "call":
            return f"{self.value}({', '.join(map(str, self.operands))})"
        if self.kind == "operator":
            left, right = self.operands
            # brackets stay at the same level right of - and /, and left of **
            level, power = LEVEL[self.value], self.value == "**"
            left, right = left._inside(level + power), right._inside(level + (self.value in ("-", "/")))
            space = " " if self.value in "+-" else ""
            return f"{left}{space}{self.value}{space}{right}"
        if self.kind == "negative":
            return f"-{self.operands[0]}"
        return f"{self.value:g}" if self.kind == "number" else self.value

    def _inside(self, level):
        own = {"operator": LEVEL.get(self.value), "negative": 1}.get(self.kind)
        loose = own is not None and own < level
        return f"({self})" if loose else str(self)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it reads, in order."""
        inner = [name for operand in self.operands for name in operand.columns]
        return tuple(dict.fromkeys([self.value] if self.kind == "column" else inner))


def read(text: str) -> Expression:
    """Read one side of a formula through Python's parser, every name behind a stand-in."""
    names, source, position = [], [], 0
    text = text.strip()
    while position < len(text):
        token = TOKEN.match(text, position)
        if token is None:
            raise FormulaError(f"cannot read {text[position:].strip()!r} in the formula")
        position = token.end()
        name = token["quoted"] or token["name"]
        if name:
            names.append(name)
            source.append(f" v{len(names) - 1} ")
        else:
            source.append({"^": "**", ":": "@"}.get(token[0].strip(), token[0].strip()))
    try:
        return _convert(ast.parse(" ".join(source).strip(), mode="eval").body, names, text)
    except (SyntaxError, MemoryError):
        raise FormulaError(f"cannot read {text!r} in the formula") from None
    except RecursionError:
        raise FormulaError("the formula has too many terms; '.' stands for all other columns") from None


def _convert(node, names, text):
    def convert(inner):
        return _convert(inner, names, text)

    match node:
        case ast.Name(id):
            return Expression("column", names[int(id[1:])])
        case ast.Constant(int() | float() as value) if not isinstance(value, bool):
            return Expression("number", value)
        case ast.Constant(value):
            return Expression("text", repr(value))
        case ast.UnaryOp(ast.USub(), operand):
            return Expression("negative", "-", (convert(operand),))
        case ast.UnaryOp(ast.UAdd(), operand):
            return convert(operand)
        case ast.BinOp(left, op, right) if type(op) in OPERATORS:
            return Expression("operator", OPERATORS[type(op)], (convert(left), convert(right)))
        case ast.Call(ast.Name(id), args, keywords):
            name = names[int(id[1:])].removeprefix("np.")
            inner = [*map(convert, args), *(convert(keyword.value) for keyword in keywords)]
            return Expression("call", name, tuple(inner))
        case _:
            raise FormulaError(f"cannot read {text!r} in the formula")
