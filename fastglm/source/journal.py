"""What passes over the rows gave, kept on disk, so that an interrupted fit goes on where it was, to the same bits.

A fit is a sequence of passes, and everything else in it is computed from their sums. So the sums are all there is to
keep: taken up again, a fit runs from its beginning, and the passes it has made already are answered from the journal.
Of a pass under way the tree of its units is kept: the few sums that wait for their neighbours.
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
from ..errors import CheckpointError, FileFormatError
from .base import Tree
from .holder import Holder

VERSION = 2
EVERY = 60.0  # seconds between two writes within a pass
HEAD, PARTIAL = "fit.json", "partial.npz"


class Journal:
    """The passes of one fit, in a folder.

    Parameters
    ----------
    folder : str or Path
        Made if it is not there. Everything in it is written atomically.
    identity : dict
        What tells this fit from others, as plain values: the rows, the model, the version.
    every : float
        Seconds between two writes within a pass.

    Raises
    ------
    CheckpointError
        Naming what is not as it was, where the folder has the passes of another fit, or the process that works in it.
    FileFormatError
        For a folder that cannot be written, or files in it that cannot be read.
    """

    def __init__(self, folder, identity: dict, every: float = EVERY):
        self.folder, self.every, self.position, self.resumed = Path(folder), every, 0, 0
        identity = {"format": VERSION, **json.loads(json.dumps(identity, default=str))}
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._holder = Holder(self.folder, f"checkpoint={str(folder)!r}")
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
        """Let another fit have the folder."""
        holder = getattr(self, "_holder", None)
        if holder is not None:
            holder.close()

    def _compare(self, before, now):
        for name, a, b in _differences(before, now):
            raise CheckpointError(
                f"checkpoint={str(self.folder)!r} is of another fit: {name} was {a}, now it is {b}; "
                "remove the folder to start afresh, or name another"
            )

    def run(self, engine, chunks, task, units: list, tree: Tree) -> Any:
        """The sum of a task over the units, from the journal as far as it goes."""
        number, self.position = self.position, self.position + 1
        key, path = digest(task), self.folder / f"pass-{number:04d}.npz"
        if path.is_file():
            self.resumed += 1
            return self._read(path, key)["value"]
        kept = KeptTree(tree.n, self.every, lambda state: self._save(PARTIAL, key, number=number, **state))
        partial = self.folder / PARTIAL
        if partial.is_file():
            found = self._read(partial, None)
            if found["number"] == number and found["key"] == key:
                kept.restore(found["done"], found["waiting"])
                self.resumed += 1
        left = [i for i in range(tree.n) if i not in kept.done]
        kept.places, kept.seen = left, tree.seen
        engine.run(chunks, task, [units[i] for i in left], kept)
        self._save(path.name, key, value=kept.root)
        partial.unlink(missing_ok=True)
        return kept.root

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
            found = {what: v if what == "key" else unpack(v, arrays) for what, v in packed.items()}
        except (ValueError, KeyError, TypeError) as error:
            why = str(error) if isinstance(error, FileFormatError) else f"{path}: cannot be read"
            raise FileFormatError(f"{why}; remove the folder to start afresh") from None
        if key is not None and found["key"] != key:
            raise FileFormatError(
                f"{path}: this pass was made at other coefficients, as on another processor or with other libraries; "
                "remove the folder to start afresh"
            )
        return found


class KeptTree(Tree):
    """A tree whose state is handed to ``save`` every so often.

    ``done`` holds the leaves that were added; ``places[i]`` is the leaf that an engine calls i.
    """

    def __init__(self, n: int, every: float, save):
        super().__init__(n)
        self.every, self.save, self.done, self.places, self.last = every, save, set(), range(n), time.monotonic()

    def restore(self, done: list, waiting: list) -> None:
        """Go on from a state."""
        self.done = set(done)
        self.waiting = {(level, u): value for level, u, value in waiting}

    def put(self, u: int, value) -> None:
        """Give a unit's value; sums are made under a lock, so that what is saved is whole."""
        self.put_node(0, self.places[u], value)

    def leaf(self, i: int) -> int:
        return self.places[i]

    def put_node(self, level: int, u: int, value) -> None:
        with self.lock:
            self._add(u, value, level)
            self.done.update(range(u << level, min((u + 1) << level, self.n)))
            if time.monotonic() - self.last >= self.every and len(self.done) < self.n:
                self.save({"done": sorted(self.done), "waiting": [(*at, v) for at, v in self.waiting.items()]})
                self.last = time.monotonic()


def digest(task) -> str:
    """What tells a task from another: its class and all its values."""
    h = hashlib.blake2b(digest_size=16)
    _feed(h, [type(task).__name__, {k: v for k, v in vars(task).items() if not k.startswith("_")}])
    return h.hexdigest()


def _feed(h, value):
    if isinstance(value, np.ndarray):
        h.update(f"{value.dtype}{value.shape}".encode())
        h.update(np.ascontiguousarray(value).tobytes())
    elif isinstance(value, dict):
        _feed(h, sorted(value.items()))
    elif isinstance(value, (list, tuple)):
        h.update(f"{type(value).__name__}{len(value)}".encode())
        for item in value:
            _feed(h, item)
    else:
        h.update(repr(value).encode())


def pack(value, arrays: dict) -> Any:
    """A value of arrays, numbers, text and tuples of these as JSON, its arrays put aside into ``arrays``."""
    if isinstance(value, np.ndarray):
        name = f"a{len(arrays)}"
        arrays[name] = value
        return {"array": name}
    if isinstance(value, float):
        return {"float": float(value).hex()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return {"class": f"{type(value).__module__}:{type(value).__name__}", "of": [pack(v, arrays) for v in value]}
    if isinstance(value, (tuple, list)):
        return {"tuple": [pack(v, arrays) for v in value]}
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
        return tuple(unpack(v, arrays) for v in value["tuple"])
    module, _, name = value["class"].partition(":")
    ours = module.split(".")[0] == __package__.split(".")[0]
    kind = getattr(importlib.import_module(module), name, None) if ours else None
    if not (isinstance(kind, type) and issubclass(kind, tuple) and hasattr(kind, "_fields")):
        raise ValueError(f"{value['class']} is no record")
    return kind(*(unpack(v, arrays) for v in value["of"]))


def _differences(a, b, name=""):
    """(name, old, new) of what two plain values do not share."""
    if isinstance(a, dict) and isinstance(b, dict):
        for key in (*a, *(k for k in b if k not in a)):
            yield from _differences(a.get(key), b.get(key), f"{name} {key}".strip())
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            label = y.get("path", i) if isinstance(y, dict) else i
            yield from _differences(x, y, f"{name} {label}")
    elif a != b:
        yield name, _short(a), _short(b)


def _short(value):
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
