"""Passes on a Ray cluster, which must have been joined with ``ray.init``."""

from __future__ import annotations

from ..errors import EngineError
from .pools import Pool


class Ray(Pool):
    """An engine over Ray, which starts a task again when its worker dies.

    Parameters
    ----------
    num_cpus : float
        What a task is said to need.
    retries : int
        How often a task is started again.

    Raises
    ------
    ImportError
        Without ray.
    """

    def __init__(self, num_cpus: float = 1, retries: int = 3):
        import ray

        self._ray, self._options = ray, {"num_cpus": num_cpus, "max_retries": retries}
        self._remote: dict = {}
        cores = ray.cluster_resources().get("CPU", 1.0)
        super().__init__(None, max(1, int(cores / num_cpus)))

    def _submit(self, f, *arguments):
        if f not in self._remote:
            self._remote[f] = self._ray.remote(**self._options)(f)
        return self._remote[f].remote(*arguments)

    def _wait(self, running):
        return self._ray.wait(running, num_returns=1)[0]

    def _result(self, call, words):
        try:
            return self._ray.get(call)
        except self._ray.exceptions.WorkerCrashedError as error:
            raise EngineError(f"{words()}: the workers died that summed them: {error}") from None

    def _cancel(self, running):
        for call in running:
            self._ray.cancel(call)
