"""The record of a path of penalised fits. It holds no data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.lazy import frozen
from ..errors import InvalidParameterError
from .record import GLMResult

if TYPE_CHECKING:
    from ..core.records import Array
    from ..types import Rows

SAME = 1e-9  # relative difference of two lambdas that are one


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

    def __post_init__(self) -> None:
        for name in ("lambdas", "params", "certificate", "df", "deviance", "pearson_chi2", "llf", "converged"):
            object.__setattr__(self, name, frozen(np.asarray(getattr(self, name)).view()))

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
        rank = int(np.count_nonzero(params))
        raw = params if params.ndim == 2 else None
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
            penalty=first.penalty._replace(lam=float(self.lambdas[i])),
        )

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
