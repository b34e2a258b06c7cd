"""The penalties as records of options, for ``fit(penalty=...)``, ``glm``, ``path`` and ``cv``."""

from .options.penalties import ElasticNet, Lasso, Ridge

__all__ = ["ElasticNet", "Lasso", "Ridge"]
