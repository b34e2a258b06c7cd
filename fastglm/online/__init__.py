"""Models that learn from batches as they arrive, each read once and forgotten."""

from .online_glm import OnlineGLM

__all__ = ["OnlineGLM"]
