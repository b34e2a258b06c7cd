"""A forecast of the passes of a fit: by the rules of the solver, and by medians of fits where there are none."""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

import numpy as np

from ..core.measured import (
    BIAS_REDUCTION_PASSES,
    CELLS_PASSES,
    POWER_PASSES,
    SAMPLE_FRAGMENTS,
    SAMPLE_PASSES,
    THETA_PASSES,
)  # fmt: skip
from ..objective.compression import expected_cells, pays
from ..options.solvers import Outlook, least_squares_passes, newton_passes
from ..solver.choose import after_sample, choose, control_for, told_by_sample
from ..solver.decide import State, decide
from ..solvers import declaration_of

MOST_STEPS = 100  # of a descent that is forecast


def cells_of(summary, objective, options, compress) -> int | None:
    """The expected number of cells of equal rows, None if a fit would not compress them."""
    if declaration_of(options).sequential:
        return None
    most = summary.rows if compress is True else pays(summary.piece, objective.pair, summary.rows)
    if most == 0:
        return None
    expected = expected_cells(summary.piece, objective.pair)
    return int(np.ceil(expected)) or len(summary.piece.y) if expected <= most else None


class PassForecast(NamedTuple):
    """Passes with ``curvature``, with the ``score`` alone, and over a ``sample`` as a ``share`` of all rows; ``reads``
    of the files; and whether the rows are ``gathered`` in memory whatever their size."""

    curvature: float
    score: float
    sample: int = 0
    share: float = 0.0
    reads: float = 1.0
    gathered: bool = False

    @property
    def passes(self) -> float:
        return self.curvature + self.score + self.share

    def adjusted(self, summary, bias_reduction: str | None, estimated: str | None) -> PassForecast:
        """The forecast of a fit by adjusted scores, or of one that estimates a parameter of the family beside."""
        if bias_reduction is not None:
            return _read(summary, PassForecast(BIAS_REDUCTION_PASSES, 0.0))
        more = {"theta": THETA_PASSES, "power": POWER_PASSES}.get(estimated, 0.0)
        return self._replace(curvature=self.curvature + more, reads=self.reads + more * summary.reread)


def forecast_passes(objective, summary, family, link, options, cov, cells) -> PassForecast:
    """The passes of a fit, by the functions that choose its solver."""
    declaration, robust = declaration_of(options), cov not in (None, "model")
    canonical = family.canonical == link.name
    outlook = Outlook(
        summary.rows, objective.n_params, objective.linear, objective.small, canonical, cov is not None, robust, options
    )
    if cells is not None:
        shrunk = (newton_passes(outlook).curvature - robust) * cells / summary.rows
        return _read(summary, PassForecast(CELLS_PASSES + shrunk, 0.0))
    if not declaration.chooses:
        forecast = _read(summary, PassForecast(*declaration.passes(outlook)))
        return forecast._replace(reads=float(summary.files > 0), gathered=True) if declaration.first_order else forecast
    information = _information(summary, family)
    choice = choose(objective, information)
    if choice.sample is not None:
        return _read(summary, _from_sample(objective, choice.sample, information, outlook))
    passes = least_squares_passes if choice.least_squares else choice.solver.passes
    return _read(summary, PassForecast(*passes(outlook)))


def _read(summary, forecast) -> PassForecast:
    """The forecast with the reads of files: of rows that are cheap to read, a sample takes a whole read."""
    if not summary.reread:
        return forecast._replace(reads=float(summary.files > 0))
    samples = 0.0 if not forecast.sample else min(1.0, SAMPLE_FRAGMENTS / summary.fragments) if summary.cost else 1.0
    share = forecast.share + samples * (summary.cost > 0)
    return forecast._replace(share=share, reads=forecast.curvature + forecast.score + samples)


def _from_sample(objective, sample, information, outlook) -> PassForecast:
    """The passes of a descent from a sample's optimum: ``decide`` is called for the distances to be expected."""
    n, n_params, share = objective.source.n_rows, objective.n_params, sample.rows / objective.source.n_rows
    control = control_for(
        objective, outlook.options, n_rows=n, information=information, canonical=outlook.canonical,
        need_information=outlook.covariance,
    )  # fmt: skip
    near = control.curvature_tol
    far = told_by_sample(sample, n_params, n, information) if outlook.covariance else 0.0
    control = after_sample(control, sample, n_params, share, far)
    state = State(sqrt(n_params / share), contraction=sample.rho, drift=np.inf, fresh=False)
    # a step with the curvature of all rows leaves less than one with a sample's, and than the bound of the solver
    rate = sqrt(n_params / information)
    curvature, score = float(outlook.robust), 1.0
    for _ in range(MOST_STEPS):
        action = decide(control, state)
        if action.kind == "stop":
            break
        exact, fresh = state.fresh and control.canonical, action.order == 2
        curvature, score = curvature + fresh, score + (not fresh)
        left = min(action.left, rate * state.distance**2) if exact else action.left
        drift = 0.0 if fresh else state.drift + state.distance
        contraction = min(state.contraction, rate) if fresh else state.contraction
        state = state._replace(distance=left, drift=drift, contraction=contraction, fresh=fresh)
    brought = far > 0.0 and state.drift + state.distance > near
    on_sample = share * (SAMPLE_PASSES + 2.0 * brought)
    return PassForecast(curvature, score, sample.rows, on_sample)


def _information(summary, family) -> float:
    """The number of rows that carry information, estimated from the first rows; see ``FitRun.information``."""
    y, weights = np.asarray(summary.piece.y, np.float64), summary.piece.weights
    total = float(y.sum() if weights is None else y @ weights)
    events = family.events(total, len(y) if weights is None else float(weights.sum()))
    return max(events, 1.0) * summary.rows / len(y) if np.isfinite(events) else float(summary.rows)
