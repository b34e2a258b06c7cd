"""Predictions with standard errors and confidence intervals."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import InvalidParameterError
from ..inference import wald
from .observations import row_forms
from .refusals import Refusing, caution, refuse


class Prediction(Refusing):
    """Predictions of rows.

    Attributes
    ----------
    predicted, se : (n,) arrays
        Standard errors by the delta method where the prediction is not linear.
    linpred, linpred_se : (n,) arrays
        The linear predictors and their standard errors.
    row_labels : labels of the rows, or None
    df : degrees of freedom of Student's t, or None for the normal distribution
    """

    columns = ("predicted", "se", "ci_lower", "ci_upper")

    def __init__(
        self, predicted: Any, se: Any, linpred: Any, linpred_se: Any, inverse: Any, row_labels: Any, df: Any
    ) -> None:
        self.predicted, self.se, self.linpred, self.linpred_se = predicted, se, linpred, linpred_se
        self._eta = linpred
        self.row_labels, self.df, self._inverse = row_labels, df, inverse

    @property
    def var_pred(self) -> Any:
        """Variances of the predictions."""
        return self.se**2

    @property
    def tvalues(self) -> Any:
        """Predictions over their standard errors."""
        return self.predicted / self.se

    def conf_int(self, method: Any = "endpoint", alpha: Any = 0.05) -> Any:
        """Confidence intervals, (n, 2).

        Parameters
        ----------
        method : "endpoint" or "delta"
            The interval of the linear predictor carried over, its ends in that order whatever the link; or one of the
            prediction itself, which may leave the range of the mean.
        """
        if method not in ("endpoint", "delta"):
            raise InvalidParameterError(f"method={method!r} is unknown; known: 'endpoint', 'delta'")
        if method == "delta" or self._inverse is None:
            return wald.conf_int(self.predicted, self.se, 1.0 - alpha, self.df)
        return self._inverse(wald.conf_int(self._eta, self.linpred_se, 1.0 - alpha, self.df))

    def summary_frame(self, alpha: Any = 0.05) -> Any:
        """A DataFrame of predictions, standard errors and limits."""
        from pandas import DataFrame

        limits = self.conf_int(alpha=alpha)
        values = (self.predicted, self.se, limits[:, 0], limits[:, 1])
        return DataFrame(dict(zip(self.columns, values, strict=True)), index=self.row_labels)

    def t_test(self, value: Any = 0, alternative: Any = "two-sided") -> Any:
        """Tests that a prediction is `value`: statistics and p-values, (n,) each."""
        if alternative != "two-sided":
            raise refuse(f"t_test(alternative={alternative!r})", "'two-sided' is there")
        statistic = (self.predicted - value) / self.se
        return statistic, wald.p_values(statistic, self.df)


class MeanPrediction(Prediction):
    """Predictions of means under the names of the older interface: ``predicted_mean``, ``se_mean``.

    In the older interface ``linpred`` is a Prediction of the linear predictors.
    """

    columns = ("mean", "mean_se", "mean_ci_lower", "mean_ci_upper")

    @property
    def predicted_mean(self) -> Any:
        return self.predicted

    @property
    def se_mean(self) -> Any:
        return self.se

    @property
    def var_pred_mean(self) -> Any:
        return self.var_pred


def predict(
    results: Any,
    exog: Any,
    transform: Any,
    row_labels: Any,
    which: Any,
    older: Any,
    exposure: Any = None,
    offset: Any = None,
) -> Any:
    """Predictions of a model of one mean a row, "mean" or "linear", by the names of statsmodels' older interface or the
    newer.
    """
    if which not in ("mean", "linear"):
        raise refuse(f"get_prediction(which={which!r})", "there are 'mean' and 'linear'")
    model = results.model
    values, labels = model.prediction_design(exog, transform)
    if labels is None and values is None:
        labels = model.data.row_labels
    if values is None:
        values = model.exog
        if np.any(model.offset_total) and offset is None and exposure is None:
            caution("get_prediction leaves the offset and the exposure of the fit out, as in statsmodels; give them")
    eta = model.linear(results._params, values, exposure, offset)
    se = np.sqrt(row_forms(values, results._cov))
    labels = labels if row_labels is None else row_labels
    df = results.df_resid if results.use_t else None
    if which == "linear" or model.spec.link.power == 1.0:
        predicted, inverse, spread = eta, None, se
    else:
        predicted, inverse = model.mean(eta), _means(model)
        spread = se * np.abs(model.slope(eta))
    if not older:
        return Prediction(predicted, spread, eta, se, inverse, labels, df)
    linear = Prediction(eta, se, eta, se, None, labels, df)
    linear.predicted_mean, linear.se_mean = eta, se
    out = MeanPrediction(predicted, spread, eta, se, inverse, labels, df)
    out.linpred = linear
    return out


def _means(model):
    def inverse(eta):
        return model.mean(eta.ravel()).reshape(eta.shape)

    return inverse
