"""Memory-mapped rows: pages are released after reading, so that a large file does not fill the memory."""

from __future__ import annotations

import mmap

import numpy as np

from ..core.measured import MAPPED_BYTES, MAPPED_PIECE_BYTES, READ_AHEAD_BYTES


class MappedArrays:
    """Arrays whose rows lie one after the other in memory-mapped files.

    Parameters
    ----------
    arrays : list of (file, start, stride)
        The map, the byte at which the first row begins, and the distance of rows in bytes.
    """

    def __init__(self, arrays: list):
        self.arrays, self.stride = arrays, max(stride for _, _, stride in arrays)

    def pieces(self, runs: np.ndarray, block: int):
        """Ranges of rows (k, 2) that make up ``runs`` (k, 2); long ranges are cut into whole blocks."""
        size = max(1, MAPPED_PIECE_BYTES // (self.stride * block)) * block
        if runs[:, 1].max() - runs[:, 0].min() <= size:
            yield runs
            return
        for first, stop in runs.tolist():
            for begin in range(first, stop, size):
                yield np.array([[begin, min(begin + size, stop)]])

    def release(self, runs: np.ndarray) -> None:
        """Release the pages of the rows from the first to the last of ``runs``, and pages around them."""
        for file, start, stride in self.arrays:
            first = max(0, start + int(runs[:, 0].min()) * stride - READ_AHEAD_BYTES) // mmap.PAGESIZE * mmap.PAGESIZE
            stop = min(len(file), start + int(runs[:, 1].max()) * stride + READ_AHEAD_BYTES)
            file.madvise(mmap.MADV_DONTNEED, first, stop - first)


def mapped(data) -> MappedArrays | None:
    """The arrays of a Block that are in large files, or None where none is."""
    arrays = [data.X, data.y, data.weights, data.freq_weights, data.offset, data.exposure]
    places = [place for array in arrays if array is not None and (place := _place(array))]
    return MappedArrays(places) if places else None


def _place(array):
    """(map, byte of the first row, stride) of an array in a map; None unless the map is large and stored by rows."""
    if (
        array.base is None
        or not len(array)
        or array.strides[0] < max(array.strides)
        or not hasattr(mmap, "MADV_DONTNEED")
    ):
        return None
    base = array
    while isinstance(base, np.ndarray):
        if getattr(base, "mode", "r") == "c":
            return None  # changes of a copy-on-write map are in memory alone
        base = base.base
    if not isinstance(base, mmap.mmap) or len(base) < MAPPED_BYTES:
        return None
    return base, array.ctypes.data - np.frombuffer(base, np.uint8).ctypes.data, array.strides[0]
