"""How many threads a fit takes: as it is told, as the environment says, as the machine and its control group allow."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import fastglm
from fastglm.core.measured import UNIT_ROWS
from fastglm.errors import InvalidParameterError
from fastglm.source import threads
from fastglm.source.base import all_rows, n_units

ROOT = Path(fastglm.__file__).parents[1]


@pytest.fixture
def environ(monkeypatch):
    for name in threads.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_the_order_of_what_is_asked(environ):
    assert fastglm.get_threads() == threads.available_cores()
    for k, name in enumerate(reversed(threads.VARIABLES)):
        environ.setenv(name, str(k + 3))
        assert fastglm.get_threads() == k + 3
    assert threads.VARIABLES[0] == "FASTGLM_NUM_THREADS"
    try:
        fastglm.set_threads(2)
        assert fastglm.get_threads() == 2 and fastglm.get_threads(7) == 7
    finally:
        fastglm.set_threads(None)
    environ.setenv("FASTGLM_NUM_THREADS", "")
    environ.setenv("OMP_NUM_THREADS", " 6,2 ")
    assert fastglm.get_threads() == 6


@pytest.mark.parametrize("name", threads.VARIABLES)
@pytest.mark.parametrize("text", ["0", "-1", "many", "1.5", "²", ",", "0x2"])
def test_a_bad_value_names_its_variable(environ, name, text):
    environ.setenv(name, text)
    with pytest.raises(InvalidParameterError, match=f"{name}=.* must be a positive whole number"):
        fastglm.fit([[0.0], [1], [2]], [0, 1, 3])
    assert fastglm.fit([[0.0], [1], [2]], [0, 1, 3], threads=1).converged


def files(folder, **contents):
    for name, text in contents.items():
        path = folder / name.replace("__", "/").replace("cpu_", "cpu.")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.mark.parametrize(
    "groups, limits, cores",
    [
        ("0::/", {"cpu_max": "150000 100000\n"}, 1.5),
        ("0::/", {"cpu_max": "max 100000\n"}, None),
        ("0::/a/b", {"a__cpu_max": "300000 100000\n", "a__b__cpu_max": "max 100000\n"}, 3.0),
        ("0::/a/b", {"a__cpu_max": "max 100000\n", "a__b__cpu_max": "50000 100000\n", "cpu_max": "200000 100000"}, 0.5),
        ("0::/elsewhere", {"cpu_max": "200000 100000\n"}, 2.0),
        ("0::/", {"cpu_max": "nonsense\n"}, None),
        ("0::/", {}, None),
        ("4:cpu,cpuacct:/a\n1:name=systemd:/a",
         {"cpu,cpuacct__a__cpu_cfs_quota_us": "250000\n", "cpu,cpuacct__a__cpu_cfs_period_us": "100000\n"}, 2.5),
        ("4:cpu:/a", {"cpu__cpu_cfs_quota_us": "400000\n", "cpu__cpu_cfs_period_us": "100000\n"}, 4.0),
        ("4:cpu:/", {"cpu__cpu_cfs_quota_us": "-1\n", "cpu__cpu_cfs_period_us": "100000\n"}, None),
        ("4:cpuset:/", {"cpu__cpu_cfs_quota_us": "100000\n", "cpu__cpu_cfs_period_us": "100000\n"}, None),
    ],
)  # fmt: skip
def test_control_groups(tmp_path, groups, limits, cores):
    (tmp_path / "own").write_text(groups + "\n")
    files(tmp_path / "groups", **limits)
    assert threads.quota.__wrapped__(str(tmp_path / "groups"), str(tmp_path / "own")) == cores


def test_without_control_groups(tmp_path):
    assert threads.quota.__wrapped__(str(tmp_path), str(tmp_path / "none")) is None


@pytest.mark.parametrize("limit, most", [(None, None), (0.4, 1), (1.9, 1), (2.0, 2), (1000.0, None)])
def test_a_limit_of_time_is_heeded(environ, limit, most):
    if hasattr(os, "sched_getaffinity"):
        environ.setattr(os, "sched_getaffinity", lambda pid: range(4))
    else:
        environ.setattr(os, "cpu_count", lambda: 4)
    environ.setattr(threads, "quota", lambda: limit)
    assert fastglm.get_threads() == (most or 4)


def test_workers_of_joblib_share_the_cores(environ):
    joblib = pytest.importorskip("joblib")
    environ.setenv("PYTHONPATH", str(ROOT))
    with joblib.parallel_config("loky", n_jobs=2, inner_max_num_threads=1):
        assert joblib.Parallel()(joblib.delayed(fastglm.get_threads)() for _ in range(2)) == [1, 1]


def test_doctor_names_a_bad_variable():
    run = [sys.executable, "-m", "fastglm.cli", "doctor"]
    env = os.environ | {"PYTHONPATH": str(ROOT), "FASTGLM_NUM_THREADS": "few"}
    done = subprocess.run(run, capture_output=True, text=True, env=env, cwd=ROOT)
    assert done.returncode == 1 and "PROBLEM: FASTGLM_NUM_THREADS='few' must be" in done.stdout


@pytest.mark.parametrize("n", [1, 8191, 8192, 12_288, 30_000, 50_000, 1_000_000, 10**8])
@pytest.mark.parametrize("summed", [1, 400, 10**6])
def test_units_are_a_power_of_two_so_that_threads_have_the_same_to_do(n, summed):
    units = n_units(n, summed)
    assert units & (units - 1) == 0
    assert units == 1 or n / units >= UNIT_ROWS / 2
    sizes = [int(unit[0, 1] - unit[0, 0]) for unit in all_rows(n, summed)]
    assert len(sizes) == units and sum(sizes) == n and max(sizes) - min(sizes) <= 1
