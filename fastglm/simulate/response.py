"""Responses of each family at given linear predictors."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InvalidParameterError

TINY = np.finfo(float).tiny
_erfc = np.frompyfunc(math.erfc, 1, 1)

INVERSES: dict[str, Any] = {
    "identity": lambda eta: eta,
    "log": np.exp,
    "logit": lambda eta: 0.5 * (1 + np.tanh(0.5 * eta)),
    "probit": lambda eta: 0.5 * _erfc(-eta / math.sqrt(2)).astype(float),
    "cloglog": lambda eta: -np.expm1(-np.exp(eta)),
    "loglog": lambda eta: np.exp(-np.exp(-eta)),
    "cauchit": lambda eta: 0.5 + np.arctan(eta) / math.pi,
    "inverse": lambda eta: 1 / eta,
    "inverse_squared": lambda eta: np.where(eta > 0, np.abs(eta) ** -0.5, np.nan),
    "sqrt": lambda eta: np.where(eta >= 0, eta * eta, np.nan),
}
POSITIVE = ("inverse", "inverse_squared", "sqrt")  # links whose linear predictor is kept positive
DEFAULT_LINK = {
    "gaussian": "identity", "binomial": "logit", "poisson": "log", "gamma": "inverse",
    "inverse_gaussian": "inverse_squared", "negative_binomial": "log", "tweedie": "log",
}  # fmt: skip
PARENTS = {name: name for name in DEFAULT_LINK} | {
    "quasi": "gaussian", "quasi_binomial": "binomial", "quasi_poisson": "poisson",
}  # fmt: skip
DISPERSION = {"gamma": 0.5, "inverse_gaussian": 0.5}


@dataclass(frozen=True)
class Draw:
    """A family, its link and its parameters; a call draws one chunk of responses."""

    family: str
    link: str
    theta: float
    power: float
    dispersion: float

    def __post_init__(self):
        if self.family == "tweedie" and not 1 < self.power < 2:
            raise InvalidParameterError(f"the Tweedie power must lie between 1 and 2, got {self.power}")
        if self.theta <= 0 or self.dispersion <= 0:
            raise InvalidParameterError("theta and dispersion must be positive")

    def __call__(self, rng, eta, weights, first):
        mu = INVERSES[self.link](eta)
        self._check(mu, eta, first)
        phi = self.dispersion if weights is None else self.dispersion / weights
        match self.family:
            case "gaussian":
                return mu + np.sqrt(phi) * rng.standard_normal(mu.shape)
            case "binomial" if weights is None:
                return (rng.random(mu.shape) < mu).astype(float)
            case "binomial":
                trials = np.floor(weights).astype(np.int64)
                return rng.binomial(trials, mu) / np.maximum(trials, 1)
            case "poisson":
                return rng.poisson(mu).astype(float)
            case "gamma":
                return np.maximum(rng.gamma(1 / phi, phi * mu), TINY)
            case "inverse_gaussian":
                return np.maximum(rng.wald(mu, 1 / phi), TINY)
            case "negative_binomial":
                return rng.poisson(rng.gamma(self.theta, mu / self.theta)).astype(float)
            case _:
                return self._tweedie(rng, mu, phi)

    def _tweedie(self, rng, mu, phi):
        """A Poisson number of gamma jumps."""
        k = self.power
        jumps = rng.poisson(mu ** (2 - k) / (phi * (2 - k)))
        return rng.standard_gamma(jumps * (2 - k) / (k - 1)) * phi * (k - 1) * mu ** (k - 1)

    def _check(self, mu, eta, first):
        low = -math.inf if self.family == "gaussian" else 0.0
        high = 1.0 if self.family == "binomial" else math.inf
        bad = ~((mu >= low) & (mu <= high) & np.isfinite(mu))
        if bad.any():
            row = int(np.argmax(bad))
            raise InvalidParameterError(
                f"{self.family} with link {self.link} has no mean at linear predictor {eta[row]:.4g} "
                f"(row {first + row}); use a smaller signal, kind='uniform' or another intercept"
            )
