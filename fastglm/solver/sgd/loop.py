"""One epoch of a stochastic fit: the compiled sweep over batches and what it needs around it."""

from __future__ import annotations

import ctypes

import numpy as np

from ...errors import InvalidParameterError
from ...kernels.sgd import layout as k
from ...kernels.sgd.central import CENTRAL, INNER, INNER_MODEL, PARAMETERS, WIDTH, central_address
from ...kernels.sgd.linear import ROOM
from ...kernels.sgd.rules import settle_address, update_address
from ...kernels.sgd.shuffle import shuffle
from ...kernels.sgd.sweep import sweep
from ...objective.penalty import ElasticPenalty
from ...options.sgd import is_number

RULES = {"sgd": k.SGD, "adagrad": k.ADAGRAD, "adam": k.ADAM, "saga": k.SAGA}
MOST_DECAY = 10.0  # of the exponent of a decaying rate that is accepted
ENOUGH = 1e8  # times the first loss of a row: no batch of a fit that goes well loses so much
_gradient = ctypes.CFUNCTYPE(ctypes.c_int64, *([ctypes.c_int64] * 7))
_settle = ctypes.CFUNCTYPE(ctypes.c_int64, *([ctypes.c_int64] * 3))


ENOUGH_EPOCHS = 5  # to choose rates and methods that watch the loss, automatically


class Loop:
    """The sweeps of one fit, over a task's rows and a state's parameters.

    Parameters
    ----------
    task : LinearTask, or another with the same attributes
        Its gradient, rows and penalties.
    options : SGD
    method : str
        The rule, a key of ``RULES``.
    batch : int
        Rows of a step.
    state : State
    """

    def __init__(self, task, options, method, batch, state):
        self.task, self.options, self.state, self.batch = task, options, state, batch
        self.n = task.rows.count
        self.full = batch >= self.n
        # the loss as it is reported, over a row's mean loss
        self.per_mean = self.n if options.reduction == "sum" else 1.0 / task.rows.mean_weight
        penalties = task.penalties()
        self.penalty = None if penalties is None else ElasticPenalty(*penalties)
        self.averaging = options.averaging
        if self.averaging == "auto":
            mini = not self.full and options.momentum == 0.0
            self.averaging = "auto" if mini and method in ("sgd", "adagrad") else False
        self.schedule = self._schedule(method)
        first = np.arange(0, self.n, batch)
        self.order = np.column_stack([first, np.minimum(batch, self.n - first)])
        self._make_rows()
        self._make_plan(method)
        self.settle = _settle(settle_address(state.memory.dtype)) if task.lazy else None

    def _schedule(self, method):
        """What "auto" stands for: a fixed rate where steps vanish by themselves or the rate was given."""
        options = self.options
        if options.schedule != "auto":
            return options.schedule
        if options.rate != "auto" or method in ("adagrad", "saga"):
            return "constant"
        if method == "adam":
            return "adaptive"
        if self.full:
            return "constant"
        # few epochs leave no time to wait for losses that no longer fall
        return "inverse_scaling" if options.epochs < ENOUGH_EPOCHS else "stalls"

    def _make_rows(self):
        """The numbers of the rows in the order of visits, with room for the loop to look ahead."""
        used = self.task.rows.used
        self.shuffled = self.options.shuffle == "rows" and not self.full
        self.base = np.arange(self.n) if used is None and self.shuffled else used
        self.rows = np.zeros(0, np.int64)
        if self.base is not None:
            self.rows = np.zeros(self.n + ROOM, np.int64)
            self.rows[: self.n] = self.base
        self.held = np.concatenate([self.task.rows.held, np.zeros(ROOM, np.int64)])

    def _make_plan(self, method):
        task, options, memory = self.task, self.options, self.state.memory
        self.plan, self.step = np.zeros(k.LOOP, np.int64), np.zeros(k.STEP)
        plan, step = self.plan, self.step
        plan[[k.SIZE, k.RULE, k.LAZY]] = memory.shape[1], RULES[method], task.lazy
        plan[k.UPDATE] = update_address(memory.dtype)
        plan[[k.GRADIENT, k.ROWS_IN_ALL]] = task.gradient, self.n
        plan[k.DIRECT] = task.direct(self.batch)
        self.model = task.plan(plan, self.batch, self.state.table)
        places = {
            k.THETA: memory[0],
            k.FIRST: memory[1],
            k.SECOND: memory[2],
            k.AVERAGE: self.state.average,
            k.GRAD: np.zeros(memory.shape[1], memory.dtype),
            k.CLOCK: np.zeros(len(self.order) + 1),
            k.MODEL: self.model,
        }
        if self.penalty is not None and not plan[k.DIRECT]:
            places[k.RIDGE], places[k.LASSO] = self.penalty.ridge, self.penalty.lasso
        if task.lazy:
            size = memory.shape[1]
            # the list has room for one entry that does not count
            places.update({k.LAST: np.zeros(size, np.int64), k.TOUCHED: np.zeros(size + 1, np.int64)})
            places[k.PRESENCE] = np.zeros(size)
            if method == "saga":
                places[k.RARITY] = task.rarity()
        if options.gradient == "central":
            self._difference(places)
        for field, array in places.items():
            plan[field] = array.ctypes.data
        self.places = places
        step[[k.MOMENTUM, k.NESTEROV, k.BETA1, k.BETA2]] = (
            options.momentum, options.nesterov, options.beta1, options.beta2,
        )  # fmt: skip
        step[k.SHRUNK], step[k.L2] = 1.0, options.l2
        step[k.EPS], step[k.ROW_NORM] = options.eps, task.rows.mean_weight
        step[k.SUMMED], step[k.AVERAGING] = options.reduction == "sum", self.averaging is not False

    def _difference(self, places):
        """Put differences of losses in the place of the task's own gradient."""
        self.h = np.array([self.options.h])
        central = np.zeros(CENTRAL, np.int64)
        central[[INNER, INNER_MODEL, PARAMETERS]] = self.task.gradient, self.model.ctypes.data, self.state.theta.size
        central[WIDTH] = self.h.ctypes.data
        places[k.MODEL] = central
        self.plan[k.GRADIENT] = central_address(self.state.memory.dtype)

    def run_epoch(self, start_loss: float) -> float:
        """Sweep once over all batches.

        Parameters
        ----------
        start_loss : float
            The mean loss of a row at the start of the fit.

        Returns
        -------
        float
            The loss met on the way, with the penalty at the first parameters; not finite where the sweep broke off.
        """
        state, step = self.state, self.step
        step[k.UPDATES], step[k.AVERAGED], step[k.TOTAL] = state.updates, state.averaged, 0.0
        step[k.CAP] = ENOUGH * start_loss if np.isfinite(start_loss) and start_loss > 0.0 else np.finfo(float).max
        penalty = self.penalty_at(state.theta)
        order, rates = self._order(), self._rates()
        step[k.NOW], step[k.SHRUNK], step[k.SHRUNK_SUM] = 0.0, 1.0, 0.0
        if self.task.lazy:
            # an epoch that broke off leaves marks
            for field in (k.LAST, k.PRESENCE, k.GRAD):
                self.places[field][:] = 0
        edges = self._segments(rates)
        for low, high in zip(edges[:-1], edges[1:], strict=True):
            if self.averaging == "auto" and low == self._averaged_from():
                state.average[:] = 0.0
                step[k.AVERAGED] = 0.0
            done = sweep(self.plan, step, self.rows, order[low:high], rates[low:high])
            if low + done < high:
                return np.nan
            if self.task.lazy:
                self.settle(self.plan.ctypes.data, 0, step.ctypes.data)
            step[k.NOW] = 0.0
        self.rate_sum, self.last_rate = rates.sum(), float(rates[-1])
        state.updates = int(step[k.UPDATES])
        state.averaged = int(step[k.AVERAGED]) if self.averaging is not False else 0
        return step[k.TOTAL] * self.per_mean / self.n + penalty

    def _averaged_from(self):
        """The batch of an epoch from which on "auto" averages."""
        return len(self.order) // 2 if self.state.epoch == 0 else 0

    def _segments(self, rates):
        """The batches between which lazy parameters catch up and an average may start."""
        edges = {0, len(rates)}
        if self.averaging == "auto":
            edges.add(self._averaged_from())
        if self.plan[k.DIRECT] and self.options.l2 > 0.0:
            # the factor that stands for the ridge is kept from vanishing
            decay = np.cumsum(rates) * self.options.l2 / MOST_DECAY
            edges.update(np.flatnonzero(np.diff(np.floor(decay))) + 1)
        return sorted(edges)

    def _order(self):
        options, state = self.options, self.state
        if self.full or options.shuffle is False:
            return self.order
        if self.shuffled:
            self.rows[: self.n] = self.base
            shuffle(self.rows, self.n, options.seed, state.epoch)
            return self.order
        places = np.arange(len(self.order))
        shuffle(places, len(places), options.seed, state.epoch)
        return self.order[places]

    def _rates(self):
        state, options, n = self.state, self.options, len(self.order)
        if callable(self.schedule):
            state.rate = self.schedule(state.epoch)
            if not (is_number(state.rate) and np.isfinite(state.rate) and state.rate > 0.0):
                raise InvalidParameterError(
                    f"schedule: the rate of epoch {state.epoch} is {state.rate!r}, not positive and finite"
                )
        elif self.schedule == "inverse_scaling":
            return state.rate * np.arange(state.updates + 1.0, state.updates + n + 1.0) ** -options.power_t
        return np.full(n, float(state.rate))

    def penalty_at(self, theta) -> float:
        """The penalty of parameters."""
        if self.penalty is None:
            return 0.0
        return self.penalty.value(theta.astype(np.float64))

    def held_out_loss(self, theta) -> float:
        """The loss of the rows held out, in the units of the reduction; NaN where there are none."""
        n = len(self.task.rows.held)
        if n == 0:
            return np.nan
        theta = np.ascontiguousarray(theta, self.state.memory.dtype)
        _gradient(self.task.gradient)(
            self.model.ctypes.data, self.held.ctypes.data, 0, n, theta.ctypes.data, 0, self.step.ctypes.data
        )
        return float(self.step[k.LOSS] * self.per_mean / n)
