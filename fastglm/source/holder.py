"""A folder that one process works in at a time, and says which."""

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


class Holder:
    """The only process, and the only fit of it, that works in a folder, until it is closed or the process ends.

    The lock is the operating system's: it goes with its process, however that ends. On file systems and operating
    systems without locks there is none.

    Parameters
    ----------
    folder : Path
    what : str
        What it is called in messages.

    Raises
    ------
    CheckpointError
        Naming the process that has the folder.
    """

    def __init__(self, folder, what: str):
        self._close = lambda: None
        if fcntl is None:
            return
        handle = os.open(folder / NAME, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            who = _who(os.pread(handle, 4096, 0))
            os.close(handle)
            raise CheckpointError(f"{what} is in use by {who}: wait for that fit to end, or name another") from None
        except OSError:  # a file system without locks
            os.close(handle)
            return
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps({"process": os.getpid(), "host": platform.node()}).encode(), 0)
        self._close = weakref.finalize(self, _release, handle, os.getpid())

    def close(self) -> None:
        """Let others work in the folder."""
        self._close()


def _who(text: bytes) -> str:
    try:
        found = json.loads(text)
        return f"process {found['process']} on {found['host']}"
    except (ValueError, KeyError, TypeError):
        return "another process"


def _release(handle, owner):
    if os.getpid() == owner:  # and not a process forked from it
        os.ftruncate(handle, 0)
        fcntl.flock(handle, fcntl.LOCK_UN)
    os.close(handle)
