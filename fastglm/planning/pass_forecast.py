"""The passes that a fit will make: by the solver's own rules where they say, by medians of fits where they do not."""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

import numpy as np

from ..objective.compression import expected_cells, pays
from ..solver.choose import LARGE, MATRIX_FREE, TRANSPORT, choose_sample
from ..solver.decide import Control, State, decide
from ..solvers import name_of
from ..source.chunked import FRAGMENTS

# passes of descents whose course depends on the data: medians of fits of simulated data of 10^3 to 10^6 rows
NEWTON, NOT_CANONICAL, TO_THE_END = 5.0, 2.0, 2.0  # two more for a small fit, which goes on to the last digit
LBFGS, NEWTON_CG, STREAM = 9.0, 19.0, 2.1
SPARED = {"lbfgs": 2.0, "newton-cg": 5.0}  # by least squares
ON_SAMPLE = 4.5  # of a fit of a sample
CELLS = 1.3  # of a fit by cells, grouping included
ENOUGH = 4000  # rows a coefficient from which a stream's first correction is its last


def cells_of(seen, objective, options, wanted) -> int | None:
    """About how many cells the rows have, where a fit would try them."""
    if name_of(options) in ("sgd", "stream"):
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
    """What the solver will do, by its own rules."""
    name, canonical = name_of(options), family.canonical == link.name
    robust, n, m = cov not in (None, "model"), seen.rows, objective.n_params
    small = TO_THE_END * objective.small * (not canonical or objective.linear)
    newton = 2.0 + small if objective.linear else NEWTON + NOT_CANONICAL * (not canonical) + small
    if cells is not None:
        shrunk = newton * cells / n
        return _read(seen, PassForecast(CELLS + shrunk, 0.0))
    if name == "sgd":
        return _read(seen, PassForecast(1.0, float(options.epochs)))._replace(
            reads=float(seen.files > 0), gathered=True
        )
    if name in MATRIX_FREE or (name == "auto" and objective.n_eliminated > LARGE):
        name = "newton-cg" if name == "auto" else name
        score = (LBFGS if name == "lbfgs" else NEWTON_CG) - SPARED[name] * objective.linear
        return _read(seen, PassForecast(float(cov is not None) + robust, score))
    if name == "stream" and n >= 4 * max(50 * m, 1000, n // 50):
        return _read(seen, PassForecast(1.0, STREAM - 1.0 + (n < ENOUGH * m)))
    if name == "auto" and not objective.linear and objective.sampleable:
        information = _information(seen, family)
        sample = choose_sample(n, m, information, objective.score_cost, objective.source.sample_limit)
        if sample is not None:
            return _read(seen, _from_sample(objective, sample, information, canonical, cov, options.tol))
    if objective.linear and name == "auto":
        return _read(seen, PassForecast(1.0 + robust, newton - 1.0))
    return _read(seen, PassForecast(newton + robust, 0.0))


def _read(seen, course) -> PassForecast:
    """The course with how often the files are read: a sample of rows that are cheap to read takes a read too."""
    if not seen.again:
        return course._replace(reads=float(seen.files > 0))
    samples = 0.0 if not course.sample else min(1.0, FRAGMENTS / seen.fragments) if seen.cost else 1.0
    share = course.share + samples * (seen.cost > 0)
    return course._replace(share=share, reads=course.curvature + course.score + samples)


def _from_sample(objective, sample, information, canonical, cov, tol) -> PassForecast:
    """A descent from a sample's optimum: the distances to expect, and what ``descend`` does at each of them."""
    n, m, share = objective.source.n_rows, objective.n_params, sample.rows / objective.source.n_rows
    control = Control(
        tol=tol, canonical=canonical, need_information=cov is not None, score_cost=objective.score_cost,
        curvature_tol=1e-8 * sqrt(n) * (TRANSPORT if sample.transport else 1.0),
        newton_constant=min(1.0, 30.0 * sqrt(m / max(min(n, information), 1.0))),
    )  # fmt: skip
    state = State(sqrt(m / share), contraction=sample.rho, drift=np.inf, fresh=False)
    curvature, score = float(cov not in (None, "model")), 1.0
    for _ in range(100):
        action = decide(control, state)
        if action.kind == "stop":
            break
        exact, fresh = state.fresh and canonical, action.order == 2
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
