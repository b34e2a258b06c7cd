"""Columns of a design as they are stored: numbers, levels of factors, sparse rows, and all of them side by side.

Each kind answers four products: ``dot`` (X b), ``t_dot`` (X'r), ``gram`` (X' diag(w) X) and ``rows`` (a part of them).
"""

from .columns import Categorical, Dense, Sparse, Split, as_matrix

__all__ = ["Categorical", "Dense", "Sparse", "Split", "as_matrix"]
