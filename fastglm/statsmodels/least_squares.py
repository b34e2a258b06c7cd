"""``WLS`` and ``GLS`` in statsmodels' spelling: least squares of whitened rows."""

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

    def whiten(self, values):
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
