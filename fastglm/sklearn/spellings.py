"""scikit-learn's linear models by their own names and parameters, so that changing one import is enough."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..families import Tweedie
from .base import Regressor
from .exact import GLMClassifier, net, total_weight

if TYPE_CHECKING:
    from ..types import Covariance, SolverLike


class Named(Regressor):
    """A regressor of one family, with ``alpha``, ``fit_intercept`` and ``solver``; others have their defaults."""

    family, link, cov = "gaussian", None, "model"
    l1_ratio, positive = 0.0, False

    def _penalty_record(self, X, weights):
        return net(self.alpha, self.l1_ratio, self.positive)


class Squares(Named):
    """Least squares with one penalty."""

    def __init__(
        self, alpha: float = 1.0, *, fit_intercept: bool = True, positive: bool = False, solver: SolverLike = "auto"
    ) -> None:
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.positive = positive
        self.solver = solver


class LogLinear(Named):
    """A family with the log link and a ridge."""

    link = "log"

    def __init__(self, *, alpha: float = 1.0, fit_intercept: bool = True, solver: SolverLike = "auto") -> None:
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.solver = solver


class Ridge(Squares):
    """Least squares with the penalty alpha |b|^2 beside the sum of squared residuals.

    Parameters
    ----------
    alpha : float
    fit_intercept : bool
    positive : bool
        Whether coefficients must not be negative.
    solver : str or record of ``fastglm.solvers``

    Notes
    -----
    As ``sklearn.linear_model.Ridge``: the one of these models whose loss is a sum, not a mean over rows.
    """

    def _penalty_record(self, X, weights):
        return net(self.alpha / total_weight(X, weights), 0.0, self.positive)


class ElasticNet(Named):
    """Least squares with alpha (l1_ratio |b|_1 + (1 - l1_ratio) / 2 |b|^2) beside half the mean squared residual.

    Parameters
    ----------
    alpha : float
    l1_ratio : float
    fit_intercept : bool
    positive : bool
        Whether coefficients must not be negative.
    solver : str or record of ``fastglm.solvers``
    """

    def __init__(
        self, alpha: float = 1.0, *, l1_ratio: float = 0.5, fit_intercept: bool = True, positive: bool = False,
        solver: SolverLike = "auto",
    ) -> None:  # fmt: skip
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.positive = positive
        self.solver = solver


class Lasso(Squares):
    """Least squares with the penalty alpha |b|_1 beside half the mean squared residual.

    Parameters
    ----------
    alpha : float
    fit_intercept : bool
    positive : bool
        Whether coefficients must not be negative.
    solver : str or record of ``fastglm.solvers``
    """

    l1_ratio = 1.0


class PoissonRegressor(LogLinear):
    """Poisson regression with the log link and the penalty alpha / 2 |b|^2 beside half the mean deviance.

    Parameters
    ----------
    alpha : float
    fit_intercept : bool
    solver : str or record of ``fastglm.solvers``
    """

    family = "poisson"


class GammaRegressor(LogLinear):
    """Gamma regression with the log link and the penalty alpha / 2 |b|^2 beside half the mean deviance.

    Parameters
    ----------
    alpha : float
    fit_intercept : bool
    solver : str or record of ``fastglm.solvers``
    """

    family = "gamma"


class TweedieRegressor(Named):
    """A GLM with variance mu^power and the penalty alpha / 2 |b|^2 beside half the mean deviance.

    Parameters
    ----------
    power : float
        Of the variance: 0 gaussian, 1 Poisson, 2 gamma, 3 inverse Gaussian, and all from 1 to 2.
    alpha : float
    fit_intercept : bool
    link : "auto", "identity" or "log"
        The identity for power 0 and the log otherwise where it is "auto".
    solver : str or record of ``fastglm.solvers``
    """

    def __init__(
        self, *, power: float = 0.0, alpha: float = 1.0, fit_intercept: bool = True, link: str = "auto",
        solver: SolverLike = "auto",
    ) -> None:  # fmt: skip
        self.power = power
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.link = link
        self.solver = solver

    @property
    def family(self) -> Any:
        """The family of the power."""
        names = {0: "gaussian", 1: "poisson", 2: "gamma", 3: "inverse_gaussian"}
        return names[self.power] if self.power in names else Tweedie(self.power)

    def _link(self):
        return ("identity" if self.power == 0 else "log") if self.link == "auto" else self.link


class LogisticRegression(GLMClassifier):
    """Logistic regression of two classes, softmax regression of more, with the penalty of ``GLMClassifier``.

    Parameters
    ----------
    C : float
        A factor of the summed loss; infinity is no penalty.
    l1_ratio : float
        From 0, ridge, to 1, lasso.
    fit_intercept : bool
    solver : str or record of ``fastglm.solvers``
    cov : "model", "robust" or None
        As in ``fastglm.fit``; a penalised fit has none.
    """

    link = None

    def __init__(
        self, *, C: float = 1.0, l1_ratio: float = 0.0, fit_intercept: bool = True, solver: SolverLike = "auto",
        cov: Covariance = "model",
    ) -> None:  # fmt: skip
        self.C = C
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.solver = solver
        self.cov = cov
