"""Arrays in an npz file with a digest of all of them, so that an altered file is refused; documents with a header."""

from __future__ import annotations

import hashlib
import json
import zipfile
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..errors import FileFormatError, InvalidParameterError
from .atomic import replacing

SEAL, HEADER = "seal", "header"
# what a damaged archive raises
DAMAGED = (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile, NotImplementedError, RuntimeError)


def seal(arrays: dict[Any, Any]) -> np.ndarray:
    """A digest of the names, types, shapes and contents of arrays."""
    digest = hashlib.blake2b(digest_size=32)
    for name in sorted(arrays):
        array = np.asarray(arrays[name])
        digest.update(repr((name, array.dtype.str, array.shape)).encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return np.frombuffer(digest.digest(), np.uint8)


def write(path: Any, arrays: dict[Any, Any], lasting: bool = True) -> None:
    """Write arrays as an npz file, which outlasts a crash of the machine if it is ``lasting``.

    Raises
    ------
    OSError
    """
    with replacing(path, "xb", lasting=lasting) as file:
        np.savez(file, **arrays, **{SEAL: seal(arrays)})


def read(path: Any) -> dict[Any, Any]:
    """The arrays that ``write`` wrote.

    Raises
    ------
    FileFormatError
        For a file that is damaged, or was altered since.
    """
    try:
        arrays = _arrays(path)
    except DAMAGED as error:
        line = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise FileFormatError(f"{path}: cannot be read, it is not a checkpoint or damaged: {line}") from None
    if SEAL not in arrays:
        raise FileFormatError(f"{path}: has no checksum: it is not a checkpoint, or one of an older version")
    _check_seal(path, arrays)
    return arrays


def write_document(path: Any, format: str, version: int, header: dict[Any, Any], arrays: dict[Any, Any]) -> None:
    """Write arrays beside a header of plain values.

    Raises
    ------
    TypeError
        If JSON cannot hold the header.
    OSError
    """
    text = json.dumps({"format": format, "version": version, **header})
    write(path, {HEADER: np.array(text), **arrays}, lasting=False)


def read_document(path: Any, what: str, format: str, version: int) -> tuple[dict[Any, Any], dict[Any, Any]]:
    """The header and the arrays that ``write_document`` wrote; files of versions that wrote no digest are read too.

    Raises
    ------
    FileFormatError
        For a file that is not ``what``, is damaged, was altered since, or is newer than this version.
    OSError
        If there is no file, or it may not be read.
    """
    with open(path, "rb") as file:
        try:
            arrays = _arrays(file)
            header = json.loads(str(arrays[HEADER]))
            known, written = header["format"] == format, int(header["version"])
        except Exception as error:  # a damaged archive can fail in any way
            raise FileFormatError(f"{path} is not {what}: {error}") from None
    if not known:
        raise FileFormatError(f"{path} is not {what}")
    if written > version:
        raise FileFormatError(f"{path} was written by a newer fastglm (version {written}); upgrade to load it")
    if SEAL in arrays:
        _check_seal(path, arrays)
    del arrays[HEADER]
    return header, arrays


def format_of(path: Any) -> str | None:
    """The format that the header of a document names; None where it names none.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    with open(path, "rb") as file:
        try:
            with np.load(file, allow_pickle=False) as parts:
                found = json.loads(str(parts[HEADER]))["format"]
        except Exception:  # a damaged archive can fail in any way
            return None
    return found if isinstance(found, str) else None


@contextmanager
def restoring(path):
    """A ``with`` statement in which what is missing or has another type means that the file is damaged."""
    try:
        yield
    except InvalidParameterError:
        raise
    except (KeyError, ValueError, TypeError, IndexError, AttributeError) as error:
        raise FileFormatError(f"{path} is damaged: {error!r}") from None


def _arrays(file) -> dict[Any, Any]:
    with np.load(file, allow_pickle=False) as parts:
        return {name: parts[name] for name in parts.files}


def _check_seal(path, arrays):
    """Take the digest out of the arrays, and refuse them where it is another one."""
    kept = arrays.pop(SEAL)
    if not np.array_equal(kept, seal(arrays)):
        raise FileFormatError(f"{path}: was altered after it was written: its checksum is another one")
