"""Separation: directions along which the likelihood rises for ever, so that estimates are infinite.

A direction separates when moving along it never lowers the fit of any row: x'd >= 0 where y is at the upper end of
the means' range, <= 0 at the lower end, and = 0 where y lies inside (Albert and Anderson 1984; Correia, Guimaraes and
Zylkin 2019 for counts).
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.linalg import qr, solve_triangular

from ..core.records import READ_ONCE
from ..family.links import linear_predictor
from ..family.means import inverse_link
from ..solver.newton import factorise
from ..source.streaming_qr import predictor, weight
from ..source.task import Largest, Task

MOST_FADED = 8  # directions without information that are tried
LP_CELLS = 200_000  # the largest design handed to the linear program; beyond it the last step is the candidate
FAR = 6e-6  # of the end of its range, within which a mean may be running there: 12 on the scale of the logit
NOISE = 1e-6  # of a direction, which the program's tolerance of 1e-7 leaves undecided
NEAR = 1e-5  # of a column's length, below which the program would not see what tells it from others
# a linear predictor of several classes, beyond which a mean may be running there: FAR on the scale of the logit
LOGIT_FAR = 12.0
STILL = 1e-3  # of a linear predictor, by which the last steps of a fit with finite estimates seldom move one
LEAST_OVERLAP = 1e-9  # of Pearson's chi-square, by which rounding may change it
MANY = 8  # iterations that a fit with finite estimates seldom takes


class Separation(NamedTuple):
    """``status`` is "none", "quasi" or "complete"; ``direction`` (p,) separates; ``infinite`` holds its signs."""

    status: str
    direction: np.ndarray

    @property
    def infinite(self) -> list[int]:
        """The sign of infinity each estimate goes to, zero where it is finite."""
        return [int(v) for v in np.sign(self.direction)]


def sides(y, family, link=None) -> np.ndarray:
    """For each row: 1 where the fit gets better the larger eta, for ever, -1 the smaller, 0 where it does not.

    Without a link as for one that rises from minus to plus infinity.
    """
    y = np.asarray(y, dtype=np.float64)
    low, high = (-1.0, 1.0) if link is None else (direction_of(link, end) for end in family.mean[:2])
    return np.where(y == family.mean.low, low, np.where(y == family.mean.high, high, 0.0))


@lru_cache(maxsize=256, typed=True)  # families and links without parameters are equal tuples
def direction_of(link, end: float) -> float:
    """The sign of the infinity at which a link has an end of the means' range, 0 where it has it elsewhere."""
    if not np.isfinite(end) or np.isfinite(linear_predictor(link, end)):
        return 0.0
    return float(np.sign(linear_predictor(link, _inside(end)) - linear_predictor(link, 0.5)))


def _inside(end):
    return end + FAR if end <= 0.0 else end - FAR


@lru_cache(maxsize=256, typed=True)  # families and links without parameters are equal tuples
def far(family, link) -> float:
    """The least |eta| at which a mean is within ``FAR`` of an end of its range that is infinitely far away."""
    ends = [end for end in family.mean[:2] if np.isfinite(end) and direction_of(link, end) != 0.0]
    return min((abs(linear_predictor(link, _inside(end))) for end in ends), default=np.inf)


def can_separate(family) -> bool:
    """Whether y can lie on the boundary of the means' range."""
    return family.domain.left_closed or family.domain.right_closed


def separation(X, y, family, weights=None, link=None) -> Separation:
    """Decide separation by linear programming (Konis 2007): every direction is tried at once.

    X (n, p) has a column of ones where there is an intercept. Rows of weight zero are left out. A link that is not
    given rises from minus to plus infinity.
    """
    X = np.asarray(X, dtype=np.float64)
    side = sides(y, family, link)
    if weights is not None:
        keep = np.asarray(weights) > 0
        X, side = X[keep], side[keep]
    if not can_separate(family) or X.shape[1] == 0:
        return Separation("none", np.zeros(X.shape[1]))
    Z, back = _centred(X)
    status, direction = _separating(Z[side != 0.0] * side[side != 0.0, None], Z[side == 0.0])
    return Separation(status, back(direction))


def class_separation(X, codes, n_classes: int) -> Separation:
    """The same for a softmax regression: x'(d_y - d_k) >= 0 for the class y that was seen and every other class k.

    The numbers of the classes are ``codes`` (n,), 0 the reference; the direction is ((K-1) p,), class after class.
    """
    Z, back = _centred(np.asarray(X, dtype=np.float64))
    n, p = Z.shape
    codes = np.asarray(codes).astype(np.intp)
    ends = []
    for k in range(n_classes):
        rows = np.flatnonzero(codes != k)
        end = np.zeros((len(rows), n_classes, p))
        end[np.arange(len(rows)), codes[rows]] = Z[rows]
        end[:, k] = -Z[rows]
        ends.append(end[:, 1:].reshape(len(rows), -1))
    status, direction = _separating(np.vstack(ends), np.zeros((0, (n_classes - 1) * p)))
    return Separation(status, np.concatenate([back(d) for d in direction.reshape(n_classes - 1, p)]))


def _separating(ends, inside):
    """(status, d) of a direction with d'x >= 0 for all rows of ``ends``, > 0 for some, and = 0 for those ``inside``."""
    from scipy.optimize import linprog

    p = ends.shape[1]
    ends, inside = np.unique(ends, axis=0), np.unique(inside, axis=0)
    if len(ends) == 0:
        return "none", np.zeros(p)
    solved = linprog(
        -ends.sum(0),
        A_ub=-ends,
        b_ub=np.zeros(len(ends)),
        A_eq=inside if len(inside) else None,
        b_eq=np.zeros(len(inside)) if len(inside) else None,
        bounds=[(-1.0, 1.0)] * p,
        method="highs",
    )
    if solved.status != 0 or -solved.fun < 1e-7:
        return "none", np.zeros(p)
    direction, complete = solved.x, False
    if len(inside) == 0:
        # the widest margin: positive where one direction separates every row
        margin = linprog(
            np.r_[np.zeros(p), -1.0],
            A_ub=np.column_stack([-ends, np.ones(len(ends))]),
            b_ub=np.zeros(len(ends)),
            bounds=[(-1.0, 1.0)] * p + [(0.0, 1.0)],
            method="highs",
        )
        complete = margin.status == 0 and -margin.fun > 1e-9
        direction = margin.x[:p] if complete else direction
    return "complete" if complete else "quasi", direction


def _centred(X):
    """X to be searched, and what takes a direction back: columns centred where one is constant, and of size one.

    Columns far from the origin would drown in the program's tolerance, as would the difference of two that are nearly
    the same: then orthogonal ones are searched.
    """
    flat = np.flatnonzero((X == X[:1]).all(0) & (X[0] != 0.0))
    constant = int(flat[0]) if len(flat) else None
    centre = np.zeros(X.shape[1]) if constant is None else X.mean(0)
    if constant is not None:
        centre[constant] = 0.0
    Z = X - centre
    scale = np.abs(Z).max(0)
    scale[scale == 0.0] = 1.0
    Z = Z / scale
    Z, uncoded = _told_apart(Z)

    def back(direction):
        direction = uncoded(direction)
        direction = np.where(np.abs(direction) > NOISE * np.abs(direction).max(initial=0.0), direction / scale, 0.0)
        if constant is not None:
            own, shift = direction[constant], direction @ centre / X[0, constant]
            direction[constant] = own - shift if abs(own - shift) > NOISE * max(abs(own), abs(shift)) else 0.0
        return direction

    return Z, back


def _told_apart(Z):
    """Columns that the program can tell apart, and what takes their coefficients back to those of Z."""
    R, order = qr(Z, mode="r", pivoting=True)
    pivots = np.abs(R.diagonal())
    rank = int((pivots > 1e-11 * pivots.max(initial=0.0)).sum())
    if rank == 0 or pivots[:rank].min() > NEAR * pivots[0]:
        return Z, lambda direction: direction
    R, kept = R[:rank, :rank], order[:rank]
    size = np.sqrt(len(Z))

    def uncoded(direction):
        out = np.zeros(Z.shape[1])
        out[kept] = solve_triangular(R, direction) * size
        return out

    return solve_triangular(R, Z[:, kept].T, trans=1).T * size, uncoded


def find_separation(model) -> str:
    """The warning's text where a fit's estimates are infinite, or ""."""
    found = _found(model)
    if found is None or found.status == "none":
        return ""
    moving = found.direction.reshape(-1, len(model.names)).any(0)
    names = [name for name, d in zip(model.names, moving, strict=True) if d]
    kind = "completely" if found.status == "complete" else "quasi-completely"
    return (
        f"the data are {kind} separated: the maximum-likelihood estimates of {', '.join(names)} are infinite, and the "
        "values shown are where the fit stopped. Drop or merge these columns, penalise them, or fit with "
        "bias_reduction='firth'"
    )


def _found(model) -> Separation | None:
    solution, family, objective = model.solution, model.family, model.objective
    if not can_separate(family) or solution.quadratic is None or solution.stop == READ_ONCE:
        return None
    n_classes = getattr(objective, "n_classes", None)
    stopped = solution.stop != "converged"
    if not stopped and solution.quadratic.max_eta <= (LOGIT_FAR if n_classes else far(family, model.link)):
        return None
    strengths = [getattr(model.options, name, 0.0) for name in ("l1", "l2")]
    if any(strength > 0.0 for strength in (*strengths, getattr(model.penalty, "lam", 0.0))):
        return None
    if model.source.n_rows * objective.n_params * ((n_classes or 2) - 1) <= LP_CELLS:
        X, y, _, o = objective.rows()
        if n_classes is not None:
            return class_separation(X, y, n_classes) if stopped or objective.small or _moves(model) else None
        if stopped or _near_ends(model, X, y, o):
            return separation(X, y, family, link=model.link)
        return None
    levels = objective.infinite_levels
    if levels.any():
        return Separation("quasi", levels)
    return along_step(model) if solution.factor is not None and (stopped or _moves(model)) else None


def _near_ends(model, X, y, offset) -> bool:
    """Whether the mean of a row is nearly at the end of its range that y is at."""
    side = sides(y, model.family, model.link)
    with np.errstate(all="ignore"):
        mu = inverse_link(model.link, X @ model.solution.beta + offset)
    return bool((np.abs(mu - y)[side != 0.0] < FAR).any())


def _moves(model) -> bool:
    """Whether the fit was long, or its last step still moved the linear predictor that is furthest out."""
    moved = [record["max_eta"] for record in model.solution.history[-2:] if "max_eta" in record]
    return model.solution.n_iter > MANY or len(moved) < 2 or abs(moved[1] - moved[0]) > STILL


class Gains(Task):
    """How much nearer a step brings the rows' means to the end of the range that y is at; negative where further.

    The value is ``Largest`` (2,): the most of it, and the most of its negative.
    """

    def __init__(self, step, family, link, n_classes):
        self.step, self.family, self.link, self.n_classes = step, family, link, n_classes

    def of(self, part, runs):
        edges = ((c, min(c + 65536, b)) for a, b in runs for c in range(a, b, 65536))
        with np.errstate(all="ignore"):  # of this thread
            return self.end([self._extremes(part.data, a, b) for a, b in edges])

    def _extremes(self, data, a, b):
        gain = self._gain(data, a, b)[weight(data, a, b) > 0.0]
        return Largest(np.array([gain.max(initial=-np.inf), -gain.min(initial=np.inf)]))

    def _gain(self, data, a, b):
        y = data.y[a:b]
        if self.n_classes is None:
            move, side = predictor(data, a, b, self.step), sides(y, self.family, self.link)
            return np.where(side == 0.0, -np.abs(move), side * move)
        moves = (predictor(data, a, b, part) for part in self.step.reshape(self.n_classes - 1, -1))
        move = np.column_stack([np.zeros(b - a), *moves])
        rows, codes = np.arange(b - a), y.astype(np.intp)
        seen = move[rows, codes]
        move[rows, codes] = -np.inf
        return seen - move.max(1)


def gains_along(model, step) -> tuple[float, float]:
    """The most and the least that a step brings a row's mean nearer to the end of the range that y is at: a pass."""
    n_classes = getattr(model.objective, "n_classes", None)
    with np.errstate(all="ignore"):
        best, worst = model.source.reduce(Gains(step, model.family, model.link, n_classes)).value * (1.0, -1.0)
    model.objective.n_passes += model.objective.price
    return best, worst


def remark_of_separation(model, beta, q=None) -> None:
    """Note that rows are separated, where penalised coefficients (m,) separate them: a penalty keeps these finite.

    ``q`` is the pass at them, whose sums mostly say that rows are not separated.
    """
    two_ends = model.family.response_model == "softmax" or model.family.domain.high == 1.0
    if not two_ends or not np.isfinite(beta).all() or (q is not None and _overlap(model, q)):
        return
    best, worst = gains_along(model, beta)
    if best > 0.0 and worst >= 0.0:
        model.notes.append(
            "the rows are separated: without the penalty the estimates would be infinite, and their size is that of lam"
        )


def _overlap(model, q) -> bool:
    """Whether the sums of a logistic regression say that the linear predictor of some row is on the wrong side of zero.

    With u = (1 - p) / p of the probability p of what was seen, Pearson's chi-square is sum w u and half the deviance
    sum w log(1 + u), which is sum w u log 2 at least where no u is above one.
    """
    if model.family.response_model == "softmax":
        return False
    data = model.source.data
    plain = model.objective.pair.logistic and data.offset is None and data.exposure is None
    return bool(plain and 0.5 * q.deviance < np.log(2.0) * q.pearson * (1.0 - LEAST_OVERLAP))


def along_step(model) -> Separation:
    """Try the direction the fit runs in where it ended, those along which nothing is left, and the way it has come, a
    read of X each: exact when it says so, not a proof of none."""
    objective, beta = model.objective, model.solution.beta
    with np.errstate(all="ignore"):
        q = objective.at(beta, 2)
        if not (q.finite and np.isfinite(q.score).all()):
            q = model.solution.quadratic
            factor = model.solution.factor
        else:
            factor = factorise(objective, q, beta)
        step = factor.solve(q.score)
    for direction in (step, *factor.faded()[:MOST_FADED], np.array(beta)):
        if not np.isfinite(direction).all():
            continue
        best, worst = gains_along(model, direction)
        if best > 0.0 and worst >= -1e-6 * best:
            size = np.abs(direction)
            found = np.where(size > 1e-6 * size.max(), direction, 0.0)
            return Separation("complete" if worst > 1e-6 * best else "quasi", found)
    return Separation("none", np.zeros(len(step)))
