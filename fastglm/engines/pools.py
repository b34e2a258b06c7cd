"""Passes on a pool of processes: anything with the ``submit`` of ``concurrent.futures``."""

from __future__ import annotations

import pickle
import uuid
from collections import deque
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, wait
from weakref import WeakKeyDictionary

from ..core.measured import CALLS_PER_WORKER, SMALL_READER
from ..errors import EngineError, InvalidParameterError
from ..source.threads import available_cores
from . import tasks
from .tasks import MissingReader, PermanentError, ReaderMessage


class Pool:
    """An engine over an executor.

    Parameters
    ----------
    executor : concurrent.futures.Executor, or with the same ``submit``
        Of processes (started by "spawn" or "forkserver"), threads, or ``mpi4py.futures.MPIPoolExecutor``. A process
        that dies ends the fit; ``checkpoint=`` lets another one go on.
    workers : int, optional
        The number of simultaneous calls; by default that of the executor, or of the cores.
    """

    def __init__(self, executor, workers: int | None = None):
        self.executor = executor
        self.workers = workers or getattr(executor, "_max_workers", None) or available_cores()
        self._sent: WeakKeyDictionary = WeakKeyDictionary()

    def run(self, chunks, task, units: list, tree) -> None:
        """Put the values of ``units`` into ``tree``, the i-th at place i."""
        groups, packed = tasks.groups_of(units, tree, self.workers), pickle.dumps(task)
        if chunks.reader not in self._sent:
            payload = pickle.dumps(chunks.reader)
            self._sent[chunks.reader] = ReaderMessage(uuid.uuid4().hex, payload, type(chunks), tasks.versions())
        full, change = self._sent[chunks.reader], chunks.change
        short = full if len(full.payload) <= SMALL_READER else full._replace(payload=None)

        def calls():
            for group in groups:
                yield group, lambda resent, units=group.units: (units, None, full if resent else short, change, packed)

        for group, value in self._finished(tasks.sum_of_group, calls(), lambda group: tasks.where(chunks, group.units)):
            tree.put_node(group.level, group.u, value)

    def map(self, function, items, held=None) -> list:
        """The function of each item, in order."""
        packed = pickle.dumps(function)
        calls = ((i, lambda resent, item=item: ((item,), None, packed)) for i, item in enumerate(items))
        results = dict(self._finished(tasks.results_of, calls, "fragment {}".format))
        return [value for _, values in sorted(results.items()) for value in values]

    def _finished(self, function, calls, words):
        """(key, result) of calls as they finish, a few under way at a time.

        Raises
        ------
        EngineError, and errors of calls
        """
        running, to_resend = {}, deque()
        try:
            while True:
                while len(running) < CALLS_PER_WORKER * self.workers:
                    resent = bool(to_resend)
                    what, arguments = to_resend.popleft() if resent else next(calls, (None, None))
                    if arguments is None:
                        break
                    running[self._submit(function, *arguments(resent))] = what, arguments
                if not running:
                    return
                for call in self._wait(list(running)):
                    result = self._result(call, lambda: " or ".join(words(what) for what, _ in running.values()))
                    what, arguments = running.pop(call)
                    if isinstance(result, MissingReader):
                        to_resend.append((what, arguments))
                    elif isinstance(result, PermanentError):
                        raise result.error
                    else:
                        yield what, result
        finally:
            self._cancel(list(running))

    def _submit(self, function, *arguments):
        try:
            return self.executor.submit(function, *arguments)
        except BrokenExecutor:
            raise InvalidParameterError("client: a process of the pool died before; make a new one") from None
        except RuntimeError as error:  # shut down
            raise InvalidParameterError(f"client: the pool takes no work: {error}") from None

    def _wait(self, running):
        return wait(running, return_when=FIRST_COMPLETED).done

    def _result(self, call, words):
        try:
            return call.result()
        except BrokenExecutor:
            raise EngineError(
                f"{words()}: a process of the pool died at them; as a rule for lack of memory, or, "
                'right at the start, because the script does not begin its work under if __name__ == "__main__"; make '
                "a new pool, and pass checkpoint= to go on from where a fit was"
            ) from None

    def _cancel(self, running):
        for call in running:
            call.cancel()
