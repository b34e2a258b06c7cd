"""Small networks whose output is a generalized linear model."""

from .model import MLP
from .result import MLPResult

__all__ = ["MLP", "MLPResult"]
