"""What fits take on clusters, from constants measured on one machine: ``python -m benchmarks.cluster``."""

from __future__ import annotations

from math import ceil, log2, log10

READ_NS = 6.0  # a number, decoded and put in place by one core
STORAGE = 100e6  # bytes a second and core
CORES = 8
PASSES, PILOT = 3.0, 0.1
LINK = 1.25e9  # bytes a second between two workers
TASK = 1e-3  # seconds of the scheduler
UNIT = 1e8  # rows of a task

SIZES = ((1e8, 20, 1), (1e9, 20, 1), (1e10, 20, 10), (1e11, 100, 100), (1e12, 100, 1000), (1e12, 1000, 1000))
HEADER = ("rows", "columns", "workers", "bytes", "reading", "computing", "sums", "scheduler", "in all")


def cost(n: float, p: int, workers: int) -> dict:
    """Seconds of a fit with standard errors, by part."""
    cores = workers * CORES
    read = n * p / cores * (8.0 / STORAGE + READ_NS * 1e-9)
    compute = n / cores * (0.9 * p + 0.021 * p * p) * 1e-9
    levels = ceil(log2(workers)) if workers > 1 else 0
    sums = levels * 8.0 * p * p / LINK
    scheduler = TASK * max(n / UNIT, 4 * cores) if workers > 1 else 0.0
    passes = PASSES + PILOT
    parts = {"reading": read, "computing": compute, "sums": sums, "scheduler": scheduler}
    return {name: passes * seconds for name, seconds in parts.items()}


def duration(seconds: float) -> str:
    """Seconds in words of two digits."""
    for size, unit in ((86400.0, "days"), (3600.0, "h"), (60.0, "min")):
        if seconds >= 2.0 * size:
            return f"{seconds / size:.2g} {unit}"
    return f"{seconds:.0f} s" if seconds >= 1.0 else "under 1 s"


def table() -> str:
    """All sizes, as Markdown."""
    lines = ["| " + " | ".join(HEADER) + " |", "|---" * len(HEADER) + "|"]
    for n, p, workers in SIZES:
        parts = cost(n, p, workers)
        unit, name = next((u, name) for u, name in ((1e15, "PB"), (1e12, "TB"), (1e9, "GB")) if 8.0 * n * p >= u)
        times = [duration(t) for t in (*parts.values(), sum(parts.values()))]
        line = (f"10^{round(log10(n))}", str(p), f"{workers:,}", f"{8.0 * n * p / unit:.3g} {name}", *times)
        lines.append(f"| {' | '.join(line)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
