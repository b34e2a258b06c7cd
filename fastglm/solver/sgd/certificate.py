"""How far a first-order fit is from the optimum of what it minimises, penalties included, and the last steps there."""

from __future__ import annotations

from math import inf, sqrt
from typing import NamedTuple

import numpy as np
from scipy.linalg import lstsq
from scipy.linalg.lapack import dpotrf, dpotrs

from ...objective.penalty import ElasticPenalty
from ...options.sgd import tolerance
from ..quadratic_model import QuadraticModel
from .driver import automatic_method

MOST_COEFFICIENTS = 200  # whose curvature costs no more than a few epochs; of more, products with vectors
SAMPLE_ROWS, SAMPLE_EACH = 10_000, 100  # of a sample, and for each coefficient, whose curvature is right to a tenth
SAMPLE_SHARE = 0.2  # of the rows, above which all are read instead
MOST_PRODUCTS = 100  # with the curvature in a proximal step
MOST_STEPS = 50  # proximal Newton steps
HALVINGS = 30  # of a step that does not lower the objective
SOLVED = 1e-8  # of the subgradient, that a proximal step may leave
ENOUGH = 0.01  # of the gain, that the last conjugate gradient may still have added
SAFE_PIVOT = 1e-11  # of a scaled information, below which its columns count as dependent
EPS = np.finfo(float).eps


class Place(NamedTuple):
    """A pass at some coefficients: the sums, the step to the optimum of their quadratic model (None where it was not
    made), what it gains of half the deviance with the penalties, and the distance in standard errors."""

    quadratic: object
    step: np.ndarray | None
    gain: float
    distance: float


class Certificate:
    """The distance of coefficients to the optimum of half the deviance plus ridge/2 b^2 + lasso |b|.

    Parameters
    ----------
    objective : Objective
    to_params : callable
        Coefficients of the objective from those of the solver, (m,) or (m, K).
    classes : int or None
        K of a softmax none of whose classes is pinned.
    options : SGD
    weight : float
        The weight of all rows, which a mean is a sum over.
    dispersion : callable
        Quadratic -> dispersion.
    data, model
        What the solver is given.

    Notes
    -----
    A quadratic model of the deviance is minimised together with the penalties (a proximal Newton step, Lee, Sun and
    Saunders 2014, "Proximal Newton-type methods for minimizing composite functions"). With G what that gains, the
    distance is sqrt(2 G / scale): without a lasso the Newton decrement sqrt(g' H^-1 g / scale), H the information and
    the ridge, and with one no less than the length of the step in H, because the lasso's part of G is not negative.
    Of very many coefficients those at zero whose gradient does not exceed the lasso stay there, and the step is found
    by conjugate gradients, to a percent of G; beyond the tolerance they are not solved to the end, so that the distance
    is a lower bound there.
    """

    def __init__(self, objective, to_params, classes, options, weight, dispersion, data, model):
        self.objective, self.to_params, self.dispersion = objective, to_params, dispersion
        self.contrasts = np.eye(1) if classes is None else np.eye(classes)[1:] - np.eye(classes)[0]
        self.m, self.tol = objective.n_columns, tolerance(options)
        penalised = np.ones((self.contrasts.shape[1], self.m))
        penalised[:, : bool(data.has_intercept)] = 0.0
        size = weight if options.reduction == "mean" else 1.0
        self.penalty = ElasticPenalty(options.l2 * size * penalised.ravel(), options.l1 * size * penalised.ravel())
        self.whole = penalised.size <= MOST_COEFFICIENTS
        rows = max(SAMPLE_ROWS, SAMPLE_EACH * penalised.size)
        # nothing else reaches a penalised optimum to the last digits; a method that was named is left to itself
        chosen = options.method == "auto" and automatic_method(data, model, options) == "saga"
        self.finishes = chosen and self.whole and bool(options.l1 or options.l2) and not options.validation_fraction
        few = self.finishes or rows > SAMPLE_SHARE * objective.source.n_rows or not objective.sampleable
        self.sampled = 0 if few else rows  # whose curvature says how far it is; zero where that of all does

    def __call__(self, coef: np.ndarray) -> bool:
        """Whether a fit whose losses no longer fall may stop at ``coef``."""
        return self.finishes or self.at(coef).distance <= self.tol

    def at(self, coef: np.ndarray) -> Place:
        """One pass, and for very many coefficients one for each conjugate gradient."""
        q = self.objective.at(self.to_params(coef), 2 if self.whole and not self.sampled else 1)
        theta = self._flat(coef)
        if not (q.finite and np.isfinite(q.score).all() and np.isfinite(theta).all()):
            return Place(q, None, inf, inf)
        g = self._up(q.score) + self.penalty.score(theta)
        unit = max(self.dispersion(q), 1e-300)
        if self.whole:
            H = self._information(q if not self.sampled else self._of_sample(coef))
            if not np.isfinite(H).all():
                return Place(q, None, inf, inf)
            step, gain = proximal_step(H, g, theta, self.penalty.lasso)
        else:
            step, gain = None, self._gain(coef, g, theta, 0.5 * self.tol**2 * unit)
        return Place(q, step, gain, sqrt(2.0 * max(gain, 0.0) / unit))

    def finished(self, coef: np.ndarray) -> tuple[np.ndarray, Place, int]:
        """Coefficients after proximal Newton steps down to the tolerance, their place, and how many there were."""
        place, steps = self.at(coef), 0
        while self.finishes and self.tol < place.distance < inf and steps < MOST_STEPS:
            found = self._search(coef, place)
            if found is None or (place.distance < 1e-9 and found[1].distance > 0.5 * place.distance):
                # rounding leaves no more
                break
            (coef, place), steps = found, steps + 1
        return coef, place, steps

    def _search(self, coef, place):
        """Halve the step until the penalised deviance falls: (coefficients, place), or None."""
        before = self._value(coef, place.quadratic)
        noise, t = 1e-11 * abs(before), 1.0
        for _ in range(HALVINGS):
            trial = self._moved(coef, t * place.step)
            new = self.at(trial)
            fall = 0.0 if place.gain * t <= noise else 1e-4 * t * place.gain
            if new.step is not None and self._value(trial, new.quadratic) <= before - fall + noise:
                return trial, new
            t *= 0.5
        return None

    def _value(self, coef, q):
        return 0.5 * q.deviance + self.penalty.value(self._flat(coef))

    def _moved(self, coef, step):
        theta = self._flat(coef)
        new = theta + step
        # what a step brings to zero is zero, not what rounding leaves of it
        new[(self.penalty.lasso > 0.0) & (np.abs(new) <= 4.0 * EPS * np.abs(theta))] = 0.0
        return new if np.ndim(coef) == 1 else new.reshape(-1, self.m).T.copy()

    def _flat(self, coef):
        """Coefficients class after class, as the objective has them."""
        return np.asarray(coef, np.float64).T.ravel()

    def _up(self, score):
        """The score of every class's coefficients from that of the contrasts."""
        return (self.contrasts.T @ score.reshape(-1, self.m)).ravel()

    def _of_sample(self, coef):
        """A pass with the curvature of a sample, which is right to a few percent."""
        sample = self.objective.sample(self.sampled)
        found = sample.at(self.to_params(coef), 2)
        self.objective.n_passes += sample.n_passes
        return found

    def _information(self, q):
        J = q.information.toarray()
        J = J / self.objective.scale / self.objective.scale[:, None]
        C, (rows, width) = self.contrasts, self.contrasts.shape
        J = np.einsum("ak,aibj,bl->kilj", C, J.reshape(rows, self.m, rows, self.m), C, optimize=True)
        return J.reshape(width * self.m, width * self.m) + np.diag(self.penalty.ridge)

    def _gain(self, coef, g, theta, enough):
        """Half g' H^-1 g over the coefficients that may move, from below, by conjugate gradients."""
        beta, moving = self.to_params(coef), self.penalty.active(theta, g)
        side = np.sign(np.where(theta != 0.0, theta, g))
        r = np.where(moving, g - self.penalty.lasso * side, 0.0)
        diagonal = self._diagonal(beta)
        gain, p, rho = 0.0, np.zeros_like(r), 1.0
        for k in range(MOST_PRODUCTS):
            z = r / diagonal
            rho, last = float(r @ z), rho
            if rho <= 0.0:
                break
            p = z if k == 0 else z + rho / last * p
            v = (self.contrasts @ p.reshape(-1, self.m)).ravel()
            Hp = np.where(moving, self._up(self.objective.product(beta, v)) + self.penalty.ridge * p, 0.0)
            curved = float(p @ Hp)
            if not curved > EPS * rho:
                return inf
            more = 0.5 * rho * rho / curved
            gain, r = gain + more, r - rho / curved * Hp
            if more <= ENOUGH * gain or gain > enough:
                break
        return gain

    def _diagonal(self, beta):
        rows = max(2000, self.objective.source.n_rows // 50)
        d = self.objective.preconditioner(beta, min(self.objective.source.n_rows, rows)).reshape(-1, self.m)
        d = (np.abs(self.contrasts.T) @ d).ravel() + self.penalty.ridge
        return np.where(d > 0.0, d, max(float(d.max(initial=0.0)), 1.0) * 1e-3)


def proximal_step(H: np.ndarray, g: np.ndarray, b: np.ndarray, lasso: np.ndarray) -> tuple[np.ndarray, float]:
    """The s that minimises s'Hs/2 - g's + sum lasso |b + s|, and by how much that is less than at zero.

    Parameters
    ----------
    H : (p, p) array
        Positive semidefinite.
    g, b, lasso : (p,) array

    Notes
    -----
    The gain is summed without the cancellation of |b + s| and |b|.
    """
    if not lasso.any():
        s = _solved(H, g)
        return s, max(0.5 * float(g @ s), 0.0)
    d = np.diagonal(H)
    unit, nothing, end = np.sqrt(np.where(d > 0.0, d, 1.0)), np.zeros_like(b), np.full(len(b), np.inf)
    penalty = ElasticPenalty(nothing, lasso, -end, end, unit)
    enough = max(SOLVED * penalty.violation(b, g), 8.0 * EPS * ((np.abs(g) + lasso) / unit).max())
    x = QuadraticModel(H, penalty.free).minimise(b, g, penalty, enough)
    s = x - b
    kept = (b != 0.0) & ((np.sign(x) == np.sign(b)) | (x == 0.0))
    linear = np.where(kept, (g - lasso * np.sign(b)) * s, g * s - lasso * (np.abs(x) - np.abs(b)))
    return s, max(float(linear.sum()) - 0.5 * float(s @ H @ s), 0.0)


def _solved(H, g):
    """A solution of H s = g, of least norm in the units of the diagonal where H is singular."""
    d = np.diagonal(H)
    size = 1.0 / np.sqrt(np.where(d > 0.0, d, 1.0))
    scaled = H * size * size[:, None]
    triangle, status = dpotrf(scaled)
    if status == 0 and np.square(triangle.diagonal()).min(initial=1.0) > SAFE_PIVOT:
        return size * dpotrs(triangle, size * g)[0]
    return size * lstsq(scaled, size * g, cond=SAFE_PIVOT)[0]
