"""The work of engines: groups of units, each a node of the tree that adds all units, and functions that sum them."""

from __future__ import annotations

import ctypes
import os
import pickle
import platform
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from copy import deepcopy
from functools import cache
from typing import Any, NamedTuple

import numba
import numpy as np
import scipy

from ..core.measured import FREE_BYTES, GROUPS_PER_THREAD, MOST_READERS
from ..core.version import __version__
from ..errors import FastGLMError, FileFormatError
from ..source.base import Tree
from ..source.in_memory import InMemory
from ..source.task import Task
from ..source.threads import single_threaded_blas

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h

_chunks: dict = {}
_fragments: ContextVar[dict | None] = ContextVar("given", default=None)


class UnitGroup(NamedTuple):
    """Node ``u`` of a ``level`` of the tree, and all the units below it."""

    level: int
    u: int
    units: tuple


class ReaderMessage(NamedTuple):
    """A message with a reader, as workers receive it.

    Attributes
    ----------
    token : str
        The name under which a worker caches the reader.
    payload : bytes or None
        The pickled reader; None where the worker should have it.
    kind : type
        The class of Chunks that cuts it.
    versions : dict
        The versions of the libraries of the client.
    """

    token: str
    payload: Any
    kind: type
    versions: dict


class PermanentError(NamedTuple):
    """An error about the data or the installation, which another worker or another try would give too."""

    error: FastGLMError


class MissingReader(NamedTuple):
    """The answer of a worker that has never seen the reader."""

    token: str


def groups_of(units: list, tree: Tree, threads: int) -> list[UnitGroup]:
    """Groups of units, about two to four for each thread, that are whole nodes of the tree.

    Parameters
    ----------
    units : list of int
        The i-th unit is the i-th leaf that the tree waits for.
    tree : Tree
    threads : int
        The threads of all workers.
    """
    level = max(0, (len(units) // (GROUPS_PER_THREAD * max(threads, 1))).bit_length() - 1)
    unit_of = {tree.leaf(i): unit for i, unit in enumerate(units)}
    nodes = dict.fromkeys(leaf >> level for leaf in unit_of)
    return [group for node in nodes for group in _whole(level, node, unit_of, tree.n)]


def _whole(level, number, unit_of, n):
    """The largest nodes at or below a node of whose leaves none is missing."""
    leaves = range(number << level, min((number + 1) << level, n))
    if leaves and all(leaf in unit_of for leaf in leaves):
        return [UnitGroup(level, number, tuple(unit_of[leaf] for leaf in leaves))]
    halves = (2 * number, 2 * number + 1) if leaves and level else ()
    return [group for half in halves for group in _whole(level - 1, half, unit_of, n)]


def sum_of_group(units: tuple, fragments: dict | None, message: ReaderMessage, change, task: bytes) -> Any:
    """The sum of a task over the units of a group, computed by a worker.

    Parameters
    ----------
    units : tuple of int
    fragments : dict or None
        Rows that came with the task, by the number of their fragment.
    message : ReaderMessage
    change : RowTransform or None
        A change of the rows as they are read.
    task : bytes
        A pickled ``Task``.

    Returns
    -------
    value of the task, PermanentError or MissingReader
    """
    keep_memory()
    try:
        chunks = chunks_of(message, change)
        if chunks is None:
            return MissingReader(message.token)
        tree, task = Tree(len(units)), pickle.loads(task)
        with with_fragments(fragments), single_threaded_blas(), np.errstate(all="ignore"), chunks.workspace() as room:
            values = (
                item for stretch in chunks.unit_runs(list(units), 1) for _, item in chunks.values(task, stretch, room)
            )
            for i, value in enumerate(values):
                tree.put(i, value)
    except FileFormatError:
        raise  # a file system that did not answer may answer another try
    except FastGLMError as error:
        return PermanentError(error)
    return tree.root


def results_of(items: tuple, fragments: dict | None, function: bytes) -> Any:
    """The function of each item as a list; a PermanentError where it raises an error about the data."""
    function = pickle.loads(function)
    try:
        with with_fragments(fragments):
            return [function(item) for item in items]
    except FileFormatError:
        raise
    except FastGLMError as error:
        return PermanentError(error)


def plus(left: Any, right: Any) -> Any:
    """The sum of two values of ``sum_of_group``, which are not changed, so that a lost sum can be made again."""
    for value in (left, right):
        if isinstance(value, PermanentError):
            return value
    return deepcopy(left) + right


def chunks_of(message: ReaderMessage, change):
    """The chunks of a reader, cached with their workspaces between passes; None without the reader."""
    key = message.token, change
    if key not in _chunks:
        other = next((chunks for (token, _), chunks in list(_chunks.items()) if token == message.token), None)
        if other is None and message.payload is None:
            return None
        check_versions(message.versions)
        _chunks[key] = message.kind(pickle.loads(message.payload) if other is None else other.reader, change)
        tokens = list(dict.fromkeys(token for token, _ in list(_chunks)))
        for old in [k for k in list(_chunks) if k[0] in tokens[:-MOST_READERS]]:
            _chunks.pop(old, None)
    return _chunks[key]


@cache
def keep_memory() -> None:
    """Keep freed memory in the process: to map it again, page by page, takes half the time of a pass.

    Dask starts workers with a MALLOC_TRIM_THRESHOLD_ of 64 KiB, which also ends glibc's own adaptation of the size from
    which memory is mapped. With this setting a thread keeps at most ``FREE_BYTES`` bytes that are free.
    """
    if "MALLOC_TRIM_THRESHOLD_" not in os.environ:
        return
    with suppress(AttributeError, OSError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        for option, value in ((M_MMAP_THRESHOLD, FREE_BYTES // 2), (M_TRIM_THRESHOLD, FREE_BYTES)):
            mallopt(option, value)


@contextmanager
def with_fragments(fragments: dict | None):
    """Rows that readers find by ``fragment_rows`` for the time of a task."""
    token = _fragments.set(fragments)
    try:
        yield
    finally:
        _fragments.reset(token)


def fragment_rows(fragment: int):
    """The rows of a fragment that came with the task, None if there are none."""
    return (_fragments.get() or {}).get(fragment)


def kind_of(task: Task) -> tuple:
    """A key for the compiled loops that a task needs: its class and the types of its values."""
    kinds = ((k, value) for k, value in sorted(vars(task).items()) if not k.startswith("_"))
    return type(task), *((k, value if isinstance(value, int) else _types(value)) for k, value in kinds)


def _types(value):
    return tuple(type(item) for item in value) if isinstance(value, tuple) else type(value)


def warm(message: ReaderMessage, change, task: bytes) -> Any:
    """Compile the loops of a task by running it over no rows; None, or a PermanentError."""
    try:
        chunks, task = chunks_of(message, change), pickle.loads(task)
    except FastGLMError as error:
        return PermanentError(error)
    # other tasks have no compiled loop of their own
    if chunks is not None and chunks.rows_alone and type(task).add is not Task.add:
        none = InMemory(chunks.shape, 1, [np.zeros((1, 2), np.int64)], chunks.block)
        with chunks.workspace() as room:
            task.add(task.begin(), none, none.units[0], room)
    return None


def versions() -> dict:
    """The versions of the libraries on which the bits of an answer depend."""
    return {"fastglm": __version__, "numpy": np.__version__, "numba": numba.__version__, "scipy": scipy.__version__}


def check_versions(expected: dict) -> None:
    """Refuse to work for a process with other versions.

    Raises
    ------
    FastGLMError
        Names this worker and the package.
    """
    for name, installed in versions().items():
        if installed != expected.get(name):
            raise FastGLMError(
                f"the worker on {platform.node()}, process {os.getpid()}, has {name} {installed}, the client has "
                f"{name} {expected.get(name)}: install the same versions on both"
            )


def where(chunks, units) -> str:
    """The rows of units in words, with their files."""
    first, stop = int(chunks.edges[units[0]]), int(chunks.edges[units[-1] + 1])
    text = f"rows {first} to {stop - 1} (units {units[0]} to {units[-1]})"
    labels = getattr(chunks.reader, "labels", None)
    if labels is None:
        return text
    names = labels(first, stop)
    return f"{text} of {names[0]}" + (f" to {names[-1]}" if len(names) > 1 else "")
