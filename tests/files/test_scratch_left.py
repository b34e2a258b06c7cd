"""Scratch folders of processes that were killed are removed by the next one; those of living ones are not."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fastglm
from fastglm.files import open_rows, spool

pa = pytest.importorskip("pyarrow", reason="reads files")
ROOT = Path(fastglm.__file__).parents[1]
pytestmark = pytest.mark.skipif(os.name != "posix", reason="processes are looked up on POSIX only")
COPYING = """
import sys
from fastglm.files import open_rows, spool
plain = spool._Writer.write
def write(self, batch):
    plain(self, batch)
    print("copying", flush=True)
    sys.stdin.readline()
spool._Writer.write = write
open_rows(sys.argv[1], scratch=sys.argv[2])
"""


@pytest.fixture
def path(tmp_path):
    from pyarrow import csv

    path = tmp_path / "rows.csv"
    csv.write_csv(pa.table({"x": np.arange(1000.0), "y": np.arange(1000)}), path)
    (tmp_path / "scratch").mkdir()
    return path


def left(path):
    return sorted(os.listdir(path.parent / "scratch"))


def copying(path):
    """A process in the middle of a copy."""
    command = [sys.executable, "-c", COPYING, str(path), str(path.parent / "scratch")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, **pipes)
    assert process.stdout.readline() == "copying\n"
    return process


def test_what_a_killed_process_left_is_removed(path):
    killed, living = copying(path), copying(path)
    try:
        assert len(left(path)) == 2
        killed.kill()
        killed.communicate()
        assert len(left(path)) == 2
        with open_rows(path, scratch=path.parent / "scratch") as rows:
            assert rows.n_rows == 1000
            numbers = {int(name.split("-")[3]) for name in left(path)}
            assert numbers == {living.pid, os.getpid()}
        assert [int(name.split("-")[3]) for name in left(path)] == [living.pid]
    finally:
        living.communicate()
    assert living.returncode == 0 and left(path) == []


def test_other_folders_stay(path):
    scratch = path.parent / "scratch"
    mine = f"{spool.OWN}{spool.host()}-"
    names = ["fastglm-old", f"{spool.OWN}ffffffff-1-x", f"{mine}{os.getpid()}-x", f"{mine}1-x", f"{mine}no-x", "data"]
    for name in names:
        (scratch / name).mkdir()
    gone = next(number for number in range(2**22, 2**21, -1) if not spool.process_exists(number))
    (scratch / f"{mine}{gone}-x").mkdir()
    open_rows(path, scratch=scratch).close()
    assert left(path) == sorted(names)
