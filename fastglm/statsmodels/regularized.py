"""``fit_regularized``: penalised fits by statsmodels' conventions.

Every coefficient is penalised, that of the constant too, unless ``alpha`` has a zero in its place, and columns are not
scaled. Where statsmodels' optimisers stop early, here is the optimum, with its certificate in ``fitted``.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.lazy import cached_property
from ..errors import InvalidParameterError
from ..penalties import ElasticNet
from .covariance import inverse
from .observations import gram
from .refusals import check_options
from .results import Estimates

if TYPE_CHECKING:
    from ..core.records import ArrayLike

# arguments that change the way to the optimum and not the optimum
PATH_ONLY = """
    maxiter cnvrg_tol zero_tol check_step opt_method trim_mode auto_trim_tol size_trim_tol qc_tol qc_verbose acc
    full_output disp callback retall abstol reltol feastol refinement
""".split()


class RegularizedResults(Estimates):
    """Coefficients of a penalised fit; there are no standard errors.

    Attributes
    ----------
    params : (p,) array or Series
    converged : bool
    fitted : GLMResult
        The fit of this library.
    """

    def __init__(self, model: Any, fitted: Any) -> None:
        self.model, self.fitted, self.converged = model, fitted, fitted.converged
        self._params = fitted.params

    @property
    def params(self) -> Any:
        return self.model.data.columns(self._params.copy())

    @cached_property
    def fittedvalues(self):
        """The predictions for the rows of the fit, (n,)."""
        return self.model.data.rows(self.model.predict(self._params))


def elastic_net(model: Any, method: Any, alpha: Any, L1_wt: Any, start: Any, refit: Any, options: Any) -> Any:
    """The ``fit_regularized`` of ``GLM`` and ``OLS``.

    Minimises -loglike / n + sum of alpha ((1 - L1_wt) / 2 b^2 + L1_wt |b|), the log-likelihood at scale one.

    Returns
    -------
    RegularizedResults, or with refit the results of ``fit``

    Raises
    ------
    InvalidParameterError, NotSupportedError
    """
    if method not in ("elastic_net", "coord_descent", "l1_slsqp"):
        raise InvalidParameterError(f"method={method!r} is unknown; known: 'elastic_net', 'l1_slsqp'")
    if method == "l1_slsqp" and L1_wt != 1.0:
        raise InvalidParameterError(f"L1_wt must be 1 where method is 'l1_slsqp', not {L1_wt!r}")
    check_options("fit_regularized", options, PATH_ONLY)
    fitted = penalised(model, alpha, L1_wt, model.nobs, start)
    return refitted(model, np.flatnonzero(fitted.params)) if refit else RegularizedResults(model, fitted)


def refitted(model: Any, there: Any) -> Any:
    """The results of a fit without a penalty of some of the columns, in the layout of all; zero elsewhere."""
    if not len(there):
        raise InvalidParameterError("refit: the penalty leaves no coefficient to fit again")
    some, p = copy(model), model.exog.shape[1]
    some.data = copy(model.data)
    some.data.exog_names = [model.exog_names[j] for j in there]
    some.exog = some.data.exog = model.exog[:, there]
    for name in ("rank", "k_constant", "wexog"):
        some.__dict__.pop(name, None)
    found = some.fit()
    params, covariance = np.zeros(p), np.zeros((p, p))
    params[there], covariance[np.ix_(there, there)] = found._params, found._normalized
    results = type(found)(
        model, found.fitted, params, covariance, scale=found.scale, robust=None, cov_type="nonrobust", cov_kwds=None,
        use_t=found.use_t, method="elastic_net", df_resid=len(model.endog) - len(there),
    )  # fmt: skip
    results.df_model, results.regularized = len(there), True
    return results


class LassoFit:
    """The ``fit_regularized`` of discrete models."""

    def fit_regularized(
        self, start_params: ArrayLike | None = None, method: str = "l1", maxiter: int | str = "defined_by_method",
        full_output: bool = True, disp: bool = True, callback: Any = None, alpha: float | ArrayLike = 0.0,
        **kwargs: Any,
    ) -> Any:  # fmt: skip
        """Minimise -loglike + sum of alpha |b|; nothing is printed.

        Parameters
        ----------
        alpha : float or (p,) array_like
            Not negative; beside the sum of the log-likelihood, not its mean.
        method : "l1" or "l1_cvxopt_cp"
        maxiter, trim_mode, auto_trim_tol, size_trim_tol, qc_tol, acc, ...
            Accepted: they change the way to the optimum. Coefficients that are zero there are zero here.

        Returns
        -------
        The results of ``fit`` with ``trimmed`` (p,) bool and ``nnz_params``. As in statsmodels the covariance is the
        inverse of the observed information of the coefficients that are not zero, and NaN elsewhere.

        Raises
        ------
        InvalidParameterError
        """
        if method not in ("l1", "l1_cvxopt_cp"):
            raise InvalidParameterError(f"method={method!r} is unknown; known: 'l1', 'l1_cvxopt_cp'")
        check_options("fit_regularized", kwargs, PATH_ONLY)
        fitted = penalised(self, alpha, 1.0, 1.0, start_params)
        results = self.results(
            self, fitted, fitted.params.copy(), inverse_where(self, fitted.params), scale=1.0, robust=None,
            cov_type="nonrobust", cov_kwds=None, use_t=False, method=method,
        )  # fmt: skip
        results.trimmed = fitted.params == 0.0
        results.nnz_params = int((~results.trimmed).sum())
        results.df_model = results.nnz_params - 1
        results.df_resid = results.df_resid_inference = float(len(self.endog) - results.nnz_params)
        return results


def penalised(model: Any, alpha: Any, L1_wt: Any, divisor: Any, start: Any) -> Any:
    """The fit of a model whose summed log-likelihood is divided by a number beside the penalty ``alpha``."""
    p = model.exog.shape[1]
    alpha = np.asarray(alpha, float)
    if alpha.ndim > 1 or alpha.size not in (1, p):
        raise InvalidParameterError(f"alpha has shape {alpha.shape}; there are {p} coefficients")
    alpha = np.broadcast_to(alpha, p)
    if not ((alpha >= 0.0) & np.isfinite(alpha)).all():
        raise InvalidParameterError("alpha must be finite and not negative")
    if not 0.0 <= L1_wt <= 1.0:
        raise InvalidParameterError(f"L1_wt={L1_wt!r} must be from 0 to 1")
    # factors are rescaled to the mean one, and the loss is divided by the summed weights
    size = float(alpha.mean()) * divisor / float(np.sum(model.iweights * model.n_trials))
    if size == 0.0:
        return model.maximise(start)
    return model.maximise(start, penalty=ElasticNet(size, L1_wt, factors=alpha / alpha.mean(), scale=False))


def inverse_where(model: Any, params: Any) -> Any:
    """The inverse of the observed information of the coefficients that are not zero, NaN elsewhere, (p, p)."""
    there = np.flatnonzero(params)
    out = np.full((len(params), len(params)), np.nan)
    out[np.ix_(there, there)] = inverse(gram(model.exog[:, there], model.row_information(model.linear(params))))
    return out
