"""Fits of files: the bits of the same rows in memory, whatever the pieces."""

import os
import signal
import subprocess
import sys
from functools import partial

import numpy as np
import pandas as pd
import pytest

import fastglm
from fastglm.errors import FileFormatError, InvalidParameterError, MissingDataError

N = 20_000


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    f = pd.DataFrame({"x": rng.normal(size=N), "k": rng.integers(0, 7, N), "z": rng.choice(list("dbca"), N)})
    f["c"] = pd.Categorical(rng.choice(["low", "mid", "high"], N), ["low", "mid", "high", "never"])
    f["e"], f["w"] = rng.uniform(0.2, 2.0, N), rng.integers(1, 3, N)
    mu = f.e * np.exp(0.3 * f.x + 0.1 * f.k - 1)
    return f.assign(y=rng.poisson(mu), d=rng.random(N) < mu / (1 + mu), s=np.where(rng.random(N) < 0.3, "yes", "no"))


@pytest.fixture(scope="module")
def folder(frame, tmp_path_factory):
    path = tmp_path_factory.mktemp("rows")
    edges = [0, 3_001, 9_000, 9_001, N]
    for i, (a, b) in enumerate(zip(edges[:-1], edges[1:], strict=True)):
        frame.iloc[a:b].to_parquet(path / f"part-{i}.parquet", row_group_size=2_500)
    return str(path)


MODELS = [
    ("y ~ x + C(k) + z + c", {"family": "poisson", "exposure": "e", "weights": "w"}),
    ("y ~ x * z + offset(log(e))", {"family": "poisson", "cov": "robust", "freq_weights": "w"}),
    ("d ~ x + z", {"family": "binomial"}),
    ("s ~ x + c:z", {"family": "binomial", "link": "probit"}),
    ("z ~ x + c", {"family": "multinomial"}),
    ("k ~ x", {"family": "multinomial"}),
    ("I(y + 0.5) ~ bs(x, df=5) + c", {"family": "gamma", "link": "log"}),
    ("cbind(y, k) ~ x + z - 1", {"family": "binomial"}),
    ("x ~ poly(e, 2) + C(z, Sum)", {}),
    ("y ~ x", {"family": "poisson", "solver": "lbfgs"}),
]


@pytest.mark.parametrize("formula, options", MODELS)
def test_the_bits_of_memory(frame, folder, formula, options):
    whole = fastglm.glm(formula, frame, **options)
    for memory in (None, 0):
        found = fastglm.glm(formula, folder, memory=memory, **options)
        assert found.names == whole.names and found.classes == whole.classes
        # splines and powers of a stretch of rows can differ in the last digit from those of all
        exact = "bs(" not in formula and "poly(" not in formula
        equal = np.testing.assert_array_equal if exact else partial(np.testing.assert_allclose, rtol=1e-11)
        for name in ("params", "bse", "deviance", "null_deviance", "llf", "n_passes", "nobs"):
            equal(getattr(found, name), getattr(whole, name), err_msg=name)
        new = frame.head(50)
        equal(found.predict(new), whole.predict(new))


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_threads_change_no_bit(frame, folder, threads):
    one = fastglm.glm("y ~ x + z", f"{folder}/*.parquet", family="poisson", memory=0, threads=threads)
    np.testing.assert_array_equal(one.params, fastglm.glm("y ~ x + z", frame, family="poisson").params)


def test_columns_by_name(frame, folder):
    found = fastglm.fit(folder, "y", family="poisson", weights="w", exposure="e", memory=0)
    X = frame.drop(columns=["y", "w", "e"])
    whole = fastglm.fit(X, frame.y, family="poisson", weights=frame.w, exposure=frame.e)
    assert found.names == whole.names
    np.testing.assert_array_equal(found.params, whole.params)
    with pytest.raises(InvalidParameterError, match="weights='q'"):
        fastglm.fit(folder, "y", weights="q")


@pytest.mark.parametrize("kind", ["csv", "feather", "iterator", "callable", "duckdb"])
def test_other_kinds(frame, tmp_path, kind):
    path = str(tmp_path / f"rows.{kind}")
    f = frame[["y", "x", "z"]]
    if kind == "csv":
        f.to_csv(path, index=False, float_format="%.17g")
    elif kind == "feather":
        f.to_feather(path)
    duckdb = pytest.importorskip("duckdb") if kind == "duckdb" else None
    pieces = lambda: (f.iloc[a : a + 6_000] for a in range(0, N, 6_000))  # noqa: E731
    data = {"iterator": pieces(), "callable": pieces}.get(kind, path)
    if kind == "duckdb":
        connection = duckdb.connect()
        connection.register("rows", f)
        data = fastglm.from_duckdb("select * from rows", connection)
    found = fastglm.glm("y ~ x + z", data, family="poisson", memory=0)
    np.testing.assert_array_equal(found.params, fastglm.glm("y ~ x + z", f, family="poisson").params)


def test_missing_values(frame, tmp_path):
    f = frame.copy()
    f.loc[::7, "x"], f.loc[5:9000:11, "z"] = np.nan, None
    path = str(tmp_path / "rows.parquet")
    f.to_parquet(path, row_group_size=3_000)
    with pytest.raises(MissingDataError, match=r"'z'.*row 5 of .*row group 0.*missing='drop'"):
        fastglm.glm("y ~ x + z", path, family="poisson")
    with pytest.raises(MissingDataError, match=r"'x'.*row 0 of .*row group 0.*missing='drop'"):
        fastglm.glm("y ~ x", path, family="poisson")
    whole = fastglm.glm("y ~ x + z", f, family="poisson", missing="drop")
    found = fastglm.glm("y ~ x + z", path, family="poisson", missing="drop", memory=0)
    np.testing.assert_array_equal(found.params, whole.params)
    assert found.notes == whole.notes and found.nobs == whole.nobs


def test_bad_values_are_found_where_they_are(frame, tmp_path):
    f = frame.copy()
    f.loc[7_010, "y"] = -1
    path = str(tmp_path / "rows.parquet")
    f.to_parquet(path, row_group_size=5_000)
    with pytest.raises(InvalidParameterError, match="y = -1.0 at row 2010 of .*row group 1"):
        fastglm.glm("y ~ x", path, family="poisson", memory=0)
    with pytest.raises(InvalidParameterError, match="column 'q'"):
        fastglm.glm("y ~ q", path, family="poisson")


KILLED = """
import os, sys, threading, hashlib
import fastglm
from fastglm.rows import stored
from fastglm.source import journal

class Journal(journal.Journal):
    def __init__(self, folder, identity):
        super().__init__(folder, identity, every=0.0)

    def _save(self, name, key, **values):
        super()._save(name, key, **values)
        counts["writes"] += 1
        if counts["writes"] == int(sys.argv[3]):
            os.kill(os.getpid(), 9)

counts = {"writes": 0}
stored.Journal = Journal
found = fastglm.glm("y ~ x + C(k) + z", sys.argv[1], family="poisson", checkpoint=sys.argv[2])
print(hashlib.sha256(found.params.tobytes() + found.bse.tobytes()).hexdigest())
"""


def test_killed_twice_and_taken_up(frame, folder, tmp_path):
    def run(writes):
        line = [sys.executable, "-c", KILLED, folder, str(tmp_path / "state"), str(writes)]
        return subprocess.run(line, capture_output=True, text=True, cwd=tmp_path, timeout=600)

    # in the middle of the first pass, then in the middle of a later one
    assert run(4).returncode == -signal.SIGKILL
    assert run(20).returncode == -signal.SIGKILL
    third = run(10**9)
    import hashlib

    whole = fastglm.glm("y ~ x + C(k) + z", frame, family="poisson")
    assert third.stdout.strip() == hashlib.sha256(whole.params.tobytes() + whole.bse.tobytes()).hexdigest()
    left = sorted(os.listdir(tmp_path / "state"))
    assert all(name in ("fit.json", "in-use") or name.startswith("pass-") for name in left)


def test_a_checkpoint_of_another_fit_is_refused_by_name(frame, tmp_path):
    path, state = str(tmp_path / "rows.parquet"), str(tmp_path / "state")
    frame.to_parquet(path)
    first = fastglm.glm("y ~ x", path, family="poisson", checkpoint=state)
    again = fastglm.glm("y ~ x", path, family="poisson", checkpoint=state)
    np.testing.assert_array_equal(first.params, again.params)
    with pytest.raises(InvalidParameterError, match="another fit.*formula.*y ~ x.*y ~ x \\+ z"):
        fastglm.glm("y ~ x + z", path, family="poisson", checkpoint=state)
    with pytest.raises(InvalidParameterError, match="family="):
        fastglm.glm("y ~ x", path, family="quasipoisson", checkpoint=state)
    frame.head(N - 1).to_parquet(path)
    with pytest.raises(InvalidParameterError, match="rows.parquet"):
        fastglm.glm("y ~ x", path, family="poisson", checkpoint=state)
    (tmp_path / "state" / "fit.json").write_text("{")
    with pytest.raises(FileFormatError, match="fit.json"):
        fastglm.glm("y ~ x", path, family="poisson", checkpoint=state)


def test_rows_in_memory_have_checkpoints_and_no_cluster(frame, tmp_path):
    X, y = frame[["x", "k"]].to_numpy(float), frame.y.to_numpy()
    plain = fastglm.fit(X, y, family="poisson")
    for _ in range(2):
        kept = fastglm.fit(X, y, family="poisson", checkpoint=tmp_path / "state")
        np.testing.assert_array_equal(kept.params, plain.params)
    with pytest.raises(InvalidParameterError, match="what they hold"):
        fastglm.fit(X + 1.0, y, family="poisson", checkpoint=tmp_path / "state")
    whole = fastglm.glm("y ~ x + z", frame, family="poisson", checkpoint=tmp_path / "other")
    np.testing.assert_array_equal(whole.params, fastglm.glm("y ~ x + z", frame, family="poisson").params)
    with pytest.raises(InvalidParameterError, match="client"):
        fastglm.fit(X, y, client=object())
