"""All protocols of the library on one page: what each part asks of another, with shapes and units.

Nothing derives from these classes. Implementations are checked against them by ``tests/house/test_protocols.py``
(names, signatures) and by mypy in ``tests/house/typed_protocols.py``. In the shapes n counts rows, p columns of the
design with the intercept, m coefficients (of K classes m = (K - 1) p), and distances are in standard errors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray

    from .records import Interval

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
    value that has ``+``. ``vectors_only`` says that X need not be read, ``journaled`` that a checkpoint keeps the sum.
    """

    vectors_only: bool
    journaled: bool

    def needs_rows(self, first: int, stop: int) -> bool: ...

    def begin(self) -> Any: ...

    def add(self, state: Any, part: Any, runs: Any, work: Any) -> None: ...

    def end(self, state: Any) -> Any: ...


class Source(Protocol):
    """Rows that tasks are summed over, in memory or read at every pass.

    ``cost`` is that of reading all rows once, in passes with curvature; ``in_process`` says whether they are in the
    memory of this process; ``data`` a ``Block`` that describes columns and vectors; ``rows_read`` the rows of one pass.
    """

    n_rows: int
    n_columns: int
    rows_read: int
    threads: int
    cost: float
    in_process: bool
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
    """A place where tasks run: threads of this process, a pool, a cluster.

    ``chunks.workspace()`` lends a thread its workspace, ``chunks.values(task, units, workspace)`` gives each of some
    consecutive units with its value, ``tree.put(i, value)`` takes one. ``chunks`` and ``task`` can be pickled.
    """

    def run(self, chunks: Any, task: Any, units: Any, tree: Any) -> None:
        """Put the value of each of ``units`` into ``tree``, the i-th at leaf i, in any order."""

    def map(self, function: Any, items: Any, held: Any = None) -> Iterable[Any]:
        """The function of each item, in order; ``held`` are futures of rows that a cluster has, by item."""


class FoldKind(Protocol):
    """A kind of folds of a cross-validation: what it reads beside the rows, and how it cuts them.

    ``each_row`` says that every row is held out alone, which some models have a closed form for.
    """

    @property
    def each_row(self) -> bool: ...

    @property
    def beside(self) -> tuple[Any, ...]:
        """Names of columns, or (n,) arrays, that the folds are made from: none or one."""

    def assign(self, rows: Any) -> Any:
        """The ``Folds`` of rows, which have ``n_rows``, ``labels(name)`` and ``classes()``: ``rows/fold_rows.py``."""


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
    """A symmetric matrix (m, m) by its structure: dense, diagonal, arrowhead, or a permuted arrowhead.

    Nothing is changed in place: every method that alters the matrix returns another, of the structure that it needs.
    """

    def diagonal(self) -> Array:
        """The diagonal, (m,)."""

    def toarray(self) -> Array:
        """The whole matrix (m, m), both triangles."""

    def scaled(self, factor: float) -> Any:
        """The matrix times a number."""

    def plus(self, other: Any) -> Any:
        """The sum with another symmetric matrix."""

    def plus_diagonal(self, d: Array) -> Any:
        """The matrix plus diag(d), d (m,)."""

    def times(self, v: Array) -> Array:
        """The product with a vector (m,)."""

    def quadratic_form(self, v: Array) -> float:
        """v' A v of a vector (m,)."""


class Information(SymmetricOperator, Protocol):
    """The symmetric matrix that a descent steps by: of columns that were multiplied by ``scale`` (m,)."""

    def factor(self, scale: Array, safe: float = ..., kept: Any = None) -> Factor | None:
        """A factorisation over the coefficients ``kept``; None where a pivot is below ``safe`` of its entry."""

    def rank_factor(self, scale: Array, kept: Any = None) -> Factor | None:
        """A factorisation over independent columns; None where the rows of the design tell more of dependent ones."""

    def any_solution(self, scale: Array, g: Array) -> Array | None:
        """A solution (m,) of a system that may be singular; None where it would not be cheap."""


class Factor(Protocol):
    """A factorisation of an information; ``aliased`` {j: {k: c_k}} gives column j as the sum of c_k columns k.

    It solves in the caller's units, in which the design's columns are what they were given as.
    """

    @property
    def aliased(self) -> dict[int, dict[int, float]]: ...

    @property
    def accurate(self) -> bool:
        """Whether it comes from the rows of the design, not from their cross-product."""

    @property
    def diagonal_only(self) -> bool:
        """Whether it knows the information's diagonal alone, as a preconditioner."""

    @property
    def told(self) -> Any:
        """The numbers of the coefficients that steps tell; others stay where they are."""

    def solve(self, g: Array) -> Array:
        """The inverse times g (m,); zero at aliased coefficients."""

    def size(self, beta: Array) -> float:
        """The norm of the weighted linear predictor, sqrt(beta' A beta)."""

    def reach(self, beta: Array) -> float:
        """The largest of the weighted terms x_j beta_j alone, before they cancel in the linear predictor."""

    def faded(self) -> list[Array]:
        """Directions (m,) along which nothing can be told, either way: their rows have lost their weight."""


class CovarianceMatrix(Protocol):
    """A covariance of m coefficients, NaN where aliased: an array, or beside very many levels its parts."""

    def toarray(self) -> Array:
        """The whole matrix (m, m)."""

    def block(self, numbers: Any) -> Array:
        """The (k, k) matrix of k coefficients, by their numbers."""

    def quadratic_form(self, rows: Array) -> Array:
        """x' C x of each of n rows (n, m), aliased coefficients counted as 0."""

    def forms(self, rows: Array, classes: int) -> Array:
        """x' C_kl x of each of n rows (n, p) for the blocks of every two classes, (n, classes, classes)."""

    def same_column(self, classes: int) -> Array:
        """The covariances between the classes' coefficients of each column, (p, classes, classes)."""

    def mapped(self, change: Array) -> Any:
        """The covariance of linear maps ``change`` (classes, classes) of the classes' coefficients."""

    def around(self, meat: Any, scale: Array) -> Any:
        """This inverse information on both sides of a meat, whose columns were multiplied by ``scale`` (m,)."""


@runtime_checkable
class Objective(Protocol):
    """What a solver descends: half the deviance of a model over its rows, as a function of m coefficients.

    ``n_passes`` counts reads of all rows so far; ``score_cost`` is the price of a pass of order 1 in passes of order 2;
    ``line_sizes`` counts the sizes of a step that ``along`` sums at the price of a pass; ``small`` says that a pass
    takes microseconds; ``linear`` that the score is linear in the coefficients (least squares); ``bounded`` that means
    may reach the end of their range at finite coefficients; ``sampleable`` that a sample of the rows tells of every
    coefficient. Columns are multiplied by ``scale`` (m,) in the information alone.
    """

    n_params: int
    n_passes: float
    scale: Any

    @property
    def score_cost(self) -> float: ...

    @property
    def line_sizes(self) -> int: ...

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

    def along(self, beta: Array, step: Array, sizes: Any) -> Array:
        """The deviances at beta + t step for each t of ``sizes``, NaN outside the means' range: one pass for all."""

    def product(self, beta: Array, v: Array) -> Array:
        """The information times ``v`` (m,): one pass at a score pass's cost."""

    def preconditioner(self, beta: Array, rows: int) -> Array:
        """The diagonal of the information of a sample of ``rows`` rows, (m,)."""

    def root(self, beta: Array) -> Array:
        """The triangular R with R'R the information, from the rows themselves: one pass."""


class RowObjective(Objective, Protocol):
    """An objective over a source of rows: what the library's own solvers, covariances and diagnoses ask of it besides.

    ``share`` is the part of the rows that ``source`` has, ``n_eliminated`` the coefficients that a factorisation has to
    eliminate one by one. ``kept``, ``aliased`` and ``own``, the lengths that earlier columns leave of those kept, are
    what the design's rank was decided to be, None before. ``approachable`` says that ``approach`` has steps in compiled
    code, ``divisible`` that ``columns`` takes some of the columns; ``levels`` are those of factors, where it is known
    what they say of a start. ``constant`` is the number of a column by which others
    that are far from zero are to be shifted, rather than factored by their rows, or None.
    """

    source: Any
    n_columns: int
    share: float
    precise: bool
    factorable: bool
    constant: int | None
    kept: Any
    own: Any
    aliased: dict[int, dict[int, float]]

    @property
    def n_eliminated(self) -> int: ...

    @property
    def approachable(self) -> bool: ...

    @property
    def divisible(self) -> bool: ...

    @property
    def levels(self) -> Any: ...

    @property
    def infinite_levels(self) -> Array:
        """The sign of infinity of each coefficient (m,) whose level has all its rows at an end of the means' range."""

    def start_empty_levels_at_bound(self, beta: Array) -> Array:
        """A start (m,) with the coefficients of such levels far out, where a fit would take them a step at a time."""

    @property
    def centred(self) -> bool:
        """Whether the first coefficient is the intercept of one linear predictor of an array's columns."""

    def intercept_products(self, beta: Array, rows: int) -> Array:
        """The information's first row (m,), of a sample of ``rows`` rows."""

    def sampled_rows(self, rows: int) -> Array:
        """Columns of X of a sample, (rows, p)."""

    def sample(self, rows: int) -> Any:
        """The same model over a sample of rows, its sums scaled up to the whole."""

    def subset(self, rows: int) -> Any:
        """The same over a sample, its sums those of its rows alone."""

    def part(self, runs: Any) -> Any:
        """The same over the half-open ranges of rows ``runs`` (k, 2)."""

    def design(self) -> Any:
        """Least squares over the columns of X alone, by which its rank is decided."""

    def scores(self, beta: Array) -> Any:
        """The pass whose ``information`` is the sum of outer products of the rows' scores."""

    def rescale(self) -> bool:
        """Scale columns by powers of two to a largest entry near one; False where that changes nothing."""

    def rows(self) -> Any:
        """Design (n, p), response, weight and offset of the rows that count, dense: one pass."""


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


class PenaltyRecord(Protocol):
    """A penalty as callers write it: a NamedTuple of options with the strength ``lam``, registered by
    ``penalties.penalty``, which gives it what it does not say itself (``options/penalties/registry.py``).

    ``needs`` are the kinds of penalties that a solver must handle, ``confined`` says whether bounds remain at lambda
    zero, ``initial`` which fit comes first and ``share`` what the penalised solution's part in the result is.
    """

    @property
    def lam(self) -> float | None: ...

    @property
    def scale(self) -> bool: ...

    @property
    def needs(self) -> tuple[str, ...]: ...

    @property
    def confined(self) -> bool: ...

    @property
    def initial(self) -> Any: ...

    @property
    def share(self) -> float: ...

    def checked(self) -> Any:
        """The record, its numbers looked at as far as that needs no row; raises InvalidParameterError."""

    def terms(self, columns: Any) -> Any:
        """The ``PenaltyTerms`` of the ``Columns`` of a model at lambda one."""


class Penalty(Protocol):
    """A function of m coefficients that is added to half the deviance: a quadratic, a separable convex part, or both.

    Ridge, priors and P-splines are quadratics b' P b / 2, the lasso is separable, the elastic net is both.
    """

    def value(self, beta: Array) -> float:
        """The penalty at ``beta`` (m,), on the scale of half the deviance."""

    def score(self, beta: Array) -> Array:
        """The negative gradient of the quadratic part at ``beta``, (m,)."""

    def prox(self, beta: Array, size: Any) -> Array:
        """The b that minimises |b - beta|^2 / (2 size) plus the rest; ``size`` a number, of separable parts also (m,).

        Groups and penalties of one's own measure the distance in standardised coefficients.
        """

    def quadratic(self) -> SymmetricOperator | None:
        """P, or None where there is no quadratic part."""

    def active(self, beta: Array, score: Array) -> Any:
        """Which coefficients can move at ``beta``, given the ``score`` of the smooth part, (m,) bool."""

    def degrees_of_freedom(self, beta: Array, information: SymmetricOperator) -> float:
        """The trace of (J + P)^-1 J over the coefficients that are not zero, J the information."""


class Solver(Protocol):
    """The declaration of a solver: by it options are checked, the automatic choice is made, and passes are forecast.

    ``order`` is the highest derivative of the deviance that its steps use (1 the score, 2 the information or products
    with it); ``memory`` the power of m that its numbers grow with (1 vectors, 2 a matrix); ``penalties`` the kinds that
    it handles. ``sequential`` and ``first_order`` say whether it learns from rows in turn, or from a few at a time.
    """

    @property
    def name(self) -> str: ...

    @property
    def options(self) -> type[Any]: ...

    @property
    def order(self) -> int: ...

    @property
    def memory(self) -> int: ...

    @property
    def penalties(self) -> tuple[str, ...]: ...

    @property
    def automatic(self) -> bool: ...

    @property
    def sequential(self) -> bool: ...

    @property
    def first_order(self) -> bool: ...

    @property
    def function(self) -> Any:
        """``Problem`` -> ``Solution`` (``solver/problem.py``)."""

    @property
    def passes(self) -> Any:
        """What is known before a fit, an ``Outlook`` -> expected ``Passes`` with curvature and without."""

    @property
    def check(self) -> Any:
        """Options -> None; raises InvalidParameterError for those that cannot be used."""


class CovarianceKind(Protocol):
    """The declaration of a covariance of the estimates: what callers may ask of it, and what rows must have.

    Of a kind with a ``power`` the squared scores of rows are divided by (1 - leverage)^power and added; another has a
    ``function`` (spec, fitted, space) -> the covariance in the units of ``space``.
    """

    @property
    def name(self) -> str: ...

    @property
    def aliases(self) -> tuple[str, ...]: ...

    @property
    def argument(self) -> str | None:
        """The option that is written with the kind's name, as ``{"cluster": groups}``."""

    @property
    def options(self) -> tuple[tuple[str, Any], ...]:
        """Names and defaults."""

    @property
    def by_rows(self) -> bool:
        """Whether ``argument`` has a value for each row, or names columns: read beside the rows."""

    @property
    def power(self) -> int | str | None: ...

    @property
    def function(self) -> Any: ...


class Fitted(Protocol):
    """A finished fit, as tables, exports and summaries read it: estimates in the order of ``names``."""

    @property
    def names(self) -> tuple[str, ...]: ...

    @property
    def params(self) -> Array:
        """(p,) estimates, of K classes (p, K - 1); NaN where aliased."""


class WithHistory(Protocol):
    """A finished fit or training with a record of each iteration."""

    @property
    def history(self) -> Any: ...


class FittedPath(Protocol):
    """Fits for decreasing values of lambda, as pictures and summaries read them."""

    @property
    def lambdas(self) -> Array:
        """(L,) values, decreasing."""

    @property
    def params(self) -> Array:
        """(L, p) estimates in the order of ``names``, of K classes (L, p, K)."""

    @property
    def names(self) -> tuple[str, ...]: ...

    @property
    def df(self) -> Array:
        """(L,) numbers of coefficients that are not zero."""

    @property
    def deviance_ratio(self) -> Array:
        """(L,) explained shares of the null deviance."""


class MeasuredPath(Protocol):
    """A path whose lambdas were measured on held-out rows."""

    @property
    def path(self) -> FittedPath: ...

    @property
    def mean(self) -> Array:
        """(L,) means of a measure."""

    @property
    def se(self) -> Array:
        """(L,) their standard errors."""
