"""What the results of all models have in common: estimates with their names, tests, intervals, files."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.atomic import replacing
from ..core.lazy import cached_property
from ..inference import wald
from .contrasts import Contrast, linear_constraints
from .covariance import clusters_df
from .refusals import Refusing, refuse
from .summary import Summary

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike


class Estimates(Refusing):
    """Coefficients ``_params`` of a ``model``, and predictions at them."""

    def predict(self, exog: Any = None, transform: bool = True, *args: Any, **kwargs: Any) -> Any:
        """Predictions; the arguments after transform are those of the model's predict.

        Parameters
        ----------
        exog : (n, p) array_like, or for models from formulas a data frame of their columns, optional
            The rows of the fit without it. Columns are taken by position, not by name.
        transform : bool
            Whether a formula is applied to exog.

        Returns
        -------
        (n,) array, or a Series where exog has row labels
        """
        values, labels = self.model.prediction_design(exog, transform)
        out = self.model.predict(self._params, values, *args, **kwargs)
        if labels is None:
            return out
        from pandas import DataFrame, Series

        return Series(out, index=labels) if out.ndim == 1 else DataFrame(out, index=labels)


class Results(Estimates):
    """Estimates of a model, in statsmodels' layout: Series and DataFrames where the model was given pandas objects.

    Parameters
    ----------
    model : Model
    fitted : GLMResult
        The fit of this library, kept as ``fitted``.
    params : (p,) or (p, m) array, without NaN
    normalized : (q, q) array
        The covariance at scale one; class after class where params has several columns.
    scale : float
    robust : (q, q) array or None
        The covariance where it is not ``scale * normalized``.
    use_t : bool
        Student's t in place of the normal distribution.
    """

    def __init__(
        self,
        model: Any,
        fitted: Any,
        params: Any,
        normalized: Any,
        *,
        scale: Any,
        robust: Any,
        cov_type: Any,
        cov_kwds: Any,
        use_t: Any,
        method: Any,
        df_resid: Any = None,
    ) -> None:
        self.model, self.fitted, self.scale, self.use_t, self.method = model, fitted, scale, use_t, method
        self._params, self._normalized, self._robust = params, normalized, robust
        self.cov_type, self.cov_kwds = cov_type, dict(cov_kwds or {})
        self.converged = fitted.converged
        self.nobs, self.df_model = len(model.exog), model.df_model
        self.df_resid = model.df_resid if df_resid is None else df_resid
        self.df_resid_inference = clusters_df(cov_type, self.cov_kwds) or self.df_resid
        self.mle_retvals = {
            "converged": fitted.converged,
            "iterations": fitted.n_iter,
            "warnflag": not fitted.converged,
        }

    @property
    def _results(self):
        return self

    @property
    def _test_df(self):
        return self.df_resid_inference if self.use_t else None

    @property
    def _cov(self):
        return self.scale * self._normalized if self._robust is None else self._robust

    @cached_property
    def _bse(self):
        return np.sqrt(np.diagonal(self._cov)).reshape(self._params.shape, order="F")

    @property
    def _tvalues(self):
        with np.errstate(all="ignore"):
            return self._params / self._bse

    def _layout(self, values):
        """An array like the coefficients as it is shown: a Series or DataFrame for pandas objects."""
        return self.model.data.columns(values)

    def _square(self, values):
        """A covariance as it is shown."""
        return self.model.data.square(values)

    @property
    def params(self) -> Any:
        return self._layout(self._params.copy())

    @property
    def bse(self) -> Any:
        """Standard errors in the layout of params."""
        return self._layout(self._bse.copy())

    @property
    def tvalues(self) -> Any:
        """Estimates over their standard errors."""
        return self._layout(self._tvalues)

    @property
    def pvalues(self) -> Any:
        """Two-sided p-values of params = 0."""
        return self._layout(wald.p_values(self._tvalues, self._test_df))

    @property
    def normalized_cov_params(self) -> Any:
        """The covariance at scale one."""
        return self._square(self._normalized.copy())

    def conf_int(self, alpha: float = 0.05) -> Any:
        """Wald confidence intervals, (p, 2)."""
        return self.model.data.limits(wald.conf_int(self._params, self._bse, 1.0 - alpha, self._test_df))

    def cov_params(
        self, r_matrix: Any = None, column: Any = None, scale: float | None = None, cov_p: Any = None, other: Any = None
    ) -> Any:
        """The covariance of the coefficients, of some of them (column), or of linear combinations R b (r_matrix)."""
        if cov_p is None:
            cov_p = self._cov if scale is None or self._robust is not None else scale * self._normalized
        cov_p = np.asarray(cov_p)
        if column is not None:
            column = np.asarray(column)
            return cov_p[column, column] if column.ndim == 0 else cov_p[np.ix_(column, column)]
        if r_matrix is None:
            return self._square(cov_p.copy())
        R = np.asarray(r_matrix)
        return R @ cov_p @ (R if other is None else np.asarray(other)).T

    def t_test(self, r_matrix: Any, cov_p: Any = None, use_t: bool | None = None) -> Contrast:
        """Tests of linear combinations R b = q, one by one.

        Parameters
        ----------
        r_matrix : (k, p) or (p,) array, a pair (R, q), or text such as ``"x1 = x2, x3 = 1"``
        use_t : bool, optional
            That of the results without it.

        Returns
        -------
        Contrast
        """
        R, q = linear_constraints(r_matrix, self._constraint_names(), self._params.size)
        cov = self.cov_params(r_matrix=R, cov_p=cov_p)
        # one constraint has an array (1, 1), as in statsmodels
        sd = np.sqrt(cov) if len(R) == 1 else np.sqrt(np.diagonal(cov))
        use_t = self.use_t if use_t is None else use_t
        effect = R @ self._params.ravel(order="F")
        return Contrast.of_t(effect, q, sd, self.df_resid_inference, use_t)

    def wald_test(
        self,
        r_matrix: Any,
        cov_p: Any = None,
        invcov: Any = None,
        use_f: Any = None,
        df_constraints: Any = None,
        scalar: Any = True,
    ) -> Any:
        """Joint test of R b = q, by chi-square, or by F if use_f or the results' use_t says so; see ``t_test``."""
        R, q = linear_constraints(r_matrix, self._constraint_names(), self._params.size)
        gap = R @ self._params.ravel(order="F") - q
        rank = float(len(R))
        if invcov is None:
            cov = self.cov_params(r_matrix=R, cov_p=cov_p)
            invcov, rank = np.linalg.pinv(cov), float(np.linalg.matrix_rank(cov))
        rank = rank if df_constraints is None else df_constraints
        statistic = float(gap @ invcov @ gap)
        use_f = self.use_t if use_f is None else use_f
        return Contrast.of_wald(statistic if scalar else np.array([[statistic]]), rank, self.df_resid_inference, use_f)

    def wald_test_terms(
        self, skip_single: Any = False, extra_constraints: Any = None, combine_terms: Any = None, scalar: Any = True
    ) -> Any:
        """Joint Wald tests of the terms of the model, each column one without a formula: a ``table`` of statistic,
        p-value and number of constraints (DataFrame)."""
        from pandas import DataFrame

        if extra_constraints is not None or combine_terms is not None:
            raise refuse("wald_test_terms(extra_constraints=..., combine_terms=...)", "wald_test tests any constraints")
        p, recipe = self._params.size, self.model.recipe
        slices = {str(name): slice(j, j + 1) for j, name in enumerate(self._constraint_names())}
        slices = slices if recipe is None else dict(recipe.term_name_slices)
        rows = {}
        for term, columns in slices.items():
            R = np.eye(p)[columns]
            if not (skip_single and len(R) == 1):
                test = self.wald_test(R, scalar=True)
                rows[term] = test.statistic, float(test.pvalue), float(len(R))
        return WaldTerms(DataFrame.from_dict(rows, "index", columns=["statistic", "pvalue", "df_constraint"]))

    def f_test(self, r_matrix: Any, cov_p: Any = None, invcov: Any = None) -> Any:
        """Joint test of R b = q by the F distribution; see ``t_test``."""
        return self.wald_test(r_matrix, cov_p=cov_p, invcov=invcov, use_f=True)

    def _constraint_names(self):
        return self.model.exog_names

    def summary(
        self, yname: str | None = None, xname: Sequence[str] | None = None, title: str | None = None,
        alpha: float = 0.05,
    ) -> Any:  # fmt: skip
        """The fit as a table, with ``as_text()`` and ``as_html()``."""
        return Summary(self, yname, xname, title, alpha)

    summary2 = summary

    def remove_data(self) -> None:
        """Drop the rows: what was computed, tests and predictions for new rows stay."""
        self.summary()
        self.__dict__.pop("_detail", None)
        for owner in (self, self.model):
            for name in [name for name, value in owner.__dict__.items() if self._is_rows(value)]:
                setattr(owner, name, None)
        data = self.model.data
        data.endog = data.exog = data.row_labels = None
        data.extras = dict.fromkeys(data.extras)

    def _is_rows(self, value):
        kept = any(value is estimate for estimate in (self._params, self._normalized, self._robust))
        return isinstance(value, np.ndarray) and value.ndim > 0 and len(value) == self.nobs and not kept

    def save(self, fname: Any, remove_data: Any = False) -> None:
        """Write the results, a pickle; ``fastglm.statsmodels.load`` reads them."""
        if remove_data:
            self.remove_data()
        if hasattr(fname, "write"):
            pickle.dump(self, fname)
            return
        with replacing(fname, "xb") as file:
            pickle.dump(self, file)


def load(fname: str | PathLike[str]) -> Results:
    """Read results that were saved; like every pickle, only from those you trust."""
    if hasattr(fname, "read"):
        return pickle.load(fname)
    with open(fname, "rb") as file:
        return pickle.load(file)


class WaldTerms(Refusing):
    """Joint tests of terms, in ``table`` (DataFrame)."""

    def __init__(self, table: Any) -> None:
        self.table = table
        self.statistic, self.pvalues, self.df_constraints = (table[name].to_numpy() for name in table)

    def summary_frame(self) -> Any:
        """The table."""
        return self.table

    def __str__(self) -> str:
        return str(self.table)

    __repr__ = __str__


class LikelihoodRatio:
    """The comparison of a fit with its null model, a constant only or the shares of the classes, by likelihood."""

    @property
    def prsquared(self) -> float:
        """McFadden's R-squared, 1 - llf / llnull."""
        return 1.0 - self.llf / self.llnull

    @property
    def llr(self) -> float:
        """The likelihood-ratio statistic against the null model."""
        return 2.0 * (self.llf - self.llnull)

    @property
    def llr_pvalue(self) -> float:
        """The p-value of ``llr`` by chi-square on df_model."""
        from scipy.special import chdtrc

        return float(chdtrc(self.df_model, self.llr))

    def summary_facts(self) -> Any:
        """Pairs of label and number for the summary."""
        return [
            ("Log-Likelihood", self.llf),
            ("LL-Null", self.llnull),
            ("Pseudo R-squ.", self.prsquared),
            ("LLR p-value", self.llr_pvalue),
        ]
