"""Checks of the numbers of a penalty that need no row; each raises ``InvalidParameterError``."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf

import numpy as np

from ...errors import InvalidParameterError

INDEFINITE = 1e-10  # of the largest eigenvalue, by which the least may be negative from rounding


def is_number(value) -> bool:
    """Whether a value is one real number."""
    return not isinstance(value, (str, bool, np.bool_)) and np.isscalar(value) and np.isreal(value)


def check_lam(penalty, path: bool) -> None:
    """Refuse a lam that is no number or negative, and one beside the values of a path."""
    lam = penalty.lam
    if path:
        if lam is not None:
            raise InvalidParameterError(f"penalty={penalty!r}: the values of a path come from lambdas=, leave lam out")
        return
    if lam is None:
        raise InvalidParameterError(f"penalty={penalty!r} has no lam")
    if not is_number(lam) or not 0.0 <= lam < inf:
        raise InvalidParameterError(f"penalty: lam={lam!r} must be a finite number, not negative")


def check_share(name: str, value, low: str, high: str) -> None:
    """Refuse what is no number between zero and one, which mean ``low`` and ``high``."""
    if not is_number(value) or not 0.0 <= value <= 1.0:
        raise InvalidParameterError(f"penalty: {name}={value!r} must lie between 0 ({low}) and 1 ({high})")


def check_factors(factors) -> None:
    """Refuse negative factors, and those that leave out every column."""
    factors = numbers("factors", factors)
    if factors is not None and not (factors >= 0.0).all():
        raise InvalidParameterError("penalty: factors must not be negative or NaN (infinity leaves a column out)")
    if factors is not None and not np.isfinite(factors).any():
        raise InvalidParameterError("penalty: factors leave out every column")


def check_bounds(lower, upper) -> None:
    """Refuse bounds that a coefficient of zero is not within."""
    for name, bound, side in (("lower", lower, -1.0), ("upper", upper, 1.0)):
        bound = numbers(name, bound)
        if bound is not None and not (side * bound >= 0.0).all():
            raise InvalidParameterError(f"penalty: {name} excludes 0, or is NaN: a penalised coefficient must reach 0")


def leaves_out(factors) -> bool:
    """Whether some factor is infinite."""
    return factors is not None and bool(np.isinf(numbers("factors", factors)).any())


def numbers(name: str, values) -> np.ndarray | None:
    """The numbers of an option as an array (k,), or None."""
    if values is None:
        return None
    try:
        return np.asarray(list(values.values()) if isinstance(values, Mapping) else values, np.float64).ravel()
    except (TypeError, ValueError):
        raise InvalidParameterError(f"penalty: {name}={values!r} must be numbers") from None


def semidefinite(P, p: int | None = None) -> np.ndarray:
    """P as a symmetric array (p, p), of ``p`` columns where their number is known."""
    P = np.asarray(P, np.float64)
    if p is not None and P.ndim and len(P) != p:
        raise InvalidParameterError(f"penalty: P has {len(P)} rows, expected {p} for the columns of X")
    if P.ndim != 2 or P.shape[0] != P.shape[1] or not np.isfinite(P).all():
        raise InvalidParameterError(f"penalty: P has shape {P.shape}, expected a finite square matrix")
    if not np.allclose(P, P.T, rtol=1e-12, atol=0.0):
        raise InvalidParameterError("penalty: P must be symmetric")
    values = np.linalg.eigvalsh(P)
    least = float(values.min(initial=0.0))
    if least < -INDEFINITE * np.abs(values).max(initial=0.0):
        raise InvalidParameterError(f"penalty: P must be positive semidefinite, its least eigenvalue is {least:.3g}")
    return 0.5 * (P + P.T)


def check_lambdas(lambdas, ratio) -> None:
    """Refuse the values of a path that cannot be used: a number of them, or ones that are not negative.

    Raises
    ------
    InvalidParameterError
    """
    if isinstance(lambdas, (int, np.integer)) and not isinstance(lambdas, bool):
        if lambdas < 1:
            raise InvalidParameterError(f"lambdas={lambdas} must be at least 1")
    elif np.ndim(lambdas) != 1:
        raise InvalidParameterError(f"lambdas={lambdas!r} must be a whole number of values, or a list of the values")
    else:
        values = numbers("lambdas", lambdas)
        if values is None or not len(values) or not ((values >= 0.0) & np.isfinite(values)).all():
            raise InvalidParameterError("lambdas must be a number of values, or finite values that are not negative")
        if len(np.unique(values)) < len(values):
            raise InvalidParameterError("lambdas has a value twice")
    if ratio is not None and not (isinstance(ratio, (float, np.floating)) and 0.0 < ratio < 1.0):
        raise InvalidParameterError(f"ratio={ratio!r} must be a number between 0 and 1")
