"""scikit-learn estimators over ``fastglm.fit``: pipelines, searches and cross-validation with the full inference kept.

``GLMRegressor`` and ``GLMClassifier`` fit exactly; ``SGDGLMRegressor`` and ``SGDGLMClassifier`` stochastically, with
``partial_fit`` and penalties. Each keeps the fit as ``result_``, a ``fastglm.GLMResult``.
"""

try:
    from sklearn.utils.validation import validate_data as _validate_data  # noqa: F401, first in scikit-learn 1.6
except ImportError as error:
    raise ImportError(
        "fastglm.sklearn needs scikit-learn 1.6 or later; install it with: pip install 'scikit-learn>=1.6'"
    ) from error

from .exact import GLMClassifier, GLMRegressor
from .stochastic import SGDGLMClassifier, SGDGLMRegressor

__all__ = ["GLMClassifier", "GLMRegressor", "SGDGLMClassifier", "SGDGLMRegressor"]
