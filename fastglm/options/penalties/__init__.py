"""Penalties as records of options, one class a file, and the one that ``penalty=`` stands for.

A fit minimises the weighted mean of the loss (half the unit deviance) plus lam times the penalty of the coefficients of
columns divided by their standard deviations, the intercept left free (Friedman, Hastie and Tibshirani 2010,
"Regularization paths for generalized linear models via coordinate descent", Journal of Statistical Software 33).
Coefficients are reported, and bounded, on the scale of X.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import InvalidParameterError
from ..solvers import declaration_of
from .adaptive import Adaptive
from .checks import check_lam, check_lambdas
from .elastic_net import ElasticNet
from .group_lasso import GroupLasso
from .lasso import Lasso
from .registry import PENALTIES
from .relaxed import Relaxed
from .ridge import Ridge

__all__ = [
    "Adaptive", "ElasticNet", "GroupLasso", "Lasso", "PENALTIES", "Relaxed", "Ridge", "check_lambdas", "check_solver",
    "resolve_penalty",
]  # fmt: skip


def resolve_penalty(penalty: Any, path: bool = False) -> Any:
    """The record that ``penalty=`` stands for, checked as far as that needs no row.

    Parameters
    ----------
    penalty : record, mapping of a name to its lam such as {"ridge": 0.1}, or None
    path : bool
        Whether the values of lam come from a path.

    Returns
    -------
    record or None

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
        if len(penalty) != 1 or next(iter(penalty)) not in PENALTIES:
            raise InvalidParameterError(f"penalty={penalty!r} must be one of {', '.join(PENALTIES)} with its lam")
        name, lam = next(iter(penalty.items()))
        penalty = PENALTIES[name](lam)
    if type(penalty) not in PENALTIES.values():
        raise InvalidParameterError(f"penalty={penalty!r} is no record of fastglm.penalties")
    check_lam(penalty, path)
    return penalty.checked()


def check_solver(penalty: Any, solver: Any, path: bool = False) -> None:
    """Refuse a solver that does not fit a penalty, or not a path of them.

    Raises
    ------
    InvalidParameterError
    """
    declared = declaration_of(solver)
    handled = (*declared.penalties, *(("ridge",) if "quadratic" in declared.penalties else ()))
    missing = [kind for kind in penalty.needs if kind not in handled]
    if declared.first_order and (solver.l1 or solver.l2):
        raise InvalidParameterError(f"penalty: solver={declared.name!r} has its own l1 or l2; leave one of both out")
    if declared.first_order and path:
        raise InvalidParameterError(f"penalty: a path is exact; solver={declared.name!r} fits one lambda at a time")
    if declared.sequential and not declared.first_order:
        raise InvalidParameterError(f"penalty: solver={declared.name!r} knows none; leave it out")
    if missing and not declared.chooses:
        kind = {"l1": "lasso"}.get(missing[0], missing[0])
        raise InvalidParameterError(
            f"penalty: solver={declared.name!r} knows no {kind}; take 'auto' or 'proximal-newton'"
        )
