"""Numbers at the top of modules say what they are: a comment on their line, or on the one above."""

import ast
from pathlib import Path

import pytest

import fastglm
from fastglm.core import measured

PACKAGE = Path(fastglm.__file__).parent
FILES = sorted(str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py"))


def is_number(node):
    """Whether an expression is a number, or arithmetic of numbers."""
    if isinstance(node, ast.Constant):
        return type(node.value) in (int, float)
    if isinstance(node, ast.UnaryOp):
        return is_number(node.operand)
    return isinstance(node, ast.BinOp) and is_number(node.left) and is_number(node.right)


def constants(path):
    """(line, last line, names) of the assignments of numbers, or of tuples with numbers, at the top of a file."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
            if any(map(is_number, values)):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                names = [item.id for item in ast.walk(ast.Tuple(targets)) if isinstance(item, ast.Name)]
                yield node.lineno, node.end_lineno, names


@pytest.mark.parametrize("name", FILES)
def test_constants_have_a_comment(name):
    lines = (PACKAGE / name).read_text().splitlines()
    bare = [
        lines[first - 1]
        for first, last, _ in constants(PACKAGE / name)
        if "#" not in lines[last - 1] and not lines[first - 2].startswith("#")
    ]
    assert bare == []


def test_measured_constants_are_used_and_have_one_place():
    """A name of ``core/measured.py`` is imported somewhere, and no other file defines it anew."""
    names = {name for _, _, names in constants(PACKAGE / "core/measured.py") for name in names}
    assert names == {name for name in vars(measured) if name.isupper()}
    imported, defined = set(), set()
    for name in FILES:
        if name == "core/measured.py":
            continue
        for node in ast.walk(ast.parse((PACKAGE / name).read_text())):
            if isinstance(node, ast.ImportFrom) and node.module == "core.measured":
                imported |= {alias.name for alias in node.names}
        defined |= {(name, each) for _, _, found in constants(PACKAGE / name) for each in found if each in names}
    assert imported == names
    assert defined == set()
