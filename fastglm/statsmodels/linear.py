"""``OLS`` in statsmodels' spelling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import families, links
from ..core.lazy import cached_property
from ..errors import InvalidParameterError
from ..fitting import entry
from ..inference import wald
from ..source.in_memory import constant_column
from . import covariance
from .base_model import LinkModel
from .glm_results import LinkResults
from .influence import OLSInfluence
from .observations import gram, row_forms
from .predictions import MeanPrediction
from .refusals import refuse
from .regularized import RegularizedResults, elastic_net
from .translate import Spec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..core.records import ArrayLike


class OLS(LinkModel):
    """Least squares.

    Parameters
    ----------
    endog : (n,) array_like
    exog : (n, p) array_like with its constant; see ``add_constant``
    missing : "none", "drop" or "raise"
    hasconst : bool, optional
        Whether the columns span a constant, which R-squared and df_model depend on; it is found out without it.

    Raises
    ------
    InvalidParameterError, MissingDataError
    """

    spec = Spec(families.Gaussian(), links.Identity())
    offset = exposure = None
    offset_total = 0.0
    has_frequencies = has_weights = False

    def __init__(
        self, endog: ArrayLike, exog: ArrayLike | None, missing: str = "none", hasconst: bool | None = None,
        **kwargs: Any,
    ) -> None:  # fmt: skip
        recipe, given = kwargs.pop("recipe", None), {name: kwargs.pop(name) for name in self.extras}
        if kwargs:
            raise InvalidParameterError(f"{type(self).__name__}: unknown keywords {sorted(kwargs)}")
        super().__init__(endog, exog, missing, recipe, **given)
        if self.endog.ndim != 1:
            raise InvalidParameterError(f"endog must be one column, not of shape {self.endog.shape}")
        self.endog = np.asarray(self.endog, dtype=float)
        self.nobs = self.wnobs = len(self.endog)
        self.freq_weights = self.var_weights = self.n_trials = self.weights = np.broadcast_to(1.0, self.nobs)
        self.hasconst, self.log_root = hasconst, 0.0

    def whiten(self, values: Any) -> Any:
        """Rows whose errors are independent, of one variance: as they are."""
        return values

    @cached_property
    def wexog(self):
        """The whitened design."""
        return self.whiten(self.exog)

    @cached_property
    def wendog(self):
        """The whitened response."""
        return self.whiten(self.endog)

    def maximise(self, start: Any, exog: Any = None, penalty: Any = None) -> Any:
        """Fit whitened rows by this library."""
        return entry.fit(
            self.wexog if exog is None else self.whiten(exog), self.wendog, intercept=False, start=start,
            penalty=penalty, names=[str(name) for name in self.exog_names] if exog is None else None,
        )  # fmt: skip

    def scored_rows(self, params: Any) -> Any:
        """The whitened rows (n, p) and their residuals (n,)."""
        return self.wexog, self.wendog - self.wexog @ np.asarray(params)

    @cached_property
    def k_constant(self):
        """1 if the columns span a constant, else 0."""
        if self.hasconst is not None:
            return int(self.hasconst)
        ones = np.ones(len(self.exog))
        closest = np.linalg.lstsq(self.exog, ones, rcond=None)[0]
        return int(np.max(np.abs(self.exog @ closest - ones)) < 1e-8)

    @property
    def df_model(self) -> Any:
        """The rank, less one for a constant."""
        return float(self.rank - self.k_constant)

    @property
    def df_resid(self) -> Any:
        """Rows less the rank."""
        return float(self.nobs - self.rank)

    def predict(self, params: Any, exog: Any = None) -> Any:
        """X b, (n,)."""
        return np.dot(self.exog if exog is None else exog, params)

    def loglike(self, params: Any, scale: Any = None) -> Any:
        """The log-likelihood, at the scale that maximises it where none is given."""
        ssr = float(np.sum((self.wendog - self.wexog @ np.asarray(params)) ** 2))
        return self.loglike_of(ssr, scale)

    def loglike_of(self, ssr: Any, scale: Any = None) -> Any:
        """The log-likelihood at a sum of whitened squares."""
        return self.loglike_deviance(ssr, ssr / self.nobs if scale is None else scale) - self.log_root

    def fit(
        self, method: str = "pinv", cov_type: str = "nonrobust", cov_kwds: Mapping[str, Any] | None = None,
        use_t: bool | None = None, **kwargs: Any,
    ) -> OLSResults:  # fmt: skip
        """Fit; the answer is the same for method="pinv" and "qr".

        Parameters
        ----------
        cov_type : "nonrobust", "HC0" to "HC3" (MacKinnon and White 1985), "cluster" with groups, (n,) or (n, 2), or
            "HAC" with maxlags in cov_kwds
        use_t : bool, optional
            Tests by Student's t; the default for cov_type="nonrobust" only.

        Raises
        ------
        NotSupportedError
        """
        self.check_fit(method, ("pinv", "qr"), None, kwargs)
        kind = covariance.check_kind(cov_type, cov_kwds)
        fitted = self.maximise(None)
        self.rank = fitted.rank
        if fitted.has_intercept and self.hasconst is None:
            self.k_constant = 1
        solution = covariance.least_norm(self.wexog, fitted)
        results = OLSResults(
            self,
            fitted,
            solution.params,
            solution.covariance,
            scale=float(np.divide(fitted.deviance, self.df_resid)),
            robust=None,
            cov_type=kind,
            cov_kwds=cov_kwds,
            use_t=kind == "nonrobust" if use_t is None else use_t,
            method="Least Squares",
        )
        if kind in ("cluster", "HAC"):
            results._robust = covariance.sandwich(self, solution.params, solution.covariance, kind, cov_kwds)
        elif kind != "nonrobust":
            results._robust = results.heteroscedastic(kind)
        return results

    def fit_regularized(
        self, method: str = "elastic_net", alpha: float | ArrayLike = 0.0, L1_wt: float = 1.0,
        start_params: ArrayLike | None = None, profile_scale: bool = False, refit: bool = False, **kwargs: Any,
    ) -> RegularizedResults | OLSResults:  # fmt: skip
        """Minimise ssr / (2 n) + sum of alpha ((1 - L1_wt) / 2 b^2 + L1_wt |b|).

        Parameters
        ----------
        alpha : float or (p,) array_like
            Not negative; zero leaves a coefficient free, as one will that of the constant.
        L1_wt : float
            From 0, ridge, to 1, lasso.
        refit : bool
            Whether the coefficients that are not zero are fitted again without a penalty.
        maxiter, cnvrg_tol, zero_tol, ...
            Accepted: they change the way to the optimum.

        Returns
        -------
        RegularizedResults, or with refit OLSResults

        Raises
        ------
        NotSupportedError
            For method="sqrt_lasso" and profile_scale.
        InvalidParameterError
        """
        if method == "sqrt_lasso" or profile_scale:
            what = "method='sqrt_lasso'" if method == "sqrt_lasso" else "profile_scale=True"
            raise refuse(f"fit_regularized({what})", "method='elastic_net' does not depend on the scale")
        return elastic_net(self, method, alpha, L1_wt, start_params, refit, kwargs)


class OLSResults(LinkResults):
    """The results of ``OLS``, under statsmodels' names and by its conventions."""

    @property
    def model_title(self) -> Any:
        return f"{type(self.model).__name__} Regression Results"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.nobs, self.k_constant = float(self.model.nobs), self.model.k_constant

    @property
    def fittedvalues(self) -> Any:
        return self.model.data.rows(self._eta)

    @property
    def resid(self) -> Any:
        """y - X b."""
        return self.model.data.rows(self._resid)

    @property
    def wresid(self) -> Any:
        """The whitened residuals."""
        return self.model.data.rows(self._wresid)

    @cached_property
    def _wresid(self):
        return self.model.wendog - self.model.wexog @ self._params

    @property
    def resid_pearson(self) -> Any:
        """Residuals over the root of the scale, an array."""
        root = np.sqrt(self.scale)
        return np.divide(self._wresid, root, out=np.zeros_like(self._wresid, dtype=float), where=root > 0.0)

    @cached_property
    def _resid(self):
        return self.model.endog - self._eta

    @property
    def ssr(self) -> float:
        """The sum of squared residuals."""
        return self.deviance

    @cached_property
    def centered_tss(self):
        """The sum of whitened squares of y about its mean."""
        y, ones = self.model.wendog, self.model.whiten(np.ones(len(self.model.endog)))
        return float(np.sum((y - ones * ((y @ ones) / (ones @ ones))) ** 2))

    @cached_property
    def uncentered_tss(self):
        """The sum of whitened squares of y."""
        return float(np.sum(self.model.wendog**2))

    @property
    def _tss(self):
        return self.centered_tss if self.k_constant else self.uncentered_tss

    @property
    def ess(self) -> float:
        """The sum of squares that the model explains."""
        return self._tss - self.ssr

    @property
    def rsquared(self) -> float:
        """1 - ssr over the sum of squares of y, about its mean if there is a constant."""
        return 1.0 - self.ssr / self._tss

    @property
    def rsquared_adj(self) -> float:
        """R-squared adjusted for degrees of freedom."""
        return 1.0 - np.divide(self.nobs - self.k_constant, self.df_resid) * (1.0 - self.rsquared)

    @property
    def mse_model(self) -> float:
        """ess / df_model."""
        return np.nan if self.df_model == 0 else self.ess / self.df_model

    @property
    def mse_resid(self) -> float:
        """ssr / df_resid."""
        return np.nan if self.df_resid == 0 else self.ssr / self.df_resid

    @property
    def mse_total(self) -> float:
        """The sum of squares of y over its degrees of freedom."""
        return self._tss / (self.df_resid + self.df_model)

    @property
    def fvalue(self) -> float:
        """The F statistic of all coefficients but the constant, by the results' covariance."""
        if self.cov_type == "nonrobust":
            return self.mse_model / self.mse_resid
        return self._slopes_test.fvalue if self._slopes_test else np.nan

    @property
    def f_pvalue(self) -> float:
        """The p-value of ``fvalue``."""
        from scipy.special import fdtrc

        if self.cov_type != "nonrobust":
            return float(self._slopes_test.pvalue) if self._slopes_test else np.nan
        return np.nan if self.df_model == 0 else float(fdtrc(self.df_model, self.df_resid, self.fvalue))

    @cached_property
    def _slopes_test(self):
        """The joint test of all columns but the constant one, or None where there is nothing to test."""
        constant = constant_column(self.model.exog) if self.k_constant else None
        if self.k_constant and constant is None:
            return None
        R = np.eye(self._params.size)
        R = R if constant is None else np.delete(R, constant, axis=0)
        return self.f_test(R) if len(R) else None

    @cached_property
    def llf(self):
        """The log-likelihood at the scale that maximises it."""
        return self.model.loglike_of(self.ssr)

    @property
    def aic(self) -> float:
        """-2 llf + 2 (df_model + k_constant)."""
        return self.info_criteria("aic")

    @property
    def bic(self) -> float:
        """-2 llf + (df_model + k_constant) log(nobs)."""
        return self.info_criteria("bic")

    def info_criteria(self, crit: Any, dk_params: Any = 0) -> Any:
        """The criterion "aic" or "bic" with `dk_params` parameters more than coefficients."""
        k = self.df_model + self.k_constant + dk_params
        crit = crit.lower()
        if crit not in ("aic", "bic"):
            raise refuse(f"info_criteria({crit!r})", "there are 'aic' and 'bic'")
        return -2.0 * self.llf + k * (2.0 if crit == "aic" else np.log(self.nobs))

    def heteroscedastic(self, kind: Any) -> Any:
        """The covariance "HC0" to "HC3" (MacKinnon and White 1985), (p, p)."""
        squares, design = self._wresid**2, self.model.wexog
        if kind == "HC1":
            squares = squares * (self.nobs / self.df_resid)
        elif kind in ("HC2", "HC3"):
            left = 1.0 - row_forms(design, self._normalized)
            squares = squares / left ** (1 if kind == "HC2" else 2)
        return self._normalized @ gram(design, squares) @ self._normalized

    def get_influence(self) -> Any:
        """Influence of the rows, with ``summary_frame()``: leverages, DFBETAS, DFFITS, Cook's distances."""
        return OLSInfluence(self)

    def compare_lr_test(self, restricted: Any, large_sample: Any = False) -> Any:
        """Likelihood-ratio test of a nested model: the statistic, its p-value and the difference of degrees."""
        from scipy.special import chdtrc

        if large_sample:
            raise refuse("compare_lr_test(large_sample=True)", "wald_test is that test")
        df = restricted.df_resid - self.df_resid
        statistic = -2.0 * (restricted.llf - self.llf)
        return statistic, float(chdtrc(df, statistic)), df

    def compare_f_test(self, restricted: Any) -> Any:
        """F test of a nested model: the statistic, its p-value and the difference of degrees."""
        from scipy.special import fdtrc

        df = restricted.df_resid - self.df_resid
        statistic = (restricted.ssr - self.ssr) / df / (self.ssr / self.df_resid)
        return statistic, float(fdtrc(df, self.df_resid, statistic)), df

    def get_robustcov_results(self, cov_type: Any = "HC1", use_t: Any = None, **kwargs: Any) -> Any:
        """The same fit with another covariance; see ``OLS.fit``."""
        return self.model.fit(cov_type=cov_type, cov_kwds=kwargs or None, use_t=self.use_t if use_t is None else use_t)

    @cached_property
    def eigenvals(self):
        """Eigenvalues of X'X, the largest first."""
        return np.linalg.eigvalsh(gram(self.model.wexog, np.ones(len(self.model.wexog))))[::-1]

    @property
    def condition_number(self) -> float:
        """The ratio of the largest to the smallest singular value of X."""
        values = self.eigenvals
        return float(np.sqrt(values[0] / values[-1])) if values[-1] > 0 else np.inf

    def get_prediction(
        self, exog: Any = None, transform: Any = True, weights: Any = None, row_labels: Any = None, **kwargs: Any
    ) -> Any:
        """Predictions with intervals of the mean and of new observations."""
        if weights is not None or kwargs:
            raise refuse(f"OLS get_prediction({', '.join(['weights', *kwargs])})")
        values, labels = self.model.prediction_design(exog, transform)
        values = self.model.exog if values is None else values
        labels = self.model.data.row_labels if exog is None else labels
        eta, se = values @ self._params, np.sqrt(row_forms(values, self._cov))
        df = self.df_resid if self.use_t else None
        variance = self.scale / self.model.weights if exog is None else self.scale
        return LinearPrediction(eta, se, eta, se, None, labels if row_labels is None else row_labels, df).of(variance)

    def summary_facts(self) -> Any:
        """Pairs of label and number for the summary."""
        return [
            ("R-squared", self.rsquared),
            ("Adj. R-squared", self.rsquared_adj),
            ("F-statistic", self.fvalue),
            ("Prob (F-statistic)", self.f_pvalue),
            ("Log-Likelihood", self.llf),
            ("AIC", self.aic),
            ("BIC", self.bic),
        ]


def _robust(kind):
    def covariance_of(self):
        return self.heteroscedastic(kind)

    def errors_of(self):
        return self.model.data.columns(np.sqrt(np.diagonal(self.heteroscedastic(kind))))

    return property(covariance_of, doc=f"The covariance {kind}."), property(errors_of, doc=f"Standard errors {kind}.")


for _kind in covariance.HETEROSCEDASTIC:
    _cov, _se = _robust(_kind)
    setattr(OLSResults, f"cov_{_kind}", _cov)
    setattr(OLSResults, f"{_kind}_se", _se)


class LinearPrediction(MeanPrediction):
    """Predictions of means, with intervals for new observations too."""

    def of(self, scale: Any) -> Any:
        """These predictions with the variance of an observation."""
        self.var_resid = scale
        self.se_obs = np.sqrt(self.se**2 + scale)
        return self

    def conf_int(self, obs: Any = False, alpha: Any = 0.05) -> Any:
        """Confidence intervals of the mean, or of an observation, (n, 2)."""
        return wald.conf_int(self.predicted, self.se_obs if obs else self.se, 1.0 - alpha, self.df)

    def summary_frame(self, alpha: Any = 0.05) -> Any:
        """A DataFrame of means, standard errors and both intervals."""
        frame = super().summary_frame(alpha)
        frame["obs_ci_lower"], frame["obs_ci_upper"] = self.conf_int(obs=True, alpha=alpha).T
        return frame
