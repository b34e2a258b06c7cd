"""The commands of ``fastglm``: what they write, print and return, also when they are interrupted."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import fastglm
from fastglm.cli import compare
from fastglm.cli.main import main
from fastglm.simulate import make_glm

pa = pytest.importorskip("pyarrow")
ROOT = Path(fastglm.__file__).parents[1]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with rows of a Poisson model in two files, and with the truth."""
    monkeypatch.chdir(tmp_path)
    options = ["--family", "poisson", "--n", "3000", "--p", "3", "--factor", "4", "--files", "2", "--seed", "5"]
    assert main(["simulate", *options, "--out", "rows.parquet", "--truth", "truth.json"]) == 0
    (tmp_path / "both").mkdir()
    for k in (0, 1):
        os.link(f"rows-{k}.parquet", f"both/{k}.parquet")
    return tmp_path


def document(capsys):
    """What was printed, which must be one JSON document without numbers that JSON has not."""

    def refuse(text):
        raise ValueError(text)

    return json.loads(capsys.readouterr().out, parse_constant=refuse)


def test_simulated_files_are_the_rows_of_make_glm(folder, capsys):
    import pyarrow.parquet as pq

    table = pa.concat_tables([pq.read_table(folder / f"rows-{k}.parquet") for k in (0, 1)])
    data = make_glm("poisson", 3000, 3, levels=(4,), seed=5)
    assert table.column_names == ["y", "x1", "x2", "x3", "f1"]
    assert np.array_equal(table["y"], data.y) and np.array_equal(table["x2"], data.X[:, 1])
    assert table["f1"].to_pylist() == [f"v{code}" for code in data.codes[:, 0]]
    truth = json.loads((folder / "truth.json").read_text())
    assert truth["coefficients"]["x3"] == data.beta[2]
    assert truth["coefficients"]["f1[T.v2]"] == data.effects[0][2]
    assert not list(folder.glob(".*"))


def test_simulated_csv_and_its_truth_on_stdout(folder, capsys):
    capsys.readouterr()
    assert main(["simulate", "--n", "50", "--p", "2", "--out", "rows.csv", "--json"]) == 0
    found = document(capsys)
    assert found["files"] == ["rows.csv"] and list(found["coefficients"]) == ["(Intercept)", "x1", "x2"]
    assert len((folder / "rows.csv").read_text().splitlines()) == 51
    assert main(["simulate", "--n", "50", "--p", "2", "--out", "rows.csv", "--force"]) == 0
    assert "x2" in capsys.readouterr().out


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the peak is in /proc on Linux only")
def test_memory_of_a_simulation_does_not_grow_with_its_rows(folder):
    script = (
        "import sys, fastglm.cli as c; "
        "c.main(['simulate', '--n', sys.argv[1], '--p', '20', '--out', 'm.parquet']); "
        "print(next(int(line.split()[1]) >> 10 for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )
    peaks = []
    for n in ("3e5", "1e6"):
        done = subprocess.run([sys.executable, "-c", script, n], capture_output=True, text=True, timeout=600, env=env())
        assert done.returncode == 0, done.stderr
        peaks.append(int(done.stdout.split()[-1]))
    assert peaks[1] < peaks[0] + 40  # MiB; the rows more are 112


def test_a_fit_of_several_files_finds_the_truth(folder, capsys):
    capsys.readouterr()
    command = ["fit", "rows-0.parquet", "rows-1.parquet", "y ~ .", "--family", "poisson", "--out", "m.json", "--json"]
    assert main(command) == 0
    found = document(capsys)
    truth = json.loads((folder / "truth.json").read_text())["coefficients"]
    assert [row["term"] for row in found["coefficients"]] == list(truth)
    for row in found["coefficients"]:
        assert abs(row["estimate"] - truth[row["term"]]) < 4 * row["std_error"]
    assert found["glance"]["nobs"] == 3000 and found["converged"] is True and found["warnings"] == []
    loaded = fastglm.load(folder / "m.json")
    assert loaded.params.tolist() == [row["estimate"] for row in found["coefficients"]]


@pytest.mark.parametrize("data", ["rows-*.parquet", "both", "both/"])
def test_patterns_and_folders_are_data(folder, capsys, data):
    assert main(["fit", data, "y ~ x1", "--family", "poisson", "--out", "m.json"]) == 0
    assert fastglm.load("m.json").nobs == 3000
    assert "3,000 rows read and fitted" in capsys.readouterr().out


def test_options_reach_the_fit(folder, capsys):
    command = ["fit", "rows-0.parquet", "y ~ x1 + x2", "--family", "poisson", "--out", "m.json"]
    more = ["--vcov", "hc0", "--memory", "10KB", "--compress", "no", "--threads", "1", "--solver", "newton"]
    assert main([*command, *more]) == 0
    found = fastglm.load("m.json")
    expected = fastglm.glm("y ~ x1 + x2", "rows-0.parquet", family="poisson", cov="robust", solver="newton")
    assert found.cov_kind == "HC0" and found.solver == "newton"
    np.testing.assert_allclose(found.bse, expected.bse, rtol=1e-8)
    assert main([*command, "--force", "--freq-weights", "x3"]) == 2
    assert "freq_weights" in capsys.readouterr().err


def test_vectors_are_columns(folder, capsys):
    import pyarrow.parquet as pq

    rng = np.random.default_rng(0)
    columns = {"y": rng.poisson(2.0, 400), "x": rng.normal(size=400), "n": rng.integers(1, 4, 400),
               "w": rng.uniform(1, 2, 400), "t": rng.uniform(1, 2, 400)}  # fmt: skip
    pq.write_table(pa.table(columns), "v.parquet")
    options = ["--weights", "w", "--freq-weights", "n", "--exposure", "t", "--family", "poisson", "--out", "m.json"]
    assert main(["fit", "v.parquet", "y ~ x", *options]) == 0
    expected = fastglm.fit(
        columns["x"][:, None], columns["y"], family="poisson", weights=columns["w"], freq_weights=columns["n"],
        exposure=columns["t"],
    )  # fmt: skip
    np.testing.assert_allclose(fastglm.load("m.json").params, expected.params, rtol=1e-8)
    command = ["fit", "v.parquet", "y ~ x", "--family", "poisson", "--offset", "t", "--out", "m.json"]
    assert main([*command, "--force"]) == 0
    expected = fastglm.fit(columns["x"][:, None], columns["y"], family="poisson", offset=columns["t"])
    np.testing.assert_allclose(fastglm.load("m.json").params, expected.params, rtol=1e-8)


@pytest.mark.parametrize("kind", ["hc0", "hc1", "HC3", "cluster:f1"])
def test_covariances_are_those_of_the_library(folder, capsys, kind):
    command = ["fit", "rows-0.parquet", "y ~ x1", "--family", "poisson", "--out", "m.json", "--vcov", kind]
    assert main(command) == 0
    expected = fastglm.glm("y ~ x1", "rows-0.parquet", family="poisson", cov=kind)
    assert fastglm.load("m.json").cov_params().tolist() == expected.cov_params().tolist()
    assert expected.cov_kind in capsys.readouterr().out


def test_adjusted_scores_and_estimated_parameters(folder, capsys):
    import pyarrow.parquet as pq

    rng = np.random.default_rng(0)
    columns = {"x": rng.normal(size=300), "y": rng.negative_binomial(2, 0.4, 300).astype(float)}
    columns["b"] = (columns["x"] > 0.0).astype(float)
    pq.write_table(pa.table(columns), "r.parquet")
    adjusted = ["r.parquet", "b ~ x", "--family", "binomial", "--bias-reduction", "firth"]
    assert main(["fit", *adjusted, "--out", "m.json"]) == 0
    expected = fastglm.glm("b ~ x", "r.parquet", family="binomial", bias_reduction="firth")
    np.testing.assert_allclose(fastglm.load("m.json").params, expected.params, rtol=1e-9)
    estimated = ["r.parquet", "y ~ x", "--family", "negative_binomial"]
    assert main(["fit", *estimated, "--out", "n.json"]) == 0
    assert fastglm.load("n.json").shape.value == fastglm.glm("y ~ x", "r.parquet", family="nb").shape.value
    for command in (adjusted, estimated):
        assert main(["plan", *command]) == 0
    assert main(["plan", *adjusted[:-1], "much"]) == 2
    capsys.readouterr()


def test_a_fit_that_does_not_converge_is_code_1(folder, capsys):
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"y": [0, 0, 0, 1, 1, 1], "x": [1.0, 2, 3, 4, 5, 6]}), "s.parquet")
    assert main(["fit", "s.parquet", "y ~ x", "--family", "binomial", "--json"]) == 1
    found = document(capsys)
    assert found["converged"] is False and "separat" in found["warnings"][0]
    assert main(["fit", "s.parquet", "y ~ x", "--family", "binomial", "--out", "other.json"]) == 1
    out, error = capsys.readouterr()
    assert "NOT CONVERGED" in out.upper() and error == ""


def test_several_classes(folder, capsys):
    command = ["fit", "rows-*.parquet", "f1 ~ x1", "--family", "multinomial", "--out", "m.json", "--json"]
    capsys.readouterr()
    assert main(command) == 0
    assert len(document(capsys)["coefficients"]) == 6


@pytest.mark.parametrize(
    "data, name",
    [
        (["a/claims.csv.gz"], "claims"),
        (["claims/*.parquet"], "claims"),
        (["claims/year=*/*.parquet"], "claims"),
        (["claims/"], "claims"),
        (["."], "fit"),
        (["*.parquet"], "fit"),
        (["s3://bucket/a.parquet", "b.parquet"], "a"),
    ],
)
def test_the_model_is_named_after_the_data(data, name):
    from fastglm.cli.fit import stem

    assert stem(data) == name


def test_sizes_and_counts():
    from fastglm.cli.options import count, size

    assert [size(t) for t in ("512MB", "2GiB", "1e9", "1.5 kb", "7")] == [512 * 10**6, 2 * 2**30, 10**9, 1500, 7]
    assert count("1e6") == 1_000_000
    for text in ("", "MB", "-1", "12XB"):
        with pytest.raises(ValueError):
            size(text)


def test_a_checkpoint_of_another_fit_is_code_3(folder, capsys):
    command = ["fit", "rows-0.parquet", "y ~ x1", "--family", "poisson", "--out", "m.json", "--checkpoint", "state"]
    assert main(command) == 0 and main([*command, "--force"]) == 0
    assert main([*command, "--force", "--compress", "no"]) == 3
    assert "is of another fit" in capsys.readouterr().err


def test_plan_prints_and_is_json(folder, capsys):
    capsys.readouterr()
    command = ["plan", "rows-*.parquet", "y ~ x1 + f1", "--family", "poisson"]
    assert main(command) == 0
    assert "3,000" in capsys.readouterr().out
    assert main([*command, "--json", "--memory", "1KB"]) == 0
    found = document(capsys)
    assert (found["rows"], found["columns"], found["files"]) == (3000, 5, 2)
    assert found["where"] == "read again at every pass"


@pytest.fixture
def model(folder, capsys):
    """A saved model, m.json."""
    assert main(["fit", "rows-0.parquet", "y ~ x1", "--family", "poisson", "--out", "m.json"]) == 0
    capsys.readouterr()
    return fastglm.load("m.json")


def test_predict_writes_parquet_and_csv(model, folder, capsys):
    import pyarrow.csv
    import pyarrow.parquet as pq

    command = ["predict", "m.json", "rows-1.parquet", "--keep", "x1,y"]
    assert main([*command, "--out", "p.parquet"]) == 0
    assert "1,500 rows predicted" in capsys.readouterr().out
    table, rows = pq.read_table("p.parquet"), pq.read_table("rows-1.parquet")
    assert table.column_names == ["x1", "y", "mean"] and table["y"] == rows["y"]
    expected = model.predict(rows.to_pandas())
    assert np.array_equal(table["mean"], expected)
    assert main([*command, "--out", "p.csv", "--json"]) == 0
    assert document(capsys)["rows"] == 1500
    assert pyarrow.csv.read_csv("p.csv")["mean"].to_pylist() == table["mean"].to_pylist()
    assert not list(folder.glob(".*"))


def test_predict_gives_links_and_intervals_of_several_files(model):
    import pyarrow.parquet as pq

    rows = pa.concat_tables([pq.read_table(f"rows-{k}.parquet") for k in (0, 1)]).to_pandas()
    assert main(["predict", "m.json", "rows-0.parquet", "rows-1.parquet", "--out", "p.parquet", "--interval"]) == 0
    expected = model.predict(rows, interval="mean")
    for name, found in pq.read_table("p.parquet").to_pydict().items():
        np.testing.assert_allclose(found, getattr(expected, name), rtol=1e-12)
    assert main(["predict", "m.json", "rows-*.parquet", "--out", "l.parquet", "--kind", "link"]) == 0
    np.testing.assert_allclose(pq.read_table("l.parquet")["link"], model.predict(rows, "link"), rtol=1e-12)


def test_predictions_that_fail_leave_no_file(model, folder, monkeypatch, capsys):
    from fastglm.result.record import GLMResult

    def fail(self, data, *, out, **options):
        Path(out).write_bytes(b"half")
        raise fastglm.errors.MissingDataError("column 'x1' has missing values")

    monkeypatch.setattr(GLMResult, "predict", fail)
    before = set(folder.iterdir())
    assert main(["predict", "m.json", "rows-0.parquet", "--out", "p.csv"]) == 2
    assert "missing values" in capsys.readouterr().err
    assert main(["predict", "m.json", "rows-*.parquet", "--out", "rows-0.parquet"]) == 2
    assert "one of the files that are read" in capsys.readouterr().err
    assert set(folder.iterdir()) == before


def test_doctor_finds_no_fault_here(capsys):
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "all is well" in out and f"fastglm {fastglm.__version__}" in out
    assert main(["doctor", "--json"]) == 0
    found = document(capsys)
    assert found["ok"] is True
    assert float(found["checks"]["test fit"]["found"][""].split()[1]) < 1e-9
    assert int(found["checks"]["loops"]["found"]["kept"].split()[0]) > 10


def test_doctor_says_the_remedy(capsys, monkeypatch):
    from fastglm.cli import examination as doctor

    monkeypatch.setattr(doctor, "DEVIANCE", 5.2)
    monkeypatch.setattr(doctor, "NEEDED", (*doctor.NEEDED, "no-such-package"))
    assert main(["doctor"]) == 1
    out = capsys.readouterr().out
    assert "PROBLEM: the numbers are wrong" in out and "PROBLEM: pip install no-such-package" in out
    assert out.splitlines()[-1] == "2 problems"


def test_doctor_names_an_exception_of_the_fit(capsys, monkeypatch):
    def broken(*arguments, **options):
        raise RuntimeError("the loops\nare gone")

    monkeypatch.setattr("fastglm.fitting.entry.fit", broken)
    assert main(["doctor"]) == 1
    assert "RuntimeError: the loops are gone" in capsys.readouterr().out


def test_the_cache_that_doctor_finds_is_numbas(tmp_path):
    script = "from fastglm.cli.examination import _cache; print(_cache().found)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=600,
        env=env() | {"NUMBA_CACHE_DIR": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert str(tmp_path) in done.stdout


@pytest.mark.parametrize("family", ["poisson", "binomial"])
def test_compare_brings_all_to_the_same_optimum(family, capsys, monkeypatch):
    pytest.importorskip("statsmodels")
    pytest.importorskip("sklearn")
    monkeypatch.setattr(compare, "_races", lambda: None)
    assert main(["compare", "--quick", "--p", "4", "--family", family, "--json"]) == 0
    found = document(capsys)
    assert (found["rows"], found["columns"]) == (20_000, 4)
    peers = {peer["name"]: peer for peer in found["peers"]}
    assert list(peers) == ["statsmodels", "sklearn", "glum"]
    for name in ("statsmodels", "sklearn"):
        assert peers[name]["seconds"] > 0 and peers[name]["distance"] < 1e-2


def test_compare_on_data_of_ones_own(folder, capsys):
    pytest.importorskip("statsmodels")
    capsys.readouterr()
    assert main(["compare", "rows-0.parquet", "y ~ x1 + f1", "--family", "poisson", "--repeats", "1"]) == 0
    out = capsys.readouterr().out
    assert "1,500 x 4, poisson, log link" in out
    assert "statsmodels:" in out and "standard errors" in out


def test_compare_says_what_it_has_no_peer_for(folder, capsys, monkeypatch):
    monkeypatch.setattr(compare, "_races", lambda: None)
    monkeypatch.setitem(sys.modules, "glum", None)
    assert main(["compare", "--quick", "--p", "2", "--family", "inverse_gaussian"]) == 0
    assert "glum:        not installed" in capsys.readouterr().out


def test_compare_runs_the_races_of_a_checkout(capsys, monkeypatch):
    class Races:
        asked = None

        @classmethod
        def main(cls, arguments):
            cls.asked = arguments
            print("a table")
            if "--json" in arguments:
                Path(arguments[arguments.index("--json") + 1]).write_text('{"races": []}')

    monkeypatch.setattr(compare, "_races", lambda: Races)
    assert main(["compare", "--quick", "--family", "poisson", "--", "--peers", "fastglm,glum"]) == 0
    assert Races.asked == ["--quick", "--families", "poisson", "--peers", "fastglm,glum"]
    assert main(["compare", "--n", "1e4", "--p", "5", "--threads", "2"]) == 0
    assert Races.asked[:2] == ["--sizes", "10000x5"] and Races.asked[-2:] == ["--threads", "2"]
    capsys.readouterr()
    assert main(["compare", "--json"]) == 0
    assert document(capsys) == {"races": []}


def test_the_races_are_those_beside_the_package():
    there = (ROOT / "benchmarks" / "__main__.py").is_file()
    pytest.importorskip("psutil")
    found = compare._races()
    assert (found is not None) == there
    assert not there or callable(found.main)


def test_demo_as_json(capsys):
    assert main(["demo", "--n", "2e4", "--p", "3", "--no-compare", "--json"]) == 0
    found = document(capsys)
    assert found["rows"] == 20_000 and found["standard_errors_from_truth"] < 5


def env():
    """The environment of a process that finds this package."""
    return os.environ | {"PYTHONPATH": str(ROOT)}


def start(*arguments):
    """The command line as a process of its own."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-m", "fastglm.cli", *arguments], env=env(), **pipes)


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 3)])
def test_an_interrupted_fit_leaves_its_checkpoint_and_goes_on(tmp_path, monkeypatch, capsys, number, code):
    monkeypatch.chdir(tmp_path)
    assert main(["simulate", "--family", "poisson", "--n", "4e5", "--p", "8", "--out", "rows.parquet"]) == 0
    command = ["fit", "rows.parquet", "y ~ .", "--family", "poisson", "--solver", "irls", "--threads", "2"]
    command += ["--out", "m.json", "--html", "m.html"]
    process = start(*command, "--checkpoint", "state")
    passes = tmp_path / "state" / "pass-0000.npz"
    deadline = time.monotonic() + 600
    while not passes.is_file() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    process.send_signal(number)
    out, error = process.communicate(timeout=600)
    assert (process.returncode, out) == (code, ""), error
    assert error.count("\n") == 1 and "goes on from state" in error
    assert (tmp_path / "state" / "fit.json").is_file() and passes.is_file()
    assert not list(tmp_path.rglob(".*")) and not (tmp_path / "m.json").exists() and not (tmp_path / "m.html").exists()
    if number == signal.SIGTERM:
        return
    assert main([*command, "--checkpoint", "state"]) == 0
    resumed = fastglm.load("m.json")
    assert main([*command, "--force", "--memory", "1KB"]) == 0
    assert resumed.params.tolist() == fastglm.load("m.json").params.tolist()


@pytest.mark.skipif(os.name != "posix", reason="a shell's pipe")
def test_a_pipe_that_is_closed_early_is_no_error(folder):
    words = "fit rows-0.parquet 'y ~ .' --family poisson --out m.json"
    shell = f"{sys.executable} -m fastglm.cli {words} | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, env=env(), timeout=600)
    assert (done.stdout, done.stderr) == ("0\n", "")
    assert fastglm.load("m.json").nobs == 1500


def test_the_table_of_the_lecture(capsys):
    assert main(["demo", "--lecture"]) == 0
    lines = {line[:44].strip(): line[44:].split() for line in capsys.readouterr().out.splitlines()[3:]}
    found = lines["fastglm.fit, the optimum"]
    assert found == ["0.5517759208", "-3.5490706728", "0.7578677"]
    printed = {  # of the notes
        "fastglm, the same by numerical gradients": 0.5514636707705467,
        "numpy, numerical gradients": 0.5514636707705467,
        "fastglm, float32, 5,000 epochs": 0.5517694354057312, "fastglm, mean of the losses, rate 0.1": 0.5508,
        "scikit-learn, LogisticRegression(C=1e6)": 0.5518358239998236, "torch, float32, 5,000 epochs": 0.55176944,
        "keras, mean of the losses, rate 0.1": 0.5508,
    }  # fmt: skip
    for name, w in printed.items():
        if "installed" in lines[name]:
            continue
        assert float(lines[name][0]) == pytest.approx(w, abs=6e-5 if w == 0.5508 else 1e-7), name
    assert main(["demo", "--lecture", "--json"]) == 0
    assert document(capsys)[1]["b"] == pytest.approx(-3.549070672801298, rel=1e-12)


PENALISED = ["both", "y ~ x1 + x2 + x3 + f1", "--family", "poisson", "--lambdas", "8"]


def test_a_path_at_the_command_line(folder, capsys):
    capsys.readouterr()
    assert main(["path", *PENALISED, "--out", "path.json", "--html", "path.html", "--json"]) == 0
    found = document(capsys)
    expected = fastglm.path("y ~ x1 + x2 + x3 + f1", "both", family="poisson", lambdas=8)
    assert [row["lambda"] for row in found["path"]] == expected.lambdas.tolist()
    assert fastglm.load("path.json").params.tolist() == expected.params.tolist()
    assert "y ~ x1" in Path("path.html").read_text()
    assert main(["path", *PENALISED, "--penalty", "elastic-net", "--alpha", "0.5", "--criterion", "aic"]) == 0
    assert "both.path.json" in capsys.readouterr().out


def test_cross_validation_at_the_command_line(folder, capsys):
    capsys.readouterr()
    options = ["--folds", "4", "--rule", "1se", "--html", "cv.html"]
    assert main(["cv", *PENALISED, *options, "--out", "chosen.json", "--json"]) == 0
    found = document(capsys)
    expected = fastglm.cv("y ~ x1 + x2 + x3 + f1", "both", family="poisson", lambdas=8, folds=4, rule="1se")
    assert found["lambda_1se"] == expected.lambda_1se and found["measure"] == "deviance"
    assert [row["mean"] for row in found["curve"]] == expected.mean.tolist()
    assert fastglm.load("chosen.json").params.tolist() == expected.best.params.tolist()
    page = Path("cv.html").read_text()
    assert "<svg" in page and "1se" in page
    assert main(["predict", "chosen.json", "both", "--out", "means.parquet"]) == 0
    again = ["cv", *PENALISED, "--folds", "2", "--penalty", "ridge", "--out", "chosen.json"]
    assert main(again) == 2 and "chosen.json" in capsys.readouterr().err
    assert main([*again, "--force"]) == 0 and fastglm.load("chosen.json").penalty.lam > 0.0


@pytest.mark.parametrize("options, said", [
    (["--alpha", "0.5"], "--alpha is none of --penalty lasso"), (["--lambdas", "0.1,-1"], "not negative"),
    (["--ratio", "2"], "between 0 and 1"), (["--folds", "1"], "folds"), (["--folds", "nothing"], "nothing"),
    (["--measure", "auc"], "none of --family"),
])  # fmt: skip
def test_options_of_penalties_that_cannot_be_used(folder, capsys, options, said):
    assert main(["cv", *PENALISED[:4], *options]) == 2
    assert said in capsys.readouterr().err
