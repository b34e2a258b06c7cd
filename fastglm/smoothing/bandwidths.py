"""Bandwidths as callers say them, and the bandwidth of each column at each point."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..errors import InvalidParameterError
from ..kernels.local import nearest_distances

SELECTED = ("loo", "gcv")


class Bandwidth(NamedTuple):
    """A checked bandwidth: ``value`` (d,) of fixed ones, or ``rows``, the number of nearest rows that each spans."""

    value: Any = None
    rows: int = 0

    def __repr__(self) -> str:
        if self.rows:
            return f"{self.rows:,} nearest rows"
        return ", ".join(f"{v:.6g}" for v in self.value[: 1 if np.ptp(self.value) == 0.0 else None])

    @property
    def plain(self) -> Any:
        """Plain values: a list of one a column, or the number of rows."""
        return self.rows or self.value.tolist()

    @classmethod
    def of_plain(cls, value: Any) -> Bandwidth:
        """The bandwidth of plain values."""
        return cls(np.array(value, dtype=np.float64)) if isinstance(value, list) else cls(rows=int(value))


def parse(value: Any, n: int, d: int) -> Bandwidth:
    """A bandwidth of n rows of d columns.

    Parameters
    ----------
    value : float, (d,) array_like, or {"nearest": share of the rows, or a whole number of them}

    Raises
    ------
    InvalidParameterError
        For one that is not positive and finite, of another length, or that spans no rows.
    """
    if isinstance(value, Bandwidth):
        return value
    if isinstance(value, dict):
        return _nearest(value, n)
    try:
        found = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        known = f"a positive number, one a column, {{'nearest': 0.3}}, {' or '.join(map(repr, SELECTED))}"
        raise InvalidParameterError(f"bandwidth={value!r} must be {known}") from None
    if found.ndim > 1 or (found.ndim == 1 and found.shape != (d,)):
        raise InvalidParameterError(f"bandwidth has shape {found.shape}, expected a number or ({d},), one a column")
    if not ((found > 0.0) & (found < np.inf)).all():
        raise InvalidParameterError(f"bandwidth={value!r} must be positive and finite")
    return Bandwidth(np.broadcast_to(found, (d,)).copy())


def _nearest(value, n):
    share = value.get("nearest")
    if set(value) != {"nearest"} or isinstance(share, bool) or not isinstance(share, (int, float, np.number)):
        raise InvalidParameterError(f"bandwidth={value!r} must be {{'nearest': share or number of rows}}")
    if isinstance(share, (int, np.integer)):
        rows, known = int(share), 1 <= share <= n
    else:
        rows, known = int(np.floor(n * share + 1e-5)), 0.0 < share <= 1.0  # as loess rounds
    if not known or rows < 1:
        told = f"a share above 0 up to 1, or a whole number of rows from 1 to {n}"
        raise InvalidParameterError(f"bandwidth={value!r}: nearest must be {told}")
    return Bandwidth(rows=rows)


def at_points(bandwidth: Bandwidth, rows: Any, points: Any) -> np.ndarray:
    """The bandwidths (m, d) at points (m, d); zero where as many rows as are spanned lie at one place."""
    if not bandwidth.rows:
        return np.broadcast_to(bandwidth.value, points.shape).copy()
    if points.shape[1] == 1:
        order = np.argsort(points[:, 0], kind="stable")
        found, distance = np.empty(len(points)), np.empty(len(points))
        nearest_distances(rows.x[0], bandwidth.rows, points[order, 0], found)
        distance[order] = found
        return distance[:, None]
    scale = rows.spread
    distance, _ = rows.tree(scale).query(points / scale, k=[bandwidth.rows])
    return distance * scale


def grid(rows: Any, degree: int, count: int = 20) -> list[Bandwidth]:
    """Bandwidths to choose from, from those that span a few rows to the whole range of the columns, in equal ratios."""
    scale = rows.range if len(rows.x) == 1 else rows.spread * 4.0
    few = min(0.5, max(2.0 * (degree + 2) / rows.n, 0.01) ** (1.0 / len(rows.x)))
    return [Bandwidth(scale * c) for c in np.geomspace(few, 1.0, count)]
