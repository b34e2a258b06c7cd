"""Files that are damaged, unlike each other, gone or changed, and disks without room: one line that names them."""

import errno
import gc
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import fastglm
from fastglm.errors import FileFormatError, InvalidParameterError
from fastglm.files import from_duckdb, open_rows

pa = pytest.importorskip("pyarrow")
import pyarrow.parquet as pq  # noqa: E402
from pyarrow import csv, feather  # noqa: E402

ROOT = Path(fastglm.__file__).parents[1]
LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits and permissions of Linux")


def refused(match, error=FileFormatError):
    """One line that matches."""
    return pytest.raises(error, match=f"(?s)^(?!.*\n).*{match}")


def table(n=1000, names=("x", "z")):
    rng = np.random.default_rng(0)
    return pa.table({name: rng.normal(size=n) for name in names} | {"s": np.array(["a", "b"])[rng.integers(0, 2, n)]})


def read(rows, columns=None):
    return sum(b.num_rows for i in range(len(rows.fragments)) for b in rows.batches(i, columns or rows.names))


@pytest.fixture
def spooled(tmp_path):
    """A folder for scratch files, which has to be empty in the end."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    yield folder
    assert list(folder.iterdir()) == []


def test_what_is_not_there(tmp_path):
    (tmp_path / "empty" / "_hidden").mkdir(parents=True)
    (tmp_path / "empty" / ".a.parquet").write_bytes(b"")
    with refused("no/a.parquet: no such file"):
        open_rows(tmp_path / "no" / "a.parquet")
    with refused(r"\*.parquet: no file matches this pattern"):
        open_rows(f"{tmp_path}/*.parquet")
    with refused("empty: there is no file in it"):
        open_rows(tmp_path / "empty")
    with refused("nosuch://a.parquet", InvalidParameterError):
        open_rows("nosuch://a.parquet")
    with refused("memory://nowhere/a.parquet: no such file"):
        open_rows("memory://nowhere/a.parquet")
    with refused("no file matches this pattern"):
        open_rows("memory://nowhere/*.parquet")


def test_what_is_no_data(tmp_path):
    (tmp_path / "notes.txt").write_text("hello there")
    with refused(r"notes.txt: cannot tell the format .*\.parquet"):
        open_rows(tmp_path)
    (tmp_path / "a.arrow").write_text("hello there")
    with refused("a.arrow: cannot be read: it does not begin as"):
        open_rows(tmp_path / "a.arrow")
    pq.write_table(table(), tmp_path / "a.parquet")
    with refused("is given twice", InvalidParameterError):
        open_rows([tmp_path / "a.parquet", f"{tmp_path}/*.parquet"])
    for data in ({"x": [1]}, np.zeros(3), 7, [], None):
        with refused(f"data of type {type(data).__name__} are not files", InvalidParameterError):
            open_rows(data)
    with refused("columns='x' must be a list", InvalidParameterError):
        open_rows(tmp_path / "a.parquet", columns="x")


def test_columns_that_are_not_there(tmp_path, spooled):
    pq.write_table(table(names=("income", "age")), tmp_path / "a.parquet")
    rows = open_rows(tmp_path / "a.parquet")
    for call in (
        lambda: next(rows.batches(0, ["incme"])),
        lambda: rows.null_count(0, "incme"),
        lambda: rows.bounds(0, "incme"),
        lambda: rows.nbytes(["incme"]),
        lambda: open_rows(tmp_path / "a.parquet", columns=["incme"]),
        lambda: open_rows(table(names=("income",)).to_reader(), columns=["incme"], scratch=spooled),
    ):
        with refused("column 'incme' is not in .*did you mean 'income'", InvalidParameterError):
            call()


@pytest.mark.parametrize("cut", [0, 3, 200, -1, -20])
def test_truncated_parquet_files(tmp_path, cut):
    pq.write_table(table(), tmp_path / "a.parquet")
    whole = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "a.parquet").write_bytes(whole[:cut])
    with refused("a.parquet: cannot be read: "):
        open_rows(tmp_path / "a.parquet")


@pytest.mark.parametrize("where", ["header", "values"])
def test_a_damaged_page_is_named_by_file_row_group_and_column(tmp_path, where):
    path = tmp_path / "a.parquet"
    pq.write_table(table(), path, row_group_size=300, use_dictionary=False, write_page_checksum=where == "values")
    chunk = pq.read_metadata(path).row_group(2).column(1)
    at = chunk.data_page_offset + (chunk.total_compressed_size // 2 if where == "values" else 0)
    data, status = bytearray(path.read_bytes()), path.stat()
    data[at : at + 40] = b"\xff" * 40
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    rows = open_rows(path)
    assert sum(b.num_rows for b in rows.batches(1, ["x", "z"])) == 300
    assert sum(b.num_rows for b in rows.batches(2, ["x", "s"])) == 300
    with refused("a.parquet, row group 2, column 'z': cannot be read: "):
        list(rows.batches(2, ["x", "z", "s"]))


def test_damage_anywhere_is_an_error_or_is_in_the_values_alone(tmp_path):
    t = table(400)
    pq.write_table(t, tmp_path / "whole.parquet", compression="snappy", row_group_size=200, write_page_checksum=True)
    whole = bytearray((tmp_path / "whole.parquet").read_bytes())
    rng = np.random.default_rng(0)
    refusals = 0
    for k in range(80):
        data = whole.copy()
        for at in rng.integers(4, len(whole) - 8, 3):
            data[at] ^= 1 << rng.integers(8)
        (tmp_path / "a.parquet").write_bytes(data)
        try:
            assert read(open_rows(tmp_path / "a.parquet")) == 400
        except InvalidParameterError as error:
            assert "a.parquet" in str(error) or "no rows" in str(error), k
            refusals += 1
    assert refusals > 50


def test_truncated_arrow_and_packed_files(tmp_path, spooled):
    feather.write_feather(table(), tmp_path / "a.feather")
    whole = (tmp_path / "a.feather").read_bytes()
    for cut in (7, 500, -1):
        (tmp_path / "a.feather").write_bytes(whole[:cut])
        with refused("a.feather: cannot be read: "):
            open_rows(tmp_path / "a.feather")
    with pa.CompressedOutputStream(str(tmp_path / "a.csv.gz"), "gzip") as handle:
        csv.write_csv(table(), handle)
    whole = (tmp_path / "a.csv.gz").read_bytes()
    (tmp_path / "a.csv.gz").write_bytes(whole[: len(whole) // 2])
    with refused("a.csv.gz: cannot be read: "):
        open_rows(tmp_path / "a.csv.gz", scratch=spooled)
    with pa.OSFile(str(tmp_path / "a.arrows"), "wb") as sink, pa.ipc.new_stream(sink, table().schema) as writer:
        writer.write_table(table())
    whole = (tmp_path / "a.arrows").read_bytes()
    (tmp_path / "a.arrows").write_bytes(whole[: len(whole) // 2])
    with refused("a.arrows: cannot be read: "):
        open_rows(tmp_path / "a.arrows", scratch=spooled)


@pytest.mark.parametrize("kind", ["parquet", "feather", "csv"])
def test_files_that_differ_are_both_named_with_the_column(tmp_path, spooled, kind):
    write = {"parquet": pq.write_table, "feather": feather.write_feather, "csv": csv.write_csv}[kind]

    def refuse(first, second, match):
        write(pa.table(first), tmp_path / f"a.{kind}")
        write(pa.table(second), tmp_path / f"b.{kind}")
        with refused(match), open_rows([tmp_path / f"{name}.{kind}" for name in "ab"], scratch=spooled) as rows:
            read(rows)  # all columns; one that nobody asks for may differ

    refuse({"x": [1], "z": [2]}, {"x": [1]}, rf"a.{kind} has a column 'z', .*b.{kind} has not")
    refuse({"x": [1]}, {"x": [1], "z": [2]}, rf"b.{kind} has a column 'z', .*a.{kind} has not")
    refuse({"x": [1]}, {"x": ["one"]}, rf"column 'x' is int64 in .*a.{kind} and text in .*b.{kind}")
    refuse({"x": [True]}, {"x": [1.5]}, rf"column 'x' is bool in .*a.{kind} and double in .*b.{kind}")


def test_repeated_names(tmp_path, spooled):
    t = pa.table([[1], [2]], names=["x", "x"])
    pq.write_table(t, tmp_path / "a.parquet")
    (tmp_path / "a.csv").write_text("x,x\n1,2\n")
    for data in (tmp_path / "a.parquet", tmp_path / "a.csv", t.to_reader()):
        with refused("several columns are named 'x'"):
            open_rows(data, scratch=spooled)


def test_values_that_the_wider_type_does_not_hold(tmp_path):
    pq.write_table(pa.table({"x": [2**60 + 1]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"x": [0.5]}), tmp_path / "b.parquet")
    with refused("a.parquet, row group 0: column 'x' as double: .*"):
        read(open_rows(tmp_path))


def test_data_without_rows(tmp_path, spooled):
    pq.write_table(table(0), tmp_path / "a.parquet")
    (tmp_path / "b.csv").write_text("x,z\n")
    with refused("the data have no rows: all files are empty"):
        open_rows(tmp_path, scratch=spooled)
    used = (t for t in [table()])
    list(used)
    reader = table().to_reader()
    reader.read_all()
    for data in (used, reader, iter([])):
        with refused("the data have no rows: .*read before .*callable"):
            open_rows(data, scratch=spooled)


@pytest.mark.parametrize("kind", ["parquet", "feather"])
def test_a_file_that_changes_after_it_was_opened(tmp_path, kind):
    write = pq.write_table if kind == "parquet" else feather.write_feather
    path = tmp_path / f"a.{kind}"
    write(table(), path)
    rows = open_rows(path)
    rows.check_unchanged()
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    for call in (rows.check_unchanged, lambda: read(rows)):
        with refused(f"a.{kind}: the file was changed after it was opened"):
            call()
    rows = open_rows(path)
    batches = rows.batches(0, ["x"], rows=100)
    next(batches)
    path.write_bytes(path.read_bytes()[:-100] + b"\0" * 100)
    with refused(f"a.{kind}: the file was changed after it was opened"):
        list(batches)
    path.unlink()
    for call in (rows.check_unchanged, lambda: read(rows)):
        with refused(f"a.{kind}: the file was removed after it was opened"):
            call()


def test_scratch_files_that_are_gone(tmp_path):
    rows = open_rows(table().to_reader(), scratch=tmp_path)
    rows.close()
    with refused("removed after it was opened"):
        read(rows)


@LINUX
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may read everything")
def test_files_that_may_not_be_read(tmp_path):
    pq.write_table(table(), tmp_path / "a.parquet")
    (tmp_path / "a.parquet").chmod(0)
    with refused("a.parquet: no permission to read it"):
        open_rows(tmp_path / "a.parquet")


@pytest.mark.parametrize("name", ["a.parquet", "a.feather", "a.csv"])
def test_permission_refused(tmp_path, spooled, monkeypatch, name):
    write = {"parquet": pq.write_table, "feather": feather.write_feather, "csv": csv.write_csv}[name[2:]]
    write(table(), tmp_path / name)
    rows = open_rows(tmp_path / name, scratch=spooled)

    def deny(*args, **kwargs):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(pa, "OSFile", deny)
    monkeypatch.setattr(pa, "memory_map", deny)
    with refused(f"{name}: no permission to read it" if name != "a.csv" else "no permission to read it"):
        read(rows)
    with refused(f"{name}: no permission to read it"):
        open_rows(tmp_path / name, scratch=spooled)
    rows.close()


def test_csv_lines_and_values_that_do_not_fit(tmp_path, spooled, monkeypatch):
    monkeypatch.setattr("fastglm.files.text.CSV_BLOCK", 500)
    path = tmp_path / "a.csv"
    path.write_text("x,k\n" + "0.5,1\n" * 1000 + "0.5,many\n" + "0.5,2\n" * 10)
    with refused("a.csv: column 'k' is int64 in its first rows, but 'many' stands in line 1002; .*Parquet"):
        with open_rows(path, scratch=spooled) as rows:
            read(rows)
    path.write_text("x,k\n" + "0.5,1\n" * 1000 + "0.5\n")
    with refused("a.csv: cannot be read: .*Row #1002: Expected 2 columns, got 1"):
        open_rows(path, scratch=spooled)
    path.write_bytes(b"x,k\n0.5,caf\xe9\n")
    with refused("a.csv: column 'k' is not UTF-8"):
        with open_rows(path, scratch=spooled) as rows:
            read(rows)


def test_streams_that_do_not_fit(spooled):
    def cases():
        yield [{"x": [1]}, {"x": ["a"]}], "the iterator, batch 1: column 'x' is text, and int64 in the batches before"
        yield [{"x": [1]}, {"z": [1]}], "the iterator, batch 1: column '[xz]' is not in all batches"
        yield [{"x": [1]}, (1, 2)], "the iterator, item 1 is of type tuple; frames"

    for frames, match in cases():
        with refused(match, InvalidParameterError):
            open_rows(iter(frames), scratch=spooled)
    with refused("what the callable returned is of type int", InvalidParameterError):
        open_rows(lambda: 7, scratch=spooled)


def test_errors_of_the_callers_own_pass_through(spooled):
    def frames():
        yield {"x": [1.0]}
        raise RuntimeError("the caller's own")

    with pytest.raises(RuntimeError, match="the caller's own"):
        open_rows(frames(), scratch=spooled)


def test_duckdb_queries_that_fail(spooled):
    pytest.importorskip("duckdb")
    cases = [("select nothing", "the DuckDB query failed: .*nothing"), ("create temp table t_ (x int)", "no rows")]
    for query, match in cases:
        with refused(match, InvalidParameterError):
            open_rows(from_duckdb(query), scratch=spooled)
    with refused("SQL text or a DuckDB relation, not int", InvalidParameterError):
        from_duckdb(7)


def test_scratch_that_is_refused_or_impossible(tmp_path):
    with refused("the iterator can be read only once .*scratch=False", InvalidParameterError):
        open_rows(iter([{"x": [1]}]), scratch=False)
    with refused("scratch='.*nowhere': no file can be made: No such file", InvalidParameterError):
        open_rows(iter([{"x": [1]}]), scratch=tmp_path / "nowhere")
    with refused("scratch=3 must be", InvalidParameterError):
        open_rows(iter([{"x": [1]}]), scratch=3)
    pq.write_table(table(), tmp_path / "a.parquet")
    assert open_rows(tmp_path / "a.parquet", scratch=False).n_rows == 1000


FULL = """
import os, resource, signal, sys
import numpy as np
from fastglm.errors import FileFormatError
from fastglm.files import open_rows
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, 1_500_000))
data = sys.argv[1] if len(sys.argv) > 2 else ({"x": np.zeros(65536)} for _ in range(8))
try:
    open_rows(data, scratch=sys.argv[-1])
except FileFormatError as error:
    print(error)
print(os.listdir(sys.argv[-1]))
"""


@LINUX
@pytest.mark.parametrize("source", ["csv", "iterator"])
def test_no_room_for_the_scratch_file(tmp_path, spooled, source):
    np.savetxt(tmp_path / "a.csv", np.arange(400_000) % 10, "%d", header="x", comments="")
    args = [str(tmp_path / "a.csv")] * (source == "csv") + [str(spooled)]
    done = subprocess.run([sys.executable, "-c", FULL, *args], capture_output=True, text=True, cwd=ROOT, timeout=600)
    message, left = done.stdout.splitlines()
    assert left == "[]", done.stderr
    label = re.escape(str(tmp_path / "a.csv")) if source == "csv" else "the iterator"
    assert re.match(rf"no room for the scratch file of {label} in {re.escape(str(spooled))} \(", message), message
    assert re.search(r"after 0.001\d+ GB and \d+ rows", message) and message.endswith("scratch='other/dir'")
    assert ("needs about 0.00" in message) == (source == "csv")


def test_a_full_disk(spooled, monkeypatch):
    def full(self, batch):
        raise OSError(errno.ENOSPC, "Error writing bytes to file")

    monkeypatch.setattr("fastglm.files.spool._Writer.write", full)
    with refused(r"no room for the scratch file of the iterator in .*scratch \(No space left"):
        open_rows(iter([{"x": [1]}]), scratch=spooled)


def test_an_interrupt_leaves_nothing_behind(spooled):
    def frames():
        for _ in range(3):
            yield {"x": np.zeros(65536)}
        assert any(spooled.rglob("*.arrow"))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_rows(frames(), scratch=spooled)
    assert list(spooled.iterdir()) == []


def test_rows_that_are_forgotten_leave_nothing_behind(spooled):
    rows = open_rows(iter([{"x": [1.0]}]), scratch=spooled)
    assert len(list(spooled.iterdir())) == 1
    del rows
    gc.collect()
    assert list(spooled.iterdir()) == []


@LINUX
def test_a_process_that_ends_leaves_nothing_behind_and_one_it_forked_leaves_everything(spooled):
    code = (
        "import os, sys; from fastglm.files import open_rows\n"
        "rows = open_rows(iter([{'x': [1.0, 2.0]}]), scratch=sys.argv[1])\n"
        "if os.fork() == 0:\n    rows.close(); del rows; os._exit(0)\n"
        "os.wait(); print(next(rows.batches(0, ['x'])).num_rows, len(os.listdir(sys.argv[1])))"
    )
    run = [sys.executable, "-c", code, str(spooled)]
    done = subprocess.run(run, capture_output=True, text=True, cwd=ROOT, timeout=600)
    assert done.stdout.split() == ["2", "1"], done.stderr


@pytest.mark.parametrize("module, name", [(os, "mkdir"), (shutil, "rmtree")])
def test_an_interrupt_when_the_folder_is_just_there_or_about_to_go(spooled, monkeypatch, module, name):
    plain, calls = getattr(module, name), []

    def interrupted(path, *args, **options):
        calls.append(path)
        if name == "mkdir" or len(calls) > 1:
            plain(path, *args, **options)
        if len(calls) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(module, name, interrupted)
    with pytest.raises(KeyboardInterrupt):
        open_rows(iter([{"x": [1.0, 2.0]}]), scratch=spooled).close()
    assert Path(calls[0]).parent == spooled


@LINUX
def test_ctrl_c_while_a_csv_file_is_copied(tmp_path, spooled):
    np.savetxt(tmp_path / "a.csv", np.zeros((200_000, 6)), "%.6f", delimiter=",", header="a,b,c,d,e,f", comments="")
    code = (
        "import sys; from fastglm.files import open_rows; print('ready', flush=True)\n"
        "while True: open_rows(sys.argv[1], scratch=sys.argv[2])"
    )
    run = [sys.executable, "-c", code, str(tmp_path / "a.csv"), str(spooled)]
    with subprocess.Popen(run, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        process.stdout.readline()
        while process.poll() is None and not list(spooled.iterdir()):
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        assert "KeyboardInterrupt" in process.communicate(timeout=600)[1]
