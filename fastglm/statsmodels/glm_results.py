"""The results of a ``GLM``."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.lazy import cached_property
from ..errors import InvalidParameterError
from ..inference.residuals import anscombe_change
from ..kernels.evaluate import evaluate
from . import predictions
from .covariance import inverse
from .influence import GLMInfluence
from .margins import WithMargins
from .observations import gram, row_forms
from .refusals import caution, refuse
from .results import Results


class LinkResults(WithMargins, Results):
    """Results of a model of one mean a row: likelihoods, means and residuals."""

    model_title = "Generalized Linear Model Regression Results"
    k_constr = 0  # the linear constraints that the coefficients satisfy

    @property
    def coefficient_names(self) -> Any:
        return self.model.exog_names

    @cached_property
    def _detail(self):
        return evaluate(self.model.spec.family, self.model.spec.link, self._eta, self.model.endog)

    @cached_property
    def _eta(self):
        return self.model.linear(self._params)

    @cached_property
    def _null(self):
        """The fit of the model with a constant only, and the offset."""
        return self.model.maximise(None, exog=np.ones((len(self.model.endog), 1)))

    @cached_property
    def deviance(self):
        """Weighted, and not divided by the scale."""
        return self.fitted.deviance

    @cached_property
    def null_deviance(self):
        """The deviance of a constant, whether the model has one or not."""
        known = self.fitted.has_intercept and not self.k_constr  # whose design has an offset of its own
        return self.fitted.null_deviance if known else self._null.deviance

    @cached_property
    def null(self):
        """The means of the model with a constant only, (n,)."""
        return self.model.mean(self._null.params[0] + np.broadcast_to(self.model.offset_total, len(self.model.endog)))

    @cached_property
    def llnull(self):
        """The log-likelihood of the model with a constant only, at this model's scale."""
        return self.model.loglike_deviance(self.null_deviance, self.scale)

    @cached_property
    def mu(self):
        """The means of the rows, (n,)."""
        return self._detail.mu

    def get_prediction(
        self,
        exog: Any = None,
        exposure: Any = None,
        offset: Any = None,
        transform: Any = True,
        which: Any = None,
        average: Any = False,
        agg_weights: Any = None,
        row_labels: Any = None,
    ) -> Any:
        """Predictions with standard errors and intervals.

        Parameters
        ----------
        exog, exposure, offset, transform : as for ``predict``
        which : None, "mean" or "linear"
            None is "mean" under the names of the older interface, ``mean``, ``mean_se``, ...
        row_labels : sequence, optional

        Returns
        -------
        Prediction, with ``conf_int()`` and ``summary_frame()``
        """
        if average or agg_weights is not None:
            raise refuse("get_prediction(average=True)")
        older = which is None and self.older_predictions
        which = "mean" if which is None else which
        return predictions.predict(self, exog, transform, row_labels, which, older, exposure, offset)

    older_predictions = False


class GLMResults(LinkResults):
    """The results of a ``GLM``, under statsmodels' names and by its conventions."""

    older_predictions = True

    @property
    def family(self) -> Any:
        return self.model.family

    @property
    def fit_history(self) -> Any:
        """The number of iterations, under "iteration"."""
        return {"iteration": self.fitted.n_iter}

    @cached_property
    def pearson_chi2(self):
        """The sum of (y - mu)^2 / V(mu), weighted."""
        return self.fitted.pearson_chi2

    @property
    def fittedvalues(self) -> Any:
        """The means of the rows."""
        return self.model.data.rows(self.mu)

    @cached_property
    def llf(self):
        """The log-likelihood at the scale; a Gaussian model of identity link at the scale that maximises it."""
        return self.llf_scaled()

    def llf_scaled(self, scale: Any = None) -> Any:
        """The log-likelihood at a scale."""
        spec = self.model.spec
        if scale is None:
            profiled = spec.power is None and isinstance(spec.link, spec.family.linear_link)
            scale = self.deviance / self.model.wnobs if profiled else self.scale
        return self.model.loglike_deviance(self.deviance, scale)

    def pseudo_rsquared(self, kind: Any = "cs") -> Any:
        """Cox and Snell's ("cs") or McFadden's ("mcf") R-squared."""
        if kind.lower().startswith("mcf"):
            return 1.0 - self.llf / self.llnull
        if kind.lower() in ("cs", "lr") or kind.lower().startswith("cox"):
            return 1.0 - np.exp((self.llnull - self.llf) * (2.0 / self.nobs))
        raise InvalidParameterError(f"kind={kind!r} is unknown; known: 'cs', 'mcf'")

    @property
    def aic(self) -> float:
        """-2 llf + 2 (df_model + 1): the dispersion is not counted."""
        return self.info_criteria("aic")

    @property
    def bic(self) -> float:
        """``bic_llf``, as since statsmodels 0.15; before it was ``bic_deviance``."""
        caution("bic is bic_llf, as since statsmodels 0.15; earlier versions answered bic_deviance")
        return self.bic_llf

    @property
    def bic_llf(self) -> float:
        """-2 llf + (df_model + 1) log(n)."""
        return self.info_criteria("bic")

    @property
    def bic_deviance(self) -> float:
        """deviance - df_resid log(n)."""
        n = self.model.wnobs
        return self.deviance - (n - self.df_model - 1) * np.log(n)

    def info_criteria(self, crit: Any, scale: Any = None, dk_params: Any = 0) -> Any:
        """The criterion "aic", "bic" or "qaic" (at a scale); `dk_params` are parameters beside the coefficients."""
        k = self.df_model + 1 + dk_params
        kind = crit.lower()
        if kind == "aic":
            return -2.0 * self.llf + 2.0 * k
        if kind == "bic":
            return -2.0 * self.llf + k * np.log(self.df_model + self.df_resid + 1)
        if kind == "qaic" and scale is not None:
            return -2.0 * self.llf_scaled(scale=1.0) / scale + 2.0 * k
        raise InvalidParameterError(f"crit={crit!r} is unknown or lacks a scale; known: 'aic', 'bic', 'qaic'")

    @property
    def resid_response(self) -> Any:
        """(y - mu), times the trials."""
        return self._rows(self.model.n_trials * (self.model.endog - self.mu))

    @property
    def resid_pearson(self) -> Any:
        """(y - mu) / sqrt(V(mu)), times the root of variance weight and trials."""
        size = np.sqrt(self.model.var_weights * self.model.n_trials)
        return self._rows(size * (self.model.endog - self.mu) / np.sqrt(self._detail.variance))

    @property
    def resid_working(self) -> Any:
        """(y - mu) / (d mu / d eta), times the square of the trials as in statsmodels."""
        return self._rows(self.model.n_trials**2 * (self.model.endog - self.mu) / self._detail.slope)

    @property
    def resid_deviance(self) -> Any:
        """The signed root of each row's deviance."""
        units = self.model.var_weights * self.model.n_trials * np.maximum(self._detail.deviance, 0.0)
        return self._rows(np.sign(self.model.endog - self.mu) * np.sqrt(units))

    @property
    def resid_anscombe(self) -> Any:
        """``resid_anscombe_scaled``."""
        return self._rows(self.resid_anscombe_scaled)

    @property
    def resid_anscombe_scaled(self) -> Any:
        """Anscombe residuals over the root of the scale, an array."""
        return self.resid_anscombe_unscaled / np.sqrt(self.scale)

    @property
    def resid_anscombe_unscaled(self) -> Any:
        """Anscombe residuals, an array."""
        y = self.model.endog
        change = anscombe_change(self.model.spec.family, y, self.mu, y - self.mu)
        return np.sqrt(self.model.var_weights * self.model.n_trials) * change / self._detail.variance ** (1.0 / 6.0)

    def _rows(self, values):
        return self.model.data.rows(values)

    def get_influence(self, observed: Any = False) -> Any:
        """Influence of the rows in one step, with ``summary_frame()``: leverages, DFBETAS, Cook's distances."""
        if observed:
            raise refuse("get_influence(observed=True)", "leverages of it are get_hat_matrix_diag(observed=True)")
        return GLMInfluence(self)

    def get_hat_matrix_diag(self, observed: Any = True) -> Any:
        """The leverages, (n,), by the observed or the expected information."""
        model = self.model
        factor = model.row_information(self._eta, observed)
        cov = self._normalized
        if observed and not model.spec.canonical or self.method.lower() != "irls":
            cov = inverse(gram(model.exog, factor))
        return factor * row_forms(model.exog, cov)

    def get_distribution(
        self, exog: Any = None, exposure: Any = None, offset: Any = None, var_weights: Any = 1.0, n_trials: Any = 1.0
    ) -> Any:
        """The distribution of the response of each row, a frozen distribution of ``scipy.stats``.

        The scale of a binomial, Poisson or negative binomial response is one in it, whatever the scale of the fit.
        """
        spec = self.model.spec
        if spec.scale_is_one and self.scale != 1.0:
            caution(f"the distribution of a {spec.kind} response has scale=1: using scale=1, not {self.scale:.6g}")
        mu = np.asarray(self.predict(exog, exposure=exposure, offset=offset))
        return spec.distribution(mu, self.scale, var_weights, n_trials)

    def summary_facts(self) -> Any:
        """Pairs of label and number for the summary."""
        return [
            ("Scale", self.scale),
            ("Log-Likelihood", self.llf),
            ("Deviance", self.deviance),
            ("Pearson chi2", self.pearson_chi2),
            ("Null deviance", self.null_deviance),
            ("Pseudo R-squ. (CS)", self.pseudo_rsquared()),
        ]
