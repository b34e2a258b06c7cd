"""The penalties as records of options, for ``fit(penalty=...)``, ``glm``, ``path`` and ``cv``, and how to add one."""

from .options.penalties import Adaptive, ElasticNet, GroupLasso, Lasso, Relaxed, Ridge
from .options.penalties.registry import penalty
from .options.penalties.terms import Columns

__all__ = ["Adaptive", "Columns", "ElasticNet", "GroupLasso", "Lasso", "Relaxed", "Ridge", "penalty"]
