"""The base of all estimators: they check rows, keep a result, and predict from it."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted, validate_data

from ..errors import FastGLMWarning, InvalidParameterError
from ..fitting.entry import fit
from ..inference.multinomial import with_reference
from ..kernels.evaluate import evaluate
from ..rows.family_link import family_and_link
from ..rows.numbers import vector
from ..rows.response import ONE_PREDICTOR
from ..special import log_softmax

if TYPE_CHECKING:
    from typing_extensions import Self

    from ..core.records import Array, ArrayLike, Labels
    from ..result.record import GLMResult
    from ..types import Rows


OF_RIDGES = ("bayesian", "frequentist")  # covariances that a penalised fit may have


class GLMEstimator(BaseEstimator):
    """A fit behind scikit-learn's interface.

    A subclass has the parameters ``link``, ``fit_intercept``, ``solver`` and ``cov``.
    """

    bias_reduction = None

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def __sklearn_is_fitted__(self) -> Any:
        return hasattr(self, "_result")

    @property
    def result_(self) -> GLMResult:
        """The fit with its full inference: a ``fastglm.GLMResult``, of several classes a ``MultinomialResult``."""
        check_is_fitted(self)
        return self._result

    @property
    def n_iter_(self) -> int:
        """Iterations of the solver; batches after ``partial_fit``."""
        return self.result_.n_iter

    @property
    def _coefficients(self):
        """The intercept, which may be zero, and the other coefficients; aliased ones are zero."""
        result = self.result_
        full = result.coef_raw if result.penalty is not None else None
        full = np.nan_to_num(getattr(result, "coef_full", result.params)) if full is None else full
        return (full[0], full[1:]) if result.intercept else (np.zeros(full.shape[1:]), full)

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> Labels:
        """The names of the columns of X, in the order of ``coef_``.

        Parameters
        ----------
        input_features : (p,) array_like of str, optional
            Must be those of the fit, if that had any.

        Returns
        -------
        (p,) array of str
        """
        check_is_fitted(self)
        return self._names(input_features)

    def _names(self, given=None):
        """The names of the columns of X; x0, x1, ... where it had none."""
        return _check_feature_names_in(self, given)

    def _rows(self, X, *y, reset=False, **checks):
        """X, or X and y, as arrays; ``reset`` takes down the number of columns and their names."""
        return validate_data(self, X, *y, reset=reset, accept_sparse="csr", **checks)

    def _fit(self, X, y, family, weights, **shift):
        """Fit checked rows."""
        solver, cov = self._options(X, family)
        penalty = self._penalty_record(X, weights)
        if penalty is not None and cov not in OF_RIDGES:
            cov = None
        return fit(
            X, y, family=family, link=self._link(), intercept=self.fit_intercept, weights=weights, solver=solver,
            cov=cov, penalty=penalty, names=self._names(), bias_reduction=self.bias_reduction, **shift,
        )  # fmt: skip

    def _link(self):
        """The link, or its name; None for the family's default."""
        return self.link

    def _penalty_record(self, X, weights):
        """The penalty as a record of ``fastglm.penalties``, None without one."""
        return None

    def _options(self, X, family):
        """The solver and the kind of covariance for these rows."""
        return self.solver, self.cov


class Regressor(RegressorMixin, GLMEstimator):
    """A model of one mean a row; a subclass has the parameter ``family``."""

    @property
    def _estimates(self) -> bool:
        """Whether a fit estimates a parameter of the family that is not given: theta, or the power."""
        return False

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        try:
            tags.target_tags.positive_only = self._family().domain.low >= 0.0
        except InvalidParameterError:
            pass  # whoever fits will be told
        return tags

    def _family(self):
        """The value of ``family``.

        Raises
        ------
        InvalidParameterError
            If there is none, or it is that of classes.
        """
        family, _ = family_and_link(self.family, self._link(), self._estimates)
        if family.response_model == "softmax":
            raise InvalidParameterError("family='multinomial' is for classes: use a classifier")
        return family

    def fit(
        self, X: Rows, y: ArrayLike, sample_weight: ArrayLike | None = None, offset: ArrayLike | None = None,
        exposure: ArrayLike | None = None,
    ) -> Self:  # fmt: skip
        """Fit the model.

        Parameters
        ----------
        X : (n, p) array_like, data frame or scipy sparse matrix
        y : (n,) array_like
        sample_weight : (n,) array_like, optional
            Prior weights: var(y_i) = scale V(mu_i) / weight_i. The coefficients are those of rows repeated as often;
            the standard errors count n observations, not their sum. A row of weight zero is as if it were not there.
        offset : (n,) array_like, optional
            Added to the linear predictor.
        exposure : (n,) array_like, optional
            Positive; its logarithm is added to the linear predictor (log link only).

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For input that cannot be used, most as ``fastglm.errors.InvalidParameterError``.
        """
        family = self._family()
        X, y = self._rows(X, y, reset=True, y_numeric=True)
        weights = checked_weights(sample_weight, X)
        self._result = self._fit(X, y, family, weights, offset=offset, exposure=exposure)
        return self

    @property
    def coef_(self) -> Array:
        """(p,) array; aliased coefficients are zero here, and NaN in ``result_.params``."""
        return self._coefficients[1]

    @property
    def intercept_(self) -> float:
        """float, zero without an intercept."""
        return float(self._coefficients[0])

    def predict(self, X: Rows, offset: ArrayLike | None = None, exposure: ArrayLike | None = None) -> Array:
        """The means of new rows.

        Parameters
        ----------
        X : (n, p) array_like, data frame or scipy sparse matrix
        offset, exposure : scalar or (n,) array_like
            One is needed if the model was fitted with one.

        Returns
        -------
        (n,) array
        """
        result = self.result_
        return result.predict(self._rows(X), offset=offset, exposure=exposure)

    def score(
        self, X: Rows, y: ArrayLike, sample_weight: ArrayLike | None = None, offset: ArrayLike | None = None,
        exposure: ArrayLike | None = None,
    ) -> float:  # fmt: skip
        """D2, the fraction of the deviance that the model explains: R2 for the gaussian.

        Parameters
        ----------
        X : (n, p) array_like, data frame or scipy sparse matrix
        y : (n,) array_like
        sample_weight, offset, exposure
            As for ``fit``.

        Returns
        -------
        float
            1 - deviance / null deviance, the null model being a constant fitted to these rows, with their offsets; at
            most 1, negative where the constant is better, NaN where that fits perfectly.

        References
        ----------
        Hastie, T., Tibshirani, R. and Wainwright, M. (2015), Statistical Learning with Sparsity, (3.11).
        """
        result = self.result_
        X, y = self._rows(X, y, y_numeric=True)
        weights = checked_weights(sample_weight, X)
        shift = dict(offset=offset, exposure=exposure)
        residuals = result.residuals(X, y, weights=1.0 if weights is None else weights, **shift)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FastGLMWarning)  # of a constant that fits perfectly
            constant = fit(
                np.empty((len(y), 0)), y, family=result.family, link=result.link, weights=weights, cov=None, **shift
            )  # fmt: skip
        null = constant.null_deviance
        return 1.0 - float(residuals @ residuals) / null if null > 0.0 else np.nan


class Classifier(ClassifierMixin, GLMEstimator):
    """A model of the probabilities of classes: binomial for two, softmax for more."""

    classes_: Labels

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        try:
            self._family(range(3))
        except InvalidParameterError:
            tags.classifier_tags.multi_class = False
        return tags

    def _family(self, classes):
        """The family of so many classes.

        Raises
        ------
        InvalidParameterError
            For one class, or a link of two with more.
        """
        if len(classes) < 2:
            raise InvalidParameterError(
                f"y has one class only, {classes[0]!r}; a classifier needs at least two classes"
            )
        family = "binomial" if len(classes) == 2 else "multinomial"
        try:
            return family_and_link(family, self._link())[0]
        except InvalidParameterError as error:
            if len(classes) == 2:
                raise
            raise InvalidParameterError(f"Only binary classification is supported: {error}") from None

    def fit(
        self, X: Rows, y: ArrayLike, sample_weight: ArrayLike | None = None, offset: ArrayLike | None = None
    ) -> Self:
        """Fit the model.

        Parameters
        ----------
        X : (n, p) array_like, data frame or scipy sparse matrix
        y : (n,) array_like of labels
        sample_weight : (n,) array_like, optional
            Numbers of trials: coefficients and standard errors are those of rows repeated as often. A row of weight
            zero is as if it were not there, and its label makes no class.
        offset : (n,) array_like, optional
            Added to the linear predictor of two classes.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For input that cannot be used, most as ``fastglm.errors.InvalidParameterError``.
        """
        X, y = self._rows(X, y, reset=True)
        check_classification_targets(y)
        weights = checked_weights(sample_weight, X)
        classes = np.unique(y if weights is None else y[weights > 0])
        family = self._family(classes)
        self.classes_ = classes
        y = y if family.response_model == "softmax" else (y == self.classes_[1]).view(np.uint8)
        result = self._fit(X, y, family, weights, offset=offset)
        self._result = replace(result, classes=tuple(self.classes_.tolist()))
        return self

    @property
    def coef_(self) -> Array:
        """(1, p) array, or (K, p) of K > 2 classes, whose sum is zero; aliased coefficients are zero."""
        return np.atleast_2d(self._coefficients[1].T)

    @property
    def intercept_(self) -> Array:
        """(1,) array, or (K,) of K > 2 classes; zero without an intercept."""
        return np.atleast_1d(self._coefficients[0])

    def _predictor(self, X, offset):
        """Linear predictors: (n,) of two classes, (n, K) of more, that of the reference being zero."""
        result = self.result_
        X = self._rows(X)
        if len(self.classes_) == 2:
            return result.predict(X, "link", offset=offset)
        if offset is not None:
            raise InvalidParameterError(ONE_PREDICTOR)
        return with_reference(result, result.predict(X, "link"))

    def decision_function(self, X: Rows, offset: ArrayLike | None = None) -> Array:
        """The distance of rows from the boundary between classes, on the scale of the link.

        Parameters
        ----------
        X : (n, p) array_like, data frame or scipy sparse matrix
        offset : scalar or (n,) array_like
            Needed if the model was fitted with one.

        Returns
        -------
        (n,) array
            Of two classes: positive where the second is the likelier. For the logit link the log odds.
        (n, K) array
            Of more: linear predictors that sum to zero.
        """
        eta = self._predictor(X, offset)
        if eta.ndim == 1:
            return eta - self.result_.link.link(0.5)
        return eta - eta.mean(axis=1, keepdims=True)

    def predict(self, X: Rows, offset: ArrayLike | None = None) -> Labels:
        """The likeliest class of each row, (n,); arguments as for ``decision_function``."""
        decision = self.decision_function(X, offset)
        return self.classes_[(decision > 0.0).astype(np.intp) if decision.ndim == 1 else decision.argmax(axis=1)]

    def predict_log_proba(self, X: Rows, offset: ArrayLike | None = None) -> Array:
        """Logarithms of ``predict_proba``, (n, K), with their digits where a probability rounds to 0 or 1."""
        eta = self._predictor(X, offset)
        if eta.ndim == 2:
            return log_softmax(eta)
        # a label's deviance is minus twice its log-probability
        family, link = self.result_.family, self.result_.link
        return np.column_stack([-0.5 * evaluate(family, link, eta, label).deviance for label in (0.0, 1.0)])

    def predict_proba(self, X: Rows, offset: ArrayLike | None = None) -> Array:
        """Probabilities of the classes, (n, K) in the order of ``classes_``; arguments as for ``decision_function``."""
        return np.exp(self.predict_log_proba(X, offset))


def checked_weights(sample_weight: Any, X: Any, *, all_zero: Any = False) -> Any:
    """Weights as (n,) numbers, or None.

    Raises
    ------
    InvalidParameterError
        For weights that are negative, not finite, not one a row, or unless ``all_zero`` all zero.
    """
    weights = vector(sample_weight, "sample_weight", X.shape[0])
    if weights is None:
        return None
    bad = ~(np.isfinite(weights) & (weights >= 0))
    if bad.any():
        row = int(np.argmax(bad))
        raise InvalidParameterError(f"sample_weight must be finite and not negative: {weights[row]} at row {row}")
    if not all_zero and not weights.any():
        raise InvalidParameterError("sample_weight is zero in every row: no observations are left")
    return weights
