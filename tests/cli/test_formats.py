"""The files that commands write, in every format; completion of shells; bars with totals; messages of the shell."""

import io
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fastglm
from fastglm.cli import completion
from fastglm.cli.commands import COMMANDS
from fastglm.cli.main import _parser, main
from fastglm.cli.tables import SUFFIXES
from fastglm.fitting.progress import passes_left

pa = pytest.importorskip("pyarrow")
pd = pytest.importorskip("pandas")


@pytest.fixture
def rows(tmp_path, monkeypatch):
    """Rows t.csv of the current folder, one of them missing, and t.model.json, their fit."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"claims": rng.poisson(1.0, 200), "x": rng.normal(size=200).round(3)})
    frame["region"] = rng.choice(["n", "\u00fc \"s\""], 200)
    monkeypatch.chdir(tmp_path)
    frame.to_csv("t.csv", index=False)
    assert main(["fit", "t.csv", "claims ~ x + region", "--family", "poisson"]) == 0
    return frame


def read(path):
    """A file of any of the formats, by pandas alone."""
    if str(path).endswith(".parquet"):
        return pd.read_parquet(path)
    if str(path).endswith(".arrow"):
        return pa.ipc.open_file(path).read_all().to_pandas()
    with pa.input_stream(str(path), compression="detect") as file:
        text = io.BytesIO(file.read())
    return pd.read_csv(text) if ".csv" in str(path) else pd.read_json(text, lines=True, precise_float=True)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_predictions_are_written_in_every_format(rows, suffix, capsys):
    out = f"p{suffix}"
    assert main(["predict", "t.model.json", "t.csv", "--out", out, "--keep", "x,region"]) == 0
    found = read(out)
    assert found["x"].tolist() == rows["x"].tolist() and found["region"].tolist() == rows["region"].tolist()
    np.testing.assert_allclose(found["mean"], fastglm.load("t.model.json").predict(rows), rtol=1e-9)
    before = Path(out).read_bytes()
    assert main(["predict", "t.model.json", "t.csv", "--out", out]) == 2
    assert "overwrite it with --force" in capsys.readouterr().err and Path(out).read_bytes() == before
    assert [path.name for path in Path().iterdir() if path.name.startswith(".half")] == []


@pytest.mark.parametrize("suffix", [".parquet", ".arrow", ".csv.gz", ".csv.zst", ".ndjson"])
def test_simulated_rows_are_read_back_in_every_format(rows, suffix):
    options = ["--n", "1000", "--p", "2", "--factor", "3", "--files", "3", "--seed", "4"]
    assert main(["simulate", "--family", "poisson", *options, "--out", f"d{suffix}"]) == 0
    assert main(["simulate", "--family", "poisson", *options[:-4], "--seed", "4", "--out", "one.parquet"]) == 0
    files = [f"d-{k}{suffix}" for k in range(3)]
    whole = pd.concat([read(file) for file in files], ignore_index=True)
    one = read("one.parquet")
    assert [len(read(file)) for file in files] == [333, 333, 334]
    np.testing.assert_allclose(whole[["y", "x1", "x2"]], one[["y", "x1", "x2"]], rtol=1e-12)
    assert whole["f1"].astype(str).tolist() == one["f1"].astype(str).tolist()
    assert main(["fit", *files, "y ~ .", "--family", "poisson", "--out", "m.json"]) == 0
    left = fastglm.glm("y ~ .", one, family="poisson").params
    np.testing.assert_allclose(fastglm.load("m.json").params, left, rtol=1e-7)
    assert main(["simulate", *options, "--out", f"d{suffix}"]) == 2


@pytest.mark.parametrize("kind", ["ndjson", "arrow", "csv"])
def test_standard_output_has_formats(rows, kind):
    command = [sys.executable, "-m", "fastglm", "predict", "t.model.json", "t.csv", "--out", "-", "--format", kind]
    done = subprocess.run([*command, "--keep", "x"], capture_output=True)
    assert done.returncode == 0, done.stderr
    readers = {"ndjson": lambda file: pd.read_json(file, lines=True, precise_float=True), "csv": pd.read_csv,
               "arrow": lambda file: pa.ipc.open_stream(file).read_all().to_pandas()}  # fmt: skip
    found = readers[kind](io.BytesIO(done.stdout))
    np.testing.assert_allclose(found["mean"], fastglm.load("t.model.json").predict(rows), rtol=1e-9)


@pytest.mark.parametrize("arguments, said", [
    (["predict", "t.model.json", "t.csv", "--out", "p.xlsx"], "rows are written as .parquet, .arrow, .csv or .ndjson"),
    (["predict", "t.model.json", "t.csv", "--out", ".csv"], "rows are written as"),
    (["predict", "t.model.json", "t.csv", "--out", "p.csv", "--format", "csv"], "--format is of standard output"),
    (["simulate", "--out", "d.txt"], "rows are written as"),
    (["predict", "t.model.json", "new.csv", "--out", "p.csv"], "--unseen missing of fastglm fit leaves such rows out"),
])  # fmt: skip
def test_what_cannot_be_written_is_said_before_the_work(rows, capsys, arguments, said):
    rows.assign(region="elsewhere").to_csv("new.csv", index=False)
    capsys.readouterr()
    assert main(arguments) == 2
    out, error = capsys.readouterr()
    assert said in error and error.count("\n") == 1 and out == "" and not Path("p.csv").exists()


def test_levels_that_are_new_may_be_left_out(rows, capsys):
    rows.assign(region="elsewhere").to_csv("new.csv", index=False)
    assert main(["fit", "t.csv", "claims ~ region", "--unseen", "missing", "--out", "m.json"]) == 0
    assert main(["predict", "m.json", "new.csv", "--out", "p.csv"]) == 0
    assert read("p.csv")["mean"].isna().all()


def test_bars_have_a_total_and_the_time_left(rows, monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    for arguments in (["fit", "t.csv", "claims ~ x", "--out", "a.json"],
                      ["predict", "t.model.json", "t.csv", "--out", "a.csv"],
                      ["simulate", "--n", "1000", "--p", "1", "--out", "s.csv"],
                      ["path", "t.csv", "claims ~ x", "--lambdas", "5", "--out", "b.json"],
                      ["cv", "t.csv", "claims ~ x", "--lambdas", "5", "--folds", "3", "--out", "c.json"]):  # fmt: skip
        capsys.readouterr()
        assert main(arguments) == 0
        bar = capsys.readouterr().err
        assert "100%" in bar, (arguments, bar)
        assert "left" in bar or "<" in bar, (arguments, bar)


def test_the_passes_that_are_left():
    # Newton squares the distance: 1e-1 -> 1e-2 -> 1e-4 -> 1e-8
    assert [passes_left(d, 1e-8) for d in (1e-1, 1e-2, 1e-4, 1e-9)] == [3, 2, 1, 0]
    assert passes_left(100.0, 1e-8) > passes_left(1.0, 1e-8) > passes_left(0.4, 1e-8) > 0
    assert passes_left(float("nan"), 1e-8) == 6


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_completion_has_every_command_and_option(shell, capsys):
    assert main(["completion", shell]) == 0
    text = capsys.readouterr().out
    for name, (_, options) in completion.options_of(_parser()).items():
        assert name in text
        for spelling in (s for option in options for s in option.spellings):
            of_fish = f" -{'l' if spelling[1] == '-' else 's'} {spelling.strip('-')}"
            assert (of_fish if shell == "fish" else spelling) in text
    assert set(completion.options_of(_parser())) == set(COMMANDS)
    found = shutil.which(shell)
    if found is not None and shell != "bash":
        assert subprocess.run([found, "-n"], input=text, text=True, capture_output=True).returncode == 0


@pytest.mark.parametrize("words, expected", [
    (["fastglm", "pre"], {"predict"}), (["fastglm", "fit", "--fam"], {"--family"}),
    (["fastglm", "fit", "t.csv", "y ~ x", "--family", "bino"], {"binomial"}),
    (["fastglm", "predict", "--kind", ""], {"mean", "link", "class"}),
    (["fastglm", "completion", "z"], {"zsh"}), (["fastglm", "show", "t.mod"], {"t.model.json"}),
])  # fmt: skip
def test_bash_completes(words, expected, tmp_path, capsys):
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash is not installed")
    (tmp_path / "t.model.json").write_text("{}")
    assert main(["completion", "bash"]) == 0
    script = capsys.readouterr().out
    quoted = " ".join(f"'{word}'" for word in words)
    asked = f"COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _fastglm; echo ${{COMPREPLY[@]}}"
    done = subprocess.run([bash, "-c", f"{script}\n{asked}"], capture_output=True, text=True, cwd=tmp_path)
    assert set(done.stdout.split()) == expected and done.stderr == ""
