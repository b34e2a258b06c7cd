"""What a solver receives, and what it returns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .decide import Control


class Problem(NamedTuple):
    """A fit as a solver sees it.

    Attributes
    ----------
    objective : Objective
        Half the deviance, as ``core/protocols.py`` describes it.
    options : record of ``fastglm.solvers``
    control : Control
        Tolerances, and whether the information is wanted at the end.
    start : (m,) array or None
        The user's starting coefficients.
    fallback : callable
        () -> coefficients with a finite deviance, those of the null model. Its attribute ``central`` says whether they
        are as good a start as the first iterate from starting means, ``rare`` whether their mean is near an end of its
        range, ``mean`` is that of the response and ``deviance`` that of the null model.
    dispersion : callable
        Quadratic -> the dispersion that standard errors would have there.
    information : float
        About how many rows' worth of information the response carries (events, for a rare event).
    penalty : Penalty or None
        What is added to half the deviance.
    information_wanted : bool
        Whether the last pass of a fit with a smooth penalty shall have the information.
    """

    objective: Any
    options: Any
    control: Control
    start: np.ndarray | None
    fallback: Callable[[], np.ndarray]
    dispersion: Callable[[Any], float]
    information: float
    penalty: Any = None
    information_wanted: bool = False

    def without_start(self) -> Problem:
        """The same, begun at the ordinary start."""
        return self._replace(start=None)

    def controlled(self, **changes: Any) -> Problem:
        """The same with some options of the descent changed."""
        return self._replace(control=self.control._replace(**changes))

    def first(self) -> np.ndarray:
        """The coefficients to begin with: the user's, or the null model's."""
        return self.fallback() if self.start is None else self.start


def solved(control: Control, fits: int) -> None:
    """Tell whoever watches that so many fits of a path or of its folds are done."""
    if control.callback is not None:
        control.callback({"solved": fits})


class Solution(NamedTuple):
    """Where a descent ended and why.

    Attributes
    ----------
    beta : (m,) array
    quadratic : Quadratic
        The last pass.
    factor : Factor or None
        That of the information, where one was made.
    certificate : float
        The estimated distance to the optimum in standard errors: under the quadratic model no coefficient is further.
    score_norm : float
    n_iter : int
    stop : str
        "converged", or the reason why it is not.
    history : tuple of dict
        A record of each iteration.
    origin : tuple of (m,) array and Quadratic, or None
        The coefficients and the pass at which ``factor`` was made.
    meat : (m, m) array or None
        The sum of outer products of the rows' scores, where the solver made it.
    blocked : bool
        Whether the end of the means' range has lately shortened steps.
    """

    beta: np.ndarray
    quadratic: Any
    factor: Any
    certificate: float
    score_norm: float
    n_iter: int
    stop: str
    history: tuple[Any, ...]
    origin: tuple[Any, ...] | None = None
    meat: np.ndarray | None = None
    blocked: bool = False
