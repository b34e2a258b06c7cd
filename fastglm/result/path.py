"""The record of a path of penalised fits. It holds no data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import lgamma
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .. import plots
from ..core.frames_out import frame
from ..core.lazy import frozen
from ..errors import InvalidParameterError
from ..inference.path_summary import PathSummary
from .codecs import save
from .pages import write_page
from .record import GLMResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..core.records import Array, File
    from ..types import Rows, Variable

SAME = 1e-9  # relative difference of two lambdas that are one
ARRAYS = ("lambdas", "params", "certificate", "df", "deviance", "pearson_chi2", "llf", "converged")
CRITERIA = ("aic", "aicc", "bic", "ebic", "gic", "gcv")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class PathResult:
    """Penalised fits of one model for decreasing values of lambda.

    Parameters
    ----------
    lambdas : (L,) array, decreasing
    params : (L, m) array, of a softmax regression (L, m, K) of all classes
        In the order and on the scale of ``GLMResult.params``.
    certificate : (L,) array
        The largest violation of the optimality conditions over lambda.
    df : (L,) array
        Coefficients that are not zero, without the intercept; of K classes those of any class.
    deviance, pearson_chi2, llf : (L,) arrays
    converged : (L,) bool array
    n_passes : float
        Equivalent reads of all rows, for the whole path.
    first : GLMResult
        The fit at the first lambda.
    effective_df : (L,) array or None
        Effective degrees of freedom with those of the intercept: of a lasso the coefficients that are not zero (Zou,
        Hastie and Tibshirani 2007), else the trace of (J + P)^-1 J over them, J the information and P the quadratic
        part of the penalty. None where ``path(criteria=True)`` would have to make passes for it.
    """

    lambdas: Array
    params: Array
    certificate: Array
    df: Array
    deviance: Array
    pearson_chi2: Array
    llf: Array
    converged: Array
    n_passes: float
    first: GLMResult
    effective_df: Array | None = None

    _saved_as: ClassVar[str] = "path"
    refitting: ClassVar[Any] = None  # ``fastglm.refit``, which is there once paths can be fitted

    def __post_init__(self) -> None:
        for name in (*ARRAYS, "effective_df"):
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, frozen(np.asarray(value).view()))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the coefficients."""
        return self.first.names

    @property
    def null_deviance(self) -> float:
        """That of the null model."""
        return self.first.null_deviance

    @property
    def deviance_ratio(self) -> Array:
        """The part of the null deviance that is explained, (L,)."""
        return 1.0 - self.deviance / self.null_deviance

    @property
    def n_parameters(self) -> Array:
        """Parameters counted by the criteria, (L,): ``effective_df``, and the dispersion where likelihood estimates it.

        Raises
        ------
        InvalidParameterError
            Where the path has no effective degrees of freedom.
        """
        if self.effective_df is None:
            raise InvalidParameterError(
                "criteria: this path has no effective degrees of freedom, which take a pass at each lambda; "
                "path(criteria=True) makes them (relaxed penalties have none, nor have those of a proximal step)"
            )
        return self.effective_df + bool(self.first.family.counts_dispersion)

    @property
    def aic(self) -> Array:
        """Akaike's criterion, -2 llf + 2 k (R's ``AIC``), (L,); NaN for quasi-likelihoods."""
        return -2.0 * self.llf + 2.0 * self.n_parameters

    @property
    def aicc(self) -> Array:
        """Akaike's criterion for few rows, AIC + 2 k (k + 1) / (n - k - 1) (Hurvich and Tsai 1989), (L,)."""
        n, k = self.first.nobs, self.n_parameters
        with np.errstate(divide="ignore"):
            return np.where(n - k - 1.0 > 0.0, self.aic + 2.0 * k * (k + 1.0) / (n - k - 1.0), np.inf)

    @property
    def bic(self) -> Array:
        """Schwarz's criterion, -2 llf + k log n (R's ``BIC``), (L,); NaN for quasi-likelihoods."""
        return -2.0 * self.llf + self.n_parameters * float(np.log(self.first.nobs))

    def ebic(self, gamma: float = 1.0) -> Array:
        """The extended BIC, BIC + 2 gamma log C(p, k) with k of the p coefficients beside the intercept, (L,).

        Chen, J. and Chen, Z. (2008), "Extended Bayesian information criteria for model selection with large model
        spaces", Biometrika 95. Binomial coefficients are those of gamma functions where k is no whole number.
        """
        p, k = self._candidates, np.maximum(self.n_parameters - self._free, 0.0)
        return self.bic + 2.0 * gamma * np.array([lgamma(p + 1) - lgamma(j + 1) - lgamma(p - j + 1) for j in k])

    @property
    def gic(self) -> Array:
        """The generalised criterion of many columns, -2 llf + k log(log n) log p, (L,).

        Fan, Y. and Tang, C. Y. (2013), "Tuning parameter selection in high dimensional penalized likelihood", Journal
        of the Royal Statistical Society B 75.
        """
        price = np.log(np.log(self.first.nobs)) * np.log(max(self._candidates, 2))
        return -2.0 * self.llf + self.n_parameters * float(price)

    @property
    def gcv(self) -> Array:
        """Generalised cross-validation, n D / (n - df)^2 with the deviance D, (L,); infinite where df is n.

        Golub, G. H., Heath, M. and Wahba, G. (1979), Technometrics 21, of least squares; O'Sullivan, F., Yandell, B.
        and Raynor, W. (1986), Journal of the American Statistical Association 81, of other families.
        """
        n = self.first.nobs
        left = n - (self.n_parameters - bool(self.first.family.counts_dispersion))
        with np.errstate(divide="ignore"):
            return np.where(left > 0.0, n * self.deviance / left**2, np.inf)

    @property
    def _candidates(self):
        """The coefficients beside the intercept, of all classes."""
        classes = self.params.shape[2] if self.params.ndim == 3 else 1
        return (self.params.shape[1] - self.first.has_intercept) * classes

    @property
    def _free(self):
        """The parameters that every fit of the path has."""
        contrasts = self.params.shape[2] - 1 if self.params.ndim == 3 else 1
        return self.first.has_intercept * contrasts + bool(self.first.family.counts_dispersion)

    def criterion(self, name: str, **options: float) -> Array:
        """A criterion by its name, (L,): one of "aic", "aicc", "bic", "ebic" (with ``gamma=``), "gic", "gcv".

        Raises
        ------
        InvalidParameterError
            For another name, and where the path has no effective degrees of freedom.
        """
        if name not in CRITERIA:
            raise InvalidParameterError(f"criterion={name!r} is unknown; known: {', '.join(CRITERIA)}")
        if options and name != "ebic":
            raise InvalidParameterError(f"criterion {name!r} takes no {', '.join(options)}")
        return self.ebic(**options) if name == "ebic" else getattr(self, name)

    def select(self, criterion: str = "bic", **options: float) -> GLMResult:
        """The fit at the lambda with the least value of a criterion, the largest such lambda; see ``criterion``.

        Raises
        ------
        InvalidParameterError
            As ``criterion``, and for a quasi-likelihood, which has no information criteria.
        """
        values = self.criterion(criterion, **options)
        if not np.isfinite(values).any():
            raise InvalidParameterError(
                f"criterion={criterion!r} is not defined for family={self.first.family.name!r}; take 'gcv', or cv"
            )
        return self._result(int(np.nanargmin(values)))

    def at(self, lam: float) -> GLMResult:
        """The fit at one of the values of lambda.

        Raises
        ------
        InvalidParameterError
            For a value that is not among them; ``fit(penalty=...)`` fits it.
        """
        i = int(np.argmin(np.abs(self.lambdas - lam)))
        if not abs(self.lambdas[i] - lam) <= SAME * abs(lam):
            raise InvalidParameterError(
                f"lam={lam!r} is not on the path; the nearest is {self.lambdas[i]!r}, and fit(penalty=...) fits others"
            )
        return self._result(i)

    def _result(self, i):
        """The fit at the i-th lambda."""
        first, params = self.first, self.params[i]
        raw = params if params.ndim == 2 else None
        # of a softmax regression the intercepts of all classes sum to zero
        rank = int(np.count_nonzero(params)) - (first.has_intercept and raw is not None)
        if raw is not None:
            r = first.classes.index(first.reference)
            params = np.delete(raw - raw[:, [r]], r, axis=1)
        contrasts = params.shape[1] if raw is not None else 1
        df = first.nobs * contrasts - rank
        known = first.family.dispersion == "one"
        return replace(
            first,
            params=params,
            coef_raw=raw,
            deviance=float(self.deviance[i]),
            pearson_chi2=float(self.pearson_chi2[i]),
            scale=1.0 if known else float(self.pearson_chi2[i] / df) if df > 0 else np.nan,
            llf=float(self.llf[i]),
            rank=rank,
            df_resid=df,
            df_model=rank - contrasts * first.has_intercept,
            converged=bool(self.converged[i]),
            certificate=float(self.certificate[i]),
            edf=None if self.effective_df is None else float(self.effective_df[i]),
            penalty=first.penalty._replace(lam=float(self.lambdas[i])),
        )

    def table(self) -> Any:
        """One row per lambda, as the user's own kind of frame (see ``GLMResult.tidy``).

        The columns are lambda, df, effective_df (where it is known), deviance, deviance_ratio, certificate, converged.
        """
        columns = {"lambda": self.lambdas, "df": self.df}
        columns |= {} if self.effective_df is None else {"effective_df": self.effective_df}
        names = ("deviance", "deviance_ratio", "certificate", "converged")
        return frame(columns | {name: getattr(self, name) for name in names}, self._library)

    def tidy(self) -> Any:
        """One row per lambda and coefficient that is not zero, as ``table`` (R's ``broom::tidy`` of glmnet).

        The columns are lambda, step (the number of the lambda from one), term and estimate; of a softmax regression
        also class.
        """
        where = np.nonzero(self.params)
        columns = {"lambda": self.lambdas[where[0]], "step": where[0] + 1, "term": np.array(self.names)[where[1]]}
        if self.params.ndim == 3:
            columns["class"] = np.array(self.first.classes)[where[2]]
        return frame({**columns, "estimate": self.params[where]}, self._library)

    @property
    def _library(self):
        """The library of the frame of the fit."""
        return self.first.schema.library

    def summary(self) -> PathSummary:
        """The path as a table, a summary with ``as_text()`` and ``as_html()``."""
        return PathSummary(self)

    def plot(self, against: str = "lambda", *, names: bool = True, ax: Axes | None = None) -> Axes:
        """The coefficients against "lambda", their "norm" or the explained "deviance"; see ``fastglm.plots.path``."""
        return plots.path(self, against, names=names, ax=ax)

    def to_html(self, path: File, title: str = "Path of penalised fits") -> None:
        """Write the summary and, where matplotlib is installed, the plots as one page of HTML."""
        write_page(path, title, self.summary().as_html(), [self.plot])

    def save(self, path: File) -> None:
        """Write it to a JSON file that ``fastglm.load`` reads back to the bit; see ``fastglm.result.saved``."""
        save(self, path)

    def _repr_html_(self) -> str:
        return self.summary().as_html()

    def refit(self, X: Rows, y: Variable | None = None, *, lam: float, **options: Any) -> GLMResult:
        """The unpenalised fit of the columns that are selected at a lambda; see ``fastglm.refit``."""
        return refit_of(self, X, y, lam=lam, **options)

    def predict(self, X: Rows, kind: str = "mean", *, lam: float | None = None, **options: Any) -> Array:
        """Predictions for new rows, at one lambda as ``GLMResult.predict`` has them; without one (n, L) for all.

        Raises
        ------
        InvalidParameterError
            As ``at`` and ``GLMResult.predict``.
        """
        if lam is not None:
            return self.at(lam).predict(X, kind, **options)
        return np.stack([self._result(i).predict(X, kind, **options) for i in range(len(self.lambdas))], axis=1)

    def __repr__(self) -> str:
        certified = f"largest violation {self.certificate.max(initial=0.0):.2g} lambda"
        return (
            f"<PathResult {self.first.family.name}, {self.first.link.name} link: {len(self.lambdas)} lambdas from "
            f"{self.lambdas[0]:.4g} to {self.lambdas[-1]:.4g}, {self.df.min()} to {self.df.max()} of "
            f"{len(self.names) - self.first.intercept} coefficients,\n {certified}, {self.n_passes:g} passes>"
        )


def refit_of(chosen: Any, *rows: Any, **options: Any) -> GLMResult:
    """The fit that ``fastglm.refit`` makes of a path or a cross-validated path.

    Raises
    ------
    InvalidParameterError
        Where a saved result was loaded, and nothing that fits.
    """
    if PathResult.refitting is None:
        raise InvalidParameterError("refit: nothing that fits is loaded yet; call fastglm.refit(result, X, y)")
    return PathResult.refitting(chosen, *rows, **options)
