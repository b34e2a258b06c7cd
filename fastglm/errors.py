"""Errors and warnings of fastglm.

Every error is a ``ValueError`` and every warning a ``UserWarning``, so code that catches the built-in types keeps
working; the subclasses say which argument or which property of the fit is meant.
"""

from __future__ import annotations

import re
import sys
import warnings
from importlib.util import find_spec

# control characters but the end of a line, and those that turn the direction of text: a terminal obeys them
CONTROL = re.compile("[\\x00-\\x09\\x0b-\\x1f\\x7f-\\x9f\\u202a-\\u202e\\u2066-\\u2069]")


def visible(text: str) -> str:
    """A text with control characters written out, ``\\\\x1b``: names and labels of data come from anywhere."""
    return CONTROL.sub(lambda found: repr(found[0])[1:-1], text)


def not_loaded(package: str, why: str, error: ImportError) -> str:
    """What to do where a package cannot be imported: install it, or find out why it does not load."""
    if find_spec(package) is None:
        return f"{why}: pip install 'fastglm[tables]'"
    return f"{why}; {package} is installed and cannot be loaded, perhaps for want of memory: {error}"


class FastGLMError(ValueError):
    """Base of all errors raised by fastglm; its text shows control characters instead of sending them."""

    def __str__(self) -> str:
        return visible(super().__str__())


class InvalidParameterError(FastGLMError):
    """An argument cannot be used; the message names it, with the column and the first offending row where it has them.

    Unknown names and options, wrong shapes and types, responses outside the family's support, weights that are
    negative or all zero, a missing companion or a contradiction between arguments.
    """


class MissingDataError(InvalidParameterError):
    """An array contains NaN or infinity; the message names the column and the first such row."""


class FileFormatError(InvalidParameterError):
    """A file is not a saved result, is damaged, or was written in a format newer than this version reads."""


class CheckpointError(InvalidParameterError):
    """A checkpoint is that of another fit: of other data, another model or another version; the message names what."""


class DivergenceError(FastGLMError, ArithmeticError):
    """A stochastic fit diverged at a rate that was given; the message names it, the epoch and the stable limit.

    Attributes
    ----------
    epoch : int
        The epoch in which it was noticed, the first being 1.
    rate : float
        The learning rate in use.
    stable_limit : float
        2 / (largest eigenvalue of the curvature) where the fit started: larger steps overshoot.
    """

    def __init__(self, message: str, epoch: int, rate: float, stable_limit: float) -> None:
        super().__init__(message)
        self.epoch, self.rate, self.stable_limit = epoch, rate, stable_limit

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        return type(self), (self.args[0], self.epoch, self.rate, self.stable_limit)


class EngineError(FastGLMError, RuntimeError):
    """The workers of a cluster or a pool died, were lost, or did not answer; the message names their rows."""


class FastGLMWarning(UserWarning):
    """Base of all warnings given by fastglm."""


class ConvergenceWarning(FastGLMWarning):
    """The solver stopped before the estimates were certified; the message says why it stopped."""


class SeparationWarning(FastGLMWarning):
    """The data separate the responses, so that some maximum-likelihood estimates are infinite."""


class CollinearityWarning(FastGLMWarning):
    """Columns of X are linear combinations of earlier ones; their coefficients are NaN and named in ``aliased``."""


class LocalFitWarning(FastGLMWarning):
    """Some points of a local regression have too few rows in their windows; the message counts them and says what
    became of them."""


class DriftWarning(FastGLMWarning):
    """The rows of a stream change as it goes on: later ones do not follow the coefficients of earlier ones."""


class SelectionWarning(FastGLMWarning):
    """The columns of a fit were selected by its own rows: its standard errors and tests do not know of it."""


class SetupWarning(FastGLMWarning):
    """What is read or used is not quite what was named: files reached twice, a cache that cannot be written, a worker
    that is waited for; the message names the remedy."""


def warn(category: type[Warning], text: str) -> None:
    """Give a warning that points at the line of the caller's own code."""
    level, frame = 1, sys._getframe()
    while frame is not None and frame.f_globals.get("__name__", "").split(".")[0] == __package__:
        level, frame = level + 1, frame.f_back
    warnings.warn(visible(text), category, stacklevel=level)
