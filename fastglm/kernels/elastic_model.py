"""The minimum of a quadratic model plus an elastic net within bounds: coordinate descent, and steps along faces.

Where coordinate descent is slow, because columns are alike, the coefficients that are not zero take a Newton step
together: up to the first that reaches zero or a bound. One call serves a penalty, or a whole path of them.
"""

from __future__ import annotations

import numpy as np

from .compile import at, inner, jit, lapack
from .coordinate_descent import descend

SWEEPS, MOST_SWEEPS = 20, 20_000  # of coordinate descent before Newton along the face, and in all; chosen
PRICE = 8  # coefficients, of as many more as a factorisation is worth one more sweep; measured
MOST_ROUNDS = 60  # of sweeps and steps along a face; chosen: problems of the tests take ten
SAFE_PIVOT = 1e-11  # of a scaled matrix, below which its columns count as dependent
LETTER = np.frombuffer(b"U", dtype=np.uint8).copy()  # of the triangle that LAPACK reads: both are filled

dpotrf, dpotrs = lapack("dpotrf", 5), lapack("dpotrs", 8)


@inner()
def residual(S, start, g0, b, g):
    """g = g0 - S (b - start)."""
    for j in range(len(b)):
        g[j] = g0[j]
    for j in range(len(b)):
        step = b[j] - start[j]
        if step != 0.0:
            row = S[j]
            for k in range(len(b)):
                g[k] -= step * row[k]


@inner()
def rounding(S, start, g0, b, unit):
    """A violation, in units, that rounding of the gradient may leave."""
    worst = 0.0
    for j in range(len(b)):
        size, row = abs(g0[j]), S[j]
        for k in range(len(b)):
            size += abs(row[k] * (b[k] - start[k]))
        worst = max(worst, size / unit[j])
    return np.finfo(np.float64).eps * worst


@inner()
def violation(b, g, lasso, ridge, lower, upper, unit):
    """The largest violation of the optimality conditions, in units."""
    worst = 0.0
    for j in range(len(b)):
        score = g[j] - ridge[j] * b[j]
        up = score - (lasso[j] if b[j] >= 0.0 else -lasso[j]) if b[j] < upper[j] else 0.0
        down = score - (lasso[j] if b[j] > 0.0 else -lasso[j]) if b[j] > lower[j] else 0.0
        worst = max(worst, max(up, -down) / unit[j])
    return worst


@inner()
def along_face(S, b, g, lasso, ridge, lower, upper, face):
    """Newton's step of the coefficients that are not zero, in place; whether there was one."""
    count = 0
    for j in range(len(b)):
        if lower[j] < b[j] < upper[j] and (b[j] != 0.0 or lasso[j] == 0.0):
            face[count] = j
            count += 1
    if count == 0:
        return False
    A, size, step = np.empty((count, count)), np.empty(count), np.empty(count)
    for i in range(count):
        j = face[i]
        diagonal = S[j, j] + ridge[j]
        size[i] = 1.0 / np.sqrt(max(diagonal, np.finfo(np.float64).tiny))
        slope = lasso[j] if b[j] > 0.0 else -lasso[j] if b[j] < 0.0 else 0.0
        step[i] = size[i] * (g[j] - ridge[j] * b[j] - slope)
        row, own = S[j], A[i]
        for k in range(i):
            own[k] = row[face[k]] * size[i] * size[k]
        own[i] = diagonal * size[i] * size[i]
    dims = np.empty(3, np.int32)
    dims[0], dims[1], dims[2] = count, 1, 0
    d, letter = at(dims), at(LETTER)
    dpotrf(letter, d, at(A), d, d + 8)
    least = 1.0
    for i in range(count):
        least = min(least, A[i, i] * A[i, i])
    if dims[2] != 0 or not least > SAFE_PIVOT:
        return False
    dpotrs(letter, d, d + 4, at(A), d, at(step), d, d + 8)
    reach = 1.0
    for i in range(count):
        j = face[i]
        step[i] *= size[i]
        reach = min(reach, _farthest(b[j], step[i], lasso[j], lower[j], upper[j]))
    for i in range(count):
        j, move = face[i], step[i]
        end = b[j] + reach * move
        if _farthest(b[j], move, lasso[j], lower[j], upper[j]) <= reach:
            crosses = lasso[j] > 0.0 and b[j] * (b[j] + move) < 0.0 and -b[j] / move <= reach
            end = 0.0 if crosses else upper[j] if move > 0.0 else lower[j]
        b[j] = end
    return True


@inner()
def _farthest(x, step, lasso, lower, upper):
    """The share of a step at which a coefficient reaches zero, where it has a lasso, or a bound."""
    if step == 0.0:
        return np.inf
    share = (upper - x if step > 0.0 else lower - x) / step
    return min(share, -x / step) if lasso > 0.0 and x * (x + step) < 0.0 else share


@inner()
def descended(S, start, g0, b, g, lasso, ridge, lower, upper, unit, tol, chosen):
    """Rounds of coordinate descent, each followed by a step along the face; the violation that is left."""
    sweeps, before = max(SWEEPS, len(b) // PRICE), np.inf
    residual(S, start, g0, b, g)
    worst = violation(b, g, lasso, ridge, lower, upper, unit)
    if worst <= tol:
        return worst
    for _ in range(MOST_ROUNDS):
        descend(S, g, b, lasso, ridge, lower, upper, unit, tol, sweeps, chosen)
        residual(S, start, g0, b, g)
        worst = violation(b, g, lasso, ridge, lower, upper, unit)
        if worst <= tol:
            break
        if along_face(S, b, g, lasso, ridge, lower, upper, chosen):
            residual(S, start, g0, b, g)
            worst = violation(b, g, lasso, ridge, lower, upper, unit)
            if worst <= tol:
                break
        if worst >= 0.5 * before and (sweeps > 1000 or worst <= rounding(S, start, g0, b, unit)):
            break  # rounding leaves no more
        before, sweeps = worst, min(2 * sweeps, MOST_SWEEPS)
    return worst


@jit()
def minimise(S, start, g0, lasso, ridge, lower, upper, unit, sizes, tol, out, left):
    """The minima of b' S b / 2 - ... + sum of ridge / 2 b^2 + lasso |b| within bounds, of one penalty times L sizes.

    Parameters
    ----------
    S : (m, m) array
        Symmetric, positive semidefinite.
    start, g0 : (m,) arrays
        Coefficients within the bounds, and the negative gradient of the quadratic there.
    lasso, ridge, lower, upper, unit : (m,) arrays
    sizes : (L,) array
        What lasso, ridge and unit are multiplied by, each descent beginning where the one before ended.
    tol : float
        The violation of the optimality conditions, in units, at which a descent stops.
    out, left : (L, m) and (L,) arrays
        Receive the minima, and their violations.
    """
    m = len(start)
    b, g, chosen = start.copy(), np.empty(m), np.empty(m, np.int64)
    l1, l2, scale = np.empty(m), np.empty(m), np.empty(m)
    for i in range(len(sizes)):
        for j in range(m):
            l1[j], l2[j], scale[j] = sizes[i] * lasso[j], sizes[i] * ridge[j], sizes[i] * unit[j]
        left[i] = descended(S, start, g0, b, g, l1, l2, lower, upper, scale, tol, chosen)
        for j in range(m):
            out[i, j] = b[j]
