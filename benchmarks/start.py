"""What a user waits for before the data are large: imports, first fits, small fits."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time

from . import machine, report

IMPORTS = {"bare interpreter": "pass", "numpy": "import numpy", "numpy and scipy": "import numpy, scipy.linalg",
           "numpy and numba": "import numpy, numba", "fastglm": "import fastglm",
           "statsmodels.api": "import statsmodels.api"}  # fmt: skip
FIRST = """
import time
import numpy as np
import fastglm
X = np.random.default_rng(0).normal(size=({n}, 4)); y = (X[:, 0] > 0.3).astype(float); y[::3] = 1 - y[::3]
start = time.perf_counter(); fastglm.fit(X, y, family="{family}"); print(time.perf_counter() - start)
"""
SMALL = """
import timeit
import numpy as np
X = np.random.default_rng(0).normal(size=(100, 4)); y = (X[:, 0] > 0.3).astype(float); y[::3] = 1 - y[::3]
X = X * {size} + {mean}
{setup}
fit(); fit()
timer = timeit.Timer(fit); number = timer.autorange()[0]
print(sorted(t / number for t in timer.repeat(7, number))[3])
"""
SMALL_FITS = {
    "fastglm": "import fastglm\nfit = lambda: fastglm.fit(X, y, family='binomial')",
    "statsmodels GLM": "import statsmodels.api as sm\nA = sm.add_constant(X)\n"
    "fit = lambda: sm.GLM(y, A, family=sm.families.Binomial()).fit().bse",
    "statsmodels Logit": "import statsmodels.api as sm\nA = sm.add_constant(X)\n"
    "fit = lambda: sm.Logit(y, A).fit(disp=0).bse",
}
# columns of a simulation, and those of people: age, year, income and a score
COLUMNS = {"100 x 4": (1.0, 0.0), "100 x 4, years and incomes": ([15.0, 5.0, 1e4, 1.0], [45.0, 2010.0, 5e4, 0.0])}


def run(effort, quick=False):
    """All waits; returns the table and the record behind it."""
    runs = 3 if quick else 7
    env = machine.environment(effort.threads)
    waits = {f"import: {name}": _imports(code, runs, env) for name, code in IMPORTS.items()}
    for family in ("binomial", "poisson"):
        code = FIRST.format(family=family, n=100_000)
        waits[f"first fit, {family}, cache warm"] = _printed(code, 3, env)
        with tempfile.TemporaryDirectory() as empty:
            waits[f"first fit, {family}, cache empty"] = _printed(code, 1, env | {"NUMBA_CACHE_DIR": empty})
    for columns, (size, mean) in COLUMNS.items():
        for name, setup in SMALL_FITS.items():
            waits[f"small fit, {columns}: {name}"] = _printed(SMALL.format(setup=setup, size=size, mean=mean), 1, env)
    rows = [(name, wait if isinstance(wait, str) else report.seconds(wait), "") for name, wait in waits.items()]
    return report.align([("what", "median", ""), *rows]), {"start": waits}


def _imports(code, runs, env):
    """Median seconds of a whole interpreter with this import."""
    times = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
        times.append(time.perf_counter() - start)
        if done.returncode:
            return _last(done.stderr)
    return statistics.median(times[1:])


def _printed(code, runs, env):
    """Median of what fresh processes print; the first of several only fills the cache."""
    values = []
    for _ in range(runs + (runs > 1)):
        done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, cwd=os.getcwd())
        if done.returncode:
            return _last(done.stderr)
        values.append(float(done.stdout.split()[-1]))
    return statistics.median(values[1:] if len(values) > 1 else values)


def _last(text):
    return text.strip().splitlines()[-1]
