"""The site of the documentation: every public name, every page and every plot stands on it, and what it is made of."""

import ast
import json
import sys
from pathlib import Path

import pytest

import fastglm
from fastglm import plots

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
sys.path[:0] = [str(DOCS), str(DOCS / "building")]

import check_site  # noqa: E402
import make_site  # noqa: E402
import site_cells  # noqa: E402
import site_navigation  # noqa: E402
import site_results  # noqa: E402

pytest.importorskip("sklearn")
import site_reference  # noqa: E402

# modules of the library that are public and no attribute of it
BESIDE = {"rows", "files", "types", "sklearn", "statsmodels"}
RESULTS = sorted((DOCS / "results").glob("*.json"))


def test_the_reference_has_every_public_name():
    pages = site_reference.pages().values()
    shown = [name for page in pages for name in site_reference.identifiers(page)]
    assert sorted({name for name in shown if shown.count(name) > 1}) == []
    modules = {*fastglm._MODULES, *BESIDE}
    wanted = {f"fastglm.{name}" for name in fastglm._LAZY}
    wanted |= {f"fastglm.{module}.{name}" for module in modules for name in site_reference.public_names(module)}
    assert wanted - set(shown) == set()
    text = "".join(site_reference.source(page) for page in pages)
    assert [name for name in wanted if f":: {name}\n" not in text + "\n"] == []


def test_names_that_no_page_claims_have_a_page(monkeypatch):
    monkeypatch.setattr(fastglm, "__all__", [*fastglm.__all__, "a_new_verb"])
    assert site_reference.pages()["more"].names == (*site_reference.unplaced(),)
    assert "a_new_verb" in site_reference.unplaced()


def test_every_page_stands_in_a_chapter():
    made = {"notebooks/", "reference/", "gallery", "measured", "commands", "changes", "contributing"}
    placed = site_navigation.placed()
    assert len(placed) == len(set(placed))
    written = {path.stem for path in DOCS.glob("*.md")} - {"index"}
    assert written - set(placed) == set()
    assert set(placed) - made == written


def test_the_gallery_draws_every_plot():
    calls = [node.func for node in ast.walk(ast.parse((DOCS / "gallery.py").read_text())) if isinstance(node, ast.Call)]
    drawn = {call.attr for call in calls if isinstance(call, ast.Attribute) and ast.unparse(call.value) == "plots"}
    assert drawn == set(plots.__all__)


def test_a_script_becomes_a_page_with_what_it_prints_and_draws():
    pytest.importorskip("matplotlib")
    text = "# ---\n# jupyter:\n# ---\n\n# %% [markdown]\n# # One\n#\n# words\n\n# %%\nprint(1 + 1)\n\n"
    text += "# %%\nimport matplotlib.pyplot as plt\nplt.plot([1, 2])\n"
    page = site_cells.run(text, "one")
    assert page.markdown.startswith("# One\n\nwords\n\n```python\nprint(1 + 1)\n```\n\n```text\n2\n```\n\n```python\n")
    assert page.markdown.endswith("![One](one_1.png)\n")
    assert page.figures["one_1.png"].startswith(b"\x89PNG")


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_a_stored_run_names_its_command_and_machine(path):
    run = json.loads(path.read_text())
    page = "\n".join(site_results.run_markdown(run))
    assert run["command"] in page and run["machine"]["cpu"] in page
    assert run.get("races") or run.get("tables") or run.get("text")
    for race in run.get("races", ()):
        ours = race["cells"]["fastglm"]
        assert ours["ratio"] == 1 and f"| fastglm | {site_results.seconds(ours['median'])} | 1 |" in page


def test_what_a_benchmark_writes_is_a_stored_run():
    machine = {"cpu": "a", "cores": 2, "threads": 1, "memory": 2**30, "system": "b", "python": "3", "versions": {}}
    cell = {"status": "ok", "median": 0.5, "ratio": 1.0, "per_G": None, "error": 1e-9, "se_error": None}
    cells = {
        "fastglm": cell | {"iterations": 4, "unit": "passes"},
        "glum": {"status": "error", "message": "ran out of memory"},
    }
    race = {"problem": "binomial, 10 x 2", "n": 10, "p": 2, "G": None, "cells": cells}
    run = {"command": "python -m benchmarks", "machine": machine, "races": [race]}
    page = "\n".join(site_results.run_markdown(run))
    assert "| fastglm | 500 ms | 1 |  |  |  | 4 passes | 1e-09 | none |" in page
    assert "| glum | ran out of memory |" in page


@pytest.mark.parametrize(
    "target, folder, there",
    [
        ("../CONTRIBUTING.md", "docs", "contributing.md"),
        ("docs/design.md#protocols", "", "design.md#protocols"),
        ("notebooks/1_one_neuron.py", "docs", "notebooks/1_one_neuron.md"),
        ("tutorial.md", "docs", "tutorial.md"),
        ("#here", "docs", "#here"),
        ("fastglm/core/protocols.py", "", f"{make_site.REPOSITORY}/blob/main/fastglm/core/protocols.py"),
    ],
)
def test_links_lead_to_where_the_site_has_their_targets(target, folder, there):
    assert make_site.on_site(target, folder) == there


def test_links_that_lead_nowhere_are_found(tmp_path):
    (tmp_path / "a.html").write_text('<h1 id="x">a</h1><a href="#x">1</a><a href="#y">2</a><a href="b.html">3</a>')
    assert check_site.broken_links(tmp_path) == ["a.html: #y: no such anchor", "a.html: b.html: no such file"]


def test_the_repository_has_one_address():
    tomllib = pytest.importorskip("tomllib")
    urls = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]
    assert urls["Source"] == make_site.REPOSITORY
    assert all(url.startswith((make_site.REPOSITORY, urls["Documentation"])) for url in urls.values())
    settings = (DOCS / "building/conf.py").read_text()
    assert make_site.REPOSITORY in settings and urls["Documentation"] in settings
