"""The solvers as records of options; their names as strings mean the defaults."""

from .solver.options import IRLS, LBFGS, SOLVERS, Auto, Newton, NewtonCG, Stream, name_of, names, resolve
from .solver.sgd import SGD

__all__ = ["IRLS", "LBFGS", "SGD", "SOLVERS", "Auto", "Newton", "NewtonCG", "Stream", "name_of", "names", "resolve"]
