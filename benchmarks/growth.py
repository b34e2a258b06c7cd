"""Time against rows for a few and for many columns, beside every peer, one X'X and one read of X; what passes cost."""

from __future__ import annotations

import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from . import measure, peers, plots, problems, report

COLUMNS = (5, 20, 100)
ROWS = (100, 1000, 10_000, 100_000, 1_000_000, 10_000_000)
MOST_NUMBERS = 2e8  # of a problem: 1.6 GB
NAMES = tuple(name for name in peers.NAMES if name not in ("statsmodels_newton", "r_glm"))
SLOW, SLOW_NUMBERS = ("statsmodels_logit", "statsmodels_glm"), 2e7  # peers that need minutes and memory beyond these
PASS_ROWS = 400_000  # of the passes whose cost is measured: their X is not in any cache
ORDERS = {"deviance": 0, "score": 1, "curvature": 2}


def run(effort, quick=False):
    """Races of growing size; returns their table and the record behind it."""
    rows = ROWS[:4] if quick else ROWS
    sizes = [(n, p) for p in COLUMNS for n in rows if n >= 10 * p and n * p <= MOST_NUMBERS]
    races = [_race(n, p, effort) for n, p in sizes]
    passes = [_passes(p, effort.threads) for p in COLUMNS]
    record = {"growth": {"races": races, "passes": passes}}
    return f"{_table(races)}\n\n{_pass_table(passes)}", record


def draw(record, folder):
    """``time_binomial_p*.png``."""
    return plots.draw(record["growth"]["races"], folder)


def _race(n, p, effort):
    problem = problems.Problem("binomial", n, p)
    # short fits need many repeats, long ones have few
    effort = replace(effort, repeats=max(effort.repeats, 41 if n * p <= 1e5 else effort.repeats), cold=False)
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:
        problems.write(problem, Path(folder))
        names = [name for name in NAMES if name not in SLOW or n * p <= SLOW_NUMBERS]
        race = measure.race(problem, Path(folder), names, effort, lambda text: None)
        X = np.load(Path(folder) / "X.npy")
    return race | {"read": _read(X, effort.threads)}


def _read(X, threads, repeats=5):
    """Seconds of a plain sum of X, its rows shared by the threads: what memory allows."""
    parts = np.array_split(X.ravel(order="K"), threads)
    with ThreadPoolExecutor(threads) as pool:
        return min(_seconds(lambda: list(pool.map(np.sum, parts))) for _ in range(repeats))


def _seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _passes(p, threads):
    """Nanoseconds a row and thread of a read of X and of passes of each order, of logistic regression."""
    from fastglm.family.binomial import Bernoulli
    from fastglm.family.links import Logit
    from fastglm.kernels.row_loops import FamilyLink
    from fastglm.objective.base import Deviance
    from fastglm.source.base import Block
    from fastglm.source.in_memory import InMemory

    rng = np.random.default_rng(p)
    X, y = rng.normal(size=(PASS_ROWS, p)), (rng.random(PASS_ROWS) < 0.5).astype(float)
    beta = 0.1 * rng.normal(size=p + 1)
    objective = Deviance(
        InMemory(Block(X, True, y, None, None, None, None), threads), FamilyLink(Bernoulli(), Logit())
    )
    unit = 1e9 * threads / PASS_ROWS
    found = {"p": p, "threads": threads, "read": _read(X, threads) * unit}
    for name, order in ORDERS.items():
        objective.at(beta, order)
        found[name] = min(_seconds(lambda order=order: objective.at(beta, order)) for _ in range(15)) * unit
    gemm = min(_seconds(lambda: X.T @ X) for _ in range(5)) * unit
    return found | {"X'X": gemm}


def _table(races):
    header = ("rows x columns", "fastglm", "x X'X", "x read", *(name for name in NAMES if name != "fastglm"))
    lines = [header]
    for race in races:
        ours = race["cells"]["fastglm"]
        line = [f"{problems.short(race['n'])} x {race['p']}", report.seconds(ours["median"])]
        line += [f"{ours['median'] / race['G']:.3g}" if race["G"] else "", f"{ours['median'] / race['read']:.3g}"]
        for name in NAMES[1:]:
            ratio = race["cells"].get(name, {}).get("ratio")
            line.append("" if ratio is None else f"{ratio:.3g}")
        lines.append(tuple(line))
    return report.align(lines)


def _pass_table(passes):
    header = ("columns", "threads", "read X", *ORDERS, "X'X")
    rows = [
        (str(f["p"]), str(f["threads"]), f"{f['read']:.1f}", *(f"{f[k]:.1f}" for k in ORDERS), f"{f[header[-1]]:.1f}")
        for f in passes
    ]
    return "nanoseconds a row and thread\n" + report.align([header, *rows])
