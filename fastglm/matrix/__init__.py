"""Columns of a design as they are stored: numbers, levels of factors, sparse rows, and all of them side by side.

Each kind answers four products: ``dot`` (X b), ``t_dot`` (X'r), ``gram`` (X' diag(w) X) and ``rows`` (a part of them).
"""

from importlib import import_module

__all__ = ["Categorical", "Dense", "Sparse", "Split", "as_matrix", "split_of"]


def __getattr__(name):
    # the compiler is not loaded by what only reads results
    if name in __all__:
        return getattr(import_module(".columns", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
