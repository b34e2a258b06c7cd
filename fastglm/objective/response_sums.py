"""Checking the vectors of a fit and summing what the result needs of them, in one parallel pass."""

from __future__ import annotations

from functools import lru_cache
from math import inf, isfinite, nan
from typing import NamedTuple

import numpy as np

from ..errors import InvalidParameterError, MissingDataError
from ..kernels import response_sums as k
from ..source.base import weight_of
from ..source.task import Task

COUNTS = 256  # small counts, whose log-factorials are looked up


class ResponseSums(NamedTuple):
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

    def loglik(self, family, deviance: float) -> float:
        """The log-likelihood at a deviance, by R's rules for the dispersion; NaN for quasi-likelihoods."""
        if family.saturated is None:
            return nan
        if deviance == inf:
            return -inf
        if hasattr(family, "loglik"):
            return family.loglik(deviance, self.saturated, self.weight, self.nobs)
        return self.saturated - 0.5 * deviance

    def deviance_change(self, family, old: float, new: float) -> float:
        """The change of the deviance when the constant mean of all rows moves, of a family with ``log_partition``."""
        a, b = family.natural(old), family.natural(new)
        gain = self.weighted_y * (b - a) - self.weight * (family.log_partition(b) - family.log_partition(a))
        return -2.0 * gain


def validate_response(source, pair) -> ResponseSums:
    """Sums over the response and the weights of ``source``; raises on the first value that a family does not admit."""
    family = pair.family
    if family.binary_is_saturated:
        found = check(source, family)
        # only proportions have a density of their own to add, and a loop to compile
        return found if found.binary else _scan(source, family, pair)
    if family.tabulated and pair.saturated_exists:
        found = _scan(source, family, pair, saturated_at_counts(family))
        # NaN where some y is not among the counts
        return found if isfinite(found.saturated) else _scan(source, family, pair)
    return _scan(source, family, pair)


def check(source, family) -> ResponseSums:
    """The sums that need no density; raises on the first unusable value."""
    return _scan(source, family)


@lru_cache(maxsize=64, typed=True)
def saturated_at_counts(family) -> np.ndarray:
    """The log-density at mu = y of the first counts, for unit weight, from the family's own formula."""
    return np.array([family.saturated(float(k), 1.0) for k in range(COUNTS)])


class Vectors(Task):
    """The sums of ``ResponseSums`` as an array; the columns of X are not read.

    Parameters
    ----------
    family : family
    pair : FamilyLink or None
        Whose density at mu = y is summed; none without it.
    table : (COUNTS,) array or None
        That density at the first counts, for unit weight.
    """

    vectors_only = True

    def __init__(self, family, pair=None, table=None):
        self.family, self.pair, self.table = family, pair, table

    def needs_no_loop(self, data) -> bool:
        """Whether NumPy sums these rows."""
        weighted = data.weights is not None or data.freq_weights is not None
        return not weighted and (self.pair is None or self.table is not None)

    def begin(self):
        return np.zeros(k.SUMS + (0 if self.table is None else COUNTS))

    def add(self, state, part, runs, work):
        domain, table = self.family.domain, self.table
        if self.needs_no_loop(part.data):
            data = part.data
            for a, b in runs.tolist():
                offset = None if data.offset is None else np.asarray(data.offset[a:b])
                exposure = None if data.exposure is None else np.asarray(data.exposure[a:b])
                state += sums_of_ones(np.asarray(data.y[a:b]), offset, exposure, domain, table)
            self._refuse(state, part)
            return
        edges = (domain.low, domain.high, domain.left_closed, domain.right_closed)
        lookup, table = (0, np.zeros(0)) if table is None else (k.look_up(), table)
        par, density = (np.zeros(0), 0) if self.pair is None else (self.pair.par, self.pair.saturated)
        for a, b in runs:
            k.scan(part.plan(), par, 0 if lookup else density, lookup, table, *edges, a, b, work, part.block, state)
        self._refuse(state, part)

    def _refuse(self, state, part):
        if state[k.FAILURES] and part.place is not None:
            refuse(part.data, self.family, part.place.row)

    def end(self, state):
        return state


def sums_of_ones(y: np.ndarray, offset, exposure, domain, table) -> np.ndarray:
    """What ``kernels.response_sums.scan`` sums, of rows of weight one: nothing need be compiled.

    Parameters
    ----------
    y : (n,) array of numbers
    offset, exposure : (n,) array or None
    domain : Interval
    table : (COUNTS,) array or None
        As for ``Vectors``.
    """
    n, rows = len(y), None
    found = np.zeros(k.SUMS + (0 if table is None else COUNTS))
    if not n:
        return found
    if table is None:
        ones, zeros = np.count_nonzero(y == 1), np.count_nonzero(y == 0)
        fractions = n - ones - zeros
        least, most = _ends(y) if fractions else (0.0 if zeros else 1.0, 1.0 if ones else 0.0)
    else:
        least, most = _ends(y)
        rows = _of_counts(y) if 0.0 <= least and most < COUNTS else None
        fractions = float(n if rows is None else n - rows[0] - rows[1])
    usable = (domain.low < least or (domain.left_closed and least == domain.low)) and (
        most < domain.high or (domain.right_closed and most == domain.high)
    )
    for vector, above in ((offset, -inf), (exposure, 0.0)):
        if vector is not None:
            ends = _ends(vector)
            usable = usable and above < ends[0] and ends[1] < inf
    found[k.NOBS] = found[k.WEIGHT] = n
    found[k.FRACTIONS], found[k.FAILURES] = fractions, not (usable and -inf < least and most < inf)
    if rows is not None:
        found[k.WEIGHTED_Y], found[k.SUMS :] = rows @ np.arange(COUNTS), rows
        found[k.SATURATED] = rows[rows > 0] @ table[rows > 0] if usable else nan
    else:
        found[k.WEIGHTED_Y] = y.sum(dtype=np.float64) if fractions else ones
        found[k.SATURATED] = 0.0 if table is None else nan
    return found


def _ends(vector) -> tuple[float, float]:
    """The least and the largest number, NaN if there is one."""
    return float(vector.min()), float(vector.max())


def _of_counts(y) -> np.ndarray | None:
    """How many rows have each count, (COUNTS,); None if some y is no count."""
    counts = y.astype(np.intp)
    return np.bincount(counts, minlength=COUNTS) if np.array_equal(counts, y) else None


class ClassWeights(Task):
    """The weights of the rows of each class, (K,)."""

    vectors_only = one_thread = True

    def __init__(self, n_classes: int):
        self.n_classes = n_classes

    def of(self, part, runs):
        data, total = part.data, np.zeros(self.n_classes)
        for a, b in runs.tolist():
            w = weight_of(*(None if v is None else v[a:b] for v in (data.weights, data.freq_weights)))
            total += np.bincount(data.y[a:b].astype(np.intp), weights=w, minlength=self.n_classes)
        return total


def _scan(source, *what) -> ResponseSums:
    task = Vectors(*what)
    task.one_thread = task.needs_no_loop(source.data)
    sums = source.reduce(task)
    found = ResponseSums(*sums[: k.SUMS].tolist())
    if len(sums) > k.SUMS and sums[k.SUMS :].sum() == found.nobs:
        source.counts = sums[k.SUMS :]
    if found.failures:
        refuse(source.data, task.family)
    if not found.weight > 0.0:
        raise InvalidParameterError("weights are all zero: no observations are left")
    return found


def refuse(data, family, where="row {}".format) -> None:
    """Find the first value a scan stumbled over, and say ``where`` its row is."""
    for name, v in (("weights", data.weights), ("freq_weights", data.freq_weights)):
        i = _first(v, lambda v: ~((v >= 0.0) & (v < np.inf)))
        if i is not None:
            problem = "negative" if v[i] < 0 else "not finite (NaN or infinite; missing='drop' leaves such rows out)"
            kind = MissingDataError if np.isnan(v[i]) else InvalidParameterError
            raise kind(f"{name} must be non-negative and finite: {v[i]} at {where(i)} is {problem}")
    i = _first(data.y, lambda v: ~np.isfinite(v))
    if i is not None:
        raise MissingDataError(f"y is not finite: {data.y[i]} at {where(i)} (missing='drop' leaves such rows out)")
    i = _first(data.offset, lambda v: ~np.isfinite(v))
    if i is not None:
        raise MissingDataError(
            f"offset is not finite: {data.offset[i]} at {where(i)}; drop rows without exposure, those with NaN by "
            "missing='drop'"
        )
    i = _first(data.exposure, lambda v: ~((v > 0.0) & (v < np.inf)))
    if i is not None:
        raise InvalidParameterError(
            f"exposure must be positive and finite: {data.exposure[i]} at {where(i)}; drop such rows"
        )
    d = family.domain
    outside = (data.y < d.low) | (data.y > d.high)
    outside |= (data.y == d.low) & (not d.left_closed) | (data.y == d.high) & (not d.right_closed)
    for v in (data.weights, data.freq_weights):
        outside &= True if v is None else v > 0
    i = int(np.argmax(outside))
    raise InvalidParameterError(_outside(family, data.y[i], where(i)))


def _first(v, bad):
    """The first row at which ``bad`` holds, or None."""
    if v is None:
        return None
    found = bad(v)
    return int(np.argmax(found)) if found.any() else None


def _outside(family, value, where) -> str:
    text = f"y = {value} at {where} is outside the support {family.domain} of family={family.name!r}"
    if family.response_model == "several" and family.domain.high == 1.0:
        return text + ": shares must lie strictly between 0 and 1"
    if family.domain.low == 1.0:
        return text + ": counts truncated at zero are one or more"
    if family.domain.low == 0.0 and value == 0.0:
        return text + ": y must be positive (tweedie with 1 < power < 2 admits zeros)"
    if value < 0.0:
        return (
            text
            + ": y is negative"
            + ("; 0/1 labels are needed, or two labels as strings or bool" if family.domain.high == 1.0 else "")
        )
    return text + ": y must lie between 0 and 1 (counts: pass successes and failures as an (n, 2) y)"
