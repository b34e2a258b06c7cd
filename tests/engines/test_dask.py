"""Passes on a Dask cluster: the bits of one process, also when workers die, and one clear error when they always do."""

import _thread
import os
import signal
import threading
import time
from contextlib import contextmanager
from functools import partial

import engine_readers
import numpy as np
import pytest
from fits_of_sources import fit_source, rows_in_memory

import fastglm
from fastglm.engines import dask as dask_engine
from fastglm.engines import engine_of
from fastglm.engines.dask import Dask
from fastglm.errors import EngineError, FileFormatError, InvalidParameterError, MissingDataError, SetupWarning
from fastglm.rows.family_link import family_and_link
from fastglm.source.chunked import Chunked, Chunks
from fastglm.source.pieces import Parts, selected_rows

distributed = pytest.importorskip("distributed", reason="needs a Dask cluster: pip install 'fastglm[dask]'")
pd = pytest.importorskip("pandas", reason="makes frames of Dask")
pq = pytest.importorskip("pyarrow.parquet", reason="reads Parquet files")

GUARD = 600  # seconds after which something that hangs is given up


class TwoWorkers:
    """A cluster of two workers, and another one where killed workers were not replaced: Dask's nannies may give up."""

    def __init__(self):
        self.cluster = self.client = None

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.client is not None:
            self.client.close()
            self.cluster.close()

    def ready(self):
        if self.client is not None:
            try:
                self.client.wait_for_workers(2, timeout=20)
                return self.client
            except TimeoutError:
                self.__exit__()
        self.cluster = distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        )
        self.client = distributed.Client(self.cluster, set_as_default=False)
        return self.client


@pytest.fixture(scope="module")
def two_workers():
    with TwoWorkers() as two:
        yield two


@pytest.fixture
def client(two_workers):
    return two_workers.ready()


def test_a_cluster_without_workers_is_given_up(frame, folder, monkeypatch):
    monkeypatch.setattr(dask_engine, "LOOK", 0.1)
    monkeypatch.setattr(dask_engine, "ALONE", 0.5)
    with (
        distributed.LocalCluster(n_workers=0, processes=False, dashboard_address=None) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
        pytest.raises(EngineError, match="no worker for"),
    ):
        fastglm.glm("y ~ x", str(folder), family="binomial", client=client)


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(3)
    n = 60_000
    f = pd.DataFrame({"x": rng.normal(size=n), "z": rng.normal(size=n), "g": rng.choice(list("abc"), n)})
    f["y"] = (rng.random(n) < 1 / (1 + np.exp(-0.3 * f.x + 0.2 * (f.g == "b")))) * 1.0
    f["e"] = rng.uniform(0.5, 2.0, n)
    f["count"] = rng.poisson(f.e * np.exp(0.2 * f.x - 0.1 * f.z))
    f["label"] = rng.choice(["u", "v", "w"], n)
    f["kind"] = pd.Categorical(rng.choice(["low", "mid", "high"], n), categories=["low", "mid", "high"])
    return f


@pytest.fixture(scope="module")
def folder(frame, tmp_path_factory):
    folder = tmp_path_factory.mktemp("dask")
    for i, part in enumerate(np.array_split(np.arange(len(frame)), 3)):
        frame.iloc[part].to_parquet(folder / f"{i}.parquet", row_group_size=7_001)
    return folder


@pytest.fixture(scope="module")
def dd():
    return pytest.importorskip("dask.dataframe", reason="frames of Dask")


def same(a, b):
    assert np.array_equal(a.params, b.params)
    assert np.array_equal(a.bse, b.bse)
    assert a.deviance == b.deviance and a.null_deviance == b.null_deviance
    assert a.names == b.names


MODELS = [
    ("y ~ x + z + g", {"family": "binomial"}),
    ("y ~ x + z + g", {"family": "binomial", "solver": "newton-cg"}),
    ("y ~ x + z + g", {"family": "binomial", "solver": "lbfgs"}),
    ("count ~ x + kind", {"family": "poisson", "exposure": "e", "cov": "robust"}),
    ("label ~ x + g", {"family": "multinomial"}),
]


@pytest.mark.parametrize("formula, options", MODELS)
def test_files_on_a_cluster(formula, options, frame, folder, client):
    local = fastglm.glm(formula, f"{folder}/*.parquet", memory=0, **options)
    found = fastglm.glm(formula, f"{folder}/*.parquet", client=client, **options)
    same(found, local)
    assert found.n_passes == local.n_passes
    same(found, fastglm.glm(formula, frame, **options))


def test_all_columns_of_files(frame, folder, client):
    whole = fastglm.fit(frame[["x", "z", "g", "e", "count", "label", "kind"]], frame.y, family="binomial")
    same(fastglm.fit(folder, "y", family="binomial", client=client), whole)


def test_a_large_reader_and_large_sums(frame, folder, client, monkeypatch):
    monkeypatch.setattr("fastglm.engines.dask.SMALL_READER", 10)
    monkeypatch.setattr(Dask, "threads", lambda self: 16)
    monkeypatch.setattr("fastglm.engines.dask.LARGE_SUM", 1)
    monkeypatch.setattr("fastglm.engines.dask.FEW_SUMS", 1)
    whole = fastglm.glm("y ~ x + z + g", frame, family="binomial")
    same(fastglm.glm("y ~ x + z + g", folder, family="binomial", client=client), whole)


def test_a_fit_on_a_cluster_goes_on_elsewhere(frame, folder, client, tmp_path):
    options = {"family": "poisson", "checkpoint": tmp_path / "kept"}
    whole = fastglm.glm("count ~ x + g", frame, family="poisson")
    same(fastglm.glm("count ~ x + g", folder, client=client, **options), whole)
    passes = sorted((tmp_path / "kept").glob("pass-*.npz"))
    for path in passes[len(passes) // 2 :]:
        path.unlink()
    same(fastglm.glm("count ~ x + g", folder, **options), whole)


def test_errors_of_the_data_name_their_place(frame, tmp_path, client):
    bad = frame[["y", "x"]].copy()
    bad.loc[20_000, "y"] = -1.0
    bad.to_parquet(tmp_path / "bad.parquet", row_group_size=9_000)
    with pytest.raises(InvalidParameterError, match="row 2000 of .*bad.parquet, row group 2"):
        fastglm.glm("y ~ x", tmp_path / "bad.parquet", family="poisson", client=client)
    with pytest.raises(InvalidParameterError, match="y='nothing' is not a column"):
        fastglm.fit(tmp_path / "bad.parquet", "nothing", client=client)


def rows(n=60_000):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(n, 4))
    y = rng.poisson(np.exp(0.2 * X[:, 0])) * 1.0
    family, link = family_and_link("poisson", None)
    given = dict.fromkeys(("weights", "freq_weights", "offset", "exposure"))
    data, _ = rows_in_memory(X, y, family, **given)
    parts = [selected_rows(data, slice(a, b)) for a, b in ((0, 7_001), (7_001, 30_000), (30_000, n))]
    return X, y, family, link, parts


@contextmanager
def when_begun(mark, do):
    """Call ``do`` with the number of the process that reads, once one does."""

    def watch():
        while not mark.exists():
            time.sleep(0.005)
        do(int(mark.read_text()))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    yield
    thread.join()


def test_a_worker_that_is_killed(client, tmp_path):
    X, y, family, link, parts = rows()
    whole, killed = fastglm.fit(X, y, family="poisson"), []
    mark = tmp_path / "mark"
    source = Chunked(Chunks(engine_readers.Slow(parts, mark)), 1, Dask(client))
    with when_begun(mark, lambda pid: (os.kill(pid, signal.SIGKILL), killed.append(pid))):
        same(fit_source(source, family, link), whole)
    assert killed and os.getpid() not in killed


def test_a_worker_that_always_dies(client):
    _, _, family, link, parts = rows()
    allowed, client.cluster.scheduler.allowed_failures = client.cluster.scheduler.allowed_failures, 0
    try:
        source = Chunked(Chunks(engine_readers.Deadly(parts)), 1, Dask(client))
        with pytest.raises(
            EngineError, match=r"rows \d+ to \d+ \(units .*\) of claims.parquet, row group 0: 1 workers"
        ):
            fit_source(source, family, link)
    finally:
        client.cluster.scheduler.allowed_failures = allowed


def test_a_worker_that_never_returns(client, tmp_path):
    _, _, family, link, parts = rows()
    reader = engine_readers.Waiting(parts, tmp_path / "go")
    try:
        with pytest.raises(EngineError, match="nothing was done for 0 s .*tcp://"):
            fit_source(Chunked(Chunks(reader), 1, Dask(client, timeout=0.3)), family, link)
    finally:
        (tmp_path / "go").touch()
    assert quiet(client)


def pause(client, status):
    """Give all workers a status, as their memory would."""
    from distributed.core import Status

    def change(dask_worker):
        dask_worker.status = Status[status]

    client.run(change)


@pytest.fixture
def one_worker():
    options = {"n_workers": 1, "processes": False, "dashboard_address": None, "memory_limit": 0}
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster, set_as_default=False) as client:
        yield client


@pytest.fixture
def paused(one_worker, monkeypatch):
    """A client whose worker is paused when the first pass is about to begin."""
    monkeypatch.setattr(dask_engine, "LOOK", 0.05)
    plain = Dask._map

    def _map(self, f, name, calls):
        if name == "fastglm-pass":
            monkeypatch.setattr(Dask, "_map", plain)
            pause(one_worker, "paused")
        return plain(self, f, name, calls)

    monkeypatch.setattr(Dask, "_map", _map)
    return one_worker


def test_a_paused_worker_is_named_while_it_is_waited_for(paused, monkeypatch):
    X, y, family, link, parts = rows()
    said = []

    def warn(category, text):
        said.append(text)
        pause(paused, "running")

    monkeypatch.setattr(dask_engine, "warn", warn)
    source = Chunked(Chunks(Parts(parts)), 1, Dask(paused))
    same(fit_source(source, family, link), fastglm.fit(X, y, family="poisson"))
    (address,) = paused.scheduler_info()["workers"]
    assert said and f"{address} (paused)" in said[0] and "give workers more memory" in said[0]


def test_a_worker_that_stays_paused_is_given_up(paused, monkeypatch):
    _, _, family, link, parts = rows()
    monkeypatch.setattr(dask_engine, "ALONE", 0.2)
    late = pytest.raises(EngineError, match=r"rows .*\(paused\) for 0 s; .*memory")
    with pytest.warns(SetupWarning, match="paused"), late:
        fit_source(Chunked(Chunks(Parts(parts)), 1, Dask(paused)), family, link)


def test_both_workers_killed_at_once(client, tmp_path):
    X, y, family, link, parts = rows()
    pids, mark = list(client.run(os.getpid).values()), tmp_path / "mark"
    source = Chunked(Chunks(engine_readers.Slow(parts, mark)), 1, Dask(client))
    with when_begun(mark, lambda _: [os.kill(pid, signal.SIGKILL) for pid in pids]):
        same(fit_source(source, family, link), fastglm.fit(X, y, family="poisson"))


def test_an_interrupt_leaves_nothing_running(client, tmp_path):
    _, _, family, link, parts = rows()
    mark = tmp_path / "mark"
    source = Chunked(Chunks(engine_readers.Slow(parts, mark)), 1, Dask(client))
    ended = threading.Event()

    def interrupt(_):
        _thread.interrupt_main()
        while not ended.wait(1.0):  # one that falls into another library's callback is lost
            _thread.interrupt_main()

    with pytest.raises(KeyboardInterrupt), when_begun(mark, interrupt):
        try:
            fit_source(source, family, link)
        finally:
            ended.set()
    assert quiet(client)


def quiet(client):
    """Whether no pass is under way, after the tasks that had begun came to their ends."""
    end = time.monotonic() + GUARD
    while time.monotonic() < end:
        left = [key for keys in client.processing().values() for key in keys if "fastglm-pass" in str(key)]
        if not left and not any("fastglm-pass" in str(key) for key in client.futures):
            return True
        time.sleep(0.05)
    return False


def test_other_versions_are_refused(client, folder, monkeypatch):
    from fastglm.engines import tasks

    here = tasks.versions()
    monkeypatch.setattr(tasks, "versions", lambda: {**here, "numba": "0.1"})
    with pytest.raises(
        fastglm.errors.FastGLMError, match=r"tcp://.*worker on .* has numba .*, the client has numba 0\.1"
    ):
        fastglm.glm("y ~ x", folder, client=client)


def test_a_cluster_is_no_client(client):
    with pytest.raises(InvalidParameterError, match=r"pass distributed.Client\(cluster\)"):
        engine_of(client.cluster, 1)


# collections


@pytest.mark.parametrize("where", ["cluster", "here"])
@pytest.mark.parametrize("formula, options", MODELS[:1] + MODELS[3:])
def test_frames_of_dask(formula, options, where, frame, dd, client):
    f = dd.from_pandas(frame, npartitions=5, sort=False)
    found = fastglm.glm(formula, f, memory=0, client=client if where == "cluster" else None, **options)
    same(found, fastglm.glm(formula, frame, **options))


def test_columns_and_series_of_a_frame(frame, dd, client):
    f = dd.from_pandas(frame[["x", "g", "count", "e"]], npartitions=4, sort=False)
    whole = fastglm.fit(frame[["x", "g"]], frame["count"], family="poisson", exposure=frame.e)
    with client.as_current():  # found by itself
        same(fastglm.fit(f, "count", family="poisson", exposure="e"), whole)
    same(fastglm.fit(f[["x", "g"]], f["count"], family="poisson", exposure=f.e, client=client), whole)
    with pytest.raises(InvalidParameterError, match="y is ndarray, X is a collection of Dask"):
        fastglm.fit(f[["x", "g"]], frame["count"].to_numpy(), client=client)
    with pytest.raises(InvalidParameterError, match="y has 2 partitions, X has 4"):
        fastglm.fit(f[["x", "g"]], f["count"].repartition(npartitions=2), client=client)


def test_arrays_of_dask(frame, client):
    da = pytest.importorskip("dask.array", reason="arrays of Dask")
    # by columns, as blocks become: BLAS adds those by rows in another order
    X, y, w = np.asfortranarray(frame[["x", "z", "e"]]), frame.y.to_numpy(), frame.e.to_numpy()
    whole = fastglm.fit(X, y, family="binomial", weights=w)
    rows, others = da.from_array(X, chunks=(11_000, 3)), [da.from_array(v, chunks=17_000) for v in (y, w)]
    options = {"family": "binomial", "weights": others[1], "client": client}
    found = fastglm.fit(rows, others[0], **options)
    same(found, whole)
    same(fastglm.fit(rows, others[0], memory=0, **{**options, "client": None}), whole)
    assert np.array_equal(found.predict(X[:9]), whole.predict(X[:9]))
    assert fastglm.fit(rows, others[0], names=["a", "b", "c"], **options).names[1:] == ("a", "b", "c")
    with pytest.raises(InvalidParameterError, match=r"X.rechunk\(\{1: -1\}\)"):
        fastglm.fit(rows.rechunk((11_000, 2)), others[0], **options)
    with pytest.raises(InvalidParameterError, match="y has length 59999, X has 60000 rows"):
        fastglm.fit(rows, others[0][1:], **options)


@pytest.mark.parametrize("where", ["cluster", "here"])
def test_partitions_that_differ(where, frame, dd, client):
    meta = engine_readers.uneven(frame, 0).iloc[:0]
    f = dd.from_map(partial(engine_readers.uneven, frame), range(4), meta=meta)
    options = {"family": "binomial", "memory": 0, "client": client if where == "cluster" else None}
    found = fastglm.glm("y ~ x + g + count", f, **options)
    same(found, fastglm.glm("y ~ x + g + count", frame, family="binomial"))


def test_what_is_wrong_in_a_partition(frame, dd, client):
    bad = frame[["y", "x"]].copy()
    bad.loc[25_000, "x"] = np.nan
    f = dd.from_pandas(bad, npartitions=3, sort=False)
    with pytest.raises(MissingDataError, match="column 'x' has missing values, the first in row 5000 of partition 1"):
        fastglm.glm("y ~ x", f, client=client)
    dropped = fastglm.glm("y ~ x", f, missing="drop", client=client)
    same(dropped, fastglm.glm("y ~ x", bad, missing="drop"))

    def mixed(i):
        return bad.iloc[:100].assign(x="text" if i else 1.0)

    f = dd.from_map(mixed, range(2), meta=bad.iloc[:0])
    with pytest.raises(FileFormatError, match="column 'x' is double in partition 0 and text in partition 1"):
        fastglm.glm("y ~ x", f, client=client)
    with pytest.raises(InvalidParameterError, match="all partitions are empty"):
        fastglm.glm("y ~ x", dd.from_map(lambda i: bad.iloc[:0], range(2), meta=bad.iloc[:0]), client=client)


def test_partitions_that_are_lost(frame, dd, client, tmp_path, monkeypatch):
    f = dd.from_pandas(frame, npartitions=6, sort=False)
    whole = fastglm.glm("y ~ x + g", f, family="binomial", solver="newton-cg", memory=0)
    first, _ = client.run(os.getpid).values()
    passes, plain = [], Dask._map

    def _map(self, f, name, calls):
        found = plain(self, f, name, calls)
        passes.append(name)
        if passes.count("fastglm-pass") == 4 and "killed" not in passes:
            passes.append("killed")
            os.kill(first, signal.SIGKILL)
        return found

    monkeypatch.setattr(Dask, "_map", _map)
    same(fastglm.glm("y ~ x + g", f, family="binomial", solver="newton-cg", client=client), whole)
    assert "killed" in passes and first not in client.run(os.getpid).values()


def test_parts_in_memory_are_an_oracle_too(client):
    X, y, family, link, parts = rows()
    same(fit_source(Chunked(Chunks(Parts(parts)), 1, Dask(client)), family, link), fastglm.fit(X, y, family="poisson"))


def test_clusters_beside_files_and_partitions(frame, folder, dd, client):
    cov = {"cluster": "kind"}
    whole = fastglm.glm("y ~ x + z", frame, family="binomial", cov=cov)
    same(fastglm.glm("y ~ x + z", folder, family="binomial", cov=cov, client=client), whole)
    f = dd.from_pandas(frame, npartitions=5, sort=False)
    same(fastglm.glm("y ~ x + z", f, family="binomial", cov=cov, client=client), whole)
