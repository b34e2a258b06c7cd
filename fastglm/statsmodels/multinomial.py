"""``MNLogit`` in statsmodels' spelling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.lazy import cached_property
from ..errors import InvalidParameterError
from ..fitting import entry
from ..inference import wald
from ..rows.numbers import numeric
from . import covariance
from .base_model import GradientFit, Model
from .data import is_pandas
from .margins import WithMargins
from .refusals import refuse
from .results import LikelihoodRatio, Results

if TYPE_CHECKING:
    from ..core.records import ArrayLike


class MNLogit(GradientFit, Model):
    """Softmax regression against the first class.

    Parameters
    ----------
    endog : (n,) array_like of labels, or (n, J) indicators
        Classes are in sorted order, or in that of a pandas Categorical.
    exog : (n, p) array_like with its constant; see ``add_constant``
    missing : "none", "drop" or "raise"

    Raises
    ------
    InvalidParameterError, MissingDataError
    """

    classes: Any

    def __init__(
        self, endog: ArrayLike, exog: ArrayLike | None, missing: str = "none", check_rank: bool = True, **kwargs: Any
    ) -> None:
        recipe = kwargs.pop("recipe", None)
        if set(kwargs) - {"hasconst"}:
            raise InvalidParameterError(f"MNLogit: unknown keywords {sorted(kwargs)}")
        codes, self.classes = _encode(endog)
        if is_pandas(endog):
            from pandas import Series

            name = endog.columns[0] if endog.ndim == 2 and endog.shape[1] == 1 else getattr(endog, "name", None)
            codes = Series(codes, index=endog.index, name="y" if name is None else name)
        super().__init__(codes, exog, missing, recipe)
        self.endog = self.endog.astype(int)
        self.J, self.K = len(self.classes), self.exog.shape[1]

    @property
    def _ynames_map(self):
        return dict(enumerate(self.classes))

    @property
    def df_model(self) -> Any:
        return float((self.rank - 1) * (self.J - 1))

    @property
    def df_resid(self) -> Any:
        return float(len(self.exog) - self.df_model - (self.J - 1))

    @cached_property
    def rank(self):
        """The rank of the design; the fit has it for nothing."""
        return int(np.linalg.matrix_rank(self.exog))

    @property
    def wendog(self) -> Any:
        """Indicators of the classes, (n, J)."""
        return np.eye(self.J)[self.endog]

    def predict(self, params: Any, exog: Any = None, which: Any = "mean") -> Any:
        """Predictions at coefficients (p, J - 1).

        Parameters
        ----------
        which : "mean" (probabilities), or "linear" (the linear predictors, that of the first class being zero)

        Returns
        -------
        (n, J) array
        """
        if which not in ("mean", "linear"):
            raise refuse(f"predict(which={which!r})", "there are 'mean' and 'linear'")
        eta = np.dot(self.exog if exog is None else exog, params)
        eta = np.column_stack([np.zeros(len(eta)), eta])
        if which == "linear":
            return eta
        odds = np.exp(eta - eta.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)

    def estimated(self, start: Any, cov_type: Any, cov_kwds: Any, use_t: Any) -> Any:
        """The results of a fit from a start (p (J - 1),), class after class."""
        if cov_type.lower() not in ("nonrobust", "hc0"):
            raise refuse(f"MNLogit.fit(cov_type={cov_type!r})", "there are 'nonrobust' and 'HC0'")
        kind = covariance.check_kind(cov_type, cov_kwds)
        start = None if start is None else np.reshape(start, (self.K, -1), order="F")
        fitted = entry.fit(
            self.exog,
            self.endog,
            family="multinomial",
            intercept=False,
            start=start,
            cov="model" if kind == "nonrobust" else "robust",
            names=[str(name) for name in self.exog_names],
        )
        if fitted.aliased:
            raise InvalidParameterError(f"exog is rank deficient: drop the columns {sorted(fitted.aliased)}")
        self.rank = fitted.rank // (self.J - 1)
        return MultinomialResults(
            self,
            fitted,
            fitted.params.copy(),
            fitted.cov_unscaled.copy(),
            scale=1.0,
            robust=fitted.covariance,
            cov_type=kind,
            cov_kwds=cov_kwds,
            use_t=use_t,
            method="MLE",
        )


class MultinomialResults(WithMargins, LikelihoodRatio, Results):
    """The results of ``MNLogit``: a row for each column of exog, a column for each class but the first."""

    model_title = "MNLogit Regression Results"

    @property
    def J(self) -> Any:
        return self.model.J

    @property
    def K(self) -> Any:
        return self.model.K

    def conf_int(self, alpha: Any = 0.05) -> Any:
        """Wald confidence intervals, (J - 1, p, 2); a DataFrame of limits by class and column for pandas objects."""
        limits = wald.conf_int(self._params, self._bse, 1.0 - alpha, self._test_df).transpose(1, 0, 2)
        if not self.model.data.pandas:
            return limits
        from pandas import DataFrame

        return DataFrame(limits.reshape(-1, 2), index=self._pairs(), columns=["lower", "upper"])

    @cached_property
    def llf(self):
        """The log-likelihood."""
        return self.fitted.llf

    @cached_property
    def llnull(self):
        """The log-likelihood of the classes' shares."""
        counts = np.bincount(self.model.endog, minlength=self.J)
        return float(np.sum(counts * np.log(counts / counts.sum())))

    @property
    def aic(self) -> float:
        """-2 llf + 2 (df_model + J - 1)."""
        return -2.0 * self.llf + 2.0 * (self.df_model + self.J - 1)

    @property
    def bic(self) -> float:
        """-2 llf + (df_model + J - 1) log(nobs)."""
        return -2.0 * self.llf + np.log(self.nobs) * (self.df_model + self.J - 1)

    @property
    def fittedvalues(self) -> Any:
        """The linear predictors, (n, J - 1)."""
        return self.model.data.rows(self.model.exog @ self._params)

    @property
    def resid_response(self) -> Any:
        """Indicators less probabilities, (n, J)."""
        return self.model.wendog - self.predict()

    @property
    def resid_misclassified(self) -> Any:
        """1 where the likeliest class is not the observed one, (n,)."""
        return self.model.data.rows((self.model.endog != self.predict().argmax(axis=1)).astype(float))

    def pred_table(self) -> Any:
        """Counts (J, J) of observed against likeliest classes."""
        cells = self.J * self.model.endog + self.predict().argmax(axis=1)
        return np.bincount(cells, minlength=self.J**2).reshape(self.J, self.J).astype(float)

    def get_prediction(self, *args: Any, **kwargs: Any) -> None:
        """Not there, as in statsmodels."""
        raise refuse("MNLogit get_prediction", "use fastglm.fit(..., family='multinomial').predict(X, interval='mean')")

    @property
    def coefficient_names(self) -> Any:
        return [f"{label}: {name}" for label in self._class_names[1:] for name in self.model.exog_names]

    def _constraint_names(self):
        return [f"y{label}_{name}" for label in self._class_names[1:] for name in self.model.exog_names]

    @property
    def _class_names(self):
        """The classes as text, whole numbers without a decimal point."""
        whole = [isinstance(label, float) and label.is_integer() for label in self.model.classes]
        return [str(int(c)) if w else str(c) for c, w in zip(self.model.classes, whole, strict=True)]

    def _layout(self, values):
        if not self.model.data.pandas:
            return values
        from pandas import DataFrame

        return DataFrame(values, index=self.model.exog_names)

    def _square(self, values):
        if not self.model.data.pandas:
            return values
        from pandas import DataFrame

        return DataFrame(values, index=self._pairs(), columns=self._pairs())

    def _pairs(self):
        from pandas import MultiIndex

        labels = self._class_names[1:]
        return MultiIndex.from_product([labels, self.model.exog_names], names=[self.model.endog_names, None])


def _encode(endog):
    """Numbers of the classes, (n,), and their labels in order."""
    if getattr(endog, "ndim", 1) == 2 and endog.shape[1] == 1:
        endog = endog.iloc[:, 0] if is_pandas(endog) else endog[:, 0]
    if is_pandas(endog) and str(endog.dtypes if endog.ndim == 1 else "") == "category":
        codes = endog.cat.codes.to_numpy()
        if (codes < 0).any():
            raise InvalidParameterError(f"endog has a missing value in row {int(np.argmax(codes < 0))}")
        return codes, [label for label in endog.cat.categories]
    values = np.asarray(endog)
    if values.ndim == 2:
        columns = list(endog.columns) if is_pandas(endog) else list(range(values.shape[1]))
        indicators = numeric(values, "endog")
        if not ((indicators == 0) | (indicators == 1)).all() or not (indicators.sum(axis=1) == 1).all():
            raise InvalidParameterError("endog has several columns, which must be indicators: a single 1 in each row")
        return indicators.argmax(axis=1), columns
    if values.dtype.kind == "f" and np.isnan(values).any():
        raise InvalidParameterError(f"endog has a missing value in row {int(np.argmax(np.isnan(values)))}")
    labels, codes = np.unique(values, return_inverse=True)
    return codes, labels.tolist()
