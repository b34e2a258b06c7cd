"""Passes on a Ray cluster, which must have been joined with ``ray.init``."""

from __future__ import annotations

from copy import deepcopy

from ..errors import EngineError, InvalidParameterError
from .pools import Pool


class Ray(Pool):
    """An engine over Ray, which starts a task again when its worker dies.

    Parameters
    ----------
    num_cpus : float
        The number of cores that a task asks for.
    retries : int
        The number of times that a task is started again.

    Raises
    ------
    ImportError
        Without ray.
    InvalidParameterError
        Where this process has joined no cluster.
    """

    def __init__(self, num_cpus: float = 1, retries: int = 3):
        try:
            import ray
        except ImportError:
            raise ImportError("Ray() needs the package ray: pip install 'fastglm[ray]'") from None
        if not ray.is_initialized():
            raise InvalidParameterError(
                "Ray(): this process has joined no cluster; call ray.init() first, or ray.init('auto') to join one"
            )
        self._ray, self._options = ray, {"num_cpus": num_cpus, "max_retries": retries}
        self._remote: dict = {}
        cores = ray.cluster_resources().get("CPU", 1.0)
        super().__init__(None, max(1, int(cores / num_cpus)))

    def _submit(self, function, *arguments):
        if function not in self._remote:
            self._remote[function] = self._ray.remote(**self._options)(function)
        return self._remote[function].remote(*arguments)

    def _wait(self, running):
        return self._ray.wait(running, num_returns=1)[0]

    def _result(self, call, words):
        errors = self._ray.exceptions
        try:
            return deepcopy(self._ray.get(call))  # Ray's arrays are everybody's, and cannot be written to
        except errors.RayTaskError as error:
            raise error.cause from None
        except errors.RayError as error:  # a worker or a node that died, for lack of memory or otherwise
            line = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
            raise EngineError(
                f"{words()}: the workers died that summed them ({type(error).__name__}: {line}); give tasks more "
                "memory, and pass checkpoint= to go on from where a fit was"
            ) from None

    def _cancel(self, running):
        for call in running:
            self._ray.cancel(call)
