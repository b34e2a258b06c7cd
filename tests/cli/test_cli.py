"""The command line: exit codes, one-line errors, and the files it writes."""

import json

import numpy as np
import pytest

from fastglm.cli.commands import COMMANDS
from fastglm.cli.main import main
from fastglm.core.column_names import column_names, read_table

pa = pytest.importorskip("pyarrow")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the same table as CSV and Parquet."""
    import pyarrow.csv
    import pyarrow.parquet

    rng = np.random.default_rng(0)
    x, years = rng.normal(size=500), rng.uniform(0.5, 2, 500)
    table = pa.table({
        "claims": rng.poisson(years * np.exp(0.3 * x)), "x": x, "years": years, "w": np.ones(500),
        "region": np.where(x > 0, "n", "s"), "gap": pa.array([None, *range(499)]),
    })  # fmt: skip
    pyarrow.csv.write_csv(table, tmp_path / "t.csv")
    pyarrow.parquet.write_table(table, tmp_path / "t.parquet")
    (tmp_path / "t.xlsx").write_bytes(b"PK")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("file", ["t.csv", "t.parquet"])
def test_tables_read_only_what_is_asked(folder, file):
    assert column_names(file) == ["claims", "x", "years", "w", "region", "gap"]
    table = read_table(file, "claims ~ region", "gap", None)
    assert table.column_names == ["claims", "region", "gap"]
    assert pa.types.is_integer(table["claims"].type)
    assert set(table["region"].to_pylist()) == {"n", "s"}
    assert table["gap"][0].as_py() is None
    assert read_table(file, "claims ~ .").num_columns == 6


@pytest.mark.parametrize("file", ["t.csv", "t.parquet"])
def test_fit_prints_and_writes(folder, capsys, file):
    code = main(["fit", file, "claims ~ x + exposure(years)", "--family", "poisson", "--weights", "w",
                 "--html", "report.html"])  # fmt: skip
    out = capsys.readouterr().out
    assert code == 0
    assert "(Intercept)" in out and "model: t.model.json" in out
    assert (folder / "t.model.json").stat().st_size > 100
    assert "<table" in (folder / "report.html").read_text()


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["fit", "none.csv", "y ~ x"], "no such file"),
        (["fit", "t.xlsx", "y ~ x"], "format"),
        (["fit", "t.csv", "claims ~ yeers"], "did you mean 'years'"),
        (["fit", "t.csv", "claims ~ gap"], "the first in row 0"),
        (["fit", "t.csv", "claims x"], "not of the form"),
        (["fit", "t.csv", "claims ~ x", "--weights", "v"], "'v' is not in the files"),
        (["fit", "t.csv", "claims ~ x", "--weights", "x"], "in the formula and in --weights"),
        (["fit", "t.csv", "claims ~ x", "--level", "2"], "--level must lie"),
        (["fit", "t.csv", "claims ~ x", "--out", "no/where.json"], "no such folder"),
        (["fit", "t.csv", "claims ~ x", "--vcov", "hc9"], "--vcov hc9 is unknown"),
        (["fit", "t.csv", "claims ~ x", "--memory", "much"], "invalid size, such as 512MB, value"),
        (["fit", "t.csv", "claims ~ x", "--exposure", "years"], "log link"),
        (["fit", "t.csv", "claims ~ x", "--freq-weights", "x"], "in the formula and in --freq-weights"),
        (["fit", "t.csv", "claims ~ x", "--solver", "magic"], "--solver magic is unknown"),
        (["fit", "t.csv"], "required: FORMULA"),
        (["plan", "t.csv", "claims ~ yeers"], "did you mean 'years'"),
        (["predict", "t.csv", "t.csv", "--out", "p.parquet"], "t.csv"),
        (["predict", "none.json", "t.csv", "--out", "p.parquet"], "none.json"),
        (["predict", "t.json", "t.csv", "--out", "t.csv"], "one of the files that are read"),
        (["predict", "none.json", "t.csv", "--out", "p.xlsx"], ".parquet, .arrow, .csv"),
        (["simulate", "--out", "p.xlsx"], ".parquet, .arrow, .csv"),
        (["simulate", "--out", "no/p.csv"], "no such folder"),
        (["simulate", "--out", "p.csv", "--n", "3", "--files", "4"], "--files 4"),
        (["simulate", "--out", "p.csv", "--family", "poison"], "did you mean 'poisson'"),
        (["compare", "t.csv"], "FORMULA is missing"),
        (["compare", "t.csv", "claims ~ x + offset(years)"], "no offset"),
        (["demo", "--n", "many"], "invalid whole number value"),
    ],
)
def test_bad_input_is_one_line_and_code_2(folder, capsys, arguments, message):
    assert main(arguments) == 2
    out, error = capsys.readouterr()
    assert message in error
    assert error.count("\n") == 1 and out == ""


def test_errors_are_json_where_that_is_asked_for(folder, capsys):
    for arguments in (["fit", "none.csv", "y ~ x", "--json"], ["plan", "--json"]):
        assert main(arguments) == 2
        out, error = capsys.readouterr()
        assert out == "" and set(json.loads(error)) == {"error"}


def test_unknown_family_is_bad_input(folder, capsys):
    assert main(["fit", "t.csv", "claims ~ x", "--family", "poison"]) == 2
    assert "poisson" in capsys.readouterr().err


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("fastglm ")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches_by_examples(command, capsys):
    assert main([command, "--help"]) == 0
    out = capsys.readouterr().out
    assert f"  fastglm {command}" in out.split("examples:")[1]
    assert ("cbind(yes, no)" in out) == (command in ("fit", "path", "cv", "plan", "local"))
    assert max(map(len, out.splitlines())) <= 120


def test_demo(capsys):
    assert main(["demo", "--n", "2e4", "--p", "3", "--no-compare"]) == 0
    out = capsys.readouterr().out
    assert "20,000 x 3" in out and "passes over X" in out
