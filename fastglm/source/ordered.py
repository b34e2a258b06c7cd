"""A map over pieces by several threads, with results in order and few pieces in memory at a time."""

from __future__ import annotations

import queue
import threading

from ..core.measured import WAITING_PIECES
from .threads import pool, single_threaded_blas


def ordered(n: int, pieces, work, threads: int):
    """``work`` of every piece of every fragment, in order; each thread has a fragment.

    Parameters
    ----------
    n : int
        The number of fragments.
    pieces : callable
        Number of a fragment -> iterator of its pieces.
    work : callable
        Piece -> result.
    threads : int

    Yields
    ------
    The results.
    """
    if threads == 1 or n == 1:
        with single_threaded_blas():
            for i in range(n):
                yield from map(work, pieces(i))
        return
    lines = _Lines(pieces, work, threads)
    with single_threaded_blas():
        try:
            for i in range(min(threads, n)):
                lines.start(i)
            for i in range(n):
                yield from lines.taken(i)
                if i + threads < n:
                    lines.start(i + threads)
        finally:
            lines.close()


class _Lines:
    """The fragments under way, each with a queue of results that wait to be taken."""

    def __init__(self, pieces, work, threads):
        self.pieces, self.work, self.threads = pieces, work, threads
        self.stop, self.end, self.waiting = threading.Event(), object(), {}

    def start(self, i):
        """Start a fragment in a thread."""
        line: queue.Queue = queue.Queue(WAITING_PIECES)
        self.waiting[i] = line, pool(self.threads).submit(self._run, i, line)

    def taken(self, i):
        """The results of a fragment, in order; an error is raised at the place of its piece."""
        line, _ = self.waiting[i]
        while (item := line.get()) is not self.end:
            if isinstance(item, _Failed):
                raise item.error
            yield item
        del self.waiting[i]

    def close(self):
        """Wait for the fragments under way, so that an interrupt leaves no thread running."""
        self.stop.set()
        for _, future in self.waiting.values():
            future.exception()

    def _run(self, i, line):
        try:
            for piece in self.pieces(i):
                if self.stop.is_set():
                    return
                self._put(line, self.work(piece))
            self._put(line, self.end)
        except BaseException as error:
            self._put(line, _Failed(error))

    def _put(self, line, item):
        while not self.stop.is_set():
            try:
                return line.put(item, timeout=0.1)
            except queue.Full:
                continue


class _Failed:
    def __init__(self, error):
        self.error = error
