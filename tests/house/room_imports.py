"""The imports of the library, read from its source."""

import ast
from pathlib import Path

import fastglm

PACKAGE = Path(fastglm.__file__).parent
# what these show is found at first use; type checkers alone read where
FACES = ("__init__", "statsmodels")
BODIES = (ast.stmt, ast.excepthandler, ast.match_case)  # what statements may stand in


def modules():
    """Dotted name inside the package -> path, of every Python file; ``__init__`` is that of the package itself."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts) or "__init__"] = path
    return found


MODULES = modules()


def statements(node, top=True, face=False):
    """(import statement, whether it stands outside of functions) of a tree, of a face not those for type checkers."""
    for child in ast.iter_child_nodes(node):
        if face and isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
            continue
        if isinstance(child, (ast.Import, ast.ImportFrom)):
            yield child, top
        if isinstance(child, BODIES):
            yield from statements(child, top and not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)), face)


def imports(name, path):
    """(imported module, its name in the package or else of its library; whether ours; whether at the top) of a file."""
    package = [part for part in name.split(".") if part != "__init__"]
    package = package if path.name == "__init__.py" else package[:-1]
    for node, top in statements(ast.parse(path.read_text()), face=name in FACES):
        if isinstance(node, ast.Import):
            whole = [alias.name.split(".") for alias in node.names]
        else:
            base = ["fastglm", *package[: len(package) - node.level + 1]] if node.level else []
            base += node.module.split(".") if node.module else []
            whole = [[*base, alias.name] for alias in node.names]
            names = [".".join(parts[1:]) for parts in whole]
            whole = [parts if n in MODULES else base for parts, n in zip(whole, names, strict=True)]
        for parts in {tuple(parts) for parts in whole}:
            ours = parts[0] == "fastglm"
            yield (".".join(parts[1:]) or "__init__") if ours else parts[0], ours, top


IMPORTS = [(name, *found) for name, path in MODULES.items() for found in imports(name, path)]
EDGES = [(source, target) for source, target, ours, _ in IMPORTS if ours and source != target]
