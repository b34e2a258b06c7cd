"""Checking the vectors of a fit and summing what the result needs of them, in one parallel pass."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .errors import InvalidParameterError, MissingDataError
from .kernels import scan as k
from .kernels.evaluate import saturated_terms

COUNTS = 256  # small counts, whose log-factorials are looked up in long data


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
    found = _scan(source, pair, 0 if getattr(pair.family, "binary_is_saturated", False) else pair.saturated)
    if getattr(pair.family, "binary_is_saturated", False) and not found.binary:
        # only proportions have a density of their own to add, and a loop to compile
        found = _scan(source, pair, pair.saturated)
    return found


def _scan(source, pair, saturated) -> Scan:
    domain = pair.family.domain
    plan, par = source.plan(), pair.par
    edges = (domain.low, domain.high, domain.left_closed, domain.right_closed)

    table, lookup = np.zeros(0), 0
    if saturated and getattr(pair.family, "tabulated", False) and source.n_rows > 100 * COUNTS:
        counts = np.arange(COUNTS, dtype=np.float64)
        table, lookup = saturated_terms(pair, counts, 1.0), k.look_up()

    def unit(runs, work):
        sums = np.zeros(k.SUMS)
        for a, b in runs:
            k.scan(plan, par, saturated, lookup, table, *edges, a, b, work, source.block, sums)
        return sums

    found = Scan(*source.reduce(unit).tolist())
    if found.failures:
        _refuse(source.data, pair.family)
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
