"""Readers and executors for the tests of engines, in a module that other processes can import."""

import os
import signal
import time

import numpy as np

from fastglm.source.pieces import Parts


class Slow(Parts):
    """Rows that take their time, and leave the number of the process that reads them in a file."""

    def __init__(self, parts, mark, seconds=0.05):
        super().__init__(parts)
        self.mark, self.seconds = str(mark), seconds

    def pieces(self, first, sizes, vectors_only):
        half = f"{self.mark}.{os.getpid()}"
        with open(half, "w") as file:
            file.write(str(os.getpid()))
        os.replace(half, self.mark)
        for found in super().pieces(first, sizes, vectors_only):
            time.sleep(self.seconds)
            yield found


class Waiting(Parts):
    """Rows that other processes than this one do not get before a file is there."""

    def __init__(self, parts, go):
        super().__init__(parts)
        self.go, self.spared = str(go), os.getpid()

    def pieces(self, first, sizes, vectors_only):
        while os.getpid() != self.spared and not os.path.exists(self.go):
            time.sleep(0.005)
        yield from super().pieces(first, sizes, vectors_only)


class Deadly(Parts):
    """Rows that end every process but one that read them."""

    def __init__(self, parts):
        super().__init__(parts)
        self.spared = os.getpid()

    def pieces(self, first, sizes, vectors_only):
        if os.getpid() != self.spared:
            os._exit(1)
        yield from super().pieces(first, sizes, vectors_only)

    def labels(self, first, stop):
        return ["claims.parquet, row group 0"]


def uneven(frame, i, cuts=(0, 10_000, 10_000, 40_000, 60_000)):
    """A partition: of other types than others, with categories of its own, one of them empty."""
    part = frame.iloc[cuts[i] : cuts[i + 1]][["y", "x", "g", "count"]].copy()
    part["g"] = part["g"].astype("category")
    if i == 0:
        part["count"] = part["count"].astype(np.int8)
    if i == 3:
        part["count"] = part["count"].astype(float)
    return part


class Mortal(Parts):
    """Rows whose reading kills the process that reads them, once: at the ``at``-th time that one process reads."""

    def __init__(self, parts, mark, at):
        super().__init__(parts)
        self.mark, self.at, self.spared, self.reads = str(mark), at, os.getpid(), 0

    def pieces(self, first, sizes, vectors_only):
        self.reads += 1
        if self.reads == self.at and os.getpid() != self.spared:
            try:
                with open(self.mark, "x") as file:
                    file.write(str(os.getpid()))
            except FileExistsError:
                pass
            else:
                os.kill(os.getpid(), signal.SIGKILL)
        yield from super().pieces(first, sizes, vectors_only)
