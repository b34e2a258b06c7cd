"""Passes on a Ray cluster that the test starts and ends: the bits of one process, also when workers die."""

import os
from pathlib import Path

import engine_readers
import numpy as np
import pytest
from fits_of_sources import fit_source, rows_in_memory

import fastglm
from fastglm.engines import Ray
from fastglm.errors import EngineError, InvalidParameterError, MissingDataError
from fastglm.rows.family_link import family_and_link
from fastglm.source.chunked import Chunked, Chunks
from fastglm.source.pieces import Parts, selected_rows

pa = pytest.importorskip("pyarrow", reason="reads Parquet files")
ray = pytest.importorskip("ray", reason="needs Ray: pip install 'fastglm[ray]'")


@pytest.fixture(scope="module")
def cluster():
    ours = {
        "PYTHONPATH": os.pathsep.join([str(Path(fastglm.__file__).parents[1]), str(Path(__file__).parent)]),
        "RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    }  # fmt: skip
    before = {name: os.environ.get(name) for name in ours}
    os.environ.update(ours)  # workers inherit it
    try:
        ray.init(
            address="local", num_cpus=2, include_dashboard=False, object_store_memory=80 << 20, log_to_driver=False,
            _node_ip_address="127.0.0.1", logging_level="ERROR",
        )  # fmt: skip
        yield
    finally:
        ray.shutdown()
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(7)
    n = 60_000
    x, g = rng.normal(size=n), rng.choice(np.array(["a", "b", "c"]), n)
    y = rng.poisson(np.exp(0.3 * x + 0.2 * (g == "b")))
    return pa.table({"y": y, "x": x, "g": g, "label": rng.choice(np.array(["u", "v", "w"]), n)})


@pytest.fixture(scope="module")
def path(table, tmp_path_factory):
    import pyarrow.parquet as pq

    path = tmp_path_factory.mktemp("ray") / "rows.parquet"
    pq.write_table(table, path, row_group_size=9_001)
    return path


def rows(n=60_000):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(n, 4))
    y = rng.poisson(np.exp(0.2 * X[:, 0])) * 1.0
    family, link = family_and_link("poisson", None)
    given = dict.fromkeys(("weights", "freq_weights", "offset", "exposure"))
    data, _ = rows_in_memory(X, y, family, **given)
    return X, y, family, link, [selected_rows(data, slice(a, b)) for a, b in ((0, 7_001), (7_001, 30_000), (30_000, n))]


def same(a, b):
    assert np.array_equal(a.params, b.params)
    assert np.array_equal(a.bse, b.bse)
    assert a.deviance == b.deviance and a.null_deviance == b.null_deviance


def test_a_process_that_has_joined_no_cluster():
    if ray.is_initialized():
        pytest.skip("this process is in a cluster")
    with pytest.raises(InvalidParameterError, match=r"joined no cluster; call ray.init\(\) first"):
        Ray()
    assert not ray.is_initialized()


@pytest.mark.parametrize(
    "formula, options",
    [
        ("y ~ x + g", {"family": "poisson", "cov": "robust"}),
        ("y ~ x + g", {"family": "poisson", "solver": "newton-cg"}),
        ("label ~ x + g", {"family": "multinomial"}),
        ("y ~ x", {"family": "poisson", "cov": "cluster:g"}),
    ],
)
def test_the_bits_of_memory(cluster, formula, options, table, path):
    same(fastglm.glm(formula, path, client=Ray(), **options), fastglm.glm(formula, table, **options))


def test_a_reader_that_is_sent_once(cluster, table, path, monkeypatch):
    monkeypatch.setattr("fastglm.engines.pools.SMALL_READER", 10)
    whole = fastglm.glm("y ~ g", table, family="poisson")
    same(fastglm.glm("y ~ g", path, family="poisson", client=Ray()), whole)


def test_an_error_of_the_data_names_its_place(cluster, path, tmp_path):
    import pyarrow.parquet as pq

    bad = pa.table({"y": [1.0] * 20_000, "x": [*map(float, range(19_999)), None]})
    pq.write_table(bad, tmp_path / "bad.parquet", row_group_size=9_000)
    with pytest.raises(MissingDataError, match="'x' has 1 missing value, the first in row 1999 of .*row group 2"):
        fastglm.glm("y ~ x", tmp_path / "bad.parquet", family="poisson", client=Ray())
    (tmp_path / "bad.parquet").unlink()
    with pytest.raises(InvalidParameterError, match="no such file"):
        fastglm.glm("y ~ x", tmp_path / "bad.parquet", family="poisson", client=Ray())


def test_a_worker_that_is_killed(cluster, tmp_path):
    X, y, family, link, parts = rows()
    reader = engine_readers.Mortal(parts, tmp_path / "dead", at=3)
    same(fit_source(Chunked(Chunks(reader), 1, Ray()), family, link), fastglm.fit(X, y, family="poisson"))
    assert int((tmp_path / "dead").read_text()) != os.getpid()


def test_workers_that_always_die(cluster):
    _, _, family, link, parts = rows()
    source = Chunked(Chunks(engine_readers.Deadly(parts)), 1, Ray(retries=0))
    with pytest.raises(EngineError, match=r"rows \d+ to \d+ .*of claims.parquet.*workers died.*checkpoint="):
        fit_source(source, family, link)


def test_parts_in_memory(cluster):
    X, y, family, link, parts = rows()
    source = Chunked(Chunks(Parts(parts)), 1, Ray(num_cpus=2))
    same(fit_source(source, family, link), fastglm.fit(X, y, family="poisson"))
