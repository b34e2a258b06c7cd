"""Small networks whose output is a generalized linear model."""

from .mlp import MLP
from .result import MLPResult

__all__ = ["MLP", "MLPResult"]
