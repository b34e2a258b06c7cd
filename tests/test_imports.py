"""The layers of the library, read from its source: a module imports only from its own level or a lower one.

Importing the package itself must be quick and must not load the compiler, scipy or pandas.
"""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import fastglm

PACKAGE = Path(fastglm.__file__).parent
# the longest prefix that fits decides; a new module must be placed here
LEVELS = [
    (0, ("types", "errors", "atomic", "sealed", "lazy", "special")),
    (1, ("family", "kernels", "matrix", "families", "links")),
    (2, ("source", "design", "tables", "files", "notes")),
    (3, ("moments", "penalty", "passes", "objective", "cross_entropy", "scan", "inputs", "labels", "cells", "reading")),
    (4, ("solver", "solvers")),
    (5, ("result", "multinomial", "inference", "serialize", "progress", "null", "export")),
    (5, ("after",)),
    (6, ("engines", "api", "model", "online", "nn", "frames", "stored", "sklearn", "statsmodels", "forecast")),
    (6, ("cli", "commands", "doctor", "warm", "__main__", "simulate", "plots")),
]
# imports of a higher level made at the moment of use, as (module, imported); each needs a reason beside it
UPWARD_AT_USE: tuple = ()
OPTIONAL = ("pandas", "tqdm", "matplotlib", "pyarrow", "statsmodels", "sklearn", "torch", "keras", "onnx")
HEAVY = ("numba", "llvmlite", "scipy", "threadpoolctl", *OPTIONAL)


def modules():
    """Dotted name inside the package -> path, of every Python file but the package's own ``__init__``."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if name:
            found[name] = path
    return found


MODULES = modules()


def level(name):
    """The level of a module, that of its longest listed prefix."""
    fits = [(len(p), n) for n, prefixes in LEVELS for p in prefixes if name == p or name.startswith(p + ".")]
    assert fits, f"{name} has no level: place it in LEVELS"
    return max(fits)[1]


def for_checkers(node):
    """Whether what follows is never run: names that only type checkers read."""
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def imports(name, path):
    """(imported module of ours, whether at module level) of a file."""
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    tree = ast.parse(path.read_text())
    inside = {id(n) for f in ast.walk(tree) if isinstance(f, (ast.FunctionDef, ast.Lambda)) for n in ast.walk(f)}
    typed = {id(n) for f in ast.walk(tree) if for_checkers(f) for part in f.body for n in ast.walk(part)}
    for node in ast.walk(tree):
        if id(node) in typed:
            continue
        top = id(node) not in inside
        if isinstance(node, ast.ImportFrom):
            if node.level:
                base = package[: len(package) - node.level + 1]
            elif node.module and node.module.split(".")[0] == "fastglm":
                base = []
            else:
                continue
            stem = ".".join([*base, *(node.module or "").removeprefix("fastglm").strip(".").split(".")]).strip(".")
            for alias in node.names:
                inner = f"{stem}.{alias.name}".strip(".")
                target = inner if inner in MODULES else stem
                if target:
                    yield target, top
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("fastglm."):
                    yield alias.name.removeprefix("fastglm."), top


EDGES = [(name, target, top) for name, path in MODULES.items() for target, top in imports(name, path)]


@pytest.mark.parametrize("name", MODULES)
def test_every_module_has_a_level_and_imports_downwards(name):
    upward = [target for source, target, top in EDGES if source == name and top and level(target) > level(name)]
    assert upward == []


def test_the_reader_of_imports_sees_them():
    assert ("passes", "kernels.passes", True) in EDGES
    assert len(EDGES) > 60


def test_upward_imports_at_the_moment_of_use_are_the_listed_ones():
    upward = {(source, target) for source, target, top in EDGES if not top and level(target) > level(source)}
    assert upward <= set(UPWARD_AT_USE), upward - set(UPWARD_AT_USE)


def test_solvers_see_an_objective_and_nothing_behind_it():
    behind = ("source.in_memory", "api", "inputs", "result", "inference")
    seen = [(s, t) for s, t, _ in EDGES if s.startswith("solver") and t.startswith(behind)]
    assert seen == []


def test_parallelism_lives_in_the_source():
    users = {
        name
        for name, path in MODULES.items()
        if any(word in path.read_text() for word in ("ThreadPoolExecutor", "multiprocessing", "import threading"))
    }
    assert users and all(name.startswith("source.") for name in users), users


def run(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PACKAGE.parent, timeout=600)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_importing_loads_nothing_heavy():
    loaded = run(f"import fastglm, sys; print(*[m for m in {HEAVY!r} if m in sys.modules])")
    assert loaded == []
    loaded = run(f"import fastglm.errors, sys; print(*[m for m in {HEAVY!r} if m in sys.modules])")
    assert loaded == []


def test_importing_is_quick():
    clock = "import time; t = time.perf_counter(); import fastglm; print(time.perf_counter() - t)"
    assert min(float(run(clock)[0]) for _ in range(3)) < 0.4


def test_a_fit_loads_no_optional_package():
    code = "import fastglm, sys; fastglm.fit([[0.0], [1], [2]], [0, 1, 3], family='poisson')"
    assert run(f"{code}; print(*[m for m in {OPTIONAL!r} if m in sys.modules])") == []


def test_every_public_name_is_there():
    for name in fastglm.__all__:
        assert getattr(fastglm, name) is not None
    assert set(fastglm.__all__) <= set(dir(fastglm))
    with pytest.raises(AttributeError, match="nothing_like_it"):
        fastglm.nothing_like_it  # noqa: B018
