"""A link of statsmodels that R's ``glm`` has not: it belongs to this package and is not registered by name."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..core.records import Interval
from ..family.registry import LinkFacts, complete
from ..kernels.elementary import expm1, log1p

NEGATIVE = Interval(float("-inf"), 0.0, "neither")


class NegativeBinomialLink(NamedTuple):
    """log(mu / (mu + 1 / alpha)) = eta, for negative eta: the canonical link of the negative binomial."""

    alpha: float

    name = "nbinom"
    domain = NEGATIVE

    def link(self, mu: Any) -> Any:
        return -log1p(1.0 / (self.alpha * mu))

    def inverse(self, eta: Any) -> Any:
        return 1.0 / (self.alpha * expm1(-eta))

    def slope(self, eta: Any) -> Any:
        mu = 1.0 / (self.alpha * expm1(-eta))
        return mu * (1.0 + self.alpha * mu)

    def bend(self, eta: Any) -> Any:
        mu = 1.0 / (self.alpha * expm1(-eta))
        return mu * (1.0 + self.alpha * mu) * (1.0 + 2.0 * self.alpha * mu)


complete(NegativeBinomialLink, LinkFacts)
