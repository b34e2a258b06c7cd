"""Rows of files against the tables they were written from: formats, places, streams, types, memory."""

import gzip
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import fastglm
from fastglm.files import Fragment, Rows, from_duckdb, is_rows, open_rows, parquet

pa = pytest.importorskip("pyarrow")
import pyarrow.dataset as ds  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402
from pyarrow import csv, feather  # noqa: E402

ROOT = Path(fastglm.__file__).parents[1]
WORDS = np.array(["pear", "apple", "fig", "date"])


def table(n=1000, seed=0, nulls=True):
    """Numbers, whole numbers, text, booleans and dates, with missing values."""
    rng = np.random.default_rng(seed)
    hole = rng.random(n) < 0.1 if nulls else np.zeros(n, bool)
    return pa.table(
        {
            "x": rng.normal(size=n),
            "k": pa.array(rng.integers(-5, 9, n), mask=hole),
            "s": pa.array(WORDS[rng.integers(0, 4, n)], mask=np.roll(hole, 3)),
            "b": rng.random(n) < 0.5,
            "t": pa.array(rng.integers(0, 10**9, n), pa.timestamp("us")),
        }
    )


def read(r, columns=None, **options):
    """All rows as one table, text as text."""
    columns = list(r.names) if columns is None else columns
    parts = [plain(b) for i in range(len(r.fragments)) for b in r.batches(i, columns, **options)]
    return pa.concat_tables(parts, promote_options="permissive")


def plain(batch):
    columns = [c.dictionary_decode() if pa.types.is_dictionary(c.type) else c for c in batch.columns]
    return pa.table(columns, names=batch.schema.names)


def same(r, expected, **options):
    assert read(r, **options).to_pydict() == expected.to_pydict()
    assert r.n_rows == expected.num_rows == sum(f.rows for f in r.fragments)
    assert r.names == tuple(expected.column_names)
    return True


@pytest.fixture
def spooled(tmp_path):
    """A folder for scratch files, which has to be empty in the end."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    yield folder
    assert list(folder.iterdir()) == []


def test_a_parquet_file_batch_by_batch(tmp_path):
    t = table()
    pq.write_table(t, tmp_path / "a.parquet", row_group_size=300)
    rows = open_rows(tmp_path / "a.parquet")
    assert same(rows, t) and same(rows, t, rows=70)
    place = str(tmp_path / "a.parquet")
    assert rows.fragments[3] == Fragment(place, 3, 100, f"{place}, row group 3")
    assert rows.schema.types == t.schema.types
    batches = list(rows.batches(1, ["s", "x"], rows=70))
    assert [b.schema.names for b in batches] == [["s", "x"]] * len(batches) and max(b.num_rows for b in batches) <= 70
    assert batches[0].schema.field("s").type == pa.dictionary(pa.int32(), pa.string())
    assert rows.fragments[0].rows == 300 and pickle.loads(pickle.dumps(rows.fragments[0])) == rows.fragments[0]


@pytest.mark.parametrize("kind", ["parquet", "feather", "csv"])
@pytest.mark.parametrize("skip", [0, 1, 69, 70, 299, 300])
def test_skipped_rows_are_those_at_the_beginning(tmp_path, spooled, kind, skip):
    t = table(300).select(["x", "s"])
    write = {"parquet": pq.write_table, "feather": feather.write_feather, "csv": csv.write_csv}[kind]
    write(t, tmp_path / f"a.{kind}")
    with open_rows(tmp_path / f"a.{kind}", scratch=spooled) as rows:
        got = [plain(b) for b in rows.batches(0, ["x", "s"], rows=70, skip=skip)]
        assert pa.concat_tables([t.slice(0, 0), *got]).to_pydict() == t.slice(skip).to_pydict()


def test_sizes_are_judged_and_statistics_are_not_asked(tmp_path):
    t = table()
    pq.write_table(t, tmp_path / "a.parquet", row_group_size=300)
    rows = open_rows(tmp_path / "a.parquet")
    assert rows.null_count(0, "k") is None and rows.bounds(0, "k") is None
    assert 0 < rows.nbytes(["x"]) < rows.nbytes(["x", "k"]) < rows.nbytes()
    assert rows.nbytes() == (tmp_path / "a.parquet").stat().st_size


def test_patterns_folders_and_lists_are_in_the_order_of_paths(tmp_path, monkeypatch):
    t = table(90)
    for k, name in enumerate(["b/2", "a/1", "c/d/3"]):
        path = tmp_path / "data" / f"{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(t.slice(30 * k, 30), path)
    for hidden in ("_SUCCESS", ".crc", "_temporary/x.parquet"):
        (tmp_path / "data" / hidden).parent.mkdir(exist_ok=True)
        (tmp_path / "data" / hidden).write_bytes(b"not read")
    a, b, d = t.slice(30, 30), t.slice(0, 30), t.slice(60, 30)
    ordered = pa.concat_tables([a, b, d])
    monkeypatch.chdir(tmp_path)
    assert same(open_rows("data"), ordered)
    assert same(open_rows(tmp_path / "data"), ordered)
    assert same(open_rows("data/[abc]/**/[0-9].parquet"), ordered)
    assert same(open_rows("data/[ab]/*.parquet"), pa.concat_tables([a, b]))
    assert same(open_rows(["data/c", "data/b/*.parquet"]), pa.concat_tables([d, b]))
    assert open_rows("data").fragments[0].label == os.path.join("data", "a", "1.parquet") + ", row group 0"
    rows = open_rows("data")
    monkeypatch.chdir("/")  # files are found again from elsewhere
    assert same(rows, ordered)


def test_folders_that_name_columns(tmp_path):
    t = table(60).select(["x", "s"])
    for k, (year, place) in enumerate([("2023", "a%20b"), ("2024", "c"), ("2024", "__HIVE_DEFAULT_PARTITION__")]):
        path = tmp_path / f"year={year}" / f"place={place}" / "x.parquet"
        path.parent.mkdir(parents=True)
        pq.write_table(t.slice(20 * k, 20), path)
    rows = open_rows(tmp_path)
    oracle = ds.dataset(tmp_path, partitioning="hive").to_table()
    assert rows.names == ("x", "s", "year", "place")
    assert rows.schema.field("year").type == pa.int32() and rows.schema.field("place").type == pa.string()
    assert read(rows).to_pydict() == oracle.select(rows.names).to_pydict()
    assert set(read(rows, ["year", "place"], rows=7)["place"].to_pylist()) == {"a b", "c", None}
    at = [f.place.split("place=")[1][:3] for f in rows.fragments].index("__H")
    assert rows.null_count(at, "place") == 20 and rows.bounds(at, "year") == (2024, 2024)
    assert rows.nbytes(["year"]) == 0
    assert open_rows(tmp_path / "year=2024").names == ("x", "s", "place")
    assert open_rows(f"{tmp_path}/year=*/*/*.parquet").names == ("x", "s", "year", "place")
    assert open_rows([tmp_path / "year=2023", tmp_path / "year=2024"]).names == ("x", "s", "year", "place")


def test_urls(tmp_path):
    fsspec = pytest.importorskip("fsspec")
    t = table(50)
    memory = fsspec.filesystem("memory")
    for name, part in (("data/k=1/b.parquet", t.slice(25)), ("data/k=0/a.parquet", t.slice(0, 25))):
        with memory.open(f"/files/{name}", "wb") as handle:
            pq.write_table(part, handle)
    with memory.open("/files/data/_SUCCESS", "wb") as handle:
        handle.write(b"")
    expected = t.append_column("k_", pa.array([0] * 25 + [1] * 25)).drop_columns("k_")
    try:
        for url in ("memory://files/data", "memory://files/data/**/*.parquet", "memory://files/*/k=*/*.parquet"):
            rows = open_rows(url)
            assert read(rows, ["x", "s", "t"]).to_pydict() == expected.select(["x", "s", "t"]).to_pydict()
            rows.check_unchanged()
        assert rows.fragments[0].place == "memory:///files/data/k=0/a.parquet"
        again = pickle.loads(pickle.dumps(open_rows("memory://files/data/k=0/a.parquet")))
        assert same(again, t.slice(0, 25))
        with memory.open("/files/data/c.csv", "wb") as handle:
            handle.write(b"x,s\n1,a\n")
        assert read(open_rows("memory://files/data/c.csv")).to_pydict() == {"x": [1], "s": ["a"]}
    finally:
        memory.rm("/files", recursive=True)
    pq.write_table(t, tmp_path / "a b.parquet")
    assert same(open_rows((tmp_path / "a b.parquet").as_uri()), t)


@pytest.mark.parametrize("compression", ["uncompressed", "lz4"])
def test_arrow_files(tmp_path, compression):
    t = table()
    feather.write_feather(t, tmp_path / "a.feather", compression=compression, chunksize=300)
    with pa.OSFile(str(tmp_path / "b.arrow"), "wb") as sink, pa.ipc.new_file(sink, t.schema) as writer:
        writer.write_table(t)
    rows = open_rows([tmp_path / "a.feather", tmp_path / "b.arrow"])
    assert same(rows, pa.concat_tables([t, t]), rows=70)
    assert [f.rows for f in rows.fragments] == [300, 300, 300, 100, 1000]
    assert rows.fragments[1].label.endswith("a.feather, record batch 1")
    assert 0 < rows.nbytes(["x"]) < rows.nbytes() <= sum(f.stat().st_size for f in tmp_path.iterdir())


def test_large_record_batches_are_mapped(tmp_path, monkeypatch):
    t = table(5000).select(["x", "b", "s"])
    with pa.OSFile(str(tmp_path / "b.arrow"), "wb") as sink, pa.ipc.new_file(sink, t.schema) as writer:
        writer.write_table(t)
    monkeypatch.setattr("fastglm.files.ipc.ARROW_MAPPED_BYTES", 1)
    assert same(open_rows(tmp_path / "b.arrow"), t, rows=700, skip=0)


def test_csv_is_copied_once_and_the_copy_removed(tmp_path, spooled):
    t = table(70_000, nulls=False).select(["x", "k", "s", "b"])
    csv.write_csv(t, tmp_path / "a.csv")
    with gzip.open(tmp_path / "a.csv.gz", "wb") as handle:
        handle.write((tmp_path / "a.csv").read_bytes())
    with open_rows([tmp_path / "a.csv", tmp_path / "a.csv.gz"], scratch=str(spooled)) as rows:
        assert same(rows, pa.concat_tables([t, t]))
        assert [f.rows for f in rows.fragments] == [65536, 4464] * 2
        assert rows.fragments[1].label == f"{tmp_path / 'a.csv'}, rows 65536 to 69999"
        assert rows.fragments[3].label == f"{tmp_path / 'a.csv.gz'}, rows 65536 to 69999"
        assert [rows.null_count(i, "s") for i in range(4)] == [0] * 4
        assert len(list(spooled.iterdir())) == 1
        copy = pickle.loads(pickle.dumps(rows))
        assert same(copy, pa.concat_tables([t, t]))
        copy.close()
        del copy
        assert len(list(spooled.iterdir())) == 1


def test_tab_separated_and_missing_text(tmp_path, spooled):
    (tmp_path / "a.tsv").write_text("x\ts\n1\ta\n\tNA\n3\t\n")
    with open_rows(tmp_path / "a.tsv", scratch=spooled) as rows:
        assert read(rows).to_pydict() == {"x": [1, None, 3], "s": ["a", None, None]}
        assert (rows.null_count(0, "x"), rows.null_count(0, "s")) == (1, 2)


def test_csv_types_widen_as_if_the_whole_file_had_been_looked_at(tmp_path, spooled, monkeypatch):
    monkeypatch.setattr("fastglm.files.text.CSV_BLOCK", 2000)
    lines = [f"{i},,{i}," for i in range(500)] + [""] + [f"{i}.5,{i},{i},v{i % 3}" for i in range(500, 1000)]
    (tmp_path / "a.csv").write_text("\n".join(["a,b,c,d", *lines, ""]))
    with open_rows(tmp_path / "a.csv", scratch=spooled) as rows:
        oracle = csv.read_csv(tmp_path / "a.csv", convert_options=csv.ConvertOptions(strings_can_be_null=True))
        assert same(rows, oracle)
        assert rows.schema.types == oracle.schema.types


def test_only_the_columns_asked_for_are_copied(tmp_path, spooled):
    t = table(200).select(["x", "k", "s"])
    csv.write_csv(t, tmp_path / "a.csv")
    with open_rows(tmp_path / "a.csv", scratch=spooled, columns=["s", "x"]) as rows:
        assert same(rows, t.select(["s", "x"]))
    pq.write_table(t, tmp_path / "a.parquet")
    pq.write_table(t.drop_columns("k"), tmp_path / "b.parquet")
    rows = open_rows([tmp_path / "a.parquet", tmp_path / "b.parquet"], columns=["s", "x"])
    assert same(rows, pa.concat_tables([t, t]).select(["s", "x"]))


def streams(t):
    """The same rows as anything that is read once."""
    import duckdb
    import polars

    pieces = [t.slice(a, 70) for a in range(0, t.num_rows, 70)]
    yield "reader", lambda: t.to_reader(70)
    yield "record batches", lambda: iter(t.to_batches(70))
    yield "tables", lambda: (piece for piece in pieces)
    yield "pandas", lambda: (piece.to_pandas(types_mapper=pd.ArrowDtype) for piece in pieces)
    yield "polars", lambda: (polars.from_arrow(piece) for piece in pieces)
    yield "mappings", lambda: ({n: piece.column(n).to_pylist() for n in t.column_names} for piece in pieces)
    yield "callable", lambda: lambda: t.to_reader(70)
    yield "callable of frames", lambda: lambda: iter(pieces)
    yield "callable of a table", lambda: lambda: t
    yield "duckdb", lambda: from_duckdb(duckdb.connect().from_arrow(t))
    yield "filtered dataset", lambda: ds.dataset(t).filter(ds.field("b") | ~ds.field("b"))


@pytest.mark.parametrize("name", [name for name, _ in streams(table(1))])
def test_what_is_read_once(spooled, name):
    t = table(500)
    data = dict(streams(t))[name]()
    assert is_rows(data)
    with open_rows(data, scratch=spooled) as rows:
        assert read(rows).cast(t.schema).to_pydict() == t.to_pydict()
        assert [f.rows for f in rows.fragments] == [500]
        assert rows.fragments[0].label.endswith(", rows 0 to 499")
        rows.check_unchanged()
    assert list(spooled.iterdir()) == []


def test_duckdb_queries(spooled):
    import duckdb

    connection = duckdb.connect()
    connection.execute("create table t as select range as x, 'v' || (range % 3) as s from range(200000)")
    with open_rows(
        from_duckdb("select x * 2 as x, s from t where x >= 10 order by x", connection), scratch=spooled
    ) as r:
        got = read(r)
        assert got["x"].to_pylist() == list(range(20, 400000, 2))
        assert got["s"].to_pylist()[:3] == ["v1", "v2", "v0"]
        assert [f.rows for f in r.fragments] == [65536, 65536, 65536, 3382]


def test_frames_whose_types_differ_take_the_wider_one(spooled):
    frames = [{"x": [1, 2]}, {"x": [None, None]}, {"x": [0.5]}, {"x": np.array([7], np.int8)}]
    with open_rows(iter(frames), scratch=spooled) as rows:
        assert rows.schema.field("x").type == pa.float64()
        assert read(rows)["x"].to_pylist() == [1.0, 2.0, None, None, 0.5, 7.0]


def test_levels_keep_the_order_of_categories_and_are_shared(spooled):
    first = pd.DataFrame({"c": pd.Categorical(["hi", None], ["lo", "mid", "hi"], ordered=True)})
    with open_rows(iter([first, first]), scratch=spooled) as rows:
        batch = next(rows.batches(0, ["c"]))
        assert batch.column("c").dictionary.to_pylist() == ["lo", "mid", "hi"]
        assert batch.column("c").to_pylist() == ["hi", None, "hi", None] and rows.null_count(0, "c") == 2
        assert rows.schema.field("c").type.ordered


def test_too_many_levels_stay_text_on_disk(spooled, monkeypatch):
    monkeypatch.setattr("fastglm.files.spool.MOST_CODED_LEVELS", 100)
    monkeypatch.setattr("fastglm.files.spool.SPOOL_ROWS", 50)
    names = [f"id{i}" if i % 7 else None for i in range(400)]
    t = pa.table({"id": names, "x": np.arange(400.0)})
    with open_rows(t.to_reader(30), scratch=spooled) as rows:
        assert same(rows, t)
        assert {f.rows for f in rows.fragments} == {50}
        assert sum(rows.null_count(i, "id") for i in range(8)) == names.count(None)
        assert same(pickle.loads(pickle.dumps(rows)), t)


def test_datasets(tmp_path, spooled):
    t = table(400)
    for year in (2023, 2024):
        (tmp_path / "d" / f"year={year}").mkdir(parents=True)
        pq.write_table(t, tmp_path / "d" / f"year={year}" / "a.parquet", row_group_size=100)
    whole = ds.dataset(tmp_path / "d", partitioning="hive")
    cases = [whole, whole.filter(ds.field("year") == 2024), whole.filter(ds.field("x") > 0), ds.dataset([whole, whole])]
    for case in cases:
        with open_rows(case, scratch=spooled) as rows:
            expected = case.to_table()
            assert read(rows).select(expected.column_names).to_pydict() == expected.to_pydict()
    assert open_rows(whole, scratch=False).n_rows == 800  # read in place
    with open_rows(pq.ParquetFile(tmp_path / "d" / "year=2023" / "a.parquet"), scratch=spooled) as rows:
        assert same(rows, t)
    wider = whole.replace_schema(whole.schema.append(pa.field("new", pa.float64())))
    with open_rows(wider, scratch=spooled) as rows:
        assert read(rows, ["new"])["new"].null_count == 800


TYPES = [
    (pa.int32(), pa.int64(), pa.int64()),
    (pa.float32(), pa.float64(), pa.float64()),
    (pa.int64(), pa.float32(), pa.float64()),
    (pa.int8(), pa.uint8(), pa.int16()),
    (pa.string(), pa.large_string(), pa.string()),
    (pa.string(), pa.dictionary(pa.int8(), pa.string()), pa.string()),
    (pa.null(), pa.float64(), pa.float64()),
    (pa.timestamp("s"), pa.timestamp("us"), pa.timestamp("us")),
]


@pytest.mark.parametrize("kind", ["parquet", "feather"])
@pytest.mark.parametrize("a, b, wide", TYPES)
def test_columns_of_two_types_take_the_wider_one(tmp_path, kind, a, b, wide):
    values = ["1", None, "2"] if wide == pa.string() else [1, None, 2]
    values = [0, None, 7_000_000] if pa.types.is_timestamp(wide) else values
    write = pq.write_table if kind == "parquet" else feather.write_feather
    for name, t in (("a", a), ("b", b)):
        array = pa.nulls(3, t) if pa.types.is_null(t) else pa.array(values, wide).cast(t)
        write(pa.table({"y": [1.0, 2, 3], "v": array}), tmp_path / f"{name}.{kind}")
    rows = open_rows(tmp_path)
    if not (kind == "parquet" and pa.types.is_timestamp(a)):  # Parquet has no seconds
        assert rows.schema.field("v").type == wide
    got = read(rows, ["v"])["v"].cast(wide).to_pylist()
    first = [None] * 3 if pa.types.is_null(a) else pa.array(values, wide).to_pylist()
    assert got == first + pa.array(values, wide).to_pylist()


def test_dots_in_names_do_not_mix_columns(tmp_path):
    t = pa.table({"a.b": [1.0, 2], "a": [3.0, 4], "a.c": ["x", "y"]})
    pq.write_table(t, tmp_path / "a.parquet")
    rows = open_rows(tmp_path / "a.parquet")
    assert same(rows, t)
    assert read(rows, ["a"]).to_pydict() == {"a": [3.0, 4]}
    assert next(rows.batches(0, ["a"])).schema.names == ["a"]


def test_dictionaries_that_differ_between_row_groups(tmp_path):
    with pq.ParquetWriter(tmp_path / "a.parquet", pa.schema([("s", pa.string())])) as writer:
        for words in (["a", "b"], ["c", None, "a"], [None]):
            writer.write_table(pa.table({"s": pa.array(words, pa.string())}))
    assert read(open_rows(tmp_path / "a.parquet"))["s"].to_pylist() == ["a", "b", "c", None, "a", None]


def test_empty_pieces_are_left_out(tmp_path, spooled):
    t = table(10)
    with pq.ParquetWriter(tmp_path / "a.parquet", t.schema) as writer:
        for part in (t.slice(0, 0), t, t.slice(0, 0)):
            writer.write_table(part)
    pq.write_table(pa.table({"other": pa.array([], pa.string())}), tmp_path / "b.parquet")
    (tmp_path / "c.csv").write_text("z\n")
    (tmp_path / "d.csv").write_text("")
    with open_rows(tmp_path, scratch=spooled) as rows:
        assert same(rows, t) and len(rows.fragments) == 1


def test_what_counts_as_rows():
    for data in ("a.parquet", Path("x"), ["a", Path("b")], ("a",), iter([]), (x for x in []), lambda: None):
        assert is_rows(data), data
    frame = pd.DataFrame({"x": [1.0]})
    for data in (
        frame,
        pa.table({"x": [1]}),
        {"x": [1]},
        np.zeros(3),
        [],
        ["a", 1],
        [[1.0]],
        None,
        3,
        b"a",
        dict,
        frame.x,
    ):
        assert not is_rows(data), data


def test_the_fingerprint_is_json_and_tells_files_apart(tmp_path, spooled):
    t = table(100)
    pq.write_table(t, tmp_path / "a.parquet", row_group_size=60)
    csv.write_csv(t.select(t.column_names), tmp_path / "b.csv")
    rows = open_rows(tmp_path / "a.parquet")
    print_ = rows.fingerprint()
    status = (tmp_path / "a.parquet").stat()
    entry = {"path": str(tmp_path / "a.parquet"), "size": status.st_size, "mtime_ns": status.st_mtime_ns}
    entry["digest"] = print_["files"][0]["digest"]
    assert print_["files"] == [{**entry, "rows": [60, 40]}]
    assert print_["schema"][0] == ["x", "double"]
    assert json.loads(json.dumps(print_)) == print_ == pickle.loads(pickle.dumps(rows)).fingerprint()
    with open_rows(tmp_path / "b.csv", scratch=spooled) as one, open_rows(tmp_path / "b.csv", scratch=spooled) as two:
        assert one.fingerprint() == two.fingerprint() and str(spooled) not in json.dumps(one.fingerprint())
    pq.write_table(t, tmp_path / "a.parquet")
    assert open_rows(tmp_path / "a.parquet").fingerprint() != print_


def test_rows_are_taken_as_they_are(tmp_path):
    pq.write_table(table(10), tmp_path / "a.parquet")
    rows = open_rows(tmp_path / "a.parquet")
    assert isinstance(rows, Rows) and open_rows(rows) is rows and is_rows(rows)


def test_another_process_reads_a_pickled_copy(tmp_path, spooled):
    csv.write_csv(table(100).select(["x", "s"]), tmp_path / "a.csv")
    code = (
        "import pickle, sys; rows = pickle.load(sys.stdin.buffer)\n"
        "print(sum(b.num_rows for b in rows.batches(0, ['s', 'x']))); rows.close()"
    )
    with open_rows(tmp_path / "a.csv", scratch=spooled) as rows:
        run = [sys.executable, "-c", code]
        done = subprocess.run(run, input=pickle.dumps(rows), capture_output=True, cwd=ROOT, check=True, timeout=600)
        assert int(done.stdout) == 100
        assert rows.n_rows == sum(b.num_rows for b in rows.batches(0, ["x"]))


MEMORY = """
import resource, sys
import numpy as np
import pyarrow.parquet
from fastglm.files import open_rows

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

def read(path):
    with open_rows(path) as rows:
        parts = (b for i in range(len(rows.fragments)) for b in rows.batches(i, rows.names))
        return sum(sum(np.isfinite(c.to_numpy()).sum() for c in b.columns) for b in parts) // 20

def stream(n):
    batch = pyarrow.table({f"x{j}": np.arange(50_000.0) for j in range(20)}).to_batches()[0]
    return (batch for _ in range(n // 50_000))

big, small = sys.argv[1:] if len(sys.argv) == 3 else (stream(2_000_000), stream(50_000))
read(small)
before = peak()
print(read(big), peak() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ru_maxrss is in kilobytes on Linux only")
@pytest.mark.parametrize("kind", ["parquet", "arrow", "stream"])
def test_memory_does_not_grow_with_one_giant_piece(tmp_path, kind):
    x = np.random.default_rng(0).random(2_000_000)
    t = pa.table({f"x{j}": x for j in range(20)})
    paths = [str(tmp_path / f"{name}.{kind}") for name in ("big", "small")] if kind != "stream" else []
    for path, part in zip(paths, (t, t.slice(0, 1000)), strict=False):
        if kind == "parquet":
            pq.write_table(part, path, row_group_size=len(x), use_dictionary=False, compression="none")
        else:
            with pa.OSFile(path, "wb") as sink, pa.ipc.new_file(sink, part.schema) as writer:
                writer.write_table(part)
    done = subprocess.run([sys.executable, "-c", MEMORY, *paths], capture_output=True, text=True, cwd=ROOT, timeout=600)
    assert done.returncode == 0, done.stderr
    rows, extra = map(int, done.stdout.split())
    assert rows == len(x) and extra < 130e6  # the rows themselves are 320 MB


@pytest.mark.parametrize("skip", [0, 1, 700, 999])
def test_wide_row_groups_are_decoded_by_columns(tmp_path, monkeypatch, skip):
    rng, n = np.random.default_rng(1), 1_000
    late = [None if i == 800 else float(i) for i in range(n)]
    columns = {f"x{j}": rng.normal(size=n) for j in range(40)} | {"i": rng.integers(0, 9, n).astype("int16")}
    columns |= {"z": rng.choice(["a", "b", "c"], n), "late": late, "flag": rng.random(n) < 0.5}
    table = pa.table(columns)
    path = str(tmp_path / "wide.parquet")
    pq.write_table(table, path, data_page_size=100)
    with open_rows(path) as rows:
        expected = pa.Table.from_batches(rows.batches(0, rows.names, 64, skip))
        monkeypatch.setattr(parquet, "AT_ONCE_BYTES", 1)
        monkeypatch.setattr(parquet, "PAGES_BYTES", 1)
        found = pa.Table.from_batches(rows.batches(0, rows.names, 64, skip))
    assert found.to_pydict() == expected.to_pydict() == table.slice(skip).to_pydict()
