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
from .layout import (
    ADAGRAD,
    ADAM,
    AVERAGE,
    AVERAGING,
    BATCH_ROWS,
    BETA1,
    BETA2,
    CLOCK,
    DIRECT,
    EPS,
    FIRST,
    GRAD,
    LASSO,
    LAST,
    LOOP,
    MOMENTUM,
    NESTEROV,
    NORM,
    NOW,
    PRESENCE,
    RARITY,
    RATE,
    RIDGE,
    ROWS_IN_ALL,
    RULE,
    SAGA,
    SECOND,
    SGD,
    SHARE,
    SHRUNK,
    SHRUNK_SUM,
    SIZE,
    STEP,
    THETA,
    TOUCHED,
    UPDATES,
)
from .memory import inner, pointer, vector
from .penalty import proximal, repeated

UPDATE_SIGNATURE = types.int64(*([types.int64] * 3))


# A rule moves the ``count`` parameters numbered in ``touched``, or for dense steps (not ``lazy``) all, which the
# compiler makes a loop of its own.


@inner()
def newton_iterations(touched, count, lazy, theta, grad, velocity, step):
    """SGD with or without momentum."""
    real = theta.dtype.type
    rate, norm, momentum = real(step[RATE]), real(step[NORM]), real(step[MOMENTUM])
    nesterov = step[NESTEROV] != 0.0
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
    rate, norm, eps = real(step[RATE]), real(step[NORM]), real(step[EPS])
    for q in range(count):
        j = touched[q] if lazy else q
        g = norm * grad[j]
        squares[j] += g * g
        theta[j] -= rate * g / (real(sqrt(squares[j])) + eps)


@inner()
def descend_adam(count, theta, grad, mean, squares, step):
    """Adam; never lazy, because its averages outlast the batch."""
    real = theta.dtype.type
    rate, norm, eps = real(step[RATE]), real(step[NORM]), real(step[EPS])
    b1, b2, one = real(step[BETA1]), real(step[BETA2]), real(1.0)
    up1 = real(1.0 / (1.0 - step[BETA1] ** step[UPDATES]))
    up2 = real(1.0 / (1.0 - step[BETA2] ** step[UPDATES]))
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
    rate, norm, share = real(step[RATE]), real(step[NORM]), real(1.0 / plan[ROWS_IN_ALL])
    rows = real(plan[BATCH_ROWS])
    for q in range(count):
        j = touched[q] if lazy else q
        theta[j] -= rate * (norm * (grad[j] + (real(presence[j] * rarity[j]) if lazy else rows) * mean[j]))
        mean[j] += share * grad[j]


@inner()
def pace(rule, square, rate, step):
    """The rate at which the penalty acts on a parameter with that second vector's entry."""
    if rule == ADAGRAD:
        return rate / (sqrt(square) + step[EPS])
    if rule == ADAM:
        return rate / (sqrt(square / (1.0 - step[BETA2] ** step[UPDATES])) + step[EPS])
    return rate / (1.0 - step[MOMENTUM])


@inner()
def penalise(plan, touched, count, lazy, theta, second, presence, rarity, step):
    """One proximal step."""
    real, rule, rate = theta.dtype.type, plan[RULE], step[RATE] * step[SHARE]
    ridge = carray(pointer(plan[RIDGE], np.float64), theta.size)
    lasso = carray(pointer(plan[LASSO], np.float64), theta.size)
    weighted, rows = lazy and rule == SAGA, float(plan[BATCH_ROWS])
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
    averaging, penalised = step[AVERAGING] != 0.0, plan[RIDGE] != 0 and plan[RULE] != SAGA
    now, rule = int(step[NOW]), plan[RULE]
    if averaging and not penalised:
        for q in range(low, high):
            j = touched[q]
            average[j] += (now + 1 + last[j]) * theta[j]
    if not penalised:
        return
    ridge = carray(pointer(plan[RIDGE], np.float64), theta.size)
    lasso = carray(pointer(plan[LASSO], np.float64), theta.size)
    clock = carray(pointer(plan[CLOCK], np.float64), now + 1)
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
    averaging, after = step[AVERAGING] != 0.0, int(step[NOW]) + 1
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
        plan = carray(pointer(loop, np.int64), LOOP)
        step = carray(pointer(step_address, np.float64), STEP)
        size, rule, lazy = plan[SIZE], plan[RULE], listed >= 0
        count = listed if lazy else size
        theta, grad = carray(pointer(plan[THETA], real), size), carray(pointer(plan[GRAD], real), size)
        first, second = carray(pointer(plan[FIRST], real), size), carray(pointer(plan[SECOND], real), size)
        average, presence = vector(plan, AVERAGE, size), vector(plan, PRESENCE, size)
        rarity = vector(plan, RARITY, size)
        touched = carray(pointer(plan[TOUCHED], np.int64), size)
        last = carray(pointer(plan[LAST], np.int64), size)
        if rule == SGD:
            newton_iterations(touched, count, lazy, theta, grad, first, step)
        elif rule == ADAGRAD:
            descend_adagrad(touched, count, lazy, theta, grad, second, step)
        elif rule == ADAM:
            descend_adam(count, theta, grad, first, second, step)
        else:
            descend_saga(touched, count, lazy, theta, grad, first, presence, rarity, step, plan)
        if plan[RIDGE] != 0:
            penalise(plan, touched, count, lazy, theta, second, presence, rarity, step)
        finish(touched, count, lazy, theta, grad, average, last, step)
        for q in range(count if lazy and rule == SAGA else 0):
            presence[touched[q]] = 0.0
        return 0

    return address_of(UPDATE_SIGNATURE, update)


@inner()
def settle_direct(free, theta, average, step):
    """Bring parameters and average out of the form ``sparse.move`` keeps them in; the first ``free`` are not scaled."""
    for j in range(theta.size):
        if step[AVERAGING] != 0.0:
            average[j] += (step[NOW] if j < free else step[SHRUNK_SUM]) * theta[j]
        theta[j] *= theta.dtype.type(1.0 if j < free else step[SHRUNK])
    step[SHRUNK], step[SHRUNK_SUM] = 1.0, 0.0


@cache
def _settle(name):
    real, digest = getattr(np, name), fingerprint(layout, memory, penalty)

    def settle(loop, count, step_address):
        digest  # noqa: B018, the disk cache sees changes of this file alone
        plan = carray(pointer(loop, np.int64), LOOP)
        step = carray(pointer(step_address, np.float64), STEP)
        size = plan[SIZE]
        theta, second = carray(pointer(plan[THETA], real), size), carray(pointer(plan[SECOND], real), size)
        average = vector(plan, AVERAGE, size)
        if plan[DIRECT] != 0:
            settle_direct(plan[DIRECT] - 1, theta, average, step)
            return 0
        touched = carray(pointer(plan[TOUCHED], np.int64), size)
        last = carray(pointer(plan[LAST], np.int64), size)
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
