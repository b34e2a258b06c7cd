"""The links, by class and by name."""

from .family.links import Cauchit, CLogLog, Identity, Inverse, InverseSquared, Log, Logit, LogLog, Power, Probit, Sqrt
from .family.registry import LINKS, link
from .family.registry import get_link as get

__all__ = [
    "CLogLog",
    "Cauchit",
    "Identity",
    "Inverse",
    "InverseSquared",
    "Log",
    "LogLog",
    "Logit",
    "Power",
    "Probit",
    "Sqrt",
    "get",
    "link",
    "names",
]


def names() -> tuple[str, ...]:
    """The registered names."""
    return tuple(LINKS)
