"""The measurements behind ``fastglm/core/measured.py``: ``python -m benchmarks.constants [name ...]``.

Every function prints a table from which a constant was read, in one thread unless it says otherwise. Times are medians
of repeats. Processors differ: what matters is where a table turns, not its values.
"""

from __future__ import annotations

import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

REPEATS = 7


def seconds(work, *arguments) -> float:
    """The median time of some calls, after one that compiles."""
    work(*arguments)
    times = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        work(*arguments)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def rows(n, p, threads=1, block=None):
    """A Poisson deviance over n rows of p columns and an intercept."""
    from fastglm import families, links
    from fastglm.kernels.row_loops import FamilyLink
    from fastglm.objective.base import Deviance
    from fastglm.source.base import Block
    from fastglm.source.in_memory import InMemory

    rng = np.random.default_rng(p)
    X = rng.normal(size=(n, p)) / np.sqrt(p)
    data = Block(X, True, rng.poisson(1.0, n).astype(float), None, None, None, None)
    return Deviance(InMemory(data, threads, block=block), FamilyLink(families.Poisson(), links.Log()))


def passes():
    """Nanoseconds a row of a pass with curvature and without, and the least squares fit of a + b p + c p^2."""
    found = []
    for p in (2, 5, 10, 20, 40, 80, 120, 150):
        n = 4_000_000 // (p + 20)
        objective, beta = rows(n, p), np.zeros(p + 1)
        full, score = (seconds(objective.at, beta, order) / n * 1e9 for order in (2, 1))
        found.append((p + 1, full))
        print(f"{p + 1:4d} columns  {full:8.1f} ns with curvature  {score:8.1f} ns without")
    m, times = np.array(found).T
    fitted = np.linalg.lstsq(np.column_stack([np.ones_like(m), m, m**2]) / times[:, None], np.ones_like(m), rcond=None)
    print("a, b, c =", np.round(fitted[0], 3))


def steps():
    """Nanoseconds a row of a pass for the deviances at several sizes of a step."""
    objective, beta = rows(200_000, 20), np.zeros(21)
    for count in (1, 2, 4, 8, 12):
        sizes = 0.5 ** np.arange(count)
        took = seconds(objective.along, beta, np.ones(21) / 100, sizes)
        print(f"{count:3d} sizes  {took / 200_000 * 1e9:8.1f} ns")


def blocks():
    """Nanoseconds a row of a pass with curvature, by the rows of a block."""
    for p in (5, 20, 100):
        n = 8_000_000 // (p + 20)
        for block in (64, 128, 256, 512, 1024, 2048, 4096, 8192):
            objective, beta = rows(n, p, block=block), np.zeros(p + 1)
            kib, took = block * (p + 1) * 8 / 1024, seconds(objective.at, beta, 2)
            print(f"p={p:4d}  block {block:5d} ({kib:7.0f} KiB)  {took / n * 1e9:8.1f} ns")


def units():
    """Microseconds of a pass over one unit, and over two units by two threads: when a second unit pays."""
    for n in (1024, 2048, 4096, 8192, 16_384, 65_536):
        one, two = (rows(n, 10, threads) for threads in (1, 2))
        alone, shared = (seconds(each.at, np.zeros(11), 2) * 1e6 for each in (one, two))
        print(f"{n:6d} rows  one thread {alone:8.1f} us  two {shared:8.1f} us, {len(two.source.units)} units")


def parquet(folder, n=1_000_000, p=20):
    """A Parquet file of n rows and p columns of numbers beside y."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng, path = np.random.default_rng(0), Path(folder, f"{n}x{p}.parquet")
    columns = {f"x{j}": np.round(rng.normal(size=n), 6) for j in range(p)} | {"y": rng.poisson(1.0, n).astype(float)}
    pq.write_table(pa.table(columns), path, row_group_size=131_072)
    return path


def files():
    """Nanoseconds a number to read a Parquet file once, and to read and keep it, by the bytes of a batch."""
    from fastglm.files import open_rows
    from fastglm.rows import reader
    from fastglm.rows.request import FitRequest
    from fastglm.rows.stored import open_stored

    with tempfile.TemporaryDirectory() as folder:
        path = parquet(folder)
        numbers = 1_000_000 * 21
        for size in (1 << 20, 4 << 20, 16 << 20, 32 << 20, 128 << 20):
            reader.BATCH_BYTES = size
            with open_rows(path) as found:
                request = FitRequest(data=path, y="y", family="poisson", threads=1, memory=0)
                source = open_stored(request, found)[1]
                read, kept = (seconds(work, source) / numbers * 1e9 for work in (count, type(source).gather))
            print(f"batches of {size >> 20:4d} MiB  {read:6.2f} ns to read  {kept:6.2f} ns to keep")


def count(source):
    """Read all rows once."""
    return sum(len(block.y) for block in source.blocks())


def text():
    """Seconds to read a CSV file once, by the bytes of a block."""
    import pyarrow as pa
    import pyarrow.csv as csv

    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rows.csv")
        csv.write_csv(pa.table({f"x{j}": np.round(rng.normal(size=300_000), 6) for j in range(20)}), path)
        for size in (1 << 18, 1 << 20, 4 << 20, 16 << 20, 64 << 20):
            options = csv.ReadOptions(use_threads=False, block_size=size)
            took = seconds(lambda options: sum(b.num_rows for b in csv.open_csv(path, read_options=options)), options)
            print(f"blocks of {size / 2**20:6.2f} MiB  {path.stat().st_size / took / 1e6:7.1f} MB/s")


def groups():
    """Seconds to decode a row group of 64 MiB at once, and batch by batch."""
    import pyarrow.parquet as pq

    with tempfile.TemporaryDirectory() as folder, pq.ParquetFile(parquet(folder, 131_072, 63)) as file:
        whole = seconds(lambda: file.read_row_group(0, use_threads=False).to_batches(8192))
        turns = seconds(lambda: sum(b.num_rows for b in file.iter_batches(8192, row_groups=[0], use_threads=False)))
    print(f"at once {whole:.3f} s, by batches {turns:.3f} s")


def factors():
    """Seconds of a Cholesky factorisation a multiplication m^3, and of a pass over 10^5 rows beside it."""
    from fastglm.linalg.symmetric import Dense

    for m in (200, 500, 1000, 2000, 3000):
        A = np.eye(m) * m + np.random.default_rng(0).normal(size=(m, m))
        A = A @ A.T
        took = seconds(Dense(A).factor, np.ones(m))
        print(f"{m:5d} coefficients  {took:7.3f} s  {took / m**3:.1e} s a multiplication")


def streams():
    """Nanoseconds a row of a stream, by the rows that are learned in one step."""
    import fastglm
    from fastglm.online import online_glm

    rng = np.random.default_rng(0)
    X = rng.normal(size=(200_000, 10))
    y = rng.poisson(np.exp(0.1 * X[:, 0])).astype(float)
    for size in (256, 1024, 4096, 16_384, 65_536):
        online_glm.STREAM_ROWS = size
        took = seconds(lambda: fastglm.OnlineGLM("poisson").partial_fit(X[:5000], y[:5000]).partial_fit(X, y))
        print(f"{size:6d} rows a step  {took / 200_000 * 1e9:7.1f} ns a row")


def cells():
    """Nanoseconds a row to group rows into cells, by the rows whose keys are made at a time."""
    from fastglm import families, links
    from fastglm.kernels.row_loops import FamilyLink
    from fastglm.source import covariate_cells
    from fastglm.source.base import Block

    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 6, (1_000_000, 4)).astype(float), rng.poisson(1.0, 1_000_000).astype(float)
    data, pair = Block(X, True, y, None, None, None, None), FamilyLink(families.Poisson(), links.Log())
    for size in (1 << 10, 1 << 12, 1 << 14, 1 << 16, 1 << 18):
        covariate_cells.GROUPED_ROWS, covariate_cells.ONES = size, np.ones(size)
        took = seconds(lambda: covariate_cells.CellGrouping(data, pair, 1 << 20).add(data))
        print(f"{size:7d} rows at a time  {took / 1e6 * 1e9:7.1f} ns a row")


def process():
    """The memory of a process that has imported the library and fitted once, and the time of a small fit."""
    import fastglm

    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(1000, 4)), rng.poisson(1.0, 1000)
    took = seconds(lambda: fastglm.fit(X, y, family="poisson"))
    print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB, a small fit {took * 1e3:.2f} ms")


MEASUREMENTS = (process, passes, steps, blocks, units, files, text, groups, factors, streams, cells)


if __name__ == "__main__":
    chosen = sys.argv[1:] or [work.__name__ for work in MEASUREMENTS]
    for work in MEASUREMENTS:
        if work.__name__ in chosen:
            print(f"\n{work.__name__}: {work.__doc__}")
            work()
