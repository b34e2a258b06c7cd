"""Generalized linear models on large data: exact fits with full inference at the cost of one cross-product.

>>> import fastglm
>>> result = fastglm.fit([[2.0], [3], [5], [7], [11], [13]], [0, 0, 1, 0, 1, 1], family="binomial")
>>> result.converged
True
"""

from importlib import import_module as _import_module

__version__ = "0.1.0"

# name -> module it is found in; nothing heavy is imported before it is used
_LAZY = {
    "fit": "api",
    "glm": "frames",
    "OnlineGLM": "online",
    "GLMResult": "result",
    "MultinomialResult": "multinomial",
    "load": "serialize",
    "etable": "inference.etable",
    "plan": "forecast",
    "from_duckdb": "files",
    "set_threads": "source.threads",
    "get_threads": "source.threads",
    "warmup": "warm",
}
_MODULES = ("errors", "export", "families", "links", "nn", "plots", "simulate", "solvers", "special")

__all__ = [*_LAZY, *_MODULES, "__version__"]


def __getattr__(name):
    if name in _LAZY:
        value = getattr(_import_module(f".{_LAZY[name]}", __name__), name)
        globals()[name] = value
        return value
    if name in _MODULES:
        return _import_module(f".{name}", __name__)
    raise AttributeError(f"module 'fastglm' has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *__all__])
