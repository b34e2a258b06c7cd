"""The solvers as records of options; their names as strings mean the defaults."""

from __future__ import annotations

from typing import NamedTuple

from .errors import InvalidParameterError


class Auto(NamedTuple):
    """A sample's curvature, score passes over all rows, one curvature pass at the optimum; Newton where that fails."""

    tol: float = 1e-8
    max_iter: int = 100


class Newton(NamedTuple):
    """Damped Newton (Fisher scoring) on all rows, reusing a curvature while the distance shrinks fast."""

    tol: float = 1e-8
    max_iter: int = 100


class IRLS(NamedTuple):
    """Plain iteratively reweighted least squares with step halving: a curvature of all rows at every pass."""

    tol: float = 1e-8
    max_iter: int = 100


class LBFGS(NamedTuple):
    """Limited-memory quasi-Newton from a diagonal, for p in the thousands; a curvature pass only for a covariance."""

    tol: float = 1e-8
    max_iter: int = 1000
    memory: int = 20


SOLVERS = {"auto": Auto, "newton": Newton, "irls": IRLS, "lbfgs": LBFGS}


def names() -> tuple[str, ...]:
    """The names ``fit(solver=...)`` takes."""
    return tuple(SOLVERS)


def resolve(solver):
    """The record of options for a name or a record.

    Raises
    ------
    InvalidParameterError
        For a name that is not known.
    InvalidParameterError
        For a tolerance or an iteration limit that is not positive.
    """
    if isinstance(solver, str):
        if solver not in SOLVERS:
            raise InvalidParameterError(f"solver={solver!r} is unknown; known: {', '.join(SOLVERS)}")
        return SOLVERS[solver]()
    if type(solver) not in SOLVERS.values():
        raise InvalidParameterError(
            f"solver must be one of {', '.join(SOLVERS)} or a record of fastglm.solvers, not {solver!r}"
        )
    if not solver.tol > 0.0:
        raise InvalidParameterError(f"tol={solver.tol} must be positive")
    if not solver.max_iter >= 1:
        raise InvalidParameterError(f"max_iter={solver.max_iter} must be at least 1")
    return solver


def name_of(solver) -> str:
    """The name of a record of options."""
    return next(name for name, cls in SOLVERS.items() if type(solver) is cls)
