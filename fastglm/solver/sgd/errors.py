"""The error of a fit whose steps leave the finite numbers."""

from ...errors import DivergenceError

__all__ = ["DivergenceError"]
