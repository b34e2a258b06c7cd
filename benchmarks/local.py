"""Local regression: against the weighted sums of its formula by NumPy, statsmodels' lowess and KernelReg, and 10 s.

Each pair is timed in turn, and the least of a few times of each is compared; a peer that takes seconds is timed once.
"""

from __future__ import annotations

import time

import numpy as np

from . import report

SUMS_ROWS, SUMS_POINTS = 100_000, 1000
ALL_ROWS, ALL_BANDWIDTHS = 1_000_000, (0.001, 0.02, 0.3, 2.0)
LOWESS_ROWS, LOWESS_SPAN = (1000, 5000, 20_000, 100_000), 0.3
KERNELREG_ROWS, KERNELREG_POINTS = (1000, 5000, 20_000), 1000
KERNELS = ("epanechnikov", "tricube")
SLOW = 5.0  # seconds of a peer
HEADER = ("task", "peer", "seconds", "fastglm", "ratio", "target", "met", "apart")


def run(effort, quick=False):
    """All tasks; returns the table and the record behind it."""
    shrink = 10 if quick else 1
    tasks = [
        *(_sums(SUMS_ROWS // shrink, bandwidth) for bandwidth in (0.1, 1.0, 10.0)),
        *(_all(ALL_ROWS // shrink, kernel, h) for kernel in KERNELS for h in ALL_BANDWIDTHS),
        *(_lowess(n // shrink) for n in LOWESS_ROWS),
        *(_kernelreg(n // shrink, degree) for n in KERNELREG_ROWS for degree in (0, 1)),
    ]
    rows, records = [HEADER], []
    for name, peer, theirs, ours, target in tasks:
        record = {"task": name, "peer": peer} | _measure(theirs, ours, effort, target)
        records.append(record)
        other, ratio = record["peer_seconds"], record["ratio"]
        limit = f"<= {-target:g} s" if target < 0 else f">= {target:g}"
        rows.append((
            name, peer, "" if other is None else report.seconds(other), report.seconds(record["seconds"]),
            "" if ratio is None else f"{ratio:.1f}", limit, "yes" if record["met"] else "no",
            "" if record["apart"] is None else f"{record['apart']:.0e}",
        ))  # fmt: skip
    return f"local regression, {effort.threads} threads\n{report.align(rows)}", {"local": records}


def _measure(theirs, ours, effort, target):
    """The least times of both sides, taken in turn, and how far their answers are apart."""
    answer, other, times = ours(effort.threads), None, {"ours": [], "theirs": []}
    for _ in range(min(effort.repeats, 3)):
        times["ours"].append(_seconds(lambda: ours(effort.threads)))
        if theirs and not any(spent > SLOW for spent in times["theirs"]):
            start = time.perf_counter()
            other = theirs()
            times["theirs"].append(time.perf_counter() - start)
    seconds, peer = min(times["ours"]), min(times["theirs"], default=None)
    ratio = None if peer is None else peer / seconds
    met = seconds <= -target if target < 0 else ratio >= target
    apart = None if other is None else float(np.nanmax(np.abs(other - answer)))
    found = {"seconds": seconds, "peer_seconds": peer, "ratio": ratio}
    return found | {"target": target, "met": bool(met), "apart": apart}


def _seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _curve(n, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.uniform(0.0, 10.0, n)
    return x, np.sin(x) + 0.3 * rng.normal(size=n)


def _sums(n, bandwidth):
    """A local line against its five weighted sums by a matrix product, the kernel's matrix made in the time."""
    import fastglm

    x, y = _curve(n)
    at = np.linspace(0.0, 10.0, SUMS_POINTS)

    def theirs():
        K = np.exp((x - at[:, None]) ** 2 / (-2.0 * bandwidth**2))
        s0, s1, s2, t0, t1 = (K @ np.column_stack([np.ones(n), x, x * x, y, x * y])).T
        slope = (s0 * t1 - s1 * t0) / (s0 * s2 - s1 * s1)
        return (t0 - slope * s1) / s0 + slope * at

    def ours(threads):
        return fastglm.local(x, y, at=at, bandwidth=bandwidth, threads=threads).fitted

    return f"gaussian line, {n:,} x {SUMS_POINTS:,}, h = {bandwidth:g}", "five sums, NumPy", theirs, ours, 0.5


def _all(n, kernel, bandwidth):
    """A curve at every row."""
    import fastglm

    x, y = _curve(n)

    def ours(threads):
        return fastglm.local(x, y, at=x, bandwidth=bandwidth, kernel=kernel, threads=threads).fitted

    return f"{kernel} line, {n:,} x {n:,}, h = {bandwidth:g}", "", None, ours, -10.0


def _lowess(n):
    """The same span and kernel, at every row, without its rounds of robust weights."""
    from statsmodels.nonparametric.smoothers_lowess import lowess

    import fastglm

    x, y = _curve(n)

    def theirs():
        return lowess(y, x, frac=LOWESS_SPAN, it=0, return_sorted=False)

    def ours(threads):
        options = dict(bandwidth={"nearest": LOWESS_SPAN}, kernel="tricube", threads=threads)
        return fastglm.local(x, y, at=x, **options).fitted

    return f"tricube line, {n:,} x {n:,}, span {LOWESS_SPAN:g}", "statsmodels lowess", theirs, ours, 50.0


def _kernelreg(n, degree):
    """The same bandwidth, at some points."""
    from statsmodels.nonparametric.kernel_regression import KernelReg

    import fastglm

    x, y = _curve(n)
    at, kind = np.linspace(1.0, 9.0, KERNELREG_POINTS), ("lc", "ll")[degree]
    peer = KernelReg(y, x, "c", reg_type=kind, bw=[0.3])

    def theirs():
        return peer.fit(at)[0]

    def ours(threads):
        return fastglm.local(x, y, at=at, bandwidth=0.3, degree=degree, threads=threads).fitted

    return f"gaussian degree {degree}, {n:,} x {KERNELREG_POINTS}", f"KernelReg {kind}", theirs, ours, 50.0
