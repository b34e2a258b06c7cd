"""Memory-mapped rows: pages that have been read are given back, so that a large file does not fill the memory."""

from __future__ import annotations

import mmap

import numpy as np

LARGE = 1 << 28  # bytes of a map, below which its pages may stay
PIECE = 1 << 25  # bytes of rows that are read before their pages are given back
AROUND = 1 << 17  # bytes that the system may have mapped on both sides of what was read


class Mapped:
    """Arrays whose rows lie one after the other in memory-mapped files.

    Parameters
    ----------
    arrays : list of (file, start, stride)
        The map, the byte at which the first row begins, and how many bytes further the next one does.
    """

    def __init__(self, arrays: list):
        self.arrays, self.stride = arrays, max(stride for _, _, stride in arrays)

    def pieces(self, runs: np.ndarray, block: int):
        """Ranges of rows (k, 2) that make up ``runs`` (k, 2), long ones cut into whole blocks."""
        size = max(1, PIECE // (self.stride * block)) * block
        if runs[:, 1].max() - runs[:, 0].min() <= size:
            yield runs
            return
        for a, b in runs.tolist():
            for c in range(a, b, size):
                yield np.array([[c, min(c + size, b)]])

    def release(self, runs: np.ndarray) -> None:
        """Give back the pages of the rows from the first to the last of ``runs``, and those around them."""
        for file, start, stride in self.arrays:
            a = max(0, start + int(runs[:, 0].min()) * stride - AROUND) // mmap.PAGESIZE * mmap.PAGESIZE
            b = min(len(file), start + int(runs[:, 1].max()) * stride + AROUND)
            file.madvise(mmap.MADV_DONTNEED, a, b - a)


def mapped(data) -> Mapped | None:
    """The arrays of a Data that are in large files, or None where none is."""
    arrays = [data.X, data.y, data.weights, data.freq_weights, data.offset, data.exposure]
    found = [place for v in arrays if v is not None and (place := _place(v))]
    return Mapped(found) if found else None


def _place(v):
    """The map that an array is in, where its first row begins, and its stride; None unless it is large and by rows."""
    if v.base is None or not len(v) or v.strides[0] < max(v.strides) or not hasattr(mmap, "MADV_DONTNEED"):
        return None
    base = v
    while isinstance(base, np.ndarray):
        if getattr(base, "mode", "r") == "c":
            return None  # what was written to such a map is in memory alone
        base = base.base
    if not isinstance(base, mmap.mmap) or len(base) < LARGE:
        return None
    return base, v.ctypes.data - np.frombuffer(base, np.uint8).ctypes.data, v.strides[0]
