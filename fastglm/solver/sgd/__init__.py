"""First-order stochastic solvers: the options here, the fit in ``driver.run``."""

from .errors import DivergenceError
from .options import SGD, check

__all__ = ["SGD", "DivergenceError", "check"]
