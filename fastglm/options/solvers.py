"""The solvers as records of options, and what each of them declares of itself; a name means the defaults.

A solver is a function of a ``Problem`` that returns a ``Solution`` (``solver/problem.py``), and a declaration. ``fit``
finds it by its name or by the type of its record, the automatic choice and the forecast of passes read the declaration,
so that neither of them knows any solver by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import InvalidParameterError
from .sgd import SGD
from .sgd import check as check_sgd

# Medians of passes over fits of simulated data of 10^3 to 10^6 rows: tests/planning/test_forecast.py compares
NEWTON, NOT_CANONICAL, TO_THE_END = 5.0, 2.0, 2.0  # two more for a small fit, which goes on to the last digit
LBFGS_PASSES, NEWTON_CG_PASSES, STREAM_PASSES = 9.0, 19.0, 2.1  # of other solvers
LBFGS_LINEAR, NEWTON_CG_LINEAR = 2.0, 5.0  # passes that least squares saves
UNKNOWN_PASSES = 50.0  # of a solver that declares none
ROWS_KNOWN = 4000  # rows a coefficient from which a stream's first correction is its last


PENALTIES = ("quadratic", "l1", "bounds", "groups", "proximal", "stages")  # all kinds; a quadratic may be a ridge


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


class ProximalNewton(NamedTuple):
    """Newton steps whose quadratic models are minimised together with a lasso and bounds by coordinate descent;
    ``tol`` is the violation of the optimality conditions, over lambda."""

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


if TYPE_CHECKING:
    from typing import Literal, TypeAlias

    SolverName: TypeAlias = Literal["auto", "newton", "irls", "lbfgs", "newton-cg", "stream", "sgd"]
    SolverOptions: TypeAlias = Auto | Newton | IRLS | LBFGS | NewtonCG | Stream | SGD
    # a record of options may be that of a registered solver from outside
    SolverLike: TypeAlias = SolverName | SolverOptions | tuple[Any, ...]


class Outlook(NamedTuple):
    """What is known of a fit before it reads all rows.

    Attributes
    ----------
    n_rows, n_params : int
    linear : bool
        Whether the score is linear in the coefficients.
    small : bool
        Whether the data are so few that the fit goes on to the last digit.
    canonical : bool
        Whether the expected information is the observed one.
    covariance, robust : bool
        Whether a covariance is wanted, and whether it takes the rows' scores.
    options : record
    """

    n_rows: int
    n_params: int
    linear: bool
    small: bool
    canonical: bool
    covariance: bool
    robust: bool
    options: Any


class Passes(NamedTuple):
    """Expected reads of all rows, with curvature and without."""

    curvature: float
    score: float


def unknown_passes(outlook: Outlook) -> Passes:
    """The passes of a solver of which nothing is known."""
    return Passes(float(outlook.covariance) + outlook.robust, UNKNOWN_PASSES)


def newton_passes(outlook: Outlook) -> Passes:
    """Those of Newton's method on all rows."""
    small = TO_THE_END * outlook.small * (not outlook.canonical or outlook.linear)
    steps = 2.0 + small if outlook.linear else NEWTON + NOT_CANONICAL * (not outlook.canonical) + small
    return Passes(steps + outlook.robust, 0.0)


def least_squares_passes(outlook: Outlook) -> Passes:
    """Those of least squares, whose one curvature is everybody's."""
    return Passes(1.0 + outlook.robust, newton_passes(outlook).curvature - outlook.robust - 1.0)


def lbfgs_passes(outlook: Outlook) -> Passes:
    """Those of descents from a diagonal."""
    return unknown_passes(outlook)._replace(score=LBFGS_PASSES - LBFGS_LINEAR * outlook.linear)


def newton_cg_passes(outlook: Outlook) -> Passes:
    """Those of Newton steps by conjugate gradients."""
    return unknown_passes(outlook)._replace(score=NEWTON_CG_PASSES - NEWTON_CG_LINEAR * outlook.linear)


def stream_passes(outlook: Outlook) -> Passes:
    """Those of one read in blocks, and of its corrections; those of Newton's method for few rows."""
    n, m = outlook.n_rows, outlook.n_params
    if n < 4 * first_rows(n, m):
        return newton_passes(outlook)
    return Passes(1.0, STREAM_PASSES - 1.0 + (n < ROWS_KNOWN * m))


def first_rows(n_rows: int, n_params: int) -> int:
    """Rows that a stream is started from; it takes four times as many to be worth one."""
    return max(50 * n_params, 1000, n_rows // 50)


def check_limits(options: Any) -> None:
    """Refuse a tolerance or a limit of iterations that is not positive.

    Raises
    ------
    InvalidParameterError
    """
    if not getattr(options, "tol", 1.0) > 0.0:
        raise InvalidParameterError(f"tol={options.tol} must be positive")
    if not getattr(options, "max_iter", 1) >= 1:
        raise InvalidParameterError(f"max_iter={options.max_iter} must be at least 1")


class Declaration(NamedTuple):
    """What a solver says of itself.

    Attributes
    ----------
    name : str
        As ``fit(solver=...)`` takes it.
    options : type
        The record of its options, a NamedTuple whose fields all have defaults.
    function : callable or None
        ``Problem`` -> ``Solution``. None for the library's own, which ``implement`` names later.
    order : int
        The highest derivative that its steps use: 1 the score, 2 the information or its products with vectors.
    memory : int
        The power of the number of coefficients that its numbers grow with: 1 for vectors, 2 for a matrix.
    penalties : tuple of {"ridge", "quadratic", "l1", "bounds", "groups", "proximal", "stages"}
        The kinds of penalties it handles: a diagonal quadratic, any quadratic, absolute values, bounds, norms of
        groups, those of which a proximal step is known, and those that take more than one fit.
    automatic : bool
        Whether the automatic choice may take it.
    chooses : bool
        Whether it is itself a choice among others, by the costs of the problem.
    sequential : bool
        Whether it learns from rows or blocks of them in turn, so that equal rows are not compressed to cells.
    first_order : bool
        Whether it takes steps by a few rows at a time, gathered in memory, and only comes near the optimum.
    passes : callable
        ``Outlook`` -> ``Passes``.
    check : callable
        Options -> None; raises InvalidParameterError.
    """

    name: str
    options: type
    function: Callable[[Any], Any] | None = None
    order: int = 2
    memory: int = 2
    penalties: tuple[str, ...] = ("quadratic",)
    automatic: bool = False
    chooses: bool = False
    sequential: bool = False
    first_order: bool = False
    passes: Callable[[Outlook], Passes] = unknown_passes
    check: Callable[[Any], None] = check_limits


SOLVERS: dict[str, type[SolverOptions]] = {}
_DECLARED: dict[type, Declaration] = {}


def register(declaration: Declaration) -> None:
    """Make a solver known to ``fit(solver=name)`` and ``fit(solver=Record(...))``.

    Parameters
    ----------
    declaration : Declaration

    Raises
    ------
    InvalidParameterError
        For a name, or a type of options, that another solver has.
    """
    if declaration.name in SOLVERS or declaration.options in _DECLARED:
        raise InvalidParameterError(
            f"solver {declaration.name!r} with the options {declaration.options.__name__} is registered already"
        )
    SOLVERS[declaration.name] = declaration.options
    _DECLARED[declaration.options] = declaration


def implement(name: str) -> Any:
    """Decorator of the function of a solver that was declared without one."""

    def attach(function):
        options = SOLVERS[name]
        _DECLARED[options] = _DECLARED[options]._replace(function=function)
        return function

    return attach


def declarations() -> Iterable[Declaration]:
    """Those of all solvers, in the order in which they were registered."""
    return _DECLARED.values()


def declaration_of(options: SolverOptions) -> Declaration:
    """What the solver of a record of options declares."""
    return _DECLARED[type(options)]


def names(exact: bool = False) -> tuple[str, ...]:
    """The names ``fit(solver=...)`` takes; ``exact`` leaves out first-order ones, which only come near the optimum."""
    return tuple(d.name for d in declarations() if not (exact and d.first_order))


def resolve(solver: SolverLike) -> SolverOptions:
    """The record of options for a name or a record.

    Raises
    ------
    InvalidParameterError
        For a name that is not known, and for options that cannot be used.
    """
    if isinstance(solver, str):
        if solver not in SOLVERS:
            raise InvalidParameterError(f"solver={solver!r} is unknown; known: {', '.join(SOLVERS)}")
        return SOLVERS[solver]()
    if type(solver) not in _DECLARED:
        raise InvalidParameterError(
            f"solver must be one of {', '.join(SOLVERS)} or a record of fastglm.solvers, not {solver!r}"
        )
    declaration_of(solver).check(solver)
    return solver


def name_of(solver: SolverOptions) -> str:
    """The name of a record of options."""
    return declaration_of(solver).name


for _declaration in (
    Declaration("auto", Auto, chooses=True, passes=newton_passes),
    Declaration("newton", Newton, automatic=True, passes=newton_passes),
    Declaration("irls", IRLS, passes=newton_passes),
    Declaration("proximal-newton", ProximalNewton, penalties=PENALTIES, passes=newton_passes),
    Declaration("lbfgs", LBFGS, order=1, memory=1, passes=lbfgs_passes),
    Declaration("newton-cg", NewtonCG, memory=1, automatic=True, passes=newton_cg_passes),
    Declaration("stream", Stream, sequential=True, passes=stream_passes),
    Declaration(
        "sgd", SGD, order=1, memory=1, penalties=("ridge", "l1"), sequential=True, first_order=True,
        passes=lambda outlook: Passes(1.0, float(outlook.options.epochs)), check=check_sgd,
    ),
):  # fmt: skip
    register(_declaration)
