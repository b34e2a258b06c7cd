"""The power of a Tweedie distribution's variance by maximum likelihood (R's ``tweedie.profile``).

For each power the coefficients are fitted and the dispersion is that of the largest likelihood. The profile of a grid
of powers is refined about its largest value, by parabolas through the best three, and with steps of a fraction of the
standard error at the end.
"""

from __future__ import annotations

import numpy as np

from ..core.records import ShapeEstimate
from ..errors import ConvergenceWarning, InvalidParameterError, warn
from ..objective.tweedie_sums import DispersionLikelihood, PositiveRows

WITH_ZEROS = (1.1, 1.3, 1.5, 1.7, 1.9)  # the grid of powers where there are zeros
POSITIVE = (1.2, 1.5, 1.8, 2.2, 2.6, 3.0, 3.6, 4.4)  # and where there are none
ENDS = (1.005, 1.995, 12.0)  # the powers that are tried, with zeros up to the second
TOLERANCE = 1e-7  # of the power
MOST_POWERS = 60  # at which a model is fitted; chosen: Brent takes about ten
ROUGH = 1e-5  # standard errors of the coefficients, half the square of which the likelihood loses: less than it rounds


def maximise_power(fits):
    """The power whose likelihood is largest, with the coefficients and the dispersion at their best.

    Parameters
    ----------
    fits : Refits

    Returns
    -------
    family : Tweedie
    shape : ShapeEstimate
    remark : str

    Raises
    ------
    InvalidParameterError
        For responses that are all zero.

    Warns
    -----
    ConvergenceWarning
        Where the likelihood is largest at an end of the powers that are tried.
    """
    profile = PowerProfile(fits)
    grid, last = (WITH_ZEROS, ENDS[1]) if profile.zeros else (POSITIVE, ENDS[2])
    for power in sorted(grid, key=lambda power: abs(power - 1.5)):
        profile.at(power)
    best = _refined(profile, ENDS[0], last)
    at_end = best in (ENDS[0], last)
    if at_end:
        remark = f"the likelihood still rises at the power {best:g}, the last that is tried: it has no estimate inside"
        warn(ConvergenceWarning, remark)
        return profile.family(best), ShapeEstimate("power", best, np.nan), remark
    return profile.family(best), ShapeEstimate("power", best, profile.error(best)), ""


class PowerProfile:
    """The profile likelihood of the power; ``known`` has the values so far by power."""

    def __init__(self, fits):
        self.fits, self.family = fits, type(fits.request.family)
        self.known: dict[float, float] = {}
        positive = fits.reduce(PositiveRows(1.5), 0.0)
        if not positive.rows:
            raise InvalidParameterError("y is zero in every row: the power has no estimate; look at the response")
        self.zeros = positive.rows < fits.source.n_rows

    def at(self, power: float) -> float:
        """The profile log-likelihood at a power."""
        if power not in self.known:
            run = self.fits.at(self.family(power), ROUGH)
            likelihood = DispersionLikelihood(self.fits.source, power, run.sums.nobs)
            self.known[power] = float(likelihood.maximised([run.solution.quadratic.deviance])[0][0])
        return self.known[power]

    def error(self, best: float) -> float:
        """One over the square root of the profile's curvature, from a fourth-order difference."""
        step = 0.003 * min(best - 1.0, abs(best - 2.0) + 0.3)
        near, far = ([self.at(best + k * step) for k in (-i, i)] for i in (1, 2))
        bend = (16.0 * sum(near) - sum(far) - 30.0 * self.at(best)) / (12.0 * step * step)
        return float(1.0 / np.sqrt(-bend)) if bend < 0.0 else np.nan


def _refined(profile, low, high):
    """The power of the largest value, by steps to the vertex of the parabola through the three best neighbours."""
    for _ in range(MOST_POWERS):
        powers = sorted(profile.known)
        i = max(range(len(powers)), key=lambda i: profile.known[powers[i]])
        best = powers[i]
        if i in (0, len(powers) - 1):
            if best in (low, high):
                return best
            end = low if i == 0 else high
            profile.at(end if abs(end - best) < 0.02 else best + 0.5 * (end - best))
            continue
        left, right = powers[i - 1], powers[i + 1]
        vertex, width = _vertex(profile, left, best, right), right - left
        if width < 0.02 * min(best - 1.0, 1.0) or abs(vertex - best) < TOLERANCE:
            return _polished(profile, best, vertex)
        gap = 0.05 * width  # the new power is not where there is one
        vertex = float(np.clip(vertex, left + gap, right - gap))
        profile.at(vertex if abs(vertex - best) > gap else best + (gap if right - best > best - left else -gap))
    return best


def _vertex(profile, *powers):
    """The power at which the parabola through three values is largest."""
    (a, b, c), (fa, fb, fc) = powers, (profile.at(power) for power in powers)
    up, down = (b - a) * (fb - fc), (b - c) * (fb - fa)
    return b - 0.5 * ((b - a) * up - (b - c) * down) / (up - down) if up != down else b


def _polished(profile, best, vertex):
    """The root of the derivative of the polynomial through five values about the vertex."""
    step = 0.01 * min(best - 1.0, 1.0)
    for _ in range(4):
        nodes = vertex + step * np.arange(-2, 3)
        fit = np.polynomial.Polynomial.fit(nodes, [profile.at(float(p)) for p in nodes], 4)
        roots = [r.real for r in fit.deriv().roots() if abs(r.imag) < 1e-9]
        found = min(roots, key=lambda r: abs(r - vertex), default=vertex)
        if abs(found - vertex) < step:
            return float(found)
        vertex = float(np.clip(found, vertex - 2.0 * step, vertex + 2.0 * step))
    warn(ConvergenceWarning, f"the likelihood of the power is not smooth about {vertex:.4f}, so that it is inexact")
    return float(vertex)
