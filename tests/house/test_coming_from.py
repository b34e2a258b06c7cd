"""Every call that the page for users of other libraries has in our columns runs."""

import doctest
import re
from pathlib import Path

import pytest

pytest.importorskip("pandas")
PAGE = Path(__file__).parents[2] / "docs/coming_from.md"
CALL = re.compile(r"`([^`]+)`")


def calls():
    """Code of the columns after the first, of all tables: (line, code)."""
    for number, line in enumerate(PAGE.read_text().splitlines(), 1):
        cells = re.split(r"(?<!\\)\|", line)[1:-1] if line.startswith("| ") else []
        for cell in cells[1:]:
            yield from ((number, code) for code in CALL.findall(cell))


@pytest.mark.filterwarnings("ignore")
def test_calls_of_the_tables_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    scope, wrong = {}, []
    for example in doctest.DocTestParser().get_examples(PAGE.read_text()):
        exec(example.source, scope)
    scope["d"].to_csv("data.csv", index=False)
    found = list(calls())
    for number, code in found:
        try:
            eval(code, scope)
        except Exception as error:
            wrong.append(f"{PAGE.name}:{number}: {code}: {type(error).__name__}: {error}")
    assert wrong == []
    assert len(found) > 80
