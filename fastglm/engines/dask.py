"""Passes on a Dask cluster: a few large tasks a thread, each a node of the tree, and no state on the workers.

Data that are scattered, or kept by actors, are lost with their worker; tasks are run again. So every task has its data
as arguments, and a worker only caches objects that can be sent again.
"""

from __future__ import annotations

import time
import uuid
from concurrent.futures import CancelledError
from weakref import WeakKeyDictionary

from ..core.measured import FEW_SUMS, LARGE_SUM, SMALL_READER
from ..errors import EngineError, FastGLMError, InvalidParameterError, SetupWarning, warn
from . import tasks
from .tasks import PermanentError, ReaderMessage

TIMEOUT = 3600.0  # seconds
LOOK = 5.0  # seconds between two looks at whether there are workers
ALONE = 120.0  # seconds without a worker that takes work, after which a pass is given up
RETRIES = 3  # times that a task is run again after its worker died; chosen


class Dask:
    """An engine over a Dask cluster.

    Parameters
    ----------
    client : distributed.Client
    timeout : float
        The seconds that workers may take until one of the groups under way is done.

    Raises
    ------
    InvalidParameterError
        For an asynchronous client.
    """

    def __init__(self, client, timeout: float = TIMEOUT):
        if client.asynchronous:
            raise InvalidParameterError("client is asynchronous; pass one made with asynchronous=False")
        self.client, self.timeout = client, timeout
        self._sent: WeakKeyDictionary = WeakKeyDictionary()
        self._warm: set = set()

    def threads(self) -> int:
        """The threads of all workers."""
        return sum(self.client.nthreads().values())

    def run(self, chunks, task, units: list, tree) -> None:
        """Put the values of ``units`` into ``tree``, the i-th at place i."""
        from distributed.protocol.pickle import dumps

        groups, packed = tasks.groups_of(units, tree, self.threads()), dumps(task)
        message = self._prepared(chunks, task, packed)
        futures_of = getattr(chunks.reader, "held", lambda first, stop: None)
        edges = chunks.edges
        fragments = [futures_of(int(edges[group.units[0]]), int(edges[group.units[-1] + 1])) for group in groups]
        parts = zip(groups, fragments, strict=True)
        calls = [(group.units, rows, message, chunks.change, packed) for group, rows in parts]
        futures = self._map(tasks.sum_of_group, "fastglm-pass", calls)
        nodes = {(group.level, group.u): (future, group.units) for group, future in zip(groups, futures, strict=True)}
        del futures
        if size_of(task) >= LARGE_SUM:
            self._add(nodes, tree.n)
        waiting = {future: (node, units) for node, (future, units) in nodes.items()}
        del nodes
        for (node, _), value in self._finished(waiting, lambda what: tasks.where(chunks, what[1])):
            tree.put_node(*node, value)

    def map(self, function, items, held=None) -> list:
        """The function of each item, in order.

        Parameters
        ----------
        function : callable
        items : sequence of int
        held : dict, optional
            For each item a future of the rows that ``function`` finds with ``tasks.fragment_rows``.
        """
        from distributed.protocol.pickle import dumps

        items = list(items)
        size = 1 if held else max(1, -(-len(items) // (4 * max(self.threads(), 1))))
        parts = [tuple(items[i : i + size]) for i in range(0, len(items), size)]
        fragments = [None if held is None else {i: held[i] for i in part} for part in parts]
        packed = dumps(function)
        calls = [(part, rows, packed) for part, rows in zip(parts, fragments, strict=True)]
        futures = self._map(tasks.results_of, "fastglm-look", calls)
        waiting = {future: (i, part) for i, (future, part) in enumerate(zip(futures, parts, strict=True))}
        del futures
        results = dict(self._finished(waiting, lambda what: f"fragments {what[1][0]} to {what[1][-1]}"))
        return [value for (_, _), values in sorted(results.items()) for value in values]

    def _map(self, function, name, calls):
        """Futures of the function for the arguments of each call."""
        # never as keywords of the map: large ones become tasks that are named by the keyword, the same in every map
        key = f"{name}-{uuid.uuid4().hex[:8]}"
        return self.client.map(function, *map(list, zip(*calls, strict=True)), key=key, pure=False, retries=RETRIES)

    def _prepared(self, chunks, task, packed) -> ReaderMessage:
        """The message with the reader, once all workers have compiled the loops of the task."""
        from distributed.protocol.pickle import dumps

        prepared = self._sent.get(chunks.reader)
        if prepared is None:
            payload = dumps(chunks.reader)
            token = uuid.uuid4().hex
            # each worker gets it from another one; where it is lost, the scheduler has it
            carried = payload if len(payload) <= SMALL_READER else self._map(bytes, "fastglm-rows", [(payload,)])[0]
            message = ReaderMessage(token, payload, type(chunks), tasks.versions())
            prepared = self._sent[chunks.reader] = (message._replace(payload=None), carried)
        else:
            message = prepared[0]
        what = message.token, chunks.change, tasks.kind_of(task)
        if what not in self._warm:
            for address, answer in self.client.run(_warm, message, chunks.change, packed, on_error="return").items():
                self._check(address, answer)
            self._warm.add(what)
        return prepared[0]._replace(payload=prepared[1])

    def _check(self, address, answer):
        if isinstance(answer, PermanentError):
            raise FastGLMError(f"{address}: {answer.error}")
        # one that died meanwhile is the scheduler's business, and its successor compiles in its first task
        if isinstance(answer, BaseException) and not isinstance(answer, OSError):
            raise answer

    def _add(self, nodes, n):
        """Add neighbours on the workers until few sums are left."""
        level = 0
        while len(nodes) > FEW_SUMS and level < n.bit_length():
            size = -(-n >> level)
            for node in range(0, size, 2):
                if (level, node) in nodes and node + 1 == size and size > 1:
                    nodes[level + 1, node // 2] = nodes.pop((level, node))
                elif (level, node) in nodes and (level, node + 1) in nodes:
                    (left, first), (right, second) = nodes.pop((level, node)), nodes.pop((level, node + 1))
                    key = f"fastglm-sum-{uuid.uuid4().hex}"
                    future = self.client.submit(tasks.plus, left, right, key=key, pure=False, retries=RETRIES)
                    nodes[level + 1, node // 2] = future, first + second
            level += 1

    def _finished(self, waiting: dict, words):
        """(key, result) of futures as they finish; the others are cancelled when the caller stops early.

        Raises
        ------
        EngineError, and errors of tasks
        """
        from distributed import TimeoutError

        try:
            while waiting:
                try:
                    done = self._some(list(waiting), words(next(iter(waiting.values()))))
                    failed = next((future for future in done if future.status != "finished"), None)
                    if failed is not None:
                        raise self._error(failed, words(waiting[failed]))
                    results = self.client.gather(done)
                except TimeoutError:
                    raise EngineError(self._late(words(next(iter(waiting.values()))))) from None
                except CancelledError:
                    raise EngineError(
                        "the tasks were cancelled: the scheduler was closed or restarted, or did not answer; start it "
                        "again, and pass checkpoint= to go on from where a fit was"
                    ) from None
                for future, result in zip(done, results, strict=True):
                    if isinstance(result, PermanentError):
                        raise result.error
                    yield waiting.pop(future), result
                del done, results, future, result
        finally:
            if waiting and self.client.status == "running":
                self.client.cancel(list(waiting), force=True)

    def _some(self, futures, words) -> list:
        """The finished futures among some: all of them, or those that are after a while."""
        from distributed import TimeoutError, wait

        began = last = time.monotonic()  # the last time at which a worker could work
        warned: set = set()
        while True:
            now = time.monotonic()
            left = began + self.timeout - now
            try:
                with self.client.as_current():
                    # one answer for all of them, as each takes the scheduler milliseconds
                    return list(wait(futures, min(left, LOOK)).done)
            except TimeoutError:
                if done := [future for future in futures if future.status != "pending"]:
                    return done
                if left <= LOOK:
                    raise
            trouble = self._trouble()
            if trouble is None:
                last = time.monotonic()
            elif time.monotonic() - last > ALONE:
                what, remedy = trouble
                raise EngineError(
                    f"{words}: the cluster has had {what} for {ALONE:.0f} s; {remedy}, and pass checkpoint= to go on "
                    "from where a fit was"
                )
            elif trouble not in warned:
                warned.add(trouble)
                what, remedy = trouble
                warn(SetupWarning, f"{words}: waiting, for the cluster has {what}; {remedy}")

    def _trouble(self):
        """(the reason why the cluster does not work, the remedy); None where it works."""
        try:
            workers = self.client.scheduler_info(n_workers=-1)["workers"]
        except TypeError:  # older versions tell of all
            workers = self.client.scheduler_info()["workers"]
        if not workers:
            return "no worker", "start workers again"
        busy = {address for address, keys in self.client.processing().items() if keys}
        running = {address for address, worker in workers.items() if worker.get("status", "running") == "running"}
        stuck = sorted(busy - running) or sorted(set(workers) - running)
        if running & busy or (running and not busy - running):
            return None
        states = ", ".join(f"{address} ({workers[address]['status']})" for address in stuck[:8] if address in workers)
        return (
            f"no worker that takes work, but {states}",
            "a worker pauses where its memory is nearly full: give workers more memory or fewer threads each, or free "
            "what else they hold",
        )

    def _error(self, future, words):
        """The error of a future that failed, with the rows of its task."""
        from distributed import KilledWorker

        if future.status != "error":
            return CancelledError()
        error = future.exception()
        if not isinstance(error, KilledWorker):
            return error
        return EngineError(
            f"{words}: {error.allowed_failures + 1} workers died one after the other as they worked on them, the last "
            f"at {error.last_worker.address}; as a rule they had too little memory: give workers more, or fewer "
            "threads each (their logs say why they died)"
        )

    def _late(self, words):
        busy = {worker: keys for worker, keys in self.client.processing().items() if keys}
        if not self.client.nthreads():
            return f"{words}: the cluster has had no worker for {self.timeout:.0f} s"
        workers = ", ".join(sorted(busy)[:8]) or "no worker"
        return (
            f"{words}: nothing was done for {self.timeout:.0f} s (working: {workers}); look at these workers, or pass "
            "client=fastglm.engines.dask.Dask(client, timeout=...) for tasks that take longer"
        )


async def _warm(*what):
    """``tasks.warm`` beside the worker's event loop, which must go on answering."""
    import asyncio

    return await asyncio.get_running_loop().run_in_executor(None, tasks.warm, *what)


def size_of(task) -> int:
    """The bytes of the state of a task."""
    return sum(getattr(array, "nbytes", 0) for array in task.begin())
