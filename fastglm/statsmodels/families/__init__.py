"""The families under statsmodels' names, for programs that write ``sm.families.Poisson(sm.families.links.Log())``."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ..translate import translate
from . import links

__all__ = [
    "Binomial",
    "Family",
    "Gamma",
    "Gaussian",
    "InverseGaussian",
    "NegativeBinomial",
    "Poisson",
    "Tweedie",
    "links",
]


class Family:
    """A family with its link.

    Parameters
    ----------
    link : link, optional
        A value of ``families.links``; the default of the family without it.
    check_link : bool
        Accepted and not used: whether a link suits a family is decided when it is fitted.

    Raises
    ------
    TypeError
        For a link's class in place of a value.
    """

    default_link = links.Identity

    def __init__(self, link: Any = None, check_link: bool = True) -> None:
        if isinstance(link, type):
            raise TypeError(f"link must be a value, {link.__name__}(), not the class")
        self.link = self.default_link() if link is None else link

    def variance(self, mu: Any) -> Any:
        """The variance of a response of mean mu at unit scale, an array of mu's shape."""
        value = translate(self).family
        return np.vectorize(value.variance, otypes=[float])(mu)

    def fitted(self, lin_pred: Any) -> Any:
        """The mean at a linear predictor."""
        return self.link.inverse(lin_pred)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.link!r})"


class Gaussian(Family):
    """The normal distribution; identity link by default."""


class Binomial(Family):
    """The binomial distribution of a proportion, of 0 and 1, or of successes and failures; logit link by default."""

    default_link = links.Logit


class Poisson(Family):
    """The Poisson distribution; log link by default."""

    default_link = links.Log


class Gamma(Family):
    """The gamma distribution; inverse link by default."""

    default_link = links.InversePower


class InverseGaussian(Family):
    """The inverse Gaussian distribution; 1/mu^2 link by default."""

    default_link = links.InverseSquared


class NegativeBinomial(Family):
    """The negative binomial distribution of variance mu + alpha mu^2 with alpha given; log link by default."""

    default_link = links.Log

    def __init__(self, link: Any = None, alpha: float | None = None, check_link: bool = True) -> None:
        super().__init__(link, check_link)
        if alpha is None:
            warnings.warn("alpha of the negative binomial is not given: 1 is used", UserWarning, stacklevel=2)
        self.alpha = 1.0 if alpha is None else float(alpha)


class Tweedie(Family):
    """The Tweedie distribution of variance mu^var_power; log link by default.

    Parameters
    ----------
    eql : bool
        Whether ``llf`` is the extended quasi-likelihood (Nelder and Pregibon 1987) in place of the likelihood.
    """

    default_link = links.Log

    def __init__(self, link: Any = None, var_power: float = 1.0, eql: bool = False, check_link: bool = True) -> None:
        super().__init__(link, check_link)
        if eql and not 1 <= var_power <= 2:
            raise ValueError(f"eql=True needs a var_power between 1 and 2, not {var_power}")
        self.var_power, self.eql = var_power, eql
