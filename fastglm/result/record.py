"""The record of a fit: estimates, their covariance, and the history of the solver. It holds no data."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..core.lazy import cached_property, frozen
from ..core.records import READ_ONCE, Record, ShapeEstimate
from ..errors import InvalidParameterError
from ..export import to_keras, to_onnx, to_torch
from ..inference import wald
from ..inference.hypotheses import HypothesisTest, wald_test
from ..inference.summary import Summary
from ..rows.schema import Schema
from .codecs import save
from .diagnostic_verbs import DiagnosticVerbs
from .effect_verbs import EffectVerbs
from .model_verbs import ModelVerbs
from .row_verbs import RowVerbs
from .table_verbs import TableVerbs

if TYPE_CHECKING:
    from ..core.protocols import PenaltyRecord, RegisteredFamily, RegisteredLink
    from ..core.records import Array, File
    from ..design import Design
    from ..inference.summary import Summary

ARRAYS = ("params", "cov_unscaled", "covariance", "information_root", "covariance_core", "coef_raw")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class GLMResult(RowVerbs, TableVerbs, EffectVerbs, DiagnosticVerbs, ModelVerbs, Record):
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
    scale : float, the dispersion: 1 where it is known, else by default pearson_chi2 / df_resid
    scale_kind, scale_se : the estimate that ``scale`` is, "pearson", "deviance", "ml" or "bias-reduced", and its
        standard error
    llf, llnull : float, log-likelihood of the model and of the null model, NaN for quasi-likelihoods
    nobs, df_resid : rows with positive weight (frequency weights summed), and nobs - rank
    df_model : rank, less 1 if the model contains a constant
    rank : number of coefficients that are not aliased
    converged : bool
    aliased : dict, name of a redundant coefficient -> the combination of columns that makes it so
    n_rows : int or None, rows of X
    weight_sum : float
    intercept, has_intercept : a constant column was added by the fit; the model contains a constant
    has_weights, has_freq_weights : bool
    exposure_kind : None, "offset" or "exposure", the argument of the fit
    classes : None or the two labels of a binomial y, failure first
    solver, stop : its name, and why it stopped
    n_iter, n_passes : iterations, and equivalent reads of all rows
    history : tuple of dict, one per iteration
    certificate : float, largest estimated distance of a coefficient from the optimum, in standard errors
    score_norm, elapsed : norm of the score at the estimate; seconds
    notes : tuple of str, the warnings given during the fit
    coef_raw : (p, K) array or None
        Of a softmax regression by a first-order solver: its coefficients of all K classes.
    schema : ``fastglm.rows.Schema``
        The columns, the response and the vectors of the model, by which later rows are read; by default for arrays.
    cov_kind, covariance : name of the covariance; the (p, p) array where it is not the model's
    cov_df : degrees of freedom of tests by it, where it has its own: of a survey's design, or (p,) of each coefficient
    information_root, covariance_core : (r, r) arrays or None
        Where columns are nearly dependent, the upper triangular R with R'R the information of the coefficients that are
        not aliased, and the matrix M with R^-1 M R^-1' the ``covariance``: rows divided by R keep the digits that
        products with a covariance would cancel.
    penalty : record of ``fastglm.penalties`` or None
        Then ``certificate`` is the largest violation of the optimality conditions over lambda, ``rank`` the number of
        coefficients that are not zero, and there are no standard errors unless ``cov`` was that of a ridge: "bayesian",
        (J + P)^-1 (mgcv's Vp), or "frequentist", (J + P)^-1 J (J + P)^-1 (its Ve), times the dispersion on n - edf.
    edf : float or None
        Effective degrees of freedom of a penalised fit, the trace of (J + P)^-1 J over the coefficients that are not
        zero, the intercept's included: P is the curvature of the penalty (Zou, Hastie and Tibshirani 2007, "On the
        degrees of freedom of the lasso", Annals of Statistics 35; for a ridge, Hastie and Tibshirani 1990).
    smearing : tuple of two floats, or None
        Of least squares by a formula whose response is a logarithm: the mean of exp(residual), by which
        ``predict(retransform="smearing")`` has the mean of y itself, and its relative variance.
    bias_reduction : str or None
        The adjustment of the score whose root the estimates are: "firth", "mean", "median" or "mixed". ``llf`` is the
        likelihood at them, without a penalty.
    shape : ShapeEstimate or None
        A parameter of the family that was estimated with the coefficients, with its standard error: theta of
        ``family="negative_binomial"``, the power of ``family="tweedie"``. AIC and BIC count it.
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
    penalty: PenaltyRecord | None = None
    edf: float | None = None
    smearing: tuple[float, float] | None = None
    shape: ShapeEstimate | None = None
    scale_kind: str = "pearson"
    scale_se: float = float("nan")
    bias_reduction: str | None = None
    cov_df: float | Array | None = None

    _saved_as: ClassVar[str] = "glm"

    def __post_init__(self) -> None:
        if self.schema is None:
            object.__setattr__(self, "schema", Schema(self.names, self.intercept))
        # views, so that an array that was passed in stays its owner's to change
        for name in ARRAYS:
            value = getattr(self, name)
            if value is None:
                continue
            if isinstance(value, np.ndarray):
                object.__setattr__(self, name, frozen(value.view()))
            elif hasattr(value, "_asdict"):
                parts = {k: frozen(part.view()) for k, part in value._asdict().items() if isinstance(part, np.ndarray)}
                object.__setattr__(self, name, value._replace(**parts))

    @property
    def design(self) -> Design | None:
        """The design that makes columns of a frame, for models with factors or a formula; else None."""
        return self.schema.design

    @property
    def test_df(self) -> float | None:
        """Degrees of freedom of the tests: None (normal) where the dispersion is known, else df_resid (Student's t); of
        a survey those of its design.
        """
        if isinstance(self.cov_df, float):
            return self.cov_df
        return None if self.family.dispersion == "one" else self.df_resid

    @property
    def params_df(self) -> float | Array | None:
        """Degrees of freedom of each coefficient's test: ``test_df``, or (p,) of a covariance that has them (CR2)."""
        return self.test_df if self.cov_df is None else self.cov_df

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
        return frozen(wald.p_values(self.tvalues, self.params_df))

    def conf_int(
        self, level: float = 0.95, method: str = "wald", data: Any = None, y: Any = None, **options: Any
    ) -> Array:
        """Confidence intervals, (lower, upper) along the last axis.

        Parameters
        ----------
        level : float
        method : {"wald", "profile"}
            "profile" reads the rows of the fit, ``data`` (and ``y``), again; see ``fastglm.profile_limits``.

        Raises
        ------
        InvalidParameterError
            Unless 0 < level < 1, and for an unknown method.
        """
        if method == "wald":
            return wald.conf_int(self.params, self.bse, level, self.params_df)
        if method != "profile":
            raise InvalidParameterError(f"method={method!r} is unknown; there are 'wald' and 'profile'")
        found = self._by("profile_limits")(self, data, y, level=level, **options)
        limits = np.full((len(self.names), 2), np.nan)
        limits[[self.names.index(name) for name in found.names]] = found.limits
        return limits

    def wald_test(self, hypotheses: Any, test: str | None = None) -> HypothesisTest:
        """A joint test of linear hypotheses such as "x = 2 * z, C(g)[T.b] = 0", with the covariance of the result; see
        ``fastglm.inference.hypotheses``."""
        return wald_test(self, hypotheses, test)

    @property
    def n_parameters(self) -> int:
        """Parameters counted by AIC and BIC: the coefficients, the dispersion where likelihood estimates it, and an
        estimated parameter of the family."""
        return self.rank + bool(self.family.counts_dispersion) + (self.shape is not None)

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

    def summary(self, level: float = 0.95) -> Summary:
        """The fit as a table, a Summary with ``as_text()`` and ``as_html()``."""
        return Summary(self, level)

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
