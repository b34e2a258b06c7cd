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
        run = fits.at(family(float(np.exp(log_theta))))
        best, curvature = likelihood.climb(run, log_theta)
        gap = best - log_theta
        if abs(gap) < TOLERANCE:
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
        self.limit = np.log(LARGEST * table.moments()[0])

    def derivatives(self, run, log_theta: float) -> tuple[float, float]:
        """The first derivative in log theta, and minus the second: a pass over the means."""
        theta = float(np.exp(log_theta))
        means = self.fits.reduce(MeanTerms(run.link, run.solution.beta, theta), MEAN_PASS)
        first, second = means + self.table.derivatives(theta, self.tails)
        return theta * first, -theta * (first + theta * second)

    def climb(self, run, log_theta: float) -> tuple[float, float]:
        """The log theta of the largest likelihood, and minus its second derivative there."""
        for _ in range(MOST_STEPS):
            score, curvature = self.derivatives(run, log_theta)
            step = score / curvature if curvature > 0.0 else 2.0 * np.sign(score)
            log_theta += float(np.clip(step, -2.0, 2.0))
            if abs(step) < np.sqrt(TOLERANCE) or log_theta > self.limit:  # Newton's next step is its square
                break
        return log_theta, curvature


def _beside_poisson(fits):
    """A first log theta from Poisson's fit by moments (Breslow 1984), or None where theta is infinite."""
    run = fits.at(Poisson())
    excess, square = fits.reduce(Excess(run.link, run.solution.beta), MEAN_PASS)
    return float(np.log(square / excess)) if excess > 0.0 else None
