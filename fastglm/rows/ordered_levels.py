"""The order of the levels of an ordinal response."""

from __future__ import annotations

from typing import Any

from ..errors import InvalidParameterError


def levels_of(request, labels) -> tuple[Any, ...]:
    """The labels of y from the lowest to the highest.

    Parameters
    ----------
    request : FitRequest
        ``family.levels`` gives the order; else an ordered categorical does, of a frame or of y itself.
    labels : Encoded

    Raises
    ------
    InvalidParameterError
        For labels without an order, and levels that are not those of y.
    """
    given = request.family.levels
    levels = tuple(given) if given is not None else _categories(request)
    if levels is None:
        if all(isinstance(label, (bool, int, float)) for label in labels.classes):
            return labels.classes
        shown = ", ".join(map(repr, labels.classes[:5]))
        raise InvalidParameterError(
            f"y has labels without an order ({shown}): pass family=fastglm.families.Ordinal(levels=[...]) from the "
            "lowest to the highest, or an ordered categorical"
        )
    if len(set(levels)) != len(levels):
        raise InvalidParameterError(f"levels names a label twice: {list(levels)}")
    for label in labels.classes:
        if label not in levels:
            raise InvalidParameterError(f"y has the label {label!r}, which is not among levels: {list(levels)[:8]}")
    for label in levels:
        if label not in labels.classes:
            raise InvalidParameterError(f"y: the level {label!r} has no rows: drop the level")
    return levels


def _categories(request):
    """The categories of an ordered categorical, None where y is none."""
    y = request.y
    if y is None and request.formula is not None:
        y = request.formula.split("~")[0].strip().strip("`")
    if isinstance(y, str):
        try:
            y = request.data[y]
        except (KeyError, TypeError, IndexError, ValueError, AttributeError):
            return None
        except Exception:  # every library has errors of its own for a column that is not there
            return None
    kind = getattr(y, "dtype", None)
    if getattr(kind, "ordered", False) or type(kind).__name__ == "Enum":
        return tuple(kind.categories.tolist() if hasattr(kind.categories, "tolist") else kind.categories.to_list())
    return None
