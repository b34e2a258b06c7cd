"""``Logit``, ``Probit`` and ``Poisson`` in statsmodels' spelling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import families, links
from ..core.lazy import cached_property
from ..errors import InvalidParameterError
from . import covariance
from .base_model import GradientFit, LikelihoodModel
from .constrained import ConstrainedFit
from .glm_results import LinkResults
from .influence import MLEInfluence
from .refusals import refuse
from .regularized import LassoFit
from .results import LikelihoodRatio
from .translate import Spec

if TYPE_CHECKING:
    from ..core.records import ArrayLike


class DiscreteModel(LassoFit, GradientFit, LikelihoodModel):
    """A binary or count model; a subclass names its ``spec``, its results and the predictions it has.

    Parameters
    ----------
    endog : (n,) array_like
    exog : (n, p) array_like with its constant; see ``add_constant``
    offset : (n,) array_like, optional
    exposure : (n,) array_like, optional
        Of ``Poisson`` only; its logarithm is added to the linear predictor.
    missing : "none", "drop" or "raise"
    check_rank : bool
        Whether df_model counts independent columns, or all of them.

    Raises
    ------
    InvalidParameterError, MissingDataError
    """

    predictions = ("mean", "linear", "var")

    def __init__(
        self, endog: ArrayLike, exog: ArrayLike | None, offset: ArrayLike | None = None,
        exposure: ArrayLike | None = None, missing: str = "none", check_rank: bool = True, **kwargs: Any,
    ) -> None:  # fmt: skip
        recipe = kwargs.pop("recipe", None)
        given = {"offset": offset} | ({"exposure": exposure} if "exposure" in self.extras else {})
        unknown = [*kwargs, *(["exposure"] if exposure is not None and "exposure" not in self.extras else [])]
        if set(unknown) - {"hasconst"}:
            raise InvalidParameterError(f"{type(self).__name__}: unknown keywords {unknown}")
        super().__init__(endog, exog, missing, recipe, **given)
        if self.endog.ndim != 1:
            raise InvalidParameterError(f"endog must be one column, not of shape {self.endog.shape}")
        self.endog = np.asarray(self.endog, dtype=float)
        self.check_response()
        self.set_offsets()
        self.wnobs, self.check_rank = len(self.exog), check_rank
        self.freq_weights = self.var_weights = self.n_trials = np.broadcast_to(1.0, self.wnobs)
        self.has_frequencies = self.has_weights = False

    def check_response(self) -> None:
        """Refuse a response that the model does not have."""

    @property
    def df_model(self) -> Any:
        """The rank less one, whether there is a constant or not."""
        return float((self.rank if self.check_rank else self.exog.shape[1]) - 1)

    @property
    def df_resid(self) -> Any:
        """Rows less the rank."""
        return self.wnobs - self.df_model - 1.0

    def predict(
        self, params: Any, exog: Any = None, exposure: Any = None, offset: Any = None, which: Any = "mean"
    ) -> Any:
        """Predictions at coefficients, (n,): "mean", "linear", or "var", the variance of the response.

        The offset and the exposure of the fit are used where no exog is given, else none but those given.
        """
        if which not in self.predictions:
            raise refuse(f"predict(which={which!r})", f"there are {', '.join(map(repr, self.predictions))}")
        eta = self.linear(params, exog, exposure, offset)
        if which == "linear":
            return eta
        return self.mean(eta) if which == "mean" else self.variance(eta)

    def estimated(self, start: Any, cov_type: Any, cov_kwds: Any, use_t: Any) -> Any:
        """The results of a fit from a start, with the inverse of the observed information."""
        kind = covariance.check_kind(cov_type, cov_kwds)
        estimates, how = self.estimate(start, kind, cov_kwds)
        return self.results(*estimates, scale=1.0, use_t=use_t, method="MLE", **how)


class DiscreteResults(LikelihoodRatio, LinkResults):
    """The results of a discrete model, under statsmodels' names and by its conventions."""

    @property
    def model_title(self) -> Any:
        return f"{type(self.model).__name__} Regression Results"

    @property
    def fittedvalues(self) -> Any:
        """The linear predictors without the offset."""
        return self.model.data.rows(self.model.exog @ self._params)

    @cached_property
    def llf(self):
        """The log-likelihood."""
        return self.model.loglike_deviance(self.deviance, 1.0)

    @property
    def aic(self) -> float:
        """-2 llf + 2 (df_model + 1)."""
        return self.info_criteria("aic")

    @property
    def bic(self) -> float:
        """-2 llf + (df_model + 1) log(nobs)."""
        return -2.0 * self.llf + np.log(self.nobs) * (self.df_model + 1.0)

    def info_criteria(self, crit: Any, dk_params: Any = 0) -> Any:
        """The criterion "aic" or "bic" with `dk_params` parameters more than coefficients."""
        k = self.df_model + 1.0 + dk_params
        crit = crit.lower()
        if crit == "aic":
            return -2.0 * self.llf + 2.0 * k
        if crit == "bic":
            return -2.0 * self.llf + k * np.log(self.df_model + self.df_resid + 1.0)
        raise refuse(f"info_criteria({crit!r})", "there are 'aic' and 'bic'")

    def get_prediction(
        self,
        exog: Any = None,
        transform: Any = True,
        which: Any = "mean",
        linear: Any = None,
        row_labels: Any = None,
        average: Any = False,
        agg_weights: Any = None,
        y_values: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Predictions with standard errors and intervals; see ``GLMResults.get_prediction``."""
        if linear is not None or y_values is not None:
            raise refuse("get_prediction(linear=..., y_values=...)", "which='linear' is there")
        return super().get_prediction(
            exog,
            transform=transform,
            which=which,
            average=average,
            agg_weights=agg_weights,
            row_labels=row_labels,
            **kwargs,
        )

    @property
    def resid_response(self) -> Any:
        """y - mu."""
        return self._rows(self.model.endog - self.mu)

    @property
    def resid_pearson(self) -> Any:
        """(y - mu) over the standard deviation of y."""
        return self._rows((self.model.endog - self.mu) / np.sqrt(self._detail.variance))

    def _rows(self, values):
        return values


class OneMeanResults(DiscreteResults):
    """The results of a discrete model whose coefficients are all of the mean."""

    def get_influence(self) -> Any:
        """Influence of the rows in one step, with ``summary_frame()``; see ``MLEInfluence``."""
        return MLEInfluence(self)


class BinaryResults(OneMeanResults):
    """The results of ``Logit`` and ``Probit``."""

    @property
    def resid_dev(self) -> Any:
        """The signed root of each row's deviance."""
        return self._rows(np.sign(self.model.endog - self.mu) * np.sqrt(np.maximum(self._detail.deviance, 0.0)))

    @property
    def resid_generalized(self) -> Any:
        """The derivative of each row's log-likelihood in its linear predictor."""
        return self._rows(self._detail.score)

    def pred_table(self, threshold: Any = 0.5) -> Any:
        """Counts (2, 2) of observed against predicted values."""
        cells = 2 * (self.model.endog > 0.5) + (self.mu > threshold)
        return np.bincount(cells.astype(int), minlength=4).reshape(2, 2).astype(float)

    def _rows(self, values):
        return self.model.data.rows(values)


class CountResults(OneMeanResults):
    """The results of ``Poisson``."""

    @property
    def resid(self) -> Any:
        """y - mu."""
        return self.model.data.rows(self.model.endog - self.mu)


class BinaryModel(ConstrainedFit, DiscreteModel):
    """A model of 0 and 1."""

    extras = ("offset",)
    results = BinaryResults

    def check_response(self) -> None:
        bad = (self.endog != 0.0) & (self.endog != 1.0)
        if bad.any():
            row = int(np.argmax(bad))
            raise InvalidParameterError(
                f"endog must be 0 or 1, not {self.endog[row]} as in row {row}; "
                "GLM with families.Binomial() fits proportions"
            )

    def cdf(self, X: Any) -> Any:
        """The probability of a one at linear predictors, of their shape."""
        return self.mean(np.asarray(X, dtype=float))

    def pdf(self, X: Any) -> Any:
        """The derivative of ``cdf``, of its shape."""
        return self.slope(np.asarray(X, dtype=float))

    def predict(self, params: Any, exog: Any = None, which: Any = "mean", offset: Any = None) -> Any:
        """Predictions at coefficients, (n,): "mean", "linear", or "var", the variance of the response."""
        return super().predict(params, exog, None, offset, which)


class Logit(BinaryModel):
    """Logistic regression of 0 and 1; the parameters are those of ``DiscreteModel`` without the exposure."""

    spec = Spec(families.Binomial(), links.Logit())


class Probit(BinaryModel):
    """Probit regression, with the arguments of ``Logit``; standard errors come from the observed information."""

    spec = Spec(families.Binomial(), links.Probit())


class Poisson(ConstrainedFit, DiscreteModel):
    """Poisson regression with the log link, with the parameters of ``DiscreteModel``."""

    extras = ("offset", "exposure")
    results = CountResults
    spec = Spec(families.Poisson(), links.Log())
