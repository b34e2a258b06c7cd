"""Responses of a family at given linear predictors."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InvalidParameterError
from ..families import get as get_family
from ..family.means import inverse_link
from ..family.registry import family_class
from ..links import get as get_link

_erfc = np.frompyfunc(math.erfc, 1, 1)


class Functions:
    """The functions of NumPy that the formulas of links are written in."""

    exp, expm1, arctan = np.exp, np.expm1, np.arctan

    @staticmethod
    def sigmoid(eta):
        return 0.5 * (1 + np.tanh(0.5 * eta))

    @staticmethod
    def normal_cdf(eta):
        return 0.5 * _erfc(-eta / math.sqrt(2)).astype(float)

    @staticmethod
    def rsqrt(eta):
        return np.abs(eta) ** -0.5

    @staticmethod
    def power(eta, exponent):
        return np.abs(eta) ** exponent


@dataclass(frozen=True)
class Draw:
    """A family, its link and a dispersion; a call draws one chunk of responses."""

    family: Any
    link: Any
    dispersion: float

    def __post_init__(self):
        if self.family.draw is None:
            raise InvalidParameterError(f"the family {self.family.name!r} has no method draw(rng, mu, phi, weights)")
        if self.dispersion <= 0:
            raise InvalidParameterError(f"dispersion must be positive, got {self.dispersion}")
        # a parameter that cannot be drawn from is refused before the rows are
        self.family.draw(np.random.default_rng(0), np.full(1, 0.5), self.dispersion, None)

    def mean(self, eta):
        """The mean at linear predictors, NaN outside the link's domain."""
        if self.link.array_inverse is None:
            return inverse_link(self.link, eta)
        domain = self.link.domain
        mu = self.link.array_inverse(eta, Functions)
        if domain.low == -math.inf and domain.high == math.inf:
            return mu
        inside = (eta >= domain.low if domain.left_closed else eta > domain.low) & (eta < domain.high)
        return np.where(inside, mu, np.nan)

    def __call__(self, rng, eta, weights, first):
        mu = self.mean(eta)
        domain = self.family.domain
        bad = ~((mu >= domain.low) & (mu <= domain.high) & np.isfinite(mu))
        if bad.any():
            row = int(np.argmax(bad))
            raise InvalidParameterError(
                f"{self.family.name} with link {self.link.name} has no mean at linear predictor {eta[row]:.4g} "
                f"(row {first + row}); use a smaller signal, kind='uniform' or another intercept"
            )
        return self.family.draw(rng, mu, self.dispersion if weights is None else self.dispersion / weights, weights)


def model_of(family, link, **parameters):
    """The values of a family and a link from values or names; a family takes the ``parameters`` that are its fields."""
    if isinstance(family, str):
        name = family.lower()
        family = get_family(name, **{f: parameters[f] for f in family_class(name)._fields if f in parameters})
    link = family.default_link() if link is None else get_link(link.lower()) if isinstance(link, str) else link
    return family, link
