"""Estimators whose fits are exact: by maximum likelihood, or with a penalty."""

from __future__ import annotations

from math import inf, isfinite
from typing import TYPE_CHECKING, Any

from ..errors import InvalidParameterError
from ..penalties import ElasticNet, Ridge
from .base import Classifier, Regressor

if TYPE_CHECKING:
    from ..types import Covariance, FamilyLike, LinkLike, SolverLike


def net(alpha: float, l1_ratio: float, positive: bool = False) -> Ridge | ElasticNet | None:
    """The record of scikit-learn's penalty: alpha ((1 - l1_ratio) / 2 |b|^2 + l1_ratio |b|_1), b as X has it.

    Raises
    ------
    InvalidParameterError
        For numbers out of range.
    """
    check_l1_ratio(l1_ratio)
    if isinstance(alpha, str) or not (isfinite(alpha) and alpha >= 0.0):
        raise InvalidParameterError(f"alpha={alpha!r} must be finite and not negative")
    if alpha == 0.0 and not positive:
        return None
    if l1_ratio == 0.0 and not positive:
        return Ridge(float(alpha), scale=False)
    return ElasticNet(float(alpha), float(l1_ratio), lower=0.0 if positive else None, scale=False)


def check_l1_ratio(l1_ratio: Any) -> None:
    """Refuse what is not a number from 0 to 1.

    Raises
    ------
    InvalidParameterError
    """
    if isinstance(l1_ratio, str) or not 0.0 <= l1_ratio <= 1.0:
        raise InvalidParameterError(f"l1_ratio={l1_ratio!r} must be from 0 to 1")


def inverse_strength(C: float, total: float) -> float:
    """The alpha that ``C`` stands for, a factor of the summed loss of rows whose weights sum to ``total``.

    Raises
    ------
    InvalidParameterError
    """
    if isinstance(C, str) or not C > 0.0:
        raise InvalidParameterError(f"C={C!r} must be positive; infinity is no penalty")
    return 0.0 if C == inf else 1.0 / (C * total)


def total_weight(X: Any, weights: Any) -> float:
    """The sum of the weights, the number of rows without any."""
    return float(X.shape[0] if weights is None else weights.sum())


class GLMRegressor(Regressor):
    """A generalized linear model of any family, fitted exactly, with full inference where there is no penalty.

    Parameters
    ----------
    family : str or family
        A name or a value of ``fastglm.families``, such as "poisson", "gamma" or ``families.Tweedie(1.5)``. Without a
        penalty theta of "negative_binomial" and the power of "tweedie" are estimated, ``result_.shape``.
    link : str or link, optional
        A name or a value of ``fastglm.links``; the family's default without it.
    alpha : float
        The penalty alpha ((1 - l1_ratio) / 2 |b|^2 + l1_ratio |b|_1) of the coefficients, the intercept excepted, is
        added to the weighted mean of half the deviance: that of ``PoissonRegressor`` and of ``ElasticNet``.
    l1_ratio : float
        From 0, ridge, to 1, lasso.
    fit_intercept : bool
    solver : str or record of ``fastglm.solvers``
        As in ``fastglm.fit``.
    cov : "model", "robust", "bayesian", "frequentist" or None
        The covariance of the estimates, as in ``fastglm.fit``; of a penalised fit the last two are those of a ridge,
        and the others that of a fit without a penalty.
    bias_reduction : {"firth", "mean", "median", "mixed"}, optional
        As in ``fastglm.fit``, of fits without a penalty.

    Attributes
    ----------
    result_ : GLMResult
        The fit: standard errors, tests, intervals, ``summary()``, AIC.
    coef_ : (p,) array
    intercept_ : float
    n_iter_, n_features_in_ : int
    feature_names_in_ : (p,) array of str
        Where X had names.

    Examples
    --------
    >>> import numpy as np
    >>> from fastglm.sklearn import GLMRegressor
    >>> X = np.arange(6.0)[:, None]
    >>> model = GLMRegressor("poisson").fit(X, [1, 1, 2, 4, 6, 9])
    >>> model.coef_.round(3), model.result_.bse.round(3)
    (array([0.483]), array([0.592, 0.148]))
    >>> GLMRegressor("poisson", alpha=1.0).fit(X, [1, 1, 2, 4, 6, 9]).coef_.round(3)
    array([0.428])
    """

    def __init__(
        self, family: FamilyLike = "gaussian", link: LinkLike | None = None, *, alpha: float = 0.0,
        l1_ratio: float = 0.0, fit_intercept: bool = True, solver: SolverLike = "auto", cov: Covariance = "model",
        bias_reduction: str | None = None,
    ) -> None:  # fmt: skip
        self.family = family
        self.link = link
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.solver = solver
        self.cov = cov
        self.bias_reduction = bias_reduction

    @property
    def _estimates(self):
        return self.alpha == 0.0

    def _penalty_record(self, X, weights):
        return net(self.alpha, self.l1_ratio)


class GLMClassifier(Classifier):
    """Binomial regression of two classes, softmax regression of more, with full inference where there is no penalty.

    Parameters
    ----------
    link : str or link, optional
        Of two classes, a name or a value of ``fastglm.links`` such as "probit"; the logit without it. More classes
        have the softmax only.
    C : float
        As in ``LogisticRegression``: the penalty (1 - l1_ratio) / 2 |b|^2 + l1_ratio |b|_1 of the coefficients, those
        of all classes of more than two and no intercept, is added to C times the sum of half the deviance. Infinity
        is no penalty.
    l1_ratio : float
        From 0, ridge, to 1, lasso.
    fit_intercept : bool
    solver : str or record of ``fastglm.solvers``
        As in ``fastglm.fit``.
    cov : "model", "robust", "bayesian", "frequentist" or None
        The covariance of the estimates, as in ``fastglm.fit``; of a penalised fit the last two are those of a ridge,
        and the others that of a fit without a penalty.
    bias_reduction : {"firth", "mean", "median"}, optional
        As in ``fastglm.fit``, of fits without a penalty: finite estimates where classes are separated.

    Attributes
    ----------
    result_ : GLMResult or MultinomialResult
        The fit: standard errors, tests, intervals, ``summary()``, AIC. Of two classes, y counts as 1 where it is
        ``classes_[1]``.
    classes_ : (K,) array
    coef_ : (1, p) array, or (K, p) for K > 2
    intercept_ : (1,) array, or (K,) for K > 2
    n_iter_, n_features_in_ : int
    feature_names_in_ : (p,) array of str
        Where X had names.

    Examples
    --------
    >>> from fastglm.sklearn import GLMClassifier
    >>> X = [[2.0], [3.0], [5.0], [7.0], [11.0], [13.0]]
    >>> model = GLMClassifier().fit(X, ["no", "no", "yes", "no", "yes", "yes"])
    >>> model.coef_.round(3), model.predict([[4.0], [12.0]])
    (array([[0.552]]), array(['no', 'yes'], dtype='<U3'))
    """

    def __init__(
        self, link: LinkLike | None = None, *, C: float = inf, l1_ratio: float = 0.0, fit_intercept: bool = True,
        solver: SolverLike = "auto", cov: Covariance = "model", bias_reduction: str | None = None,
    ) -> None:  # fmt: skip
        self.link = link
        self.C = C
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.solver = solver
        self.cov = cov
        self.bias_reduction = bias_reduction

    def _penalty_record(self, X, weights):
        return net(inverse_strength(self.C, total_weight(X, weights)), self.l1_ratio)
