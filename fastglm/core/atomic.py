"""Files that are there whole or not at all, and that are never one of those that are read."""

from __future__ import annotations

import os
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HALF = ".half-"  # how the name of a file that is being written begins; its end tells the format


@contextmanager
def whole(path, lasting: bool = False):
    """A path to write to, which takes the name ``path`` at the end, or is removed where that is not reached.

    Parameters
    ----------
    path : str or Path
    lasting : bool
        Whether the file should outlast a crash of the machine: it is synchronised with the disk, as is its name.

    Yields
    ------
    Path
        Of a file in the same folder that does not exist yet.
    """
    path = Path(path)
    draft = path.with_name(f"{HALF}{uuid.uuid4().hex[:12]}-{path.name}")
    try:
        yield draft
        if lasting:
            _sync(draft, os.O_RDWR)
        os.replace(draft, path)
        if lasting and hasattr(os, "O_DIRECTORY"):
            _sync(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def replacing(path, mode: str = "x", lasting: bool = False):
    """The open file of ``whole``: text in UTF-8, or bytes for the mode "xb"."""
    with whole(path, lasting) as draft, open(draft, mode, encoding=None if "b" in mode else "utf-8") as file:
        yield file


def _sync(path, flags):
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def is_same_file(a: Any, b: Any) -> bool:
    """Whether two paths lead to one file, through whatever links; False where one of them is not there."""
    try:
        return os.path.samefile(a, b)
    except OSError:
        return False
