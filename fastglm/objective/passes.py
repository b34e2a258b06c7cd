"""What passes over rows sum, as tasks: a quadratic, the rows of a tall matrix, which levels there are."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ..core.measured import CALL_NS
from ..kernels import gram, precise
from ..kernels import layout as k
from ..kernels.evaluate import row_terms
from ..kernels.newton_steps import PLAIN
from ..kernels.passes import block_pass
from ..kernels.units import add_units
from ..source.streaming_qr import WeightedRows, design, offset, predictor, weight
from ..source.task import Task
from .sums import Quadratic

JOINED_NUMBERS = 1 << 20  # of the sums of all units, below which they are kept until the end of a pass
# units of the rows between Newton steps, at the most, and the rows of one for each column at the least; chosen: eight
# threads end together, and adding the sums of all units takes a hundredth of a pass
MOST_STEP_UNITS, SUMMED_ROWS = 32, 4
LINE_ROWS = 1 << 12  # rows of a block whose deviances along a step are found


def writable(array: np.ndarray) -> np.ndarray:
    """The array, or a copy of one that cannot be written, for which a kernel would be compiled anew."""
    return array if array.flags.writeable else array.copy()


class Pass(Task):
    """What a pass sums: deviance, score and curvature of rows, as a ``Quadratic`` of the stored columns.

    Parameters
    ----------
    shape : tuple of int
        Stored columns, columns of numbers (the intercept included), and the room of terms.
    order : int
        As for ``block_pass``.
    meat, precise : int
        The plan's flags.
    """

    def __init__(self, shape: tuple, order: int, meat: bool, precise: int):
        self.shape, self.order, self.meat, self.precise = shape, order, meat, precise
        self._own = (None, None)

    def __getstate__(self):
        # addresses mean nothing elsewhere
        return self.__dict__ | {"_own": (None, None)}

    def __setstate__(self, state):
        self.__dict__ = {name: writable(v) if isinstance(v, np.ndarray) else v for name, v in state.items()}

    def equip(self, part, plan: np.ndarray) -> None:
        """Keep a plan for the rows of ``part``, so that every unit of it need not make its own."""
        self._own = (part, self._set(plan))

    def plan(self, part) -> np.ndarray:
        """The plan of some rows with the loops and flags of this pass."""
        return self._own[1] if part is self._own[0] else self._set(self.loops(part.plan().copy()))

    def _set(self, plan):
        if self.order in k.DIAGONALS:
            plan[k.SQUARES] = gram.moments() if self.order == k.ORDER_MOMENTS else gram.squares()
        plan[k.PRECISE], plan[k.MEAT] = self.precise, self.meat
        if self.precise:
            plan[k.PRECISE_ETA], plan[k.PRECISE_SCORE] = precise.addresses()
        return plan


class DeviancePass(Pass):
    """A pass of a ``Deviance``."""

    def __init__(self, pair, par, beta, direction, scale, first, *how):
        super().__init__(*how)
        self.pair, self.par, self.first = pair, par, first
        self.beta, self.direction, self.scale = writable(beta), writable(direction), scale

    def loops(self, plan):
        """The plan with the loops of the family and link."""
        unit = plan[k.W] == 0 and plan[k.F] == 0
        plan[k.ROWS], plan[k.CURVATURE] = self.pair.sums(unit), gram.curvature(self.shape[1] <= gram.SMALL)
        return plan

    def begin(self, units: int = 1):
        sizes = (self.shape[0], self.shape[0], *self._information, k.SUMS)
        return tuple(np.zeros((units, size)) for size in sizes)

    @property
    def _information(self):
        """How many numbers the information of a unit has: of columns of numbers, and of terms."""
        m, dense, room = self.shape
        width = gram.padded(dense)
        if self.order == 2:
            return width * width, room
        return m if self.order in k.DIAGONALS else 1, 1

    def add(self, state, part, runs, work):
        self._take(state, part, runs, np.array([len(runs)]), np.zeros(1, np.int64), 1, work)

    def joined(self, part, units):
        if len(units) * sum(self._information) > JOINED_NUMBERS:
            return None
        state, runs, ends = self.begin(len(units)), np.concatenate(units), np.cumsum([len(unit) for unit in units])
        taken = np.zeros(1, np.int64)
        most = max(1, int(CALL_NS * len(units) / (part.rows_read * part.row_ns)))

        def work(room):
            try:
                while taken[0] < len(units):
                    self._take(state, part, runs, ends, taken, most, room)
            except BaseException:
                taken[0] = len(units)  # no thread takes another unit
                raise

        def end():
            add_units(*state)
            return self.end(state)

        return work, end

    def _take(self, state, part, runs, ends, taken, most, work, steps=PLAIN):
        plan, (score, low, info, extra, sums) = self.plan(part), state
        if self.order == 2:
            width = gram.padded(self.shape[1])
            info = info.reshape(len(info), width, width)
        else:
            info = info[:, None]
        first = self.pair.first_eta if self.first else 0
        block_pass(plan, self.par, self.beta, self.direction, self.scale, runs, ends, taken, most, self.order, first,
                   work, score, low, info, extra, sums, steps)  # fmt: skip

    def steps(self, part, steps) -> tuple[np.ndarray, Quadratic | None]:
        """The coefficients to which Newton steps lead over all rows of ``part``, an InMemory without terms, and the
        pass there; None where they end at another.
        """
        plan, (runs, ends) = self.plan(part), step_units(part, self.shape[0])
        plan[k.ADVANCE] = steps.loop
        self._own, units = (part, plan), len(ends)
        state, taken = self.begin(units), np.zeros(2, np.int64)

        def work(room):
            self._take(state, part, runs, ends, taken, 1, room, steps.array)

        part.share(work, units)
        return self.beta, self.end(state) if steps.arrived else None

    def end(self, state):
        score, low, info, extra, sums = (v[0] for v in state)
        information = None
        if self.order == 2:
            width = gram.padded(self.shape[1])
            information = info.reshape(width, width), extra
        elif self.order in k.DIAGONALS:
            information = (info[None],)
        return Quadratic(float(sums[0]), score, low, information, float(sums[1]), float(sums[2]))


def step_units(part, m: int) -> tuple[np.ndarray, np.ndarray]:
    """The ranges of rows (k, 2), and how many of them there are up to the end of each unit that threads share between
    Newton steps: none has fewer products than its m x m sums are worth."""
    most = max(1, min(MOST_STEP_UNITS, part.rows_read // (SUMMED_ROWS * m)))
    if all(len(unit) == 1 for unit in part.units):
        return _blocks(int(part.units[0][0, 0]), int(part.units[-1][0, 1]), part.block, most)
    runs = np.concatenate(part.units)
    return runs, _ends(len(runs), most)


@lru_cache(maxsize=64)
def _blocks(first, stop, block, most):
    """The same of all rows between two, in whole blocks."""
    ends = _ends(-(-(stop - first) // block), most)
    last = np.minimum(first + ends * block, stop)
    return np.column_stack([np.append(first, last[:-1]), last]), np.arange(1, len(ends) + 1)


def _ends(count, most):
    """The ends of as equal parts as there may be of so many things."""
    parts = min(count, most)
    return np.arange(1, parts + 1) * count // parts


class WeightedDesign(WeightedRows):
    """The rows of diag(h)^(1/2) X diag(scale) at ``beta``, of the number type ``kind``."""

    def __init__(self, pair, beta, scale, kind):
        self.pair, self.beta, self.scale, self.kind = pair, beta, scale, kind

    def rows(self, data, a, b):
        X = design(data, a, b)  # its own copy of the rows
        h = row_terms(self.pair, X @ self.beta + offset(data, a, b), data.y[a:b], weight(data, a, b))[1]
        A = X.astype(self.kind, copy=False)
        A *= self.scale
        A *= np.sqrt(h.astype(self.kind))[:, None]
        A[h == 0.0] = 0.0
        return A


class BesideFree(Task):
    """The information at ``beta`` of some columns beside others that are eliminated, from the columns less their
    regressions on these: digits are kept that the difference of two sums of products loses.

    Parameters
    ----------
    pair : FamilyLink
    beta : (m,) array
    free, rest : arrays of int
        The numbers of the columns that are eliminated, and of the others.
    slopes : (free, rest) array
        About the coefficients of the regressions.
    """

    def __init__(self, pair, beta, free, rest, slopes):
        self.pair, self.beta, self.free, self.rest, self.slopes = pair, beta, free, rest, slopes

    def of(self, part, runs):
        total = np.zeros((len(self.rest),) * 2)
        with np.errstate(all="ignore"):  # of this thread
            for a, b in line_blocks(runs):
                X = design(part.data, a, b)
                eta = X @ self.beta + offset(part.data, a, b)
                y, w = np.asarray(part.data.y[a:b], np.float64), weight(part.data, a, b)
                h = row_terms(self.pair, eta, y, w)[1]
                left = X[:, self.rest] - X[:, self.free] @ self.slopes
                total += (left * h[:, None]).T @ left
        return total


class DeviancesAlong(Task):
    """The deviances at beta + t step of several sizes t, (sizes,): X beta and X step are made once for all of them.

    A size at which a mean leaves the family's range has the deviance NaN.
    """

    def __init__(self, pair, beta, step, sizes):
        self.pair, self.beta, self.step, self.sizes = pair, beta, step, sizes

    def of(self, part, runs):
        data, total = part.data, np.zeros(len(self.sizes))
        with np.errstate(all="ignore"):  # of this thread
            for a, b in line_blocks(runs):
                eta = predictor(data, a, b, self.beta) + offset(data, a, b)
                along = predictor(data, a, b, self.step)
                y, w = np.asarray(data.y[a:b], np.float64), weight(data, a, b)
                total += [row_terms(self.pair, eta + t * along, y, w)[2].sum() for t in self.sizes]
        return total


def line_blocks(runs):
    """Ranges of rows whose linear predictors stay in the second-level cache."""
    for a, b in runs.tolist():
        for first in range(a, b, LINE_ROWS):
            yield first, min(first + LINE_ROWS, b)
