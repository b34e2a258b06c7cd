"""The solvers as records of options; their names as strings mean the defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..errors import InvalidParameterError
from .sgd import SGD
from .sgd import check as check_sgd

if TYPE_CHECKING:
    from ..types import SolverLike, SolverOptions


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


class NewtonCG(NamedTuple):
    """Newton with steps by conjugate gradients, from products of the information with vectors: a pass each, and no
    matrix of all coefficients; for thousands of them. A curvature pass only for a covariance."""

    tol: float = 1e-8
    max_iter: int = 100


class Stream(NamedTuple):
    """Streaming Newton: one read in blocks, with a step after each, then score passes until ``tol`` is certified; the
    exact solver where that fails.

    Parameters
    ----------
    tol : float
        The distance to the optimum, in standard errors, at which the score passes stop.
    max_corrections : int
        Score passes after which the exact solver takes over.
    certify : bool
        False reads the rows once and leaves it there: the distance to the optimum is not known.
    shuffle : bool
        Whether blocks are read in random order; False keeps the order of the rows, as a stream has to.
    block_rows : int, optional
        Rows of a block.
    seed : int
    max_iter : int
        Iterations of the exact solver.
    """

    tol: float = 0.05
    max_corrections: int = 3
    certify: bool = True
    shuffle: bool = True
    block_rows: int | None = None
    seed: int = 0
    max_iter: int = 100


SOLVERS: dict[str, type[SolverOptions]] = {
    "auto": Auto,
    "newton": Newton,
    "irls": IRLS,
    "lbfgs": LBFGS,
    "newton-cg": NewtonCG,
    "stream": Stream,
    "sgd": SGD,
}


def names(exact: bool = False) -> tuple[str, ...]:
    """The names ``fit(solver=...)`` takes; ``exact`` leaves out first-order ones, which only come near the optimum."""
    return tuple(name for name in SOLVERS if not (exact and name == "sgd"))


def resolve(solver: SolverLike) -> SolverOptions:
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
    if isinstance(solver, SGD):
        check_sgd(solver)
        return solver
    if not solver.tol > 0.0:
        raise InvalidParameterError(f"tol={solver.tol} must be positive")
    if not solver.max_iter >= 1:
        raise InvalidParameterError(f"max_iter={solver.max_iter} must be at least 1")
    return solver


def name_of(solver: SolverOptions) -> str:
    """The name of a record of options."""
    return next(name for name, cls in SOLVERS.items() if type(solver) is cls)
