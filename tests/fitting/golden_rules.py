"""The reference cases of ``golden/`` and the rule by which a result is compared with one.

Every quantity is compared on the scale on which its error matters: coefficients and their covariances in standard
errors (or relative to themselves where larger), residuals and leverages relative to the largest of their kind, the
rest relatively. The tolerance is the case's own.
"""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import numpy as np

GOLDEN = Path(__file__).parent / "golden"
NUMBERS = {"inf": np.inf, "-inf": -np.inf, "nan": np.nan, None: np.nan}
# quantity -> the tolerance that holds for it
TOLERANCE = {
    "coef": "coef", "se": "se", "vcov": "vcov", "stat": "p", "p_value": "p", "deviance": "deviance",
    "null_deviance": "deviance", "pearson_chi2": "deviance", "dispersion": "deviance", "loglik": "loglik",
    "aic": "loglik", "bic": "loglik", "fitted": "fitted", "linear_predictor": "fitted", "hat": "hat",
    "resid_response": "residuals", "resid_pearson": "residuals", "resid_deviance": "residuals",
    "resid_working": "residuals", "cooks_distance": "cooks_distance",
}  # fmt: skip
WHOLE = ("rank", "df_residual")
BY_LARGEST = ("linear_predictor", "resid_response", "resid_pearson", "resid_deviance", "resid_working", "hat",
              "cooks_distance")  # fmt: skip
NEAR_ZERO = ("deviance", "pearson_chi2", "dispersion")


def load(name):
    """The cases of ``golden/<name>.json``, each with its design as ``table``."""
    stored = json.loads((GOLDEN / f"{name}.json").read_text())
    return [case | {"table": stored["designs"][case["design"]]} for case in stored["cases"]]


def array(values):
    """Stored numbers as floats; R's NA is NaN."""
    if isinstance(values, list):
        return np.array([array(v) for v in values])
    return float(NUMBERS[values] if values is None or isinstance(values, str) else values)


def arrays(case):
    """The arguments X, y, weights and offset of a case."""
    table = case["table"]
    X = np.column_stack([array(table[name]) for name in case["x"]])
    given = {name: array(table[case[name]]) if case.get(name) else None for name in ("weights", "offset")}
    return dict(X=X, y=array(table["y"]), **given)


def scale(name, want, se):
    """What an error of each element of ``want`` is measured against."""
    size = np.abs(want)
    if name == "coef":
        return np.maximum(size, np.nan_to_num(se))
    if name == "vcov":
        d = np.sqrt(np.abs(np.diagonal(want)))
        return np.outer(d, d)
    if name == "stat":
        return np.maximum(size, 1.0)
    if name == "p_value":
        return np.maximum(size, 1e-12)
    largest = np.nanmax(np.where(np.isfinite(size), size, np.nan), initial=0.0)
    if name in BY_LARGEST:
        return np.full_like(size, largest or 1.0)
    return np.maximum(size, max(1e-6 * largest, 1e-300))


def error(name, got, want, se):
    """The largest error of ``got`` on its scale, infinite where it is missing or NaN."""
    got, want = np.atleast_1d(np.asarray(got, float)), np.atleast_1d(array(want))
    if got.shape != want.shape:
        return np.inf
    known = np.isfinite(want)
    if name == "p_value":
        known &= np.abs(want) > 1e-280
    off = np.abs(got - want)[known] / scale(name, want, se)[known]
    return float(np.max(np.where(np.isnan(off), np.inf, off), initial=0.0))


def failures(case, got):
    """The quantities of ``got`` (name -> value) that miss the case: name -> (error, tolerance)."""
    expected, tolerance, wrong = case["expected"], case["tolerance"], {}
    se = array(expected["se"])
    for name in WHOLE:
        if got[name] != expected[name]:
            wrong[name] = (got[name], expected[name])
    for name, group in TOLERANCE.items():
        want, limit = expected.get(name), tolerance.get(group)
        if want is None or limit is None:
            continue
        if name in NEAR_ZERO and abs(want) < 1e-8:
            off, limit = abs(got[name]), 1e-8
        else:
            off = error(name, got[name], want, se)
        if not off <= limit:
            wrong[name] = (off, limit)
    return wrong


def digits(got, want, scales=None, most=17.0):
    """The fewest correct digits of ``got`` against decimal strings, relative to each value or its scale, if larger."""
    worst = most
    for k, (g, w) in enumerate(zip(np.ravel(got), want, strict=True)):
        if w is None:
            continue
        if not np.isfinite(g):
            return 0.0
        w = Decimal(w)
        unit = max(abs(w), Decimal(scales[k])) if scales is not None else abs(w)
        off = abs(Decimal(float(g)) - w) / (unit or 1)
        worst = min(worst, max(0.0, -float(off.log10())) if off else most)
    return worst
