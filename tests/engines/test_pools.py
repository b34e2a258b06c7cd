"""Passes on executors, and the groups of units that all engines share: the bits of one process."""

import sys
import types
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import engine_readers
import numpy as np
import pytest
from fits_of_sources import fit_source, rows_in_memory

import fastglm
from fastglm.engines import Ray, engine_of, tasks
from fastglm.engines.pools import Pool
from fastglm.engines.tasks import groups_of
from fastglm.errors import EngineError, InvalidParameterError
from fastglm.objective.sums import Quadratic
from fastglm.rows.family_link import family_and_link
from fastglm.source.base import Tree
from fastglm.source.chunked import Chunked, Chunks
from fastglm.source.journal import ResumableTree
from fastglm.source.pieces import Parts, selected_rows

pa = pytest.importorskip("pyarrow", reason="reads Parquet files")


@pytest.fixture(scope="module")
def processes():
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
        yield executor


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(7)
    n = 60_000
    x, g = rng.normal(size=n), rng.choice(np.array(["a", "b", "c"]), n)
    e = rng.uniform(0.5, 2.0, n)
    y = rng.poisson(e * np.exp(0.3 * x + 0.2 * (g == "b")))
    label = rng.choice(np.array(["u", "v", "w"]), n)
    return pa.table({"y": y, "x": x, "g": g, "e": e, "label": label})


@pytest.fixture(scope="module")
def path(table, tmp_path_factory):
    import pyarrow.parquet as pq

    path = tmp_path_factory.mktemp("pools") / "rows.parquet"
    pq.write_table(table, path, row_group_size=9_001)
    return path


def parts_of(n=40_000, cuts=(7_001, 20_000)):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(n, 4))
    y = rng.poisson(np.exp(0.2 * X[:, 0])) * 1.0
    family, link = family_and_link("poisson", None)
    given = dict.fromkeys(("weights", "freq_weights", "offset", "exposure"))
    data, _ = rows_in_memory(X, y, family, **given)
    edges = [0, *cuts, n]
    return X, y, family, link, [selected_rows(data, slice(a, b)) for a, b in zip(edges, edges[1:], strict=False)]


def same(a, b):
    assert np.array_equal(a.params, b.params)
    assert np.array_equal(a.bse, b.bse)
    assert a.deviance == b.deviance and a.null_deviance == b.null_deviance


@pytest.mark.parametrize("n", [1, 2, 3, 7, 13, 64, 100])
@pytest.mark.parametrize("threads", [1, 2, 3, 16])
def test_groups_add_up_to_the_same_bits(n, threads):
    rng = np.random.default_rng(n)
    values = rng.normal(size=n) * 10.0 ** rng.integers(-8, 8, n)
    whole = Tree(n)
    for i in range(n):
        whole.put(i, values[i])
    for done in (0, n // 3):
        first = rng.permutation(n)[:done]
        tree = ResumableTree(n, np.inf, None)
        for leaf in first:
            tree.put(leaf, values[leaf])
        units = [leaf for leaf in range(n) if leaf not in tree.done]
        tree.places = units
        groups = groups_of(units, tree, threads)
        assert sorted(u for g in groups for u in g.units) == units
        assert done or len(groups) <= max(4 * threads, 1)
        for at in rng.permutation(len(groups)):
            level, u, leaves = groups[at]
            part = Tree(len(leaves))
            for i in rng.permutation(len(leaves)):
                part.put(int(i), values[leaves[i]])
            tree.put_node(level, u, part.root)
        assert tree.root == whole.root
        assert tree.done == set(range(n))


@pytest.mark.parametrize(
    "formula, options",
    [
        ("y ~ x + g", {"family": "poisson", "exposure": "e", "cov": "robust"}),
        ("label ~ x + g", {"family": "multinomial"}),
        ("y ~ x + g", {"family": "poisson", "solver": "lbfgs"}),
    ],
)
def test_processes_give_the_bits_of_memory(formula, options, table, path, processes):
    same(fastglm.glm(formula, path, client=processes, **options), fastglm.glm(formula, table, **options))


def test_threads_and_a_large_reader(table, path, monkeypatch):
    monkeypatch.setattr("fastglm.engines.pools.SMALL_READER", 10)
    whole = fastglm.glm("y ~ x + g", table, family="poisson")
    with ThreadPoolExecutor(2) as executor:
        same(fastglm.glm("y ~ x + g", path, family="poisson", client=executor), whole)


def test_a_reader_that_is_sent_once(table, path, processes, monkeypatch):
    monkeypatch.setattr("fastglm.engines.pools.SMALL_READER", 10)
    whole = fastglm.glm("y ~ g", table, family="poisson")
    same(fastglm.glm("y ~ g", path, family="poisson", client=processes), whole)


def test_an_error_of_the_data_is_raised_as_it_is(processes):
    X, y, family, link, parts = parts_of()
    parts[1].y[5] = -1.0
    with pytest.raises(InvalidParameterError, match="row 5 of part 1"):
        fit_source(Chunked(Chunks(Parts(parts)), 1, Pool(processes)), family, link)


def test_other_versions_are_refused(processes, monkeypatch):
    _, _, family, link, parts = parts_of()
    monkeypatch.setattr("fastglm.engines.tasks.versions", lambda: {"fastglm": fastglm.__version__, "numpy": "1.0"})
    with pytest.raises(fastglm.errors.FastGLMError, match=r"process \d+, has numpy .*, the client has numpy 1\.0"):
        fit_source(Chunked(Chunks(Parts(parts)), 1, Pool(processes)), family, link)


def test_a_process_that_dies():
    # before Python 3.11.7 a pool hangs where a call that fills its pipe is being written as a process dies (its issue
    # 94777): these rows leave room in the pipe
    _, _, family, link, parts = parts_of(600, (100, 350))
    chunks = Chunks(engine_readers.Deadly(parts))
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        with pytest.raises(EngineError, match=r"rows 0 to \d+ \(units 0 to \d+\) of claims.parquet.*checkpoint="):
            fit_source(Chunked(chunks, 1, Pool(executor)), family, link)
        with pytest.raises(InvalidParameterError, match="died before"):
            fit_source(Chunked(chunks, 1, Pool(executor)), family, link)


def test_few_calls_are_under_way():
    class Counting(ThreadPoolExecutor):
        waiting = most = 0

        def submit(self, f, *arguments):
            Counting.waiting += 1
            Counting.most = max(Counting.most, Counting.waiting)
            future = super().submit(f, *arguments)
            future.add_done_callback(lambda _: setattr(Counting, "waiting", Counting.waiting - 1))
            return future

    with Counting(1) as executor:
        assert Pool(executor).map(np.sqrt, range(50)) == [np.sqrt(i) for i in range(50)]
    assert 1 <= Counting.most <= 2


def test_what_is_no_engine():
    with pytest.raises(InvalidParameterError, match="client=3"):
        engine_of(3, 1)
    executor = ThreadPoolExecutor(1)
    executor.shutdown()
    with pytest.raises(InvalidParameterError, match="takes no work"):
        Pool(executor).map(np.sqrt, [1])


def ray_stub():
    """Ray's functions as they are used here, run at once."""
    ray = types.ModuleType("ray")
    ray.started = []

    class Remote:
        def __init__(self, f):
            self.f = f

        def remote(self, *arguments):
            call = Future()
            ray.started.append(call)
            call.set_result(self.f(*arguments))
            return call

    ray.remote = lambda **options: Remote
    ray.wait = lambda calls, num_returns: (calls[:num_returns], calls[num_returns:])
    ray.get = lambda call: call.result()
    ray.cancel = lambda call: None
    ray.cluster_resources = lambda: {"CPU": 4.0}
    ray.exceptions = types.SimpleNamespace(RayError=ConnectionError, RayTaskError=ChildProcessError)
    ray.is_initialized = lambda: True
    return ray


def test_sums_of_workers_stay_as_they_are():
    def value(v):
        return Quadratic(v, np.full(2, v), np.zeros(2), (np.full((2, 2), v),), v, v)

    a, b = value(1.0), value(2.0)
    for _ in range(2):  # a sum that is lost is made again
        assert np.array_equal(tasks.plus(a, b).information[0], np.full((2, 2), 3.0))
    a.information[0].flags.writeable = False
    assert np.array_equal((a + b).information[0], np.full((2, 2), 3.0)) and a.information[0][0, 0] == 1.0


def test_ray(table, path, monkeypatch):
    ray = ray_stub()
    monkeypatch.setitem(sys.modules, "ray", ray)
    whole = fastglm.glm("y ~ x + g", table, family="poisson")
    same(fastglm.glm("y ~ x + g", path, family="poisson", client=Ray()), whole)
    assert ray.started
    ray.get = lambda call: (_ for _ in ()).throw(ConnectionError("lost"))
    with pytest.raises(EngineError, match="fragment 0.*lost"):
        Ray().map(np.sqrt, [1])
