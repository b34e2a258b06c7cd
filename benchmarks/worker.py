"""The measured process: ``python -m benchmarks.worker warm|cold FOLDER ...`` writes one JSON record a line."""

from __future__ import annotations

import gc
import json
import os
import sys
import time
import warnings

import numpy as np

from . import peers
from .problems import Data


def main(argv) -> None:
    """Dispatch; standard output carries records only, whatever a peer prints."""
    channel = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    warnings.simplefilter("ignore")
    options = json.loads(argv[0])

    def emit(**record):
        channel.write(json.dumps(record, default=_plain) + "\n")

    {"warm": warm, "cold": cold}[options.pop("mode")](emit=emit, **options)


def warm(emit, folder, names, threads, repeats, budget) -> None:
    """Time X'X and every peer in turn, round after round, all in this process.

    A peer's first run is dropped as its warm-up, unless it took more than a tenth of the budget.
    """
    data = Data(folder, threads)
    racers = {"G": lambda data: gram(data)} | {name: peers.get(name).fit for name in names}
    alive, spent, kept = dict(racers), dict.fromkeys(racers, 0.0), dict.fromkeys(racers, 0)
    for name in names:
        emit(event="begin", peer=name)
        _guarded(emit, name, alive, lambda name=name: (peers.get(name).load(), peers.get(name).prepare(data)))
    for turn in range(repeats + 1):
        for name in list(alive):
            emit(event="begin", peer=name)
            run = _guarded(emit, name, alive, lambda name=name: timed(racers[name], data))
            if run is None:
                continue
            seconds, fit = run
            spent[name] += seconds
            count = turn > 0 or seconds > budget / 10
            kept[name] += count
            emit(event="run", peer=name, seconds=seconds, kept=count, **_answer(fit, turn))
            if kept[name] >= repeats or spent[name] + seconds > budget and kept[name]:
                del alive[name]


def cold(emit, folder, name, threads) -> None:
    """Import, load, and make the first fit of a process; its time and its peak memory beyond the data."""
    peer = peers.get(name)
    start = time.perf_counter()
    peer.load()
    imported = time.perf_counter() - start
    data = Data(folder, threads)
    peer.prepare(data)
    gc.collect()
    before = reset_peak()
    seconds, fit = timed(peer.fit, data)
    memory = peak() - before if fit.memory is None else fit.memory
    emit(event="cold", peer=name, import_s=imported, cold_s=seconds, memory=max(0, memory), **_answer(fit, 0))


def gram(data):
    """The yardstick G: numpy's X'X."""
    data.X.T @ data.X


def timed(fit, data):
    """Seconds of one call, by the peer's own clock where it has one, and what it returned."""
    gc.collect()
    start = time.perf_counter()
    value = fit(data)
    seconds = time.perf_counter() - start
    return getattr(value, "seconds", None) or seconds, value


def _guarded(emit, name, alive, call):
    try:
        return call()
    except Exception as error:  # a failing peer is a cell of the table, never the end of the race
        emit(event="error", peer=name, message=f"{type(error).__name__}: {error}".splitlines()[0])
        alive.pop(name, None)
        return None


def _answer(fit, turn):
    if fit is None or turn:
        return {}
    return {"coef": fit.coef, "se": fit.se, "iterations": fit.iterations, "unit": fit.unit}


def _plain(value):
    return value.item() if isinstance(value, np.generic) else np.asarray(value).tolist()


def reset_peak() -> int:
    """Bytes resident now; from here on the peak counts anew where the system allows it."""
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
        return _status("VmRSS")
    except OSError:
        return peak()


def peak() -> int:
    """The largest resident size of this process in bytes."""
    # not ru_maxrss on Linux: it survives fork and exec, so a child starts with its parent's peak
    if sys.platform == "linux":
        return _status("VmHWM")
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _status(key: str) -> int:
    with open("/proc/self/status") as file:
        return next(1024 * int(line.split()[1]) for line in file if line.startswith(key))


if __name__ == "__main__":
    main(sys.argv[1:])
