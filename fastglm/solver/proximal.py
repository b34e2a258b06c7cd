"""Proximal Newton: quadratic models of the loss, minimised together with a lasso and bounds.

Lee, Sun and Saunders (2014), "Proximal Newton-type methods for minimizing composite functions", SIAM Journal on
Optimization 24. Along a path every model serves as long as steps by it gain enough, so that most passes are of the
score alone. The certificate is the violation of the optimality conditions, measured where the descent ends.
"""

from __future__ import annotations

import numpy as np

from ..kernels.path_steps import ARMIJO, DAMPED, INNER, MOST_PAIRS, ROUNDING, SEEN, SLOW
from ..linalg.symmetric import Dense
from .newton import DEVIANCE_NOISE, record
from .quadratic_model import QuadraticModel
from .start import is_finite

EPS = np.finfo(float).eps
HALVINGS = 40  # of a step; chosen: 1e-12 of it is left
STALLED, MOST_STALLS = 0.98, 10  # of the violation, that as many steps in a row left when nothing more is to come
CHEAP = 0.6  # cost of a score pass beside one with curvature, above which every pass has one


def corrected(H: np.ndarray, pairs) -> np.ndarray:
    """A curvature that says of each step what the score did: the information of a link that is not canonical is the
    expected one (damped BFGS; Nocedal and Wright 2006, procedure 18.2)."""
    if not pairs:
        return H
    vectors, signs = np.zeros((0, len(H))), np.zeros(0)
    for step, fall in pairs:
        own = H @ step + (signs * (vectors @ step)) @ vectors
        size, rise = float(step @ own), float(step @ fall)
        if size > 0.0:
            part = 1.0 if rise >= DAMPED * size else (1.0 - DAMPED) * size / (size - rise)
            fall = part * fall + (1.0 - part) * own
            vectors = np.vstack([vectors, fall / np.sqrt(step @ fall), own / np.sqrt(size)])
            signs = np.append(signs, [1.0, -1.0])
    return H + (vectors.T * signs) @ vectors


def rounding(penalty, H: np.ndarray, beta: np.ndarray, pearson: float) -> float:
    """A violation of the optimality conditions that rounding of the sums and of the coefficients may make.

    By Cauchy and Schwarz no sum of |x r| is more than the root of Pearson's chi-square times sum h x^2.
    """
    size = np.sqrt(max(pearson, 0.0) * np.diagonal(H)) + np.abs(H) @ np.abs(beta)
    return float((ROUNDING * EPS * (size + penalty.kink) / penalty.unit).max(initial=0.0))


class ProximalDescent:
    """Coefficients, the last pass there and the model that steps are made by, kept from one penalty to the next.

    Parameters
    ----------
    objective : Objective
    beta : (m,) array
        A start with a finite deviance.
    control : Control
        Of its fields ``tol``, ``accept_tol``, ``max_iter`` and the callback.
    """

    def __init__(self, objective, beta, control):
        self.objective, self.control, self.history = objective, control, []
        self.beta, self.q, self.model = beta, objective.at(beta, 2), None
        self.H, self.fresh, self.contraction, self.origin = None, False, 0.0, None
        self.curved_at, self.rate = np.inf, 1.0  # the violation where the model was made; contraction by such a one
        self.information_wanted = False  # at the end of a descent
        self.pairs: list = []  # of steps, and by how much the score fell, where the information did not foretell it
        self.left: float | None = None  # the violation at the coefficients, where it is known
        self.by_sums = objective.linear  # whether scores follow from the first one
        # where arrays go by compiled steps with a curvature each other forms of the rows do, too
        dear = not objective.linear and (objective.approachable or objective.score_cost > CHEAP)
        self.always = objective.small or dear
        if is_finite(self.q):
            self._renew()

    def _renew(self):
        """Go by the curvature of the last pass."""
        # columns were multiplied by the scale, which is one unless a step of Newton's has changed it
        scale = self.objective.scale
        H = self.q.information.toarray()
        self.H = H if np.all(scale == 1.0) else H / scale / scale[:, None]
        self.fresh, self.model = True, None
        self.q = self.q._replace(information=None)
        self.origin = self.beta, self.q

    def verify(self):
        """Replace the sums of least squares, which followed from earlier ones, by a pass."""
        self.q = self.objective.at(self.beta, 1)
        self.origin = self.beta, self.q

    @property
    def information(self) -> Dense | None:
        """That at the coefficients, as a pass has it, where it is known."""
        scale = self.objective.scale
        return Dense(self.H * scale * scale[:, None]) if self.fresh or self.objective.linear else None

    def freshen(self):
        """See that the curvature is that of the coefficients."""
        if not self.fresh:
            self.q = self.objective.at(self.beta, 2)
            self._renew()

    def start_from(self, beta: np.ndarray) -> ProximalDescent:
        """The same at other coefficients."""
        self.beta, self.q = beta, self.objective.at(beta, 2)
        self._renew()
        return self

    def solve(self, penalty, tol: float | None = None) -> str:
        """Descend to the optimum with a penalty; why it stopped."""
        tol = self.control.tol if tol is None else tol
        self._within(penalty)
        last, stalls, self.left = np.inf, 0, None
        for iteration in range(1, self.control.max_iter + 1):
            violation, self.left = self.violation(penalty) if self.left is None else self.left, None
            passes, q = self.objective.n_passes, self.q
            record(self.history, self.control, iteration, passes, q.deviance, q.max_eta, violation, self.fresh)
            if violation <= tol:
                return "converged"
            if self.fresh and violation > 0.5 * last and self._is_rounding(penalty, violation):
                return "converged"
            stalls = stalls + 1 if self.fresh and violation > STALLED * last else 0
            if stalls == MOST_STALLS and not self._forgets():
                return "rounding lets the violation fall no further"
            last = violation if self.fresh else np.inf
            if not self._step(penalty, violation, tol) and not self._forgets():
                arrived = self._is_rounding(penalty, violation)
                return "converged" if arrived else "no step along the direction lowers the deviance"
        return "iteration limit reached"

    def violation(self, penalty) -> float:
        """The largest violation of the optimality conditions at the coefficients, in the penalty's units."""
        return penalty.violation(self.beta, self.q.score)

    def _forgets(self) -> bool:
        """Drop the corrections of the curvature, which may be of coefficients far away; whether there were any."""
        were, self.pairs, self.model = bool(self.pairs), [], None
        return were

    def _within(self, penalty):
        """Coefficients within the bounds of a penalty, and their pass."""
        beta = penalty.within(self.beta)
        if np.array_equal(beta, self.beta):
            return
        if self.by_sums:
            self.q = self._at(beta, 1)
            self.beta = beta
        else:
            self.start_from(beta)

    def _is_rounding(self, penalty, violation) -> bool:
        """Whether a violation is accepted, or no more than the rounding of the sums and of the coefficients makes."""
        return violation <= max(self.control.accept_tol, rounding(penalty, self.H, self.beta, self.q.pearson))

    def _foretold_badly(self, penalty, violation) -> bool:
        """Whether a step by the expected information has left more of a violation than rounding may."""
        if self.objective.canonical or self.contraction <= SLOW:
            return False
        return violation > SEEN * rounding(penalty, self.H, self.beta, self.q.pearson)

    def _minimum(self, penalty, violation, tol):
        """The minimum of the model with the penalty."""
        free = penalty.free
        if self.model is None or not np.array_equal(self.model.is_free, free):
            self.model = QuadraticModel(corrected(self.H, self.pairs), free)
        if self.model.loses(penalty):
            self._regain()
        # of columns far from zero the violation is the intercept's, which a step ends whatever else it leaves
        violation = min(violation, self.model.violation(self.beta, self.q.score, penalty))
        inner = 0.1 * tol if self.by_sums else max(INNER * violation, 0.1 * tol)
        return self.model.minimise(self.beta, self.q.score, penalty, inner)

    def _regain(self):
        """Sum what the model has lost, where columns are nearly those that are free, from the rows' differences."""
        if hasattr(self.objective, "beside_free"):
            self.model.S = self.objective.beside_free(self.beta, self.model)
        self.model.cancelled[:] = False
        if not getattr(self.objective, "precise", True):
            # the rows' scores in more digits correct what rounding of the model is left
            self.objective.precise, self.by_sums = True, False
            self.verify()

    def _step(self, penalty, violation, tol) -> bool:
        """To the minimum of the model, or a part of the way; False where the penalised deviance does not fall."""
        new = self._minimum(penalty, violation, tol)
        step, before = new - self.beta, penalty.value(self.beta)
        gain = float(self.q.score @ step) - penalty.value(new) + before
        noise = DEVIANCE_NOISE * abs(self.q.deviance) + 1e-300
        wants = 2 if self.always or (not self.fresh and self.contraction > SLOW) else 1
        wants = 2 if self.information_wanted and self._soon_over(violation, tol) else wants
        t = 1.0
        for _ in range(HALVINGS if self.fresh else 2):
            trial = new if t == 1.0 else self.beta + t * step
            q = self._at(trial, wants)
            fall = 0.5 * (self.q.deviance - q.deviance) + before - penalty.value(trial)
            if is_finite(q) and fall >= (ARMIJO * t * gain if gain * t > noise else 0.0) - noise:
                self._accept(trial, q, penalty, violation)
                return True
            t *= 0.5
        if self.fresh:
            return False
        self.freshen()
        return True

    def _soon_over(self, violation, tol) -> bool:
        """Whether the next pass is expected to be the last one, or a curvature there spares more than it costs."""
        if self.fresh:
            self.curved_at = violation
        left = violation * min(self.rate * self.curved_at, 1.0)
        if left <= tol or not self.rate * self.curved_at < 1.0:
            return left <= tol
        passes = np.ceil(np.log(violation / tol) / -np.log(max(self.rate * self.curved_at, EPS)))
        return (passes - 1.0) * self.objective.score_cost > 1.0

    def _at(self, beta, order):
        """The pass at some coefficients; that of least squares follows from the first one."""
        if not self.by_sums:
            return self.objective.at(beta, order)
        first, q = self.origin
        step = beta - first
        fall = self.H @ step
        deviance = max(q.deviance - float(step @ (2.0 * q.score - fall)), 0.0)
        return q._replace(deviance=deviance, score=q.score - fall, pearson=deviance)

    def _accept(self, trial, q, penalty, violation):
        pair = trial - self.beta, self.q.score - q.score
        self.beta, self.q = trial, q
        if self.by_sums:
            return
        self.left = left = self.violation(penalty)
        self.contraction = left / violation
        if self.fresh and self._foretold_badly(penalty, violation):
            self.pairs = [*self.pairs[1 - MOST_PAIRS :], pair]
        self.fresh = False
        self.rate = self.contraction / self.curved_at
        if q.information is not None:
            self._renew()
        elif left > self.control.tol and self._worth(left):
            self.q, self.left = self.objective.at(trial, 2), None
            self._renew()

    def _worth(self, left):
        """Whether a curvature and two score passes cost less than the score passes that the old one still takes."""
        if self.contraction > SLOW:
            return True
        passes = np.log(left / self.control.tol) / -np.log(max(self.contraction, EPS))
        return passes * self.objective.score_cost > 1.0 + 2.0 * self.objective.score_cost
