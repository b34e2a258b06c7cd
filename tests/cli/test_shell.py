"""The shell's ways: standard input and output, text of other countries, lines of JSON, and messages in its words."""

import gzip
import io
import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import fastglm
from fastglm.cli.main import in_shell_words, main

pa = pytest.importorskip("pyarrow")
pd = pytest.importorskip("pandas")
FIT = ["claims ~ x + region", "--family", "poisson", "--force"]


@pytest.fixture
def frame(tmp_path, monkeypatch):
    """Rows of a Poisson model, which are t.csv in the current folder, and t.model.json is their fit."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=200).round(3)
    rows = pd.DataFrame({"claims": rng.poisson(np.exp(0.3 * x)), "x": x, "region": rng.choice(["n", "s"], 200)})
    monkeypatch.chdir(tmp_path)
    rows.to_csv("t.csv", index=False)
    assert main(["fit", "t.csv", *FIT]) == 0
    return rows


def lines(frame):
    return "".join(json.dumps(row) + "\n" for row in frame.to_dict("records")).encode()


def given(monkeypatch, data):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))


def params(path="t.model.json"):
    return fastglm.load(path).params.tolist()


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "ndjson", "semicolons", "parquet"])
def test_a_fit_of_standard_input_is_that_of_the_file(frame, monkeypatch, capsys, kind):
    text = frame.to_csv(index=False).encode()
    parquet = io.BytesIO()
    frame.to_parquet(parquet)
    data = {"csv": text, "csv.gz": gzip.compress(text), "ndjson": lines(frame), "parquet": parquet.getvalue(),
            "semicolons": frame.to_csv(index=False, sep=";", decimal=",").encode()}[kind]  # fmt: skip
    given(monkeypatch, data)
    options = ["--decimal", ","] if kind == "semicolons" else []
    assert main(["fit", "-", *FIT, *options, "--html", "r.html"]) == 0
    assert "stdin.model.json" in capsys.readouterr().out and params("stdin.model.json") == params()
    assert "standard input, " in open("r.html").read()


@pytest.mark.parametrize("make", [lambda rows: rows.to_csv(index=False).encode(), lines])
def test_predictions_go_from_standard_input_to_standard_output(frame, monkeypatch, capsys, make):
    capsys.readouterr()
    given(monkeypatch, make(frame))
    assert main(["predict", "t.model.json", "-", "--keep", "x"]) == 0
    found = pd.read_csv(io.StringIO(capsys.readouterr().out))
    result = fastglm.load("t.model.json")
    np.testing.assert_allclose(found.drop(columns="x").squeeze(), result.predict(frame), rtol=1e-12)
    assert found["x"].tolist() == frame["x"].tolist()


@pytest.mark.parametrize("name, options", [
    ("t.txt", ["--delimiter", "|"]), ("t.csv", ["--decimal", ","]), ("t.tsv", ["--decimal", ","]),
    ("t.dat", ["--delimiter", "tab"]),
])  # fmt: skip
def test_delimiters_and_decimal_signs(frame, tmp_path, name, options):
    expected = params()
    letter = {"|": "|", "tab": "\t"}.get(options[1], "\t" if name == "t.tsv" else ";")
    frame.to_csv(name, index=False, sep=letter, decimal="," if "," in options else ".")
    assert main(["fit", name, *FIT, *options, "--out", "other.json"]) == 0
    assert params("other.json") == expected


def test_whole_numbers_become_fractions_with_decimal_commas(frame):
    late = pd.DataFrame({"y": np.r_[np.arange(150_000), 0.5], "x": np.r_[np.arange(150_000) % 7, 1]})
    text = late.to_csv(index=False, sep=";", decimal=",").replace(",0;", ";")
    open("late.csv", "w").write(text)
    assert main(["fit", "late.csv", "y ~ x", "--decimal", ",", "--force"]) == 0
    np.testing.assert_allclose(params("late.model.json"), fastglm.glm("y ~ x", late).params, rtol=1e-10)


@pytest.mark.parametrize("name", ["t.ndjson", "t.jsonl.gz"])
def test_lines_of_json(frame, name, monkeypatch):
    # blocks so small that whole numbers become fractions, and keys turn up, in a later one
    monkeypatch.setattr("fastglm.files.ndjson.CSV_BLOCK", 1000)
    rows = frame.assign(x=[*range(100), *frame["x"][100:]])
    records = [row | ({"late": k % 5} if k >= 150 else {}) for k, row in enumerate(rows.to_dict("records"))]
    for k, row in enumerate(records[:100]):
        row["x"] = int(k)
    data = "\n".join(map(json.dumps, records)).encode()
    open(name, "wb").write(gzip.compress(data) if name.endswith(".gz") else data)
    assert fastglm.glm("claims ~ x + region", name, family="poisson").params.tolist() == (
        fastglm.glm("claims ~ x + region", rows, family="poisson").params.tolist()
    )
    assert fastglm.glm("claims ~ late", name, family="poisson", missing="drop").n_rows == 50


@pytest.mark.parametrize("data, message", [
    (b'{"claims": 1, "x": 2}\n{"claims": "one", "x": 3}\n', "'claims'"), (b'{"claims": 1\n', "cannot be read"),
])  # fmt: skip
def test_lines_of_json_that_cannot_be_read(frame, monkeypatch, capsys, data, message):
    monkeypatch.setattr("fastglm.files.ndjson.CSV_BLOCK", 25)
    given(monkeypatch, data)
    assert main(["fit", "-", "claims ~ x"]) == 2
    error = capsys.readouterr().err
    assert message in error and "standard input" in error and error.count("\n") == 1


@pytest.mark.parametrize("arguments, message", [
    (["fit", "-", "y ~ x"], "standard input (-) is empty"), (["fit", "-", "-", "y ~ x"], "given twice"),
    (["fit", "-", "y ~ x", "--checkpoint", "state"], "--checkpoint"),
    (["fit", "t.csv", "claims ~ x", "--delimiter", "::"], "invalid delimiter"),
    (["fit", "t.csv", "claims ~ x", "--delimiter", ",", "--decimal", ","], "decimal sign too"),
    (["predict", "t.model.json", "t.csv"], "--out is required"), (["show", "t.csv"], "t.csv"),
    (["show", "t.model.json", "--level", "7"], "--level"), (["etable", "none.json"], "none.json"),
    (["etable", "t.model.json", "--names", "a,b"], "2 names for 1"),
    (["etable", "t.model.json", "--out", "t.model.json"], "files that are read"),
    (["fit", "gaps.csv", "claims ~ x"], "--missing drop leaves"),
])  # fmt: skip
def test_what_is_wrong_is_said_in_the_shells_words(frame, monkeypatch, capsys, arguments, message):
    given(monkeypatch, b"")
    frame.assign(x=frame["x"].mask(frame["x"] > 1)).to_csv("gaps.csv", index=False)
    capsys.readouterr()
    assert main(arguments) == 2
    out, error = capsys.readouterr()
    assert message in error and error.count("\n") == 1 and out == ""


def test_arguments_become_options_and_nothing_else_does():
    args = SimpleNamespace(missing="error", freq_weights=None, vcov="model", memory=None, data=["t.csv"])
    others = "year=2024/t.csv, data=[1], (library='polars')"
    said = f"missing='drop', freq_weights= and cov='hc3' or memory=1.5; {others}"
    expected = f"--missing drop, --freq-weights and --vcov hc3 or --memory 1.5; {others}"
    assert in_shell_words(said, args) == expected


def test_show_and_etable_print_saved_results(frame, capsys):
    capsys.readouterr()
    result = fastglm.load("t.model.json")
    assert main(["show", "t.model.json", "--level", "0.9"]) == 0
    assert capsys.readouterr().out == f"{result.summary(0.9)}\n"
    assert main(["show", "t.model.json", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert [row["estimate"] for row in shown["coefficients"]] == result.params.tolist()
    assert shown["glance"]["AIC"] == result.aic
    assert main(["etable", "t.model.json", "t.model.json", "--names", "a,b", "--stars"]) == 0
    assert capsys.readouterr().out == f"{fastglm.etable([result] * 2, ['a', 'b'], stars=True)}\n"
    assert main(["etable", "t.model.json", "--format", "latex", "--out", "t.tex"]) == 0
    assert open("t.tex").read() == f"{fastglm.etable([result], format='latex')}\n"
    fastglm.path("claims ~ x", frame, family="poisson", lambdas=3).save("p.json")
    capsys.readouterr()
    assert main(["show", "p.json"]) == 0 and "Lasso path" in capsys.readouterr().out


def test_without_a_command_the_help_is_printed(capsys):
    assert main([]) == 0
    out = capsys.readouterr().out
    assert "examples:" in out and "exit codes:" in out
