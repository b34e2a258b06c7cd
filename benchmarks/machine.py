"""What the races ran on."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import subprocess
from functools import cache

LIBRARIES = "fastglm numpy scipy numba statsmodels scikit-learn glum tabmat".split()
POOLS = ("OMP", "OPENBLAS", "MKL", "BLIS", "VECLIB_MAXIMUM", "NUMEXPR", "NUMBA", "RAYON")


def describe(threads: int) -> dict:
    """CPU, cores, memory and versions."""
    return {
        "cpu": _cpu(), "cores": os.cpu_count(), "threads": threads, "memory": _psutil().virtual_memory().total,
        "system": platform.platform(terse=True), "python": platform.python_version(), "versions": _versions(),
    }  # fmt: skip


def available_memory() -> int:
    """Bytes a new process may use."""
    return _psutil().virtual_memory().available


def environment(threads: int) -> dict[str, str]:
    """The environment with every thread pool held to `threads`."""
    return os.environ | {f"{pool}_NUM_THREADS": str(threads) for pool in POOLS}


def _psutil():
    import psutil

    return psutil


def _cpu() -> str:
    try:
        with open("/proc/cpuinfo") as file:
            return next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


@cache
def _versions() -> dict[str, str]:
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    if shutil.which("Rscript"):
        code = "cat(as.character(getRversion()), basename(extSoftVersion()[['BLAS']]))"
        words = subprocess.run(["Rscript", "--vanilla", "-e", code], capture_output=True, text=True).stdout.split()
        found["R"] = " with BLAS ".join(words)
    return found
