"""The pages about the inside of the library name files that there are."""

import re
from pathlib import Path

import pytest

import fastglm

ROOT = Path(__file__).parents[2]
PLACES = (Path(fastglm.__file__).parent, ROOT, ROOT / "docs", ROOT / "tests", ROOT / "tests" / "house")


PAGES = ["docs/design.md", "docs/numerics.md", "docs/solvers.md", "docs/hostile.md", "CONTRIBUTING.md"]


@pytest.mark.parametrize("page", PAGES)
def test_files_that_a_page_names_are_there(page):
    text = (ROOT / page).read_text()
    named = set(re.findall(r"`([a-z_./]*(?:\.py|/))(?:::\w+)?`", text))
    links = {link for link in re.findall(r"\]\(([^)#:]+)\)", text)}
    assert [name for name in named if not any((place / name).exists() for place in PLACES)] == []
    assert [link for link in links if not (ROOT / page).parent.joinpath(link).exists()] == []
    assert named | links


def test_the_house_is_explained_in_two_pages():
    assert len((ROOT / "docs/design.md").read_text().splitlines()) <= 120


def test_tests_have_the_rooms_of_the_library():
    folders = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir() and any(path.glob("*.py"))}
    assert folders - {"house"} <= {path.stem for path in PLACES[0].iterdir()}
    assert [path.name for path in (ROOT / "tests").glob("*.py")] == ["conftest.py"]
