"""The memory a fit needs beyond its arguments, measured as the peak of a process of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPT = """
import resource, sys
import numpy as np
import fastglm

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

n, p, dtype, order, family = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4], sys.argv[5]
rng = np.random.default_rng(0)
X = np.empty((n, p), dtype=dtype, order=order)
y = np.empty(n, dtype="int8")
for a in range(0, n, 20_000):
    X[a : a + 20_000] = rng.integers(-3, 4, size=X[a : a + 20_000].shape)
    y[a : a + 20_000] = rng.poisson(1.0, size=len(y[a : a + 20_000])) > 0
small = fastglm.fit(X[:30_000], y[:30_000], family=family)  # compiled and every library loaded
before = peak()
result = fastglm.fit(X, y, family=family)
assert result.converged
print(peak() - before, X.nbytes)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ru_maxrss is in kilobytes on Linux only")
@pytest.mark.parametrize(
    "n, p, dtype, order",
    [
        (2_500_000, 15, "float64", "C"),
        (2_500_000, 15, "float64", "F"),
        (2_500_000, 15, "float32", "C"),
        (5_000_000, 30, "int8", "C"),
    ],
)
def test_a_fit_needs_little_beside_x(n, p, dtype, order):
    command = [sys.executable, "-c", SCRIPT, str(n), str(p), dtype, order, "binomial"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == 0, done.stderr
    extra, x = map(int, done.stdout.split())
    # a tenth of X, and what the matrices of size p and the blocks of two threads need however short X is
    assert extra <= 0.1 * x + 16e6
