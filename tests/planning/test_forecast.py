"""The forecast of a fit: its passes and its memory against fits, and that little is read for it."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fastglm
from fastglm.planning import plan
from fastglm.simulate import make_glm

pa = pytest.importorskip("pyarrow")
ROOT = Path(fastglm.__file__).parents[1]


def table_of(data, levels=()):
    """Simulated rows as an Arrow table: y, x1, x2, ..., f1, ..."""
    columns = {"y": data.y, **{f"x{j + 1}": x for j, x in enumerate(data.X.T)}}
    for j, k in enumerate(levels):
        names = pa.array([f"v{i:02d}" for i in range(k)])
        columns[f"f{j + 1}"] = pa.DictionaryArray.from_arrays(pa.array(data.codes[:, j]), names)
    return pa.table(columns)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """200,000 rows of ten columns in eight row groups of two files, and 250,000 rows of two factors."""
    import pyarrow.parquet as pq

    path = tmp_path_factory.mktemp("forecast")
    table = table_of(make_glm("poisson", 200_000, 10, seed=1))
    for k in (0, 1):
        pq.write_table(table.slice(k * 100_000, 100_000), path / f"part{k}.parquet", row_group_size=25_000)
    factors = table_of(make_glm("binomial", 250_000, 0, levels=(5, 40), seed=2), (5, 40))
    pq.write_table(factors, path / "factors.parquet")
    return path


def check_passes(forecast, result):
    """Least squares has its passes, and one more where rounding is to be taken out; the others take two more or less.

    To those come parts of a pass over a sample. Without a curvature the number depends on the conditioning of the data,
    of which a forecast knows nothing: a third more or less.
    """
    spread = 1.0 if result.family.name == "gaussian" else 2.25
    if result.solver in ("lbfgs", "newton-cg"):
        spread = 0.34 * result.n_passes
    assert abs(forecast.passes - result.n_passes) <= spread


CASES = [
    ("gaussian", None, "auto"), ("binomial", None, "auto"), ("poisson", None, "auto"), ("gamma", "log", "auto"),
    ("binomial", "probit", "auto"), ("poisson", None, "newton"), ("gamma", "log", "irls"), ("poisson", None, "lbfgs"),
    ("binomial", None, "newton-cg"),
]  # fmt: skip


SIZES = [(4_000, 6), (60_000, 8), (200_000, 4)]


@pytest.mark.parametrize(
    "family, link, solver, n, p",
    [(*case, *size) for case in CASES for size in SIZES]
    # how often a stream of few rows is corrected is chance
    + [("poisson", None, "stream", *size) for size in SIZES[1:]],
)
def test_passes_are_those_of_a_fit_of_arrays(family, link, solver, n, p):
    data = make_glm(family, n, p, link=link, seed=3)
    options = {"family": family, "link": data.link, "solver": solver}
    forecast = plan(data.y, data.X, **options)
    assert (forecast.rows, forecast.columns, forecast.files) == (n, p + 1, 0)
    check_passes(forecast, fastglm.fit(data.X, data.y, **options))


@pytest.mark.parametrize("memory, where", [(1_000_000, "read again at every pass"), (None, "in memory")])
@pytest.mark.parametrize("cov", ["model", "robust"])
def test_passes_are_those_of_a_fit_of_files(folder, memory, where, cov):
    data, options = str(folder / "part*.parquet"), {"family": "poisson", "memory": memory, "cov": cov}
    forecast = plan("y ~ .", data, **options)
    assert (forecast.rows, forecast.columns, forecast.files, forecast.fragments) == (200_000, 11, 2, 8)
    assert forecast.where == where
    assert 200_000 * 11 * 8 <= forecast.row_bytes <= 200_000 * 14 * 8
    assert 0.5 * forecast.row_bytes < forecast.file_bytes < 1.1 * forecast.row_bytes
    check_passes(forecast, fastglm.glm("y ~ .", data, **options))


def test_fewer_columns_read_fewer_bytes(folder):
    two, four = (plan(f"x1 ~ {terms}", folder / "part0.parquet") for terms in ("x2", "x2 + x3 + x4"))
    assert two.file_bytes == pytest.approx(four.file_bytes / 2, rel=0.02)
    assert two.columns == 2


def test_levels_are_looked_at_and_cells_are_expected(folder):
    forecast = plan("y ~ f1 + f2", folder / "factors.parquet", family="binomial")
    assert forecast.columns == 1 + 4 + 39
    assert 100 <= forecast.cells <= 200
    result = fastglm.glm("y ~ f1 + f2", folder / "factors.parquet", family="binomial")
    assert "were compressed to 200 cells" in " ".join(result.notes)
    check_passes(forecast, result)
    assert "compressed" in str(forecast)
    assert plan("y ~ f1 + f2", folder / "factors.parquet", family="binomial", compress=False).cells is None


def test_a_frame_and_a_file_of_it_have_one_forecast(folder):
    import pyarrow.parquet as pq

    of_file = plan("y ~ x1 + x2", folder / "part0.parquet", family="poisson")
    of_frame = plan("y ~ x1 + x2", pq.read_table(folder / "part0.parquet"), family="poisson")
    for name in ("rows", "columns", "where", "sample", "passes", "cells"):
        assert getattr(of_file, name) == getattr(of_frame, name)
    assert (of_frame.files, of_frame.reads) == (0, 0)


def test_factors_of_a_frame_make_coefficients(folder):
    import pyarrow.parquet as pq

    frame = pq.read_table(folder / "factors.parquet").slice(0, 100_000).to_pandas()
    forecast = plan("y ~ f1 * f2", frame, family="binomial")
    result = fastglm.glm("y ~ f1 * f2", frame, family="binomial", compress=False)
    assert forecast.columns == len(result.names) == 200


def test_several_classes_have_coefficients_each():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(3000, 3)), rng.choice(["a", "b", "c"], 3000)
    assert plan(y, X, family="multinomial").columns == 8


def test_rare_events_want_a_larger_sample():
    sizes = []
    for rate in (0.5, 2e-3):
        data = make_glm("binomial", 400_000, 4, event_rate=rate, seed=4)
        forecast = plan(data.y, data.X, family="binomial")
        check_passes(forecast, fastglm.fit(data.X, data.y, family="binomial"))
        sizes.append(forecast.sample)
    assert sizes[0] < sizes[1] or sizes[1] == 0


def test_dropped_rows_do_not_count(tmp_path):
    import pyarrow.parquet as pq

    x = [None if i % 4 == 0 else float(i) for i in range(1000)]
    pq.write_table(pa.table({"y": np.arange(1000.0), "x": x}), tmp_path / "gaps.parquet")
    assert plan("y ~ x", tmp_path / "gaps.parquet", missing="drop").rows == 750
    with pytest.raises(fastglm.errors.MissingDataError, match="column 'x'"):
        plan("y ~ x", tmp_path / "gaps.parquet")


def test_only_a_first_piece_of_numbers_is_read(folder, monkeypatch):
    from fastglm.files.fragments import FileRows

    read, batches = set(), FileRows.batches

    def spied(self, i, *rest, **options):
        read.add(i)
        return batches(self, i, *rest, **options)

    monkeypatch.setattr(FileRows, "batches", spied)
    plan("y ~ .", str(folder / "part*.parquet"), family="poisson")
    assert read == {0}


def test_the_record_is_plain_and_prints(folder):
    forecast = plan("y ~ .", folder / "part0.parquet", family="poisson", memory=10**6, threads=2)
    assert json.loads(json.dumps(forecast.to_dict()))["rows"] == 100_000
    text = str(forecast)
    assert "100,000" in text and "read again at every pass" in text and "on 2 threads" in text
    assert len(text.splitlines()) == 8
    with pytest.raises(AttributeError):
        forecast.rows = 1


@pytest.mark.parametrize(
    "formula, options, message",
    [
        ("y ~ x99", {}, "x99"),
        ("~ x1", {}, "no response"),
        ("y ~ x1", {"weights": "w"}, "'w'"),
        ("y ~ x1", {"solver": "magic"}, "magic"),
        ("y ~ x1", {"cov": "magic"}, "magic"),
        ("y ~ x1", {"exposure": "x2"}, "log link"),
    ],
)
def test_what_a_fit_refuses_is_refused(folder, formula, options, message):
    with pytest.raises(fastglm.errors.InvalidParameterError, match=message):
        plan(formula, folder / "part0.parquet", **options)


FIT = """
import sys
import fastglm
fastglm.glm(sys.argv[2], sys.argv[1], family=sys.argv[3], threads=2, memory=int(float(sys.argv[4])))
# ru_maxrss would be that of the process that started this one, where it is larger
print(next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the peak is in /proc on Linux only")
@pytest.mark.parametrize("memory", [1e6, 1e9])
def test_memory_is_an_upper_bound(folder, memory):
    data, formula = str(folder / "part*.parquet"), "y ~ ."
    forecast = plan(formula, data, family="poisson", threads=2, memory=int(memory))
    # the loops compiled, so that no compiler is in the process that is measured
    fastglm.glm(formula, data, family="poisson", threads=2, memory=int(memory))
    command = [sys.executable, "-c", FIT, data, formula, "poisson", str(memory)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=600)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) <= forecast.memory <= 3 * int(done.stdout)


def test_memory_grows_with_what_is_kept_and_with_coefficients():
    rows = np.zeros(1_000_000)
    small, large = (plan(rows, np.broadcast_to(0.0, (1_000_000, p))) for p in (10, 2000))
    assert large.memory - small.memory > 2000**2 * 8 * 8
    one, four = (plan(rows, np.broadcast_to(0.0, (1_000_000, 500)), threads=k) for k in (1, 4))
    assert four.memory - one.memory == 3 * 8 * 501**2
    assert one.seconds > 2 * four.seconds


@pytest.mark.parametrize("n", [20_000, 100_000])
def test_passes_of_fits_that_estimate_a_parameter_and_of_adjusted_scores(n):
    """Within a third: how often a parameter is refined depends on the data."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 6))
    mu = np.exp(0.3 * X[:, 0] + 0.5)
    responses = {
        "negative_binomial": rng.negative_binomial(2, 2 / (2 + mu)),
        "tweedie": rng.gamma(1.0, mu) * rng.binomial(1, 0.8, n),
    }
    for family, y in responses.items():
        forecast, fit = plan(y, X, family=family), fastglm.fit(X, y, family=family)
        assert abs(forecast.passes - fit.n_passes) <= 0.34 * fit.n_passes
        assert forecast.family == family
    y = rng.poisson(mu)
    forecast = plan(y, X, family="poisson", bias_reduction="firth")
    fit = fastglm.fit(X, y, family="poisson", bias_reduction="firth")
    assert abs(forecast.passes - fit.n_passes) <= 2.25
    with pytest.raises(fastglm.errors.InvalidParameterError, match="bias_reduction="):
        plan(y, X, family="poisson", bias_reduction="second")
