"""Fits of Parquet files against the same fits from memory, and fits of factor designs against glum."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from . import report
from .machine import available_memory

SIZES = ((10_000_000, 20, "float64"), (2_000_000, 100, "float64"))
QUICK = ((500_000, 20, "float64"),)
GROUP = 250_000
HEADER = (
    "rows x columns", "bytes", "read", "fit", "both", "fit of the file", "ratio", "passes", "peak", "gap/se",
    "read once", "ratio",
)  # fmt: skip
PEAK = """
import sys
import fastglm
r = fastglm.glm(sys.argv[2], sys.argv[1], family=sys.argv[3], threads=int(sys.argv[4]))
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def write(path, n: int, p: int, kind: str, family: str, seed: int = 0, group: int = GROUP) -> str:
    """Write n rows of p numbers and a response to a Parquet file, a row group at a time; the formula of all columns."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng, writer = np.random.default_rng(seed), None
    beta = rng.normal(size=p) * (0.9 / np.sqrt(p))
    for a in range(0, n, group):
        rows = min(group, n - a)
        X = rng.standard_normal((p, rows), dtype=kind)
        mu = 1.0 / (1.0 + np.exp(1.0 - beta @ X)) if family == "binomial" else np.exp(beta @ X - 1.0)
        y = (rng.random(rows) < mu) if family == "binomial" else rng.poisson(mu)
        table = pa.table({"y": y.astype("int16")} | {f"x{j + 1}": X[j] for j in range(p)})
        writer = writer or pq.ParquetWriter(path, table.schema, compression="snappy", use_dictionary=False)
        writer.write_table(table, row_group_size=group)
    writer.close()
    return "y ~ " + " + ".join(f"x{j + 1}" for j in range(p))


def run(effort, quick=False):
    """All sizes and families; returns the table and the record behind it."""
    rows, records = [HEADER], []
    for family in ("binomial", "poisson"):
        for n, p, kind in QUICK if quick else SIZES:
            with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:
                record = _compare(Path(folder) / "rows.parquet", n, p, kind, family, effort)
            records.append(record)
            rows.append((
                f"{family}, {n:,} x {p}", f"{record['bytes'] / 1e9:.2f} GB", *(report.seconds(record[key]) for key in
                ("read", "memory", "both", "file")), f"{record['ratio']:.2f}", f"{record['passes']:.2f}",
                f"{record['peak'] / 2**20:.0f} MiB", f"{record['gap']:.0e}", report.seconds(record["kept"]),
                f"{record['kept'] / record['both']:.2f}",
            ))  # fmt: skip
            print(report.align([HEADER, rows[-1]]), flush=True)
    title = f"Parquet (snappy), {effort.threads} threads; medians of {effort.repeats} fits, interleaved, files cached"
    return f"{title}\n{report.align(rows)}", {"files": records}


def _compare(path, n, p, kind, family, effort):
    import fastglm

    formula = write(path, n, p, kind, family)
    times = {"read": [], "memory": [], "file": [], "kept": []}
    if available_memory() < 6 * 8 * n * p:
        raise MemoryError(f"{n} x {p} rows do not fit in memory for the comparison")
    for repeat in range(effort.repeats + 1):
        start = time.perf_counter()
        X, y = _in_memory(path, p)
        read = time.perf_counter()
        whole = fastglm.fit(X, y, family=family, threads=effort.threads)
        fitted = time.perf_counter()
        found = fastglm.glm(formula, str(path), family=family, threads=effort.threads)
        end = time.perf_counter()
        # memory for all of the rows, which are then read once
        fastglm.glm(formula, str(path), family=family, threads=effort.threads, memory=16 * n * (p + 1))
        kept = time.perf_counter()
        del X
        if repeat:  # the first brings compiled loops and cached files
            between = (start, read, fitted, end, kept)
            for name, a, b in zip(times, between[:-1], between[1:], strict=True):
                times[name].append(b - a)
    record = {name: statistics.median(values) for name, values in times.items()}
    both = statistics.median(a + b for a, b in zip(times["read"], times["memory"], strict=True))
    line = [sys.executable, "-c", PEAK, str(path), formula, family, str(effort.threads)]
    # in kilobytes, of that program alone
    peak = 1024 * int(subprocess.run(line, capture_output=True, text=True, check=True).stdout)
    return {
        "family": family, "n": n, "p": p, "bytes": path.stat().st_size, **record, "both": both,
        "ratio": record["file"] / both, "passes": found.n_passes, "peak": peak,
        "gap": float(np.max(np.abs(found.params - whole.params) / whole.bse)),
    }  # fmt: skip


def _in_memory(path, p):
    """The file's columns as the arrays of a fit, read as fast as pyarrow does and copied once."""
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    X = np.empty((p, table.num_rows))
    for j in range(p):
        X[j] = table.column(j + 1).to_numpy()
    return X.T, table.column(0).to_numpy()
