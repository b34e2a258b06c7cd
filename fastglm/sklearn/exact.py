"""Estimators that fit by maximum likelihood, to the last digits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .base import Classifier, Regressor

if TYPE_CHECKING:
    from ..types import Covariance, FamilyLike, LinkLike, SolverLike


class GLMRegressor(Regressor):
    """A generalized linear model of any family, fitted exactly, with full inference.

    Parameters
    ----------
    family : str or family
        A name or a value of ``fastglm.families``, such as "poisson", "gamma" or ``families.Tweedie(1.5)``.
    link : str or link, optional
        A name or a value of ``fastglm.links``; the family's default without it.
    fit_intercept : bool
    solver : str or record of ``fastglm.solvers``
        As in ``fastglm.fit``.
    cov : "model", "robust" or None
        The covariance of the estimates, as in ``fastglm.fit``.

    Attributes
    ----------
    result_ : GLMResult
        The fit: standard errors, tests, intervals, ``summary()``, AIC.
    coef_ : (p,) array
    intercept_ : float
    n_iter_, n_features_in_ : int
    feature_names_in_ : (p,) array of str
        Where X had names.

    Notes
    -----
    The names ``alpha`` and ``l1_ratio`` are kept for penalties; ``SGDGLMRegressor`` has them.

    Examples
    --------
    >>> import numpy as np
    >>> from fastglm.sklearn import GLMRegressor
    >>> X = np.arange(6.0)[:, None]
    >>> model = GLMRegressor("poisson").fit(X, [1, 1, 2, 4, 6, 9])
    >>> model.coef_.round(3), model.result_.bse.round(3)
    (array([0.483]), array([0.592, 0.148]))
    """

    def __init__(
        self, family: FamilyLike = "gaussian", link: LinkLike | None = None, *, fit_intercept: bool = True,
        solver: SolverLike = "auto", cov: Covariance = "model",
    ) -> None:  # fmt: skip
        self.family = family
        self.link = link
        self.fit_intercept = fit_intercept
        self.solver = solver
        self.cov = cov


class GLMClassifier(Classifier):
    """Binomial regression of two classes, softmax regression of more, fitted exactly, with full inference.

    Parameters
    ----------
    link : str or link, optional
        Of two classes, a name or a value of ``fastglm.links`` such as "probit"; the logit without it. More classes
        have the softmax only.
    fit_intercept : bool
    solver : str or record of ``fastglm.solvers``
        As in ``fastglm.fit``.
    cov : "model", "robust" or None
        The covariance of the estimates, as in ``fastglm.fit``.

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

    Notes
    -----
    The names ``alpha`` and ``l1_ratio`` are kept for penalties; ``SGDGLMClassifier`` has them.

    Examples
    --------
    >>> from fastglm.sklearn import GLMClassifier
    >>> X = [[2.0], [3.0], [5.0], [7.0], [11.0], [13.0]]
    >>> model = GLMClassifier().fit(X, ["no", "no", "yes", "no", "yes", "yes"])
    >>> model.coef_.round(3), model.predict([[4.0], [12.0]])
    (array([[0.552]]), array(['no', 'yes'], dtype='<U3'))
    """

    def __init__(
        self, link: LinkLike | None = None, *, fit_intercept: bool = True, solver: SolverLike = "auto",
        cov: Covariance = "model",
    ) -> None:  # fmt: skip
        self.link = link
        self.fit_intercept = fit_intercept
        self.solver = solver
        self.cov = cov
