"""What is written: never over what is read, over nothing that exists unless asked to, whole or not at all."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

import fastglm
from fastglm.cli.main import main
from fastglm.core import atomic
from fastglm.errors import InvalidParameterError

pa = pytest.importorskip("pyarrow")
FIT = ["fit", "rows.parquet", "y ~ x", "--family", "poisson"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    import pyarrow.csv
    import pyarrow.parquet

    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    x = rng.normal(size=300)
    table = pa.table({"y": rng.poisson(np.exp(0.3 * x)), "x": x})
    pyarrow.parquet.write_table(table, "rows.parquet")
    pyarrow.csv.write_csv(table, "rows.csv")
    os.symlink("rows.parquet", "soft.parquet")
    os.link("rows.parquet", "hard.parquet")
    return tmp_path


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


NAMES = ["rows.parquet", "./rows.parquet", "soft.parquet", "hard.parquet"]


@pytest.mark.parametrize("force", [[], ["--force"]])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("option", ["--out", "--html"])
def test_a_fit_never_writes_over_its_rows(folder, capsys, option, name, force):
    before = contents(folder)
    assert main([*FIT, option, name, *force]) == 2
    out, error = capsys.readouterr()
    assert out == "" and f"{option} {Path(name)} is one of the files that are read" in error
    assert contents(folder) == before


@pytest.mark.parametrize("force", [[], ["--force"]])
@pytest.mark.parametrize("name", [*NAMES, "m.json"])
def test_predictions_are_never_written_over_rows_or_model(folder, capsys, name, force):
    assert main([*FIT, "--out", "m.json"]) == 0
    os.symlink("m.json", "m.parquet")
    before = contents(folder)
    name = "m.parquet" if name == "m.json" else name
    assert main(["predict", "m.json", "rows.parquet", "--out", name, *force]) == 2
    assert "is one of the files that are read" in capsys.readouterr().err
    assert contents(folder) == before


@pytest.mark.parametrize("data, out", [*(("rows.parquet", name) for name in NAMES), ("rows.csv", "rows.csv")])
def test_predict_refuses_to_write_over_what_it_reads(folder, data, out):
    result, before = fastglm.glm("y ~ x", data, family="poisson"), contents(folder)
    with pytest.raises(InvalidParameterError, match="is one of the files that are read"):
        result.predict(data, out=out)
    with pytest.raises(InvalidParameterError, match="is one of the files that are read"):
        result.predict(Path(data).absolute(), out=out)
    assert contents(folder) == before


@pytest.mark.parametrize("html", ["same.json", "./same.json", "link.json"])
def test_a_report_does_not_take_the_model_s_place(folder, capsys, html):
    os.symlink("same.json", "link.json")
    assert main([*FIT, "--out", "same.json", "--html", html]) == 2
    assert "--out names the same file" in capsys.readouterr().err
    assert not (folder / "same.json").exists()


def test_nothing_that_exists_is_replaced_unless_asked_to(folder, capsys):
    assert main(FIT) == 0
    assert main(["predict", "rows.model.json", "rows.parquet", "--out", "p.csv"]) == 0
    assert main(["simulate", "--n", "20", "--p", "1", "--out", "s.csv", "--truth", "t.json"]) == 0
    capsys.readouterr()
    commands = [
        ["fit", "rows.parquet", "y ~ 1", "--family", "poisson"],
        [*FIT, "--out", "other.json", "--html", "s.csv"],
        ["predict", "rows.model.json", "rows.parquet", "--out", "p.csv"],
        ["simulate", "--n", "20", "--p", "2", "--out", "s.csv"],
        ["simulate", "--n", "20", "--p", "2", "--out", "r.csv", "--truth", "t.json"],
    ]
    for command in commands:
        before = contents(folder)
        assert main(command) == 2
        assert "the file exists; name another, or overwrite it with --force" in capsys.readouterr().err
        assert contents(folder) == before
        assert main([*command, "--force"]) == 0
    assert fastglm.load("rows.model.json").names == ("(Intercept)",)
    assert main([*FIT, "--out", "."]) == 2 and "it is a folder" in capsys.readouterr().err


def test_a_fit_that_failed_takes_no_model_s_place(folder, capsys):
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"y": [0, 0, 0, 1, 1, 1], "x": [1.0, 2, 3, 4, 5, 6]}), "s.parquet")
    assert main([*FIT, "--out", "m.json"]) == 0
    good = (folder / "m.json").read_bytes()
    capsys.readouterr()
    command = ["fit", "s.parquet", "y ~ x", "--family", "binomial", "--out", "m.json", "--force"]
    assert main(command) == 1
    assert "model: m-2.json (of a fit that did not converge; m.json exists)" in capsys.readouterr().out
    assert main([*command, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["model"] == "m-3.json"
    assert (folder / "m.json").read_bytes() == good and not fastglm.load("m-2.json").converged


def test_a_file_is_whole_or_not_there(tmp_path):
    path = tmp_path / "kept.json"
    with atomic.whole(path, lasting=True) as draft:
        draft.write_text("first")
        assert not path.exists() and draft.suffix == path.suffix
    with pytest.raises(KeyboardInterrupt), atomic.whole(path) as draft:
        draft.write_text("sec")
        raise KeyboardInterrupt
    assert path.read_text() == "first" and os.listdir(tmp_path) == ["kept.json"]


def test_files_are_renamed_in_one_place():
    package = Path(fastglm.__file__).parent
    users = {path.name for path in package.rglob("*.py") if "os.replace(" in path.read_text()}
    assert users == {"atomic.py"}
