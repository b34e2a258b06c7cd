"""Row formulas over whole arrays: what prediction, residuals and the QR route need beside the passes."""

from __future__ import annotations

import ctypes
from typing import NamedTuple

import numpy as np

from .row_loops import FamilyLink

_TYPE = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64, *([ctypes.c_void_p] * 7))


class Detail(NamedTuple):
    """(n,) arrays for unit weight: the mean, dmu/deta, V(mu), unit deviance, score and information in eta.

    Score and information keep their digits where the mean has run into the end of its range.
    """

    mu: np.ndarray
    slope: np.ndarray
    variance: np.ndarray
    deviance: np.ndarray
    score: np.ndarray
    information: np.ndarray


def _call(address, pair, eta, y, w):
    eta = np.array(eta, dtype=np.float64, ndmin=1)
    shape = eta.shape
    y = np.ascontiguousarray(np.broadcast_to(np.asarray(y, np.float64), shape))
    w = np.ascontiguousarray(np.broadcast_to(np.asarray(w, np.float64), shape))
    arrays = [pair.par, eta, y, w, np.empty(shape), np.empty(shape), np.empty(shape)]
    _TYPE(address)(eta.size, *(a.ctypes.data for a in arrays))
    return eta, *arrays[4:]


def evaluate(family, link, eta, y) -> Detail:
    """Mean, slope, variance and unit deviance at each linear predictor eta (n,), for y (n,) or one y."""
    pair = FamilyLink(family, link)
    mu, slope, *_ = _call(pair.means, pair, eta, y, 1.0)
    variance = _call(pair.variances, pair, mu, y, 1.0)[1]
    score, information, deviance = row_terms(pair, eta, y, 1.0)
    with np.errstate(all="ignore"):
        # slope^2 / information is V(mu) without the cancellation of mu (1 - mu) in the upper tail
        variance = np.where((information > 0.0) & (slope != 0.0), slope * slope / information, variance)
    return Detail(mu, slope, variance, deviance, score, information)


def mean(family, link, eta) -> np.ndarray:
    """The mean at each linear predictor eta (n,), which does not depend on the family."""
    pair = FamilyLink(family, link)
    return _call(pair.means, pair, eta, 0.0, 1.0)[0]


def second_derivative(family, link, eta) -> np.ndarray:
    """The second derivative of the mean in the linear predictor, (n,)."""
    return mean_curve(family, link, eta)[2]


def mean_curve(family, link, eta):
    """The mean and its first and second derivatives in the linear predictor, (n,) each."""
    pair = FamilyLink(family, link)
    return _call(pair.bends, pair, eta, 0.0, 1.0)[:3]


def row_terms(pair: FamilyLink, eta, y, w):
    """The score r, information h and deviance d of each row, as in ``row_loops``."""
    return _call(pair.rows, pair, eta, y, w)[1:]


def first_predictor(pair: FamilyLink, y, w) -> np.ndarray:
    """link(start(y, w)), the first linear predictor of each row."""
    return _call(pair.first_eta, pair, np.zeros(np.shape(y)), y, w)[0]
