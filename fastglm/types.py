"""Small shared records and the protocols of the library, one page each."""

from __future__ import annotations

from math import inf, isfinite
from typing import NamedTuple, Protocol

# why a fit stopped that has read its rows once, and cannot know how far it is from the optimum
READ_ONCE = "read once: not certified"
# what a row may have beside X and y
VECTORS = ("weights", "freq_weights", "offset", "exposure")


class Interval(NamedTuple):
    """An interval of the real line, the support of a response or the range of a mean."""

    low: float = -inf
    high: float = inf
    closed: str = "both"

    @property
    def left_closed(self) -> bool:
        return self.closed in ("left", "both") and isfinite(self.low)

    @property
    def right_closed(self) -> bool:
        return self.closed in ("right", "both") and isfinite(self.high)

    def __str__(self) -> str:
        left, right = "[" if self.left_closed else "(", "]" if self.right_closed else ")"
        return f"{left}{self.low:g}, {self.high:g}{right}"


class Record:
    """What is kept of a finished fit; the base of results, by which tables and files know them."""


class Link(Protocol):
    """A link: a NamedTuple of its parameters with compiled scalar methods."""

    def link(self, mu: float) -> float: ...

    def inverse(self, eta: float) -> float: ...

    def slope(self, eta: float) -> float: ...

    def bend(self, eta: float) -> float: ...


class Family(Protocol):
    """A family: a NamedTuple of its parameters with compiled scalar methods."""

    def variance(self, mu: float) -> float: ...

    def deviance(self, y: float, mu: float) -> float: ...

    def start(self, y: float, w: float) -> float: ...
