"""Where and how the library runs: read-only installations, no compiler, forks, warnings of the caller's.

Each case is a process of its own; the oracle is the answer of a plain fit in this one.
"""

import multiprocessing
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fastglm

PACKAGE = Path(fastglm.__file__).parent
X = np.random.default_rng(0).normal(size=(40_000, 3))
Y = (np.arange(40_000) % 3 == 0).astype(float)
CODE = """
import numpy as np, fastglm
X = np.random.default_rng(0).normal(size=(40_000, 3))
r = fastglm.fit(X, (np.arange(40_000) % 3 == 0).astype(float), family="binomial")
print(fastglm.__file__, *[v.hex() for v in [*r.params, *r.bse, r.deviance]])
"""


def expected():
    r = fastglm.fit(X, Y, family="binomial")
    return [float(v).hex() for v in [*r.params, *r.bse, r.deviance]]


def run(code, cwd, **changes):
    """(words printed, stderr) of a process with these environment variables; None removes one."""
    env = {k: v for k, v in (os.environ | changes).items() if v is not None}
    done = subprocess.run([sys.executable, *code], capture_output=True, text=True, cwd=cwd, env=env, timeout=600)
    assert done.returncode == 0, done.stderr
    return done.stdout.split(), done.stderr


def copy_without_loops(place):
    """A copy of the package without the loops that an installation compiles."""
    there = place / "fastglm"
    shutil.copytree(PACKAGE, there, ignore=shutil.ignore_patterns("__pycache__", "loops"))
    return there


def copy_without_caches(place):
    """The same, in which no cache can be made, because a file stands where its directory would be."""
    there = copy_without_loops(place)
    for folder in [there, *(p for p in there.rglob("*") if p.is_dir())]:
        (folder / "__pycache__").write_text("not a directory")
    return there


def test_a_read_only_installation_without_a_home(tmp_path):
    there = copy_without_caches(tmp_path)
    nowhere = str(there / "__init__.py")  # no folder, also for root
    (tmp_path / "tmp").mkdir()
    place = {"PYTHONPATH": str(tmp_path), "HOME": nowhere, "XDG_CACHE_HOME": nowhere, "TMPDIR": str(tmp_path / "tmp")}
    kept = []
    for _ in range(2):  # a second process takes the compiled loops from where the first has left them
        words, stderr = run(["-c", CODE], tmp_path, NUMBA_CACHE_DIR=None, PYTHONDONTWRITEBYTECODE="1", **place)
        assert words[0] == str(there / "__init__.py") and words[1:] == expected()
        kept.append({p: p.stat().st_mtime_ns for p in (tmp_path / "tmp").rglob("*.nb*")})
        # what is compiled is kept in no lasting place, which is said; the second compiles nothing
        assert stderr.count("SetupWarning") == stderr.count("set NUMBA_CACHE_DIR") == (1 if len(kept) == 1 else 0)
    assert kept[0] and kept[1] == kept[0]
    assert all(p.is_file() for p in there.rglob("__pycache__"))


def test_with_the_compiler_switched_off():
    words, _ = run(["-c", CODE], PACKAGE.parent, NUMBA_DISABLE_JIT="1")
    assert words[1:] == expected()


def test_optimised_python_and_another_locale_and_hash_seed():
    words, stderr = run(["-O", "-W", "error", "-c", CODE], PACKAGE.parent, PYTHONHASHSEED="7", LC_ALL="de_DE.UTF-8")
    assert words[1:] == expected() and "Warning" not in stderr


@pytest.mark.parametrize("threads", ["1", "3"])
def test_the_environment_s_number_of_threads_changes_no_bit(threads):
    words, _ = run(["-c", CODE], PACKAGE.parent, OMP_NUM_THREADS=threads, OPENBLAS_NUM_THREADS=threads)
    assert words[1:] == expected()


OWN = """
from typing import NamedTuple
import fastglm
from fastglm.types import Interval

POSITIVE = Interval(0.0, float("inf"), "neither")

@fastglm.families.family("own", link=fastglm.links.Log, domain=POSITIVE, dispersion="pearson")
class Own(NamedTuple):
    def variance(self, mu):
        return mu ** POWER
    def deviance(self, y, mu):
        p = POWER
        a = y * (y ** (1.0 - p) - mu ** (1.0 - p)) / (1.0 - p)
        return 2.0 * (a - (y ** (2.0 - p) - mu ** (2.0 - p)) / (2.0 - p))
    def start(self, y, w):
        return y
"""
FIT_OWN = """
import numpy as np, fastglm, own
rng = np.random.default_rng(0)
X = rng.normal(size=(200, 2))
y = rng.gamma(2.0, np.exp(X[:, 0]))
print(*fastglm.fit(X, y, family=own.Own()).params)
"""


def test_an_edited_formula_is_not_served_from_the_cache(tmp_path):
    found = []
    for power in ("1.2", "1.8"):
        (tmp_path / "own.py").write_text(OWN.replace("POWER", power))
        path = os.pathsep.join([str(tmp_path), str(PACKAGE.parent)])
        words, _ = run(["-c", FIT_OWN], tmp_path, PYTHONPATH=path)  # its loops are kept beside the library's
        found.append(np.array(words, float))
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2))
    y = rng.gamma(2.0, np.exp(X[:, 0]))
    for params, power in zip(found, (1.2, 1.8), strict=True):
        same = fastglm.fit(X, y, family=fastglm.families.Tweedie(power)).params
        np.testing.assert_allclose(params, same, rtol=1e-8, atol=1e-9)


def _child(queue):
    result = fastglm.fit(X, Y, family="binomial", threads=2)
    queue.put([float(v).hex() for v in [*result.params, *result.bse, result.deviance]])


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_fork_after_a_parallel_fit_does_not_hang():
    fastglm.fit(X, Y, family="binomial", threads=2)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    children = [context.Process(target=_child, args=(queue,)) for _ in range(2)]
    for child in children:
        child.start()
    try:
        answers = [queue.get(timeout=600) for _ in children]
    finally:
        for child in children:
            child.join(5)
            if child.is_alive():
                child.kill()
    assert answers == [expected(), expected()]


def test_the_number_of_blas_threads_is_put_back():
    threadpoolctl = pytest.importorskip("threadpoolctl")
    before = [library["num_threads"] for library in threadpoolctl.threadpool_info()]
    fastglm.fit(X, Y, family="binomial", threads=2)
    assert [library["num_threads"] for library in threadpoolctl.threadpool_info()] == before


def test_a_fit_leaves_numpy_s_error_state_and_random_numbers_alone():
    np.random.seed(3)
    before = np.random.get_state()[1].tolist()
    with np.errstate(all="raise"):
        state = np.geterr()
        result = fastglm.fit(X, Y, family="binomial")
        assert np.geterr() == state
    assert result.converged and np.random.get_state()[1].tolist() == before


def test_the_default_number_of_threads_can_be_set_and_unset():
    try:
        fastglm.set_threads(1)
        assert fastglm.get_threads() == 1 and fastglm.get_threads(3) == 3
        one = fastglm.fit(X, Y, family="binomial")
    finally:
        fastglm.set_threads(None)
    np.testing.assert_array_equal(one.params, fastglm.fit(X, Y, family="binomial").params)
    with pytest.raises(fastglm.errors.InvalidParameterError, match="threads"):
        fastglm.set_threads(0)
