"""``OnlineGLM``: a generalized linear model of a stream, with standard errors at any time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.measured import STREAM_ROWS
from ..core.records import VECTORS
from ..errors import ConvergenceWarning, InvalidParameterError, warn
from ..fitting.perform import perform
from ..objective.response_sums import ResponseSums
from ..rows.family_link import family_and_link, is_open
from ..rows.request import FitRequest
from ..solver.stream import prefix
from ..solver.stream_state import SOLVED, UNTRUSTED, StreamState
from ..source.threads import single_threaded_blas
from . import saved, summary
from .batch import Batch, Shape, add, copied, objective, open_batch
from .drift import Fluctuation, project, uncertain_rows
from .start import constant_model

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal

    from typing_extensions import Self

    from ..core.protocols import RegisteredFamily, RegisteredLink
    from ..core.records import ArrayLike, File
    from ..family.multinomial import Multinomial
    from ..result.record import GLMResult
    from ..rows.schema import Schema
    from ..types import FamilyLike, LinkLike, Rows

FIRST = 20  # rows a coefficient that are kept before the first estimate
FIRST_ROWS = 1000  # the least number of rows that are kept before the first estimate; chosen
EVENTS = 5  # of the rarest outcome, a coefficient
PATIENCE = 20  # times as many rows as are usually kept, after which rare outcomes are no longer waited for
MOST_KEPT = 2  # times as many rows, that are kept later


class OnlineGLM:
    """A generalized linear model that learns from batches, each read once: no learning rate, and standard errors.

    The first rows are kept until they give an estimate; then each batch moves the coefficients by Newton steps
    with the curvature of all rows so far (``fastglm.solver.stream_state``). Rows with uncertain linear predictors, such
    as those of rare levels, are kept until they are known better, and solved for again with every batch. The estimates
    are within a small part of a standard error of the optimum over all rows, whatever the scale of the columns; for the
    gaussian with the identity link they are the optimum.

    Parameters
    ----------
    family, link, intercept
        As in ``fastglm.fit``.
    cov : "model", "robust" or None
        "robust" keeps the outer products of the scores too, for standard errors under overdispersion.
    names : sequence of str, optional
        Names of the columns; a data frame brings its own.
    bias_reduction : None
        Rows that are read once have no adjusted scores: others are refused.

    References
    ----------
    Luo, L. and Song, P. X.-K. (2020), "Renewable estimation and incremental inference in generalized linear models
    with streaming data sets", JRSS B 82, 69-97.

    Examples
    --------
    >>> import numpy as np, fastglm
    >>> rng = np.random.default_rng(0)
    >>> model = fastglm.OnlineGLM(family="poisson")
    >>> for batch in range(20):
    ...     X = rng.normal(size=(1000, 2))
    ...     model = model.partial_fit(X, rng.poisson(np.exp(0.5 + 0.3 * X[:, 0])))
    >>> model.result().params.round(1)
    array([ 0.5,  0.3, -0. ])
    """

    family: RegisteredFamily | Multinomial
    link: RegisteredLink

    def __init__(
        self, family: FamilyLike = "gaussian", link: LinkLike | None = None, *, intercept: bool = True,
        cov: Literal["model", "robust"] | None = "model", names: Sequence[str] | None = None,
        bias_reduction: None = None,
    ) -> None:  # fmt: skip
        self.family, self.link = family_and_link(family, link, estimation=True)
        if is_open(self.family):
            raise InvalidParameterError(
                f"family={self.family.name!r}: its {self.family.estimated} is estimated by fits that read rows again; "
                f"pass fastglm.families.{type(self.family).__name__}({self.family.estimated}=...)"
            )
        if bias_reduction is not None:
            raise InvalidParameterError(
                f"bias_reduction={bias_reduction!r}: adjusted scores have the leverages of all rows, which are read "
                "once here; take fastglm.fit"
            )
        if cov not in (None, "model", "robust"):
            raise InvalidParameterError(f"cov={cov!r}: rows that are read once have 'model', 'robust' or None")
        self.intercept, self.cov = bool(intercept), cov
        self._names = None if names is None else tuple(str(value) for value in names)
        self._shape: Shape | None = None
        self._schema: Schema | None = None
        self._waiting: list[Batch] = []
        self._state: StreamState | None = None
        self._drift: Fluctuation | None = None
        self._sums: ResponseSums | None = None
        self._totals: np.ndarray | None = None
        self._null_mean, self._null = np.nan, 0.0
        self._vectors: frozenset[Any] = frozenset()
        self.n_batches = 0

    @property
    def _is_softmax(self):
        """Whether y is of several classes."""
        return self.family.response_model == "softmax"

    @property
    def n_rows(self) -> int:
        """Rows of positive weight so far."""
        waiting = sum(len(batch.data.y) for batch in self._waiting)
        return waiting + (0 if self._state is None else self._state.rows + self._state.refused)

    def partial_fit(
        self, X: Rows, y: ArrayLike, *, weights: ArrayLike | None = None, freq_weights: ArrayLike | None = None,
        offset: ArrayLike | None = None, exposure: ArrayLike | None = None, classes: Sequence[Any] | None = None,
    ) -> Self:  # fmt: skip
        """Learn from a batch.

        Parameters
        ----------
        X : (n, p) array, sparse matrix or data frame
            Columns of text and categories are factors, whose levels are those of the first batch.
        y : (n,) array
        weights, freq_weights, offset, exposure : (n,) array, optional
            As in ``fastglm.fit``. A row of weight zero is as if it were not there.
        classes : sequence of labels, optional
            All labels of y, at the first batch, where that one may lack some of them.

        Returns
        -------
        OnlineGLM
            Itself.

        Raises
        ------
        InvalidParameterError, MissingDataError
            For a batch that cannot be used, or whose columns or labels differ from earlier ones; the state is not
            changed.
        """
        vectors = dict(weights=weights, freq_weights=freq_weights, offset=offset, exposure=exposure)
        request = FitRequest(
            data=X, y=y, family=self.family, link=self.link, intercept=self.intercept, names=self._names, threads=1,
            **vectors,
        )  # fmt: skip
        with np.errstate(all="ignore"):
            batch, schema = open_batch(request, self._shape, self._schema, classes)
            if batch is None:
                return self
            vectors = self._vectors | {name for name, value in vectors.items() if value is not None}
            with single_threaded_blas():
                self._learn(batch, vectors)
            self._schema = schema
        return self

    @property
    def n_classes(self) -> int | None:
        """The number of classes of a multinomial y, None for other families and before the first batch."""
        known_classes = self._is_softmax and self._shape is not None
        return len(self._shape.classes) if known_classes else None

    def _learn(self, batch, vectors):
        """Learn on copies of the state and replace it at the end, so that an interrupt leaves it unchanged."""
        shape = self._shape or batch.shape
        sums = batch.sums if self._sums is None else add(self._sums, batch.sums)
        totals = batch.totals if self._totals is None else self._totals + batch.totals
        running, waiting, centre, null, drift = self._state, self._waiting, self._null_mean, self._null, self._drift
        if running is None:
            waiting = [*waiting, batch._replace(data=copied(batch.data))]
            if self._can_begin(waiting, sums, totals):
                first_rows = waiting[-1].joined(waiting[:-1])
                running = self._begin(first_rows, shape)
                waiting = self._solve_and_drop(running, first_rows, sums, shape)
                drift = Fluctuation(running.spread())
                centre = sums.mean
                null += self._null_part(first_rows, centre)
        else:
            running = running.copy()
            before = running.refused
            for first in range(0, len(batch.data.y), STREAM_ROWS):
                block = batch if len(batch.data.y) <= STREAM_ROWS else batch.where(slice(first, first + STREAM_ROWS))
                directions, scale = running.spread(), self._dispersion(running)
                projection = project(block.data, directions, running.beta)
                drift = drift.watch(self.family, self.link, block.data, running.beta, scale, directions, projection)
                variances = scale * projection.variances
                known = running.exact or variances.max() <= running.far(variances)
                waiting = self._learned(running, waiting, block, known, sums, shape)
            null += self._null_part(batch, centre)
            if running.refused > before:
                warn(
                    ConvergenceWarning,
                    f"{running.refused - before} rows of this batch were not learned from: the coefficients so far put "
                    f"their means outside the range of family={self.family.name!r}. Another link keeps them inside",
                )
        self._shape, self._sums, self._totals, self._vectors = shape, sums, totals, vectors
        self._state, self._waiting, self._null_mean, self._null, self._drift = running, waiting, centre, null, drift
        self.n_batches += 1

    def _objective(self, batch, shape, sums=None):
        n_classes = len(shape.classes) if self._is_softmax else None
        return objective(self.family, self.link, batch.data, sums or batch.sums, n_classes)

    def _learned(self, running, waiting, block, known, sums, shape):
        """Learn from a block of rows beside those ``waiting``; the rows to keep after it.

        If no rows wait and the linear predictors are ``known``, one step is enough.
        """
        likelihood, n = self._objective(block, shape, sums), len(block.data.y)
        if known and not waiting:
            running.learn(likelihood, np.array([[0, n]]))
            return waiting
        quadratic = likelihood.at(running.beta, 1)
        if not (quadratic.finite and np.isfinite(quadratic.score).all()):
            running.refused += n
            return waiting
        return self._solve_and_drop(running, block.joined(waiting), sums, shape)

    def _solve_and_drop(self, running, rows, sums, shape):
        """Solve for ``rows``, drop those with known linear predictors, and return the others."""
        if running.exact:
            return []
        likelihood = self._objective(rows, shape, sums)
        running.solve(likelihood)
        running.weigh(likelihood)
        variances = self._dispersion(running) * project(rows.data, running.spread(), running.beta).variances
        limit, most = running.far(variances), MOST_KEPT * self._first(shape)
        if len(variances) > most:
            limit = max(limit, float(-np.partition(-variances, most)[most]))
        keep = variances > limit
        unknown = ~keep & (variances > UNTRUSTED)
        if unknown.any():
            running.lost = running.lost + uncertain_rows(rows.where(unknown).data, running.spread())
        if not keep.all():
            dropped = rows.where(~keep)
            running.forget(self._objective(dropped, shape, sums), len(dropped.data.y))
        return [rows.where(keep)] if keep.any() else []

    def _dispersion(self, running):
        """The estimate of the dispersion so far; one where it is known."""
        return 1.0 if self.family.dispersion == "one" or not running.rows else running.pearson / running.rows

    def _first(self, shape):
        """The number of rows for a first estimate."""
        n_contrasts = len(shape.classes) - 1 if self._is_softmax else 1
        return max(FIRST * n_contrasts * (len(shape.names) + self.intercept), FIRST_ROWS)

    def _can_begin(self, waiting, sums, totals):
        """Whether the waiting rows suffice for a first estimate: enough rows, and enough of the rarest outcome."""
        n_params = len(waiting[0].data.names) + self.intercept
        rows, first = sum(len(batch.data.y) for batch in waiting), self._first(waiting[0].shape)
        rare = totals.min() if totals is not None else self.family.events(sums.weighted_y, sums.weight)
        return rows >= first and (rare >= EVENTS * n_params or rows >= PATIENCE * first)

    def _begin(self, batch, shape):
        """The state at the optimum of the first rows."""
        likelihood = self._objective(batch, shape)
        free = np.ones(likelihood.n_params, bool)
        if self.intercept:
            free[:: likelihood.n_columns] = False
        running = StreamState(likelihood.n_params, free, self.cov == "robust", likelihood.linear)
        fallback = constant_model(likelihood, batch, self.family, self.link)
        beta = prefix(likelihood, fallback, free, tol=1e-6)
        if beta is None:
            raise InvalidParameterError("the first rows admit no start: their means lie outside the family's range")
        running.start(likelihood, beta, len(batch.data.y), not running.exact)
        if not running.ready:
            raise InvalidParameterError("sums of squares of X overflow: rescale its columns")
        return running

    def _null_part(self, batch, centre):
        """The deviance of a batch at the constant mean ``centre``, or without an intercept at eta = 0."""
        if batch.totals is not None or batch.data.offset is not None or batch.data.exposure is not None:
            return np.nan
        bare = batch.data._replace(X=batch.data.X[:, :0], has_intercept=True)
        eta = float(self.link.link(centre)) if self.intercept else 0.0
        return objective(self.family, self.link, bare, batch.sums, None).at(np.array([eta]), 0).deviance

    def result(self) -> GLMResult:
        """The estimates so far, with inference.

        Returns
        -------
        GLMResult or MultinomialResult
            As long as all rows are kept, their exact fit; later ``certificate`` is NaN, because rows that were dropped
            cannot certify an optimum, and the deviance is exact to the second order.

        Raises
        ------
        InvalidParameterError
            Before the first batch.

        Warns
        -----
        DriftWarning
            When later rows deviate from the estimates of earlier ones more than chance lets them.
        ConvergenceWarning
            When rows had to be dropped although their linear predictors were uncertain.
        """
        if self._shape is None:
            raise InvalidParameterError("partial_fit has not been called with any rows: there is nothing to report")
        with np.errstate(all="ignore"):
            result = self._fit_kept() if self._state is None else summary.result_of(self)
        return replace(result, schema=self._schema)

    def _fit_kept(self):
        """The exact fit of the waiting rows, which are all rows so far."""
        batch = self._waiting[-1].joined(self._waiting[:-1])
        block = batch.data
        y = np.asarray(summary.ordered_labels(self))[block.y.astype(np.intp)] if self._is_softmax else block.y
        vectors = {name: getattr(block, name) for name in VECTORS}
        request = FitRequest(
            data=block.X, y=y, family=self.family, link=self.link, intercept=self.intercept, cov=self.cov,
            names=block.names, **vectors,
        )  # fmt: skip
        result = perform(request)
        return result if self._is_softmax else replace(result, classes=summary.two_labels(self))

    def _final_state(self):
        """The state after the waiting rows are solved for and dropped."""
        running = self._state
        for rows in self._waiting:
            running, likelihood = running.copy(), self._objective(rows, self._shape, self._sums)
            running.solve(likelihood, SOLVED)
            running.forget(likelihood, len(rows.data.y))
        return running

    def merge(self, other: OnlineGLM) -> OnlineGLM:
        """The model of this stream and another, as if one had read both; both stay as they are.

        Raises
        ------
        InvalidParameterError
            If their families, columns, labels or options differ.
        """
        return saved.merged(self, other)

    def save(self, path: File) -> None:
        """Write the state to a file, from which ``load`` goes on to the same bits; the file is replaced at once."""
        saved.save(self, path)

    @classmethod
    def load(cls, path: File) -> Self:
        """The model that ``save`` wrote.

        Raises
        ------
        FileFormatError
            If the file is not a saved stream, is damaged, or was written by a newer version.
        """
        return saved.load(cls, path)

    def __repr__(self) -> str:
        state = "no estimate yet" if self._state is None else f"{self.n_batches} batches"
        return f"<OnlineGLM {self.family.name}, {self.link.name} link: {self.n_rows:,} rows, {state}>"
