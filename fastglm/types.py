"""The names of what the library's functions take and return.

The names at the end are for type checkers: they are not there when the library runs, so import them under
``if TYPE_CHECKING:``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from .core.protocols import Family as Family
from .core.protocols import Link as Link
from .core.protocols import RegisteredFamily as RegisteredFamily
from .core.protocols import RegisteredLink as RegisteredLink
from .core.records import READ_ONCE as READ_ONCE
from .core.records import SHIFTS as SHIFTS
from .core.records import VECTORS as VECTORS
from .core.records import Interval as Interval
from .core.records import Record as Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Literal, TypeAlias, TypedDict

    from numpy.typing import DTypeLike

    from .core.protocols import FoldKind as FoldKind
    from .core.records import Array as Array
    from .core.records import ArrayLike as ArrayLike
    from .core.records import File as File
    from .core.records import Labels as Labels
    from .family.multinomial import Multinomial
    from .options.covariance import CovarianceSpec
    from .options.solvers import SolverLike as SolverLike
    from .options.solvers import SolverName as SolverName
    from .options.solvers import SolverOptions as SolverOptions

    class DataFrame(Protocol):
        """A table with named columns: of pandas, polars, DuckDB, Dask."""

        @property
        def columns(self) -> Any: ...

    class ArrowTable(Protocol):
        """A table that gives its columns to Arrow."""

        def __arrow_c_stream__(self, requested_schema: Any = None, /) -> Any: ...

    class SparseMatrix(Protocol):
        """A matrix of scipy.sparse."""

        def tocsr(self) -> Any: ...

    # the rows of a fit or a prediction: numbers in memory, a frame, files, or a stream
    Rows: TypeAlias = (
        ArrayLike | DataFrame | ArrowTable | SparseMatrix | File | Sequence[File] | Iterator[Any] | Callable[[], Any]
    )
    # a number for each row, or the name of a column
    Variable: TypeAlias = ArrayLike | str
    # a kind of covariance of the estimates, with its clusters where it has some
    Covariance: TypeAlias = str | Mapping[str, Any] | CovarianceSpec | None

    FamilyLike: TypeAlias = str | Family | Multinomial
    LinkLike: TypeAlias = str | Link

    # {"ridge": lam}, or a record of fastglm.penalties or of a registered penalty from outside
    PenaltyLike: TypeAlias = Mapping[str, float] | tuple[Any, ...]
    # a number, a record of fastglm.folds, {"stratified": 5}, "loo", the name of a column, or a label for each row
    FoldsLike: TypeAlias = int | FoldKind | Mapping[str, int] | str | ArrayLike

    class ModelOptions(TypedDict, total=False):
        """The options that ``fit`` and ``glm`` share, without the family."""

        link: LinkLike | None
        weights: Variable | None
        freq_weights: Variable | None
        offset: Variable | None
        exposure: Variable | None
        penalty: PenaltyLike | None
        solver: SolverLike
        cov: Covariance
        start: ArrayLike | None
        threads: int | None
        progress: bool
        missing: Literal["error", "drop"]
        unseen: Literal["error", "missing", "baseline"]
        compress: bool | Literal["auto"]
        memory: int | None
        client: Any
        checkpoint: File | None
        dispersion: Literal["pearson", "deviance", "ml"]
        bias_reduction: Literal["firth", "mean", "median", "mixed"] | None

    class FitOptions(ModelOptions, total=False):
        """The options of ``fit``, without the family."""

        intercept: bool
        names: Sequence[str] | None

    GLMOptions: TypeAlias = ModelOptions

    class PredictOptions(TypedDict, total=False):
        """The options of predictions, without the rows, the kind and the interval."""

        level: float
        threshold: float
        retransform: Literal["lognormal", "smearing"] | None
        simultaneous: Literal["scheffe", "bonferroni", "sup-t"] | None
        trials: int | None
        keep: Sequence[str]
        threads: int | None
        progress: bool

    class ScoreOptions(TypedDict, total=False):
        """The options of ``score`` and ``calibration``, without the rows."""

        weights: Variable | None
        freq_weights: Variable | None
        offset: Variable | None
        exposure: Variable | None
        threads: int | None

    class CovarianceOptions(ScoreOptions, total=False):
        """The options of ``with_cov``, without X and y."""

        data: Rows | None
        cluster: Variable | Sequence[Variable] | None
        correction: bool | None

    class RowOptions(TypedDict, total=False):
        """The options of residuals and influence, without X and y."""

        weights: Variable | None
        offset: Variable | None
        exposure: Variable | None
        data: Rows | None
        seed: int | None
        deletion: bool
        keep: Sequence[str]
        threads: int | None

    class MatrixOptions(TypedDict, total=False):
        """The options of ``simulate.make_X`` for a dense X."""

        seed: int
        rho: float
        kind: Literal["normal", "uniform", "binary", "heavy", "scaled", "badly_scaled"]
        dtype: DTypeLike
        order: Literal["C", "F"]

    class DesignOptions(MatrixOptions, total=False):
        """The options of ``simulate`` to draw X."""

        density: float | None

    class TruthOptions(DesignOptions, total=False):
        """The options of ``simulate`` to draw X and a response of any family."""

        beta: ArrayLike | None
        intercept: bool | float | ArrayLike
        levels: Sequence[int]
        zipf: float
        effects: Sequence[ArrayLike] | None
        signal: float | None

    class SimulateOptions(TruthOptions, total=False):
        """The options of ``simulate`` to draw X and a response with one mean a row."""

        link: str | None
        theta: float
        power: float
        dispersion: float | None
        event_rate: float | None
        weights: ArrayLike | None
        offset: ArrayLike | None
        sort_by: Literal["y"] | int | None
