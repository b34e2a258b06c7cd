"""Versions of files: a changed file is recognised by its size, its time or etag, and a digest of parts of it.

A file is checked after every read, so that no result is made of two versions.
"""

from __future__ import annotations

import hashlib
from typing import Any

from ..errors import FileFormatError

BLOCK, BLOCKS = 4096, 16  # bytes and number of the pieces of a local file that its digest is of
TAIL = 1 << 16  # bytes at the end of a file elsewhere

_verified: dict[Any, Any] = {}  # times of files that a copy of their rows found to hold what the original saw


def marked(file: Any) -> Any:
    """The file with its digest; a file with an etag needs none."""
    has_etag = file.system is not None and not isinstance(file.stamp, int)
    return file if has_etag else file._replace(mark=digest(file))


def digest(file: Any) -> str:
    """A digest of some blocks of a file, and of the footer of Parquet; of all bytes of a file up to 64 KiB."""
    hasher = hashlib.blake2b(digest_size=16)
    with file.open() as handle:
        size = handle.size()
        tail = min(size, BLOCK if file.system is None else TAIL)
        if file.kind == "parquet" and size >= 8:
            tail = max(tail, min(size, 8 + int.from_bytes(handle.read_at(8, size - 8)[:4], "little")))
        hasher.update(handle.read_at(tail, size - tail))
        for k in range(BLOCKS if file.system is None else 0):
            hasher.update(handle.read_at(BLOCK, k * max(BLOCK, size // BLOCKS)))
    return hasher.hexdigest()


def check(file: Any, is_original: bool = True, fully: bool = False) -> None:
    """Refuse a file that is gone, or no longer the one that was opened.

    Parameters
    ----------
    file : File
    is_original : bool
        Whether this process has opened it. A copy on another machine may have another time of change: then its digest
        decides.
    fully : bool
        Whether to compare the digest even if time and size are the same.

    Raises
    ------
    FileFormatError
    """
    try:
        now = file.now()
        if now is None:
            raise FileFormatError(f"{file.place}: the file was removed after it was opened")
        same = now == (file.size, file.stamp)
        if not same and not is_original and file.system is None and file.mark:
            # the time is cached, so that the digest is not computed at every read
            known = file.path, file.size, file.mark
            same = now[0] == file.size and (_verified.get(known) == now[1] or digest(file) == file.mark)
            if same:
                _verified[known] = now[1]
        if not same or (fully and file.mark and digest(file) != file.mark):
            raise FileFormatError(f"{file.place}: the file was changed after it was opened; open it again")
    except PermissionError:
        raise FileFormatError(f"{file.place}: no permission to read it") from None
    except OSError as error:
        raise FileFormatError(f"{file.place}: cannot be read: {error.strerror or error}") from None
