"""What a kind of covariance from outside is written with: its declaration, and the scores of rows.

A kind is one function ``(spec, fitted, space)``. ``fitted.rows`` is a source: its ``reduce(task)`` adds the values that
a task has for units of rows, in the order of the rows. A value is anything with ``+``, such as a sum of outer products
of ``score_rows``. With the meat M so found, ``in_coefficients(space, M)`` is V M V in the units of ``space``, V the
inverse information, and ``space.of_inverse(M)`` the inverse of M; the library brings them to the coefficients' units.
"""

from __future__ import annotations

import numpy as np

from ..options.covariance import CovarianceKind, CovarianceSpec, register
from ..source.task import Task
from .grouped_scores import score_rows
from .row_scores import blocks

__all__ = ["CovarianceKind", "CovarianceSpec", "Task", "blocks", "in_coefficients", "register", "score_rows"]


def in_coefficients(space, meat: np.ndarray) -> np.ndarray:
    """The inverse information on both sides of a symmetric meat (q, q), in the units of ``space``."""
    return space.of_sums(space.of_sums(meat).T)
