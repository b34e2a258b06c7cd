"""The records of fits, and how they are saved and loaded."""

from .record import GLMResult

__all__ = ["GLMResult"]
