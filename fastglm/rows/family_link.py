"""The family and the link that the arguments of a fit mean."""

from __future__ import annotations

from ..errors import InvalidParameterError
from ..families import get as get_family
from ..family.multinomial import Softmax
from ..links import get as get_link


def family_and_link(family, link):
    """The family and link values for names, classes or values.

    Raises
    ------
    InvalidParameterError
        For a name that is not registered.
    InvalidParameterError
        For something that is neither a name nor a family or link.
    """

    def value(v, get, method, what):
        if isinstance(v, str):
            return get(v)
        if isinstance(v, type) and issubclass(v, tuple) and not getattr(v, "_fields", ()):
            v = v()
        if getattr(v, "response_model", "") == "softmax":
            return v
        if not (isinstance(v, tuple) and hasattr(type(v), method)):
            raise InvalidParameterError(f"{what} must be a name or a value of fastglm.{what}, not {v!r}")
        return v

    family = value(family, get_family, "variance", "family")
    if family.response_model == "softmax":
        if getattr(link, "name", link) not in (None, "softmax", "logit"):
            raise InvalidParameterError(f"link={link!r}: family='multinomial' has the softmax link only")
        return family, Softmax()
    link = type(family).default_link() if link is None else value(link, get_link, "slope", "link")
    if family.domain.high == 1.0 and not hasattr(type(link), "tails"):
        raise InvalidParameterError(f"link={link.name!r} does not map onto (0, 1), which family={family.name!r} needs")
    return family, link
