"""What engines send away: groups of units, each a node of the tree that adds all units, and what sums one."""

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

from ..core.version import __version__
from ..errors import FastGLMError, FileFormatError
from ..source.base import Tree
from ..source.in_memory import InMemory
from ..source.task import Task
from ..source.threads import single_threaded_blas

FEWEST = 2  # groups for each thread of a cluster, below four: few enough to cost nothing, many enough to end together
SMALL = 100_000  # bytes of a reader that are sent with every group; larger ones are sent once
MOST_KEPT = 4  # readers that a worker keeps
MOST_FREE = 64 << 20  # bytes
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h

_chunks: dict = {}
_given: ContextVar[dict | None] = ContextVar("given", default=None)


class Group(NamedTuple):
    """Node ``u`` of a ``level`` of the tree, and all the units below it."""

    level: int
    u: int
    units: tuple


class Sent(NamedTuple):
    """A reader as workers receive it.

    Attributes
    ----------
    token : str
        The name under which a worker keeps it.
    payload : bytes or None
        Pickled; None where the worker should have it.
    kind : type
        Of the Chunks that cut it.
    versions : dict
        Of the libraries here.
    """

    token: str
    payload: Any
    kind: type
    versions: dict


class Refused(NamedTuple):
    """An error about the data or the installation, which another worker or another try would give too."""

    error: FastGLMError


class Unsent(NamedTuple):
    """The answer of a worker that has never seen the reader."""

    token: str


def groups_of(units: list, tree: Tree, threads: int) -> list[Group]:
    """Groups of units, about two to four for each thread, that are whole nodes of the tree.

    Parameters
    ----------
    units : list of int
        The i-th is the i-th that the tree waits for.
    tree : Tree
    threads : int
        Of all workers.
    """
    level = max(0, (len(units) // (FEWEST * max(threads, 1))).bit_length() - 1)
    there = {tree.leaf(i): unit for i, unit in enumerate(units)}
    return [group for u in dict.fromkeys(leaf >> level for leaf in there) for group in _whole(level, u, there, tree.n)]


def _whole(level, u, there, n):
    """The largest nodes below (and with) a node all of whose leaves are there."""
    leaves = range(u << level, min((u + 1) << level, n))
    if leaves and all(leaf in there for leaf in leaves):
        return [Group(level, u, tuple(there[leaf] for leaf in leaves))]
    halves = (2 * u, 2 * u + 1) if leaves and level else ()
    return [group for half in halves for group in _whole(level - 1, half, there, n)]


def value_of(units: tuple, given: dict | None, sent: Sent, change, task: bytes) -> Any:
    """The sum of a task over the units of a group: what runs on workers.

    Parameters
    ----------
    units : tuple of int
    given : dict or None
        Rows that were brought along, by the number of their fragment.
    sent : Sent
    change : RowTransform or None
        To the rows as they are read.
    task : bytes
        A pickled ``Task``.

    Returns
    -------
    value of the task, Refused or Unsent
    """
    keep_memory()
    try:
        chunks = chunks_of(sent, change)
        if chunks is None:
            return Unsent(sent.token)
        tree, task = Tree(len(units)), pickle.loads(task)
        with rows_given(given), single_threaded_blas(), np.errstate(all="ignore"), chunks.workspace() as room:
            values = (v for stretch in chunks.stretches(list(units), 1) for _, v in chunks.values(task, stretch, room))
            for i, value in enumerate(values):
                tree.put(i, value)
    except FileFormatError:
        raise  # a file system that did not answer may do so later
    except FastGLMError as error:
        return Refused(error)
    return tree.root


def result_of(items: tuple, given: dict | None, f: bytes) -> Any:
    """A function of each of some items, as a list; Refused where it raises an error about the data."""
    f = pickle.loads(f)
    try:
        with rows_given(given):
            return [f(item) for item in items]
    except FileFormatError:
        raise
    except FastGLMError as error:
        return Refused(error)


def plus(a: Any, b: Any) -> Any:
    """The sum of two values of ``value_of``, which stay as they are: a lost sum is made of them again."""
    return a if isinstance(a, Refused) else b if isinstance(b, Refused) else deepcopy(a) + b


def chunks_of(sent: Sent, change):
    """The chunks of a reader, kept with their workspaces between passes; None where it has not been sent."""
    key = sent.token, change
    if key not in _chunks:
        other = next((c for (token, _), c in list(_chunks.items()) if token == sent.token), None)
        if other is None and sent.payload is None:
            return None
        check_versions(sent.versions)
        _chunks[key] = sent.kind(pickle.loads(sent.payload) if other is None else other.reader, change)
        tokens = list(dict.fromkeys(token for token, _ in list(_chunks)))
        for old in [k for k in list(_chunks) if k[0] in tokens[:-MOST_KEPT]]:
            _chunks.pop(old, None)
    return _chunks[key]


@cache
def keep_memory() -> None:
    """Undo that every piece of rows is given back to the system, and mapped anew page by page: half the time of a pass.

    Dask starts workers with a MALLOC_TRIM_THRESHOLD_ of 64 KiB, which also ends glibc's own adaptation of the size from
    which memory is mapped. Set back, a thread keeps at most ``MOST_FREE`` bytes that are free.
    """
    if "MALLOC_TRIM_THRESHOLD_" not in os.environ:
        return
    with suppress(AttributeError, OSError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        for option, value in ((M_MMAP_THRESHOLD, MOST_FREE // 2), (M_TRIM_THRESHOLD, MOST_FREE)):
            mallopt(option, value)


@contextmanager
def rows_given(given: dict | None):
    """Rows that readers find in ``brought`` for the time of a task."""
    token = _given.set(given)
    try:
        yield
    finally:
        _given.reset(token)


def brought(fragment: int):
    """The rows of a fragment that came with the task, or None."""
    return (_given.get() or {}).get(fragment)


def kind_of(task: Task) -> tuple:
    """What compiled loops a task needs, as far as its values say."""
    kinds = ((k, v) for k, v in sorted(vars(task).items()) if not k.startswith("_"))
    return type(task), *((k, v if isinstance(v, int) else _types(v)) for k, v in kinds)


def _types(v):
    return tuple(type(item) for item in v) if isinstance(v, tuple) else type(v)


def warm(sent: Sent, change, task: bytes) -> Any:
    """Compile what a task runs, by running it over no rows; None, or Refused."""
    try:
        chunks, task = chunks_of(sent, change), pickle.loads(task)
    except FastGLMError as error:
        return Refused(error)
    # other tasks have no compiled loop of their own
    if chunks is not None and chunks.rows_alone and type(task).add is not Task.add:
        none = InMemory(chunks.shape, 1, [np.zeros((1, 2), np.int64)], chunks.block)
        with chunks.workspace() as room:
            task.add(task.begin(), none, none.units[0], room)
    return None


def versions() -> dict:
    """The versions on which the bits of an answer depend."""
    return {"fastglm": __version__, "numpy": np.__version__, "numba": numba.__version__, "scipy": scipy.__version__}


def check_versions(expected: dict) -> None:
    """Refuse to work for a process with other versions.

    Raises
    ------
    FastGLMError
        Naming this worker, and the package.
    """
    for name, here in versions().items():
        if here != expected.get(name):
            raise FastGLMError(
                f"the worker on {platform.node()}, process {os.getpid()}, has {name} {here}, the client has {name} "
                f"{expected.get(name)}: install the same versions on both"
            )


def where(chunks, units) -> str:
    """The rows of units in words, with the files they are in."""
    first, stop = int(chunks.edges[units[0]]), int(chunks.edges[units[-1] + 1])
    text = f"rows {first} to {stop - 1} (units {units[0]} to {units[-1]})"
    labels = getattr(chunks.reader, "labels", None)
    if labels is None:
        return text
    found = labels(first, stop)
    return f"{text} of {found[0]}" + (f" to {found[-1]}" if len(found) > 1 else "")
