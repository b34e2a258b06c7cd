"""The record of a local regression. A curve is its rows: unlike other results it holds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .. import plots
from ..core.frames_out import frame
from ..core.lazy import cached_property
from ..errors import InvalidParameterError
from ..family.means import inverse_link
from ..inference.wald import Prediction, quantile, to_mean
from ..kernels import local as loops
from ..postestimation import row_answers
from ..rows.matching import check_offset
from . import kernels, saved
from .bandwidths import Bandwidth, at_points
from .fits import Fits, Fitter
from .selection import BandwidthCurve, RowFacts
from .summary import LocalSummary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from ..core.protocols import RegisteredFamily, RegisteredLink
    from ..core.records import Array, ArrayLike, File
    from ..postestimation.row_answers import Written
    from ..rows.schema import Schema
    from ..types import Rows, Variable

KINDS = ("mean", "link")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class LocalResult:
    """Local fits at points, and all that makes more of them.

    Attributes
    ----------
    fits : Fits
        The local fits at the points.
    bandwidth : Bandwidth
        Of every fit: ``value`` (d,), or the number of nearest ``rows``.
    curve : BandwidthCurve or None
        The criterion over bandwidths, where the bandwidth was chosen by one.
    schema : Schema
        How rows become the columns.
    exposure_kind : None, "offset" or "exposure"
        What the fit was given; the curve is that of offset zero, of exposure one.
    fitter : Fitter
        The rows and the model.
    notes : tuple of str
    """

    fits: Fits
    bandwidth: Bandwidth
    curve: BandwidthCurve | None
    schema: Schema
    exposure_kind: str | None
    fitter: Fitter
    notes: tuple[str, ...] = ()

    # a curve has a mean, and no labels
    classes: ClassVar[None] = None

    @property
    def family(self) -> RegisteredFamily:
        """The family's value."""
        return self.fitter.model.pair.family

    @property
    def link(self) -> RegisteredLink:
        """The link's value."""
        return self.fitter.model.pair.link

    @property
    def kernel(self) -> Any:
        """The kernel's value."""
        return self.fitter.model.kernel

    @property
    def degree(self) -> int:
        """The degree of the local polynomials."""
        return self.fitter.model.degree

    @property
    def n_rows(self) -> int:
        """The number of rows of positive weight."""
        return self.fitter.rows.n

    @property
    def names(self) -> tuple[str, ...]:
        """The columns, (d,)."""
        return self.schema.columns

    @property
    def points(self) -> Array:
        """Where the local fits are, (m, d)."""
        return self.fits.points

    @property
    def eta(self) -> Array:
        """The curve on the scale of the link, (m,)."""
        return self.fits.eta

    @property
    def fitted(self) -> Array:
        """The curve, (m,): the mean at each point."""
        return inverse_link(self.link, self.eta)

    @property
    def slope(self) -> Array:
        """The slope of the local polynomial in each column, (m, d), on the scale of the link; NaN of degree zero."""
        return self.fits.slope

    @property
    def certificate(self) -> Array:
        """The distance of each local fit from its optimum before the last step, in standard errors at dispersion one,
        (m,); zero of least squares, which one step solves."""
        distance = self.fits.facts[:, loops.DISTANCE]
        return np.where(np.isnan(self.eta), np.nan, 0.0) if self.fitter.model.pair.linear else distance

    @property
    def degrees(self) -> Array:
        """The degree that was fitted at each point, (m,), -1 where none was; lower than asked by singular="degree"."""
        return self.fits.facts[:, loops.DEGREE].astype(np.intp)

    @cached_property
    def _at_rows(self) -> RowFacts:
        return RowFacts.of(self.fitter, self.fitter.at_rows(self.bandwidth, True))

    @cached_property
    def _of_points(self) -> Fits:
        """The fits at the points with their variances."""
        return self.fits if self.fits.variance is not None else self.fitter.at(self.points, self.bandwidth, True)

    @property
    def edf(self) -> float:
        """The effective degrees of freedom, tr L: the sum of the rows' leverages."""
        return self._at_rows.edf

    @property
    def leverage(self) -> Array:
        """The leverage of each row of positive weight, in their own order: the diagonal of L."""
        return self._in_order(self._at_rows.leverage)

    @property
    def residual_df(self) -> float:
        """n - 2 tr L + tr L'L, the degrees of freedom of the residuals (Cleveland and Devlin 1988)."""
        return self._at_rows.residual_df

    @property
    def deviance(self) -> float:
        """The deviance of the rows by the fits at each of them."""
        return float(self._at_rows.deviance.sum())

    @property
    def scale(self) -> float:
        """The dispersion: Pearson's chi-square (the residual sum of squares of the gaussian) over ``residual_df``; one
        of families without a dispersion."""
        if self.family.dispersion == "one":
            return 1.0
        facts = self._at_rows
        with np.errstate(all="ignore"):
            chi2 = np.where(facts.information > 0.0, facts.score**2 / facts.information, 0.0).sum()
        return float(chi2 / self.residual_df)

    @property
    def loo(self) -> float:
        """The mean deviance of rows that are left out, by the closed form of their leverages."""
        return self._at_rows.loo(self.fitter.model.pair, self.fitter.rows)

    @property
    def gcv(self) -> float:
        """Generalised cross-validation, n D / (n - tr L)^2."""
        return self._at_rows.gcv()

    def residuals(self) -> Array:
        """y less the curve at each row of positive weight, in their own order."""
        return self._in_order(self.fitter.rows.y - inverse_link(self.link, self._at_rows.eta))

    def _in_order(self, values):
        return values[np.argsort(self.fitter.rows.order)]

    def interval(self, level: float = 0.95, kind: str = "mean") -> Prediction:
        """Pointwise confidence intervals of the curve at its points.

        The variance on the scale of the link is scale times ||l(x)||^2, of other families that of their last weighted
        least squares. The quantile is that of Student's t on ``residual_df``, normal where the dispersion is known.
        The bias of the curve is not in it: at bandwidths that smooth a bend away, intervals cover less.

        Parameters
        ----------
        level : float
        kind : "mean" or "link"

        Returns
        -------
        Prediction of (m,) arrays
            The mean (or the linear predictor), its standard error, and the limits.
        """
        return self._interval(self._of_points, 0.0, kind, level)

    def _interval(self, fits, offset, kind, level):
        reach = quantile(level, None if self.family.dispersion == "one" else self.residual_df)
        eta, se = fits.eta + offset, np.sqrt(self.scale * fits.variance[:, 0])
        lower, upper = eta - reach * se, eta + reach * se
        return Prediction(eta, se, lower, upper) if kind == "link" else to_mean(self, eta, se, lower, upper)

    def predict(
        self, X: Rows, kind: str = "mean", *, interval: str | None = None, level: float = 0.95,
        offset: Variable | None = None, exposure: Variable | None = None, out: File | None = None,
        keep: Sequence[str] = (), threads: int | None = None, progress: bool = False,
    ) -> Array | Prediction | Written:  # fmt: skip
        """Local fits at new points.

        Parameters
        ----------
        X : (m, d) array, data frame or files; columns are found by their names
        kind : "mean" or "link"
        interval : None, or "mean" for pointwise intervals as of ``interval``
        level : float
        offset, exposure : scalar, (m,) array or name of a column; one is needed if the fit had one
        out : str or Path, optional
            A Parquet file to write the predictions to, which is there whole or not at all.
        keep : names of columns of X to write beside them
        threads : int, optional
        progress : bool
            Show a bar over the rows.

        Returns
        -------
        (m,) array, or a Prediction of (m,) arrays; NaN where there is no local fit. With ``out`` a Written.

        Raises
        ------
        InvalidParameterError, MissingDataError
        """
        if kind not in KINDS or interval not in (None, "mean"):
            known = f"kinds are {KINDS}, intervals None and 'mean'"
            raise InvalidParameterError(f"kind={kind!r}, interval={interval!r} are unknown: {known}")
        return row_answers.predict(
            self, X, kind, interval=interval, level=level, offset=offset, exposure=exposure, out=out, keep=keep,
            threads=threads, progress=progress,
        )  # fmt: skip

    def _predicted(self, piece, kind, interval, level, _):
        """The local fits at the rows of a piece."""
        shift = check_offset(self, piece.offset, piece.exposure, piece.X.shape[0])
        fits = self.fitter.at(numbers(piece.X), self.bandwidth, interval is not None)
        if interval is not None:
            return self._interval(fits, shift, kind, level)
        eta = fits.eta + shift
        return eta if kind == "link" else inverse_link(self.link, eta)

    def weights_at(self, point: ArrayLike) -> Array:
        """The kernel's weights of all rows of positive weight at a point (d,), in the rows' own order."""
        point = np.atleast_1d(np.asarray(point, dtype=np.float64))
        if point.shape != (len(self.names),) or not np.isfinite(point).all():
            d = len(self.names)
            raise InvalidParameterError(f"point={point.tolist()} must be {d} finite numbers, one a column")
        return self._in_order(self.sorted_weights(point))

    def sorted_weights(self, point: Array) -> Array:
        """``weights_at`` in the order of the sorted rows."""
        h = at_points(self.bandwidth, self.fitter.rows, point[None, :])[0]
        squares = (((self.fitter.rows.x - point[:, None]) / h[:, None]) ** 2).sum(axis=0)
        return kernels.at_distances(self.kernel, squares)

    def mean_of(self, eta: Array) -> Array:
        """The means at linear predictors."""
        return inverse_link(self.link, eta)

    @property
    def certified(self) -> bool:
        """Whether every point has a local fit of the degree that was asked for, at its optimum."""
        return bool((self.fits.status == loops.FITTED).all())

    def table(self, level: float = 0.95) -> Any:
        """One row per point, as the user's own kind of frame: the columns, fitted, se, lower and upper."""
        points = dict(zip(self.names, self.points.T, strict=True))
        mean, se, lower, upper = self.interval(level)
        return frame(points | {"fitted": mean, "se": se, "lower": lower, "upper": upper}, self.schema.library)

    def save(self, path: File) -> None:
        """Write it, its rows included, to an npz file that ``fastglm.load`` reads back to the bit.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        saved.save(self, path)

    @classmethod
    def load(cls, path: File) -> LocalResult:
        """The local regression that ``save`` wrote.

        Raises
        ------
        FileFormatError
            For a file that is none, or is damaged.
        InvalidParameterError
            For a kernel, family or link that is not registered.
        """
        return cls(**saved.load(path))

    def summary(self, level: float = 0.95) -> LocalSummary:
        """The curve at some of its points with intervals, a summary with ``as_text()`` and ``as_html()``."""
        return LocalSummary(self, level)

    def plot(self, *, point: ArrayLike | None = None, level: float | None = 0.95, ax: Axes | None = None) -> Axes:
        """The curve of one column with its intervals over the rows; with ``point`` the rows drawn by their weights in
        the fit at that point, and the local polynomial there; see ``fastglm.plots.local``."""
        return plots.local(self, point=point, level=level, ax=ax)

    def _repr_html_(self) -> str:
        return self.summary().as_html()

    def __repr__(self) -> str:
        shape = {0: "constants", 1: "lines", 2: "quadratics", 3: "cubics"}[self.degree]
        return (
            f"<LocalResult of {self.n_rows:,} rows: local {shape} at {len(self.points):,} points, "
            f"{self.kernel.name} kernel, bandwidth {self.bandwidth}>"
        )


def open_points(schema: Any, data: Any, vectors: Any) -> Any:
    """The rows of points in memory, as one piece."""
    supplied = schema.open(data, None, vectors, respond=False, in_memory="local regression")
    try:
        return supplied.whole()
    finally:
        supplied.close()


def numbers(X: Any) -> np.ndarray:
    """Columns as one array of float64."""
    return np.asarray(X.toarray() if hasattr(X, "toarray") else X, dtype=np.float64)
