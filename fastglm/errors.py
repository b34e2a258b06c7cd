"""Errors and warnings of fastglm.

Every error is a ``ValueError`` and every warning a ``UserWarning``, so code that catches the built-in types keeps
working; the subclasses say which argument or which property of the fit is meant.
"""

from __future__ import annotations


class FastGLMError(ValueError):
    """Base of all errors raised by fastglm."""


class InputError(FastGLMError):
    """An argument cannot be used: an unknown option, a missing companion or a contradiction between arguments."""


class ShapeError(InputError):
    """An array has the wrong number of dimensions, rows or columns."""


class NotFiniteError(InputError):
    """An array contains NaN or infinity; the message names the column and the first such row."""


class DomainError(InputError):
    """A value lies outside the support: y of the family, an exposure that is not positive, a level outside (0, 1)."""


class WeightError(InputError):
    """Weights are negative, not finite, all zero, or missing where the fitted model had them."""


class UnknownNameError(InputError):
    """A family, link, solver, column or label has a name that is not known; the message lists those that are."""


class DataTypeError(InputError, TypeError):
    """An array has a type that is not numeric (text, objects, complex numbers)."""


class FileFormatError(InputError):
    """A file is not a saved result, is damaged, or was written in a format newer than this version reads."""


class FastGLMWarning(UserWarning):
    """Base of all warnings given by fastglm."""


class ConvergenceWarning(FastGLMWarning):
    """The solver stopped before the estimates were certified; the message says why it stopped."""


class SeparationWarning(FastGLMWarning):
    """The data separate the responses, so that some maximum-likelihood estimates are infinite."""


class CollinearityWarning(FastGLMWarning):
    """Columns of X are linear combinations of earlier ones; their coefficients are NaN and named in ``aliased``."""


class PrecisionWarning(FastGLMWarning):
    """The data are so badly conditioned that the estimates carry fewer correct digits than promised."""
