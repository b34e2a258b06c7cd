"""What five lectures teach: each number of theirs, or what their formula gives, beside the library's."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("formulaic")
DOCS = Path(__file__).parents[2] / "docs"


def script():
    spec = importlib.util.spec_from_file_location("make_lectures", DOCS / "make_lectures.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


LECTURES = script()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("item", LECTURES.ITEMS, ids=lambda item: f"{item.lecture}-{item.name[:40]}")
def test_an_item(item):
    expected, found = (np.ravel(np.asarray(value, float)) for value in item.both())
    np.testing.assert_allclose(found, expected, rtol=0, atol=item.tol)


def test_the_page_lists_every_item():
    page = (DOCS / "lectures.md").read_text()
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith("| ")][1:]
    assert [row[1].replace("\\|", "|") for row in rows] == [item.name for item in LECTURES.ITEMS]
    for row, item in zip(rows, LECTURES.ITEMS, strict=True):
        expected = item.both()[0]
        shown, numbers = row[3].removesuffix(", ...").split(", "), np.ravel(np.asarray(expected, float))[:4]
        np.testing.assert_allclose([float(text) for text in shown], numbers, rtol=1e-6, atol=1e-8, err_msg=item.name)
