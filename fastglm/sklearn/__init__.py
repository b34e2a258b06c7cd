"""scikit-learn estimators over ``fastglm.fit``: pipelines, searches and cross-validation with the full inference kept.

``GLMRegressor`` and ``GLMClassifier`` fit exactly, with or without a penalty; ``GLMRegressorCV`` and
``GLMClassifierCV`` choose it by cross-validation; ``SGDGLMRegressor`` and ``SGDGLMClassifier`` fit stochastically, with
``partial_fit``; ``LocalGLMRegressor`` fits at each point by the rows near it. ``Ridge``, ``Lasso``, ``ElasticNet``,
``LogisticRegression``, ``PoissonRegressor``, ``GammaRegressor`` and ``TweedieRegressor`` have scikit-learn's names and
parameters. Each keeps the fit as ``result_``, a ``fastglm.GLMResult`` (of local regression a ``LocalResult``).
"""

try:
    from sklearn.utils.validation import validate_data as _validate_data  # noqa: F401, first in scikit-learn 1.6
except ImportError as error:
    raise ImportError(
        "fastglm.sklearn needs scikit-learn 1.6 or later; install it with: pip install 'scikit-learn>=1.6'"
    ) from error

from .cross_validated import GLMClassifierCV, GLMRegressorCV
from .exact import GLMClassifier, GLMRegressor
from .local import LocalGLMRegressor
from .spellings import (
    ElasticNet,
    GammaRegressor,
    Lasso,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    TweedieRegressor,
)
from .stochastic import SGDGLMClassifier, SGDGLMRegressor

__all__ = [
    "ElasticNet",
    "GLMClassifier",
    "GLMClassifierCV",
    "GLMRegressor",
    "GLMRegressorCV",
    "GammaRegressor",
    "Lasso",
    "LocalGLMRegressor",
    "LogisticRegression",
    "PoissonRegressor",
    "Ridge",
    "SGDGLMClassifier",
    "SGDGLMRegressor",
    "TweedieRegressor",
]
