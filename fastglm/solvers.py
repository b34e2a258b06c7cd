"""The solvers as records of options; their names as strings mean the defaults. ``register`` adds one from outside."""

from .options.solvers import (
    IRLS,
    LBFGS,
    SGD,
    SOLVERS,
    Auto,
    Declaration,
    Newton,
    NewtonCG,
    Passes,
    ProximalNewton,
    Stream,
    declaration_of,
    name_of,
    names,
    register,
    resolve,
)
from .solver.problem import Problem, Solution

__all__ = [
    "IRLS",
    "LBFGS",
    "SGD",
    "SOLVERS",
    "Auto",
    "Declaration",
    "Newton",
    "NewtonCG",
    "Passes",
    "Problem",
    "ProximalNewton",
    "Solution",
    "Stream",
    "declaration_of",
    "name_of",
    "names",
    "register",
    "resolve",
]
