"""Files that are replaced while they are read: a fit is of one version of its rows, or there is none."""

import io
import os
import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

import fastglm
from fastglm.errors import CheckpointError, FileFormatError
from fastglm.files import open_rows
from fastglm.files.parquet import ParquetFile
from fastglm.fitting import perform

pa = pytest.importorskip("pyarrow", reason="reads Parquet files")
pq = pytest.importorskip("pyarrow.parquet", reason="reads Parquet files")
N = 20_000
CHANGED = "the file was changed after it was opened"


def table(seed):
    """Rows of a model; files of two seeds have the same size."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=N)
    return pa.table({"x": x, "y": rng.poisson(np.exp((1 - seed) * 0.5 * x)).astype(float)})


def bytes_of(seed):
    sink = io.BytesIO()
    pq.write_table(table(seed), sink, row_group_size=N // 4, compression="none", use_dictionary=False)
    return sink.getvalue()


OLD, NEW = bytes_of(0), bytes_of(1)
FIT = {"family": "poisson", "memory": 0, "solver": "irls", "compress": False}


@pytest.fixture
def at_read(monkeypatch):
    """at_read(k, do): call ``do`` when a piece of a Parquet file is about to be read for the k-th time."""
    plain = ParquetFile.batches

    def arm(k, do):
        reads = []

        def batches(self, *arguments):
            reads.append(1)
            if len(reads) == k:
                do()
            return plain(self, *arguments)

        monkeypatch.setattr(ParquetFile, "batches", batches)

    return arm


@pytest.fixture
def memory():
    fsspec = pytest.importorskip("fsspec", reason="a file system in memory")
    system = fsspec.filesystem("memory")
    system.pipe("/versions/rows.parquet", OLD)
    yield lambda content: system.pipe("/versions/rows.parquet", content)
    system.rm("/versions", recursive=True)


@pytest.fixture(scope="module")
def server():
    """The address of an object store of this process."""
    moto = pytest.importorskip("moto.server", reason="a local object store: pip install 'moto[server]'")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield f"127.0.0.1:{server.get_host_and_port()[1]}"
    server.stop()


@pytest.fixture(params=["pyarrow", "fsspec"])
def bucket(request, server, monkeypatch):
    """(URL of an object, what replaces it) as pyarrow's own client and as s3fs see it."""
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    if request.param == "fsspec":
        pytest.importorskip("s3fs", reason="fsspec's client of S3: pip install s3fs")
        import fsspec

        monkeypatch.setattr("fastglm.files.find.BY_PYARROW", ())
        options = {"key": "k", "secret": "s", "endpoint_url": f"http://{server}"}
        monkeypatch.setitem(fsspec.config.conf, "s3", options)
    fs = pytest.importorskip("pyarrow.fs")
    if not hasattr(fs, "S3FileSystem"):
        pytest.skip("pyarrow was built without S3")
    system = fs.S3FileSystem(
        access_key="k", secret_key="s", endpoint_override=server, scheme="http", region="us-east-1",
        allow_bucket_creation=True,
    )  # fmt: skip
    system.create_dir("rows")

    def put(content):
        with system.open_output_stream("rows/rows.parquet") as file:
            file.write(content)

    put(OLD)
    own = f"?endpoint_override={server}&scheme=http&region=us-east-1"
    at, query = ("k:s@", own) if request.param == "pyarrow" else ("", "")
    return f"s3://{at}rows/rows.parquet{query}", put


@pytest.mark.parametrize("k", [2, 5, 11])
def test_an_object_in_memory_that_is_replaced(memory, at_read, k):
    whole = fastglm.glm("y ~ x", "memory://versions/rows.parquet", **FIT)
    np.testing.assert_array_equal(whole.params, fastglm.glm("y ~ x", table(0), family="poisson", solver="irls").params)
    at_read(k, lambda: memory(NEW))
    with pytest.raises(FileFormatError, match=f"rows.parquet: {CHANGED}"):
        fastglm.glm("y ~ x", "memory://versions/rows.parquet", **FIT)


def test_an_object_that_is_replaced_after_the_last_read(memory, monkeypatch):
    plain = perform.fit_source

    def fit_source(*arguments, **options):
        result = plain(*arguments, **options)
        memory(NEW)
        return result

    monkeypatch.setattr(perform, "fit_source", fit_source)
    with pytest.raises(FileFormatError, match=CHANGED):
        fastglm.glm("y ~ x", "memory://versions/rows.parquet", **FIT)


@pytest.mark.parametrize("k", [2, 9])
def test_an_object_of_a_store_that_is_replaced(bucket, at_read, k):
    url, put = bucket
    whole = fastglm.glm("y ~ x", url, **FIT)
    np.testing.assert_array_equal(whole.params, fastglm.glm("y ~ x", table(0), family="poisson", solver="irls").params)
    at_read(k, lambda: put(NEW))
    with pytest.raises(FileFormatError, match=f"rows.parquet: {CHANGED}"):
        fastglm.glm("y ~ x", url, **FIT)


def test_an_object_between_two_runs_of_a_checkpoint(bucket, tmp_path):
    url, put = bucket
    options = {"family": "poisson", "checkpoint": tmp_path / "state"}
    first = fastglm.glm("y ~ x", url, **options)
    np.testing.assert_array_equal(fastglm.glm("y ~ x", url, **options).params, first.params)
    put(NEW)
    with pytest.raises(CheckpointError, match="rows.parquet"):
        fastglm.glm("y ~ x", url, **options)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "rows.parquet"
    path.write_bytes(OLD)
    return path


def replaced(path, content, keep_time=True):
    """Replace a file by another one of its size, and of its time."""
    before = path.stat()
    assert len(content) == before.st_size
    other = path.with_suffix(".new")
    other.write_bytes(content)
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns + (0 if keep_time else 1_000_000_000)))
    os.replace(other, path)


def test_a_local_file_of_the_same_size_and_time(path, at_read):
    at_read(3, lambda: replaced(path, NEW))
    with pytest.raises(FileFormatError, match=CHANGED):
        fastglm.glm("y ~ x", path, **FIT)


@pytest.mark.parametrize("kind", ["parquet", "csv", "feather"])
def test_a_checkpoint_of_a_file_of_the_same_size_and_time(tmp_path, kind):
    from pyarrow import csv, feather

    path, contents = tmp_path / f"rows.{kind}", []
    rng = np.random.default_rng(0)
    whole = {"x": rng.integers(10, 99, 5000).astype(float), "y": rng.integers(0, 2, 5000).astype(float)}
    for y in (whole["y"], whole["y"][::-1].copy()):
        rows = pa.table({**whole, "y": y})
        if kind == "parquet":
            pq.write_table(rows, path, compression="none", use_dictionary=False)
        elif kind == "csv":
            csv.write_csv(rows, path)
        else:
            feather.write_feather(rows, path, compression="uncompressed")
        contents.append(path.read_bytes())
    path.write_bytes(contents[0])
    options = {"family": "poisson", "checkpoint": tmp_path / "state"}
    fastglm.glm("y ~ x", path, **options)
    fastglm.glm("y ~ x", path, **options)
    replaced(path, contents[1])
    with pytest.raises(CheckpointError, match=f"rows.{kind}.*digest"):
        fastglm.glm("y ~ x", path, **options)


def test_a_copy_on_another_machine_goes_by_what_the_file_holds(path):
    rows = open_rows(path)
    there = pickle.loads(pickle.dumps(rows))
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns - 7_000_000_000))
    for _ in range(2):
        assert sum(batch.num_rows for batch in there.batches(0, ["x"])) == N // 4
    replaced(path, NEW, keep_time=False)
    with pytest.raises(FileFormatError, match=CHANGED):
        list(there.batches(0, ["x"]))


class Replacing(ProcessPoolExecutor):
    """Replaces a file before some call."""

    def __init__(self, path, at, **options):
        super().__init__(1, **options)
        self.path, self.at, self.calls = path, at, 0

    def submit(self, f, *arguments):
        self.calls += 1
        if self.calls == self.at:
            replaced(self.path, NEW, keep_time=False)
        return super().submit(f, *arguments)


def test_a_file_that_is_replaced_under_a_worker(path):
    with Replacing(path, 4, mp_context=get_context("spawn")) as executor:
        with pytest.raises(FileFormatError, match=CHANGED):
            fastglm.glm("y ~ x", path, family="poisson", solver="irls", client=executor)
    assert executor.calls >= 4


def test_a_csv_that_grows_after_it_was_copied_is_of_no_matter(tmp_path, at_read):
    from pyarrow import csv

    path = tmp_path / "rows.csv"
    csv.write_csv(table(0), path)
    whole = fastglm.glm("y ~ x", path, **FIT)
    with open_rows(path) as rows:
        with open(path, "a") as file:
            file.write("0.5,1\n")
        np.testing.assert_array_equal(fastglm.glm("y ~ x", rows, **FIT).params, whole.params)
