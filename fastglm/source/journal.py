"""The sums of all passes, kept on disk, so that an interrupted fit goes on where it was, to the same bits.

Everything else in a fit is computed from the sums of its passes. So a fit that is resumed runs from its beginning, and
passes that were made already are answered from the journal. Of a pass under way the tree of its units is kept: the few
sums that wait for their neighbours.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from ..core import sealed
from ..core.atomic import HALF, replacing
from ..core.measured import JOURNAL_SECONDS
from ..errors import CheckpointError, FileFormatError
from .base import Tree
from .holder import FolderLock

VERSION = 2  # of the files in the folder
HEAD, PARTIAL = "fit.json", "partial.npz"


class Journal:
    """The passes of one fit, in a folder.

    Parameters
    ----------
    folder : str or Path
        Created if missing. Every file in it is written atomically.
    identity : dict
        Plain values that differ for another fit: the rows, the model, the version.
    every : float
        Seconds between two writes within a pass.

    Raises
    ------
    CheckpointError
        For a folder with the passes of another fit, naming the difference, or in use by another process.
    FileFormatError
        For a folder that cannot be written, or files in it that cannot be read.
    """

    def __init__(self, folder, identity: dict, every: float = JOURNAL_SECONDS):
        self.folder, self.every, self.position, self.resumed = Path(folder), every, 0, 0
        identity = {"format": VERSION, **json.loads(json.dumps(identity, default=str))}
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._holder = FolderLock(self.folder, f"checkpoint={str(folder)!r}")
            for half in self.folder.glob(f"{HALF}*"):  # of a process that was killed
                half.unlink()
            head = self.folder / HEAD
            if head.is_file():
                self._compare(json.loads(head.read_text()), identity)
            else:
                with replacing(head, lasting=True) as file:
                    file.write(json.dumps(identity, indent=1))
        except OSError as error:
            raise FileFormatError(f"checkpoint={str(folder)!r}: {error.strerror or error}") from None
        except ValueError as error:
            self.close()
            if isinstance(error, CheckpointError):
                raise
            raise FileFormatError(f"{head}: cannot be read; remove the folder to start afresh") from None

    def close(self) -> None:
        """Release the folder for another fit."""
        holder = getattr(self, "_holder", None)
        if holder is not None:
            holder.close()

    def _compare(self, before, now):
        for name, old, after in _differences(before, now):
            raise CheckpointError(
                f"checkpoint={str(self.folder)!r} is of another fit: {name} was {old}, now it is {after}; "
                "remove the folder to start afresh, or name another"
            )

    def run(self, engine, chunks, task, units: list, tree: Tree) -> Any:
        """The sum of a task over the units, from the journal as far as it has it."""
        number, self.position = self.position, self.position + 1
        key, path = digest(task), self.folder / f"pass-{number:04d}.npz"
        if path.is_file():
            self.resumed += 1
            return self._read(path, key)["value"]
        resumable = ResumableTree(tree.n, self.every, lambda state: self._save(PARTIAL, key, number=number, **state))
        partial = self.folder / PARTIAL
        if partial.is_file():
            entry = self._read(partial, None)
            if entry["number"] == number and entry["key"] == key:
                resumable.restore(entry["done"], entry["waiting"])
                self.resumed += 1
        left = [i for i in range(tree.n) if i not in resumable.done]
        resumable.places, resumable.on_unit = left, tree.on_unit
        engine.run(chunks, task, [units[i] for i in left], resumable)
        self._save(path.name, key, value=resumable.root)
        partial.unlink(missing_ok=True)
        return resumable.root

    def _save(self, name, key, **values):
        arrays: dict = {}
        text = json.dumps({"key": key, **{what: pack(value, arrays) for what, value in values.items()}})
        try:
            sealed.write(self.folder / name, {"text": np.frombuffer(text.encode(), np.uint8), **arrays})
        except OSError as error:
            raise FileFormatError(
                f"checkpoint={str(self.folder)!r}: cannot write {name}: {error.strerror or error}"
            ) from None

    def _read(self, path, key):
        try:
            arrays = sealed.read(path)
            packed = json.loads(bytes(arrays["text"]).decode())
            entry = {what: value if what == "key" else unpack(value, arrays) for what, value in packed.items()}
        except (ValueError, KeyError, TypeError) as error:
            why = str(error) if isinstance(error, FileFormatError) else f"{path}: cannot be read"
            raise FileFormatError(f"{why}; remove the folder to start afresh") from None
        if key is not None and entry["key"] != key:
            raise FileFormatError(
                f"{path}: this pass was made at other coefficients, as on another processor or with other libraries; "
                "remove the folder to start afresh"
            )
        return entry


class ResumableTree(Tree):
    """A tree that passes its state to ``save`` every so many seconds.

    ``done`` holds the numbers of the leaves added so far; ``places[i]`` is the leaf that an engine calls i.
    """

    def __init__(self, n: int, every: float, save):
        super().__init__(n)
        self.every, self.save, self.done, self.places, self.last = every, save, set(), range(n), time.monotonic()

    def restore(self, done: list, waiting: list) -> None:
        """Continue from a saved state."""
        self.done = set(done)
        self.waiting = {(level, unit): value for level, unit, value in waiting}

    def put(self, unit: int, value) -> None:
        """Add a unit's value; sums are made under a lock, so that a saved state is consistent."""
        self.put_node(0, self.places[unit], value)

    def leaf(self, i: int) -> int:
        return self.places[i]

    def put_node(self, level: int, unit: int, value) -> None:
        with self.lock:
            self._add(unit, value, level)
            self.done.update(range(unit << level, min((unit + 1) << level, self.n)))
            if time.monotonic() - self.last >= self.every and len(self.done) < self.n:
                self.save({"done": sorted(self.done), "waiting": [(*at, item) for at, item in self.waiting.items()]})
                self.last = time.monotonic()


def digest(task) -> str:
    """A digest of the class of a task and of all its values."""
    hasher = hashlib.blake2b(digest_size=16)
    _feed(hasher, [type(task).__name__, {k: value for k, value in vars(task).items() if not k.startswith("_")}])
    return hasher.hexdigest()


def _feed(hasher, value):
    if isinstance(value, np.ndarray):
        hasher.update(f"{value.dtype}{value.shape}".encode())
        hasher.update(np.ascontiguousarray(value).tobytes())
    elif isinstance(value, dict):
        _feed(hasher, sorted(value.items()))
    elif hasattr(value, "needs_rows"):  # a task within another
        _feed(hasher, digest(value))
    elif isinstance(value, (list, tuple)):
        hasher.update(f"{type(value).__name__}{len(value)}".encode())
        for item in value:
            _feed(hasher, item)
    else:
        hasher.update(repr(value).encode())


def pack(value, arrays: dict) -> Any:
    """A value of arrays, numbers, text and tuples of these as JSON; its arrays are added to ``arrays``."""
    if isinstance(value, np.ndarray):
        name = f"a{len(arrays)}"
        arrays[name] = value
        return {"array": name}
    if isinstance(value, float):
        return {"float": float(value).hex()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return {
            "class": f"{type(value).__module__}:{type(value).__name__}",
            "of": [pack(item, arrays) for item in value],
        }
    if isinstance(value, (tuple, list)):
        return {"tuple": [pack(item, arrays) for item in value]}
    return value


def unpack(value, arrays) -> Any:
    """The inverse of ``pack``; classes are the library's own records only."""
    if not isinstance(value, dict):
        return value
    if "array" in value:
        return arrays[value["array"]]
    if "float" in value:
        return float.fromhex(value["float"])
    if "tuple" in value:
        return tuple(unpack(item, arrays) for item in value["tuple"])
    module, _, name = value["class"].partition(":")
    ours = module.split(".")[0] == __package__.split(".")[0]
    kind = getattr(importlib.import_module(module), name, None) if ours else None
    if not (isinstance(kind, type) and issubclass(kind, tuple) and hasattr(kind, "_fields")):
        raise ValueError(f"{value['class']} is no record")
    return kind(*(unpack(item, arrays) for item in value["of"]))


def _differences(before, after, name=""):
    """(name, old, new) of every difference of two plain values."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in (*before, *(k for k in after if k not in before)):
            yield from _differences(before.get(key), after.get(key), f"{name} {key}".strip())
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for i, (one, y) in enumerate(zip(before, after, strict=True)):
            label = y.get("path", i) if isinstance(y, dict) else i
            yield from _differences(one, y, f"{name} {label}")
    elif before != after:
        yield name, _short(before), _short(after)


def _short(value):
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
