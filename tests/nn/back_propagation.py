"""Networks in plain numpy: values, back-propagation, and differences of losses."""

import numpy as np

ACTIVATIONS = {
    "tanh": (np.tanh, lambda a: 1 - a * a),
    "relu": (lambda z: np.maximum(z, 0.0), lambda a: (a > 0).astype(float)),
    "logistic": (lambda z: 1 / (1 + np.exp(-z)), lambda a: a * (1 - a)),
}
SHAPES = [((), False), ((3,), False), ((3,), True), ((4, 3), False), ((5, 2, 3), True)]
RNG = np.random.default_rng


def differences(f, theta, h=1e-5):
    """Central differences of f at theta."""
    return np.array([(f(theta + h * e) - f(theta - h * e)) / (2 * h) for e in np.eye(len(theta))])


def agree(a, b, tolerance):
    """Whether two vectors agree relative to the larger one's largest entry."""
    return np.abs(a - b).max() <= tolerance * np.abs(b).max()


def parameters(model, p, outputs=1, eta=0.0, seed=0):
    """Random parameters whose linear predictors lie near ``eta``."""
    network = model.network(p, outputs)
    theta = RNG(seed).normal(size=network.n_params) * 0.7
    layers, direct = network.split(theta)
    layers[-1] *= 0.1
    layers[-1][0] += eta
    if direct is not None:
        direct *= 0.1
    return theta


def forward(model, theta, X, outputs=1):
    """Values of all layers and the linear predictors, in plain numpy."""
    layers, direct = model.network(X.shape[1], outputs).split(theta)
    values = [X]
    for layer in layers[:-1]:
        values.append(ACTIVATIONS[model.activation][0](values[-1] @ layer[1:] + layer[0]))
    eta = values[-1] @ layers[-1][1:] + layers[-1][0]
    return values, eta if direct is None else eta + X @ direct


def numpy_gradient(model, theta, X, error):
    """Back-propagation of ``error``, the derivative of the loss in the linear predictors (n, outputs)."""
    network = model.network(X.shape[1], error.shape[1])
    layers, direct = network.split(theta)
    values, _ = forward(model, theta, X, error.shape[1])
    gradient = [] if direct is None else [X.T @ error]
    delta = error
    for layer, below in zip(layers[::-1], values[::-1], strict=True):
        gradient.insert(0, np.vstack([delta.sum(0), below.T @ delta]))
        delta = (delta @ layer[1:].T) * ACTIVATIONS[model.activation][1](below)
    return np.concatenate([g.ravel() for g in gradient])
