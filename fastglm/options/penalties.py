"""Penalties as records of options, what each of them asks of a solver, and the checks that need no row.

A fit minimises the weighted mean of the loss (half the unit deviance) plus the penalty, the intercept left free. Of the
coefficients b of columns divided by their standard deviations, an elastic net is

    lam (alpha sum f_j |b_j| + (1 - alpha) / 2 sum f_j b_j^2)

with factors f_j that are rescaled to the mean one (Friedman, Hastie and Tibshirani 2010, "Regularization paths for
generalized linear models via coordinate descent", Journal of Statistical Software 33). Coefficients are reported, and
bounded, on the scale of X.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Any, NamedTuple

import numpy as np

from ..errors import InvalidParameterError
from .solvers import declaration_of

INDEFINITE = 1e-10  # of the largest eigenvalue, by which the least may be negative from rounding


class Ridge(NamedTuple):
    """The sum of squares, lam / 2 sum b_j^2, or the quadratic lam / 2 b' P b.

    Parameters
    ----------
    lam : float, optional
        Not negative. Left out for a path, which has its own values.
    P : (p, p) array, optional
        Symmetric and positive semidefinite, of the coefficients of X on their own scale.
    scale : bool
        Whether columns are divided by their standard deviations first; P is taken as it is.
    """

    lam: float | None = None
    P: Any = None
    scale: bool = True

    @property
    def smooth(self) -> bool:
        """Whether the penalty is a quadratic: it is."""
        return True

    @property
    def confined(self) -> bool:
        """Whether coefficients are bounded or left out: they are not."""
        return False


class Lasso(NamedTuple):
    """The sum of absolute values, lam sum |b_j|; ``ElasticNet`` with alpha = 1.

    Parameters
    ----------
    lam : float, optional
        Not negative. Left out for a path, which has its own values.
    scale : bool
        Whether columns are divided by their standard deviations first.
    """

    lam: float | None = None
    scale: bool = True

    @property
    def smooth(self) -> bool:
        """Whether the penalty is a quadratic: it is not."""
        return False

    @property
    def confined(self) -> bool:
        """Whether coefficients are bounded or left out: they are not."""
        return False


class ElasticNet(NamedTuple):
    """A mixture of lasso and ridge, with factors and bounds of the coefficients.

    Parameters
    ----------
    lam : float, optional
        Not negative. Left out for a path, which has its own values.
    alpha : float
        The lasso's part, from 0 (ridge) to 1 (lasso).
    factors : (p,) array or mapping of names, optional
        What each coefficient's penalty is multiplied by: 0 leaves it free, infinity leaves the column out. The finite
        ones are rescaled to sum to p, for which a column that is left out counts as 1.
    lower, upper : float, (p,) array or mapping of names, optional
        Bounds of the coefficients on the scale of X, on both sides of zero.
    scale : bool
        Whether columns are divided by their standard deviations first.
    """

    lam: float | None = None
    alpha: float = 0.5
    factors: Any = None
    lower: Any = None
    upper: Any = None
    scale: bool = True

    @property
    def smooth(self) -> bool:
        """Whether the penalty is a quadratic, of coefficients without bounds."""
        return self.alpha == 0.0 and not self.confined

    @property
    def confined(self) -> bool:
        """Whether coefficients are bounded or left out."""
        infinite = self.factors is not None and np.isinf(_numbers("factors", self.factors)).any()
        return bool(infinite) or self.lower is not None or self.upper is not None


PENALTIES = {"ridge": Ridge, "lasso": Lasso}


def resolve_penalty(penalty, path: bool = False):
    """The record that ``penalty=`` stands for, checked as far as that needs no row.

    Parameters
    ----------
    penalty : record, mapping of a name to its lam such as {"ridge": 0.1}, or None
    path : bool
        Whether the values of lam come from a path.

    Returns
    -------
    Ridge, Lasso, ElasticNet or None

    Raises
    ------
    InvalidParameterError
    """
    if penalty is None:
        return None
    if isinstance(penalty, str):
        raise InvalidParameterError(
            f'penalty={penalty!r} has no number beside it: pass {{"{penalty}": 0.1}} or a record of fastglm.penalties'
        )
    if isinstance(penalty, Mapping):
        penalty = _named(penalty)
    if not isinstance(penalty, (Ridge, Lasso, ElasticNet)):
        raise InvalidParameterError(f"penalty={penalty!r} is no record of fastglm.penalties")
    _check_lam(penalty, path)
    if isinstance(penalty, Ridge) and penalty.P is not None:
        return penalty._replace(P=_semidefinite(penalty.P))
    if isinstance(penalty, ElasticNet):
        _check_net(penalty)
    return penalty


def check_solver(penalty, solver) -> None:
    """Refuse a solver that does not fit a penalty.

    Raises
    ------
    InvalidParameterError
    """
    declared = declaration_of(solver)
    if declared.first_order:
        raise InvalidParameterError(f"penalty: solver={declared.name!r} has penalties of its own, its l1 and l2")
    if declared.sequential:
        raise InvalidParameterError(f"penalty: solver={declared.name!r} knows none; leave it out")
    if not penalty.smooth and not declared.chooses and "l1" not in declared.penalties:
        raise InvalidParameterError(
            f"penalty: solver={declared.name!r} knows no lasso and no bounds; take 'auto' or 'proximal-newton'"
        )


def as_net(penalty) -> ElasticNet:
    """A record as an elastic net; a quadratic P is left out."""
    if isinstance(penalty, ElasticNet):
        return penalty
    return ElasticNet(penalty.lam, float(isinstance(penalty, Lasso)), scale=penalty.scale)


def column_values(name: str, values, columns: tuple[str, ...], default: float) -> np.ndarray:
    """An option of each column, (p,), from a number, an array or a mapping of names.

    Raises
    ------
    InvalidParameterError
        For a wrong length, and names that are those of no column.
    """
    if values is None:
        return np.full(len(columns), default)
    if isinstance(values, Mapping):
        unknown = [key for key in values if key not in columns]
        if unknown:
            raise InvalidParameterError(f"penalty: {name} has {unknown[0]!r}, which is no column of the model")
        return np.array([float(values.get(column, default)) for column in columns])
    array = np.asarray(values, np.float64)
    if array.ndim == 0:
        return np.full(len(columns), float(array))
    if array.shape != (len(columns),):
        raise InvalidParameterError(
            f"penalty: {name} has shape {array.shape}, expected ({len(columns)},) for the columns of the model"
        )
    return array


def _named(penalty):
    """The record of {"ridge": lam} or {"lasso": lam}."""
    if len(penalty) != 1 or next(iter(penalty)) not in PENALTIES:
        raise InvalidParameterError(f"penalty={penalty!r} must be one of {', '.join(PENALTIES)} with its lam")
    name, lam = next(iter(penalty.items()))
    return PENALTIES[name](lam)


def _check_lam(penalty, path):
    lam = penalty.lam
    if path:
        if lam is not None:
            raise InvalidParameterError(f"penalty={penalty!r}: the values of a path come from lambdas=, leave lam out")
        return
    if lam is None:
        raise InvalidParameterError(f"penalty={penalty!r} has no lam")
    if isinstance(lam, (str, bool)) or not np.isscalar(lam) or not 0.0 <= lam < inf:
        raise InvalidParameterError(f"penalty: lam={lam!r} must be a finite number, not negative")


def _check_net(net):
    """The numbers of an elastic net, whatever their length."""
    if isinstance(net.alpha, (str, bool)) or not np.isscalar(net.alpha) or not 0.0 <= net.alpha <= 1.0:
        raise InvalidParameterError(f"penalty: alpha={net.alpha!r} must lie between 0 (ridge) and 1 (lasso)")
    factors, lower, upper = (_numbers(name, getattr(net, name)) for name in ("factors", "lower", "upper"))
    if factors is not None and not (factors >= 0.0).all():
        raise InvalidParameterError("penalty: factors must not be negative or NaN (infinity leaves a column out)")
    if factors is not None and not np.isfinite(factors).any():
        raise InvalidParameterError("penalty: factors leave out every column")
    for name, bound, side in (("lower", lower, -1.0), ("upper", upper, 1.0)):
        if bound is not None and not (side * bound >= 0.0).all():
            raise InvalidParameterError(f"penalty: {name} excludes 0, or is NaN: a penalised coefficient must reach 0")


def _numbers(name, values):
    """The numbers of an option as an array, or None."""
    if values is None:
        return None
    try:
        return np.asarray(list(values.values()) if isinstance(values, Mapping) else values, np.float64).ravel()
    except (TypeError, ValueError):
        raise InvalidParameterError(f"penalty: {name}={values!r} must be numbers") from None


def _semidefinite(P):
    """P as a symmetric array (p, p)."""
    P = np.asarray(P, np.float64)
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
    """Refuse the values of a path that cannot be used: a number of them, or decreasing ones that are not negative.

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
        values = _numbers("lambdas", lambdas)
        if values is None or not len(values) or not ((values >= 0.0) & np.isfinite(values)).all():
            raise InvalidParameterError("lambdas must be a number of values, or finite values that are not negative")
        if len(np.unique(values)) < len(values):
            raise InvalidParameterError("lambdas has a value twice")
    if ratio is not None and not (isinstance(ratio, (float, np.floating)) and 0.0 < ratio < 1.0):
        raise InvalidParameterError(f"ratio={ratio!r} must be a number between 0 and 1")
