"""The family and the link of a fit from its arguments."""

from __future__ import annotations

from functools import lru_cache

from ..errors import InvalidParameterError
from ..families import family_class
from ..families import get as get_family
from ..family.multinomial import Softmax
from ..links import get as get_link


def family_and_link(family, link, estimation: bool = False, several: bool = False):
    """The family and link values for names, classes or values.

    Parameters
    ----------
    family, link : str, class or value
    estimation : bool
        Whether a family may leave out the parameter that a fit estimates, which then is None.
    several : bool
        Whether families of several linear predictors are admitted.

    Raises
    ------
    InvalidParameterError
        For a name that is not registered, a value that is no family or link, and a parameter that is None where it is
        not estimated.
    """
    if isinstance(family, str) and link is None:
        return _of_name(family, family_class(family), estimation, several)
    return _of_values(family, link, estimation, several)


@lru_cache(maxsize=64)
def _of_name(family, kind, estimation, several):
    """The values of a name; ``kind`` is what it is registered for, another after a registration anew."""
    return _of_values(family, None, estimation, several)


def _of_values(family, link, estimation, several):
    def value(given_value, get, method, what):
        if isinstance(given_value, str):
            return get(given_value)
        if isinstance(given_value, type) and issubclass(given_value, tuple) and not getattr(given_value, "_fields", ()):
            given_value = given_value()
        if getattr(given_value, "response_model", "mean") != "mean":
            return given_value() if isinstance(given_value, type) else given_value
        if not (isinstance(given_value, tuple) and hasattr(type(given_value), method)):
            raise InvalidParameterError(f"{what} must be a name or a value of fastglm.{what}, not {given_value!r}")
        return given_value

    kind = family_class(family) if isinstance(family, str) else family
    if estimation and isinstance(kind, type) and getattr(kind, "estimated", None):
        family = kind(None)
    family = value(family, get_family, "variance", "family")
    if not estimation and is_open(family):
        raise InvalidParameterError(
            f"family={family.name!r} with {family.estimated}=None is estimated by fit and glm without a penalty alone: "
            f"pass a number, as fastglm.families.{type(family).__name__}({family.estimated}=...)"
        )
    if family.response_model == "several":
        if not several:
            raise InvalidParameterError(f"family={family.name!r} is fitted by fastglm.fit and fastglm.glm alone")
        link = value(family.default_link if link is None else link, get_link, "slope", "link")
        family.check(link)
        return family, link
    if family.response_model == "softmax":
        if getattr(link, "name", link) not in (None, "softmax", "logit"):
            raise InvalidParameterError(f"link={link!r}: family='multinomial' has the softmax link only")
        return family, Softmax()
    link = type(family).default_link() if link is None else value(link, get_link, "slope", "link")
    if family.domain.high == 1.0 and not hasattr(type(link), "tails"):
        raise InvalidParameterError(f"link={link.name!r} does not map onto (0, 1), which family={family.name!r} needs")
    return family, link


def is_open(family) -> bool:
    """Whether a family lacks the parameter that a fit estimates."""
    return getattr(family, "estimated", None) is not None and getattr(family, family.estimated) is None
