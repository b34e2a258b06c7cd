"""``load``: any result from disk, by what its file says of itself."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Any

from .core import sealed
from .errors import FileFormatError
from .result import saved

if TYPE_CHECKING:
    from .core.records import File
    from .result.record import GLMResult

__all__ = ["load"]


def load(path: File) -> GLMResult:
    """Read what the ``save`` of a result wrote: a fit, a path, a cross-validated path, a local regression, a network or
    a stream.

    Returns
    -------
    GLMResult, MultinomialResult, PathResult, CVResult, LocalResult, MLPResult or OnlineGLM
        By the file; type checkers are told the first of them.

    Raises
    ------
    FileFormatError
        If the file is not a saved result, is damaged, or has a newer format than this version reads.
    InvalidParameterError
        If it names a family, link or kernel that is not registered.
    OSError
        If the file cannot be read.
    """
    with open(path, "rb") as file:
        archive = zipfile.is_zipfile(file)
    return _of_arrays(path) if archive else saved.load(path)


def _of_arrays(path) -> Any:
    """The result in an archive of arrays, read by its class."""
    kind = sealed.format_of(path)
    if kind == "fastglm-local":
        from .smoothing.result import LocalResult

        return LocalResult.load(path)
    if kind == "fastglm-network":
        from .nn.result import MLPResult

        return MLPResult.load(path)
    if kind == "fastglm-stream":
        from .online.online_glm import OnlineGLM

        return OnlineGLM.load(path)
    raise FileFormatError(f"{path} is not a saved fastglm result: it is an archive of another kind, {kind!r}")
