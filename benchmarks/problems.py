"""The problems of the races, and their data on disk."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

SIZES = ("1e6x20", "5e5x100", "1e5x500")
LARGE = ("1e7x20", "1e6x100")
QUICK = ("2e4x10", "1e4x50")
GROWING = ("1e4x20", "1e5x20")  # with the first of SIZES: time against n
LINKS = {"gaussian": "identity", "binomial": "logit"}  # elsewhere log, which every peer offers


@dataclass(frozen=True)
class Problem:
    """One data set to draw."""

    family: str
    n: int
    p: int
    options: dict[str, Any] = field(default_factory=dict, hash=False)

    @property
    def name(self) -> str:
        return f"{self.family} {short(self.n)} x {self.p}"

    @property
    def bytes(self) -> int:
        return 8 * self.n * self.p


def short(n: int) -> str:
    """1e6 for a million."""
    mantissa, exponent = f"{n:.2e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}" if n >= 1000 else str(n)


def parse_size(text: str) -> tuple[int, int]:
    """``"1e6x20"`` as (1000000, 20)."""
    n, p = text.lower().split("x")
    return int(float(n)), int(float(p))


def write(problem: Problem, folder: Path) -> None:
    """Draw the data and leave them in `folder`."""
    from fastglm.simulate import make_glm

    link = LINKS.get(problem.family, "log")
    data = make_glm(problem.family, problem.n, problem.p, link=link, rho=0.3, seed=7, **problem.options)
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {"X": data.X, "y": data.y, "offset": data.offset, "weights": data.weights}
    for name, array in arrays.items():
        if array is not None:
            np.save(folder / f"{name}.npy", array)
    facts = {"family": data.family, "link": data.link, "parameters": data.parameters}
    (folder / "facts.json").write_text(json.dumps(facts))


class Data:
    """The data of a problem as the adapters see them.

    Parameters
    ----------
    folder : Path
        Where `write` left them.
    threads : int
        Threads every peer may use.
    mapped : bool
        Map X from the disk rather than read it.
    """

    def __init__(self, folder, threads: int, mapped: bool = False):
        self.folder, self.threads = Path(folder), threads
        facts = json.loads((self.folder / "facts.json").read_text())
        self.family, self.link, self.parameters = facts["family"], facts["link"], facts["parameters"]
        self.X = np.load(self.folder / "X.npy", mmap_mode="r" if mapped else None)
        self.y, self.offset, self.weights = (self._load(name) for name in ("y", "offset", "weights"))

    def _load(self, name):
        path = self.folder / f"{name}.npy"
        return np.load(path) if path.exists() else None

    @cached_property
    def with_ones(self) -> np.ndarray:
        """X behind a column of ones."""
        return np.column_stack([np.ones(len(self.X)), self.X])
