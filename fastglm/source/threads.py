"""The thread pool, and BLAS held to one thread while it works."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from ..core.measured import RUNS_PER_THREAD
from ..errors import InvalidParameterError

VARIABLES = ("FASTGLM_NUM_THREADS", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS")
_state = {"threads": None}
_lock = threading.Lock()
_pools: dict[int, ThreadPoolExecutor] = {}
_held: list = [0, ()]


def available_cores() -> int:
    """The number of cores that this process may run on, within the quota of its container."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # not on this operating system
        cores = os.cpu_count() or 1
    return max(1, min(cores, int(quota() or cores)))


@lru_cache(maxsize=1)
def quota(root="/sys/fs/cgroup", process_file="/proc/self/cgroup") -> float | None:
    """The number of cores that control groups (of either version) allow this process, None without a limit."""
    try:
        lines = [line.split(":", 2) for line in Path(process_file).read_text().splitlines()]
    except OSError:
        return None
    limits = []
    for _, names, path in (line for line in lines if len(line) == 3):
        inner = [part for part in path.split("/") if part]
        # the group and its ancestors; from within a container only the root may be visible
        for k in range(len(inner) + 1):
            if not names:
                limits.append(_ratio(Path(root, *inner[:k], "cpu.max")))
            elif "cpu" in names.split(","):
                for controller in dict.fromkeys((names, "cpu")):
                    folder = Path(root, controller, *inner[:k])
                    limits.append(_ratio(folder / "cpu.cfs_quota_us", folder / "cpu.cfs_period_us"))
    return min((limit for limit in limits if limit is not None), default=None)


def _ratio(*files) -> float | None:
    """The first number in some files over the second one; None where there is no limit."""
    try:
        limit, period = " ".join(file.read_text() for file in files).split()
        return int(limit) / int(period) if int(limit) > 0 and int(period) > 0 else None
    except (OSError, ValueError):  # no such file, or the word max
        return None


def threads_of_environment() -> int | None:
    """The number of threads in ``FASTGLM_NUM_THREADS``, or else in the variables of other libraries; None without one.

    Raises
    ------
    InvalidParameterError
        Naming the variable.
    """
    for name in VARIABLES:
        text = os.environ.get(name)
        if text and (text := text.strip()):
            first = text.split(",")[0].strip()  # OpenMP lists a number for each level of nesting
            if not (first.isascii() and first.isdigit() and int(first) > 0):
                raise InvalidParameterError(f"{name}={text!r} must be a positive whole number; correct or unset it")
            return int(first)
    return None


def set_threads(n: int | None) -> None:
    """Set the number of threads of later fits; None restores that of the environment, or all available cores.

    Parameters
    ----------
    n : int or None
        The answer is the same to the bit for every number.

    Raises
    ------
    InvalidParameterError
        If ``n`` is not a positive whole number.
    """
    _state["threads"] = None if n is None else checked(n)


def checked(n) -> int:
    """``n``, refused if it is no number of threads."""
    if isinstance(n, bool) or not hasattr(n, "__index__") or n < 1:
        raise InvalidParameterError(f"threads={n!r} must be a positive whole number or None")
    return int(n)


def get_threads(n: int | None = None) -> int:
    """The number of threads a fit uses, given its own ``threads=`` argument.

    Without one, and without ``set_threads``, it is that of the first of the environment variables FASTGLM_NUM_THREADS,
    OMP_NUM_THREADS and NUMBA_NUM_THREADS that is set, or the cores that the process may run on, within what its
    control group allows.
    """
    if n is not None:
        return checked(n)
    return _state["threads"] or threads_of_environment() or available_cores()


def pool(n: int) -> ThreadPoolExecutor:
    """The pool of n threads, kept between fits."""
    with _lock:
        if n not in _pools:
            _pools[n] = ThreadPoolExecutor(n, thread_name_prefix="fastglm")
        return _pools[n]


def together(n: int, work) -> None:
    """Run ``work`` in this thread, and in up to n - 1 threads of the pool at the same time.

    Where another fit has the pool, this thread does all the work, so that no fit waits for another. An error of any
    thread is raised when all have ended.
    """
    futures = [pool(n).submit(work) for _ in range(n - 1)]
    try:
        work()
    finally:
        # an interrupt leaves no thread running
        errors = [future.exception() for future in futures if not future.cancel()]
    for error in errors:
        if error is not None:
            raise error


def beside(n: int, work) -> None:
    """Run ``work`` in this thread, and in up to n - 1 threads of the pool beside it, for whose ends it does not wait:
    what is left of them finds nothing to do, and an error of theirs leaves more to do to this one."""
    futures = [pool(n).submit(work) for _ in range(n - 1)]
    try:
        work()
    finally:
        for future in futures:
            future.cancel()


def mapped(n: int, function, items) -> list:
    """The function of each item, by n threads; of several errors that of the first item is raised."""
    limits, failed, left = [None] * len(items), [], iter(range(len(items)))
    lock = threading.Lock()

    def work():
        while not failed:
            with lock:
                i = next(left, None)
            if i is None:
                return
            try:
                limits[i] = function(items[i])
            except Exception as error:
                failed.append((i, error))
            except BaseException as error:
                failed.append((-1, error))

    together(min(n, len(items)), work)
    if failed:
        raise min(failed, key=lambda failure: failure[0])[1]
    return limits


def _after_fork():
    # threads do not survive a fork, and a lock may have been held by one
    global _lock
    _lock = threading.Lock()
    _pools.clear()
    _held[:] = [0, ()]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


@lru_cache(maxsize=1)
def _blas():
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas").lib_controllers


@contextmanager
def single_threaded_blas():
    """Hold BLAS to one thread; the last of several holders restores the numbers of threads."""
    libraries = _blas()
    with _lock:
        if _held[0] == 0:
            _held[1] = [library.get_num_threads() for library in libraries]
            for library, n in zip(libraries, _held[1], strict=True):
                if n != 1:
                    library.set_num_threads(1)
        _held[0] += 1
    try:
        yield
    finally:
        with _lock:
            _held[0] -= 1
            if _held[0] == 0:
                for library, n in zip(libraries, _held[1], strict=True):
                    if n != 1:
                        library.set_num_threads(n)


class Threads:
    """The engine of one process: threads, each of which reads and sums consecutive units.

    Parameters
    ----------
    n : int
    """

    def __init__(self, n: int):
        self.n = n

    def run(self, chunks, task, units: list, tree) -> None:
        """Put the values of ``units`` into ``tree``, the i-th at place i."""
        places = {unit: i for i, unit in enumerate(units)}
        unit_runs = iter(chunks.unit_runs(units, 1 if self.n == 1 else RUNS_PER_THREAD * self.n))
        stop = threading.Event()

        def work():
            try:
                with chunks.workspace() as room:
                    while not stop.is_set():
                        with tree.lock:
                            stretch = next(unit_runs, None)
                        if stretch is None:
                            return
                        for unit, value in chunks.values(task, stretch, room):
                            tree.put(places[unit], value)
                            if stop.is_set():
                                return
            except BaseException:
                stop.set()
                raise

        with single_threaded_blas():
            together(min(self.n, len(units)), work)

    def map(self, function, items, held=None):
        """The function of each item, in order."""
        return map(function, items) if self.n == 1 or len(items) == 1 else mapped(self.n, function, items)
