"""What is installed, and whether it works: versions, threads, instruction sets, the cache of loops, a test fit."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
import time
import warnings
from importlib import metadata
from math import log
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..core.version import __version__
from ..errors import FastGLMWarning, InvalidParameterError

NEEDED = ("numpy", "scipy", "numba", "llvmlite", "threadpoolctl", "tqdm")
OPTIONAL = {
    "pyarrow": "tables", "formulaic": "tables", "narwhals": "tables", "pandas": "tables", "polars": None,
    "duckdb": None, "dask": None, "matplotlib": "plot", "scikit-learn": "sklearn", "statsmodels": "bench",
    "glum": "bench",
}  # fmt: skip
FILES = ("pyarrow", "formulaic", "narwhals")  # without which files and formulas cannot be read
VARIABLES = (
    "FASTGLM_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS",
    "NUMBA_CACHE_DIR",
)  # fmt: skip
LITTLE = 1 << 30  # bytes free for temporary files, below which a copy of a CSV file may not fit
FEATURES = ("sse2", "sse4.2", "avx", "avx2", "fma", "avx512f", "avx512dq", "neon", "sve")

# Dobson, A. J. (1990), An Introduction to Generalized Linear Models, p. 93, R's example(glm): the table is balanced, so
# that the estimates are logarithms of ratios of its totals, 63, 40 and 47, and of 50, 50 and 50
COUNTS = (18, 17, 15, 20, 10, 20, 25, 13, 12)
ESTIMATES = (log(63 / 3), log(40 / 63), log(47 / 63), 0.0, 0.0)  # of the intercept, outcome and treatment
DEVIANCE = 5.129141077001145  # of R's glm(counts ~ outcome + treatment, family = poisson())
# what an installation that does not work raises
BROKEN = (FastGLMWarning, ValueError, TypeError, AttributeError, RuntimeError, ArithmeticError, ImportError, OSError)
REPEATS = 10_000  # of the nine rows, enough for a sample and for all threads


class Check(NamedTuple):
    """One fact, or several: what it is of, what was found, and where it is wrong the ``remedy``; ``remark`` says what
    could be better."""

    name: str
    found: dict
    remedy: str = ""
    remark: str = ""

    def lines(self) -> list[str]:
        """As text."""
        facts = ", ".join(f"{name} {value}" if name else str(value) for name, value in self.found.items())
        notes = [f"  PROBLEM: {self.remedy}"] * bool(self.remedy) + [f"  note: {self.remark}"] * bool(self.remark)
        return [f"{self.name + ':':<14}{facts}", *notes]


def examine() -> list[Check]:
    """Look at everything; something is wrong where a Check has a remedy."""
    checks = [_versions(), _optional(), _threads(), _blas(), _instructions()]
    return [*checks, _fit(), _cache(), _disk()]


def _version(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _versions():
    found = {"fastglm": __version__, "Python": platform.python_version()}
    found |= {name: _version(name) for name in NEEDED}
    missing = [name for name in NEEDED if found[name] is None]
    remedy = f"pip install {' '.join(missing)}" if missing else ""
    installed = _version("fastglm")
    stale = installed is not None and installed != __version__
    remark = f"the installed distribution says {installed}: install it again (pip install -e .)" if stale else ""
    return Check("versions", found, remedy, remark)


def _optional():
    found = {name: _version(name) for name in OPTIONAL}
    missing = [name for name in FILES if found[name] is None]
    remark = f"without {', '.join(missing)} no files or formulas: pip install 'fastglm[tables]'" if missing else ""
    return Check("optional", {name: version or "-" for name, version in found.items()}, remark=remark)


def _threads():
    from ..source.threads import available_cores, get_threads, quota

    try:
        cores, used, limit = available_cores(), get_threads(), quota()
    except InvalidParameterError as error:
        return Check("threads", {}, str(error))
    found = {"used": used, "cores": cores}
    found |= {"limit of the container": limit} if limit else {}
    found |= {name: os.environ[name] for name in VARIABLES if name in os.environ and "THREADS" in name}
    remark = ""
    if limit is not None and used > limit + 0.5:
        remark = f"the container may use {limit:g} cores: fastglm.set_threads({max(1, int(limit))}) avoids waiting"
    return Check("threads", found, remark=remark)


def _blas():
    import scipy.linalg  # noqa: F401  its BLAS is the one that is used
    from threadpoolctl import threadpool_info

    libraries = [library for library in threadpool_info() if library["user_api"] == "blas"]
    found = {
        Path(each["filepath"]).name.split(".")[0]: f"{each['internal_api']} {each['version'] or ''} for "
        f"{each.get('architecture') or 'this processor'}, {each['num_threads']} threads"
        for each in libraries
    }
    remark = "" if libraries else "threadpoolctl knows no BLAS here: its threads cannot be held back during passes"
    return Check("BLAS", found or {"": "unknown"}, remark=remark)


def _instructions():
    from llvmlite import binding

    has = binding.get_host_cpu_features()
    features = [name for name in FEATURES if has.get(name)]
    # the clones that special/loops.h asks for; the loader takes the best that the processor has
    special = next((name for name in ("avx512f", "avx2") if has.get(name)), "the baseline")
    found = {"processor": binding.get_host_cpu_name(), "has": " ".join(features), "fastglm.special uses": special}
    return Check("instructions", found)


def _cache():
    """The loops on disk: where they are, how many and how large."""
    from ..kernels.passes import block_pass

    folder = Path(block_pass.stats.cache_path) if block_pass.stats.cache_path else None
    if folder is None:
        remedy = "loops are compiled anew in every process: set NUMBA_CACHE_DIR to a folder that can be written"
        return Check("loops", {"cache": "none"}, remedy)
    # numba makes a folder for each folder of the package
    package = Path(__file__).parent
    inside = package in folder.parents
    folders = package.rglob("__pycache__") if inside else (p for p in folder.parent.iterdir() if p.is_dir())
    kept = [file for each in folders for file in each.glob("*.nbc")]
    size = sum(file.stat().st_size for file in kept)
    writable = os.access(folder, os.W_OK)
    found = {"cache": folder, "writable": "yes" if writable else "no", "kept": f"{len(kept)} ({size / 2**20:.1f} MiB)"}
    remedy = "" if writable else f"{folder} cannot be written: set NUMBA_CACHE_DIR, or loops are compiled every time"
    lasting = Path(tempfile.gettempdir()) not in folder.parents or "NUMBA_CACHE_DIR" in os.environ
    remark = "" if lasting else "this folder is a temporary one, for no other can be written: set NUMBA_CACHE_DIR"
    return Check("loops", found, remedy, remark)


def _disk():
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    found = {"folder": folder, "free": f"{free / 2**30:.1f} GiB"}
    remark = "copies of CSV files go there: set TMPDIR to a folder with more room" if free < LITTLE else ""
    try:
        with tempfile.TemporaryFile() as file:
            file.write(b"x")
    except OSError as error:
        return Check("temporary", found, f"{folder} cannot be written ({error.strerror}): set TMPDIR")
    return Check("temporary", found, remark=remark)


def _fit():
    """Poisson regressions whose answers are known, of nine rows and of many copies of them."""
    from numba.core.errors import NumbaError

    from ..fitting.entry import fit

    outcome, treatment = np.tile([0, 1, 2], 3), np.repeat([0, 1, 2], 3)
    X = np.column_stack([outcome == 1, outcome == 2, treatment == 1, treatment == 2]).astype(float)
    y = np.array(COUNTS, float)
    error, start = 0.0, time.perf_counter()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", FastGLMWarning)
            for times in (1, REPEATS):
                result = fit(np.tile(X, (times, 1)), np.tile(y, times), family="poisson")
                far = np.max(np.abs(result.params - ESTIMATES))
                error = max(error, float(far), abs(result.deviance / times - DEVIANCE))
    except (*BROKEN, NumbaError) as failed:
        kind = type(failed).__name__
        line = " ".join(str(failed).split())
        return Check("test fit", {"": f"{kind}: {line}"}, "reinstall fastglm and numba: pip install --force-reinstall")
    found = {"": f"error {error:.0e} in {time.perf_counter() - start:.2f} s"}
    wrong = not error < 1e-9
    remedy = "the numbers are wrong: remove the cache of loops named below, and reinstall numpy, scipy and numba"
    return Check("test fit", found, remedy if wrong else "")
