"""The gradient of a batch of a linear model: one skeleton for every number type and storage, compiled on demand."""

from __future__ import annotations

from functools import cache

import numpy as np
from numba import carray, types

from ..compile import address_of, fingerprint
from ..load import KINDS
from . import dense, layout, linear, memory, penalty, rules
from . import sparse as sparse_rows
from .dense import add_gradient, add_predictor, find_rows
from .linear import evaluate, next_rows, read_rows, remember, to_natural, to_standardised
from .memory import ask, pointer, vector
from .sparse import add_sparse_gradient, add_sparse_predictor, move, touch

GRADIENT_SIGNATURE = types.int64(*([types.int64] * 7))


@cache
def _gradient(real_name, stored_name, index_name):
    digest = fingerprint(dense, layout, linear, memory, penalty, rules, sparse_rows)
    real, stored = getattr(np, real_name), getattr(np, stored_name)
    sparse = index_name is not None
    index = getattr(np, index_name) if sparse else np.int64

    def gradient(model, rows, first, n, theta, grad, step_address):
        digest  # noqa: B018, the disk cache sees changes of this file alone
        plan = carray(pointer(model, np.int64), layout.LINEAR)
        step = carray(pointer(step_address, np.float64), layout.STEP)
        loop = carray(pointer(plan[layout.LOOP_PLAN], np.int64), layout.LOOP)
        k, block = plan[layout.CLASSES], plan[layout.BLOCK]
        size = (plan[layout.P] + plan[layout.ONES]) * k
        coef, g = carray(pointer(theta, real), size), carray(pointer(grad, real), size)
        centred = plan[layout.NATURAL] != 0
        if centred:
            natural = carray(pointer(plan[layout.NATURAL], real), size)
            to_natural(plan, coef, natural)
            coef = natural
        direct = loop[layout.DIRECT] != 0 and grad != 0
        lazy = loop[layout.LAZY] != 0 and grad != 0
        scale = real(step[layout.SHRUNK]) if direct else real(1)
        count = 0 if lazy else -1
        if grad != 0 and not lazy:
            for j in range(size):
                g[j] = 0
        eta, r = vector(plan, layout.V_ETA, block * k), vector(plan, layout.V_R, block * k)
        loss = 0.0
        for b0 in range(0, n, block):
            m = min(block, n - b0)
            queue, start = next_rows(rows, first + b0, m, b0 + m == n, step)
            read_rows(plan, rows, first + b0, m)
            if sparse:
                if lazy and not direct:
                    count = touch(plan, m, index, real, step, count)
                add_sparse_predictor(plan, queue, start, m, stored, index, scale, coef, eta)
            else:
                find_rows(plan, m)
                add_predictor(plan, queue, start, m, stored, coef, eta)
            loss += evaluate(plan, m)
            if grad == 0:
                continue
            if plan[layout.TABLE] != 0:
                remember(plan, m)
            if sparse and direct:
                move(plan, queue, start, m, stored, index, r, coef, vector(loop, layout.AVERAGE, size), step)
            elif sparse:
                add_sparse_gradient(plan, queue, start, m, stored, index, r, g)
            else:
                add_gradient(plan, queue, start, m, stored, r, g)
        step[layout.LOSS] = loss
        if grad != 0 and centred:
            to_standardised(plan, g)
        if grad != 0 and plan[layout.IMPLICIT] != 0:
            ask(plan[layout.IMPLICIT], (model, count, n, grad, step_address))
        return count

    return address_of(GRADIENT_SIGNATURE, gradient)


def gradient_address(real, stored, index=None) -> int:
    """Address of the gradient for parameters ``real``, X of ``stored`` numbers, and CSR with ``index`` numbers."""
    name = None if index is None else np.dtype(index).name
    return _gradient(np.dtype(real).name, KINDS[np.dtype(stored)], name).address
