"""The functions of formulas: each is declared here to be of one row, or to learn from all rows once.

A function of one row gives the same number whatever rows stand beside it, so that blocks of a file, new rows and the
rows in another order are computed alike. One that learns (the knots of a spline) keeps what it learned and is one of a
row from then on. Nothing else is offered: what numpy exports besides may look at other rows.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from .natural_spline import ns
from .polynomial import MOST_FIELDS, polynomial

MOST_VARIABLES = 50  # that one polynomial may be of; two of each already have 1,325 products


class Function(NamedTuple):
    """What a call of a function may look like.

    Attributes
    ----------
    least, most : int
        The arguments without a name.
    keywords : tuple of str
        The names of others; these are constants.
    columns : int
        How many of the arguments may be columns; those after them are constants.
    learns : bool
        Whether it keeps what it learned from all rows.
    """

    least: int
    most: int
    keywords: tuple[Any, ...] = ()
    columns: int = 1
    learns: bool = False


ONE = (
    "abs absolute arccos arccosh arcsin arcsinh arctan arctanh cbrt ceil cos cosh deg2rad degrees exp exp2 expm1 fabs "
    "floor isfinite isinf isnan log log10 log1p log2 logical_not negative positive rad2deg radians reciprocal rint "
    "sign signbit sin sinh sqrt square tan tanh trunc"
).split()
TWO = (
    "add arctan2 copysign divide equal float_power floor_divide fmax fmin fmod greater greater_equal heaviside hypot "
    "less less_equal logaddexp logaddexp2 logical_and logical_or logical_xor maximum minimum mod multiply not_equal "
    "power remainder subtract true_divide"
).split()
BY_NUMPY = {
    **dict.fromkeys(ONE, Function(1, 1)),
    **dict.fromkeys(TWO, Function(2, 2, columns=2)),
    "where": Function(3, 3, columns=3),
    "clip": Function(1, 3, ("a_min", "a_max"), columns=3),
    "isin": Function(2, 2, ("invert",)),
    "round": Function(1, 2, ("decimals",)),
}
BOUNDS = ("lower_bound", "upper_bound")
SPLINE = Function(1, 3, ("df", "knots", *BOUNDS, "constraints", "extrapolation"), learns=True)
SCALE = Function(1, 4, ("center", "scale", "ddof"), learns=True)
STATEFUL = {
    "bs": Function(1, 4, ("df", "knots", "degree", "include_intercept", *BOUNDS, "extrapolation"), learns=True),
    "cc": SPLINE,
    "cr": SPLINE,
    "cs": SPLINE._replace(keywords=(*SPLINE.keywords, "cyclic")),
    "ns": Function(1, 4, ("df", "knots", "intercept", *BOUNDS), learns=True),
    "poly": Function(1, 3, ("degree", "raw"), learns=True),
    "polynomial": Function(1, MOST_VARIABLES, ("degree", "interaction"), columns=MOST_VARIABLES, learns=True),
    "center": Function(1, 1, learns=True),
    "scale": SCALE,
    "standardize": SCALE,
}
DECLARED = {**BY_NUMPY, **STATEFUL, "I": Function(1, 1), "days": Function(1, 1)}
# what says how many columns there will be: by name, or by its place among the arguments
SIZES = {
    "bs": ("df", "knots", "degree"),
    **dict.fromkeys(("poly", "polynomial"), ("degree",)),
    **dict.fromkeys(("cc", "cr", "cs", "ns"), ("df", "knots")),
}


def offered() -> dict[Any, Any]:
    """All functions by name, formulaic's among them, and ``np`` with those of numpy that are declared."""
    from formulaic.transforms import TRANSFORMS
    from formulaic.utils.stateful_transforms import stateful_transform

    by_numpy = {name: getattr(np, name) for name in BY_NUMPY}
    own = {"ns": ns, "polynomial": polynomial}
    learning = {name: stateful_transform(own[name]) if name in own else TRANSFORMS[name] for name in STATEFUL}
    return {**by_numpy, **learning, "I": lambda v: v, "days": days, "np": SimpleNamespace(**by_numpy)}


def days(dates: Any) -> Any:
    """Dates as days since 1970-01-01, or spans of time in days, float64."""
    zero = np.datetime64(0, "D") if dates.dtype.kind == "M" else np.timedelta64(0, "D")
    return (dates - zero) / np.timedelta64(1, "D")


def too_large(name: str, arguments: list[Any], keywords: dict[Any, Any]) -> str | None:
    """The reason why a call asks for more columns than a term may have, in words, or None; ``arguments`` are the
    constants after the first one.
    """
    sizes = SIZES.get(name, ())
    for key, v in {**dict(zip(sizes, arguments, strict=False)), **keywords}.items():
        size = len(v) if isinstance(v, (list, tuple)) else v
        if key in sizes and isinstance(size, (int, float)) and not isinstance(size, bool) and abs(size) > MOST_FIELDS:
            return f"{key}={size:g} in {name}(...) is more than {MOST_FIELDS}"
    return None
