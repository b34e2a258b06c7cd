"""Influence of rows in statsmodels' spelling, of least squares and of generalized linear models."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.lazy import cached_property
from ..kernels.evaluate import mean_curve
from .observations import row_forms
from .refusals import Refusing


class Influence(Refusing):
    """What rows do to a fit, by formulas of one step (Belsley, Kuh and Welsch 1980; Williams 1987).

    Parameters
    ----------
    results : Results
    """

    def __init__(self, results: Any) -> None:
        self.results = results
        self._rows, self._slopes = results.model.data.rows, results.model.data.exog_names

    @property
    def nobs(self) -> int:
        """The number of rows."""
        return len(self._hat)

    @property
    def k_vars(self) -> int:
        """The number of coefficients."""
        return self.results._params.size

    @property
    def scale(self) -> Any:
        """The dispersion that residuals are divided by."""
        return self._scale

    @property
    def hat_matrix_diag(self) -> Any:
        """The leverages, (n,)."""
        return self._hat

    @cached_property
    def resid_studentized(self) -> Any:
        """Residuals over their standard errors, (n,)."""
        return self._resid / np.sqrt(self._scale * (1.0 - self._hat))

    @cached_property
    def cooks_distance(self) -> Any:
        """Cook's distances and their p-values by the F distribution, (n,) each."""
        from scipy.special import fdtrc

        k, h = self.results._params.size, self._hat
        distance = self.resid_studentized**2 * h / (1.0 - h) / k
        return distance, fdtrc(k, self.results.df_resid, distance)

    @cached_property
    def d_params(self) -> Any:
        """The change of each coefficient where a row is left out, in one step, (n, p)."""
        return self._moves * (self._resid / (1.0 - self._hat))[:, None]

    @property
    def dfbetas(self) -> Any:
        """``d_params`` over standard errors, (n, p)."""
        return self.d_params / np.sqrt(self._variances)[:, None] / np.sqrt(np.diagonal(self._normalized))

    @property
    def summary_columns(self) -> Any:
        """The columns of ``summary_frame`` behind the DFBETAS."""
        return {
            "cooks_d": self.cooks_distance[0], "standard_resid": self.resid_studentized,
            "hat_diag": self._hat, "dffits_internal": self.resid_studentized * np.sqrt(self._hat / (1.0 - self._hat)),
        }  # fmt: skip

    def summary_frame(self) -> Any:
        """A DataFrame with a row for each observation."""
        from pandas import DataFrame

        data = self.results.model.data
        betas = {f"dfb_{name}": column for name, column in zip(self._slopes, self.dfbetas.T, strict=True)}
        return DataFrame(betas | self.summary_columns, index=data.row_labels)


class OLSInfluence(Influence):
    """The influence of rows on ``OLS``, ``WLS`` and ``GLS``."""

    def __init__(self, results: Any) -> None:
        super().__init__(results)
        design = results.model.wexog
        self._normalized, self._resid, self._scale = (
            results._normalized,
            results._wresid,
            results.ssr / results.df_resid,
        )
        self._hat = row_forms(design, self._normalized)
        self._moves = design @ self._normalized

    @cached_property
    def sigma2_not_obsi(self) -> Any:
        """The residual variance without each row, (n,)."""
        left = self.results.ssr - self._resid**2 / (1.0 - self._hat)
        return left / (self.results.df_resid - 1.0)

    _variances = sigma2_not_obsi

    @property
    def resid(self) -> Any:
        """The residuals, of weighted rows where there are weights, (n,)."""
        return self._resid

    @property
    def resid_var(self) -> Any:
        """The variances of the residuals, (n,)."""
        return self._scale * (1.0 - self._hat)

    @property
    def resid_std(self) -> Any:
        """The standard errors of the residuals, (n,)."""
        return np.sqrt(self.resid_var)

    @property
    def resid_press(self) -> Any:
        """The residuals of rows that the fit left out (Allen 1974), (n,)."""
        return self._resid / (1.0 - self._hat)

    @property
    def ess_press(self) -> Any:
        """The sum of squares of ``resid_press``."""
        return self.resid_press @ self.resid_press

    @property
    def hat_diag_factor(self) -> Any:
        """h / (1 - h) of the leverages h, (n,)."""
        return self._hat / (1.0 - self._hat)

    @property
    def influence(self) -> Any:
        """The change of a row's own mean where it is left out, (n,)."""
        return self._resid * self.hat_diag_factor

    @property
    def dfbeta(self) -> Any:
        """``d_params``, which for least squares is exact."""
        return self.d_params

    @property
    def params_not_obsi(self) -> Any:
        """The coefficients without each row, (n, p)."""
        return self.results._params - self.d_params

    @property
    def resid_studentized_internal(self) -> Any:
        """``resid_studentized``."""
        return self.resid_studentized

    @cached_property
    def resid_studentized_external(self) -> Any:
        """Residuals over standard errors that leave the row out, (n,)."""
        return self._resid / np.sqrt(self.sigma2_not_obsi * (1.0 - self._hat))

    @property
    def dffits(self) -> Any:
        """The change of a row's own mean over its standard error, (n,), and the threshold 2 sqrt(p / n)."""
        threshold = 2.0 * np.sqrt(self.k_vars / self.nobs)
        return self.resid_studentized_external * np.sqrt(self.hat_diag_factor), threshold

    @property
    def dffits_internal(self) -> Any:
        """The same by standard errors of all rows."""
        return self.resid_studentized * np.sqrt(self.hat_diag_factor), self.dffits[1]

    @property
    def cov_ratio(self) -> Any:
        """The ratio of the determinants of covariances without and with each row, (n,)."""
        ratio = self.sigma2_not_obsi / self._scale
        return ratio**self.results._params.size / (1.0 - self._hat)

    @property
    def summary_columns(self) -> Any:
        return super().summary_columns | {
            "student_resid": self.resid_studentized_external, "dffits": self.dffits[0],
        }  # fmt: skip


class GLMInfluence(Influence):
    """The influence of rows on a ``GLM`` or a discrete model."""

    def __init__(self, results: Any) -> None:
        super().__init__(results)
        model = results.model
        information = model.row_information(results._eta, observed=False)
        self._normalized, self._scale = results._normalized, results.scale
        self._hat = results.get_hat_matrix_diag(observed=False)
        root = np.sqrt(information)
        scores = model.row_scores(results._eta)
        self._resid = np.divide(scores, root, out=np.zeros_like(scores), where=root > 0.0)
        self._moves = model.exog @ self._normalized * root[:, None]

    @property
    def _variances(self):
        return np.full(len(self._hat), self._scale)

    @property
    def d_linpred(self) -> Any:
        """The change of a row's own linear predictor where it is left out, in one step, (n,)."""
        return (self.results.model.exog * self.d_params).sum(1)

    @property
    def d_linpred_scaled(self) -> Any:
        """``d_linpred`` over the linear predictor's standard error, (n,)."""
        return self.d_linpred / np.sqrt(row_forms(self.results.model.exog, np.asarray(self.results.cov_params())))

    @property
    def d_fittedvalues(self) -> Any:
        """The change of a row's own mean where it is left out, in one step, (n,)."""
        spec = self.results.model.spec
        return mean_curve(spec.family, spec.link, np.ascontiguousarray(self.results._eta))[1] * self.d_linpred

    @property
    def d_fittedvalues_scaled(self) -> Any:
        """``d_fittedvalues`` over the mean's standard error, (n,)."""
        return self.d_linpred_scaled


class MLEInfluence(Influence):
    """The influence of rows on ``Logit``, ``Probit`` and ``Poisson``, by the scores and the observed information.

    The generalised leverages are those of Wei, Hu and Fung (1998), "Generalized leverage and its applications",
    Scandinavian Journal of Statistics 25.
    """

    def __init__(self, results: Any) -> None:
        super().__init__(results)
        model, params = results.model, results._params
        _, slope, _ = mean_curve(model.spec.family, model.spec.link, np.ascontiguousarray(results._eta))
        self._inverse = np.linalg.inv(-np.asarray(model.hessian(params)))
        self._scores, self._changes = np.asarray(model.score_obs(params)), model.exog * slope[:, None]
        # the change of a row's score with its response is slope / variance times the row
        self._hat = row_forms(model.exog, self._inverse) * slope**2 / results._detail.variance
        self._resid, self._scale = np.asarray(results.resid_pearson), 1.0

    @cached_property
    def d_params(self) -> Any:
        """The change of each coefficient where a row is left out, in one step, (n, p)."""
        rest = self._scores.sum(0) - self._scores
        return -rest @ self._inverse / (1.0 - self._hat)[:, None]

    @property
    def dfbetas(self) -> Any:
        """``d_params`` over standard errors, (n, p)."""
        return self.d_params / self.results._bse

    @property
    def params_one(self) -> Any:
        """The coefficients without each row, in one step, (n, p)."""
        return self.results._params - self.d_params

    @cached_property
    def cooks_distance(self) -> Any:
        """Cook's distances and their p-values by the F distribution, (n,) each."""
        from scipy.special import fdtrc

        k, moves = self.results._params.size, self.d_params
        distance = (moves * np.linalg.solve(np.asarray(self.results.cov_params()), moves.T).T).sum(1) / k
        return distance, fdtrc(k, self.results.df_resid, distance)

    @property
    def d_fittedvalues(self) -> Any:
        """The change of a row's own mean where it is left out, in one step, (n,)."""
        return (self._changes * self.d_params).sum(1)

    @property
    def d_fittedvalues_scaled(self) -> Any:
        """``d_fittedvalues`` over the standard errors of ``get_prediction``, which leave the exposure out, (n,)."""
        return self.d_fittedvalues / np.asarray(self.results.get_prediction().se)

    @property
    def summary_columns(self) -> Any:
        return super().summary_columns | {"dffits_internal": self.d_fittedvalues_scaled}
