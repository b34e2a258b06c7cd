"""Data that mislead a subsample: the automatic solver against damped Newton on all rows."""

from __future__ import annotations

import statistics
import time

import numpy as np

from . import report

SCENARIOS = {
    "plain": ("binomial", {}),
    "sorted by y": ("binomial", {"sort_by": "y"}),
    "sorted by a column": ("poisson", {"sort_by": 0}),
    "heavy weights": ("gamma", {"weights": "heavy", "link": "log"}),
    "many trials": ("binomial", {"weights": "heavy"}),
    "rare events, 1e-4": ("binomial", {"event_rate": 1e-4}),
    "offset of mixed scale": ("poisson", {"offset": "mixed"}),
    "heavy tails": ("poisson", {"kind": "heavy"}),
    "columns of mixed scale": ("binomial", {"kind": "scaled"}),
    "rare events, sorted": ("binomial", {"event_rate": 1e-4, "sort_by": "y"}),
}
SOLVERS = ("auto", "newton")
HEADER = (
    "scenario", "family", "auto", "passes", "newton", "passes", "auto/newton", "difference/se", "certificate", "same",
)  # fmt: skip
SAME = 1e-6  # standard errors


def run(effort, quick=False):
    """All scenarios; returns the table and the record behind it."""
    n, p = (100_000, 10) if quick else (1_000_000, 20)
    rows, records = [HEADER], []
    for name, (family, options) in SCENARIOS.items():
        try:
            record = _scenario(family, n, p, options, effort)
            rows.append((name, family, *_cells(record)))
        except Exception as error:  # the other scenarios still run
            record = {"error": f"{type(error).__name__}: {error}".splitlines()[0]}
            rows.append((name, record["error"]))
        records.append({"scenario": name, "family": family, **record})
    title = f"n = {n:,}, p = {p}, {effort.threads} threads; medians of {effort.repeats} warm fits with standard errors"
    return f"{title}\n{report.align(rows)}", {"n": n, "p": p, "hard": records}


def _scenario(family, n, p, options, effort):
    import fastglm
    from fastglm.simulate import make_glm

    data = make_glm(family, n, p, seed=11, **options)
    times, fits = {solver: [] for solver in SOLVERS}, {}
    for turn in range(effort.repeats + 1):
        for solver in SOLVERS:
            start = time.perf_counter()
            fits[solver] = fastglm.fit(
                data.X, data.y, family=data.family, link=data.link, weights=data.weights, offset=data.offset,
                solver=solver, threads=effort.threads,
            )  # fmt: skip
            if turn:
                times[solver].append(time.perf_counter() - start)
    auto, newton = (fits[solver] for solver in SOLVERS)
    difference = float(np.max(np.abs(np.asarray(auto.params) - newton.params) / newton.bse))
    return {
        "auto": statistics.median(times["auto"]), "newton": statistics.median(times["newton"]),
        "auto_passes": float(auto.n_passes), "newton_passes": float(newton.n_passes), "difference": difference,
        "certificate": float(auto.certificate), "converged": bool(auto.converged and newton.converged),
        "same": difference < SAME,
    }  # fmt: skip


def _cells(record):
    same = "yes" if record["same"] else "NO"
    return (
        report.seconds(record["auto"]), f"{record['auto_passes']:.3g}",
        report.seconds(record["newton"]), f"{record['newton_passes']:.3g}",
        f"{record['auto'] / record['newton']:.2f}", f"{record['difference']:.0e}", f"{record['certificate']:.0e}",
        same if record["converged"] else f"{same}, not converged",
    )  # fmt: skip
