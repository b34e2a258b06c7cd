"""Checking the vectors of a fit and summing what the result needs of them, in one parallel pass."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .errors import InvalidParameterError, MissingDataError
from .kernels import scan as k
from .kernels.evaluate import saturated_terms

COUNTS = 256  # small counts, whose log-factorials are looked up in long data
NEVER = np.iinfo(np.int64).max


class Sums(NamedTuple):
    """Sums and first failures of ``kernels.scan`` over some rows."""

    sums: np.ndarray
    firsts: np.ndarray

    def __add__(self, other: Sums) -> Sums:
        return Sums(self.sums + other.sums, np.minimum(self.firsts, other.firsts))


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
    domain = pair.family.domain
    plan, par, saturated = source.plan(), pair.par, pair.saturated
    edges = (domain.low, domain.high, domain.left_closed, domain.right_closed)

    table = np.zeros(0)
    if getattr(pair.family, "tabulated", False) and source.n_rows > 100 * COUNTS:
        counts = np.arange(COUNTS, dtype=np.float64)
        table = saturated_terms(pair, counts, 1.0)

    def unit(runs, work):
        sums, firsts = np.zeros(k.SUMS), np.full(k.CHECKS, NEVER)
        for a, b in runs:
            k.scan(plan, par, saturated, table, *edges, a, b, work, source.block, sums, firsts)
        return Sums(sums, firsts)

    with np.errstate(all="ignore"):
        total = source.reduce(unit)
    _check(total.firsts, source.data, pair.family)
    found = Scan(*total.sums.tolist())
    if not found.weight > 0.0:
        raise InvalidParameterError("weights are all zero: no observations are left")
    return found


def _check(firsts, data, family) -> None:
    if (firsts == NEVER).all():
        return
    first = dict(zip(("y", "domain", "weights", "freq_weights", "offset", "exposure"), firsts, strict=True))
    if first["y"] < NEVER:
        i = first["y"]
        raise MissingDataError(f"y is not finite: {data.y[i]} at row {i} (missing values are not dropped; remove the row)")
    for name in ("weights", "freq_weights"):
        if first[name] < NEVER:
            v = getattr(data, name)[first[name]]
            problem = "negative" if v < 0 else "not finite (NaN or infinite)"
            raise InvalidParameterError(f"{name} must be non-negative and finite: {v} at row {first[name]} is {problem}")
    if first["offset"] < NEVER:
        i = first["offset"]
        raise MissingDataError(f"offset is not finite: {data.offset[i]} at row {i}; drop rows without exposure")
    if first["exposure"] < NEVER:
        i = first["exposure"]
        raise InvalidParameterError(f"exposure must be positive and finite: {data.exposure[i]} at row {i}; drop such rows")
    if first["domain"] < NEVER:
        i = first["domain"]
        raise InvalidParameterError(_outside(family, data.y[i], i))


def _outside(family, value, row) -> str:
    text = f"y = {value} at row {row} is outside the support {family.domain} of family={family.name!r}"
    if family.domain.low == 0.0 and value == 0.0:
        return text + ": y must be positive (tweedie with 1 < power < 2 admits zeros)"
    if value < 0.0:
        return text + ": y is negative" + (
            "; 0/1 labels are needed, or two labels as strings or bool" if family.domain.high == 1.0 else ""
        )
    return text + ": y must lie between 0 and 1 (counts: pass successes and failures as an (n, 2) y)"
