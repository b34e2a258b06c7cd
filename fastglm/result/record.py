"""The record of a fit: estimates, their covariance and the story of how they were found. It holds no data."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar, overload

import numpy as np

from ..core.frames_out import frame
from ..core.lazy import cached_property, frozen
from ..errors import InvalidParameterError
from ..export import to_keras, to_onnx, to_torch
from ..inference import linear_predictor
from ..inference import wald as _tests
from ..inference.summary import Summary
from ..rows.matching import check_offset
from ..rows.schema import Schema
from ..types import READ_ONCE, Record
from .codecs import save

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal

    from typing_extensions import Self, Unpack

    from ..design import Design
    from ..inference.influence import Influence
    from ..inference.summary import Summary
    from ..inference.wald import Prediction
    from ..options.penalties import ElasticNet, Lasso, Ridge
    from ..postestimation.row_answers import Written
    from ..postestimation.scores import Calibration, Score
    from ..types import (
        Array,
        ArrayLike,
        CovarianceOptions,
        File,
        Labels,
        PredictOptions,
        RegisteredFamily,
        RegisteredLink,
        RowOptions,
        Rows,
        ScoreOptions,
        Variable,
    )

ARRAYS = ("params", "cov_unscaled", "covariance", "information_root", "covariance_core", "coef_raw")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class GLMResult(Record):
    """A fitted generalized linear model, with R's conventions; arrays are in the order of `names`.

    Parameters
    ----------
    params : (p,) array, NaN where aliased
    cov_unscaled : (p, p) array or None
        Inverse of the Fisher (expected) information at dispersion 1, NaN in the rows and columns of aliased
        coefficients; None if the fit was made with ``cov=None``.
    names : tuple of str, the intercept first if the fit added one
    family, link : the family and link values
    deviance, null_deviance, pearson_chi2 : float
    scale : float, the dispersion: 1 where it is known, else pearson_chi2 / df_resid
    llf, llnull : float, log-likelihood of the model and of the null model, NaN for quasi-likelihoods
    nobs, df_resid : rows with positive weight (frequency weights summed), and nobs - rank
    df_model : rank, less 1 if the model contains a constant
    rank : number of coefficients that are not aliased
    converged : bool
    aliased : dict, name of a redundant coefficient -> the combination of columns that makes it so
    n_rows : int or None, rows of X that were given
    weight_sum : float
    intercept, has_intercept : a constant column was added by the fit; the model contains a constant
    has_weights, has_freq_weights : bool
    exposure_kind : None, "offset" or "exposure", what the fit was given
    classes : None or the two labels of a binomial y, failure first
    solver, stop : its name, and why it stopped
    n_iter, n_passes : iterations, and equivalent reads of all rows
    history : tuple of dict, one per iteration
    certificate : float, largest estimated distance of a coefficient from the optimum, in standard errors
    score_norm, elapsed : norm of the score at the estimate; seconds
    notes : tuple of str, the warnings given during the fit
    coef_raw : (p, K) array or None
        Of a softmax regression by a first-order solver: the coefficients of all classes as it left them, none pinned.
    schema : ``fastglm.rows.Schema``
        How later rows become the columns, the response and the vectors of the model. Without one, that of arrays.
    cov_kind, covariance : name of the covariance; the (p, p) array where it is not the model's
    information_root, covariance_core : (r, r) arrays or None
        Where columns are nearly dependent, the upper triangular R with R'R the information of the coefficients that are
        not aliased, and the matrix M with R^-1 M R^-1' the ``covariance``: rows divided by R keep the digits that
        products with a covariance would cancel.
    penalty : record of ``fastglm.penalties`` or None
        Then ``certificate`` is the largest violation of the optimality conditions over lambda, ``rank`` the number of
        coefficients that are not zero, and there are no standard errors.
    """

    params: Array
    cov_unscaled: Array | None
    names: tuple[str, ...]
    family: RegisteredFamily
    link: RegisteredLink
    deviance: float
    null_deviance: float
    pearson_chi2: float
    scale: float
    llf: float
    llnull: float
    nobs: float
    df_resid: float
    df_model: int
    rank: int
    converged: bool
    aliased: dict[str, str] = field(default_factory=dict)
    n_rows: int | None = None
    weight_sum: float = float("nan")
    intercept: bool = True
    has_intercept: bool = True
    has_weights: bool = False
    has_freq_weights: bool = False
    exposure_kind: str | None = None
    classes: tuple[Any, ...] | None = None
    solver: str = ""
    stop: str = ""
    n_iter: int = 0
    n_passes: float = 0
    history: tuple[dict[str, Any], ...] = ()
    certificate: float = float("nan")
    score_norm: float = float("nan")
    elapsed: float = float("nan")
    notes: tuple[str, ...] = ()
    coef_raw: Array | None = None
    schema: Schema | None = None
    cov_kind: str = "model"
    covariance: Array | None = None
    information_root: Array | None = None
    covariance_core: Array | None = None
    penalty: Ridge | Lasso | ElasticNet | None = None

    _saved_as: ClassVar[str] = "glm"

    def __post_init__(self) -> None:
        if self.schema is None:
            object.__setattr__(self, "schema", Schema(self.names, self.intercept))
        # views, so that an array that was passed in stays its owner's to change
        for name in ARRAYS:
            value = getattr(self, name)
            if isinstance(value, np.ndarray):
                object.__setattr__(self, name, frozen(value.view()))
            elif hasattr(value, "_asdict"):
                parts = {k: frozen(v.view()) for k, v in value._asdict().items() if isinstance(v, np.ndarray)}
                object.__setattr__(self, name, value._replace(**parts))

    @property
    def design(self) -> Design | None:
        """How a frame becomes the columns, where the model has factors or was fitted by a formula; else None."""
        return self.schema.design

    @property
    def test_df(self) -> float | None:
        """Degrees of freedom of the tests: None (normal) where the dispersion is known, else df_resid (Student's t)."""
        return None if self.family.dispersion == "one" else self.df_resid

    def cov_params(self) -> Array | Any:
        """Covariance of the coefficients, a new (p, p) array with NaN where aliased, or None without a covariance.

        For a factor of thousands of levels, whose matrix would not fit, an object with the parts that do: its
        ``diagonal()``, ``block(numbers)`` and ``quadratic_form(rows)``.
        """
        if self.covariance is not None:
            return 1.0 * self.covariance
        return None if self.cov_unscaled is None else self.scale * self.cov_unscaled

    @cached_property
    def bse(self) -> Array:
        """Standard errors in the shape of `params`; all NaN if the fit was made with ``cov=None``."""
        if self.covariance is not None:
            variances = self.covariance.diagonal()
        elif self.cov_unscaled is not None:
            variances = self.cov_unscaled.diagonal()
            # beyond the range of float64 numbers, which the fit has warned of
            variances = self.scale * np.where((variances == 0.0) | np.isinf(variances), np.nan, variances)
        else:
            variances = np.full(self.params.size, np.nan)
        # a covariance takes the columns of the coefficients one after the other
        return frozen(np.sqrt(variances).reshape(self.params.shape, order="F"))

    @cached_property
    def tvalues(self) -> Array:
        """Estimates over standard errors: z where the dispersion is known, else t."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return frozen(self.params / self.bse)

    @cached_property
    def pvalues(self) -> Array:
        """Two-sided p-values of params = 0."""
        return frozen(_tests.p_values(self.tvalues, self.test_df))

    def conf_int(self, level: float = 0.95) -> Array:
        """Wald confidence intervals, (lower, upper) along the last axis; InvalidParameterError unless 0 < level < 1."""
        return _tests.conf_int(self.params, self.bse, level, self.test_df)

    @property
    def n_parameters(self) -> int:
        """Parameters counted by AIC and BIC: the coefficients, and the dispersion where likelihood estimates it."""
        return self.rank + bool(self.family.counts_dispersion)

    @property
    def aic(self) -> float:
        """Akaike's criterion, -2 llf + 2 k (R's ``AIC``); NaN for quasi-likelihoods."""
        return -2.0 * self.llf + 2.0 * self.n_parameters

    @property
    def bic(self) -> float:
        """Schwarz's criterion, -2 llf + k log(nobs) (R's ``BIC``); NaN for quasi-likelihoods."""
        return -2.0 * self.llf + self.n_parameters * float(np.log(self.nobs))

    @property
    def df_null(self) -> float:
        """Residual degrees of freedom of the null model: nobs, less 1 if it has a constant."""
        return self.nobs - bool(self.has_intercept)

    def with_cov(
        self, kind: str | Mapping[str, Any], X: Rows | None = None, y: Variable | None = None,
        **options: Unpack[CovarianceOptions],
    ) -> Self:  # fmt: skip
        """The same fit with another covariance of the coefficients.

        Parameters
        ----------
        kind : "model", "robust", "HC0", "HC1", "HC2", "HC3", "cluster:column", or "cluster" with ``cluster=``
        X, y : the rows of the fit, for all kinds but "model"; or ``data=``, a frame or files, read by its formula
        **options : cluster, correction, weights, freq_weights, offset, exposure, threads: see
            ``fastglm.postestimation.covariances.with_cov``

        Examples
        --------
        ``result.with_cov("HC3", data="claims/*.parquet")``

        Raises
        ------
        InvalidParameterError
            For a kind that there is not, and rows that are not those of the fit.
        """
        if self.penalty is not None:
            raise InvalidParameterError("with_cov: a penalised fit has no covariance of its estimates")
        if not isinstance(kind, str) or kind != "model":
            from ..postestimation import covariances

            return covariances.with_cov(self, kind, X, y, **options)
        if options:
            raise TypeError(f"with_cov('model') takes no {', '.join(options)}")
        return replace(self, cov_kind=kind, covariance=None)

    @overload
    def predict(
        self, X: Rows, kind: Literal["mean", "link"] = "mean", offset: Variable | None = None,
        exposure: Variable | None = None, interval: None = None, *, out: None = None, **options: Unpack[PredictOptions],
    ) -> Array: ...  # fmt: skip

    @overload
    def predict(
        self, X: Rows, kind: Literal["class"], offset: Variable | None = None, exposure: Variable | None = None,
        interval: None = None, *, out: None = None, **options: Unpack[PredictOptions],
    ) -> Labels: ...  # fmt: skip

    @overload
    def predict(
        self, X: Rows, kind: Literal["mean", "link"] = "mean", offset: Variable | None = None,
        exposure: Variable | None = None, *, interval: Literal["mean"], out: None = None,
        **options: Unpack[PredictOptions],
    ) -> Prediction: ...  # fmt: skip

    @overload
    def predict(
        self, X: Rows, kind: Literal["mean", "link", "class"] = "mean", offset: Variable | None = None,
        exposure: Variable | None = None, interval: Literal["mean"] | None = None, *, out: File,
        **options: Unpack[PredictOptions],
    ) -> Written: ...  # fmt: skip

    def predict(
        self, X, kind="mean", offset=None, exposure=None, interval=None, level=0.95, threshold=0.5, *, out=None,
        **options,
    ):  # fmt: skip
        """Predictions for new rows.

        Parameters
        ----------
        X : (n, p) array_like, data frame or sparse matrix, without the intercept column if the fit added it
            A data frame's columns are matched by name, or read by the formula of the fit, whose offset and exposure
            are then taken from it. Rows left out for missing values are NaN. Aliased coefficients count as 0. Also
            files, as ``glm`` takes them, which are read piece by piece.
        kind : "mean", "link" (the linear predictor), or "class" (labels of a binomial model fitted to labels)
        offset, exposure : scalar or (n,) array_like; one is needed if the model was fitted with one, unless the formula
            has it: then it is found in X by its name, and giving it again is an error
        interval : None, or "mean" for confidence intervals of the mean
        level : float, confidence of the interval
        threshold : float, ``kind="class"`` answers the second label where the mean exceeds it
        out : str or Path, a Parquet file to write the predictions to, which is there whole or not at all
        **options : keep, names of columns to write beside them, and threads; see
            ``fastglm.postestimation.row_answers.predict``

        Returns
        -------
        (n,) array; with an interval a Prediction(mean, se, lower, upper) of (n,) arrays, made on the link scale

        Raises
        ------
        InvalidParameterError, MissingDataError
            For an X that does not fit the model.
        InvalidParameterError
            For an offset that is missing, or a `kind` or `interval` that the model cannot give.
        """
        if kind not in ("mean", "link", "class"):
            raise InvalidParameterError(f"unknown kind of prediction {kind!r}; there are 'mean', 'link', 'class'")
        if kind == "class" and (self.classes is None or interval is not None):
            raise InvalidParameterError("kind='class' needs a binomial model fitted to labels, and has no interval")
        if interval not in (None, "mean"):
            raise InvalidParameterError(f"unknown interval {interval!r}; there are None, 'mean'")
        from ..postestimation import row_answers

        return row_answers.predict(
            self, X, kind, interval=interval, level=level, threshold=threshold, offset=offset, exposure=exposure,
            out=out, **options,
        )  # fmt: skip

    def _predicted(self, piece, kind, interval, level, threshold):
        """What ``predict`` answers for the rows of a piece."""
        offset = check_offset(self, piece.offset, piece.exposure, piece.X.shape[0])
        if interval == "mean":
            return _tests.mean_interval(self, piece.X, offset, kind, level)
        eta = linear_predictor(self, piece.X, offset)
        if kind == "link":
            return eta
        from ..family.means import inverse_link

        mu = inverse_link(self.link, eta)
        return mu if kind == "mean" else np.asarray(self.classes)[(mu > threshold).astype(np.intp)]

    @overload
    def residuals(
        self, X: Rows | None = None, y: ArrayLike | None = None, kind: str = "deviance", *, out: None = None,
        **options: Unpack[RowOptions],
    ) -> Array: ...  # fmt: skip

    @overload
    def residuals(
        self, X: Rows | None = None, y: ArrayLike | None = None, kind: str = "deviance", *, out: File,
        **options: Unpack[RowOptions],
    ) -> Written: ...  # fmt: skip

    def residuals(
        self, X=None, y=None, kind="deviance", *, weights=None, offset=None, exposure=None, data=None, **options
    ):
        """Residuals of rows, (n,): "deviance", "pearson", "response", "working" or "anscombe"; see
        ``fastglm.inference.residuals``. In place of X and y ``data``, a frame or files read by the formula of the fit;
        out, keep and threads as for ``predict``."""
        from ..postestimation import row_answers

        shifts = {"weights": weights, "offset": offset, "exposure": exposure}
        return row_answers.residuals(self, X if data is None else data, y, kind, **shifts, **options)

    @overload
    def influence(
        self, X: Rows | None = None, y: ArrayLike | None = None, *, out: None = None, **options: Unpack[RowOptions]
    ) -> Influence: ...

    @overload
    def influence(
        self, X: Rows | None = None, y: ArrayLike | None = None, *, out: File, **options: Unpack[RowOptions]
    ) -> Written: ...

    def influence(self, X=None, y=None, *, weights=None, offset=None, exposure=None, data=None, **options):
        """Leverage, Cook's distance and standardised residuals of the rows; see ``fastglm.inference.influence``. In
        place of X and y ``data``, as for ``residuals``."""
        from ..postestimation import row_answers

        shifts = {"weights": weights, "offset": offset, "exposure": exposure}
        return row_answers.influence(self, X if data is None else data, y, **shifts, **options)

    def score(self, data: Rows, y: Variable | None = None, **options: Unpack[ScoreOptions]) -> Score:
        """How well the model predicts rows, a ``Score``: deviance, D2, log-likelihood, mean squared error; of a
        binomial model also log loss, Brier score and AUC. ``data`` are arrays (with ``y``), a frame or files; weights,
        freq_weights, offset and exposure are arrays or names of columns; see ``postestimation.scores.score``."""
        from ..postestimation import scores

        return scores.score(self, data, y, **options)

    def calibration(
        self, data: Rows, y: Variable | None = None, *, bins: int = 10, **options: Unpack[ScoreOptions]
    ) -> Calibration:
        """Means of prediction and outcome in groups of rows by their predicted mean, a ``Calibration`` with
        ``to_pandas()``; see ``fastglm.postestimation.scores.calibration``."""
        from ..postestimation import scores

        return scores.calibration(self, data, y, bins=bins, **options)

    def summary(self, level: float = 0.95) -> Summary:
        """The fit as a table, a Summary with ``as_text()`` and ``as_html()``."""
        return Summary(self, level)

    def tidy(self, level: float = 0.95) -> Any:
        """One row per coefficient, as the user's own kind of frame.

        That is a polars DataFrame or a pyarrow Table where the model was fitted to one of theirs by a formula, else a
        pandas DataFrame, or a dict of columns where pandas is not installed.

        The columns are term, estimate, std_error, statistic, p_value, conf_low, conf_high (R's ``broom::tidy``); where
        the covariance is not the model's also covariance, its name; of a formula also variable, the term of the
        formula, and level, what the coefficient is of within it (missing for a term of one column of numbers).
        """
        limits = self.conf_int(level)
        numbers = {
            "estimate": self.params,
            "std_error": self.bse,
            "statistic": self.tvalues,
            "p_value": self.pvalues,
            "conf_low": limits[..., 0],
            "conf_high": limits[..., 1],
        }
        columns = self._terms() | {name: values.flatten(order="F") for name, values in numbers.items()}
        if self.cov_kind != "model":
            columns["covariance"] = [self.cov_kind] * self.params.size
        if self.design is not None:
            columns |= self._levels()
        return frame(columns, self.schema.library)

    def _levels(self):
        """The columns of ``tidy`` that say which level of which term a row is of."""
        from ..design.groups import groups

        names = np.empty((2, len(self.names)), dtype=object)
        for group in groups(self.design):
            names[0, group.numbers] = group.term
            names[1, group.numbers] = group.levels
        times = self.params.size // max(len(self.names), 1)
        return {"variable": names[0].tolist() * times, "level": names[1].tolist() * times}

    def _terms(self):
        """The columns of ``tidy`` that say which coefficient a row is."""
        return {"term": list(self.names)}

    def glance(self) -> dict[str, Any]:
        """The fit in one row, a dict with the names of R's ``broom::glance``."""
        return {
            "null_deviance": self.null_deviance,
            "df_null": self.df_null,
            "logLik": self.llf,
            "AIC": self.aic,
            "BIC": self.bic,
            "deviance": self.deviance,
            "df_residual": self.df_resid,
            "nobs": self.nobs,
            "converged": self.converged,
            "n_passes": self.n_passes,
            "certificate": self.certificate,
        }

    def to_torch(self) -> Any:
        """The model as a ``torch.nn.Module`` of one layer; see ``fastglm.export``."""
        return to_torch(self)

    def to_keras(self, dtype: str = "float64") -> Any:
        """The model as a Keras model of one layer; see ``fastglm.export``."""
        return to_keras(self, dtype)

    def to_onnx(self, path: File | None = None) -> Any:
        """The model as an ONNX graph of one layer, written to ``path`` if given; see ``fastglm.export``."""
        return to_onnx(self, path)

    def save(self, path: File) -> None:
        """Write the result to a JSON file that ``fastglm.load`` reads back to the bit; see ``fastglm.result.saved``."""
        save(self, path)

    def __repr__(self) -> str:
        passes = f"{round(self.n_passes, 2):g} passes"
        state = f"converged in {passes}" if self.converged else f"NOT CONVERGED ({self.stop})"
        state = f"{passes}, not certified" if self.stop == READ_ONCE else state
        return (
            f"<{type(self).__name__} {self.family.name}, {self.link.name} link: n={self.nobs:,}, {self._size()},\n"
            f" deviance {self.deviance:.6g} on {self.df_resid:,} df, {state}>"
        )

    def _size(self):
        return f"{len(self.names)} coefficients"

    def _repr_html_(self) -> str:
        return self.summary().as_html()


FIELDS = tuple(item.name for item in fields(GLMResult))
