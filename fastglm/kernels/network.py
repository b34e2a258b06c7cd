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
both. The outputs are cut into heads, each with a row loop of its own, whose losses are added; a head of q columns of
responses is q rows of its row loop, whose weight is that of the row. The arithmetic is that of a number type, float64
or float32; linear predictors and scores are float64 in the row loops.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numba import carray, types
from numba.extending import overload

from . import classes
from .classes import gemm
from .compile import address_of, at, blas, call_rows, fingerprint
from .passes import total
from .sgd import dense, layout, linear, memory
from .sgd.dense import find_rows
from .sgd.gradient import GRADIENT_SIGNATURE
from .sgd.linear import read_rows, vector
from .sgd.memory import ask, inner, pointer

# The plan is the linear model's, of which rows and row loop are used, and these fields. WIDTHS, VALUES and DELTAS are
# int64 tables with an entry for each layer, the inputs being number 0: units, and the addresses of A_l and D_l; so are
# INTERCEPTS and WEIGHTS, the places of b_l and W_l among the parameters. RESPONSES are the columns of y, and HEAD_TABLE
# has HEAD numbers for each of the HEADS; HEAD_ETA and HEAD_R are room for the predictors and scores of one of several.
# ACTIVATE and SLOPES are addresses from ``activation.py``.
# PREDICTORS receives the linear predictors of all rows, where it is not 0; ROW_LOOP 0 asks for nothing else.
NETWORK = layout.LINEAR + 18
(
    LAYERS, ACTIVATE, SLOPES, SKIP, SIZE, WIDTHS, VALUES, DELTAS, DIMS, PREDICTORS, INTERCEPTS, WEIGHTS, TIED,
    RESPONSES, HEADS, HEAD_TABLE, HEAD_ETA, HEAD_R,
) = range(layout.LINEAR, NETWORK)  # fmt: skip
# of a head: its first output and their number, its first column of y and their number, its row loop and parameters
HEAD = 6
FIRST_OUTPUT, OUTPUTS, FIRST_COLUMN, COLUMNS, HEAD_LOOP, HEAD_PAR = range(HEAD)

sgemm = blas("sgemm", 13)
_ONE, _LETTERS = np.array([1.0], np.float32), np.frombuffer(b"TN", dtype=np.uint8).copy()


@inner()
def single_gemm(left, right, m, n, k, a, lda, b, ldb, c, ldc, dims):
    """``classes.gemm`` in float32."""
    dims[0], dims[1], dims[2], dims[3], dims[4], dims[5] = m, n, k, lda, ldb, ldc
    d, one, letter = at(dims), at(_ONE), at(_LETTERS)
    sgemm(letter + (0 if left else 1), letter + (0 if right else 1), d, d + 4, d + 8, one, a, d + 12, b, d + 16,
          one, c, d + 20)  # fmt: skip


def add_product(real, left, right, m, n, k, a, lda, b, ldb, c, ldc, dims):
    """``classes.gemm`` of a number type (compiled code only)."""


@overload(add_product)
def _add_product(real, left, right, m, n, k, a, lda, b, ldb, c, ldc, dims):
    if real.dtype == types.float64:
        return lambda real, left, right, m, n, k, a, lda, b, ldb, c, ldc, dims: gemm(
            left, right, m, n, k, a, lda, b, ldb, c, ldc, dims
        )
    return lambda real, left, right, m, n, k, a, lda, b, ldb, c, ldc, dims: single_gemm(
        left, right, m, n, k, a, lda, b, ldb, c, ldc, dims
    )


@inner()
def numbers_at(address, n, real):
    """n numbers of a type at an address."""
    return carray(pointer(address, real), n)


@inner()
def table(plan, field):
    """A table with an entry for each layer."""
    return carray(pointer(plan[field], np.int64), plan[LAYERS] + 1)


@inner()
def read_inputs(plan, n, real):
    """The n rows of X as A_0, centred and scaled."""
    find_rows(plan, n)
    p = plan[layout.P]
    inputs = table(plan, VALUES)[0]
    if plan[layout.CENTRE] == 0 and inputs == plan[layout.BUFFER]:
        return
    x, a = vector(plan, layout.BUFFER, n * p), numbers_at(inputs, n * p, real)
    if plan[layout.CENTRE] == 0:
        for i in range(n * p):
            a[i] = real(x[i])
        return
    centre, inverse = vector(plan, layout.CENTRE, p), vector(plan, layout.INVERSE_SCALE, p)
    for i in range(n):
        for j in range(p):
            a[i * p + j] = real((x[i * p + j] - centre[j]) * inverse[j])


@inner()
def read_responses(plan, n, head):
    """The responses of n rows of a head, and the rows' weights once for each of its columns."""
    q, first, width = head[COLUMNS], head[FIRST_COLUMN], plan[RESPONSES]
    numbers = carray(pointer(plan[layout.V_NUMBER], np.int64), n)
    source, y = vector(plan, layout.Y, 1), vector(plan, layout.V_Y, n * q)
    for i in range(n):
        for c in range(q):
            y[i * q + c] = source[numbers[i] * width + first + c]
    if plan[layout.WEIGHT] == 0:
        return
    weight, w = vector(plan, layout.WEIGHT, 1), vector(plan, layout.V_W, n * q)
    for i in range(n):
        for c in range(q):
            w[i * q + c] = weight[numbers[i]]


@inner()
def evaluate_heads(plan, n):
    """Half the deviance of the n rows at their linear predictors, the sum of all heads; writes their scores."""
    k, loss = plan[layout.CLASSES], 0.0
    eta, r = vector(plan, layout.V_ETA, n * k), vector(plan, layout.V_R, n * k)
    for h in range(plan[HEADS]):
        head = carray(pointer(plan[HEAD_TABLE] + 8 * HEAD * h, np.int64), HEAD)
        own, first, rows = head[OUTPUTS], head[FIRST_OUTPUT], n * head[COLUMNS]
        at_eta, at_r = plan[layout.V_ETA], plan[layout.V_R]
        if plan[RESPONSES] > 1:
            read_responses(plan, n, head)
        if own < k:
            at_eta, at_r = plan[HEAD_ETA], plan[HEAD_R]
            part = vector(plan, HEAD_ETA, n * own)
            for i in range(n):
                for c in range(own):
                    part[i * own + c] = eta[i * k + first + c]
        call_rows(head[HEAD_LOOP], rows, head[HEAD_PAR], at_eta, plan[layout.V_Y], plan[layout.V_W], at_r,
                  plan[layout.V_H], plan[layout.V_D])  # fmt: skip
        loss += 0.5 * total(vector(plan, layout.V_D, rows), rows)
        if own < k:
            scores = vector(plan, HEAD_R, n * own)
            for i in range(n):
                for c in range(own):
                    r[i * k + first + c] = scores[i * own + c]
    return loss


@inner()
def transposed(plan, layer):
    """Whether the weights of a layer are those of its mirror image."""
    return plan[TIED] != 0 and 2 * layer > plan[LAYERS]


@inner()
def forward(plan, n, theta, real, size):
    """The values of all layers, parameters being numbers of ``size`` bytes; the last are added to what the linear
    predictors hold.
    """
    layers, widths, values = plan[LAYERS], table(plan, WIDTHS), table(plan, VALUES)
    dims = carray(pointer(plan[DIMS], np.int32), 6)
    intercepts, weights = table(plan, INTERCEPTS), table(plan, WEIGHTS)
    in_place = values[layers] == plan[layout.V_ETA]
    for layer in range(1, layers + 1):
        d, k = widths[layer - 1], widths[layer]
        z, b = numbers_at(values[layer], n * k, real), numbers_at(theta + size * intercepts[layer], k, real)
        adds = layer == layers and in_place
        for i in range(n):
            for c in range(k):
                z[i * k + c] = z[i * k + c] + b[c] if adds else b[c]
        if d > 0:
            turned = transposed(plan, layer)
            matrix, lead = theta + size * weights[layer], d if turned else k
            add_product(real, turned, False, k, n, d, matrix, lead, values[layer - 1], d, values[layer], k, dims)
        if layer < layers:
            ask(plan[ACTIVATE], (n * k, values[layer], np.int64(0)))
    k = widths[layers]
    if plan[SKIP] != 0:
        p = widths[0]
        direct = theta + size * (plan[SIZE] - p * k)
        add_product(real, False, False, k, n, p, direct, k, values[0], p, values[layers], k, dims)
    if not in_place:
        eta, last = vector(plan, layout.V_ETA, n * k), numbers_at(values[layers], n * k, real)
        for i in range(n * k):
            eta[i] += last[i]


@inner()
def backward(plan, n, theta, grad, real, size):
    """Add the gradient of n rows, whose values and scores are there, to that at ``grad``."""
    layers, widths = plan[LAYERS], table(plan, WIDTHS)
    values, deltas = table(plan, VALUES), table(plan, DELTAS)
    intercepts, weights = table(plan, INTERCEPTS), table(plan, WEIGHTS)
    dims = carray(pointer(plan[DIMS], np.int32), 6)
    k, p = widths[layers], widths[0]
    last, scores = numbers_at(deltas[layers], n * k, real), vector(plan, layout.V_R, n * k)
    for i in range(n * k):
        last[i] = real(-scores[i])
    if plan[SKIP] != 0:
        direct = grad + size * (plan[SIZE] - p * k)
        add_product(real, False, True, k, p, n, deltas[layers], k, values[0], p, direct, k, dims)
    for layer in range(layers, 0, -1):
        d, k, turned = widths[layer - 1], widths[layer], transposed(plan, layer)
        delta = numbers_at(deltas[layer], n * k, real)
        sums = numbers_at(grad + size * intercepts[layer], k, real)
        for i in range(n):
            for c in range(k):
                sums[c] += delta[i * k + c]
        place = size * weights[layer]
        if d > 0 and turned:
            add_product(real, False, True, d, k, n, values[layer - 1], d, deltas[layer], k, grad + place, d, dims)
        elif d > 0:
            add_product(real, False, True, k, d, n, deltas[layer], k, values[layer - 1], d, grad + place, k, dims)
        if layer > 1:
            below = numbers_at(deltas[layer - 1], n * d, real)
            for i in range(n * d):
                below[i] = real(0)
            lead = d if turned else k
            add_product(
                real, not turned, False, d, n, k, theta + place, lead, deltas[layer], k, deltas[layer - 1], d, dims
            )
            ask(plan[SLOPES], (n * d, values[layer - 1], deltas[layer - 1]))


@cache
def _compiled(real_name):
    digest = fingerprint(classes, dense, layout, linear, memory)
    real, size = getattr(np, real_name), np.dtype(real_name).itemsize

    def network(model, rows, first, n, theta, grad, step_address):
        digest  # noqa: B018, the disk cache sees changes of this file alone
        plan, step = carray(pointer(model, np.int64), NETWORK), carray(pointer(step_address, np.float64), layout.STEP)
        block, k = plan[layout.BLOCK], plan[layout.CLASSES]
        g = numbers_at(grad, plan[SIZE], real)
        for j in range(plan[SIZE] if grad != 0 else 0):
            g[j] = real(0)
        loss = 0.0
        for b0 in range(0, n, block):
            m = min(block, n - b0)
            read_rows(plan, rows, first + b0, m)
            read_inputs(plan, m, real)
            forward(plan, m, theta, real, size)
            if plan[PREDICTORS] != 0:
                eta = vector(plan, layout.V_ETA, m * k)
                kept = numbers_at(plan[PREDICTORS] + 8 * k * b0, m * k, np.float64)
                for i in range(m * k):
                    kept[i] = eta[i]
            if plan[layout.ROW_LOOP] == 0:
                continue
            loss += evaluate_heads(plan, m)
            if grad != 0:
                backward(plan, m, theta, grad, real, size)
        step[layout.LOSS] = loss
        return -1

    return address_of(GRADIENT_SIGNATURE, network)


def network_address(dtype=np.float64) -> int:
    """Address of the gradient of a network whose parameters and values are ``dtype``, float64 or float32.

    V_ETA and V_R are float64; in float64 they are A_L and D_L.
    """
    return _compiled(np.dtype(dtype).name).address
