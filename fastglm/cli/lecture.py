"""The primes' table of ``fastglm demo --lecture``: one neuron, six points, and what each way of fitting it answers."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np

from ..errors import ConvergenceWarning
from ..solvers import SGD

X, Y = (2.0, 3.0, 5.0, 7.0, 11.0, 13.0), (0, 0, 1, 0, 1, 1)
START = (-1.0, 0.0)  # the bias and the weight that descents begin with
STEP, RATE, EPOCHS = 1e-4, 0.02, 2500  # of the numerical gradient, of its descent, and how often


class Row(NamedTuple):
    """One way to fit the neuron: its name, the weight and the bias, and P(y = 1) at 8.5; or why there is none."""

    name: str
    w: float | None = None
    b: float | None = None
    at: float | None = None
    why: str = ""

    def line(self) -> str:
        """As text."""
        if self.w is None:
            return f"{self.name:<44}{self.why}"
        return f"{self.name:<44}{self.w:14.10f}{self.b:15.10f}{self.at:11.7f}"


def table() -> list[Row]:
    """All rows; a library that is not installed has one that says so."""
    ways = {
        "R: glm(y ~ x, family = binomial), as printed": lambda: (-3.54907067213626, 0.551775920706039),
        "fastglm.fit, the optimum": exact,
        "fastglm, descent, 2,500 epochs": lambda: descent(EPOCHS),
        "fastglm, the same by numerical gradients": lambda: descent(EPOCHS, gradient="central", h=STEP),
        "fastglm, float32, 5,000 epochs": lambda: descent(2 * EPOCHS, dtype="float32"),
        "fastglm, mean of the losses, rate 0.1": lambda: descent(EPOCHS, reduction="mean", rate=0.1),
        "numpy, numerical gradients": by_numpy,
        "scikit-learn, LogisticRegression(C=1e6)": by_sklearn,
        "torch, float32, 5,000 epochs": by_torch,
        "keras, mean of the losses, rate 0.1": by_keras,
    }
    return [row(name, way) for name, way in ways.items()]


def row(name, way) -> Row:
    """The row of one way."""
    try:
        b, w = map(float, way())
    except ImportError as error:
        return Row(name, why=f"{(error.name or 'the library').split('.')[0]} is not installed")
    return Row(name, w, b, float(1.0 / (1.0 + np.exp(-(b + 8.5 * w)))))


def exact():
    """The maximum of the likelihood."""
    from ..fitting.entry import fit

    return fit(np.array(X)[:, None], Y, family="binomial").params


def descent(epochs, **options):
    """Gradient descent with the library's own loop."""
    from ..fitting.entry import fit

    solver = SGD(**{"rate": RATE, "batch_size": "full", "reduction": "sum", "epochs": epochs, **options})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the lesson stops there
        return fit(np.array(X)[:, None], Y, family="binomial", start=list(START), solver=solver).params


def by_numpy():
    """Descent along central differences of the summed cross-entropy, as one writes it first."""
    x, y, theta = np.array(X), np.array(Y), np.array(START)

    def loss(b, w):
        mu = 1.0 / (1.0 + np.exp(-(w * x + b)))
        return -np.sum(y * np.log(mu) + (1 - y) * np.log(1.0 - mu))

    for _ in range(EPOCHS):
        b, w = theta
        slope = (loss(b + STEP, w) - loss(b - STEP, w), loss(b, w + STEP) - loss(b, w - STEP))
        theta = theta - RATE * np.array(slope) / (2.0 * STEP)
    return theta


def by_sklearn():
    """A ridge of a millionth, as scikit-learn's solver leaves it."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=1e6).fit(np.array(X)[:, None], Y)
    return model.intercept_[0], model.coef_[0, 0]


def by_torch():
    """Tensors of float32 and automatic differentiation."""
    import torch

    x, y = torch.tensor(X), torch.tensor(Y, dtype=torch.float32)
    b, w = (torch.tensor(value, requires_grad=True) for value in START)
    for _ in range(2 * EPOCHS):
        loss = torch.nn.functional.binary_cross_entropy(torch.sigmoid(w * x + b), y, reduction="sum")
        loss.backward()
        with torch.no_grad():
            for each in (b, w):
                each -= RATE * each.grad
                each.grad.zero_()
    return b.detach(), w.detach()


def by_keras():
    """A layer of one unit with the sigmoid, from the same start."""
    import keras

    model = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1, activation="sigmoid")])
    model.set_weights([np.array([[START[1]]]), np.array([START[0]])])
    model.compile(keras.optimizers.SGD(0.1), loss="binary_crossentropy")
    model.fit(np.array(X)[:, None], np.array(Y), batch_size=len(X), epochs=EPOCHS, verbose=0)
    w, b = model.get_weights()
    return b[0], w[0, 0]


def lines(rows: list[Row]) -> list[str]:
    """The table as text."""
    points = ", ".join(f"({x:g}, {y})" for x, y in zip(X, Y, strict=True))
    return [
        "One neuron, P(y = 1) = sigmoid(w x + b), fitted to six primes: " + points,
        "",
        f"{'':<44}{'w':>14}{'b':>15}{'at 8.5':>11}",
        *(each.line() for each in rows),
    ]
