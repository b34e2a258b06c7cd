"""The links under statsmodels' names, with its methods: ``link(mu)``, ``inverse``, ``inverse_deriv``, ``deriv``."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import links as _links
from ..negative_binomial_link import NegativeBinomialLink
from ..translate import power_link

__all__ = [
    "CLogLog",
    "Cauchy",
    "Identity",
    "InversePower",
    "InverseSquared",
    "Link",
    "Log",
    "LogLog",
    "Logit",
    "NegativeBinomial",
    "Power",
    "Probit",
    "Sqrt",
]


class Link:
    """A link: ``fastglm`` is the value of ``fastglm.links`` behind it."""

    fastglm = _links.Identity()

    def __call__(self, mu: Any) -> Any:
        """The linear predictor at a mean, an array of its shape."""
        return self._each("link", mu)

    def inverse(self, z: Any) -> Any:
        """The mean at a linear predictor."""
        return self._each("inverse", z)

    def inverse_deriv(self, z: Any) -> Any:
        """The derivative of the mean in the linear predictor."""
        return self._each("slope", z)

    def inverse_deriv2(self, z: Any) -> Any:
        """The second derivative of the mean in the linear predictor."""
        return self._each("bend", z)

    def deriv(self, mu: Any) -> Any:
        """The derivative of the linear predictor in the mean."""
        return 1.0 / self.inverse_deriv(self(mu))

    def deriv2(self, mu: Any) -> Any:
        """The second derivative of the linear predictor in the mean."""
        z = self(mu)
        return -self.inverse_deriv2(z) / self.inverse_deriv(z) ** 3

    def _each(self, verb, values):
        return np.vectorize(getattr(self.fastglm, verb), otypes=[float])(values)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class Power(Link):
    """mu^power = eta; the log, identity, inverse and square-root links have classes of their own."""

    def __init__(self, power: float = 1.0) -> None:
        self.power = power

    @property
    def fastglm(self) -> Any:
        return power_link(self.power)

    def __repr__(self) -> str:
        return f"Power(power={self.power})" if type(self) is Power else f"{type(self).__name__}()"


class Identity(Power):
    """mu = eta."""

    def __init__(self) -> None:
        super().__init__(1.0)


class InversePower(Power):
    """1 / mu = eta."""

    def __init__(self) -> None:
        super().__init__(-1.0)


class InverseSquared(Power):
    """1 / mu^2 = eta."""

    def __init__(self) -> None:
        super().__init__(-2.0)


class Sqrt(Power):
    """sqrt(mu) = eta."""

    def __init__(self) -> None:
        super().__init__(0.5)


class Log(Link):
    """log(mu) = eta."""

    fastglm = _links.Log()


class Logit(Link):
    """log(mu / (1 - mu)) = eta."""

    fastglm = _links.Logit()


class Probit(Link):
    """mu is the standard normal distribution function at eta."""

    fastglm = _links.Probit()


class Cauchy(Link):
    """mu is the standard Cauchy distribution function at eta."""

    fastglm = _links.Cauchit()


class CLogLog(Link):
    """log(-log(1 - mu)) = eta."""

    fastglm = _links.CLogLog()


class NegativeBinomial(Link):
    """log(mu / (mu + 1 / alpha)) = eta."""

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha
        self.fastglm = NegativeBinomialLink(float(alpha))

    def __repr__(self) -> str:
        return f"NegativeBinomial(alpha={self.alpha})"


class LogLog(Link):
    """-log(-log(mu)) = eta."""

    fastglm = _links.LogLog()
