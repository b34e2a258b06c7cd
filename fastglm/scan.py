"""Checking the vectors of a fit and summing what the result needs of them, in one parallel pass."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .errors import InvalidParameterError, MissingDataError
from .kernels import scan as k


class Scan(NamedTuple):
    """Sums over the rows of positive weight; ``saturated`` is the log-likelihood at mu = y (at dispersion one).

    ``nobs`` counts rows by frequency, ``weight`` sums weight times frequency, ``firsts`` holds the first row at which
    each check of ``kernels.scan`` fails.
    """

    nobs: float
    weight: float
    weighted_y: float
    saturated: float
    fractions: float
    y_min: float
    y_max: float
    weight_max: float
    firsts: np.ndarray

    def __add__(self, other: Scan) -> Scan:
        a, b = self.firsts, other.firsts
        return Scan(
            *(x + z for x, z in zip(self[:5], other[:5], strict=True)),
            min(self.y_min, other.y_min),
            max(self.y_max, other.y_max),
            max(self.weight_max, other.weight_max),
            np.where(a < 0, b, np.where(b < 0, a, np.minimum(a, b))),
        )

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

    def unit(runs, work):
        sums, firsts = np.zeros(k.SUMS), np.full(k.CHECKS, -1, np.int64)
        sums[k.Y_MIN], sums[k.Y_MAX] = np.inf, -np.inf
        for a, b in runs:
            k.scan(plan, par, saturated, *edges, a, b, work, source.block, sums, firsts)
        return Scan(*sums.tolist(), firsts)

    with np.errstate(all="ignore"):
        total = source.reduce(unit)
    _check(total, source.data, pair.family)
    return total


def _check(total: Scan, data, family) -> None:
    first = dict(zip(("y", "domain", "weights", "freq_weights", "offset", "exposure"), total.firsts, strict=True))
    if first["y"] >= 0:
        i = first["y"]
        raise MissingDataError(f"y is not finite: {data.y[i]} at row {i} (missing values are not dropped; remove the row)")
    for name in ("weights", "freq_weights"):
        if first[name] >= 0:
            v = getattr(data, name)[first[name]]
            problem = "negative" if v < 0 else "not finite (NaN or infinite)"
            raise InvalidParameterError(f"{name} must be non-negative and finite: {v} at row {first[name]} is {problem}")
    if first["offset"] >= 0:
        i = first["offset"]
        raise MissingDataError(f"offset is not finite: {data.offset[i]} at row {i}; drop rows without exposure")
    if first["exposure"] >= 0:
        i = first["exposure"]
        raise InvalidParameterError(f"exposure must be positive and finite: {data.exposure[i]} at row {i}; drop such rows")
    if first["domain"] >= 0:
        i = first["domain"]
        raise InvalidParameterError(_outside(family, data.y[i], i))
    if not total.weight > 0.0:
        raise InvalidParameterError("weights are all zero: no observations are left")


def _outside(family, value, row) -> str:
    text = f"y = {value} at row {row} is outside the support {family.domain} of family={family.name!r}"
    if family.domain.low == 0.0 and value == 0.0:
        return text + ": y must be positive (tweedie with 1 < power < 2 admits zeros)"
    if value < 0.0:
        return text + ": y is negative" + (
            "; 0/1 labels are needed, or two labels as strings or bool" if family.domain.high == 1.0 else ""
        )
    return text + ": y must lie between 0 and 1 (counts: pass successes and failures as an (n, 2) y)"
