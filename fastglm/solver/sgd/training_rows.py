"""Which rows a fit uses, with what weight, and which are held out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ...errors import InvalidParameterError

VALIDATION = 2**63  # keeps the choice of rows held out apart from the orders of epochs


class Rows(NamedTuple):
    """The vectors of a fit as the loop reads them, and the numbers of its rows.

    Attributes
    ----------
    y : (n,) float64
    weight, shift : (n,) float64 or None
        What multiplies a row's loss, and what is added to its linear predictor.
    used : (k,) int64 or None
        The rows to train on, in order; None for all. Rows of weight zero are left out.
    held : (v,) int64
        The rows held out.
    mean_weight : float
        The mean weight of the rows used.
    """

    y: np.ndarray
    weight: np.ndarray | None
    shift: np.ndarray | None
    used: np.ndarray | None
    held: np.ndarray
    mean_weight: float

    @property
    def count(self) -> int:
        """The number of rows to train on."""
        return len(self.y) if self.used is None else len(self.used)

    def sample(self, most: int) -> np.ndarray:
        """The numbers of at most ``most`` rows, evenly spread over those used."""
        places = np.unique(np.linspace(0, self.count - 1, min(most, self.count)).astype(np.int64))
        return places if self.used is None else self.used[places]


def prepare(data, options) -> Rows:
    """The rows of ``data`` (``Data``) under the options.

    Raises
    ------
    InvalidParameterError
        When class weights do not fit y, or no row is left to train on.
    """
    y = _vector(data.y)
    weight = _product(data.weights, data.freq_weights)
    by_class = class_weights(y, weight, options.class_weight)
    weight = _product(weight, by_class)
    shift = None if data.offset is None else _vector(data.offset)
    if data.exposure is not None:
        log = np.log(_vector(data.exposure))
        shift = log if shift is None else shift + log
    used = None if weight is None or (weight > 0.0).all() else np.flatnonzero(weight > 0.0)
    held = np.zeros(0, np.int64)
    if options.validation_fraction > 0.0:
        used, held = _hold_out(np.arange(len(y)) if used is None else used, options)
    if used is not None and len(used) == 0:
        raise InvalidParameterError("weights: no row with a positive weight is left to train on")
    mean = 1.0 if weight is None else float(np.mean(weight if used is None else weight[used]))
    return Rows(y, weight, shift, used, held, mean)


def _vector(v):
    return np.ascontiguousarray(v, np.float64)


def _product(a, b):
    if a is None or b is None:
        return None if a is b else _vector(b if a is None else a)
    return _vector(a) * _vector(b)


def class_weights(y, weight, wanted) -> np.ndarray | None:
    """The weight of each row's class, (n,), or None.

    Parameters
    ----------
    y : (n,) array
        The classes as numbers.
    weight : (n,) array or None
        What rows weigh already, which "balanced" takes into account.
    wanted : None, "balanced" or mapping
        By the values of y.

    Raises
    ------
    InvalidParameterError
        For a class that is left out, or that has no weight to balance.
    """
    if wanted is None:
        return None
    labels, codes = np.unique(y, return_inverse=True)
    if isinstance(wanted, Mapping):
        known = {float(label): w for label, w in wanted.items()}
        absent = [label for label in labels if float(label) not in known]
        if absent:
            raise InvalidParameterError(f"class_weight has no weight for the class {absent[0]:g}")
        factors = np.array([known[float(label)] for label in labels])
    else:
        totals = np.bincount(codes, weights=weight, minlength=len(labels))
        if (totals == 0.0).any():
            raise InvalidParameterError(
                f"class_weight: rows of class {labels[totals == 0.0][0]:g} have weight zero, which cannot be balanced"
            )
        factors = totals.sum() / (len(labels) * totals)
    return factors[codes]


def _hold_out(rows, options):
    n = round(options.validation_fraction * len(rows))
    if not 0 < n < len(rows):
        raise InvalidParameterError(
            f"validation_fraction={options.validation_fraction} of {len(rows)} rows leaves none to train or validate on"
        )
    generator = np.random.Generator(np.random.Philox(key=[options.seed, VALIDATION]))
    chosen = np.zeros(len(rows), bool)
    chosen[generator.choice(len(rows), n, replace=False)] = True
    return rows[~chosen], rows[chosen]
