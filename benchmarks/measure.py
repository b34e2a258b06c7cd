"""One race: run the peers on one problem in processes of their own and judge their answers."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import machine, peers, reference
from .problems import Data, Problem

GIB = 2**30


@dataclass(frozen=True)
class Effort:
    """How long to measure: repeats, seconds a peer may spend on a problem, seconds without a sign of life."""

    threads: int = 1
    repeats: int = 5
    budget: float = 60.0
    limit: float = 1800.0
    cold: bool = True


def race(problem: Problem, folder: Path, names, effort: Effort, say=print) -> dict:
    """All cells of one problem.

    Returns
    -------
    dict
        ``{"problem": ..., "family": ..., "n": ..., "p": ..., "G": seconds, "cells": {peer: cell}}``. A cell has a
        `status` ("ok", "error", "skipped", "not installed", "not offered"), a `message`, and for an answer its
        times, memory, iterations, gap to the best deviance and distance to the optimum in standard errors.
    """
    cells = {name: _admit(peers.get(name), problem) for name in names}
    gram: list[float] = []
    _warm(cells, gram, folder, effort, say)
    if effort.cold:
        for name in _running(cells):
            say(f"  cold: {name}")
            _cold(cells[name], name, folder, effort)
    _judge(cells, Data(folder, effort.threads, mapped=True))
    g = statistics.median(gram) if gram else None
    for cell in cells.values():
        _summarise(cell, g, cells.get("fastglm"))
    facts = {"problem": problem.name, "family": problem.family, "n": problem.n, "p": problem.p}
    return facts | {"G": g, "cells": cells}


def _admit(peer, problem) -> dict:
    """A cell that may run, or one that says why not."""
    cell = {"status": "ok", "message": "", "inference": peer.inference, "runs": []}
    if problem.family not in peer.families:
        return cell | {"status": "not offered"}
    try:
        peer.load()
    except (ImportError, FileNotFoundError, AttributeError):
        return cell | {"status": "not installed"}
    need, have = (2 + peer.memory) * problem.bytes, machine.available_memory()
    if need > have:
        return cell | {
            "status": "skipped",
            "message": f"skipped: needs ~{need / GIB:.0f} GiB, machine has {have / GIB:.0f} GiB",
        }
    return cell


def _running(cells):
    return [name for name, cell in cells.items() if cell["status"] == "ok"]


def _warm(cells, gram, folder, effort, say):
    """Run the interleaved race; where a process dies, blame the peer that was on and race on without it."""
    while names := [name for name in _running(cells) if not cells[name]["runs"]]:
        say(f"  warm: {', '.join(names)}")
        current = None
        options = {"mode": "warm", "folder": str(folder), "names": names, "repeats": effort.repeats,
                   "budget": effort.budget, "threads": effort.threads}  # fmt: skip
        with _Worker(options, effort) as worker:
            for record in worker:
                current = record["peer"]
                if current == "G":
                    if record["event"] == "run" and record["kept"]:
                        gram.append(record["seconds"])
                else:
                    _note(cells[current], record)
        if worker.died is None:
            return
        for name in [current] if current in cells else names:
            cells[name] |= {"status": "error", "message": f"its process {worker.died}"}


def _note(cell, record):
    if record["event"] == "error":
        cell |= {"status": "error", "message": record["message"]}
    if record["event"] == "run":
        cell |= {key: record[key] for key in ("coef", "se", "iterations", "unit") if key in record}
        cell.setdefault("first_s", record["seconds"])
        if record["kept"]:
            cell["runs"].append(record["seconds"])


def _cold(cell, name, folder, effort):
    options = {"mode": "cold", "folder": str(folder), "name": name, "threads": effort.threads}
    with _Worker(options, effort) as worker:
        for record in worker:
            cell |= {key: record[key] for key in ("import_s", "cold_s", "memory")}
    if worker.died is not None:
        cell["message"] = f"cold run: its process {worker.died}"


def _judge(cells, data):
    """Gap to the best deviance of anyone, and distance to the optimum in standard errors."""
    answers = {name: cell for name, cell in cells.items() if cell.get("coef") is not None}
    if not answers:
        return
    for cell in answers.values():
        cell["deviance"] = reference.deviance(data, cell["coef"])
    best = min(answers.values(), key=lambda cell: cell["deviance"])
    coef, se = reference.optimum(data, best["coef"])
    lowest = min(best["deviance"], reference.deviance(data, coef))
    for cell in answers.values():
        cell["gap"] = (cell["deviance"] - lowest) / abs(lowest)
        cell["error"] = float(np.max(np.abs(np.asarray(cell.pop("coef"), float) - coef) / se))
        errors = cell.pop("se")
        cell["se_error"] = None if errors is None else float(np.max(np.abs(np.asarray(errors, float) / se - 1)))


def _summarise(cell, gram, ours):
    runs = cell["runs"]
    if not runs:
        return
    cell |= {"median": statistics.median(runs), "min": min(runs), "max": max(runs)}
    cell["per_G"] = cell["median"] / gram if gram else None
    cell["ratio"] = cell["median"] / statistics.median(ours["runs"]) if ours and ours["runs"] else None


class _Worker:
    """A measuring process, read line by line; killed when it says nothing for too long."""

    def __init__(self, options, effort):
        self.limit, self.died = effort.limit, None
        command = [sys.executable, "-m", "benchmarks.worker", json.dumps(options)]
        environment = machine.environment(effort.threads)
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )

    def __enter__(self):
        self.errors = []
        self.reader = threading.Thread(target=lambda: self.errors.extend(self.process.stderr), daemon=True)
        self.reader.start()
        return self

    def __iter__(self):
        while True:
            alarm = threading.Timer(self.limit, self._late)
            alarm.start()
            line = self.process.stdout.readline()
            alarm.cancel()
            if not line:
                return
            yield json.loads(line)

    def _late(self):
        self.died = f"gave no answer for {self.limit:.0f} s"
        self.process.kill()

    def __exit__(self, kind, *rest):
        if kind is not None:
            self.process.kill()
        code = self.process.wait()
        self.reader.join()
        if code < 0:
            self.died = self.died or f"was killed by signal {-code} (9: out of memory?)"
        elif code:
            self.died = self.errors[-1].strip() if self.errors else f"ended with {code}"
