"""Families and links of statsmodels, or of its spelling here, as families and links of this library.

They are known by the name and the module of their class and by their attributes, so that statsmodels is never
imported. A class derived from one of them may answer otherwise than its parent, and is refused.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from .. import families, links
from ..errors import InvalidParameterError
from .negative_binomial_link import NegativeBinomialLink
from .refusals import refuse

HOMES = ("statsmodels.genmod.families.", "fastglm.statsmodels.families")
LINKS = {
    "Log": links.Log(),
    "Logit": links.Logit(),
    "Probit": links.Probit(),
    "Cauchy": links.Cauchit(),
    "CLogLog": links.CLogLog(),
    "LogLog": links.LogLog(),
}
CDF = {"Probit": "norm", "Cauchy": "cauchy"}
POWERS = {1.0: links.Identity(), -1.0: links.Inverse(), -2.0: links.InverseSquared(), 0.5: links.Sqrt()}
POWER_LINKS = ("Power", "Identity", "InversePower", "InverseSquared", "Sqrt")
# spellings that statsmodels itself gives up
OLD = {
    "log": "Log",
    "logc": "LogC",
    "nbinom": "NegativeBinomial",
    "logit": "Logit",
    "probit": "Probit",
    "cauchy": "Cauchy",
    "cloglog": "CLogLog",
    "loglog": "LogLog",
    "identity": "Identity",
    "inverse_power": "InversePower",
    "inverse_squared": "InverseSquared",
    "sqrt": "Sqrt",
}
FAMILIES = {
    "Gaussian": families.Gaussian(),
    "Binomial": families.Binomial(),
    "Poisson": families.Poisson(),
    "Gamma": families.Gamma(),
    "InverseGaussian": families.InverseGaussian(),
}
# the distributions among the Tweedies that have a name
NAMED_POWERS = {
    0.0: families.Gaussian(),
    1.0: families.Poisson(),
    2.0: families.Gamma(),
    3.0: families.InverseGaussian(),
}
KNOWN_SCALE = ("Binomial", "Poisson", "NegativeBinomial")


class Spec(NamedTuple):
    """A family of statsmodels: its class name, the family and link that are fitted, and its own parameters."""

    kind: str
    family: Any
    link: Any
    alpha: float = 1.0
    power: float = 1.0
    eql: bool = False

    @property
    def scale_is_one(self) -> bool:
        """Whether statsmodels takes the scale as known."""
        return self.kind in KNOWN_SCALE

    @property
    def canonical(self) -> bool:
        """Whether observed and expected information are the same."""
        return getattr(self.family, "canonical", None) == self.link.name


def translate(family) -> Spec:
    """What a family of statsmodels means here.

    Raises
    ------
    InvalidParameterError
        For something that is not a family of statsmodels, and for parameters that no distribution has.
    NotSupportedError
        For a family or link that this library does not have.
    """
    name = _class_name(family, "family")
    link = translate_link(family.link)
    if name in FAMILIES:
        return Spec(name, FAMILIES[name], link)
    if name == "NegativeBinomial":
        alpha = float(family.alpha)
        if not alpha > 0.0:
            raise InvalidParameterError(f"family NegativeBinomial: alpha must be positive, not {alpha}")
        return Spec(name, families.NegativeBinomial(theta=1.0 / alpha), link, alpha=alpha)
    if name == "Tweedie":
        power = float(family.var_power)
        if power not in NAMED_POWERS and power < 1.0:
            raise InvalidParameterError(f"family Tweedie: no distribution has var_power={power}")
        fitted = NAMED_POWERS[power] if power in NAMED_POWERS else families.Tweedie(power=power)
        return Spec(name, fitted, link, power=power, eql=bool(family.eql))
    raise refuse(f"family {name}", f"there are {', '.join([*FAMILIES, 'NegativeBinomial', 'Tweedie'])}")


def translate_link(link):
    """The link of this library behind one of statsmodels; errors as in ``translate``."""
    name = _class_name(link, "link")
    name = OLD.get(name, name)
    if name in POWER_LINKS:
        return power_link(link.power)
    if name == "NegativeBinomial":
        return NegativeBinomialLink(float(link.alpha))
    if name == "LogC":
        raise refuse("link LogC", "1 - y with links.Log() is the same model, its coefficients the same")
    if name not in LINKS:
        raise refuse(f"link {name}", f"there are {', '.join([*LINKS, *POWER_LINKS, 'NegativeBinomial'])}")
    distribution = getattr(link, "dbn", None)
    if distribution is not None and getattr(distribution, "name", None) != CDF[name]:
        raise refuse(f"link {name} of another distribution than {CDF[name]!r}")
    return LINKS[name]


def power_link(power):
    """mu^power, by its own name where it has one."""
    power = float(power)
    if power == 0.0:
        raise InvalidParameterError("link Power(power=0) is constant; the limit it stands for is links.Log()")
    return POWERS[power] if power in POWERS else links.Power(power)


def _class_name(value, what):
    cls = type(value)
    if not cls.__module__.startswith(HOMES):
        raise InvalidParameterError(
            f"{what} must be a value of statsmodels' families or of fastglm.statsmodels.families, such as "
            f"families.{'Poisson' if what == 'family' else 'links.Log'}(), not {value!r}"
        )
    return cls.__name__
