"""Small records and words that every room uses: intervals, the vectors beside X, arrays for type checkers."""

from __future__ import annotations

from math import inf, isfinite
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from os import PathLike
    from typing import TypeAlias

    import numpy as np
    from numpy.typing import ArrayLike as ArrayLike
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[np.float64]
    Labels: TypeAlias = NDArray[Any]
    File: TypeAlias = str | PathLike[str]

# why a fit stopped that has read its rows once, and cannot know how far it is from the optimum
READ_ONCE = "read once: not certified"
# what a row may have beside X and y
VECTORS = ("weights", "freq_weights", "offset", "exposure")
SHIFTS = ("offset", "exposure")  # those that move the linear predictor


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


class ShapeEstimate(NamedTuple):
    """A parameter of a family that was estimated by maximum likelihood together with the coefficients.

    Attributes
    ----------
    name : str
        That of the family's parameter: "theta" of the negative binomial, "power" of the Tweedie distribution.
    value : float
        Infinite theta: the counts vary no more than Poisson's.
    se : float
        From the observed information of this parameter alone, as R's ``glm.nb`` has it.
    """

    name: str
    value: float
    se: float


class Record:
    """What is kept of a finished fit; the base of results, by which tables and files know them."""
