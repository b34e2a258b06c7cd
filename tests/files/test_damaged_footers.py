"""Parquet footers with a flipped bit: an error or the rows, but never the end of the process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import fastglm

pytest.importorskip("pyarrow", reason="reads Parquet files")
ROOT = Path(fastglm.__file__).parents[1]
FLIPS = 2000
CODE = """
import sys, pathlib
import numpy as np, pyarrow as pa, pyarrow.parquet as pq
from fastglm.errors import FastGLMError
from fastglm.files import open_rows

rng, n = np.random.default_rng(0), 900
g = pa.array(rng.choice(list("abc"), n))
table = pa.table({"y": rng.poisson(1, n), "x": rng.normal(size=n), "g": g, "h": g.dictionary_encode()})
path, good = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[1] + ".good")
pq.write_table(table, good, row_group_size=300, write_page_checksum=True)
whole = good.read_bytes()
length = int.from_bytes(whole[-8:-4], "little")
outcomes = {"read": 0, "refused": 0}
flips = range(8 * length) if sys.argv[2] == "all" else rng.choice(8 * length, int(sys.argv[2]), replace=False).tolist()
for flip in flips:
    damaged = bytearray(whole)
    damaged[len(whole) - 8 - length + flip // 8] ^= 1 << flip % 8
    path.write_bytes(damaged)
    print(flip, file=sys.stderr)
    try:
        with open_rows(path) as rows:
            for i in range(len(rows.fragments)):
                for name in rows.names:
                    rows.null_count(i, name), rows.bounds(i, name), rows.nbytes([name])
                for batch in rows.batches(i, rows.names):
                    batch.validate(full=True)
        outcomes["read"] += 1
    except (FastGLMError, pa.ArrowInvalid):
        outcomes["refused"] += 1
print(outcomes["read"], outcomes["refused"])
"""


def test_no_flipped_bit_ends_the_process(tmp_path):
    code = [sys.executable, "-c", CODE, str(tmp_path / "rows.parquet"), str(FLIPS)]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(code, capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr[-2000:]
    read, refused = map(int, done.stdout.split())
    assert read + refused == FLIPS and read > 20 and refused > 20
