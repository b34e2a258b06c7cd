"""What an adapter is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass
class Fit:
    """What every adapter returns.

    Attributes
    ----------
    coef : array
        Coefficients, the intercept first.
    se : array or None
        Their standard errors, None where the peer offers none.
    iterations : float or None
        Iterations, or passes where `unit` says so.
    unit : str
        "iterations" or "passes".
    seconds, memory : float or None
        The peer's own clock and peak memory in bytes, for one that runs in a process of its own.
    """

    coef: Any
    se: Any = None
    iterations: float | None = None
    unit: str = "iterations"
    seconds: float | None = None
    memory: float | None = None


@dataclass(frozen=True)
class Peer:
    """A competitor: its name, what it can do, and how to call it.

    Attributes
    ----------
    name : str
        As on the command line.
    families : frozenset of str
        The families it offers.
    inference : bool
        Whether a fit includes standard errors.
    memory : float
        Memory of a fit beyond the data, as a multiple of X; only used to skip what cannot fit.
    load : callable
        Imports the peer; raises ImportError or FileNotFoundError where it is not installed.
    fit : callable
        ``fit(data) -> Fit``.
    prepare : callable
        Brings the data into the peer's shape before the clock starts.
    note : str
        One line under the table.
    """

    name: str
    families: frozenset[str]
    inference: bool
    memory: float
    load: Callable[[], Any]
    fit: Callable[[Any], Fit]
    prepare: Callable[[Any], Any] = lambda data: None
    note: str = ""


ALL = frozenset("gaussian binomial poisson gamma inverse_gaussian negative_binomial tweedie".split())
