"""A first step that takes the levels of factors to the means of their rows, where Newton's goes along a tangent.

Beside a log link Newton's step from the null model takes a level whose rows have r times the mean to a linear predictor
of r - 1, not of log r, and as many steps more lead back from there: a level of few events is the last to arrive.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..family.gaussian import Gaussian
from ..family.links import linear_predictor
from ..kernels.evaluate import first_predictor
from ..kernels.row_loops import FamilyLink
from ..matrix.contrast_map import identity

FEW = 2000  # levels, whose links take less time one by one than a loop takes to be compiled


def toward_level_means(pair: Any, data: Any, mean: float, step: np.ndarray, q: Any) -> np.ndarray | None:
    """Newton's step from the null model, with the part of each factor bent to where the link has its levels' means.

    The mean of a level's rows is known by their score and information. On the linear predictor it is that of the level
    itself and that of all other columns on these rows: of both Newton's step has the tangents, by which the level's
    own part is told, so that factors that go together are not counted twice.

    Parameters
    ----------
    pair : FamilyLink
    data : Data
    mean : float
        The mean of the response.
    step : (m,) array
        Newton's, which is not changed.
    q : Quadratic
        The pass at the null model, with curvature.

    Returns
    -------
    (m,) array or None
        None where there is no factor, a factor's levels have not a coefficient each but for one, or there is no
        intercept to take that one.
    """
    place = identity(len(step)) if data.coding is None else data.coding
    eta = linear_predictor(pair.link, mean)
    if not (place.simple and data.has_intercept and np.isfinite(eta)):
        return None
    slope = float(pair.link.slope(eta))
    full, information, score = map(place.expand, (step, q.information.diagonal(), q.score))
    there = place.expand(np.ones(len(step))) > 0.0
    bent = full.copy()

    def bend(x):
        """How far the link is from that of the mean where its tangent is ``x`` from it; NaN out of the means' range."""
        means = mean + x * slope
        inside = (means > pair.family.mean.low) & (means < pair.family.mean.high)
        found = np.full(len(x), np.nan)
        found[inside] = _link(pair.link, means[inside]) - eta
        return found

    for levels in factors_of(data):
        dropped = np.flatnonzero(~there[levels])
        if len(dropped) > 1:
            return None
        h, g = information[levels].copy(), score[levels].copy()
        h[dropped], g[dropped] = max(information[0] - h.sum(), 0.0), score[0] - g.sum()
        centre = float(h @ full[levels]) / h.sum()
        tangent = full[levels] - centre
        own = g / np.where(h > 0.0, h, np.inf)
        moved = bend(own) - bend(own - tangent)
        # beyond the range, as at levels without events, the tangent is what there is
        moved = centre + np.where(np.isfinite(moved), moved, tangent)
        for base in dropped:
            bent[0] += moved[base]
            moved -= moved[base]
        bent[levels] = moved
    return None if np.array_equal(bent, full) else place.reduce(bent)


def _link(link: Any, means: np.ndarray) -> np.ndarray:
    """The linear predictors of means (k,) inside the range."""
    if len(means) <= FEW:
        return np.array([linear_predictor(link, mean) for mean in means])
    # least squares begin at y: the loop of their starting values is the link
    return first_predictor(FamilyLink(Gaussian(), link), means, 1.0)


def factors_of(data: Any) -> list[slice]:
    """The stored columns of each factor whose levels are ones."""
    found, first = [], int(data.has_intercept) + data.X.shape[1]
    for term in data.terms:
        if hasattr(term, "codes") and term.values is None:
            found.append(slice(first, first + term.shape[1]))
        first += term.shape[1]
    return found
