"""The notebooks run from the first cell to the last, their numbers asserted in them."""

import os
import runpy
from pathlib import Path

import pytest

pytest.importorskip("pandas")
NOTEBOOKS = sorted((Path(__file__).parents[2] / "docs/notebooks").glob("*.py"))
HEAD = "# ---\n# jupyter:\n#   jupytext:\n"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.setenv("FASTGLM_NOTEBOOK_ROWS", os.environ.get("FASTGLM_NOTEBOOK_ROWS", "100000"))
    text = path.read_text()
    assert text.startswith(HEAD) and "FASTGLM_NOTEBOOK_ROWS" in text and text.count("\nassert ") >= 5
    runpy.run_path(str(path))


def test_every_notebook_is_linked_from_the_front_page():
    page = (Path(__file__).parents[2] / "README.md").read_text()
    assert len(NOTEBOOKS) == 5
    assert [path.name for path in NOTEBOOKS if f"docs/notebooks/{path.name}" not in page] == []
