"""Loss and gradient of a multi-layer perceptron on a batch: a gradient function of the stochastic loop.

Forward, with X centred and scaled, f the activation and S the weights of the direct connection:

    A_0 = X,   A_l = f(A_(l-1) W_l + b_l),   eta = offset + A_(L-1) W_L + b_L + X S

Backward, from the scores r of the row loop (Rumelhart, Hinton and Williams 1986), D_l the derivative of the loss with
respect to what f is applied to:

    D_L = -r,   D_(l-1) = (D_l W_l') f'
    dloss/dW_l = A_(l-1)' D_l,   dloss/db_l = the column sums of D_l,   dloss/dS = X' D_L

The parameters are one vector: of each layer its intercepts, then its weights row by row; last the direct weights.
Without hidden layers this is the layout and the gradient of the linear model. Of tied layers the second half has
intercepts alone: the weights of layer l are the transpose of those of layer L + 1 - l, whose gradient is the sum of
both. A response of q columns is q rows of the row loop, whose weight is that of the row.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numba import carray

from . import classes
from .classes import gemm
from .compile import address_of, fingerprint
from .sgd import dense, layout, linear, memory
from .sgd.dense import find_rows
from .sgd.gradient import GRADIENT_SIGNATURE
from .sgd.linear import evaluate, read_rows, vector
from .sgd.memory import ask, inner, pointer

# The plan is the linear model's, of which rows and row loop are used, and these fields. WIDTHS, VALUES and DELTAS are
# int64 tables with an entry for each layer, the inputs being number 0: units, and the addresses of A_l and D_l; so are
# INTERCEPTS and WEIGHTS, the places of b_l and W_l among the parameters. RESPONSES are the columns of y.
# ACTIVATE and SLOPES are addresses from ``activation.py``.
# PREDICTORS receives the linear predictors of all rows, where it is not 0; ROW_LOOP 0 asks for nothing else.
NETWORK = layout.LINEAR + 14
(
    LAYERS, ACTIVATE, SLOPES, SKIP, SIZE, WIDTHS, VALUES, DELTAS, DIMS, PREDICTORS, INTERCEPTS, WEIGHTS, TIED,
    RESPONSES,
) = range(layout.LINEAR, NETWORK)  # fmt: skip


@inner()
def floats(address, n):
    """n float64 numbers at an address."""
    return carray(pointer(address, np.float64), n)


@inner()
def table(plan, field):
    """A table with an entry for each layer."""
    return carray(pointer(plan[field], np.int64), plan[LAYERS] + 1)


@inner()
def read_inputs(plan, n):
    """The n rows of X as A_0, centred and scaled."""
    find_rows(plan, n)
    if plan[layout.CENTRE] == 0:
        return
    p = plan[layout.P]
    x = vector(plan, layout.BUFFER, n * p)
    centre, inverse = vector(plan, layout.CENTRE, p), vector(plan, layout.INVERSE_SCALE, p)
    for i in range(n):
        for j in range(p):
            x[i * p + j] = (x[i * p + j] - centre[j]) * inverse[j]


@inner()
def read_responses(plan, n):
    """The responses of n rows of several columns, and the rows' weights once for each of them."""
    q = plan[RESPONSES]
    numbers = carray(pointer(plan[layout.V_NUMBER], np.int64), n)
    source, y = vector(plan, layout.Y, 1), vector(plan, layout.V_Y, n * q)
    for i in range(n):
        for c in range(q):
            y[i * q + c] = source[numbers[i] * q + c]
    if plan[layout.WEIGHT] == 0:
        return
    w = vector(plan, layout.V_W, n * q)
    for i in range(n - 1, -1, -1):  # from the end, because row i of the wide weights lies where later weights lie
        weight = w[i]
        for c in range(q):
            w[i * q + c] = weight


@inner()
def transposed(plan, layer):
    """Whether the weights of a layer are those of its mirror image."""
    return plan[TIED] != 0 and 2 * layer > plan[LAYERS]


@inner()
def forward(plan, n, theta):
    """The values of all layers; the last are added to what the linear predictors hold."""
    layers, widths, values = plan[LAYERS], table(plan, WIDTHS), table(plan, VALUES)
    dims = carray(pointer(plan[DIMS], np.int32), 6)
    intercepts, weights = table(plan, INTERCEPTS), table(plan, WEIGHTS)
    for layer in range(1, layers + 1):
        d, k = widths[layer - 1], widths[layer]
        z, b = floats(values[layer], n * k), floats(theta + 8 * intercepts[layer], k)
        last = layer == layers
        for i in range(n):
            for c in range(k):
                z[i * k + c] = z[i * k + c] + b[c] if last else b[c]
        if d > 0:
            turned = transposed(plan, layer)
            matrix, lead = theta + 8 * weights[layer], d if turned else k
            gemm(turned, False, k, n, d, matrix, lead, values[layer - 1], d, values[layer], k, dims)
        if not last:
            ask(plan[ACTIVATE], (n * k, values[layer], np.int64(0)))
    if plan[SKIP] != 0:
        p, k = widths[0], widths[layers]
        direct = theta + 8 * (plan[SIZE] - p * k)
        gemm(False, False, k, n, p, direct, k, values[0], p, values[layers], k, dims)


@inner()
def backward(plan, n, theta, grad):
    """Add the gradient of n rows, whose values and scores are there, to that at ``grad``."""
    layers, widths = plan[LAYERS], table(plan, WIDTHS)
    values, deltas = table(plan, VALUES), table(plan, DELTAS)
    intercepts, weights = table(plan, INTERCEPTS), table(plan, WEIGHTS)
    dims = carray(pointer(plan[DIMS], np.int32), 6)
    k, p = widths[layers], widths[0]
    last = floats(deltas[layers], n * k)
    for i in range(n * k):
        last[i] = -last[i]
    if plan[SKIP] != 0:
        direct = grad + 8 * (plan[SIZE] - p * k)
        gemm(False, True, k, p, n, deltas[layers], k, values[0], p, direct, k, dims)
    for layer in range(layers, 0, -1):
        d, k, turned = widths[layer - 1], widths[layer], transposed(plan, layer)
        delta, sums = floats(deltas[layer], n * k), floats(grad + 8 * intercepts[layer], k)
        for i in range(n):
            for c in range(k):
                sums[c] += delta[i * k + c]
        place = 8 * weights[layer]
        if d > 0 and turned:
            gemm(False, True, d, k, n, values[layer - 1], d, deltas[layer], k, grad + place, d, dims)
        elif d > 0:
            gemm(False, True, k, d, n, deltas[layer], k, values[layer - 1], d, grad + place, k, dims)
        if layer > 1:
            below = floats(deltas[layer - 1], n * d)
            for i in range(n * d):
                below[i] = 0.0
            lead = d if turned else k
            gemm(not turned, False, d, n, k, theta + place, lead, deltas[layer], k, deltas[layer - 1], d, dims)
            ask(plan[SLOPES], (n * d, values[layer - 1], deltas[layer - 1]))


@cache
def _compiled():
    digest = fingerprint(classes, dense, layout, linear, memory)

    def network(model, rows, first, n, theta, grad, step_address):
        digest  # noqa: B018, the disk cache sees changes of this file alone
        plan, step = carray(pointer(model, np.int64), NETWORK), carray(pointer(step_address, np.float64), layout.STEP)
        block, k = plan[layout.BLOCK], plan[layout.CLASSES]
        g = floats(grad, plan[SIZE])
        for j in range(plan[SIZE] if grad != 0 else 0):
            g[j] = 0.0
        loss = 0.0
        for b0 in range(0, n, block):
            m = min(block, n - b0)
            read_rows(plan, rows, first + b0, m)
            read_inputs(plan, m)
            forward(plan, m, theta)
            if plan[PREDICTORS] != 0:
                eta, kept = vector(plan, layout.V_ETA, m * k), floats(plan[PREDICTORS] + 8 * k * b0, m * k)
                for i in range(m * k):
                    kept[i] = eta[i]
            if plan[layout.ROW_LOOP] == 0:
                continue
            if plan[RESPONSES] > 1:
                read_responses(plan, m)
            loss += evaluate(plan, m * plan[RESPONSES])
            if grad != 0:
                backward(plan, m, theta, grad)
        step[layout.LOSS] = loss
        return -1

    return address_of(GRADIENT_SIGNATURE, network)


def network_address() -> int:
    """Address of the gradient of a network, in float64; D_L of its plan is V_R and A_L is V_ETA."""
    return _compiled().address
