"""Problems for the stochastic solvers, and their update rules again in plain numpy."""

from __future__ import annotations

import numpy as np
import oracle
from scipy import sparse

from fastglm.kernels.row_loops import FamilyLink
from fastglm.solver.sgd import SGD
from fastglm.solver.sgd.driver import run
from fastglm.solver.sgd.loop import Loop
from fastglm.solver.sgd.state import State
from fastglm.solver.sgd.task import LinearTask
from fastglm.source.in_memory import Block

LOGISTIC = FamilyLink(oracle.family("binomial"), oracle.link("logit"))
LINEAR = FamilyLink(oracle.family("gaussian"), oracle.link("identity"))
POISSON = FamilyLink(oracle.family("poisson"), oracle.link("log"))
# every epoch as asked for, on the scale of X
PLAIN = SGD(method="sgd", rate=0.1, batch_size=8, epochs=3, tol=None, shuffle=False, averaging=False)


def data(X, y, *, has_intercept=True, weights=None, freq_weights=None, offset=None, exposure=None, names=()):
    """The record the solver is given."""
    return Block(X, has_intercept, np.asarray(y, float), weights, freq_weights, offset, exposure, names)


def logistic(n=200, p=4, seed=0, density=1.0):
    """A design, with zeros where ``density`` is below one, and labels of a logistic model."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) * (rng.random((n, p)) < density)
    eta = 0.3 + X @ rng.normal(size=p)
    return X, (rng.random(n) < 1 / (1 + np.exp(-eta))).astype(float)


def fit(X, y, pair=LOGISTIC, options=PLAIN, start=None, **changes):
    """A run with some options changed; the keywords that ``data`` knows go there."""
    known = {k: changes.pop(k) for k in tuple(changes) if k in Block._fields}
    state, callback = changes.pop("state", None), changes.pop("callback", None)
    options = options._replace(**changes)
    if start is None:
        start = np.zeros(X.shape[1] + known.get("has_intercept", True))
        start = start if isinstance(pair, FamilyLink) else np.zeros((len(start), pair))
    return run(data(X, y, **known), pair, options, start=start, state=state, callback=callback)


class Batch:
    """The compiled loss and gradient of chosen rows, as the loop calls them.

    Parameters
    ----------
    data : Block
    model : FamilyLink or int
    options : SGD
    """

    def __init__(self, data, model, options=PLAIN):
        method = "sgd" if options.method == "auto" else options.method
        self.task = LinearTask(data, model, options._replace(method=method), method)
        size = self.task.features * self.task.width
        state = State(size, self.task.dtype, len(data.y) * self.task.width * (method == "saga"))
        self.loop = Loop(self.task, options, method, len(data.y), state)
        self.size = size

    def loss(self, theta, rows):
        """The summed loss of the rows."""
        self.loop.held = np.concatenate([rows, np.zeros(5000, np.int64)])
        self.task.rows = self.task.rows._replace(held=np.asarray(rows))
        return self.loop.held_out_loss(theta) * len(rows) / self.loop.per_mean

    def gradient(self, theta, rows):
        """The gradient of the summed loss, by one step of rate one and its way back."""
        options = PLAIN._replace(batch_size="full", reduction="sum", rate=1.0, epochs=1, dtype=self.task.options.dtype)
        part = self.task.data
        pick = {f: None if getattr(part, f) is None else getattr(part, f)[rows] for f in Block._fields[2:7]}
        options = options._replace(standardize=False)
        model = self.task.pair if self.task.pair is not None else self.task.width
        start = self.task.to_coef(theta)
        moved = run(part._replace(X=part.X[rows], **pick), model, options, start=start)
        return (start - moved.coef).ravel()


def reference(X, y, options, weights=None, penalty=(0.0, 0.0)):
    """Logistic regression by the rules' textbook formulas, eagerly, in batches as they lie.

    Returns the parameters after every update, (updates, p + 1).
    """
    A = np.column_stack([np.ones(len(X)), X])
    w = np.ones(len(X)) if weights is None else weights
    theta, first, second = np.zeros((3, A.shape[1]))
    ridge, lasso = (np.r_[0.0, np.full(X.shape[1], v)] for v in penalty)
    path, t, o = [], 0, options
    for _ in range(o.epochs):
        for a in range(0, len(X), o.batch_size):
            rows = slice(a, a + o.batch_size)
            t += 1
            r = w[rows] * (1 / (1 + np.exp(-A[rows] @ theta)) - y[rows])
            g = A[rows].T @ r / (len(r) * w.mean())
            rate = o.rate * (t**-o.power_t if o.schedule == "inverse_scaling" else 1.0)
            if o.method == "adam":
                first = o.beta1 * first + (1 - o.beta1) * g
                second = o.beta2 * second + (1 - o.beta2) * g * g
                pace = rate / (np.sqrt(second / (1 - o.beta2**t)) + o.eps)
                theta = theta - pace * first / (1 - o.beta1**t)
            elif o.method == "adagrad":
                second = second + g * g
                pace = rate / (np.sqrt(second) + o.eps)
                theta = theta - pace * g
            else:
                first = o.momentum * first - rate * g
                theta = theta + (o.momentum * first - rate * g if o.nesterov else first)
                pace = rate / (1 - o.momentum)
            theta = np.sign(theta) * np.maximum(np.abs(theta) - pace * lasso, 0.0) / (1 + pace * ridge)
            path.append(theta)
    return np.array(path)


def as_csr(X, index=np.int32, dtype=np.float64):
    """X as a CSR matrix with chosen types."""
    A = sparse.csr_matrix(np.asarray(X, dtype))
    A.indices, A.indptr = A.indices.astype(index), A.indptr.astype(index)
    return A
