"""Models that learn from batches as they arrive, each read once and forgotten."""

from .model import OnlineGLM

__all__ = ["OnlineGLM"]
