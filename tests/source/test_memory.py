"""The memory a fit needs beyond its arguments, measured as the peak of a process of its own."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fastglm

ROOT = Path(fastglm.__file__).parents[1]
SCRIPT = """
import resource, sys
import numpy as np
import fastglm

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

n, p, dtype, order, family = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4], sys.argv[5]
rng = np.random.default_rng(0)
X = np.empty((n, p), dtype=dtype, order=order)
y = np.empty(n, dtype="int8")
for a in range(0, n, 20_000):
    X[a : a + 20_000] = rng.integers(-3, 4, size=X[a : a + 20_000].shape)
    y[a : a + 20_000] = rng.poisson(1.0, size=len(y[a : a + 20_000])) > 0
small = fastglm.fit(X[:30_000], y[:30_000], family=family)  # compiled and every library loaded
before = peak()
result = fastglm.fit(X, y, family=family)
assert result.converged
print(peak() - before, X.nbytes)
"""


LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="peaks are read as Linux writes them")


@LINUX
@pytest.mark.parametrize(
    "n, p, dtype, order",
    [
        (1_000_000, 15, "float64", "C"),
        (1_000_000, 15, "float64", "F"),
        (1_000_000, 15, "float32", "C"),
        (2_000_000, 30, "int8", "C"),
    ],
)
def test_a_fit_needs_little_beside_x(n, p, dtype, order):
    command = [sys.executable, "-c", SCRIPT, str(n), str(p), dtype, order, "binomial"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=600)
    assert done.returncode == 0, done.stderr
    extra, x = map(int, done.stdout.split())
    # a tenth of X, and what the matrices of size p and the blocks of two threads need however short X is
    assert extra <= 0.1 * x + 16e6


MAPPED = """
import sys
import numpy as np
import fastglm

M = np.memmap(sys.argv[1], mode="r", dtype="f8", shape=(int(sys.argv[2]), 21))
result = fastglm.fit(M[:, 1:], M[:, 0], family="poisson")
assert result.converged
# of this program alone: what getrusage says has the parent's before it in it
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""

FILES = """
import sys
import fastglm

terms = " + ".join(f"x{j}" for j in range(20))
result = fastglm.glm(f"y ~ {terms}", sys.argv[1], family=sys.argv[3], threads=2, solver=sys.argv[2])
assert result.converged
# of this program alone: what getrusage says has the parent's before it in it
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def peak_of(script, *arguments):
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    return 1024 * int(done.stdout)


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    table = rng.normal(size=(500_000, 21)) * 0.2
    table[:, 0] = rng.poisson(np.exp(table[:, 1] - 1.0))
    return table


@LINUX
def test_pages_of_a_mapped_file_are_given_back(rows, tmp_path):
    path, copies = tmp_path / "rows.f8", 5
    with open(path, "wb") as file:
        for _ in range(copies):
            rows.tofile(file)
    # 420 MB of rows
    assert peak_of(MAPPED, path, copies * len(rows)) <= 300e6


@LINUX
@pytest.mark.parametrize(
    "group, solver",
    [
        (250_000, "auto"),
        (3_000_000, "stream"),
        pytest.param(250_000, "stream", marks=pytest.mark.slow),
        pytest.param(3_000_000, "auto", marks=pytest.mark.slow),
    ],
)
def test_files_of_any_length_fit_in_a_gibibyte(rows, tmp_path, group, solver):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    table = pa.table({"y": rows[:, 0]} | {f"x{j}": rows[:, j + 1] for j in range(20)})
    path = tmp_path / "rows.parquet"
    with pq.ParquetWriter(path, table.schema, use_dictionary=False) as writer:
        for _ in range(6 * len(rows) // group):
            writer.write_table(pa.concat_tables([table] * max(1, group // len(rows))).slice(0, group), group)
    assert peak_of(FILES, path, solver, "poisson") < 2**30


@LINUX
def test_a_wide_row_group_fits_in_a_gibibyte(tmp_path):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    rng = np.random.default_rng(0)
    columns = {f"x{j}": rng.normal(size=40_000) * 0.1 for j in range(600)}
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"y": rng.poisson(np.exp(columns["x0"] - 1.0))} | columns), path, use_dictionary=False)
    script = FILES.replace("range(20)", "range(600)").replace("solver=", "memory=0, solver=")
    assert peak_of(script, path, "auto", "gaussian") < 2**30
