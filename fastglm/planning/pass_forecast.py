"""The passes that a fit will make: by the solver's own rules where they say, by medians of fits where they do not."""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

import numpy as np

from ..objective.compression import expected_cells, pays
from ..options.solvers import Outlook, least_squares_passes, newton_passes
from ..solver.choose import after_sample, choose, control_for
from ..solver.decide import State, decide
from ..solvers import declaration_of
from ..source.chunked import FRAGMENTS

# medians of fits of simulated data of 10^3 to 10^6 rows, which tests/planning/test_forecast.py compares with fits
ON_SAMPLE = 4.5  # passes over a sample, of a fit of it
CELLS = 1.3  # passes of a fit by cells, grouping included
MOST_STEPS = 100  # of a descent that is forecast


def cells_of(seen, objective, options, wanted) -> int | None:
    """About how many cells the rows have, where a fit would try them."""
    if declaration_of(options).sequential:
        return None
    most = seen.rows if wanted is True else pays(seen.piece, objective.pair, seen.rows)
    if most == 0:
        return None
    found = expected_cells(seen.piece, objective.pair)
    return int(np.ceil(found)) or len(seen.piece.y) if found <= most else None


class PassForecast(NamedTuple):
    """The passes of a fit: with curvature, without, and a sample's as a ``share`` of all rows; ``reads`` of the files;
    whether rows are ``gathered`` even where they are too many."""

    curvature: float
    score: float
    sample: int = 0
    share: float = 0.0
    reads: float = 1.0
    gathered: bool = False

    @property
    def passes(self) -> float:
        return self.curvature + self.score + self.share


def course_of(objective, seen, family, link, options, cov, cells) -> PassForecast:
    """The passes of a fit by the choices that the fit itself makes."""
    declaration, robust = declaration_of(options), cov not in (None, "model")
    canonical = family.canonical == link.name
    outlook = Outlook(
        seen.rows, objective.n_params, objective.linear, objective.small, canonical, cov is not None, robust, options
    )
    if cells is not None:
        shrunk = (newton_passes(outlook).curvature - robust) * cells / seen.rows
        return _read(seen, PassForecast(CELLS + shrunk, 0.0))
    if not declaration.chooses:
        course = _read(seen, PassForecast(*declaration.passes(outlook)))
        return course._replace(reads=float(seen.files > 0), gathered=True) if declaration.first_order else course
    information = _information(seen, family)
    choice = choose(objective, information)
    if choice.sample is not None:
        return _read(seen, _from_sample(objective, choice.sample, information, outlook))
    passes = least_squares_passes if choice.least_squares else choice.solver.passes
    return _read(seen, PassForecast(*passes(outlook)))


def _read(seen, course) -> PassForecast:
    """The course with how often the files are read: a sample of rows that are cheap to read takes a read too."""
    if not seen.again:
        return course._replace(reads=float(seen.files > 0))
    samples = 0.0 if not course.sample else min(1.0, FRAGMENTS / seen.fragments) if seen.cost else 1.0
    share = course.share + samples * (seen.cost > 0)
    return course._replace(share=share, reads=course.curvature + course.score + samples)


def _from_sample(objective, sample, information, outlook) -> PassForecast:
    """A descent from a sample's optimum: the distances to expect, and what ``decide`` does at each of them."""
    n, m, share = objective.source.n_rows, objective.n_params, sample.rows / objective.source.n_rows
    control = control_for(
        objective, outlook.options, n_rows=n, information=information, canonical=outlook.canonical,
        need_information=outlook.covariance,
    )  # fmt: skip
    control = after_sample(control, sample, m, share, sample.transport)
    state = State(sqrt(m / share), contraction=sample.rho, drift=np.inf, fresh=False)
    curvature, score = float(outlook.robust), 1.0
    for _ in range(MOST_STEPS):
        action = decide(control, state)
        if action.kind == "stop":
            break
        exact, fresh = state.fresh and control.canonical, action.order == 2
        curvature, score = curvature + fresh, score + (not fresh)
        # by the curvature of its own a step leaves less than the bound that the solver goes by
        left = min(action.left, sqrt(m / information) * state.distance**2) if exact else action.left
        state = state._replace(distance=left, drift=0.0 if fresh else state.drift + state.distance, fresh=fresh)
    on_sample = share * (ON_SAMPLE + 2.0 * sample.transport)
    return PassForecast(curvature, score, sample.rows, on_sample)


def _information(seen, family) -> float:
    """Rows' worth of information in the response, as ``GLM.information``, judged by the first rows."""
    y, weights = np.asarray(seen.piece.y, np.float64), seen.piece.weights
    total = float(y.sum() if weights is None else y @ weights)
    events = family.events(total, len(y) if weights is None else float(weights.sum()))
    return max(events, 1.0) * seen.rows / len(y) if np.isfinite(events) else float(seen.rows)
