"""Engines, on which passes over rows run: threads of this process, pools of processes, clusters of Dask and Ray."""

from __future__ import annotations

import sys

from ..errors import InvalidParameterError
from ..source.threads import Threads
from .dask import Dask
from .pools import Pool
from .ray import Ray

__all__ = ["Ray", "engine_of"]


def engine_of(client, threads: int):
    """The engine for the ``client`` argument of a fit.

    Parameters
    ----------
    client : None, distributed.Client, executor or engine
        None stands for threads of this process. An executor has the ``submit`` of ``concurrent.futures``.
    threads : int

    Raises
    ------
    InvalidParameterError
        For a client of another kind, and for a cluster whose workers have other versions of the libraries.
    """
    if client is None:
        return Threads(threads)
    if hasattr(client, "run") and hasattr(client, "map") and not hasattr(client, "submit"):
        return client
    distributed = sys.modules.get("distributed")
    if distributed is not None and isinstance(client, distributed.Client):
        return Dask(client)
    if hasattr(client, "submit"):
        return Pool(client)
    hint = "; pass distributed.Client(cluster)" if hasattr(client, "scheduler_address") else ""
    raise InvalidParameterError(
        f"client={client!r} is no distributed.Client, no executor with submit, and no engine of fastglm.engines{hint}"
    )
