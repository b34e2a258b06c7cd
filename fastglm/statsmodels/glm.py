"""``GLM`` in statsmodels' spelling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InvalidParameterError
from ..kernels.evaluate import evaluate
from . import covariance
from .base_model import GRADIENT_METHODS, LikelihoodModel
from .constrained import ConstrainedFit
from .families import Gaussian
from .glm_results import GLMResults
from .observations import gram
from .refusals import caution, refuse
from .regularized import RegularizedResults, elastic_net
from .translate import translate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..core.records import ArrayLike


class GLM(ConstrainedFit, LikelihoodModel):
    """A generalized linear model.

    Parameters
    ----------
    endog : (n,) array_like, or (n, 2) successes and failures of a binomial response
    exog : (n, p) array_like with its constant; see ``add_constant``
    family : family of statsmodels or of ``fastglm.statsmodels.families``, optional
        Gaussian without it.
    offset : (n,) array_like, optional
        Added to the linear predictor.
    exposure : (n,) array_like, optional
        Its logarithm is added to the linear predictor (log link only).
    freq_weights : (n,) array_like, optional
        How often each row occurred.
    var_weights : (n,) array_like, optional
        The variance of a row is the scale times V(mu) over its weight.
    missing : "none", "drop" or "raise"

    Raises
    ------
    InvalidParameterError, MissingDataError, NotSupportedError
    """

    family: Any
    n_trials: Any
    extras = ("offset", "exposure", "freq_weights", "var_weights")

    def __init__(
        self,
        endog: ArrayLike,
        exog: ArrayLike | None,
        family: Any = None,
        offset: ArrayLike | None = None,
        exposure: ArrayLike | None = None,
        freq_weights: ArrayLike | None = None,
        var_weights: ArrayLike | None = None,
        missing: str = "none",
        **kwargs: Any,
    ) -> None:
        recipe = kwargs.pop("recipe", None)
        if set(kwargs) - {"hasconst"}:
            raise InvalidParameterError(f"GLM: unknown keywords {sorted(kwargs)}")
        self.family = Gaussian() if family is None else family
        self.spec = translate(self.family)
        given = dict(offset=offset, exposure=exposure, freq_weights=freq_weights, var_weights=var_weights)
        super().__init__(endog, exog, missing, recipe, **given)
        if exposure is not None and not self.spec.link.is_log:
            raise InvalidParameterError(f"exposure needs the log link, not {self.spec.link.name!r}")
        self._set_weights()
        self._set_response()
        self.set_offsets()
        self.nobs = len(self.endog)
        self.scaletype = None

    def _set_weights(self):
        extras, n = self.data.extras, len(self.exog)
        ones = np.broadcast_to(1.0, n)
        self.has_frequencies = extras["freq_weights"] is not None
        self.freq_weights = extras["freq_weights"] if self.has_frequencies else ones
        self.has_weights = extras["var_weights"] is not None
        self.var_weights = extras["var_weights"] if self.has_weights else ones
        self.wnobs = self.freq_weights.sum() if self.has_frequencies else n

    def _set_response(self):
        """Successes and failures to proportions and trials."""
        self.n_trials = np.broadcast_to(1.0, len(self.exog))
        if self.endog.ndim == 2:
            most = 2 if self.spec.family.two_outcomes else 1
            if self.endog.shape[1] != 2 or most == 1:
                raise InvalidParameterError(
                    f"endog has more than {most} columns: {self.endog.shape[1]}; "
                    "a binomial response may have two, successes and failures"
                )
            counts = np.asarray(self.endog, dtype=float)
            self.n_trials = counts.sum(axis=1)
            if not (counts >= 0).all() or not (self.n_trials > 0).all():
                row = int(np.argmax((counts < 0).any(axis=1) | ~(self.n_trials > 0)))
                raise InvalidParameterError(f"endog has {counts[row]} successes and failures in row {row}")
            self.endog = counts[:, 0] / self.n_trials
            self.has_weights = True
        self.endog = np.asarray(self.endog, dtype=float)

    def predict(
        self, params: Any, exog: Any = None, exposure: Any = None, offset: Any = None, which: Any = "mean"
    ) -> Any:
        """Predictions at coefficients.

        Parameters
        ----------
        params : (p,) array_like
        exog : (n, p) array_like, optional
            The rows of the fit, with their offset and exposure, without it; else neither is used unless given here.
        which : "mean", "linear", or "var_unscaled" (the variance function at the mean)

        Returns
        -------
        (n,) array
        """
        if which not in ("mean", "linear", "var_unscaled"):
            raise InvalidParameterError(f"which={which!r} is unknown; known: 'mean', 'linear', 'var_unscaled'")
        if exposure is not None and not self.spec.link.is_log:
            raise InvalidParameterError(f"exposure needs the log link, not {self.spec.link.name!r}")
        eta = self.linear(params, exog, exposure, offset)
        if which == "linear":
            return eta
        return self.mean(eta) if which == "mean" else self.variance(eta)

    def loglike(self, params: Any, scale: Any = None) -> Any:
        """The log-likelihood at coefficients, the scale estimated where none is given."""
        eta = self.linear(params)
        return self.loglike_eta(eta, self._scale(eta, scale))

    def loglike_mu(self, mu: Any, scale: Any = 1.0) -> Any:
        """The log-likelihood at means, (n,)."""
        return self.loglike_eta(self._link_of(mu), scale)

    def score_factor(self, params: Any, scale: Any = None) -> Any:
        """The derivative of each row's log-likelihood in its linear predictor, (n,)."""
        eta = self.linear(params)
        return self.row_scores(eta) / self._scale(eta, scale)

    def score_obs(self, params: Any, scale: Any = None) -> Any:
        """The derivative of each row's log-likelihood in the coefficients, (n, p)."""
        return self.score_factor(params, scale)[:, None] * self.exog

    def score(self, params: Any, scale: Any = None) -> Any:
        """The derivative of the log-likelihood in the coefficients, (p,)."""
        return self.score_factor(params, scale) @ self.exog

    def hessian_factor(self, params: Any, scale: Any = None, observed: Any = True) -> Any:
        """Minus the second derivative of each row's log-likelihood in its linear predictor, or what is expected."""
        eta = self.linear(params)
        return self.row_information(eta, observed) / self._scale(eta, scale)

    def hessian(self, params: Any, scale: Any = None, observed: Any = None) -> Any:
        """The second derivative of the log-likelihood in the coefficients, (p, p), or what is expected of it."""
        return -gram(self.exog, self.hessian_factor(params, scale, observed is None or observed))

    def information(self, params: Any, scale: Any = None) -> Any:
        """The expected second derivative of the log-likelihood, (p, p), with the sign that statsmodels gives it."""
        return self.hessian(params, scale, observed=False)

    def _scale_of(self, fitted, params):
        """The scale of a fit, whose sums spare a pass of the rows."""
        known = isinstance(self.scaletype, float) or self.scaletype is None and self.spec.scale_is_one
        if known or self.scaletype != "dev" and np.any(self.n_trials != 1.0):
            return self.scale_at(None if known else self.linear(params))
        return self._over_df(fitted.deviance if self.scaletype == "dev" else fitted.pearson_chi2)

    def estimate_scale(self, mu: Any) -> Any:
        """The scale at means."""
        return self.scale_at(self._link_of(mu))

    def _scale(self, eta, scale):
        return self.scale_at(eta) if scale is None else float(scale)

    def _link_of(self, mu):
        return np.vectorize(self.spec.link.link, otypes=[float])(np.broadcast_to(mu, self.endog.shape))

    def scale_at(self, eta: Any) -> Any:
        """The scale at linear predictors: given, one where the family knows it, or Pearson's or the deviance's."""
        if self.scaletype is None and self.spec.scale_is_one:
            return 1.0
        if isinstance(self.scaletype, float):
            return self.scaletype
        if self.scaletype not in (None, "x2", "dev"):
            raise InvalidParameterError(f"scaletype={self.scaletype!r} must be None, 'x2', 'dev' or a float")
        detail = evaluate(self.spec.family, self.spec.link, eta, self.endog)
        if self.scaletype == "dev":
            return self._over_df(self.iweights * self.n_trials * detail.deviance)
        if np.any(self.n_trials != 1.0):
            caution("scale='X2' of successes and failures leaves the numbers of trials out, as in statsmodels")
        return self._over_df(self.iweights * (self.endog - detail.mu) ** 2 / detail.variance)

    def _over_df(self, terms):
        return float(np.divide(np.sum(terms), self.df_resid))

    def get_distribution(
        self,
        params: Any,
        scale: Any = None,
        exog: Any = None,
        exposure: Any = None,
        offset: Any = None,
        var_weights: Any = 1.0,
        n_trials: Any = 1.0,
    ) -> Any:
        """The distribution of the response of each row at coefficients, a frozen distribution of ``scipy.stats``."""
        mu = self.predict(params, exog, exposure, offset)
        return self.spec.distribution(mu, 1.0 if scale is None else scale, var_weights, n_trials)

    def score_test(
        self, params_constrained: Any, k_constraints: Any = None, exog_extra: Any = None, observed: Any = True
    ) -> Any:
        """Rao's score test of constraints, or of columns left out.

        Parameters
        ----------
        params_constrained : (p,) array_like
            Coefficients that satisfy the constraints.
        k_constraints : int, optional
            Their number; needed without exog_extra.
        exog_extra : (n,) or (n, k) array_like, optional
            Columns tested for inclusion.

        Returns
        -------
        statistic (1,), p-value (1,), degrees of freedom
        """
        from scipy.special import chdtrc

        if exog_extra is None and k_constraints is None:
            raise InvalidParameterError("score_test needs k_constraints or exog_extra")
        X = self.exog if exog_extra is None else np.column_stack([self.exog, exog_extra])
        df = (k_constraints or 0) + X.shape[1] - self.exog.shape[1]
        score = self.score_factor(params_constrained) @ X
        information = gram(X, self.hessian_factor(params_constrained, observed=observed))
        statistic = score @ np.linalg.solve(information, score[:, None])
        return statistic, chdtrc(df, statistic) if df > 0 else np.full(1, np.nan), df

    def fit(
        self,
        start_params: ArrayLike | None = None,
        maxiter: int = 100,
        method: str = "IRLS",
        tol: float = 1e-8,
        scale: str | float | None = None,
        cov_type: str = "nonrobust",
        cov_kwds: Mapping[str, Any] | None = None,
        use_t: bool | None = None,
        full_output: bool = True,
        disp: bool = False,
        max_start_irls: int = 3,
        **kwargs: Any,
    ) -> GLMResults:
        """Fit to the optimum.

        Parameters
        ----------
        start_params : (p,) array_like, optional
        method : "IRLS" or one of statsmodels' gradient methods
            The optimum is the same; the standard errors come from the expected information for "IRLS", and from the
            observed one for the others unless ``cov_type="eim"``.
        scale : None, "X2", "dev" or float
            Where the scale comes from: Pearson's chi-square or the deviance over df_resid, or given.
        cov_type : "nonrobust", "HC0" to "HC3", or "cluster" with ``cov_kwds={"groups": labels}``
        use_t : bool, optional
            Tests by Student's t on df_resid in place of the normal distribution.
        maxiter, tol, full_output, disp, max_start_irls, atol, rtol, tol_criterion, wls_method, optim_hessian
            Accepted: they change the way to the optimum, and convergence is judged as in ``fastglm.fit``.

        Returns
        -------
        GLMResults

        Raises
        ------
        NotSupportedError
            For arguments that would change the answer.
        """
        attached = kwargs.pop("attach_wls", False)
        if attached:
            raise refuse("fit(attach_wls=True)")
        self.check_fit(method, ("irls", *GRADIENT_METHODS), maxiter, kwargs)
        self.scaletype = _scale_type(scale)
        expected = method.lower() == "irls" or cov_type.lower() == "eim"
        kind = covariance.check_kind("nonrobust" if cov_type.lower() == "eim" else cov_type, cov_kwds)
        estimates, how = self.estimate(start_params, kind, cov_kwds, expected)
        _, fitted, params, _ = estimates
        scale = np.float64(self._scale_of(fitted, params))
        return GLMResults(*estimates, scale=scale, use_t=bool(use_t), method=method, **how)

    def fit_regularized(
        self, method: str = "elastic_net", alpha: float | ArrayLike = 0.0, start_params: ArrayLike | None = None,
        refit: bool = False, opt_method: str = "bfgs", **kwargs: Any,
    ) -> RegularizedResults | GLMResults:  # fmt: skip
        """Minimise -loglike / n + sum of alpha ((1 - L1_wt) / 2 b^2 + L1_wt |b|), the log-likelihood at scale one.

        Parameters
        ----------
        method : "elastic_net" or "l1_slsqp"
            The optimum is the same; "l1_slsqp" needs L1_wt = 1.
        alpha : float or (p,) array_like
            Not negative; zero leaves a coefficient free, as one will that of the constant.
        refit : bool
            Whether the coefficients that are not zero are fitted again without a penalty. Their standard errors do not
            know that the columns were chosen.
        L1_wt : float
            From 0, ridge, to 1, lasso, the default.
        opt_method, maxiter, cnvrg_tol, zero_tol, trim_mode, acc, ...
            Accepted: they change the way to the optimum.

        Returns
        -------
        RegularizedResults, or with refit GLMResults

        Raises
        ------
        NotSupportedError
            For a ridge of a family whose scale is estimated, whose penalty in statsmodels depends on that scale.
        InvalidParameterError
        """
        L1_wt = kwargs.pop("L1_wt", 1.0)
        if L1_wt == 0.0 and not refit and not self.spec.scale_is_one:
            raise refuse(
                "fit_regularized(L1_wt=0) of a family whose scale is estimated",
                "OLS has it for least squares, and fastglm.fit(penalty=Ridge(...)) for all families",
            )
        self.scaletype = None
        return elastic_net(self, method, alpha, L1_wt, start_params, refit, kwargs)


for _extra in GLM.extras:
    # the names that the offset, exposure and weights were given by
    setattr(GLM, f"{_extra}_name", property(lambda model, extra=_extra: model.data.extra_names[extra]))


def _scale_type(scale):
    if scale is None or isinstance(scale, str) and scale.lower() in ("x2", "dev"):
        return scale if scale is None else scale.lower()
    try:
        return float(scale)
    except (TypeError, ValueError):
        raise InvalidParameterError(f"scale={scale!r} must be None, 'X2', 'dev' or a number") from None
