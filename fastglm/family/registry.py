"""The tables of families and links; a registration is all that a new one needs."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any, TypeVar

from ..errors import InvalidParameterError
from ..types import Interval, Link, RegisteredFamily, RegisteredLink
from .multinomial import Multinomial, Softmax

C = TypeVar("C", bound=type)

FAMILIES: dict[str, type] = {}
LINKS: dict[str, type] = {}
ALIASES: dict[str, str] = {}

REAL = Interval()
POSITIVE = Interval(0.0, float("inf"), "neither")
NONNEGATIVE = Interval(0.0, float("inf"), "left")
UNIT = Interval(0.0, 1.0, "both")


def link(
    name: str,
    *,
    domain: Interval = REAL,
    ends: tuple[float | None, float | None] | None = None,
    aliases: tuple[str, ...] = (),
) -> Callable[[C], C]:
    """Class decorator: register a link under ``name``.

    Parameters
    ----------
    name : str
        The public name, as in ``fit(..., link=name)``.
    domain : Interval
        The linear predictors that a fit may have.
    ends : (float or None, float or None), optional
        The linear predictors at which the mean is within 1e-17 of 0 and of 1, where it gets there exponentially fast.
    aliases : tuple of str
        Other spellings.
    """

    def register(cls):
        cls.name, cls.domain = name, domain
        cls.ends = ends or getattr(cls, "ends", (None, None))
        LINKS[name] = cls
        ALIASES.update({f"link:{a}": name for a in aliases})
        return cls

    return register


def family(
    name: str,
    *,
    link: type[Link],
    domain: Interval,
    mean: Interval | None = None,
    dispersion: str = "one",
    counts_dispersion: bool = False,
    canonical: str | None = None,
    tabulated: bool | None = None,
    binary_is_saturated: bool | None = None,
    aliases: tuple[str, ...] = (),
) -> Callable[[C], C]:
    """Class decorator: register a family under ``name``.

    Parameters
    ----------
    name : str
        The public name, as in ``fit(..., family=name)``.
    link : type
        The default link's class.
    domain : Interval
        The support of y.
    mean : Interval, optional
        The means the model may predict; the interior of ``domain`` unless given.
    dispersion : {"one", "pearson"}
        Known to be one (z tests), or Pearson's chi-square over the residual degrees of freedom (t tests).
    counts_dispersion : bool
        Whether AIC counts the dispersion as a parameter, as R does for gaussian, Gamma and inverse.gaussian.
    canonical : str, optional
        The name of the canonical link. What is not given is that of the parent class, if it has it.
    tabulated, binary_is_saturated : bool, optional
        Whether ``saturated`` of whole numbers is worth a table, and whether it is zero at y = 0 and y = 1.
    aliases : tuple of str
        Other spellings.
    """
    facts = {"canonical": canonical, "tabulated": tabulated, "binary_is_saturated": binary_is_saturated}

    def register(cls):
        cls.name, cls.default_link, cls.domain = name, link, domain
        cls.mean = mean or Interval(domain.low, domain.high, "neither")
        cls.dispersion, cls.counts_dispersion = dispersion, counts_dispersion
        for fact, value in facts.items():
            if value is not None:
                setattr(cls, fact, value)
        FAMILIES[name] = cls
        ALIASES.update({f"family:{a}": name for a in aliases})
        return cls

    return register


def _lookup(table: dict[str, type], what: str, name: str) -> type:
    key = ALIASES.get(f"{what}:{name}", name)
    if key not in table:
        close = difflib.get_close_matches(name, table, n=1)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        raise InvalidParameterError(f"{what}={name!r} is unknown{hint}; known: {', '.join(table)}")
    return table[key]


def get_family(name: str, **params: Any) -> RegisteredFamily:
    """The family registered under ``name`` (or an alias), with its parameters.

    Raises
    ------
    InvalidParameterError
        For a name that is not registered, or parameters the family does not have.
    """
    # not in the table of families of one mean, which loops are compiled and tests are made for
    known = FAMILIES | {Multinomial.name: Multinomial}
    return _build(_lookup(known, "family", name), "family", name, params)


def get_link(name: str, **params: Any) -> RegisteredLink:
    """The link registered under ``name`` (or an alias), with its parameters; or "softmax", that of the multinomial."""
    return _build(_lookup(LINKS | {Softmax.name: Softmax}, "link", name), "link", name, params)


def _build(cls, what, name, params):
    try:
        return cls(**params)
    except TypeError:
        fields = ", ".join(cls._fields) or "none"
        message = f"{what}={name!r} takes the parameters: {fields}; got {', '.join(params) or 'none'}"
        if cls._fields and not params:
            message += (
                f". Pass a value such as fastglm.{'families' if what == 'family' else 'links'}.{cls.__name__}(...)"
            )
        raise InvalidParameterError(message) from None
