"""Families and links of statsmodels, or of its spelling here, as families and links of this library.

They are known by the name and the module of their class and by their attributes, so that statsmodels is never
imported. A class derived from one of them may answer otherwise than its parent, and is refused.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .. import families, links
from ..errors import InvalidParameterError
from ..family.registry import FAMILIES, LINKS
from .negative_binomial_link import NegativeBinomialLink
from .refusals import refuse

HOMES = ("statsmodels.genmod.families.", "fastglm.statsmodels.families")
CDF = {"Probit": "norm", "Cauchy": "cauchy"}
# spellings that statsmodels itself gives up
OLD = {"log": "Log", "logc": "LogC", "nbinom": "NegativeBinomial", "cloglog": "CLogLog", "loglog": "LogLog"} | {
    name: name.title().replace("_", "")
    for name in ("logit", "probit", "cauchy", "identity", "inverse_power", "inverse_squared", "sqrt")
}


class Spec(NamedTuple):
    """A family and a link as statsmodels has them.

    Attributes
    ----------
    family, link : values of ``fastglm.families`` and ``fastglm.links``
        Those that are fitted.
    power : float, optional
        The power of a Tweedie family, which may be fitted as the distribution that it is by another name.
    eql : bool
        Whether its log-likelihood is the extended quasi-likelihood.
    """

    family: Any
    link: Any
    power: float | None = None
    eql: bool = False

    @property
    def kind(self) -> str:
        """The name of the family's class."""
        return "Tweedie" if self.power is not None else self.family.statsmodels_name or self.family.name

    @property
    def scale_is_one(self) -> bool:
        """Whether statsmodels takes the scale as known."""
        return self.power is None and self.family.dispersion == "one"

    @property
    def canonical(self) -> bool:
        """Whether observed and expected information are the same."""
        return self.family.canonical == self.link.name

    def distribution(self, mu: Any, scale: Any, var_weights: Any = 1.0, trials: Any = 1.0) -> Any:
        """The distribution of each row of means mu (n,), frozen as SciPy has it: ``rvs(n)`` draws all responses.

        Raises
        ------
        NotSupportedError
            For a family, such as Tweedie's, whose distribution SciPy does not have.
        """
        if self.power is not None or self.family.frozen is None or self.family.saturated is None:
            raise refuse(f"get_distribution of the family {self.kind}")
        return self.family.frozen(mu, scale / np.asarray(var_weights), trials)


def _known(table, fact):
    """The classes of a registry that have a fact of their own, not of a parent, by it."""
    found = {vars(cls).get(fact): cls for cls in table.values()}
    return {value: cls for value, cls in found.items() if isinstance(value, (str, float))}


def translate(family: Any) -> Spec:
    """What a family of statsmodels, or a value of ``fastglm.families`` with its default link, means here.

    Raises
    ------
    InvalidParameterError
        For something that is not a family, and for parameters that no distribution has.
    NotSupportedError
        For a family or link that this library does not have.
    """
    if type(family) in FAMILIES.values():
        return Spec(family, family.default_link())
    name = _class_name(family, "family")
    link = translate_link(family.link)
    known = _known(FAMILIES, "statsmodels_name")
    if name == "NegativeBinomial":
        alpha = float(family.alpha)
        if not alpha > 0.0:
            raise InvalidParameterError(f"family NegativeBinomial: alpha must be positive, not {alpha}")
        return Spec(families.NegativeBinomial(theta=1.0 / alpha), link)
    if name in known:
        return Spec(known[name](), link)
    if name != "Tweedie":
        raise refuse(f"family {name}", f"there are {', '.join([*known, 'Tweedie'])}")
    power = float(family.var_power)
    named = _known({cls.statsmodels_name: cls for cls in known.values()}, "variance_power")
    if power not in named and power < 1.0:
        raise InvalidParameterError(f"family Tweedie: no distribution has var_power={power}")
    fitted = named[power]() if power in named else families.Tweedie(power=power)
    return Spec(fitted, link, power=power, eql=bool(family.eql))


def translate_link(link: Any) -> Any:
    """The link of this library behind one of statsmodels; errors as in ``translate``."""
    name = _class_name(link, "link")
    name = OLD.get(name, name)
    if hasattr(link, "power"):
        return power_link(link.power)
    if name == "NegativeBinomial":
        return NegativeBinomialLink(float(link.alpha))
    if name == "LogC":
        raise refuse("link LogC", "1 - y with links.Log() is the same model, its coefficients the same")
    known = _known(LINKS, "statsmodels_name")
    if name not in known:
        raise refuse(f"link {name}", f"there are {', '.join([*known, 'Power', 'NegativeBinomial'])}")
    distribution = getattr(link, "dbn", None)
    if distribution is not None and getattr(distribution, "name", None) != CDF[name]:
        raise refuse(f"link {name} of another distribution than {CDF[name]!r}")
    return known[name]()


def power_link(power: Any) -> Any:
    """mu^power, by its own name where it has one."""
    power = float(power)
    if power == 0.0:
        raise InvalidParameterError("link Power(power=0) is constant; the limit it stands for is links.Log()")
    named = _known(LINKS, "power")
    return named[power]() if power in named else links.Power(power)


def _class_name(value, what):
    cls = type(value)
    if not cls.__module__.startswith(HOMES):
        raise InvalidParameterError(
            f"{what} must be a value of statsmodels' families or of fastglm.statsmodels.families, such as "
            f"families.{'Poisson' if what == 'family' else 'links.Log'}(), not {value!r}"
        )
    return cls.__name__
