"""A network on rows in memory, as the stochastic loop sees it."""

from __future__ import annotations

from copy import copy
from typing import Any, NamedTuple

import numpy as np

from ..errors import InvalidParameterError
from ..options.sgd import SGD
from ..solver.sgd.sample import SPREAD, Sample
from ..solver.sgd.scaling import Scaling, standardise
from ..solver.sgd.training_rows import Rows, prepare
from ..source.base import Block
from ..source.in_memory import InMemory
from .network import Network
from .passes import Passes

CURVATURE = 2**62  # keeps the choice of these batches apart from the orders of epochs
BATCHES = 8  # of a sample, whose curvatures bound a step
POWER_STEPS = 30  # the most of a power iteration, which ends where the curvature changes by less than a hundredth
DIFFERENCE = 1e-5  # half the width of differences of gradients, relative to the parameters


def resolve(options: SGD, network: Network) -> str:
    """The update rule for a network: "auto" is Adam, and "sgd" as for linear models where there is no hidden layer;
    InvalidParameterError for options that a network does not have.
    """
    refused = {
        "method": ("saga", "remembers one score a row, and a network has many"),
        "step": ("implicit", "needs a linear model"),
    }
    for field, (value, reason) in refused.items():
        if getattr(options, field) == value:
            raise InvalidParameterError(f"{field}={value!r} {reason}")
    if options.method != "auto":
        return options.method
    return "adam" if network.hidden and options.momentum == 0.0 else "sgd"


class Linear(NamedTuple):
    """The linear model on the same rows: what ``Sample`` reads of a task."""

    data: Block
    rows: Rows
    scaling: Scaling | None
    pair: Any
    width: int
    features: int
    has_intercept: bool = True
    sparse: bool = False


class NetworkTask:
    """The gradient of a network, with what the loop needs to know around it.

    Parameters
    ----------
    data : Block
    network : Network
    options : SGD
        "auto" standardisation is on, without hidden layers where it is for linear models.
    seed : int
        Fixes the first weights.

    Attributes
    ----------
    pair : Network
        What a checkpoint must agree in.
    """

    width, has_intercept, sparse, lazy = 1, True, False, False
    strengths = None  # of the columns' penalties: all weights have those of the options

    def __init__(self, data: Block, network: Network, options: SGD, seed: int):
        self.data, self.network, self.options, self.seed = data, network, options, seed
        self.pair, self.features = network, network.n_params
        self.rows = prepare(data, options)
        self.scaling = self._scaling()
        self.dtype = np.dtype(options.dtype or "float64")
        self.passes = Passes(network, data.X, self.rows, self.scaling)
        # those of the loop; what is measured before and after it is float64
        single = self.dtype != np.float64
        self.own = Passes(network, data.X, self.rows, self.scaling, self.dtype) if single else self.passes
        self.gradient = self.own.gradient_address

    def _scaling(self):
        options, tied = self.options, self.network.tied
        wanted = options.standardize
        if tied and wanted is True:
            raise InvalidParameterError("standardize=True scales columns, after which tied weights would differ")
        if wanted == "auto":
            wanted = self.network.hidden or (options.rate == "auto" and isinstance(options.schedule, str))
        if not wanted or not self.network.inputs:
            return None
        scaling = standardise(self.data.X, self.rows.used, True)
        return scaling._replace(inverse_scale=np.ones(self.network.inputs)) if tied else scaling

    def direct(self, batch: int) -> int:
        """0: steps that write to single parameters are for sparse rows."""
        return 0

    def plan(self, loop: np.ndarray, batch: int, table: np.ndarray) -> np.ndarray:
        """The network's plan; it is the same for all loops and batches."""
        return self.own.plan

    def penalties(self) -> tuple[np.ndarray, np.ndarray] | None:
        """The ridge and the lasso of each parameter as the loop knows it: of weights on the scale of X."""
        options = self.options
        if options.l2 == 0.0 and options.l1 == 0.0:
            return None
        inverse = np.ones(self.network.inputs) if self.scaling is None else self.scaling.inverse_scale
        ridge, lasso = np.zeros((2, self.features))
        for values, size, power in ((ridge, options.l2, 2), (lasso, options.l1, 1)):
            layers, direct = self.network.split(values)
            for layer in layers:
                layer[1:] = size
            for weights in (layers[0][1:], direct):
                if weights is not None:
                    weights[:] = size * inverse[:, None] ** power
        return ridge, lasso

    def to_theta(self, theta: Any) -> np.ndarray:
        """The loop's parameters from those on the scale of X."""
        return self.network.to_standardised(theta, self.scaling)

    def to_coef(self, theta: Any) -> np.ndarray:
        """The parameters on the scale of X from the loop's."""
        return self.network.to_natural(theta, self.scaling)

    def sample(self) -> Any:
        """Some of the rows, and what they tell before the first step: ``Sample``, or its counterpart here."""
        net = self.network
        pair = net.heads[0].pair
        linear = Sample(Linear(self.data, self.rows, self.scaling, pair, net.outputs, net.inputs + 1))
        return NetworkSample(self, linear) if net.hidden or net.responses > 1 or net.several else linear

    def check_finite(self) -> None:
        """Look for the cell of X that made a loss not finite; MissingDataError names it."""
        InMemory(self.data, 1).check_finite()


class NetworkSample:
    """Evenly spread rows, a first set of parameters and how long steps may be there; ``linear`` is the linear model on
    the same rows.
    """

    def __init__(self, task: NetworkTask, linear: Sample):
        self.network, self.passes, self.rows, self.linear = task.network, task.passes, task.rows, linear
        self.seed, self.scales = task.seed, linear.scales
        self.ids = task.rows.sample(len(linear.y))
        self.draw = np.random.Generator(np.random.Philox(key=[task.options.seed, CURVATURE]))

    def start(self) -> np.ndarray:
        """The null model behind random hidden layers."""
        inputs, outputs = self.network.inputs, self.network.outputs
        if not self.network.several and self.network.responses == 1:
            return self.network.first_parameters(self.linear.start().reshape(inputs + 1, outputs), self.seed)
        owners = [head for head in self.network.heads for _ in range(head.columns)]
        null = np.column_stack([self._null(j, head) for j, head in enumerate(owners)])
        return self.network.first_parameters(null, self.seed)

    def _null(self, j, head):
        """The null model of one column of the response, (p + 1, K) of K classes."""
        column, width = copy(self.linear), 1 if head.pair else head.outputs
        column.task, column.y = column.task._replace(width=width, pair=head.pair), self.linear.y[:, j]
        return column.start().reshape(-1, width)

    def loss(self, theta: Any) -> float:
        """The mean loss of a row: half its deviance."""
        return self.passes.loss(theta, self.ids) / len(self.ids)

    def smoothness(self, theta: Any, batch: int) -> tuple[float, float]:
        """The largest curvature of the mean loss, and that of some random batches, which bounds a step on them."""
        largest = self.curvature(theta, self.ids)
        if batch >= self.rows.count:
            return largest, largest
        size = min(batch, len(self.ids))
        batches = [self.draw.choice(self.ids, size, replace=False) for _ in range(BATCHES)]
        return largest, max(largest, *(self.curvature(theta, ids) for ids in batches))

    def curvature(self, theta: Any, ids: Any) -> float:
        """The largest eigenvalue, in absolute value, of the mean loss's Hessian at predictors near those of theta."""
        sizes = []
        for d in SPREAD if self.network.outputs == 1 else (0.0,):
            near = theta.copy()
            self.network.split(near)[0][-1][0] += d
            sizes.append(self._largest_eigenvalue(near, ids))
        size = np.max(np.where(np.isfinite(sizes), sizes, 0.0)) / (len(ids) * self.rows.mean_weight)
        return max(float(size), np.finfo(float).tiny)

    def _largest_eigenvalue(self, theta, ids):
        """Power iteration; the Hessian times a vector is a difference of gradients."""
        h = DIFFERENCE * (1.0 + np.linalg.norm(theta))
        v, size = np.ones(theta.size), 0.0
        for _ in range(POWER_STEPS):
            v /= np.linalg.norm(v)
            v = (self.passes.gradient(theta + h * v, ids) - self.passes.gradient(theta - h * v, ids)) / (2.0 * h)
            before, size = size, np.linalg.norm(v)
            if not size > 0.0 or abs(size - before) <= 1e-2 * size:
                break
        return size
