"""Full Newton steps between the passes of one call: on small data the way back to Python costs more than a pass, and
threads that wait there begin the next one at once."""

from __future__ import annotations

from functools import cache
from math import inf

import numpy as np
from numba import carray, types

from . import layout
from .compile import address_of, at, doubles, inner, lapack
from .gram import SMALL
from .units import add_units

SAFE_PIVOT = 1e-4  # the least pivot over its diagonal entry, below which columns are looked at for dependence
NOISE = 1e-11  # of the deviance, within which rounding hides a fall

# The head of the array of steps, (HEAD + 3 most + 2 m,): what is asked for and what came of it. The records of passes
# follow (deviance, twice the promised fall of its half, largest linear predictor), then room for two vectors.
LAST, ENOUGH, DISPERSION, SLOPE, MOST, PASSES, TAKEN, ANOTHER, ENDING = range(9)
HEAD = 9  # entries of the head
PLAIN = np.zeros(0)  # no steps: one pass
# LAPACK counts columns first: its lower triangle is the upper one of a C-ordered matrix, which narrow curvatures fill
_LETTERS = np.frombuffer(b"LU", dtype=np.uint8).copy()

dpotrf, dpotrs = lapack("dpotrf", 5), lapack("dpotrs", 8)


class Steps:
    """Newton steps from coefficients while each is full, lowers the deviance and has a safe curvature.

    Parameters
    ----------
    m : int
        Coefficients.
    last : float
        The deviance that the first pass may not exceed.
    enough : float
        Standard errors, below which a step is the last.
    dispersion : tuple of float
        The dispersion at a deviance of zero, and by how much it rises with each unit of it.
    most : int
        Steps at the most.
    """

    def __init__(self, m: int, last: float = inf, enough: float = 0.0, dispersion: tuple = (1.0, 0.0), most: int = 1):
        self.array = np.zeros(HEAD + 3 * most + 2 * m)
        self.array[:TAKEN] = last, enough, *dispersion, most, 0.0

    @property
    def loop(self) -> int:
        """Address of the loop that takes a step."""
        return advance()

    @property
    def passes(self) -> int:
        """Passes made."""
        return int(self.array[PASSES])

    @property
    def arrived(self) -> bool:
        """Whether the last pass is that at the coefficients where the steps led."""
        return self.array[ENDING] != 0.0

    @property
    def taken(self) -> int:
        """Steps taken."""
        return int(self.array[TAKEN])

    @property
    def records(self) -> np.ndarray:
        """Deviance, twice the promised fall of its half, and largest linear predictor before each step (k, 3)."""
        return self.array[HEAD : HEAD + 3 * self.taken].reshape(-1, 3)


@inner()
def _advance(beta, scale, score, low, info, sums, steps):
    """Take the Newton step from a pass's sums, which it overwrites; whether another pass is wanted.

    ``beta`` ends as the last coefficients whose deviance fell, or one short step from them, with the sums of a pass.
    """
    m, passes = beta.size, int(steps[PASSES])
    if steps[ENDING] != 0.0:
        steps[PASSES] = passes + 1
        return False
    room = at(steps) + 8 * (HEAD + 3 * int(steps[MOST]))
    kept, step = carray(doubles(room), m), carray(doubles(room + 8 * m), m)
    steps[PASSES] = passes + 1
    deviance, width = sums[layout.DEVIANCE], info.shape[1]
    if not deviance <= steps[LAST] * (1.0 + NOISE):  # nor of NaN
        if passes > 0:
            steps[TAKEN] = passes - 1  # they are where the caller goes on, and records them
            for j in range(m):
                beta[j] = kept[j]
        return False
    for j in range(m):
        kept[j], step[j], low[j] = beta[j], score[j] * scale[j], info[j, j]
    dims = np.empty(4, np.int32)
    dims[0], dims[1], dims[2], dims[3] = m, width, 1, 0
    d, letter = at(dims), at(_LETTERS) + (0 if m <= SMALL else 1)
    dpotrf(letter, d, at(info), d + 4, d + 12)
    safe = dims[3] == 0
    for j in range(m):
        safe &= info[j, j] * info[j, j] > SAFE_PIVOT * low[j]
    if not safe:
        return False
    dpotrs(letter, d, d + 8, at(info), d + 4, at(step), d, d + 12)
    gain = 0.0
    for j in range(m):
        gain += score[j] * scale[j] * step[j]
    if not 0.0 <= gain < np.inf:
        return False
    record = HEAD + 3 * passes
    steps[record], steps[record + 1], steps[record + 2] = deviance, gain, sums[layout.MAX_ETA]
    steps[TAKEN], steps[LAST] = passes + 1, deviance
    for j in range(m):
        beta[j] = kept[j] + scale[j] * step[j]
    far = gain > steps[ENOUGH] ** 2 * (steps[DISPERSION] + steps[SLOPE] * deviance)
    steps[ENDING] = 0.0 if far and passes + 1 < steps[MOST] else 1.0
    return True


@inner()
def cleared(score, score_low, info, extra, sums):
    """Make the sums of all units zero."""
    for array in (score, score_low, info, extra, sums):
        for i in range(array.shape[0]):
            for j in range(array.shape[1]):
                array[i, j] = 0.0


@cache
def advance() -> int:
    """Address of the loop that takes a Newton step, and says in ``steps`` whether another pass is wanted.

    Its arguments are integers: units, coefficients, width of info, numbers of extra, length of steps, and the addresses
    of beta, scale, score, score_low, info, extra, sums and steps. The sums of all units are added to the first one's,
    and become zero where another pass is wanted. Passes of large data do not need it compiled.
    """

    def loop(units, m, width, room, length, beta, scale, score, low, info, extra, sums, steps):
        scores, lows = carray(doubles(score), (units, m)), carray(doubles(low), (units, m))
        infos, extras = carray(doubles(info), (units, width * width)), carray(doubles(extra), (units, room))
        totals, head = carray(doubles(sums), (units, layout.SUMS)), carray(doubles(steps), length)
        add_units(scores, lows, infos, extras, totals)
        another = _advance(
            carray(doubles(beta), m), carray(doubles(scale), m), scores[0], lows[0],
            carray(doubles(info), (width, width)), totals[0], head,
        )  # fmt: skip
        if another:
            cleared(scores, lows, infos, extras, totals)
        head[ANOTHER] = another
        return 0

    return address_of(types.int64(*[types.int64] * 13), loop).address
