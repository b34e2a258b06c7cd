"""Estimators that choose their penalty by cross-validation: every lambda and fold from shared reads of the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.model_selection import check_cv
from sklearn.utils.validation import check_is_fitted

from ..fitting.cross_validation import cv as cross_validate
from ..folds import Splits
from ..penalties import ElasticNet
from .base import Classifier, GLMEstimator, Regressor
from .exact import check_l1_ratio, inverse_strength, total_weight

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core.records import Array, ArrayLike
    from ..result.cross_validation import CVResult
    from ..types import FamilyLike, LinkLike, SolverLike


class CrossValidated(GLMEstimator):
    """A path of penalised fits and its cross-validation; ``result_`` is the fit of all rows at the chosen penalty.

    A subclass has the parameters ``l1_ratio``, ``cv``, ``measure`` and ``rule``, and says its ``_lambdas``.
    """

    cov = "model"

    @property
    def cv_result_(self) -> CVResult:
        """The cross-validation of the chosen ``l1_ratio_``: its curve, the path and the rules."""
        check_is_fitted(self)
        return self._cv_result

    @property
    def l1_ratio_(self) -> float:
        """The l1_ratio that was chosen."""
        return self.cv_result_.path.first.penalty.alpha

    @property
    def alpha_(self) -> float:
        """The alpha that was chosen, of a penalty beside the mean of half the deviance."""
        return self.result_.penalty.lam

    def _fit(self, X, y, family, weights, **shift):
        splitter = check_cv(self.cv, y, classifier=hasattr(self, "classes_"))
        folds, ratios = Splits(list(splitter.split(X, y))), np.atleast_1d(self.l1_ratio).tolist()
        for ratio in ratios:
            check_l1_ratio(ratio)
        lambdas, least = self._lambdas(X, weights)
        found = [
            cross_validate(
                X, y, penalty=ElasticNet(None, float(ratio), scale=False), lambdas=lambdas, ratio=least, folds=folds,
                measure=self.measure, rule=self.rule, family=family, link=self._link(), intercept=self.fit_intercept,
                weights=weights, solver=self.solver, names=self._names(), **shift,
            )
            for ratio in ratios
        ]  # fmt: skip
        self._cv_result = min(found, key=lambda result: float(result.losses.min()))
        return self._cv_result.best


class GLMRegressorCV(CrossValidated, Regressor):
    """A penalised generalized linear model whose penalty is chosen by cross-validation.

    Parameters
    ----------
    family : str or family
        A name or a value of ``fastglm.families``.
    link : str or link, optional
        A name or a value of ``fastglm.links``; the family's default without it.
    alphas : int or sequence of float
        The values of alpha, as in ``GLMRegressor``, or how many there shall be.
    eps : float, optional
        The least alpha over the largest, which leaves no coefficient.
    l1_ratio : float or sequence of float
        From 0, ridge, to 1, lasso; of several the best is chosen.
    cv : int, splitter or iterable of (train, test)
        As in scikit-learn.
    measure : "deviance", "mse" or "mae"
        The loss of rows that are held out.
    rule : "min" or "1se"
        The alpha of the least loss, or the largest within a standard error of it.
    fit_intercept : bool
    solver : str or record of ``fastglm.solvers``

    Attributes
    ----------
    alpha_, l1_ratio_ : float
        What was chosen.
    alphas_ : (L,) array
    cv_result_ : CVResult
    result_ : GLMResult
        The fit of all rows at ``alpha_``.
    coef_ : (p,) array
    intercept_ : float
    n_iter_, n_features_in_ : int
    feature_names_in_ : (p,) array of str
        Where X had names.

    Examples
    --------
    >>> import numpy as np
    >>> from fastglm.sklearn import GLMRegressorCV
    >>> X = np.random.default_rng(0).normal(size=(200, 5))
    >>> y = np.random.default_rng(1).poisson(np.exp(X[:, 0] - 0.5 * X[:, 1]))
    >>> GLMRegressorCV("poisson", rule="1se").fit(X, y).coef_.round(1)
    array([ 0.7, -0.4,  0. ,  0. ,  0. ])
    """

    def __init__(
        self, family: FamilyLike = "gaussian", link: LinkLike | None = None, *, alphas: int | ArrayLike = 100,
        eps: float | None = None, l1_ratio: float | Sequence[float] = 1.0, cv: Any = 5, measure: str = "deviance",
        rule: str = "min", fit_intercept: bool = True, solver: SolverLike = "auto",
    ) -> None:  # fmt: skip
        self.family = family
        self.link = link
        self.alphas = alphas
        self.eps = eps
        self.l1_ratio = l1_ratio
        self.cv = cv
        self.measure = measure
        self.rule = rule
        self.fit_intercept = fit_intercept
        self.solver = solver

    @property
    def alphas_(self) -> Array:
        """The values of alpha that were tried, (L,), decreasing."""
        return self.cv_result_.lambdas

    def _lambdas(self, X, weights):
        return self.alphas, self.eps


class GLMClassifierCV(CrossValidated, Classifier):
    """Penalised binomial or softmax regression whose penalty is chosen by cross-validation.

    Parameters
    ----------
    link : str or link, optional
        Of two classes, a name or a value of ``fastglm.links``; the logit without it.
    Cs : int or sequence of float
        The values of C, as in ``GLMClassifier``, or how many there shall be, from that which leaves no coefficient.
    l1_ratio : float or sequence of float
        From 0, ridge, to 1, lasso; of several the best is chosen.
    cv : int, splitter or iterable of (train, test)
        As in scikit-learn, stratified where it is a number.
    measure : "deviance", "class" or "auc"
        The loss of rows that are held out: the deviance, or the misclassified share; or of two classes the area under
        the ROC curve, of which the largest is chosen.
    rule : "min" or "1se"
        The C of the least loss, or the smallest within a standard error of it.
    fit_intercept : bool
    solver : str or record of ``fastglm.solvers``

    Attributes
    ----------
    C_, l1_ratio_ : float
        What was chosen.
    Cs_ : (L,) array
    cv_result_ : CVResult
    result_ : GLMResult or MultinomialResult
        The fit of all rows at ``C_``.
    classes_ : (K,) array
    coef_ : (1, p) array, or (K, p) for K > 2
    intercept_ : (1,) array, or (K,) for K > 2
    n_iter_, n_features_in_ : int
    feature_names_in_ : (p,) array of str
        Where X had names.
    """

    def __init__(
        self, link: LinkLike | None = None, *, Cs: int | ArrayLike = 100, l1_ratio: float | Sequence[float] = 1.0,
        cv: Any = 5, measure: str = "deviance", rule: str = "min", fit_intercept: bool = True,
        solver: SolverLike = "auto",
    ) -> None:  # fmt: skip
        self.link = link
        self.Cs = Cs
        self.l1_ratio = l1_ratio
        self.cv = cv
        self.measure = measure
        self.rule = rule
        self.fit_intercept = fit_intercept
        self.solver = solver

    @property
    def Cs_(self) -> Array:
        """The values of C that were tried, (L,), increasing."""
        return 1.0 / (self.cv_result_.lambdas * self._total)

    @property
    def C_(self) -> float:
        """The C that was chosen."""
        return 1.0 / (self.alpha_ * self._total)

    def _lambdas(self, X, weights):
        self._total = total_weight(X, weights)
        if np.ndim(self.Cs) == 0:
            return self.Cs, None
        return np.sort([inverse_strength(C, self._total) for C in self.Cs])[::-1], None
