"""What type checkers know: the README's program has its types, mistakes are found, implementations are of protocols."""

import ast
import json
import os
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest
import typed_program

import fastglm

PROGRAM = Path(typed_program.__file__)
# what the library's own types do not speak of, and which takes longer to read than the library: Any to mypy
FOREIGN = "cryptography dask distributed duckdb formulaic hypothesis matplotlib narwhals numba polars ray"
PACKAGE = Path(fastglm.__file__).parent


def run(*command, cwd):
    done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, cwd=cwd)
    return done.returncode, done.stdout + done.stderr


def test_mypy_finds_no_error(tmp_path):
    if find_spec("mypy") is None:
        pytest.skip("mypy is not installed")
    settings = f"[mypy]\nstrict = True\nfollow_imports = silent\ncache_dir = {os.devnull}\n"
    if PACKAGE.parent.name != "site-packages":
        settings += f"mypy_path = {PACKAGE.parent}\n"
    settings += f"[mypy-{','.join(f'{name}.*' for name in FOREIGN.split())}]\nfollow_imports = skip\n"
    (tmp_path / "mypy.ini").write_text(settings)
    programs = [str(PROGRAM), str(PROGRAM.with_name("typed_protocols.py"))]
    code, text = run("mypy", "--config-file", "mypy.ini", *programs, cwd=tmp_path)
    assert code == 0, text


def every_name():
    """A program that has every public name and every member of the results: none of their types may be unknown."""
    modules = (*fastglm._MODULES, "rows", "files", "sklearn", "statsmodels")
    names = [*fastglm._LAZY]
    for module in modules:
        names += [f"{module}.{name}" for name in getattr(import_module(f"fastglm.{module}"), "__all__", ())]
    # errors have no __all__; each is a class whose constructor is its type
    names += [f"errors.{name}" for name, value in vars(fastglm.errors).items() if isinstance(value, type)]
    lines = ["import fastglm", *(f"import fastglm.{name}" for name in modules), ""]
    lines += [f"print(fastglm.{name})" for name in names]
    for record in ("GLMResult", "MultinomialResult", "PathResult", "CVResult", "LocalResult"):
        members = [name for name in dir(getattr(fastglm, record)) if not name.startswith("_")]
        lines += [f"def of_{record}(result: fastglm.{record}) -> None:", *(f"    print(result.{m})" for m in members)]
    assert len(names) > 150
    return "\n".join(lines) + "\n"


def test_pyright_finds_no_error(tmp_path):
    # the package named pyright fetches its checker when it is first run
    if find_spec("basedpyright") is None:
        pytest.skip("basedpyright is not installed")
    (tmp_path / PROGRAM.name).write_text(PROGRAM.read_text())
    (tmp_path / "every_name.py").write_text(every_name())
    settings = {
        "include": [PROGRAM.name, "every_name.py"],
        "typeCheckingMode": "strict",
        "enableTypeIgnoreComments": True,
        "reportUnnecessaryTypeIgnoreComment": "error",
        "reportMissingModuleSource": False,
        "extraPaths": [str(PACKAGE.parent)],
    }
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    code, text = run("basedpyright", "--pythonpath", sys.executable, cwd=tmp_path)
    assert code == 0, text


def public_names():
    """Every public name, but of ``fastglm.sklearn``: the classes that its estimators derive from have no types."""
    names = [f"fastglm.{name}" for name in fastglm._LAZY]
    for module in (*fastglm._MODULES, "rows", "files", "statsmodels"):
        names += [f"fastglm.{module}.{name}" for name in getattr(import_module(f"fastglm.{module}"), "__all__", ())]
    return names


def test_every_public_type_is_known_in_full(tmp_path):
    """With all its members, arguments and answers: what strict checkers of a program never call partially unknown."""
    if find_spec("basedpyright") is None:
        pytest.skip("basedpyright is not installed")
    options = ["--verifytypes", "fastglm", "--ignoreexternal", "--outputjson", "--pythonpath", sys.executable]
    place = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run(
        [sys.executable, "-m", "basedpyright", *options], capture_output=True, text=True, cwd=tmp_path, env=place
    )
    symbols = {symbol["name"]: symbol for symbol in json.loads(done.stdout)["typeCompleteness"]["symbols"]}
    listed = [name for name in public_names() if name in symbols]
    assert len(listed) > 180
    unknown = [n for n in listed if not (symbols[n]["isTypeKnown"] or symbols[n]["isTypeAmbiguous"])]
    assert unknown == []


def test_the_program_runs(tmp_path):
    pytest.importorskip("pyarrow")
    typed_program.main(tmp_path)


def test_checkers_see_the_names_that_are_imported_at_first_use():
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    block = next(n for n in tree.body if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING")
    seen = {alias.asname: node.module for node in block.body for alias in node.names}
    assert seen == dict.fromkeys(fastglm._MODULES) | fastglm._LAZY


def test_the_mark_of_typed_packages_is_installed():
    assert (PACKAGE / "py.typed").exists() and (PACKAGE / "special" / "_special.pyi").exists()
