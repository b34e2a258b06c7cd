"""The minimum of a quadratic model plus norms of groups and absolute values: block descent, and steps along faces.

Yang and Zou (2015), "A fast unified algorithm for solving group-lasso penalized learning problems", Statistics and
Computing 25: a group's quadratic is majorised by the largest eigenvalue of its block, for which the step is closed.
"""

from __future__ import annotations

from math import sqrt

import numpy as np

from .compile import at, inner, jit, lapack
from .elastic_model import LETTER, residual

SWEEPS, MOST_SWEEPS = 20, 20_000  # of block descent before Newton along the face, and in all; chosen
MOST_ROUNDS = 60  # of sweeps and steps along a face; chosen: problems of the tests take ten
HALVINGS = 12  # of a step along a face that does not lower the model

dpotrf, dpotrs = lapack("dpotrf", 5), lapack("dpotrs", 8)


@inner()
def block_step(H, g, b, lasso, norm, curvature, members, first, stop, new):
    """Move the coefficients of one group to the minimum of its majorised model; the length of its gradient's change."""
    square = 0.0
    for i in range(first, stop):
        j = members[i]
        want = g[j] + curvature * b[j]
        size = abs(want) - lasso[j]
        size = size if size > 0.0 else 0.0
        new[j] = size if want > 0.0 else -size
        square += size * size
    length = sqrt(square)
    kept = (1.0 - norm / length) / curvature if length > norm else 0.0
    moved = 0.0
    for i in range(first, stop):
        j = members[i]
        move = kept * new[j] - b[j]
        if move != 0.0:
            b[j] = kept * new[j]
            moved += move * move
            for k in range(len(b)):
                g[k] -= move * H[j, k]
    return curvature * sqrt(moved)


@jit()
def descend_groups(H, g, b, lasso, norms, curvature, members, starts, tol, sweeps, new, open_groups):
    """Minimise b' H b / 2 - ... + sum of lasso |b| + sum of norms |b_g|, in place.

    Parameters
    ----------
    H : (m, m) array
        Symmetric, positive semidefinite.
    g : (m,) array
        The negative gradient of the quadratic at ``b``; kept up.
    b, lasso : (m,) arrays
    norms, curvature : (G,) arrays
        What the norm of each group is multiplied by, and no less than the largest eigenvalue of its block.
    members, starts : (m,) and (G + 1,) int64 arrays
        Coefficients in the order of their groups, and where each group begins.
    tol : float
        The violation of the optimality conditions at which it stops.
    sweeps : int
        The most sweeps over the groups that are not zero.
    new, open_groups : (m,) array and (G,) int64 array
        Workspace.

    Returns
    -------
    float
        The largest violation met in the last sweep over all groups.
    """
    left = sweeps
    while True:
        worst, count = 0.0, 0
        for k in range(len(norms)):
            moved = block_step(H, g, b, lasso, norms[k], curvature[k], members, starts[k], starts[k + 1], new)
            worst = max(worst, moved)
            for i in range(starts[k], starts[k + 1]):
                if b[members[i]] != 0.0:
                    open_groups[count] = k
                    count += 1
                    break
        if worst <= tol or left <= 0:
            return worst
        while left > 0:
            left -= 1
            inside = 0.0
            for i in range(count):
                k = open_groups[i]
                moved = block_step(H, g, b, lasso, norms[k], curvature[k], members, starts[k], starts[k + 1], new)
                inside = max(inside, moved)
            if inside <= tol:
                break


@inner()
def violation_of(z, g, lasso, norm, first, stop):
    """The length of a group's smallest subgradient; ``g`` is the negative gradient of the quadratic."""
    square = 0.0
    for j in range(first, stop):
        square += z[j] * z[j]
    length, left = sqrt(square), 0.0
    for j in range(first, stop):
        pull = g[j] - (norm * z[j] / length if length > 0.0 else 0.0)
        if z[j] != 0.0:
            rest = pull - (lasso[j] if z[j] > 0.0 else -lasso[j])
        else:
            rest = max(abs(pull) - lasso[j], 0.0)
        left += rest * rest
    left = sqrt(left)
    return max(left - norm, 0.0) if length == 0.0 else left


@inner()
def look(S, start, g0, z, g, lasso, norms, starts):
    """Sum the gradient at z anew; the largest violation of a group."""
    residual(S, start, g0, z, g)
    worst = 0.0
    for k in range(len(norms)):
        worst = max(worst, violation_of(z, g, lasso, norms[k], starts[k], starts[k + 1]))
    return worst


@inner()
def bent(S, z, g, lasso, norms, starts, face, A, pull):
    """The second derivatives and the negative gradient over the coefficients that are not zero, or have no penalty, in
    ``A`` and ``pull``; their numbers in ``face`` and how many they are."""
    count = 0
    for k in range(len(norms)):
        square, before = 0.0, count
        for j in range(starts[k], starts[k + 1]):
            square += z[j] * z[j]
        length = sqrt(square)
        for j in range(starts[k], starts[k + 1]):
            if z[j] != 0.0 or lasso[j] + norms[k] == 0.0:
                face[count] = j
                slope = lasso[j] if z[j] > 0.0 else -lasso[j] if z[j] < 0.0 else 0.0
                pull[count] = g[j] - slope - (norms[k] * z[j] / length if length > 0.0 else 0.0)
                count += 1
        for a in range(before, count):
            i = face[a]
            for b in range(a + 1):
                A[a, b] = S[i, face[b]]
                if b >= before and length > 0.0:
                    bend = (1.0 if a == b else 0.0) - z[i] * z[face[b]] / square
                    A[a, b] += norms[k] / length * bend
    return count


@inner()
def value(z, lasso, norms, starts):
    """The absolute values and the norms of groups."""
    total = 0.0
    for k in range(len(norms)):
        square = 0.0
        for j in range(starts[k], starts[k + 1]):
            square += z[j] * z[j]
            total += lasso[j] * abs(z[j])
        total += norms[k] * sqrt(square)
    return total


@inner()
def along_groups(S, z, g, lasso, norms, starts, face, trial):
    """Newton's step of the coefficients that are not zero, as far as signs hold and the model falls, in place; whether
    there was one."""
    m = len(z)
    A, step = np.empty((m, m)), np.empty(m)
    count = bent(S, z, g, lasso, norms, starts, face, A, step)
    if count == 0:
        return False
    dims = np.empty(4, np.int32)
    dims[0], dims[1], dims[2], dims[3] = count, m, 1, 0
    d, letter = at(dims), at(LETTER)
    dpotrf(letter, d, at(A), d + 4, d + 12)
    if dims[3] != 0:
        return False
    dpotrs(letter, d, d + 8, at(A), d + 4, at(step), d, d + 12)
    slope = curved = 0.0
    t = 1.0
    for a in range(count):
        i = face[a]
        slope += g[i] * step[a]
        for b in range(count):
            curved += step[a] * S[i, face[b]] * step[b]
        if lasso[i] > 0.0 and z[i] * (z[i] + step[a]) < 0.0:
            t = min(t, -z[i] / step[a])
    before = value(z, lasso, norms, starts)
    for _ in range(HALVINGS):
        for j in range(m):
            trial[j] = z[j]
        for a in range(count):
            i = face[a]
            stops = lasso[i] > 0.0 and z[i] * (z[i] + step[a]) < 0.0 and -z[i] / step[a] <= t
            trial[i] = 0.0 if stops else z[i] + t * step[a]
        if t * slope - 0.5 * t * t * curved + before - value(trial, lasso, norms, starts) > 0.0:
            for j in range(m):
                z[j] = trial[j]
            return True
        t *= 0.5
    return False


@jit()
def minimise_groups(S, start, g0, z, lasso, norms, curvature, starts, tol):
    """Minimise z' S z / 2 - ... + sum of lasso |z| + sum of norms |z_g|, in place: rounds of block descent, and of
    Newton steps along the face of the coefficients that are not zero.

    Parameters
    ----------
    S : (m, m) array
        Symmetric, positive semidefinite.
    start, g0 : (m,) arrays
        Some coefficients, and the negative gradient of the quadratic there.
    z, lasso : (m,) arrays
        The coefficients of a group stand beside each other.
    norms, curvature : (G,) arrays
        What the norm of each group is multiplied by, and no less than the largest eigenvalue of its block.
    starts : (G + 1,) int64 array
        Where each group begins.
    tol : float
        The violation of the optimality conditions at which it stops.
    """
    m = len(z)
    g, work, members = np.empty(m), np.empty(m), np.empty(m, np.int64)
    some, face, before, sweeps = np.empty(len(norms), np.int64), np.empty(m, np.int64), np.inf, SWEEPS
    for j in range(m):
        members[j] = j
    worst = look(S, start, g0, z, g, lasso, norms, starts)
    for _ in range(MOST_ROUNDS):
        if worst <= tol:
            return
        descend_groups(S, g, z, lasso, norms, curvature, members, starts, tol, sweeps, work, some)
        worst = look(S, start, g0, z, g, lasso, norms, starts)
        while worst > tol and along_groups(S, z, g, lasso, norms, starts, face, work):
            last, worst = worst, look(S, start, g0, z, g, lasso, norms, starts)
            if worst > 0.5 * last:
                break
        if worst >= 0.5 * before and sweeps > 1000:
            return  # rounding leaves no more
        before, sweeps = worst, min(2 * sweeps, MOST_SWEEPS)
