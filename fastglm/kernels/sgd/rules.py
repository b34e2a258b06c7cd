"""The update rules, and what parameters do while no row of a batch touches them.

    SGD      v <- momentum v - rate g;  theta <- theta + v          (Polyak 1964)
             theta <- theta + momentum v - rate g                   (Nesterov 1983, as Sutskever et al. 2013)
    ADAGRAD  s <- s + g^2;  theta <- theta - rate g / (sqrt(s) + eps)   (Duchi, Hazan and Singer 2011)
    ADAM     m, s: bias-corrected averages of g and g^2;  theta <- theta - rate m / (sqrt(s) + eps)
             (Kingma and Ba 2015)
    SAGA     theta <- theta - rate (g + mean of remembered g)      (Defazio, Bach and Lacoste-Julien 2014)

Each is followed by the proximal step of the penalties at the rate that makes the penalised optimum a fixed point.
"""

from __future__ import annotations

from functools import cache
from math import sqrt

import numpy as np
from numba import carray, types

from ..compile import address_of, fingerprint
from . import layout, memory, penalty
from .memory import inner, pointer, vector
from .penalty import proximal, repeated

UPDATE_SIGNATURE = types.int64(*([types.int64] * 3))


# A rule moves the ``count`` parameters numbered in ``touched``, or for dense steps (not ``lazy``) all, which the
# compiler makes a loop of its own.


@inner()
def descend_sgd(touched, count, lazy, theta, grad, velocity, step):
    """SGD with or without momentum."""
    real = theta.dtype.type
    rate, norm, momentum = real(step[layout.RATE]), real(step[layout.NORM]), real(step[layout.MOMENTUM])
    nesterov = step[layout.NESTEROV] != 0.0
    if momentum == 0:
        for q in range(count):
            j = touched[q] if lazy else q
            theta[j] -= rate * (norm * grad[j])
        return
    for j in range(count):  # which is never lazy: velocities outlast the batch
        push = rate * (norm * grad[j])
        velocity[j] = momentum * velocity[j] - push
        theta[j] += momentum * velocity[j] - push if nesterov else velocity[j]


@inner()
def descend_adagrad(touched, count, lazy, theta, grad, squares, step):
    """AdaGrad."""
    real = theta.dtype.type
    rate, norm, eps = real(step[layout.RATE]), real(step[layout.NORM]), real(step[layout.EPS])
    for q in range(count):
        j = touched[q] if lazy else q
        g = norm * grad[j]
        squares[j] += g * g
        theta[j] -= rate * g / (real(sqrt(squares[j])) + eps)


@inner()
def descend_adam(count, theta, grad, mean, squares, step):
    """Adam; never lazy, because its averages outlast the batch."""
    real = theta.dtype.type
    rate, norm, eps = real(step[layout.RATE]), real(step[layout.NORM]), real(step[layout.EPS])
    b1, b2, one = real(step[layout.BETA1]), real(step[layout.BETA2]), real(1.0)
    up1 = real(1.0 / (1.0 - step[layout.BETA1] ** step[layout.UPDATES]))
    up2 = real(1.0 / (1.0 - step[layout.BETA2] ** step[layout.UPDATES]))
    for j in range(count):
        g = norm * grad[j]
        mean[j] = b1 * mean[j] + (one - b1) * g
        squares[j] = b2 * squares[j] + (one - b2) * (g * g)
        theta[j] -= rate * (up1 * mean[j]) / (real(sqrt(up2 * squares[j])) + eps)


@inner()
def descend_saga(touched, count, lazy, theta, grad, mean, presence, rarity, step, plan):
    """SAGA.

    ``grad`` holds the change against what is remembered, ``mean`` the remembered gradients' sum over all rows divided
    by their number. A lazy step counts the mean only for features of its rows, ``presence`` of them, and makes up for
    it by the feature's rarity (Leblond, Pedregosa and Lacoste-Julien 2017).
    """
    real = theta.dtype.type
    rate, norm, share = real(step[layout.RATE]), real(step[layout.NORM]), real(1.0 / plan[layout.ROWS_IN_ALL])
    rows = real(plan[layout.BATCH_ROWS])
    for q in range(count):
        j = touched[q] if lazy else q
        theta[j] -= rate * (norm * (grad[j] + (real(presence[j] * rarity[j]) if lazy else rows) * mean[j]))
        mean[j] += share * grad[j]


@inner()
def pace(rule, square, rate, step):
    """The rate at which the penalty acts on a parameter with that second vector's entry."""
    if rule == layout.ADAGRAD:
        return rate / (sqrt(square) + step[layout.EPS])
    if rule == layout.ADAM:
        return rate / (sqrt(square / (1.0 - step[layout.BETA2] ** step[layout.UPDATES])) + step[layout.EPS])
    return rate / (1.0 - step[layout.MOMENTUM])


@inner()
def penalise(plan, touched, count, lazy, theta, second, presence, rarity, step):
    """One proximal step."""
    real, rule, rate = theta.dtype.type, plan[layout.RULE], step[layout.RATE] * step[layout.SHARE]
    ridge = carray(pointer(plan[layout.RIDGE], np.float64), theta.size)
    lasso = carray(pointer(plan[layout.LASSO], np.float64), theta.size)
    weighted, rows = lazy and rule == layout.SAGA, float(plan[layout.BATCH_ROWS])
    for q in range(count):
        j = touched[q] if lazy else q
        own = pace(rule, float(second[j]), rate, step)
        if weighted:
            own *= presence[j] * rarity[j] / rows
        theta[j] = proximal(theta[j], real(own), real(ridge[j]), real(lasso[j]))


@inner()
def catch_up(plan, touched, low, high, theta, second, average, last, step):
    """Let pass, for entries low ... high - 1 of the list, the batches since they were last touched.

    ``last`` holds the complement of that time. The penalty goes on, and the average receives the parameters.
    """
    averaging, penalised = step[layout.AVERAGING] != 0.0, plan[layout.RIDGE] != 0 and plan[layout.RULE] != layout.SAGA
    now, rule = int(step[layout.NOW]), plan[layout.RULE]
    if averaging and not penalised:
        for q in range(low, high):
            j = touched[q]
            average[j] += (now + 1 + last[j]) * theta[j]
    if not penalised:
        return
    ridge = carray(pointer(plan[layout.RIDGE], np.float64), theta.size)
    lasso = carray(pointer(plan[layout.LASSO], np.float64), theta.size)
    clock = carray(pointer(plan[layout.CLOCK], np.float64), now + 1)
    for q in range(low, high):
        j = touched[q]
        k = now + 1 + last[j]
        if k == 0 or theta[j] == 0:
            continue
        # the mean of the rates passed: exact where they are equal, and to second order where they decay
        rate = pace(rule, float(second[j]), (clock[now] - clock[now - k]) / k, step)
        left, sum_ = repeated(float(theta[j]), k, rate, ridge[j], lasso[j])
        theta[j] = left
        if averaging:
            average[j] += sum_


@inner()
def finish(touched, count, lazy, theta, grad, average, last, step):
    """Add to the average; after lazy steps, clear the gradient and take down the time."""
    averaging, after = step[layout.AVERAGING] != 0.0, int(step[layout.NOW]) + 1
    if averaging:
        for q in range(count):
            j = touched[q] if lazy else q
            average[j] += theta[j]
    for q in range(count if lazy else 0):
        j = touched[q]
        last[j] = after
        grad[j] = 0


@cache
def _update(name):
    real, digest = getattr(np, name), fingerprint(layout, memory, penalty)

    def update(loop, listed, step_address):
        digest  # noqa: B018, the disk cache sees changes of this file alone
        plan = carray(pointer(loop, np.int64), layout.LOOP)
        step = carray(pointer(step_address, np.float64), layout.STEP)
        size, rule, lazy = plan[layout.SIZE], plan[layout.RULE], listed >= 0
        count = listed if lazy else size
        theta, grad = carray(pointer(plan[layout.THETA], real), size), carray(pointer(plan[layout.GRAD], real), size)
        first = carray(pointer(plan[layout.FIRST], real), size)
        second = carray(pointer(plan[layout.SECOND], real), size)
        average, presence = vector(plan, layout.AVERAGE, size), vector(plan, layout.PRESENCE, size)
        rarity = vector(plan, layout.RARITY, size)
        touched = carray(pointer(plan[layout.TOUCHED], np.int64), size)
        last = carray(pointer(plan[layout.LAST], np.int64), size)
        if rule == layout.SGD:
            descend_sgd(touched, count, lazy, theta, grad, first, step)
        elif rule == layout.ADAGRAD:
            descend_adagrad(touched, count, lazy, theta, grad, second, step)
        elif rule == layout.ADAM:
            descend_adam(count, theta, grad, first, second, step)
        else:
            descend_saga(touched, count, lazy, theta, grad, first, presence, rarity, step, plan)
        if plan[layout.RIDGE] != 0:
            penalise(plan, touched, count, lazy, theta, second, presence, rarity, step)
        finish(touched, count, lazy, theta, grad, average, last, step)
        for q in range(count if lazy and rule == layout.SAGA else 0):
            presence[touched[q]] = 0.0
        return 0

    return address_of(UPDATE_SIGNATURE, update)


@inner()
def settle_direct(free, theta, average, step):
    """Bring parameters and average out of the form ``sparse.move`` keeps them in; the first ``free`` are not scaled."""
    for j in range(theta.size):
        if step[layout.AVERAGING] != 0.0:
            average[j] += (step[layout.NOW] if j < free else step[layout.SHRUNK_SUM]) * theta[j]
        theta[j] *= theta.dtype.type(1.0 if j < free else step[layout.SHRUNK])
    step[layout.SHRUNK], step[layout.SHRUNK_SUM] = 1.0, 0.0


@cache
def _settle(name):
    real, digest = getattr(np, name), fingerprint(layout, memory, penalty)

    def settle(loop, count, step_address):
        digest  # noqa: B018, the disk cache sees changes of this file alone
        plan = carray(pointer(loop, np.int64), layout.LOOP)
        step = carray(pointer(step_address, np.float64), layout.STEP)
        size = plan[layout.SIZE]
        theta = carray(pointer(plan[layout.THETA], real), size)
        second = carray(pointer(plan[layout.SECOND], real), size)
        average = vector(plan, layout.AVERAGE, size)
        if plan[layout.DIRECT] != 0:
            settle_direct(plan[layout.DIRECT] - 1, theta, average, step)
            return 0
        touched = carray(pointer(plan[layout.TOUCHED], np.int64), size)
        last = carray(pointer(plan[layout.LAST], np.int64), size)
        for j in range(size):
            touched[j] = j
            last[j] = -1 - last[j]
        catch_up(plan, touched, 0, size, theta, second, average, last, step)
        for j in range(size):
            last[j] = 0
        return 0

    return address_of(UPDATE_SIGNATURE, settle)


def update_address(dtype) -> int:
    """Address of the update for parameters of ``dtype``."""
    return _update(np.dtype(dtype).name).address


def settle_address(dtype) -> int:
    """Address of (loop, 0, step): every parameter catches up, and the clock starts again."""
    return _settle(np.dtype(dtype).name).address
