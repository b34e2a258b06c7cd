"""Descent by Newton steps whose curvature may be old, a sample's, or corrected by what earlier passes showed.

One loop serves damped Newton and IRLS (a fresh curvature at every pass), the pass-optimal plan (a sample's curvature,
score passes, one last curvature) and L-BFGS (a diagonal and corrections only).
"""

from __future__ import annotations

from itertools import pairwise
from math import inf, isfinite, log, sqrt
from time import perf_counter

import numpy as np

from ..kernels.newton_steps import Steps
from ..linalg.factor import from_root
from ..linalg.symmetric import SAFE_PIVOT
from ..objective.sums import Quadratic
from .decide import EPS, Control, State, decide
from .problem import Solution
from .rank import decide_rank

FLAT = "next to no information is left along the steps"
BLOCKED = "the end of the means' range stops the steps"
SAME = 1e-14  # of a column's square, which is left beside a constant by rounding alone
SAFE_PIVOT_SMALL = 1e-4  # as ``SAFE_PIVOT`` on small data, where QR costs nothing to speak of
ARMIJO = 1e-4  # of the promised fall, that a step must bring
DEVIANCE_NOISE = 1e-11  # of the deviance, within which rounding hides a fall
TRIED = 2  # sizes of a step tried by passes of their own: of 500 halved steps of hard tests 281 were halved once
FEWEST_SIZES = 3  # for which one pass along the step is made instead of a pass for each
LATELY = 20  # iterations, for which it counts that the end of the means' range has shortened a step
MOST_STEPS = 12  # full steps in compiled code; chosen: fits that need more are not plain
NEAR = 1e-4  # standard errors, below which one more step leaves rounding
NOTHING = Quadratic(0.0, np.zeros(0), np.zeros(0), None, 0.0, 0.0)
UNIT = NOTHING._replace(deviance=1.0)  # what a unit of the deviance adds to the dispersion is found by it
VANISHED = 1e-12  # of the information along a step: means are at the end of their range, or columns repeat others
SHRINKS = 0.9  # of a distance, below which steps of the same length are not those of slow convergence
CHANGED = 4.0  # times, by which a curvature differs before corrections made with it are dropped


class NearlyDependent(Exception):
    """A column of an objective that may be shifted is so far from zero that Cholesky cannot tell it from a constant."""


def factorise(objective, q, beta):
    """A factor of the information at beta: Cholesky, after rescaling where it over- or underflowed, else QR.

    Where Cholesky finds columns too nearly dependent for it, X decides once which are aliased. Coefficients whose
    columns have lost all information, because the means of their rows are at the end of their range, stay as they are.
    ``NearlyDependent`` is raised where columns that are hardly more than a constant may be shifted instead.
    """
    # an entry that overflowed makes the factor NaN, one that underflowed does not
    d = q.information.diagonal()
    if not (np.minimum.reduce(d, initial=1.0) > 1e-200 and isfinite(np.add.reduce(d))) and objective.rescale():
        q = objective.at(beta, 2)
    safe = SAFE_PIVOT_SMALL if objective.small else SAFE_PIVOT
    factor = q.information.factor(objective.scale, safe, objective.kept)
    if factor is None:
        if objective.constant is not None and _is_far(q.information, objective, safe):
            raise NearlyDependent
        if objective.kept is None:
            decide_rank(objective)
            if objective.aliased:
                factor = q.information.factor(objective.scale, safe, objective.kept)
        factor = q.information.rank_factor(objective.scale, objective.kept) if factor is None else factor
        if factor is None:
            objective.precise = True
            factor = from_root(objective.root(beta), objective.scale, objective.kept, own=objective.own)
    return factor._replace(aliased=objective.aliased) if objective.aliased else factor


def _is_far(information, objective, safe):
    """Whether a column is nearly a multiple of the constant one, and none is one."""
    at, d = objective.constant, information.diagonal()[: objective.n_columns]
    left = 1.0 - np.square(information.toarray()[at, : objective.n_columns]) / (d[at] * d)
    left[at] = 1.0
    return bool(SAME < left.min() < safe)


def newton_iterations(objective, beta, control: Control, dispersion, factor=None, q=None) -> Solution:
    """Minimise the deviance from ``beta``.

    Parameters
    ----------
    objective : Objective
    beta : (p,) array
        A start with a finite deviance.
    control : Control
    dispersion : callable
        Quadratic -> the dispersion standard errors would have there.
    factor : Cholesky, optional
        A curvature to begin with; one is computed at ``beta`` without it.
    q : Quadratic, optional
        The pass at ``beta``, if already made.
    """
    fresh, earlier = factor is None, ()
    if fresh and (q is None or q.information is not None):
        beta, q, earlier = _approached(objective, beta, control, dispersion, q)
    if q is None or (fresh and q.information is None):
        q = objective.at(beta, 2 if fresh else 1)
    if not earlier and not (q.finite and isfinite(np.add.reduce(q.score))):
        return Solution(beta, q, factor, inf, inf, 0, "not finite at the start", ())
    return _Descent(objective, beta, control, dispersion, factor, q, earlier).run()


def _approached(objective, beta, control, dispersion, q):
    """Where full steps in compiled code lead, the pass there, and their records; as given where there are none."""
    most = min(control.max_iter - 1, MOST_STEPS)
    if not objective.approachable or not control.reuse_curvature or control.callback is not None or most < 1:
        return beta, q, ()
    before, passes, first = dispersion(NOTHING), objective.n_passes, []
    slope = dispersion(UNIT) - before
    # the last step is one that leaves what a curvature may, and the step after it the tolerance
    enough = max(NEAR, min(sqrt(control.curvature_tol), control.tol**0.25))
    start, last, share = beta, inf, objective.share
    if q is not None:
        if not q.finite or (factor := q.information.factor(objective.scale, SAFE_PIVOT_SMALL)) is None:
            return beta, q, ()
        step = factor.solve(q.score)
        gain = float(q.score @ step)
        if not gain > enough * enough * (before + slope * q.deviance):
            return beta, q, ()
        start, last, first = beta + step, q.deviance, [(q.deviance, gain, q.max_eta)]
    steps = Steps(len(beta), last * share, enough, (before * share, slope), most)
    found = objective.approach(start, steps)
    if found is None and steps.passes and objective.constant is not None and objective.small:
        raise NearlyDependent  # as columns far from zero seem, most often; whoever centres them looks
    if found is None or not found[1].finite or not isfinite(np.add.reduce(found[1].score)):
        return beta, q, ()
    history, passes = [], passes - len(first) * objective.price
    records = [(deviance / share, gain / share, max_eta) for deviance, gain, max_eta in steps.records.tolist()]
    for deviance, gain, max_eta in first + records:
        passes += objective.price
        distance = sqrt(max(gain, 0.0) / max(before + slope * deviance, 1e-300))
        record(history, control, len(history) + 1, passes, deviance, max_eta, distance, True)
    return *found, history


class _Descent:
    """A descent under way: where it is, the curvature it goes by, and what earlier passes have shown of it."""

    def __init__(self, objective, beta, control, dispersion, factor, q, earlier=()):
        self.objective, self.control, self.dispersion = objective, control, dispersion
        self.beta, self.q, self.factor, self.fresh, self.origin = beta, q, factor, False, None
        self.pairs: list = []
        self.history: list = list(earlier)
        # how far beta has moved since the curvature was made; a sample's was made nowhere
        self.contraction, self.full, self.drift = control.contraction, inf, inf
        self.creeping, self.since_blocked, self.distance = 0, LATELY, inf
        self.latest, self.pace = 0.0, None
        self.flattest = 1.0  # the curvature along a step, over what an old factor says of it, at the least
        if factor is None:
            self._renew()
            self.contraction = 1.0
        if earlier:
            self.full = earlier[-1]["distance"]

    def run(self) -> Solution:
        """Step until ``decide`` says that it is enough, or nothing helps."""
        for iteration in range(len(self.history) + 1, self.control.max_iter + 1):
            step, gain = self._direction()
            self._measure(gain, iteration)
            action = decide(self.control, self._state(gain, iteration))
            if action.kind == "stop":
                # the step is taken: what it leaves is estimated, not measured
                self.beta, self.distance = self.beta + step, action.left
                stop = "converged" if self.since_blocked > 3 else BLOCKED
                return self._solution(stop, iteration, self.since_blocked < LATELY)
            if action.kind == "search" and self._search(step, gain, action):
                if self.creeping == 5 or self.flattest < VANISHED:
                    return self._solution(BLOCKED if self.creeping == 5 else FLAT, iteration)
            elif not self.fresh and self.control.reuse_curvature and not self.factor.diagonal_only:
                # an unrepresentative curvature: look again with one of all rows, here
                self.q = self.objective.at(self.beta, 2)
                self.pairs, self.full = [], inf
                self._renew()
            else:
                return self._solution("no step along the direction lowers the deviance", iteration)
        return self._solution("iteration limit reached", iteration)

    @property
    def _rough(self):
        """Whether the factor may rate distances too low: it is not that of all rows anywhere."""
        return self.control.rough and self.origin is None

    def _renew(self):
        """Go by the curvature of the last pass."""
        self.factor = factorise(self.objective, self.q, self.beta)
        self.beta = without_aliased(self.beta, self.factor)
        self.fresh, self.drift, self.origin, self.flattest = True, 0.0, (self.beta, self.q), 1.0

    def _direction(self):
        """The step by the curvature and what corrects it, and the fall of half the deviance that it promises, twice."""
        q, factor, pairs = self.q, self.factor, self.pairs
        exact = self.fresh and self.control.canonical
        if self.fresh and pairs:
            pairs[:] = [pair for pair in pairs if _agrees(pair, factor)]
        step = factor.solve(q.score) if exact or not pairs else _two_loop(factor, pairs, q.score)
        gain = float(q.score @ step)
        if pairs and not exact and (self.fresh or not gain > 0.0):
            plain = factor.solve(q.score)
            plain_gain = float(q.score @ plain)
            if not 0.0 < gain <= CHANGED * plain_gain:
                pairs.clear()
                step, gain = plain, plain_gain
        return step, gain

    def _measure(self, gain, iteration):
        """The distance in standard errors, and its record."""
        self.distance = sqrt(max(gain, 0.0) / max(self.dispersion(self.q) * self.flattest, 1e-300))
        # of a rough factor's steps a shortened one tells nothing, and others gain little and much by turns
        if iteration > 1 and 0.0 < self.full and not (self._rough and self.full == inf):
            now, before = self.distance / self.full, self.latest
            self.contraction, self.latest = max(now, before) if self._rough else now, now
            self.pace = sqrt(now * before) if self._rough and before > 0.0 else None
        passes, q = self.objective.n_passes, self.q
        record(self.history, self.control, iteration, passes, q.deviance, q.max_eta, self.distance, self.fresh)

    def _state(self, gain, iteration):
        """What ``decide`` looks at."""
        factor, beta, distance = self.factor, self.beta, self.distance

        def hidden():
            return (distance < 1e-3 or iteration > 5) and gain <= self.flattest * (EPS * factor.size(beta)) ** 2

        def rounding():
            return 4 * EPS * factor.reach(beta) / sqrt(max(self.dispersion(self.q), 1e-300))

        last = self.history[-2]["distance"] if iteration > 1 else None
        return State(
            distance, last, self.contraction, self.pace, self.drift, self.fresh, factor.diagonal_only, hidden, rounding
        )

    def _search(self, step, gain, action) -> bool:
        """Go along the step to a lower deviance; False where there is none."""
        control, q = self.control, self.q
        longest = _stretch(self.history, control) if self.fresh and not self.objective.small else 1.0
        t, beta, new, blocked = search(self.objective, self.beta, step, gain, q, action.order, action.tries, longest)
        if new is None:
            return False
        if not (control.canonical and new.information is not None):
            _remember(self.pairs, beta - self.beta, q.score - new.score, control.memory)
            if self.pairs and (self._rough or not control.need_information):
                # how flat the deviance is along a direction is seen where a step goes far along it
                s, _, sy = self.pairs[-1]
                self.flattest = min(self.flattest, sy / max(self.factor.size(s) ** 2, 1e-300))
        self.beta, self.q, self.full = beta, new, self.distance if t == 1.0 else inf
        self.creeping = self.creeping + 1 if blocked and t < 0.1 else 0
        self.since_blocked = 0 if blocked else self.since_blocked + 1
        if self.creeping == 5:
            return True
        self.fresh = new.information is not None
        self.drift += t * self.distance
        if self.fresh:
            self._renew()
            if control.canonical:
                self.pairs.clear()
        return True

    def _solution(self, stop, iteration, blocked=False):
        return Solution(
            self.beta, self.q, self.factor, float(self.distance), norm(self.q), iteration, stop, tuple(self.history),
            self.origin, blocked=blocked,
        )  # fmt: skip


def record(history, control, iteration, passes, deviance, max_eta, distance, fresh):
    """Write an iteration down, and tell whoever watches."""
    history.append(
        {
            "iteration": iteration,
            "passes": passes,
            "deviance": deviance,
            "distance": distance,
            "max_eta": max_eta,
            "fresh": fresh,
            "seconds": perf_counter() - control.began,
        }
    )
    if control.callback:
        control.callback(history[-1])


def without_aliased(beta, factor):
    """The same linear predictor with aliased coefficients moved onto the columns they repeat."""
    if not factor.aliased:
        return beta
    beta = np.array(beta)
    for j, combination in factor.aliased.items():
        for k, c in combination.items():
            beta[k] += c * beta[j]
        beta[j] = 0.0
    return beta


def norm(q):
    return sqrt(float(q.score @ q.score))


def _stretch(history, control):
    """How many of the Newton steps to come are one and the same, and can be taken at once.

    Where means run to the end of their range, every step adds the same to linear predictors and leaves the same part of
    the distance (exp(-1/2) where it adds one to those of the rows), until rounding ends it: as many as the distance
    still has factors down to the tolerance. Steps to an optimum inside the range get shorter with the distance.
    """
    last = history[-4:]
    if len(last) < 4 or not min(h["distance"] for h in last) > 0.0:
        return 1.0
    ratios = [b["distance"] / a["distance"] for a, b in pairwise(last)]
    rises = [b["max_eta"] - a["max_eta"] for a, b in pairwise(last)]
    ratio, rise = sum(ratios) / 3.0, sum(rises) / 3.0
    steady = all(abs(r - ratio) < 0.02 for r in ratios) and all(abs(r - rise) < 0.05 * rise for r in rises)
    if not steady or not 0.0 < ratio < SHRINKS:
        return 1.0
    return max(1.0, log(max(last[-1]["distance"] / min(control.tol, control.accept_tol), 1.0)) / -log(ratio))


def search(objective, beta, step, gain, q, order, tries, longest=1.0):
    """Halve the step until the deviance falls (Armijo 1966).

    The first two sizes are tried by passes of their own, because most steps are halved once at the most. Where reading
    the rows costs more than their formulas, the deviances at those that remain are found a dozen in one pass, and a
    pass of the wanted order confirms the first that falls.

    Parameters
    ----------
    objective : Objective
    beta, step : (m,) arrays
    gain : float
        The fall of half the deviance, twice, that a full step promises.
    q : Quadratic
        The pass at ``beta``.
    order : int
        Of the pass at the size that is accepted.
    tries : int
        Sizes, each half of the one before.
    longest : float
        The first size.

    Returns
    -------
    size : float
    beta : (m,) array
    quadratic : Quadratic or None
        None where no size lowers the deviance.
    blocked : bool
        Whether a size left the means' range.
    """
    noise = DEVIANCE_NOISE * abs(q.deviance) + 1e-300
    trial = beta + longest * step
    new = objective.at(trial, order)
    finite = new.finite and isfinite(np.add.reduce(new.score))
    if finite and _falls(new.deviance, longest, gain, q, noise):
        return longest, trial, new, False
    blocked = not finite
    for t, deviance in _shorter(objective, beta, step, longest, tries):
        if deviance is not None and not _falls(deviance, t, gain, q, noise):
            blocked |= not isfinite(deviance)
            continue
        trial = beta + t * step
        new = objective.at(trial, order)
        finite = new.finite and isfinite(np.add.reduce(new.score))
        if finite and _falls(new.deviance, t, gain, q, noise):
            return t, trial, new, blocked
        blocked |= not finite
    return longest * 0.5**tries, beta, None, blocked


def _falls(deviance, t, gain, q, noise):
    """Whether a size lowers the deviance enough; below its rounding there is nothing to compare."""
    fall = 0.0 if gain * t <= noise else ARMIJO * min(t, 1.0) * gain
    return deviance <= q.deviance - fall + noise


def _shorter(objective, beta, step, longest, tries):
    """Halved sizes of a step in order, each with its deviance, or None for one that takes a pass of its own."""
    sizes = longest * np.exp2(-np.arange(1.0, tries))
    many = objective.line_sizes if tries - TRIED >= FEWEST_SIZES else 0
    tried = TRIED - 1 if many >= FEWEST_SIZES else len(sizes)
    for t in sizes[:tried].tolist():
        yield t, None
    for first in range(tried, len(sizes), max(many, 1)):
        line = sizes[first : first + many]
        yield from zip(line.tolist(), objective.along(beta, step, line).tolist(), strict=True)


def _remember(pairs, s, y, memory):
    sy = float(s @ y)
    if sy > 1e-10 * float(np.sqrt((s @ s) * (y @ y))):
        pairs.append((s, y, sy))
        del pairs[:-memory]


def _agrees(pair, factor):
    """Whether a correction's curvature is still about that of all rows: where means run to the end of their range it
    falls by orders of magnitude, and old corrections would magnify rounding."""
    s, _, sy = pair
    return 1.0 / CHANGED <= sy / max(factor.size(s) ** 2, 1e-300) <= CHANGED


def _two_loop(factor, pairs, g):
    """The L-BFGS direction from the corrections in ``pairs``, preconditioned by ``factor`` (Nocedal 1980)."""
    g = g.copy()
    alphas = []
    for s, y, sy in reversed(pairs):
        a = (s @ g) / sy
        g -= a * y
        alphas.append(a)
    d = factor.solve(g)
    if factor.diagonal_only:
        s, y, sy = pairs[-1]
        d *= sy / float(y @ factor.solve(y))
    for (s, y, sy), a in zip(pairs, reversed(alphas), strict=True):
        d += (a - (y @ d) / sy) * s
    return d


def refine(objective, solution, steps: int = 6):
    """Newton steps whose score is summed in double-double arithmetic, until they no longer shrink.

    Björck, Å. (1967), "Iterative refinement of linear least squares solutions": one step already gives the digits
    that the conditioning leaves; the last pass is made at the coefficients that are returned.
    """
    if solution.stop != "converged" or solution.factor is None or not hasattr(solution.factor, "inverse"):
        return solution
    objective.precise = True
    beta, before = solution.beta, np.inf
    for _ in range(steps):
        q = objective.at(beta, 2)
        if not q.finite or not np.isfinite(q.score).all():
            return solution
        step = solution.factor.solve(q.score)
        size = float(np.max(np.abs(step) / np.maximum(np.abs(beta), 1e-300)))
        if not size < 0.25 * before:
            break
        solution = solution._replace(beta=beta, quadratic=q)
        if size <= 1.2e-16:
            break
        before, beta = size, beta + step
    return solution._replace(factor=factorise(objective, solution.quadratic, solution.beta))
