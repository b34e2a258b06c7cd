"""The likelihood of a Tweedie distribution's dispersion: sums over the responses alone.

A prior weight divides the dispersion of its row, a frequency weight repeats the row. With the deviance D of all rows
the log-likelihood is -D / (2 phi) plus the sum of log f(y; y, phi / w) over y > 0, since a zero has all of its
log-probability in the deviance.
"""

from __future__ import annotations

from math import inf, nan
from typing import NamedTuple

import numpy as np

from ..family.tweedie_density import POWERS, NodeMoments, has_density, log_argument, log_terms
from ..source.task import Task

BLOCK = 16_384  # rows at a time
MOST_STEPS = 50  # of Newton in log phi; chosen: six are usual
STILL = 1e-5  # of log(phi): the likelihood beyond it is that of a parabola, up to its cube


class Responses(NamedTuple):
    """Of the positive responses the frequency times log(y) summed, the ``rows`` that they are, and what the sum of
    their densities needs, where that is less than the rows."""

    log_sum: float
    rows: int
    moments: NodeMoments | None

    def __add__(self, other: Responses) -> Responses:
        moments = None if self.moments is None or other.moments is None else self.moments + other.moments
        return Responses(self.log_sum + other.log_sum, self.rows + other.rows, moments)


class PositiveRows(Task):
    """The ``Responses`` of rows; X is not read."""

    vectors_only = True

    def __init__(self, power: float):
        self.power = power

    def of(self, part, runs):
        found = Responses(0.0, 0, NodeMoments(0, np.zeros((POWERS, 0))))
        for log_y, x, f in _blocks(part.data, runs, self.power):
            found += Responses(float(f @ log_y), len(x), NodeMoments.of(self.power, x, f))
        return found


class DensitySums(Task):
    """The sum of log(y f(y; y, phi)) and of its first two derivatives in log(1 / phi) for each phi, (k, 3)."""

    vectors_only = True

    def __init__(self, power: float, log_phi: np.ndarray):
        self.power, self.log_phi = power, log_phi

    def of(self, part, runs):
        total = np.zeros((len(self.log_phi), 3))
        for _, x, f in _blocks(part.data, runs, self.power):
            for sums, shift in zip(total, self.log_phi, strict=True):
                sums += [f @ part for part in log_terms(self.power, x - shift)]
        return total


def _blocks(data, runs, power):
    """The logarithms of positive responses of rows that count, their log arguments at phi = 1 and frequencies, block by
    block."""
    vectors = data.weights, data.freq_weights
    for first, stop in runs:
        for a in range(first, stop, BLOCK):
            b = min(a + BLOCK, stop)
            y = np.asarray(data.y[a:b], np.float64)
            kept, given = y > 0.0, [v if v is None else np.asarray(v[a:b], np.float64) for v in vectors]
            for v in given:
                kept = kept if v is None else kept & (v > 0.0)
            log_y = np.log(y[kept])
            w, f = (None if v is None else v[kept] for v in given)
            yield log_y, log_argument(power, log_y, w), np.ones(len(log_y)) if f is None else f


class DispersionLikelihood:
    """The log-likelihood of the dispersion of a Tweedie distribution, given the deviance of the means.

    Parameters
    ----------
    source : Source
        Its columns are not read.
    power : float
        Above one.
    nobs : float
        Rows, by frequency.
    """

    def __init__(self, source, power: float, nobs: float):
        self.source, self.power, self.nobs = source, power, nobs
        self.responses = source.reduce(PositiveRows(power))

    def at(self, deviance: np.ndarray, log_phi: np.ndarray) -> np.ndarray:
        """The log-likelihood and its first two derivatives in log(phi), for k deviances and dispersions, (k, 3)."""
        known, half = self.responses, 0.5 * deviance * np.exp(-log_phi)
        if known.moments is not None and known.moments.sums.shape[1] <= 0.5 * known.rows:
            found = np.array([known.moments.sum_of_log_terms(self.power, shift) for shift in log_phi])
        else:
            found = self.source.reduce(DensitySums(self.power, log_phi))
        return np.column_stack([found[:, 0] - known.log_sum - half, half - found[:, 1], found[:, 2] - half])

    def maximised(self, deviance) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The largest log-likelihoods, the log(phi) that have them and minus the second derivatives there.

        Newton's method for all ``deviance`` (k,) together. Infinite where one is zero, NaN where it is not finite.
        """
        deviance = np.asarray(deviance, np.float64)
        good = np.isfinite(deviance) & (deviance > 0.0) & (self.responses.rows > 0)
        value, log_phi, curvature = np.full((3, len(deviance)), nan)
        value[deviance == 0.0] = inf if self.responses.rows else 0.0
        if good.any():
            value[good], log_phi[good], curvature[good] = self._climbed(deviance[good])
        return value, log_phi, curvature

    def _climbed(self, deviance):
        log_phi = np.log(deviance / self.nobs)
        for _ in range(MOST_STEPS):
            value, score, bend = self.at(deviance, log_phi).T
            with np.errstate(all="ignore"):
                step = np.where(bend < 0.0, -score / bend, np.sign(score))
            step = np.clip(step, -1.5, 1.5)
            log_phi = log_phi + step
            if np.abs(step).max() < STILL or not np.isfinite(step).all():
                break
        return value + 0.5 * score * step, log_phi, -bend


def likelihoods(source, family, nobs: float, deviances) -> tuple[float, ...]:
    """The log-likelihood of a Tweedie family at each deviance and its best dispersion; NaN without a density."""
    if not has_density(family.power):
        return tuple(nan for _ in deviances)
    return tuple(DispersionLikelihood(source, family.power, nobs).maximised(deviances)[0].tolist())
