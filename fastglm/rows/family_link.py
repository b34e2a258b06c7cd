"""The family and the link of a fit from its arguments."""

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
        For a name that is not registered, and a value that is no family or link.
    """

    def value(given_value, get, method, what):
        if isinstance(given_value, str):
            return get(given_value)
        if isinstance(given_value, type) and issubclass(given_value, tuple) and not getattr(given_value, "_fields", ()):
            given_value = given_value()
        if getattr(given_value, "response_model", "") == "softmax":
            return given_value
        if not (isinstance(given_value, tuple) and hasattr(type(given_value), method)):
            raise InvalidParameterError(f"{what} must be a name or a value of fastglm.{what}, not {given_value!r}")
        return given_value

    family = value(family, get_family, "variance", "family")
    if family.response_model == "softmax":
        if getattr(link, "name", link) not in (None, "softmax", "logit"):
            raise InvalidParameterError(f"link={link!r}: family='multinomial' has the softmax link only")
        return family, Softmax()
    link = type(family).default_link() if link is None else value(link, get_link, "slope", "link")
    if family.domain.high == 1.0 and not hasattr(type(link), "tails"):
        raise InvalidParameterError(f"link={link.name!r} does not map onto (0, 1), which family={family.name!r} needs")
    return family, link
