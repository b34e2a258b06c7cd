"""Proximal Newton steps along a path of elastic nets between the passes of one call: on few rows the way back to Python
costs more than a pass and the minimum of its model.

Every step goes to the minimum of the quadratic model at the coefficients, in full; the optimum of a lambda is where the
next descent begins. The information of a link that is not canonical is the expected one: where it foretells a step
badly, it is corrected by what the score did (damped BFGS; Nocedal and Wright 2006, procedure 18.2). Where a step does
not lower the penalised deviance, a curvature is not safe or an optimum is out of reach, the call ends, and whoever made
it goes on from the last optimum.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numba import carray, types

from . import layout
from .compile import address_of, at, doubles, inner, jit, lapack
from .elastic_model import descended, violation
from .gram import SMALL
from .newton_steps import ANOTHER, NOISE, PASSES, cleared
from .units import add_units

INNER = 0.01  # of the violation, that the minimum of a model may leave
ARMIJO = 1e-4  # of the predicted fall, that a step must bring (Nocedal and Wright 2006, section 3.1)
ROUNDING = 4.0  # units of rounding of a score
SAFE_PIVOT = 1e-8  # of a free column's square, left beside those before it
CANCELLED = 1e-8  # of a column's square, left beside the free columns, below which sums need more digits
SLOW = 0.2  # of a violation, that a step foretold well leaves less than
SEEN = 10.0  # times what rounding leaves, from which a violation says what a step did
DAMPED = 0.2  # of what a curvature says of a step, that the score is taken to have fallen at the least
MOST_PAIRS = 12  # that a curvature is corrected by; chosen

# The head of the array of steps: what is asked for and what came of it. ``PathSteps`` says what follows it.
TOL, ACCEPT, MOST, FREE, LAMBDAS, _, SOLVED, _, TAKEN, DEVIANCE, VALUE, GAIN, VIOLATION, PAIRS, CANONICAL = range(15)
HEAD = 15  # entries of the head
LASSO, RIDGE, LOWER, UPPER, UNIT, ORDER = range(6)  # the rows (m,) of the penalty at lambda one
BETA, SCORE, STEP = 6, 7, 8  # where the last step began, and the pairs of steps and falls of the score
ROWS = STEP + 2 * MOST_PAIRS
_LETTER = np.frombuffer(b"U", dtype=np.uint8).copy()  # of the triangle that LAPACK reads: both are filled

dpotrf, dpotrs = lapack("dpotrf", 5), lapack("dpotrs", 8)


class PathSteps:
    """Steps from each lambda's optimum to the next one's, and the optima that they came to.

    Parameters
    ----------
    penalty : ElasticPenalty
        At lambda one, its fields arrays.
    lambdas : (L,) array
        Above zero, decreasing.
    tol, accept_tol : float
        The violation of the optimality conditions that is an optimum, and that which rounding may leave.
    most : int
        Steps of a lambda at the most.
    pairs : list of two (m,) arrays
        Steps, and by how much the score fell, that curvatures are corrected by.
    canonical : bool
        Whether none shall be.
    """

    arrived = False  # the last pass is that of the last optimum, which is known

    def __init__(
        self, penalty, lambdas: np.ndarray, tol: float, accept_tol: float, most: int, pairs=(), canonical: bool = True
    ):
        free, m, count = penalty.free, len(penalty.lasso), len(lambdas)
        self.array = np.zeros(HEAD + ROWS * m + count * (m + 4))
        self.array[:PASSES] = tol, accept_tol, most, np.count_nonzero(free), count
        rows, rest = self.array[HEAD : HEAD + ROWS * m].reshape(ROWS, m), self.array[HEAD + ROWS * m :]
        rows[:ORDER] = penalty.lasso, penalty.ridge, penalty.lower, penalty.upper, penalty.unit
        rows[ORDER], self.array[PAIRS] = np.argsort(~free, kind="stable"), len(pairs)
        rows[STEP : STEP + 2 * len(pairs)] = np.reshape(pairs, (-1, m))
        self.array[CANONICAL], self._rows = canonical, rows
        rest[:count] = lambdas
        found = rest[count:].reshape(count, m + 3)
        self.beta, (self.violation, self.deviance, self.pearson) = found[:, :m], found[:, m:].T

    @property
    def loop(self) -> int:
        """Address of the loop that takes a step."""
        return follow()

    @property
    def passes(self) -> int:
        """Passes made."""
        return int(self.array[PASSES])

    @property
    def solved(self) -> int:
        """Lambdas whose optimum was come to."""
        return int(self.array[SOLVED])

    @property
    def pairs(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Those that the steps went by in the end."""
        stop = STEP + 2 * int(self.array[PAIRS])
        return [(self._rows[k], self._rows[k + 1]) for k in range(STEP, stop, 2)]


@inner()
def _symmetric(info, m, order, A):
    """The information of the coefficients in another order, both triangles of it."""
    for a in range(m):
        for b in range(a, m):
            i, j = int(order[a]), int(order[b])
            # the triangle that is filled: the upper one of narrow curvatures
            swap = (i > j) == (m <= SMALL)
            A[a, b] = A[b, a] = info[j, i] if swap else info[i, j]


@inner()
def _learn(beta, score, rows, steps):
    """Keep the last step and by how much the score fell, in place of the oldest pair where there are many."""
    m, count = len(beta), int(steps[PAIRS])
    if count == MOST_PAIRS:
        count -= 1
        for k in range(STEP, STEP + 2 * count):
            for j in range(m):
                rows[k, j] = rows[k + 2, j]
    for j in range(m):
        rows[STEP + 2 * count, j] = beta[j] - rows[BETA, j]
        rows[STEP + 2 * count + 1, j] = rows[SCORE, j] - score[j]
    steps[PAIRS] = count + 1


@inner()
def _correct(A, rows, count):
    """Make a curvature, whose coefficients are in another order, say of each step what the score did."""
    m, order, own, fall = len(A), rows[ORDER], np.empty(len(A)), np.empty(len(A))
    for k in range(STEP, STEP + 2 * count, 2):
        size = rise = 0.0
        for a in range(m):
            own[a] = 0.0
            for b in range(m):
                own[a] += A[a, b] * rows[k, int(order[b])]
            size += own[a] * rows[k, int(order[a])]
            rise += rows[k, a] * rows[k + 1, a]
        if size > 0.0:
            part = 1.0 if rise >= DAMPED * size else (1.0 - DAMPED) * size / (size - rise)
            rise = part * rise + (1.0 - part) * size
            for a in range(m):
                fall[a] = part * rows[k + 1, int(order[a])] + (1.0 - part) * own[a]
            for a in range(m):
                for b in range(m):
                    A[a, b] += fall[a] * fall[b] / rise - own[a] * own[b] / size


@inner()
def _eliminate(A, free, rows, S):
    """S, A less what its first ``free`` columns say of the others; whether that is safe for those that may move.

    The corner of A becomes its Cholesky factor, and the rows below it the slopes of the others on the free columns.
    """
    m, rest = len(A), len(A) - free
    if free > 0:
        dims = np.empty(4, np.int32)
        dims[0], dims[1], dims[2], dims[3] = free, m, rest, 0
        d, letter, own = at(dims), at(_LETTER), np.empty(free)
        for j in range(free):
            own[j] = A[j, j]
        dpotrf(letter, d, at(A), d + 4, d + 12)
        if dims[3] != 0:
            return False
        for j in range(free):
            if not A[j, j] * A[j, j] > SAFE_PIVOT * own[j]:
                return False
        dpotrs(letter, d, d + 8, at(A), d + 4, at(A) + 8 * free * m, d + 4, d + 12)
    for j in range(rest):
        for k in range(rest):
            s = A[free + j, free + k]
            for f in range(free):
                s -= A[f, free + k] * A[free + j, f]
            S[j, k] = s
        place = int(rows[ORDER, free + j])
        if S[j, j] < CANCELLED * A[free + j, free + j] and rows[LOWER, place] < rows[UPPER, place]:
            return False
    return True


@inner()
def _value(beta, rows, lam):
    """The penalty at some coefficients."""
    total = 0.0
    for j in range(len(beta)):
        total += lam * (0.5 * rows[RIDGE, j] * beta[j] * beta[j] + rows[LASSO, j] * abs(beta[j]))
    return total


@inner()
def _scaled(rows, lam, out):
    """Lasso, ridge and unit at a lambda, in the coefficients' own order."""
    for j in range(rows.shape[1]):
        out[0, j], out[1, j], out[2, j] = lam * rows[LASSO, j], lam * rows[RIDGE, j], lam * rows[UNIT, j]


@inner()
def _rounding(beta, A, order, pearson, own):
    """A violation that rounding of the sums and of the coefficients may make.

    By Cauchy and Schwarz no sum of |x r| is more than the root of Pearson's chi-square times sum h x^2.
    """
    m, most = len(beta), 0.0
    for a in range(m):
        j = int(order[a])
        size = np.sqrt(max(pearson, 0.0) * A[a, a]) + own[0, j]
        for b in range(m):
            size += abs(A[a, b] * beta[int(order[b])])
        most = max(most, size / own[2, j])
    return ROUNDING * np.finfo(np.float64).eps * most


@jit(inline="always")  # as ``_on``, else LLVM works on it twice
def _minimum(beta, score, A, rows, own, worst, steps):
    """Take the step to the minimum of the model with the penalty, and the fall that it promises; whether it is safe."""
    m, free, order = len(beta), int(steps[FREE]), rows[ORDER]
    rest = m - free
    S = np.empty((rest, rest))
    if not _eliminate(A, free, rows, S):
        return False
    start, g0, b, g = np.empty(rest), np.empty(rest), np.empty(rest), np.empty(rest)
    part = np.empty((5, rest))
    for j in range(rest):
        k = int(order[free + j])
        start[j] = b[j] = beta[k]
        part[0, j], part[1, j], part[2, j], part[3, j], part[4, j] = (
            own[0, k], own[1, k], rows[LOWER, k], rows[UPPER, k], own[2, k],
        )  # fmt: skip
        g0[j] = score[k]
        for f in range(free):
            g0[j] -= score[int(order[f])] * A[free + j, f]
    # of columns far from zero the violation is the intercept's, which a step ends whatever else it leaves
    worst = min(worst, violation(b, g0, part[0], part[1], part[2], part[3], part[4]))
    left = max(INNER * worst, 0.1 * steps[TOL])
    descended(S, start, g0, b, g, part[0], part[1], part[2], part[3], part[4], left, np.empty(rest, np.int64))
    gain = 0.0
    if free > 0:
        move, dims = np.empty(free), np.empty(4, np.int32)
        for f in range(free):
            move[f] = score[int(order[f])]
        dims[0], dims[1], dims[2], dims[3] = free, m, 1, 0
        d = at(dims)
        dpotrs(at(_LETTER), d, d + 8, at(A), d + 4, at(move), d, d + 12)
        for f in range(free):
            k = int(order[f])
            for j in range(rest):
                move[f] -= A[free + j, f] * (b[j] - start[j])
            beta[k] += move[f]
            gain += score[k] * move[f]
    for j in range(rest):
        k = int(order[free + j])
        beta[k] = b[j]
        gain += score[k] * (b[j] - start[j])
    steps[GAIN] = gain
    return True


@jit(inline="always")
def _on(beta, score, info, sums, steps):
    """Take note of the optima that a pass shows, and the next step; whether another pass is wanted."""
    m, count, passes = beta.size, int(steps[LAMBDAS]), int(steps[PASSES])
    steps[PASSES] = passes + 1
    rows = carray(doubles(at(steps) + 8 * HEAD), (ROWS, m))
    lambdas = carray(doubles(at(steps) + 8 * (HEAD + ROWS * m)), count)
    found = carray(doubles(at(steps) + 8 * (HEAD + ROWS * m + count)), (count, m + 3))
    deviance, slack, total = sums[layout.DEVIANCE], NOISE * abs(sums[layout.DEVIANCE]) + 1e-300, 0.0
    for j in range(m):
        total += score[j]
    if not (np.isfinite(deviance) and np.isfinite(total)):
        return False
    at_lambda, own, A = int(steps[SOLVED]), np.empty((3, m)), np.empty((m, m))
    _symmetric(info, m, rows[ORDER], A)
    if passes > 0:
        gain = steps[GAIN]
        fall = 0.5 * (steps[DEVIANCE] - deviance) + steps[VALUE] - _value(beta, rows, lambdas[at_lambda])
        if not fall >= (ARMIJO * gain if gain > slack else 0.0) - slack:
            return False
    worst, before = np.inf, steps[VIOLATION]
    while at_lambda < count:
        _scaled(rows, lambdas[at_lambda], own)
        worst = violation(beta, score, own[0], own[1], rows[LOWER], rows[UPPER], own[2])
        reached = worst <= steps[TOL]
        if steps[TAKEN] > 0 and worst > SLOW * before:
            noise = _rounding(beta, A, rows[ORDER], sums[layout.PEARSON], own)
            if steps[CANONICAL] == 0.0 and before > SEEN * noise:
                _learn(beta, score, rows, steps)
            reached |= worst > 0.5 * before and worst <= max(noise, steps[ACCEPT])
        if not reached:
            break
        for j in range(m):
            found[at_lambda, j] = beta[j]
        found[at_lambda, m], found[at_lambda, m + 1] = worst, deviance
        found[at_lambda, m + 2] = sums[layout.PEARSON]
        at_lambda += 1
        steps[SOLVED], steps[TAKEN] = at_lambda, 0
    if at_lambda == count or steps[TAKEN] >= steps[MOST] or not np.isfinite(worst):
        return False
    value = _value(beta, rows, lambdas[at_lambda])
    for j in range(m):
        rows[BETA, j], rows[SCORE, j] = beta[j], score[j]
    _correct(A, rows, int(steps[PAIRS]))
    if not _minimum(beta, score, A, rows, own, worst, steps):
        return False
    steps[DEVIANCE], steps[VALUE], steps[VIOLATION] = deviance, value, worst
    steps[GAIN] += value - _value(beta, rows, lambdas[at_lambda])
    steps[TAKEN] += 1
    return np.isfinite(steps[GAIN])


@cache
def follow() -> int:
    """Address of the loop that goes on along a path after a pass; its arguments are those of ``newton_steps.advance``,
    and scales are one."""

    def loop(units, m, width, room, length, beta, scale, score, low, info, extra, sums, steps):
        scores, lows = carray(doubles(score), (units, m)), carray(doubles(low), (units, m))
        infos, extras = carray(doubles(info), (units, width * width)), carray(doubles(extra), (units, room))
        totals, head = carray(doubles(sums), (units, layout.SUMS)), carray(doubles(steps), length)
        add_units(scores, lows, infos, extras, totals)
        curvature = carray(doubles(info), (width, width))
        head[ANOTHER] = _on(carray(doubles(beta), m), scores[0], curvature, totals[0], head)
        if head[ANOTHER] != 0.0:
            cleared(scores, lows, infos, extras, totals)
        return 0

    return address_of(types.int64(*[types.int64] * 13), loop).address
