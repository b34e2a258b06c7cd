"""Full Newton steps on rows of one unit without a return to Python, which on small data costs more than the passes."""

from __future__ import annotations

from math import isfinite

import numpy as np

from . import layout
from .compile import inner, jit
from .passes import block_pass

SAFE_PIVOT = 1e-4  # the least pivot over its diagonal entry, below which columns are looked at for dependence
NOISE = 1e-11  # of the deviance, within which rounding hides a fall
DEVIANCE, GAIN, MAX_ETA = range(3)  # the columns of records


@inner()
def factorise(info, m, triangle):
    """Whether info = U'U, of which both have the upper triangle, with safe pivots (Cholesky)."""
    for j in range(m):
        for i in range(j + 1):
            s = info[i, j]
            for k in range(i):
                s -= triangle[k, i] * triangle[k, j]
            if i < j:
                triangle[i, j] = s / triangle[i, i]
            elif s > SAFE_PIVOT * info[j, j]:
                triangle[j, j] = np.sqrt(s)
            else:
                return False
    return True


@inner()
def solve(triangle, m, g, step):
    """step = (U'U)^-1 g."""
    for i in range(m):
        s = g[i]
        for k in range(i):
            s -= triangle[k, i] * step[k]
        step[i] = s / triangle[i, i]
    for i in range(m - 1, -1, -1):
        s = step[i]
        for k in range(i + 1, m):
            s -= triangle[i, k] * step[k]
        step[i] = s / triangle[i, i]


@jit()
def newton_steps(plan, par, beta, scale, runs, work, vectors, info, triangle, extra, last, enough, dispersion, records):
    """Newton steps from ``beta`` while each is full, lowers the deviance and has a safe curvature.

    Parameters
    ----------
    plan, par, scale, runs, work, extra
        As for ``block_pass``.
    beta : (m,) float64
        The start; overwritten by coefficients whose deviance is finite or, at the end, one more step from them.
    vectors : (4, m) float64
        Room for score, its low part, the step and the trial.
    info, triangle : (padded, padded) float64
        Room for the information and its factor.
    last : float
        The deviance that the first pass may not exceed.
    enough : float
        Standard errors, below which a step is the last.
    dispersion : tuple of float
        What the dispersion is at a deviance of zero, and by how much it rises with each unit of it.
    records : (most, 3) float64
        Deviance, fall of half the deviance twice that the step promises, and largest linear predictor of each pass.

    Returns
    -------
    passes, taken : int
        Passes made, and how many of ``records`` are of accepted coefficients.
    """
    m = beta.size
    score, low, step, trial = vectors[0], vectors[1], vectors[2], vectors[3]
    sums = np.empty(layout.SUMS)
    for j in range(m):
        trial[j] = beta[j]
    for k in range(records.shape[0]):
        for j in range(m):
            score[j] = low[j] = 0.0
        for i in range(info.shape[0]):
            for j in range(info.shape[1]):
                info[i, j] = 0.0
        for i in range(layout.SUMS):
            sums[i] = 0.0
        block_pass(plan, par, trial, trial, scale, runs, 2, 0, work, score, low, info, extra, sums)
        deviance = sums[layout.DEVIANCE]
        if not isfinite(deviance) or not deviance <= last * (1.0 + NOISE):
            return k + 1, k
        last = deviance
        for j in range(m):
            beta[j] = trial[j]
            score[j] *= scale[j]
        if not factorise(info, m, triangle):
            return k + 1, k
        solve(triangle, m, score, step)
        gain = 0.0
        for j in range(m):
            gain += score[j] * step[j]
            trial[j] = beta[j] + scale[j] * step[j]
        records[k, DEVIANCE], records[k, GAIN], records[k, MAX_ETA] = deviance, gain, sums[layout.MAX_ETA]
        if not (gain >= 0.0 and isfinite(gain)):
            return k + 1, k
        if gain <= enough * enough * (dispersion[0] + dispersion[1] * deviance):
            for j in range(m):
                beta[j] = trial[j]
            return k + 1, k + 1
    return records.shape[0], records.shape[0]
