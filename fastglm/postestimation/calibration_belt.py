"""The calibration belt: a polynomial of the logit of predictions, whose degree the rows choose, and a band around it.

Nattino, G., Finazzi, S. and Bertolini, G. (2014), "A new calibration test and a reappraisal of the calibration belt for
the assessment of prediction models based on dichotomous outcomes", Statistics in Medicine 33; (2016), "A new test and
graphical tool to assess the goodness of fit of logistic regression models", Statistics in Medicine 35; R's ``givitiR``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.special import chdtr, chdtri, expit

from ..errors import InvalidParameterError

if TYPE_CHECKING:
    from ..core.records import Array

NODES = 48  # of Gauss and Legendre's rule for an integral; chosen: 12 digits of the distributions
STEPS = 60  # of Newton's method for the limits at all points
FARTHEST = 300.0  # of a linear predictor, beyond which outcomes are separated
MET = 1e-9  # of the drop, that the likelihood of a limit may miss
BLOCK_NUMBERS = 1 << 22  # numbers of a block of cells and points


class CalibrationBelt(NamedTuple):
    """A calibration curve with its confidence band, and the test that predictions are calibrated.

    Attributes
    ----------
    predicted : (k,) array, increasing
    observed, lower, upper : (k,) arrays
        The curve and the band at these predictions.
    degree : int
        Of the polynomial in the logit.
    level : float
    statistic, p_value : float
        The likelihood ratio of the polynomial and of perfect calibration, and its p-value given the degree.
    external : bool
    """

    predicted: Array
    observed: Array
    lower: Array
    upper: Array
    degree: int
    level: float
    statistic: float
    p_value: float
    external: bool

    @property
    def under(self) -> Array:
        """Where the band lies below the bisector: predictions are too large, (k,) of bool."""
        return self.upper < self.predicted

    @property
    def over(self) -> Array:
        """Where it lies above: predictions are too small, (k,) of bool."""
        return self.lower > self.predicted


class Polynomials:
    """Logistic regressions of outcomes on polynomials of log odds.

    Parameters
    ----------
    log_odds, events, non_events : (c,) arrays, of cells of rows with equal predictions
    """

    def __init__(self, log_odds: np.ndarray, events: np.ndarray, non_events: np.ndarray):
        self.low, self.high = log_odds[0], log_odds[-1]
        self.log_odds, self.events, self.weight = log_odds, events, events + non_events

    def basis(self, log_odds: np.ndarray, degree: int) -> np.ndarray:
        """Legendre's polynomials of log odds, (k, degree + 1): well conditioned, with the same span as powers."""
        return np.polynomial.legendre.legvander(2.0 * (log_odds - self.low) / (self.high - self.low) - 1.0, degree)

    def deviance(self, eta: np.ndarray) -> np.ndarray:
        """Minus twice the log-likelihood at linear predictors (c,) or (c, g)."""
        events = self.events if eta.ndim == 1 else self.events[:, None]
        weight = self.weight if eta.ndim == 1 else self.weight[:, None]
        return 2.0 * (weight * np.logaddexp(0.0, eta) - events * eta).sum(axis=0)

    def bisector(self, degree: int) -> np.ndarray:
        """The coefficients of perfect calibration."""
        beta = np.zeros(degree + 1)
        beta[:2] = 0.5 * (self.high + self.low), 0.5 * (self.high - self.low)
        return beta

    def fit(self, degree: int) -> tuple[np.ndarray, float]:
        """The estimates (degree + 1,) and the deviance."""
        Z, beta = self.basis(self.log_odds, degree), self.bisector(degree)
        deviance = float(self.deviance(Z @ beta))
        for _ in range(STEPS):
            score, information = self._moments(Z, beta[None])
            step = np.linalg.lstsq(information[0], score[0], rcond=None)[0]
            gain = float(score[0] @ step)
            while (new := float(self.deviance(Z @ (beta + step)))) > deviance * (1.0 + 1e-14):
                step = 0.5 * step
            beta, deviance = beta + step, new
            if gain < 1e-18 * max(deviance, 1.0) and np.abs(Z @ beta).max() < FARTHEST:
                return beta, deviance
        raise InvalidParameterError(
            f"calibration_belt: a polynomial of degree {degree} of the predictions separates the outcomes of these rows"
        )

    def _moments(self, Z, beta):
        """Scores (g, m) and informations (g, m, m) at coefficients (g, m)."""
        score, information = np.zeros(beta.shape), np.zeros((*beta.shape, beta.shape[1]))
        for a in range(0, len(Z), max(1, BLOCK_NUMBERS // len(beta))):
            rows = slice(a, a + max(1, BLOCK_NUMBERS // len(beta)))
            mu = expit(Z[rows] @ beta.T)
            score += ((self.events[rows, None] - self.weight[rows, None] * mu).T) @ Z[rows]
            h = self.weight[rows, None] * mu * (1.0 - mu)
            for i in range(beta.shape[1]):
                information[:, i] += h.T @ (Z[rows] * Z[rows, i : i + 1])
        return score, information

    def band(self, degree: int, beta: np.ndarray, deviance: float, drop: float, at: np.ndarray) -> np.ndarray:
        """The least and the largest value of the polynomial at each point of ``at`` (k, m) among coefficients whose
        deviance is at most ``drop`` above the least one, (2, k): Newton steps along the boundary (Venzon and Moolgavkar
        1988)."""
        Z, ends = self.basis(self.log_odds, degree), []
        for sign in (-1.0, 1.0):
            b = np.tile(beta, (len(at), 1))
            for _ in range(STEPS):
                score, information = self._moments(Z, b)
                inverse = np.linalg.pinv(information, hermitian=True)
                towards, along = (np.einsum("gij,gj->gi", inverse, v) for v in (score, at))
                above = drop - self._rise(Z, b, deviance) + (score * towards).sum(axis=1)
                width = (at * along).sum(axis=1)  # zero where a limit is infinite
                size = np.sqrt(np.maximum(above, 0.0) / np.where(width > 0.0, width, np.inf))
                step = towards + sign * size[:, None] * along
                length = np.einsum("gi,gij,gj->g", step, information, step)
                b += step * np.minimum(1.0, 2.0 * np.sqrt(drop / np.maximum(length, 1e-300)))[:, None]
                if length.max() < MET**2 * drop:
                    break
            ends.append((b * at).sum(axis=1))
        return np.array(ends)

    def _rise(self, Z, beta, deviance):
        """How far deviances at coefficients (g, m) are above the least one."""
        found, step = np.zeros(len(beta)), max(1, BLOCK_NUMBERS // len(beta))
        for a in range(0, len(Z), step):
            eta, rows = Z[a : a + step] @ beta.T, slice(a, a + step)
            found += 2.0 * (self.weight[rows] @ np.logaddexp(0.0, eta) - self.events[rows] @ eta)
        return found - deviance


def calibration_belt(
    log_odds: np.ndarray, events: np.ndarray, non_events: np.ndarray, *, external: bool = False, level: float = 0.95,
    points: int = 101, most: int = 4, include: float = 0.95,
) -> CalibrationBelt:  # fmt: skip
    """The calibration belt of predictions.

    Parameters
    ----------
    log_odds : (c,) array, increasing
        Logits of the predictions of cells of rows.
    events, non_events : (c,) arrays
        The weights of their rows.
    external : bool
        Whether the rows took no part in the fit. Of its own rows a logistic regression has the intercept 0 and the
        slope 1, so that the search begins at the degree two.
    level : float
        Confidence of the band.
    points : int
        Of the curve, between the least and the largest logit.
    most : int
        The largest degree.
    include : float
        Confidence at which a likelihood ratio includes another degree.

    Returns
    -------
    CalibrationBelt

    Raises
    ------
    InvalidParameterError
        For predictions of 0 or 1, fewer different ones than a polynomial needs, and options out of range.
    """
    _check(log_odds, level, points, most, include, external)
    cells, first = Polynomials(log_odds, events, non_events), 1 if external else 2
    perfect, degree = float(cells.deviance(log_odds)), first
    beta, deviance = cells.fit(degree)
    threshold = float(chdtri(1, 1.0 - include))
    while degree < most:
        larger = cells.fit(degree + 1)
        if deviance - larger[1] < threshold:
            break
        degree, (beta, deviance) = degree + 1, larger
    statistic = max(perfect - deviance, 0.0)
    drop = quantile_given(level, degree, include, external)
    at = np.linspace(log_odds[0], log_odds[-1], points)
    rows = cells.basis(at, degree)
    lower, upper = cells.band(degree, beta, deviance, drop, rows)
    p_value = float(1.0 - distribution_given(np.array([statistic]), degree, include, external)[0])
    curve = (expit(v) for v in (at, rows @ beta, lower, upper))
    return CalibrationBelt(*curve, degree, float(level), statistic, min(max(p_value, 0.0), 1.0), bool(external))


def _check(log_odds, level, points, most, include, external):
    if not np.isfinite(log_odds).all():
        raise InvalidParameterError("calibration_belt: predictions of 0 or 1 have no logit; leave such rows out")
    for name, value in (("level", level), ("include", include)):
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.0 < value < 1.0:
            raise InvalidParameterError(f"{name}={value!r} must be between 0 and 1")
    least = 1 if external else 2
    for name, value, low in (("most", most, least), ("points", points, 2)):
        if isinstance(value, bool) or not hasattr(value, "__index__") or value < low:
            raise InvalidParameterError(f"{name}={value!r} must be a whole number, at least {low}")
    if len(log_odds) <= most:
        raise InvalidParameterError(
            f"calibration_belt: {len(log_odds)} different predictions are too few for the degree {most}"
        )


def distribution_given(t: np.ndarray, degree: int, include: float, external: bool) -> np.ndarray:
    """P(T <= t) of the likelihood ratio of calibrated predictions, given the degree that was chosen, of any shape.

    T is a chi-square of 2 degrees of freedom (of the fit's own rows of 1, at the degree two), and for every degree that
    was included beyond the first an independent one of 1 degree that is known to lie above the threshold.
    """
    threshold, first = float(chdtri(1, 1.0 - include)), 1 if external else 2
    return _sum_of(np.maximum(t, 0.0), degree - first, 2 if external else 1, threshold, 1.0 - include)


def _sum_of(t, included, df, threshold, share):
    """The distribution of a chi-square and so many that lie above the threshold, of which each does by ``share``."""
    if not included:
        return chdtr(df, np.maximum(t, 0.0))
    # of the last one, from the threshold to what the others leave of t; the square of a sine smooths both ends
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    angle = 0.25 * np.pi * (nodes + 1.0)
    width = np.maximum(t - included * threshold, 0.0)[..., None]
    x = threshold + width * np.sin(angle) ** 2
    density = np.exp(-0.5 * x) / np.sqrt(2.0 * np.pi * x) / share
    inner = _sum_of(t[..., None] - x, included - 1, df, threshold, share)
    return (weights * 0.25 * np.pi * width * np.sin(2.0 * angle) * density * inner).sum(axis=-1)


def quantile_given(level: float, degree: int, include: float, external: bool) -> float:
    """The quantile of the distribution of ``distribution_given``."""

    def below(t):
        return float(distribution_given(np.array([t]), degree, include, external)[0]) - level

    high = 10.0
    while below(high) < 0.0:
        high *= 2.0
    return float(brentq(below, 0.0, high, xtol=1e-12, rtol=1e-12))
