"""Small shared records, and the names of what the library's functions take and return.

The names at the end are for type checkers: they are not there when the library runs, so import them under
``if TYPE_CHECKING:``.
"""

from __future__ import annotations

from math import inf, isfinite
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from .core.protocols import Family as Family
from .core.protocols import Link as Link
from .core.protocols import RegisteredFamily as RegisteredFamily
from .core.protocols import RegisteredLink as RegisteredLink

# why a fit stopped that has read its rows once, and cannot know how far it is from the optimum
READ_ONCE = "read once: not certified"
# what a row may have beside X and y
VECTORS = ("weights", "freq_weights", "offset", "exposure")
SHIFTS = ("offset", "exposure")  # those that move the linear predictor


class Interval(NamedTuple):
    """An interval of the real line, the support of a response or the range of a mean."""

    low: float = -inf
    high: float = inf
    closed: str = "both"

    @property
    def left_closed(self) -> bool:
        return self.closed in ("left", "both") and isfinite(self.low)

    @property
    def right_closed(self) -> bool:
        return self.closed in ("right", "both") and isfinite(self.high)

    def __str__(self) -> str:
        left, right = "[" if self.left_closed else "(", "]" if self.right_closed else ")"
        return f"{left}{self.low:g}, {self.high:g}{right}"


class Record:
    """What is kept of a finished fit; the base of results, by which tables and files know them."""


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from os import PathLike
    from typing import Literal, TypeAlias, TypedDict

    import numpy as np
    from numpy.typing import ArrayLike as ArrayLike
    from numpy.typing import DTypeLike, NDArray

    from .family.multinomial import Multinomial
    from .options.covariance import CovarianceSpec
    from .options.penalties import ElasticNet, Lasso, Ridge
    from .options.solvers import IRLS, LBFGS, SGD, Auto, Newton, NewtonCG, ProximalNewton, Stream

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

    Array: TypeAlias = NDArray[np.float64]
    Labels: TypeAlias = NDArray[Any]
    File: TypeAlias = str | PathLike[str]

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
    SolverName: TypeAlias = Literal[
        "auto", "newton", "irls", "proximal-newton", "lbfgs", "newton-cg", "stream", "sgd"
    ]  # fmt: skip
    SolverOptions: TypeAlias = Auto | Newton | IRLS | ProximalNewton | LBFGS | NewtonCG | Stream | SGD
    # a record of options may be that of a registered solver from outside
    SolverLike: TypeAlias = SolverName | SolverOptions | tuple[Any, ...]

    # a record of fastglm.penalties, or {"ridge": lam}
    PenaltyLike: TypeAlias = Ridge | Lasso | ElasticNet | Mapping[str, float]

    class ModelOptions(TypedDict, total=False):
        """What ``fit`` and ``glm`` both take beside the family."""

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

    class FitOptions(ModelOptions, total=False):
        """What ``fit`` takes beside the family."""

        intercept: bool
        names: Sequence[str] | None

    GLMOptions: TypeAlias = ModelOptions

    class PredictOptions(TypedDict, total=False):
        """What predictions take beside the rows, the kind and the interval."""

        level: float
        threshold: float
        keep: Sequence[str]
        threads: int | None

    class ScoreOptions(TypedDict, total=False):
        """What ``score`` and ``calibration`` take beside the rows."""

        weights: Variable | None
        freq_weights: Variable | None
        offset: Variable | None
        exposure: Variable | None
        threads: int | None

    class CovarianceOptions(ScoreOptions, total=False):
        """What ``with_cov`` takes beside X and y."""

        data: Rows | None
        cluster: Variable | Sequence[Variable] | None
        correction: bool | None

    class RowOptions(TypedDict, total=False):
        """What residuals and influence take beside X and y."""

        weights: Variable | None
        offset: Variable | None
        exposure: Variable | None
        data: Rows | None
        keep: Sequence[str]
        threads: int | None

    class MatrixOptions(TypedDict, total=False):
        """What ``simulate.make_X`` takes for a dense X."""

        seed: int
        rho: float
        kind: Literal["normal", "uniform", "binary", "heavy", "scaled", "badly_scaled"]
        dtype: DTypeLike
        order: Literal["C", "F"]

    class DesignOptions(MatrixOptions, total=False):
        """What all functions of ``simulate`` take to draw X."""

        density: float | None

    class TruthOptions(DesignOptions, total=False):
        """What they take to draw the response too, whatever its family."""

        beta: ArrayLike | None
        intercept: bool | float | ArrayLike
        levels: Sequence[int]
        zipf: float
        effects: Sequence[ArrayLike] | None
        signal: float | None

    class SimulateOptions(TruthOptions, total=False):
        """What they take for a family of one mean a row."""

        link: str | None
        theta: float
        power: float
        dispersion: float | None
        event_rate: float | None
        weights: ArrayLike | None
        offset: ArrayLike | None
        sort_by: Literal["y"] | int | None
