"""All protocols of the library on one page: what each part asks of another, with shapes and units.

Nothing derives from these classes. Implementations are checked against them by ``tests/test_protocols.py`` (names,
signatures) and by mypy in ``tests/typed_protocols.py``. In the shapes n counts rows, p columns of the design with the
intercept, m coefficients (of K classes m = (K - 1) p), and distances are in standard errors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from ..types import Interval

    Array = NDArray[np.float64]


class Link(Protocol):
    """A link: a NamedTuple of its parameters with compiled scalar methods of the linear predictor eta and the mean mu.

    ``link`` maps mu to eta, ``inverse`` eta to mu, ``slope`` is d mu / d eta and ``bend`` d2 mu / d eta2.
    """

    def link(self, mu: float, /) -> float: ...

    def inverse(self, eta: float, /) -> float: ...

    def slope(self, eta: float, /) -> float: ...

    def bend(self, eta: float, /) -> float: ...


class RegisteredLink(Link, Protocol):
    """A link with the name and the domain of eta that its registration gives it, as results have it."""

    @property
    def name(self) -> str: ...

    @property
    def domain(self) -> Interval: ...


class Family(Protocol):
    """A family: a NamedTuple of its parameters with compiled scalar methods of one row.

    ``variance`` is V(mu), ``deviance`` the unit deviance, ``start`` the mean that iterations begin at. Optional are
    ``saturated(y, w)``, the log-density at mu = y, and the attributes that ``docs/families.md`` lists.
    """

    def variance(self, mu: float, /) -> float: ...

    def deviance(self, y: float, mu: float, /) -> float: ...

    def start(self, y: float, w: float, /) -> float: ...


class RegisteredFamily(Family, Protocol):
    """A family with what its registration says of it, as results have it."""

    @property
    def name(self) -> str: ...

    @property
    def domain(self) -> Interval: ...

    @property
    def mean(self) -> Interval: ...

    @property
    def dispersion(self) -> str: ...

    @property
    def counts_dispersion(self) -> bool: ...


class Task(Protocol):
    """A sum over rows, described by values alone, so that it can be sent to other processes.

    A unit's state is made by ``begin``, receives the unit's rows piece by piece in ``add`` and becomes by ``end`` a
    value that has ``+``. ``vectors_only`` says that X need not be read, ``kept`` that a checkpoint keeps the sum.
    """

    vectors_only: bool
    kept: bool

    def wants(self, first: int, stop: int) -> bool: ...

    def begin(self) -> Any: ...

    def add(self, state: Any, part: Any, runs: Any, work: Any) -> None: ...

    def end(self, state: Any) -> Any: ...


class Source(Protocol):
    """Rows that tasks are summed over, in memory or read at every pass.

    ``cost`` is that of reading all rows once, in passes with curvature; ``here`` whether they are in this process's
    memory; ``data`` a ``Block`` that describes columns and vectors; ``rows_read`` the rows of one pass.
    """

    n_rows: int
    n_columns: int
    rows_read: int
    threads: int
    cost: float
    here: bool
    data: Any

    def reduce(self, task: Any) -> Any:
        """The sum of a task over all units of rows, added in a fixed binary tree."""

    def sample(self, rows: int) -> Any:
        """A source over a representative sample of about ``rows`` rows."""

    def part(self, runs: Any) -> Any:
        """A source over the half-open ranges of rows ``runs`` (k, 2)."""

    def changed(self, change: Any) -> Any:
        """A source over the same rows after a ``RowTransform``."""

    def gather(self) -> Any:
        """A source over all rows in memory."""


class Engine(Protocol):
    """A place where tasks run: threads of this process, a pool, a cluster."""

    def run(self, chunks: Any, task: Any, units: Any, tree: Any) -> None:
        """Put the value of each of ``units`` into ``tree``, the i-th at leaf i, in any order."""

    def map(self, f: Any, items: Any, held: Any = None) -> Iterable[Any]:
        """f of each item, in order."""


class Schema(Protocol):
    """The columns, codings and response of a fit, by which later verbs open new rows.

    ``names`` are those of the p columns, the intercept's first where ``intercept`` says that there is one.
    """

    @property
    def names(self) -> tuple[str, ...]: ...

    @property
    def intercept(self) -> bool: ...

    def open(self, data: Any, y: Any = None) -> Any:
        """A source over the rows of arrays, a frame or files, coded as those of the fit."""


class SymmetricOperator(Protocol):
    """A symmetric matrix (m, m) by its structure: dense, arrowhead, diagonal, or a sum of them.

    Nothing is changed in place: every method that alters the matrix returns another.
    """

    def diagonal(self) -> Array:
        """The diagonal, (m,)."""

    def scaled(self, factor: float) -> Any:
        """The matrix times a number."""

    def plus_diagonal(self, d: Array) -> Any:
        """The matrix plus diag(d), d (m,)."""

    def plus_low_rank(self, U: Array) -> Any:
        """The matrix plus U U', U (m, r)."""

    def times(self, v: Array) -> Array:
        """The product with a vector (m,)."""

    def quadratic_form(self, rows: Array) -> Array:
        """x' A x of each of n rows (n, m)."""

    def block(self, numbers: Any) -> Array:
        """The (k, k) matrix of k coefficients, by their numbers."""

    def toarray(self) -> Array:
        """The whole matrix (m, m), both triangles."""

    def factor(self, scale: Array, safe: float, kept: Any = None) -> Factor | None:
        """A factorisation over the coefficients ``kept``; None where a pivot is below ``safe`` of its diagonal entry.

        The matrix is in units in which columns are times ``scale`` (m,); the factor solves in the caller's own.
        """


class Factor(Protocol):
    """A factorisation of a symmetric operator; ``aliased`` {j: {k: c_k}} gives column j as the sum of c_k columns k."""

    @property
    def aliased(self) -> dict: ...

    @property
    def accurate(self) -> bool:
        """Whether it comes from the rows of the design, not from their cross-product."""

    def solve(self, g: Array) -> Array:
        """The inverse times g (m,); zero at aliased coefficients."""

    def size(self, beta: Array) -> float:
        """The norm of the weighted linear predictor, sqrt(beta' A beta)."""

    def reach(self, beta: Array) -> float:
        """The largest of the weighted terms x_j beta_j alone, before they cancel in the linear predictor."""


@runtime_checkable
class Objective(Protocol):
    """What a solver descends: half the deviance of a model over its rows, as a function of m coefficients.

    ``n_passes`` counts reads of all rows so far; ``score_cost`` is the price of a pass of order 1 in passes of order 2;
    ``small`` says that a pass takes microseconds; ``linear`` that the score is linear in the coefficients (least
    squares); ``bounded`` that means may reach the end of their range at finite coefficients; ``sampleable`` that a
    sample of the rows tells of every coefficient. Columns are multiplied by ``scale`` (m,) in the information alone.
    """

    n_params: int
    n_passes: float
    scale: Any

    @property
    def score_cost(self) -> float: ...

    @property
    def small(self) -> bool: ...

    @property
    def linear(self) -> bool: ...

    @property
    def bounded(self) -> bool: ...

    @property
    def sampleable(self) -> bool: ...

    def at(self, beta: Array, order: int = 2) -> Any:
        """One pass: the deviance (order 0), the score and Pearson's chi-square (1), the information (2)."""

    def along(self, beta: Array, step: Array, sizes: Sequence[float]) -> Array:
        """The deviances at beta + t step for each t of ``sizes``, NaN outside the means' range: one pass for all."""

    def product(self, beta: Array, v: Array) -> Array:
        """The information times ``v`` (m,): one pass at a score pass's cost."""

    def preconditioner(self, beta: Array, rows: int) -> Array:
        """The diagonal of the information of a sample of ``rows`` rows, (m,)."""

    def sample(self, rows: int) -> Any:
        """The same model over a sample of rows, its sums scaled up to the whole."""

    def root(self, beta: Array) -> Array:
        """The triangular R with R'R the information, from the rows themselves: one pass."""


class ResponseModel(Protocol):
    """A model of the response, of one mean a row or of K classes, as a fit asks it.

    ``objective`` is what is descended, ``null_class`` makes the null model, which gives starting values too.
    """

    objective: Any
    null_class: Any

    def information(self) -> float:
        """Rows' worth of information in the response: events, where they can be rare."""

    def scores(self, beta: Array) -> Any:
        """The rows' scores at ``beta`` (m,), for covariances."""

    def stochastic(self, start: Any) -> Any:
        """What a first-order solver descends, and its starting coefficients."""

    def to_params(self, coef: Array) -> Array:
        """Coefficients (m,) of the objective from those of a first-order solver."""

    def result(self, classes: Any) -> Any:
        """The finished fit as a frozen record."""


class Penalty(Protocol):
    """A function of the coefficients that is added to half the deviance: a quadratic part, and a part with a prox.

    The value is (b - centre)' P (b - centre) / 2 plus a separable convex part. Ridge and P-splines are quadratics, the
    lasso is separable, the elastic net is both.
    """

    def value(self, beta: Array) -> float:
        """The penalty at ``beta`` (m,), on the scale of half the deviance."""

    def prox(self, beta: Array, size: Any) -> Array:
        """The b that minimises |b - beta|^2 / (2 size) plus the separable part; ``size`` a number or (m,)."""

    def quadratic(self) -> SymmetricOperator | None:
        """P, or None where there is no quadratic part."""

    def active(self, beta: Array, score: Array) -> Any:
        """Which coefficients can move at ``beta`` given half the deviance's negative gradient, (m,) bool."""

    def degrees_of_freedom(self, beta: Array, information: SymmetricOperator) -> float:
        """The effective number of coefficients: the trace of (J + P)^-1 J over the active set, J the information."""


class Solver(Protocol):
    """The declaration of a solver: by it options are checked, the automatic choice is made, and passes are forecast.

    ``order`` is the highest derivative of the deviance that it asks for at every step (2: the information); ``memory``
    the power of m that its numbers grow with (1: vectors, 2: a matrix); ``penalties`` the kinds it handles.
    """

    @property
    def name(self) -> str: ...

    @property
    def options(self) -> type: ...

    @property
    def order(self) -> int: ...

    @property
    def memory(self) -> int: ...

    @property
    def penalties(self) -> tuple[str, ...]: ...

    @property
    def reads_once(self) -> bool: ...

    @property
    def first_order(self) -> bool: ...


class CovarianceKind(Protocol):
    """The declaration of a covariance of the estimates: what callers may ask of it, and what rows must have.

    ``options`` maps the names of options to their defaults. The computation is a function ``meat(spec, fitted, space)``
    of the sum, over rows or groups of them, of outer products of scores in the units of ``space``.
    """

    @property
    def name(self) -> str: ...

    @property
    def options(self) -> Any: ...

    @property
    def by_rows(self) -> str | None:
        """The option that has a value for each row, or names columns: read beside the rows."""

    @property
    def from_scores(self) -> bool:
        """Whether the sum of outer products of the rows' scores is all it takes."""

    @property
    def leverages(self) -> bool:
        """Whether it needs the leverage of a row, which rows of several classes have not got."""
