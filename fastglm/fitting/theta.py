"""The negative binomial's theta by maximum likelihood, alternating with the coefficients (Venables and Ripley 2002,
section 7.4; R's ``MASS::glm.nb``).

For given coefficients theta's likelihood is climbed by Newton's method in log theta. The two are nearly uncorrelated,
so that alternation converges in a few refits; from the third on its remaining error is extrapolated by a secant.
"""

from __future__ import annotations

import numpy as np

from ..core.records import ShapeEstimate
from ..errors import ConvergenceWarning, FastGLMWarning, InvalidParameterError, warn
from ..family.poisson import Poisson
from ..objective.count_sums import Counts, Excess, MeanTerms

TOLERANCE = 1e-10  # of log theta
LARGEST = 1e5  # of theta over the mean of y, beyond which counts cannot be told from Poisson's
MOST_REFITS, MOST_STEPS = 40, 60  # chosen: five and ten are usual, more where theta is almost infinite
FIRST_TOL = (0.1, 1e-4)  # standard errors that the first fits may leave; chosen: theta moves by a thousandth of them
# a step of log theta, and theta over the mean of y, beyond which it is 1 / theta that moves; chosen: a likelihood that
# is a parabola of 1 / theta has its optimum at infinity where the step is a half
FLAT, EVEN = 0.4, 4.0
MEAN_PASS = 0.5  # chosen: what a pass over means costs beside one with curvature, at 20 columns
INFINITE = (
    "the counts vary no more than Poisson's: theta is infinite, and the fit is that of family='poisson'. Its theta has "
    "no standard error"
)


def maximise_theta(fits):
    """Theta, where its likelihood and that of the coefficients is largest.

    Parameters
    ----------
    fits : Refits

    Returns
    -------
    family : NegativeBinomial, or Poisson where theta is infinite
    shape : ShapeEstimate
    remark : str
        What the result notes.

    Raises
    ------
    InvalidParameterError
        For a response that is not whole numbers, and one that is all zeros.
    """
    family = type(fits.request.family)
    table = fits.reduce(Counts(), 0.0)
    if not len(table.counts) or table.counts[-1] == 0.0:
        raise InvalidParameterError("y is zero in every row: theta has no estimate; look at the response")
    mean, variance = table.moments()
    log_theta = np.log(mean**2 / (variance - mean)) if variance > 1.05 * mean else _beside_poisson(fits)
    likelihood, last = ThetaLikelihood(fits, table), None
    for refits in range(MOST_REFITS):
        if log_theta is not None and log_theta > likelihood.limit:
            log_theta = _beside_poisson(fits) if refits < 2 else None
        if log_theta is None:
            warn(FastGLMWarning, INFINITE)
            return Poisson(), ShapeEstimate("theta", np.inf, np.nan), INFINITE
        run = fits.at(family(float(np.exp(log_theta))), FIRST_TOL[refits] if refits < len(FIRST_TOL) else 0.0)
        best, curvature = likelihood.climb(run, log_theta)
        gap = best - log_theta
        if abs(gap) < TOLERANCE and refits >= len(FIRST_TOL):
            break
        slope = 0.0 if last is None else (gap - last[1]) / (log_theta - last[0])
        # the secant of what alternation still changes, where it contracts
        step = -gap / slope if -1.5 < slope < -0.5 else gap
        last, log_theta = (log_theta, gap), log_theta + step
    else:
        warn(ConvergenceWarning, f"theta still changes after {MOST_REFITS} refits")
    theta = float(np.exp(best))
    return family(theta), ShapeEstimate("theta", theta, float(theta / np.sqrt(curvature))), ""


class ThetaLikelihood:
    """The likelihood of theta at the means of a fit."""

    def __init__(self, fits, table):
        self.fits, self.table, self.tails = fits, table, table.tails()
        self.even, self.limit = np.log(table.moments()[0] * np.array([EVEN, LARGEST]))

    def derivatives(self, run, log_theta: float) -> tuple[float, float]:
        """The first derivative in log theta, and minus the second: a pass over the means."""
        theta = float(np.exp(log_theta))
        means = self.fits.reduce(MeanTerms(run.link, run.solution.beta, theta), MEAN_PASS)
        first, second = means + self.table.derivatives(theta, self.tails)
        return theta * first, -theta * (first + theta * second)

    def climb(self, run, log_theta: float) -> tuple[float, float]:
        """The log theta of the largest likelihood, and minus its second derivative there."""
        low = high = None  # the nearest places from which the likelihood rises, and to which it falls
        for _ in range(MOST_STEPS):
            score, curvature = self.derivatives(run, log_theta)
            low, high = ((log_theta, score), high) if score > 0.0 else (low, (log_theta, score))
            step = _newton(score, curvature, log_theta > self.even)
            if low and high and not low[0] <= log_theta + step <= high[0]:
                share = low[1] / (low[1] - high[1])
                step = low[0] + (high[0] - low[0]) * min(max(share, 0.1), 0.9) - log_theta
            log_theta += step
            if abs(step) < np.sqrt(TOLERANCE) or log_theta > self.limit:  # Newton's next step is its square
                break
        return log_theta, curvature


def _newton(score, curvature, even):
    """The step of log theta by Newton's method, or where its likelihood grows flat and that of 1 / theta bends evenly
    that of 1 / theta: longer, and as long as may be where its optimum is below zero."""
    if not curvature > 0.0:
        return 2.0 * float(np.sign(score))
    step = score / curvature
    if step > FLAT and even:
        share = score / (curvature - score) if curvature > score else np.inf
        step = -np.log1p(-share) if share < 1.0 else np.inf
    return float(np.clip(step, -2.0, 3.0))


def _beside_poisson(fits):
    """A first log theta from Poisson's fit by moments (Breslow 1984), or None where theta is infinite."""
    run = fits.at(Poisson())
    excess, square = fits.reduce(Excess(run.link, run.solution.beta), MEAN_PASS)
    return float(np.log(square / excess)) if excess > 0.0 else None
