"""A stochastic fit from its first epoch to its last: rates, divergence, stopping, records."""

from __future__ import annotations

import time
from typing import NamedTuple

import numpy as np

from ...errors import InvalidParameterError, MissingDataError
from ...options.sgd import SGD, check
from . import checkpoint
from .errors import DivergenceError
from .loop import ENOUGH_EPOCHS, Loop
from .state import State
from .task import LinearTask

MOST_RESIDUALS = 20_000_000  # that SAGA may remember where it is chosen automatically
WORSE, WORSE_THAN_START = 10.0, 100.0  # times the lowest loss, or a sample's first one: the epoch diverged
MANY = 5  # halvings of a rate in one epoch, after which the fit begins again
# of schedules that watch the loss: the rate's divisor, its last value relative to its first, and whether to be patient
FALLS = {"adaptive": (5.0, 1e-6, True), "stalls": (2.0, 1e-3, False)}


class Solution(NamedTuple):
    """The outcome of a stochastic fit.

    Attributes
    ----------
    coef : (p + ones,) or (p + ones, K) float64
        Coefficients on the scale of X, averaged where averaging was on.
    history : dict of (epochs,) arrays
        "epoch" (from 1), "loss" (met on the way, with the penalty), "validation_loss" (NaN without rows held out),
        "rate", "gradient_norm" (the epoch's mean step over its rate), "seconds" and "passes" since the start; under
        ``SGD(record="params")`` also "params", an array of the coefficients after each epoch.
    stop : str
        "converged", "early stopping", "callback" or "epochs".
    epochs : int
    notes : tuple of str
        What was done without being asked for, such as halving a rate.
    state : State
        Continues the fit when given to ``run``.
    """

    coef: np.ndarray
    history: dict
    stop: str
    epochs: int
    notes: tuple
    state: State

    def records(self) -> tuple[dict, ...]:
        """The history as a record of each epoch."""
        columns = [list(values) if values.ndim > 1 else values.tolist() for values in self.history.values()]
        return tuple(dict(zip(self.history, row, strict=True)) for row in zip(*columns, strict=True))


def run(
    data, model, options: SGD, *, start=None, callback=None, state: State | None = None, certify=None, strengths=None
) -> Solution:
    """Fit by first-order stochastic descent.

    Parameters
    ----------
    data : Block
        Checked arrays; X dense or scipy CSR.
    model : FamilyLink or int
        Family and link, or the number K of classes of a softmax, y holding their numbers 0 ... K-1. No class is
        pinned: there are K columns of coefficients.
    options : SGD
    start : (p + ones,) or (p + ones, K) array, optional
        Coefficients on the scale of X; the null model without it.
    callback : callable, optional
        Called after each epoch with its record, like ``options.callbacks``.
    state : State, optional
        A state of the same fit to continue; it is changed in place, between epochs only.
    certify : callable, optional
        Whether a fit whose losses no longer fall may stop at these coefficients; without it, it stops.
    strengths : tuple of two (p,) arrays, optional
        The ridge and the lasso of each column on the scale of X, in the place of the options' l2 and l1.

    Returns
    -------
    Solution

    Raises
    ------
    InvalidParameterError
        For options, a start or a checkpoint that cannot be used.
    MissingDataError
        When X is not finite; the message names the column and the row.
    DivergenceError
        When the fit diverges at a rate that was given.
    """
    check(options)
    method = automatic_method(data, model, options) if options.method == "auto" else options.method
    with np.errstate(all="ignore"):
        return Fit(LinearTask(data, model, options, method, strengths), method, start, callback, state, certify).run()


def automatic_method(data, model, options) -> str:
    """The method for options that leave it open: SAGA where it may use its own rate and has the epochs and the memory
    to converge; else AdaGrad for sparse rows, and plain descent."""
    plain = options.momentum == 0.0 and options.step == "explicit"
    own = options.rate == options.schedule == options.batch_size == options.averaging == "auto"
    residuals = len(data.y) * (model if isinstance(model, (int, np.integer)) else 1)
    roomy = residuals <= MOST_RESIDUALS and options.epochs >= ENOUGH_EPOCHS
    if own and plain and roomy and options.shuffle == "rows" and options.gradient == "analytic":
        return "saga"
    return "adagrad" if plain and hasattr(data.X, "indptr") else "sgd"


def batch_size(task, method) -> int:
    """The rows of a step."""
    n, wanted = task.rows.count, task.options.batch_size
    if wanted == "full":
        return n
    if wanted == "auto":
        # a step that is not lazy costs as much as many sparse rows
        most = 1024 if task.sparse and not task.lazy else 64
        wanted = max(1, min(most, n // 16))
    return min(int(wanted), n)


class Fit:
    """One fit: a loop, and what happens between its epochs.

    Parameters
    ----------
    task : LinearTask
    method : str
    start, callback, state, certify
        As for ``run``.
    """

    def __init__(self, task, method, start, callback, state, certify=None):
        options, self.certify = task.options, certify
        self.task, self.options, self.method = task, options, method
        self.batch = batch_size(task, method)
        self.callbacks = (*options.callbacks, callback) if callback else tuple(options.callbacks)
        self.automatic = options.rate == "auto" and not callable(options.schedule)
        self.sample = task.sample()
        size, table = task.features * task.width, len(task.rows.y) * task.width * (method == "saga")
        self.state = State(size, task.dtype, table) if state is None else state
        if self.state.memory.shape != (3, size) or self.state.memory.dtype != task.dtype:
            raise InvalidParameterError("state: belongs to a fit with other columns or another dtype")
        self.signature = checkpoint.signature(task, method) if options.checkpoint is not None else None
        resumed = state is not None or (
            options.checkpoint is not None and checkpoint.load(options.checkpoint, self.signature, self.state)
        )
        theta = self._start(start)
        self.first_theta, self.start_loss = theta, self.sample.loss(theta)
        if not resumed:
            self.state.theta[:] = theta
            self.state.rate = self.state.first_rate = self._first_rate(theta)
        self.loop = Loop(task, options, method, self.batch, self.state)
        self.tol, self.snapshot, self.origin = self._tolerance(), None, self.state.snapshot()
        self.fall = FALLS.get(self.loop.schedule)

    def _start(self, start):
        if start is None:
            return self.sample.start()
        shape = (self.task.features,) if self.task.pair is not None else (self.task.features, self.task.width)
        start = np.asarray(start, np.float64)
        if start.shape != shape:
            raise InvalidParameterError(f"start has shape {start.shape}, not {shape}")
        if not np.isfinite(start).all():
            raise MissingDataError("start contains NaN or infinity")
        return self.task.to_theta(start)

    def _tolerance(self):
        options = self.options
        if options.tol != "auto":
            return options.tol
        given = not self.automatic
        return (0.0 if options.validation_fraction > 0.0 else None) if given else 1e-5

    def _first_rate(self, theta):
        options = self.options
        if callable(options.schedule):
            return float("nan")
        if options.rate != "auto":
            return float(options.rate)
        if self.method == "adam":
            return 0.01
        if self.method == "adagrad":
            return 1.0 if self.task.sparse else 0.5
        _, smoothness = self.sample.smoothness(theta, self.batch)
        rate = (1.0 - options.momentum) / (3.0 * smoothness if self.method == "saga" else smoothness)
        return rate / self._summed()

    def _summed(self):
        """What a sum over a batch has more than its mean."""
        return self.batch * self.task.rows.mean_weight if self.options.reduction == "sum" else 1.0

    def _stable_limit(self):
        """The longest step, per unit of gradient, that does not overshoot at the start of the fit."""
        return 2.0 / (self.sample.smoothness(self.first_theta, self.loop.n)[0] * self._summed())

    def run(self) -> Solution:
        """Epochs until something stops them."""
        state, stop, began = self.state, "epochs", time.perf_counter()
        spent = state.history[-1]["seconds"] if state.history else 0.0
        try:
            while state.epoch < self.options.epochs:
                stop = self._epoch(began - spent)
                if stop is not None:
                    break
                if self.options.checkpoint is not None and state.epoch % self.options.checkpoint_every == 0:
                    checkpoint.save(self.options.checkpoint, self.signature, state)
        finally:
            # whatever ended the fit, the state is that of the last epoch that went well
            if self.options.checkpoint is not None:
                checkpoint.save(self.options.checkpoint, self.signature, state)
        theta = state.best if self.options.validation_fraction > 0.0 else state.estimate()
        columns = {name: np.array([r[name] for r in state.history]) for name in (state.history or [{}])[0]}
        return Solution(self.task.to_coef(theta), columns, stop or "epochs", state.epoch, tuple(state.notes), state)

    def _epoch(self, began):
        """One epoch that went well, its record, and why the fit stops after it, or None."""
        state = self.state
        self.snapshot, self.halvings = state.snapshot(self.snapshot), 0
        try:
            loss = self.loop.run_epoch(self.start_loss)
            while self._diverged(loss):
                self._heal()
                loss = self.loop.run_epoch(self.start_loss)
            record = self._record(loss, began)
            stop = self._judge(record)
            if self.options.record == "params":
                record["params"] = self._coef()
            state.history.append(record)
        except BaseException:
            state.restore(self.snapshot)
            raise
        for callback in self.callbacks:
            if callback(record | ({"params": self._coef()} if self.options.callbacks else {})) is True:
                stop = stop or "callback"
        return stop

    def _coef(self):
        """A copy of the coefficients on the scale of X, averaged where averaging is on."""
        return np.array(self.task.to_coef(self.state.estimate()))

    def _diverged(self, loss):
        if not (np.isfinite(loss) and np.isfinite(self.state.theta).all()):
            return True
        first = self.start_loss * self.loop.per_mean
        if self.state.epoch == 0:
            return loss > WORSE_THAN_START * first
        # a loss near zero may grow by any factor
        return loss > WORSE * self.state.lowest and loss > 1e-3 * first

    def _heal(self):
        """Go back to the last good epoch and halve the rate; give up where the rate was given."""
        state, rate = self.state, self.state.rate
        epoch = state.epoch + 1
        state.restore(self.snapshot)
        self.task.check_finite()
        if self.automatic and state.rate > np.finfo(np.float32).tiny:
            self.halvings += 1
            again = "repeated"
            if self.halvings == MANY and state.epoch > 0:
                # the last epoch ended where nothing can go well
                notes = list(state.notes)
                state.restore(self.origin)
                state.notes[:], again = notes, "fit begun again"
            state.rate = rate / 2.0
            state.notes.append(f"epoch {epoch} diverged at rate {rate:.3g}, {again} at {state.rate:.3g}")
            self.snapshot = state.snapshot(self.snapshot)
            return
        limit = self._stable_limit()
        j = int(np.argmax(self.sample.scales)) if self.sample.scales.size else -1
        largest = f"; the column of largest scale is {self.task.data.name(j)!r}" if j >= 0 else ""
        raise DivergenceError(
            f"the fit diverged in epoch {epoch} at rate {rate:.6g}: steps are stable below about {limit:.3g}, two over "
            f"the largest curvature{largest}. Pass a smaller rate or rate='auto', standardize=True, or step='implicit'",
            epoch,
            float(rate),
            limit,
        )

    def _record(self, loss, began):
        state = self.state
        state.epoch += 1
        move = np.linalg.norm((state.theta - self.snapshot[0][0][0]).astype(np.float64))
        central = self.options.gradient == "central"
        return {
            "epoch": state.epoch,
            "loss": loss,
            "validation_loss": self.loop.held_out_loss(state.estimate()),
            "rate": self.loop.last_rate,
            "gradient_norm": float(move / self.loop.rate_sum),
            "seconds": time.perf_counter() - began,
            "passes": state.epoch * (2 * state.theta.size + 1 if central else 1),
        }

    def _judge(self, record):
        """Why the fit should stop, or None; the adaptive rate falls here."""
        state, held_out = self.state, self.options.validation_fraction > 0.0
        self._note_overshooting(record)
        loss = record["validation_loss" if held_out else "loss"]
        state.lowest = min(state.lowest, record["loss"])
        if held_out and loss < min([r["validation_loss"] for r in state.history], default=np.inf):
            state.best[:] = state.estimate()
        if loss < state.judged - (self.tol or 0.0) * abs(state.judged) or state.judged == np.inf:
            state.judged, state.stale = loss, 0
            return None
        state.stale += 1
        divisor, smallest, patient = self.fall or (1.0, np.inf, True)
        if state.stale < (self.options.patience if patient else 1):
            return None
        if state.rate / divisor >= smallest * state.first_rate:
            state.rate, state.stale = state.rate / divisor, 0
            return None
        if self.tol is None or state.stale < self.options.patience:
            return None
        if held_out:
            return "early stopping"
        if self.certify is None or self.certify(self.task.to_coef(state.estimate())):
            return "converged"
        # looked at again once as many epochs more have not improved the loss
        state.stale = 0
        return None

    def _note_overshooting(self, record):
        """Say once that a given rate overshoots, although the fit stays finite."""
        state, descent = self.state, self.loop.full and self.method == "sgd" and self.options.momentum == 0.0
        if not descent or self.automatic or self.options.step == "implicit" or state.notes or not state.history:
            return
        before = state.history[-1]["loss"]
        if record["loss"] > before + 1e-6 * abs(before):
            state.notes.append(
                f"epoch {state.epoch - 1} increased the loss from {before:.6g} to {record['loss']:.6g} at rate "
                f"{record['rate']:.6g}: steps are stable below about {self._stable_limit():.3g} at the start"
            )
