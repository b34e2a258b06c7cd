"""The options of the first-order stochastic solvers, and their checks."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from math import isfinite
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import InvalidParameterError

if TYPE_CHECKING:
    from os import PathLike
    from typing import Literal

NEAR_ENOUGH = 0.1  # standard errors from the optimum, within which a fit counts as converged by default
METHODS = ("auto", "sgd", "adagrad", "adam", "saga")
SCHEDULES = ("auto", "constant", "inverse_scaling", "adaptive")
CHOICES = {
    "method": METHODS,
    "step": ("explicit", "implicit"),
    "shuffle": ("rows", "batches", False),
    "reduction": ("mean", "sum"),
    "averaging": ("auto", True, False),
    "standardize": ("auto", True, False),
    "nesterov": (True, False),
    "gradient": ("analytic", "central"),
    "dtype": (None, "float32", "float64"),
    "record": (None, "params"),
}


class SGD(NamedTuple):
    """First-order stochastic descent: a step along the gradient of a few rows at a time.

    Parameters
    ----------
    method : {"auto", "sgd", "adagrad", "adam", "saga"}
        The update rule; "auto" is SAGA, which converges, where rate, schedule, batch size and averaging are automatic
        too and there are five epochs or more; else AdaGrad for sparse X and "sgd" for dense.
    rate : "auto" or float
        The learning rate. "auto" takes it from the curvature of a sample of rows, and halves it should the fit diverge;
        a number is kept, and a fit that diverges raises ``DivergenceError``.
    schedule : {"auto", "constant", "inverse_scaling", "adaptive"} or callable
        "constant"; "inverse_scaling": rate / t^power_t at the t-th update; "adaptive": a fifth of the rate whenever
        ``patience`` epochs have not improved the loss by ``tol``, down to 1e-6 of the first; or a function of the
        number of epochs done that returns the rate of the next. "auto" is constant for a rate that was given, full
        batches, AdaGrad and SAGA; adaptive for Adam; inverse scaling where there are less than five epochs; else half
        the rate after every epoch that has not improved the loss, down to a thousandth.
    power_t : float
        The exponent of inverse scaling.
    momentum : float
        In [0, 1); method "sgd" only.
    nesterov : bool
        Nesterov's momentum in place of Polyak's.
    step : {"explicit", "implicit"}
        Implicit (proximal) steps take the gradient where they end: they never increase a batch's loss, however large
        the rate. For batches of several rows along the explicit direction. Method "sgd" without momentum only.
    averaging : bool or "auto"
        Return the mean of the parameters after every update (Polyak and Juditsky 1992); "auto" averages the last epoch
        (its second half, if it is the first) for methods "sgd" without momentum and "adagrad" in mini-batches.
    batch_size : int, "auto" or "full"
        Rows of a step. "full" is gradient descent.
    epochs : int
        The most passes over the rows.
    tol : float, None or "auto"
        A fit has converged where its distance to the optimum, penalties included, is at most this many standard errors
        (``GLMResult.certificate``). It is looked at whenever ``patience`` epochs have not improved the loss by the
        fraction ``tol`` of it, which alone ends the fit of a network. "auto" is 0.1 standard errors and 1e-5 of the
        loss; where rate is a number or schedule a function, "auto" runs all epochs, as None does, and then looks.
    patience : int
        Epochs without improvement that are waited for.
    shuffle : {"rows", "batches", False}
        Visit rows in a new random order each epoch; contiguous batches in random order, which reads memory faster; or
        everything as it lies.
    l2, l1 : float
        The penalty l2/2 |b|^2 + l1 |b|_1 of the coefficients on their original scale, the intercept excepted; added
        to the mean or sum of the losses. ``fit(penalty=ElasticNet(l1 + l2, l1 / (l1 + l2), scale=False))`` is the same
        beside the mean. Where "auto" stands for SAGA, the fit of up to 200 coefficients goes on from where its losses
        no longer fall by proximal Newton steps on all rows, to ``tol``; `notes` says how many.
    class_weight : None, "balanced" or mapping
        Weights of the classes, by the values of y; "balanced" gives every class the same total weight.
    reduction : {"mean", "sum"}
        Whether the loss is the mean or the sum over rows (of a batch, for its gradient).
    validation_fraction : float
        In [0, 1): the fraction of rows held out. Where it is positive their loss decides when to stop, and the
        parameters with the lowest are returned.
    standardize : bool or "auto"
        Work on centred and scaled columns (CSR: scaled ones) without a copy; coefficients are returned, and penalised,
        on the original scale. "auto" does so for dense X where the rate is automatic, because a number means what it
        means on the scale of X.
    beta1, beta2 : float
        Adam's decay rates, in [0, 1).
    eps : float
        Adam's and AdaGrad's guard of the denominator.
    gradient : {"analytic", "central"}
        "central" differences losses at each parameter plus and minus ``h``: full batches only, for teaching.
    h : float
        Half the width of these differences.
    seed : int
        Fixes every random choice, to the bit.
    dtype : None, "float32" or "float64"
        The arithmetic of parameters, linear predictors, gradients and updates; None is float64.
    callbacks : sequence of callables
        Called after each epoch with its record (a dict with the keys of ``Solution.history``) and its coefficients on
        the scale of X under the key "params"; one that returns True ends the fit.
    checkpoint : path or None
        A file (npz) that keeps the state of the fit; one that exists is resumed from, to the bit.
    checkpoint_every : int
        Epochs between two writes; the last state is always written.
    record : None or "params"
        "params" keeps the coefficients after each epoch in the history: epochs x coefficients x 8 bytes.
    """

    method: Literal["auto", "sgd", "adagrad", "adam", "saga"] = "auto"
    rate: float | Literal["auto"] = "auto"
    schedule: str | Callable[[int], float] = "auto"
    power_t: float = 0.5
    momentum: float = 0.0
    nesterov: bool = False
    step: Literal["explicit", "implicit"] = "explicit"
    averaging: bool | Literal["auto"] = "auto"
    batch_size: int | Literal["auto", "full"] = "auto"
    epochs: int = 100
    tol: float | Literal["auto"] | None = "auto"
    patience: int = 5
    shuffle: Literal["rows", "batches", False] = "rows"
    l2: float = 0.0
    l1: float = 0.0
    class_weight: Literal["balanced"] | Mapping[Any, float] | None = None
    reduction: Literal["mean", "sum"] = "mean"
    validation_fraction: float = 0.0
    standardize: bool | Literal["auto"] = "auto"
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    gradient: Literal["analytic", "central"] = "analytic"
    h: float = 1e-4
    seed: int = 0
    dtype: Literal["float32", "float64"] | None = None
    callbacks: tuple[Callable[[dict[str, Any]], bool | None], ...] = ()
    checkpoint: str | PathLike[str] | None = None
    checkpoint_every: int = 1
    record: Literal["params"] | None = None


# the options that may change between a checkpoint and its resumption
MUTABLE = ("epochs", "tol", "patience", "callbacks", "checkpoint", "checkpoint_every")

# (fields, what holds of a valid number, in words)
RANGES = (
    (("power_t", "l2", "l1"), lambda v: v >= 0.0, "finite and not negative"),
    (("momentum", "validation_fraction", "beta1", "beta2"), lambda v: 0.0 <= v < 1.0, "at least 0 and below 1"),
    (("eps", "h"), lambda v: v > 0.0, "positive and finite"),
)


def check(options: SGD) -> None:
    """Refuse options that cannot be used, alone or together.

    Raises
    ------
    InvalidParameterError
        Naming the field.
    """
    for field, choices in CHOICES.items():
        value = getattr(options, field)
        if not any(value is c or (isinstance(c, str) and isinstance(value, str) and value == c) for c in choices):
            raise InvalidParameterError(f"{field}={value!r} is unknown; known: {', '.join(map(repr, choices))}")
    for fields, holds, words in RANGES:
        for field in fields:
            value = getattr(options, field)
            if not (is_number(value) and isfinite(value) and holds(value)):
                raise InvalidParameterError(f"{field}={value!r} must be a number, {words}")
    for field in ("epochs", "patience", "checkpoint_every"):
        if not is_whole(getattr(options, field)) or getattr(options, field) < 1:
            raise InvalidParameterError(f"{field}={getattr(options, field)!r} must be a whole number, at least 1")
    _check_rate(options)
    _check_sizes(options)
    _check_objects(options)
    _check_combinations(options)


def tolerance(options: SGD) -> float:
    """The standard errors from the optimum within which a fit counts as converged."""
    return NEAR_ENOUGH if options.tol is None or isinstance(options.tol, str) else float(options.tol)


def is_number(value: Any) -> bool:
    """Whether a value is a real number that is not a bool."""
    return not isinstance(value, bool) and (hasattr(value, "__float__") and hasattr(value, "__add__"))


def is_whole(value: Any) -> bool:
    """Whether a value is a whole number that is not a bool."""
    return not isinstance(value, bool) and hasattr(value, "__index__")


def _positive(value) -> bool:
    return is_number(value) and isfinite(value) and value > 0.0


def _check_rate(options):
    if not (isinstance(options.rate, str) and options.rate == "auto") and not _positive(options.rate):
        raise InvalidParameterError(f'rate={options.rate!r} must be positive and finite, or "auto"')
    if isinstance(options.schedule, str):
        if options.schedule not in SCHEDULES:
            known = ", ".join(map(repr, SCHEDULES))
            raise InvalidParameterError(f"schedule={options.schedule!r} is unknown; known: {known} or a function")
    elif not isinstance(options.schedule, Callable):
        raise InvalidParameterError(f"schedule={options.schedule!r} must be a name or a function of the epoch")
    elif options.rate != "auto":
        raise InvalidParameterError("rate: a schedule that is a function returns the rate; leave rate='auto'")


def _check_sizes(options):
    size, tol, seed = options.batch_size, options.tol, options.seed
    if isinstance(size, str):
        if size not in ("auto", "full"):
            raise InvalidParameterError(f'batch_size={size!r} must be a whole number, "auto" or "full"')
    elif not is_whole(size) or size < 1:
        raise InvalidParameterError(f'batch_size={size!r} must be a whole number, at least 1, or "auto" or "full"')
    known = tol is None or (isinstance(tol, str) and tol == "auto")
    if not known and not (is_number(tol) and isfinite(tol) and tol >= 0.0):
        raise InvalidParameterError(f'tol={tol!r} must be a number that is not negative, None or "auto"')
    if not is_whole(seed) or not 0 <= seed < 2**64:
        raise InvalidParameterError(f"seed={seed!r} must be a whole number from 0 to 2**64 - 1")


def _check_objects(options):
    if not all(callable(c) for c in options.callbacks):
        raise InvalidParameterError("callbacks must be a sequence of functions of a record")
    if options.checkpoint is not None and not isinstance(options.checkpoint, (str, os.PathLike)):
        raise InvalidParameterError(f"checkpoint={options.checkpoint!r} must be a path or None")
    weights = options.class_weight
    if isinstance(weights, Mapping):
        for label, w in weights.items():
            if not (is_number(w) and isfinite(w) and w >= 0.0):
                raise InvalidParameterError(f"class_weight[{label!r}]={w!r} must be finite and not negative")
    elif weights is not None and not (isinstance(weights, str) and weights == "balanced"):
        raise InvalidParameterError(f'class_weight={weights!r} must be None, "balanced" or a mapping')


def _check_combinations(options):
    plain = options.method in ("auto", "sgd")
    if options.momentum > 0.0 and not plain:
        raise InvalidParameterError(f"momentum belongs to method='sgd', not {options.method!r}")
    if options.nesterov and options.momentum == 0.0:
        raise InvalidParameterError("nesterov=True needs a positive momentum")
    if options.step == "implicit" and (not plain or options.momentum > 0.0):
        raise InvalidParameterError("step='implicit' belongs to method='sgd' without momentum")
    if options.gradient == "central":
        if options.batch_size != "full" or options.step == "implicit" or options.method == "saga":
            raise InvalidParameterError(
                "gradient='central' needs batch_size='full' and explicit steps of a method other than 'saga'"
            )
