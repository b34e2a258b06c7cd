"""``NegativeBinomial`` in statsmodels' spelling: counts whose dispersion alpha is estimated with the coefficients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import families, links
from ..core.lazy import cached_property
from ..errors import InvalidParameterError
from ..fitting import entry
from ..inference import wald
from ..kernels.evaluate import evaluate
from . import covariance
from .discrete import CountResults, DiscreteModel
from .likelihood import density_at_mean, loglike
from .observations import gram
from .refusals import refuse
from .translate import Spec

if TYPE_CHECKING:
    from ..core.records import ArrayLike

METHODS = ("nb2", "geometric")
NB1 = "'nb2' has the variance mu + alpha mu^2, 'geometric' that of alpha = 1"


class NegativeBinomialResults(CountResults):
    """The results of ``NegativeBinomial``, alpha the last of the coefficients."""

    @property
    def _means(self) -> CountResults:
        """The results of the coefficients of the mean alone, by the same covariance."""
        robust = None if self._robust is None else self._robust[:-1, :-1]
        return CountResults(
            self.model, self.fitted, self._params[:-1], self._normalized[:-1, :-1], scale=1.0, robust=robust,
            cov_type=self.cov_type, cov_kwds=self.cov_kwds, use_t=self.use_t, method=self.method,
        )  # fmt: skip

    @property
    def coefficient_names(self) -> Any:
        return [*self.model.exog_names, "alpha"]

    def _constraint_names(self):
        return self.coefficient_names

    def _layout(self, values):
        data = self.model.data
        return data._series(values, self.coefficient_names) if data.pandas else values

    def _square(self, values):
        data, names = self.model.data, self.coefficient_names
        return data._frame(values, names, names) if data.pandas else values

    def conf_int(self, alpha: float = 0.05) -> Any:
        """Wald confidence intervals, (p + 1, 2)."""
        limits = wald.conf_int(self._params, self._bse, 1.0 - alpha, self._test_df)
        data = self.model.data
        return data._frame(limits, self.coefficient_names, None) if data.pandas else limits

    @property
    def lnalpha(self) -> Any:
        """The logarithm of alpha."""
        return np.log(self._params[-1])

    @property
    def lnalpha_std_err(self) -> Any:
        """The standard error of ``lnalpha``."""
        return self._bse[-1] / self._params[-1]

    @property
    def fittedvalues(self) -> Any:
        """The linear predictors without the offset."""
        return self.model.data.rows(self.model.exog @ self._params[:-1])

    @cached_property
    def llf(self):
        """The log-likelihood."""
        return self.model.loglike(self._params)

    @cached_property
    def llnull(self):
        """The log-likelihood of a constant, with an alpha of its own."""
        model, spec = self.model, Spec(self._null.family, self._null.link)
        rows = model.endog, model.var_weights, model.freq_weights, model.n_trials
        return loglike(spec, *rows, 1.0, self._null.deviance)

    @property
    def bic(self) -> float:
        """-2 llf + (df_model + 2) log(nobs)."""
        return self.info_criteria("bic")

    def info_criteria(self, crit: Any, dk_params: Any = 0) -> Any:
        """The criterion "aic" or "bic", alpha counted, with `dk_params` parameters more."""
        return super().info_criteria(crit, dk_params + 1)

    def get_influence(self) -> Any:
        raise refuse("NegativeBinomialResults.get_influence", "OLS, GLM, Logit, Probit and Poisson have it")

    def get_prediction(self, *args: Any, **kwargs: Any) -> Any:
        """Predictions of the mean with standard errors and intervals; see ``Poisson``."""
        return self._means.get_prediction(*args, **kwargs)

    def get_margeff(self, *args: Any, **kwargs: Any) -> Any:
        """Marginal effects of the mean; see ``Poisson``."""
        return self._means.get_margeff(*args, **kwargs)


class NegativeBinomial(DiscreteModel):
    """Negative binomial regression with the log link, its dispersion alpha estimated by maximum likelihood.

    The coefficients end with alpha, of the variance mu + alpha mu^2; theta of the rest of the library is 1 / alpha.

    Parameters
    ----------
    endog : (n,) array_like
    exog : (n, p) array_like with its constant; see ``add_constant``
    loglike_method : "nb2" or "geometric"
        "geometric" has alpha 1, and no coefficient of it.
    offset : (n,) array_like, optional
    exposure : (n,) array_like, optional
        Its logarithm is added to the linear predictor.
    missing : "none", "drop" or "raise"
    check_rank : bool
        Whether df_model counts independent columns, or all of them.

    Raises
    ------
    InvalidParameterError, MissingDataError
    NotSupportedError
        For "nb1", whose variance is mu + alpha mu.
    """

    extras = ("offset", "exposure")
    results = NegativeBinomialResults

    def __init__(
        self, endog: ArrayLike, exog: ArrayLike | None, loglike_method: str = "nb2", offset: ArrayLike | None = None,
        exposure: ArrayLike | None = None, missing: str = "none", check_rank: bool = True, **kwargs: Any,
    ) -> None:  # fmt: skip
        if loglike_method == "nb1":
            raise refuse("NegativeBinomial(loglike_method='nb1')", NB1)
        if loglike_method not in METHODS:
            raise InvalidParameterError(f"loglike_method={loglike_method!r} is unknown; known: 'nb2', 'geometric'")
        self.loglike_method, self.k_extra = loglike_method, int(loglike_method == "nb2")
        self.spec = Spec(families.NegativeBinomial(1.0), links.Log())
        super().__init__(endog, exog, offset, exposure, missing, check_rank, **kwargs)

    def maximise(self, start: Any, exog: Any = None, penalty: Any = None) -> Any:
        """Fit by this library, theta with the coefficients."""
        if not self.k_extra:
            return super().maximise(start, exog, penalty)
        offset = np.broadcast_to(self.offset_total, len(self.endog))
        return entry.fit(
            self.exog if exog is None else exog, self.endog, family="negative_binomial", intercept=False,
            offset=offset if np.any(self.offset_total) else None, start=start,
            names=[str(name) for name in self.exog_names] if exog is None else None,
        )  # fmt: skip

    def estimated(self, start: Any, cov_type: Any, cov_kwds: Any, use_t: Any) -> Any:
        """The results of a fit from a start, with the inverse of the observed information of all, alpha too."""
        if not self.k_extra:
            kind = covariance.check_kind(cov_type, cov_kwds)
            estimates, how = self.estimate(start, kind, cov_kwds)
            return CountResults(*estimates, scale=1.0, use_t=use_t, method="MLE", **how)
        kind = covariance.check_kind(cov_type, cov_kwds)
        fitted = self.maximise(None if start is None else np.asarray(start, float)[: self.exog.shape[1]])
        self.rank, self.spec = fitted.rank, Spec(fitted.family, fitted.link)
        params = np.append(covariance.least_norm(self.exog, fitted).params, 1.0 / fitted.shape.value)
        bread, robust = self._inverse_information(params), None
        if kind != "nonrobust":
            solution = covariance.Solution(params, bread)
            robust = covariance.of_likelihood(self, params, solution, kind, cov_kwds, bread)
        how = {"robust": robust, "cov_type": kind, "cov_kwds": cov_kwds}
        return NegativeBinomialResults(self, fitted, params, bread, scale=1.0, use_t=use_t, method="MLE", **how)

    def _inverse_information(self, params):
        """The inverse of minus the Hessian; where alpha is zero, of the coefficients, with NaN for alpha."""
        information = -self.hessian(params)
        if params[-1] > 0.0:
            return covariance.inverse(information)
        out = np.full(information.shape, np.nan)
        out[:-1, :-1] = covariance.inverse(information[:-1, :-1])
        return out

    def fit_regularized(self, *args: Any, **kwargs: Any) -> None:
        """Not here: fastglm.fit(family="negative_binomial", penalty=...) has penalties beside an estimated theta."""
        raise refuse(
            "NegativeBinomial.fit_regularized", "Poisson has it, and fastglm.fit(penalty=...) at a given theta"
        )

    def linear(self, params: Any, exog: Any = None, exposure: Any = None, offset: Any = None) -> Any:
        """The linear predictor; alpha, where it is among the coefficients, has no part in it."""
        return super().linear(np.asarray(params)[: self.exog.shape[1]], exog, exposure, offset)

    def predict(
        self, params: Any, exog: Any = None, exposure: Any = None, offset: Any = None, which: Any = "mean"
    ) -> Any:
        """Predictions at coefficients, (n,): "mean", "linear", or "var", the variance at their alpha."""
        if which != "var":
            return super().predict(params, exog, exposure, offset, which)
        mu = self.mean(self.linear(params, exog, exposure, offset))
        return mu * (1.0 + self._alpha(params) * mu)

    def _alpha(self, params):
        """The alpha of coefficients."""
        if not self.k_extra:
            return 1.0
        if len(params) != self.exog.shape[1] + 1:
            raise InvalidParameterError(f"params has {len(params)} values: {self.exog.shape[1]} slopes and alpha")
        if not params[-1] >= 0.0:
            raise InvalidParameterError(f"alpha, the last of params, must not be negative, got {params[-1]}")
        return float(params[-1])

    def _spec_at(self, alpha):
        return Spec(families.NegativeBinomial(1.0 / alpha) if alpha > 0.0 else families.Poisson(), links.Log())

    def loglike(self, params: Any) -> Any:
        """The log-likelihood at coefficients, alpha last."""
        return float(self.loglikeobs(params).sum())

    def loglikeobs(self, params: Any) -> Any:
        """The log-likelihood of each row at coefficients, (n,)."""
        params = np.asarray(params, float)
        spec = self._spec_at(self._alpha(params))
        deviance = evaluate(spec.family, spec.link, self.linear(params), self.endog).deviance
        return density_at_mean(spec, self.endog, self.var_weights, self.n_trials, 1.0) - 0.5 * deviance

    def score_factor(self, params: Any) -> Any:
        """The derivative of each row's log-likelihood in its linear predictor, (n,)."""
        params = np.asarray(params, float)
        mu = self.mean(self.linear(params))
        return (self.endog - mu) / (1.0 + self._alpha(params) * mu)

    def score_obs(self, params: Any) -> Any:
        """The derivative of each row's log-likelihood in the coefficients, (n, p + 1)."""
        params = np.asarray(params, float)
        slopes = self.score_factor(params)[:, None] * self.exog
        if not self.k_extra:
            return slopes
        size, mu = self._size(params), self.mean(self.linear(params))
        return np.column_stack([slopes, -(size**2) * self._of_size(size, mu)[0]])

    def score(self, params: Any) -> Any:
        """The derivative of the log-likelihood in the coefficients, (p + 1,)."""
        return self.score_obs(params).sum(axis=0)

    def scored_rows(self, params: Any) -> Any:
        """The rows' own scores (n, p + 1), and ones."""
        return self.score_obs(params), np.ones(len(self.endog))

    def hessian_factor(self, params: Any) -> Any:
        """The second derivative of each row's log-likelihood in its linear predictor, (n,)."""
        params = np.asarray(params, float)
        alpha, mu = self._alpha(params), self.mean(self.linear(params))
        return -mu * (1.0 + alpha * self.endog) / (1.0 + alpha * mu) ** 2

    def hessian(self, params: Any) -> Any:
        """The second derivative of the log-likelihood in the coefficients, (p + 1, p + 1)."""
        params = np.asarray(params, float)
        slopes = gram(self.exog, self.hessian_factor(params))
        if not self.k_extra:
            return slopes
        alpha, mu = self._alpha(params), self.mean(self.linear(params))
        cross = -self.exog.T @ (mu * (self.endog - mu) / (1.0 + alpha * mu) ** 2)
        size = self._size(params)
        first, second = self._of_size(size, mu)
        last = float(np.sum(size**4 * second + 2.0 * size**3 * first)) if alpha > 0.0 else np.nan
        return np.block([[slopes, cross[:, None]], [cross[None], np.array([[last]])]])

    def _size(self, params):
        """1 / alpha."""
        alpha = self._alpha(params)
        return 1.0 / alpha if alpha > 0.0 else np.inf

    def _of_size(self, size, mu):
        """First and second derivatives of each row's log-likelihood in 1 / alpha, (n,): Hilbe (2011), section 8.2."""
        from scipy.special import digamma, polygamma

        y = self.endog
        with np.errstate(all="ignore"):
            first = digamma(y + size) - digamma(size) - np.log1p(mu / size) - (y - mu) / (size + mu)
            spread = polygamma(1, y + size) - polygamma(1, size) + mu / (size * (size + mu))
            return first, spread + (y - mu) / (size + mu) ** 2
