"""Checking the vectors of a fit and summing what the result needs of them, in one parallel pass."""

from __future__ import annotations

from functools import lru_cache
from math import isfinite
from typing import NamedTuple

import numpy as np

from .errors import InvalidParameterError, MissingDataError
from .kernels import scan as k

COUNTS = 256  # small counts, whose log-factorials are looked up


class Scan(NamedTuple):
    """Sums over the rows of positive weight.

    ``nobs`` counts rows by frequency, ``weight`` sums weight times frequency, ``saturated`` is the log-likelihood at
    mu = y (at dispersion one), ``fractions`` counts the y that are neither zero nor one.
    """

    nobs: float
    weight: float
    weighted_y: float
    saturated: float
    fractions: float
    failures: float

    @property
    def mean(self) -> float:
        """The weighted mean of y."""
        return self.weighted_y / self.weight

    @property
    def binary(self) -> bool:
        """Whether every y is zero or one."""
        return self.fractions == 0.0


def scan(source, pair) -> Scan:
    """Scan the vectors of ``source`` for a family; raises on the first unusable value."""
    family = pair.family
    if getattr(family, "binary_is_saturated", False):
        found = check(source, family)
        # only proportions have a density of their own to add, and a loop to compile
        return found if found.binary else _scan(source, family, pair.par, pair.saturated, None)
    if getattr(family, "tabulated", False) and pair.saturated_exists:
        found = _scan(source, family, pair.par, 0, saturated_at_counts(family))
        # NaN where some y is not among the counts
        return found if isfinite(found.saturated) else _scan(source, family, pair.par, pair.saturated, None)
    return _scan(source, family, pair.par, pair.saturated, None)


def check(source, family) -> Scan:
    """The sums that need no density; raises on the first unusable value."""
    return _scan(source, family, np.zeros(0), 0, None)


@lru_cache(maxsize=64, typed=True)
def saturated_at_counts(family) -> np.ndarray:
    """The log-density at mu = y of the first counts, for unit weight, from the family's own formula."""
    return np.array([family.saturated(float(k), 1.0) for k in range(COUNTS)])


def _scan(source, family, par, saturated, table) -> Scan:
    domain = family.domain
    plan = source.plan()
    edges = (domain.low, domain.high, domain.left_closed, domain.right_closed)
    lookup = 0 if table is None else k.look_up()
    table = np.zeros(0) if table is None else table

    def unit(runs, work):
        sums = np.zeros(k.SUMS)
        for a, b in runs:
            k.scan(plan, par, saturated, lookup, table, *edges, a, b, work, source.block, sums)
        return sums

    found = Scan(*source.reduce(unit).tolist())
    if found.failures:
        _refuse(source.data, family)
    if not found.weight > 0.0:
        raise InvalidParameterError("weights are all zero: no observations are left")
    return found


def _refuse(data, family) -> None:
    """Find the first value a scan stumbled over, and say so."""
    for name, v in (("weights", data.weights), ("freq_weights", data.freq_weights)):
        i = _first(v, lambda v: ~((v >= 0.0) & (v < np.inf)))
        if i is not None:
            problem = "negative" if v[i] < 0 else "not finite (NaN or infinite)"
            raise InvalidParameterError(f"{name} must be non-negative and finite: {v[i]} at row {i} is {problem}")
    i = _first(data.y, lambda v: ~np.isfinite(v))
    if i is not None:
        raise MissingDataError(
            f"y is not finite: {data.y[i]} at row {i} (missing values are not dropped; remove the row)"
        )
    i = _first(data.offset, lambda v: ~np.isfinite(v))
    if i is not None:
        raise MissingDataError(f"offset is not finite: {data.offset[i]} at row {i}; drop rows without exposure")
    i = _first(data.exposure, lambda v: ~((v > 0.0) & (v < np.inf)))
    if i is not None:
        raise InvalidParameterError(
            f"exposure must be positive and finite: {data.exposure[i]} at row {i}; drop such rows"
        )
    d = family.domain
    outside = (data.y < d.low) | (data.y > d.high)
    outside |= (data.y == d.low) & (not d.left_closed) | (data.y == d.high) & (not d.right_closed)
    for v in (data.weights, data.freq_weights):
        outside &= True if v is None else v > 0
    i = int(np.argmax(outside))
    raise InvalidParameterError(_outside(family, data.y[i], i))


def _first(v, bad):
    """The first row at which ``bad`` holds, or None."""
    if v is None:
        return None
    found = bad(v)
    return int(np.argmax(found)) if found.any() else None


def _outside(family, value, row) -> str:
    text = f"y = {value} at row {row} is outside the support {family.domain} of family={family.name!r}"
    if family.domain.low == 0.0 and value == 0.0:
        return text + ": y must be positive (tweedie with 1 < power < 2 admits zeros)"
    if value < 0.0:
        return (
            text
            + ": y is negative"
            + ("; 0/1 labels are needed, or two labels as strings or bool" if family.domain.high == 1.0 else "")
        )
    return text + ": y must lie between 0 and 1 (counts: pass successes and failures as an (n, 2) y)"
