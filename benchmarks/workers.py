"""A Parquet file fitted by two Dask workers of one thread against one thread, and two threads, of one process."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from . import report
from .files import write

ROWS, COLUMNS = 4_000_000, 20
HEADER = ("", "one thread", "two threads", "two workers", "x one thread", "passes", "same bits")


def run(effort, quick=False):
    """Both families; returns the table and the record behind it."""
    from distributed import Client, LocalCluster

    rows, records = [HEADER], []
    with (
        tempfile.TemporaryDirectory(prefix="benchmarks-") as folder,
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        for family in ("binomial", "poisson"):
            record = _race(Path(folder) / "rows.parquet", family, ROWS // 20 if quick else ROWS, client, effort)
            records.append(record)
            rows.append((
                family, *(report.seconds(record[name]) for name in ("one", "two", "workers")),
                f"{record['ratio']:.2f}", f"{record['passes']:.2f}", "yes" if record["same"] else "no",
            ))  # fmt: skip
    what = f"{record['rows']:,} x {COLUMNS}; medians of {effort.repeats} fits, interleaved, files cached"
    return f"Parquet (snappy), {what}\n{report.align(rows)}", {"workers": records}


def _race(path, family, n, client, effort):
    import fastglm

    formula = write(path, n, COLUMNS, "float64", family)
    ways = {
        "one": lambda: fastglm.glm(formula, str(path), family=family, threads=1),
        "two": lambda: fastglm.glm(formula, str(path), family=family, threads=2),
        "workers": lambda: fastglm.glm(formula, str(path), family=family, client=client),
    }
    found, times = {name: fit() for name, fit in ways.items()}, {name: [] for name in ways}
    for _ in range(effort.repeats):
        for name, fit in ways.items():
            start = time.perf_counter()
            found[name] = fit()
            times[name].append(time.perf_counter() - start)
    ratios = [one / two for one, two in zip(times["one"], times["workers"], strict=True)]
    same = all(np.array_equal(found["one"].params, other.params) for other in found.values())
    return {
        "family": family, "rows": n, **{name: statistics.median(t) for name, t in times.items()},
        "ratio": statistics.median(ratios), "passes": found["workers"].n_passes, "same": same,
    }  # fmt: skip
