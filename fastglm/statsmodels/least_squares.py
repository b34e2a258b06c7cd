"""``WLS``, ``GLS`` and ``GLSAR`` in statsmodels' spelling: least squares of whitened rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InvalidParameterError
from ..rows.numbers import numeric
from .linear import OLS

if TYPE_CHECKING:
    from ..core.records import ArrayLike


class GLS(OLS):
    """Generalised least squares: errors with a known covariance, up to a factor.

    Parameters
    ----------
    endog : (n,) array_like
    exog : (n, p) array_like with its constant; see ``add_constant``
    sigma : (n, n) or (n,) array_like or float, optional
        The covariance of the errors, or its diagonal; the identity without it.
    missing : "none" or "raise"
    hasconst : bool, optional

    Raises
    ------
    InvalidParameterError
        For a sigma of another size, or one that is not positive definite.
    """

    def __init__(
        self, endog: ArrayLike, exog: ArrayLike | None, sigma: ArrayLike | None = None, missing: str = "none",
        hasconst: bool | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        if missing == "drop" and np.ndim(sigma) > 0:
            raise InvalidParameterError("missing='drop' beside sigma: leave the rows out of endog, exog and sigma")
        super().__init__(endog, exog, missing, hasconst, **kwargs)
        self.sigma = None if sigma is None else numeric(sigma, "sigma")
        self._set_root()

    def _set_root(self):
        """The Cholesky factor of sigma, or the roots of its diagonal."""
        n = self.nobs
        if self.sigma is None or self.sigma.ndim < 2:
            values = np.ones(n) if self.sigma is None else self.sigma
            values = np.broadcast_to(values, n) if values.ndim == 0 else values
            if values.shape != (n,) or not (values > 0.0).all():
                raise InvalidParameterError(f"sigma must be {n} positive variances, or an ({n}, {n}) matrix")
            self.root, self.log_root = np.sqrt(values), 0.5 * float(np.log(values).sum())
            return
        if self.sigma.shape != (n, n):
            raise InvalidParameterError(f"sigma has shape {self.sigma.shape}, endog {n} rows")
        try:
            self.root = np.linalg.cholesky(self.sigma)
        except np.linalg.LinAlgError:
            raise InvalidParameterError("sigma is not positive definite") from None
        self.log_root = float(np.log(np.diagonal(self.root)).sum())

    def whiten(self, values: Any) -> Any:
        """L^-1 values for rows (n,) or (n, k), sigma = L L'."""
        values = np.asarray(values, dtype=float)
        if self.root.ndim == 1:
            return values / (self.root if values.ndim == 1 else self.root[:, None])
        from scipy.linalg import solve_triangular

        return solve_triangular(self.root, values, lower=True)


class WLS(GLS):
    """Weighted least squares: the variance of a row is the scale over its weight.

    Parameters
    ----------
    endog : (n,) array_like
    exog : (n, p) array_like with its constant; see ``add_constant``
    weights : (n,) array_like or float
        Positive.
    missing : "none", "drop" or "raise"
    hasconst : bool, optional

    Raises
    ------
    InvalidParameterError
    """

    extras = ("weights",)

    def __init__(
        self, endog: ArrayLike, exog: ArrayLike | None, weights: ArrayLike = 1.0, missing: str = "none",
        hasconst: bool | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        given = None if np.ndim(weights) == 0 else weights
        OLS.__init__(self, endog, exog, missing, hasconst, weights=given, **kwargs)
        found = self.data.extras["weights"]
        self.weights = np.broadcast_to(float(weights), self.nobs) if found is None else found
        bad = ~((self.weights > 0.0) & np.isfinite(self.weights))
        if bad.any():
            raise InvalidParameterError(f"weights must be positive and finite: row {int(np.argmax(bad))} is not")
        self.sigma = 1.0 / self.weights
        self._set_root()


class GLSAR(GLS):
    """Least squares with errors of an autoregression: whitened rows are differences from ``rho`` times earlier rows.

    The first ``order`` rows only serve as earlier ones; ``nobs`` counts the others.

    Parameters
    ----------
    endog : (n,) array_like, in the order of time
    exog : (n, p) array_like with its constant, optional
        A constant alone without it.
    rho : int or (order,) array_like
        The order, whose coefficients begin at zero and ``iterative_fit`` estimates; or the coefficients.
    missing : "none", "drop" or "raise"
    hasconst : bool, optional

    Raises
    ------
    InvalidParameterError
        For an order that is negative or leaves no rows.
    """

    rho: Any

    def __init__(
        self, endog: ArrayLike, exog: ArrayLike | None = None, rho: int | ArrayLike = 1, missing: str = "none",
        hasconst: bool | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        whole = isinstance(rho, (int, np.integer))
        self.rho = np.zeros(max(int(rho), 0)) if whole else np.atleast_1d(np.squeeze(numeric(rho, "rho")))
        self.order = int(rho) if whole else len(self.rho)
        exog = np.ones((len(endog), 1)) if exog is None else exog
        super().__init__(endog, exog, None, missing, hasconst, **kwargs)
        if self.rho.ndim != 1 or not 0 <= self.order < len(self.endog) - 1:
            raise InvalidParameterError(f"rho must be an order, or its coefficients, below the {len(self.endog)} rows")
        self.nobs = self.wnobs = len(self.endog) - self.order

    def whiten(self, values: Any) -> Any:
        """Rows (n,) or (n, k) less rho times the rows before them: (n - order,) or (n - order, k)."""
        values = np.asarray(values, dtype=float)
        out = values[self.order :].copy()
        for lag, rho in enumerate(self.rho, start=1):
            out -= rho * values[self.order - lag : len(values) - lag]
        return out

    def loglike_of(self, ssr: Any, scale: Any = None) -> Any:
        """The log-likelihood of the rows after the first ones at a sum of whitened squares."""
        scale = ssr / self.nobs if scale is None else scale
        return -0.5 * (self.nobs * np.log(2.0 * np.pi * scale) + ssr / scale)

    def iterative_fit(self, maxiter: int = 3, rtol: float = 1e-4, **kwargs: Any) -> Any:
        """Fit, and estimate rho from the residuals by the Yule-Walker equations, in turn (Cochrane and Orcutt 1949).

        Parameters
        ----------
        maxiter : int
            The fits, the last of which is returned.
        rtol : float
            Fits end where no coefficient changes by more than this share of it.
        **kwargs
            As for ``fit``, of the last fit.

        Returns
        -------
        OLSResults
            With ``history`` (dict of "params" and "rho"), ``iter`` and ``converged``.
        """
        history: dict[str, list[Any]] = {"params": [], "rho": [self.rho]}
        converged, done = False, 0
        while done < maxiter - 1 and not converged:
            found = self.fit()
            history["params"].append(found.params)
            done += 1
            if done > 1:
                last, new = (np.asarray(each) for each in history["params"][-2:])
                converged = bool(np.max(np.abs(last - new) / np.abs(last)) < rtol)
            if not converged:
                self._set_rho(yule_walker(np.asarray(found.resid), self.order))
                history["rho"].append(self.rho)
        results = self.fit(**kwargs)
        if not converged:
            history["params"].append(results.params)
        results.history, results.iter, results.converged = history, done + (not converged), converged
        return results

    def _set_rho(self, rho):
        """Whiten by other coefficients from now on."""
        self.rho = rho
        for name in ("wexog", "wendog", "rank"):
            self.__dict__.pop(name, None)


def yule_walker(x: Any, order: Any) -> Any:
    """The coefficients (order,) of an autoregression of x (n,) about its mean, by adjusted autocovariances."""
    from scipy.linalg import solve_toeplitz

    x, n = x - x.mean(), len(x)
    covariances = [x @ x / n, *(x[:-lag] @ x[lag:] / (n - lag) for lag in range(1, order + 1))]
    return solve_toeplitz(covariances[:-1], covariances[1:]) if order else np.zeros(0)
