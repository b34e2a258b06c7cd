"""A lock on a folder that names the process that holds it."""

from __future__ import annotations

import json
import os
import platform
import weakref

from ..errors import CheckpointError

try:
    import fcntl
except ImportError:  # not on this operating system
    fcntl = None

NAME = "in-use"


class FolderLock:
    """The exclusive use of a folder by one fit of one process, until it is closed or the process ends.

    The lock is the operating system's: it goes with its process, however that ends. On file systems and operating
    systems without locks there is none.

    Parameters
    ----------
    folder : Path
    label : str
        The name of the folder in messages.

    Raises
    ------
    CheckpointError
        Names the process that holds the folder.
    """

    def __init__(self, folder, label: str):
        self._close = lambda: None
        if fcntl is None:
            return
        handle = os.open(folder / NAME, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            who = _who(os.pread(handle, 4096, 0))
            os.close(handle)
            raise CheckpointError(f"{label} is in use by {who}: wait for that fit to end, or name another") from None
        except OSError:  # a file system without locks
            os.close(handle)
            return
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps({"process": os.getpid(), "host": platform.node()}).encode(), 0)
        self._close = weakref.finalize(self, _release, handle, os.getpid())

    def close(self) -> None:
        """Release the folder."""
        self._close()


def _who(text: bytes) -> str:
    try:
        holder = json.loads(text)
        return f"process {holder['process']} on {holder['host']}"
    except (ValueError, KeyError, TypeError):
        return "another process"


def _release(handle, owner):
    if os.getpid() == owner:  # not a process forked from it
        os.ftruncate(handle, 0)
        fcntl.flock(handle, fcntl.LOCK_UN)
    os.close(handle)
