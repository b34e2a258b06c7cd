"""The state of a fit in a file: plain npz without pickles, written atomically, and refused for another fit."""

from __future__ import annotations

import hashlib
import json
import os

import numpy as np
from scipy.sparse import issparse

from ...core import sealed
from ...errors import FileFormatError, InvalidParameterError
from ...options.sgd import MUTABLE
from .state import State

FORMAT = "fastglm stochastic state 2"
ROWS = 1024  # of X that tell one data set from another


def signature(task, method: str) -> dict:
    """What a checkpoint must agree in: the options that matter to the path, and digests of the data."""
    data, rows = task.data, task.rows
    ids = np.unique(np.linspace(0, len(rows.y) - 1, ROWS).astype(np.int64))
    X = data.X[ids]
    parts = (X.indptr, X.indices, X.data) if issparse(X) else (np.ascontiguousarray(X),)
    kept = {f: v for f, v in task.options._asdict().items() if f not in MUTABLE}
    options = {f: _named(v) for f, v in kept.items()}
    if task.strengths is not None:
        options["penalty"] = _digest(*task.strengths)
    return {
        **options,
        "method": method,
        "model": repr(task.pair) if task.pair is not None else f"softmax of {task.width} classes",
        "shape of X": list(data.X.shape),
        "type of X": str(data.X.dtype),
        "intercept": task.has_intercept,
        "X": _digest(*parts),
        "y": _digest(rows.y),
        "weights": _digest(rows.weight),
        "offset": _digest(rows.shift),
    }


def _named(value):
    if callable(value):
        return f"{value.__module__}.{getattr(value, '__qualname__', type(value).__qualname__)}"
    if isinstance(value, (str, bool, type(None))):
        return value
    return repr(sorted(value.items())) if hasattr(value, "items") else float(value)


def _digest(*arrays):
    digest = hashlib.blake2b(digest_size=16)
    for a in arrays:
        digest.update(b"" if a is None else np.ascontiguousarray(a).view(np.uint8).data)
    return digest.hexdigest()


def save(path, signature: dict, state: State) -> None:
    """Write the state; a reader finds the old file or the new one, never a part."""
    arrays = {name: getattr(state, name) for name in State.ARRAYS}
    scalars = {name: getattr(state, name) for name in State.SCALARS}
    about = {"format": FORMAT, "signature": signature, "scalars": scalars, "notes": state.notes}
    columns = {f"history_{n}": np.array([r[n] for r in state.history]) for n in (state.history or [{}])[0]}
    sealed.write(path, {"about": np.array(json.dumps(about)), **arrays, **columns})


def load(path, signature: dict, state: State) -> bool:
    """Read a state saved by the same fit into ``state``; False where there is no file.

    Raises
    ------
    InvalidParameterError
        For the checkpoint of a fit with other data or options; the message names what differs.
    FileFormatError
        For a file that is not a checkpoint.
    """
    if not os.path.exists(path):
        return False
    try:
        content = sealed.read(path)
        about = json.loads(str(content["about"]))
        known = about["format"] == FORMAT
    except FileFormatError:
        raise
    except (ValueError, KeyError, TypeError) as error:
        raise FileFormatError(f"checkpoint={os.fspath(path)!r} is not a checkpoint, or is damaged: {error}") from None
    if not known:
        raise FileFormatError(f"checkpoint={os.fspath(path)!r} has the format {about['format']!r}, not {FORMAT!r}")
    theirs = about["signature"]
    for name, value in signature.items():
        if theirs.get(name) != value:
            shown = "" if len(str(value)) == 32 else f": {theirs.get(name)!r} there, {value!r} here"
            raise InvalidParameterError(f"checkpoint={os.fspath(path)!r} is of a fit that differs in {name}{shown}")
    _fill(state, content, about)
    return True


def _fill(state, content, about):
    for name in State.ARRAYS:
        np.copyto(getattr(state, name), content[name])
    for name, value in about["scalars"].items():
        setattr(state, name, value)
    kept = {n.removeprefix("history_"): v for n, v in content.items() if n.startswith("history_")}
    columns = {n: list(v) if v.ndim > 1 else v.tolist() for n, v in kept.items()}
    state.history[:] = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    state.notes[:] = about["notes"]
