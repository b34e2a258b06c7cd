"""Arrays in a file with a digest of all of them, so that an altered file is refused."""

from __future__ import annotations

import hashlib
import zipfile

import numpy as np

from ..errors import FileFormatError
from .atomic import whole

SEAL = "seal"
# what a damaged archive raises
DAMAGED = (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile, NotImplementedError, RuntimeError)


def seal(arrays: dict) -> np.ndarray:
    """A digest of the names, types, shapes and contents of arrays."""
    digest = hashlib.blake2b(digest_size=32)
    for name in sorted(arrays):
        array = np.asarray(arrays[name])
        digest.update(repr((name, array.dtype.str, array.shape)).encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return np.frombuffer(digest.digest(), np.uint8)


def write(path, arrays: dict) -> None:
    """Write arrays as an npz file that outlasts a crash.

    Raises
    ------
    OSError
    """
    with whole(path, lasting=True) as draft, open(draft, "xb") as file:
        np.savez(file, **arrays, **{SEAL: seal(arrays)})


def read(path) -> dict:
    """The arrays that ``write`` wrote.

    Raises
    ------
    FileFormatError
        For a file that is damaged, or was altered since.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except DAMAGED as error:
        line = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise FileFormatError(f"{path}: cannot be read, it is not a checkpoint or damaged: {line}") from None
    if SEAL not in arrays:
        raise FileFormatError(f"{path}: has no checksum: it is not a checkpoint, or one of an older version")
    kept = arrays.pop(SEAL)
    if not np.array_equal(kept, seal(arrays)):
        raise FileFormatError(f"{path}: was altered after it was written: its checksum is another one")
    return arrays
