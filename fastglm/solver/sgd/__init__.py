"""First-order stochastic solvers: the options here, the fit in ``driver.run``."""

from ...options.sgd import SGD, check
from .errors import DivergenceError

__all__ = ["SGD", "DivergenceError", "check"]
