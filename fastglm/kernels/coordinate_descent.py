"""Coordinate descent on a quadratic model plus an elastic net within bounds.

Friedman, Hastie and Tibshirani (2010), "Regularization paths for generalized linear models via coordinate descent",
Journal of Statistical Software 33: their covariance updates, in which every gradient is kept.
"""

from __future__ import annotations

from numba import carray

from .compile import inner, jit
from .sgd.memory import pointer


@inner()
def best(want, curvature, lasso, lower, upper):
    """argmin over x of curvature x^2 / 2 - want x + lasso |x| between the bounds."""
    x = 0.0
    if want > lasso:
        x = (want - lasso) / curvature
    elif want < -lasso:
        x = (want + lasso) / curvature
    return min(max(x, lower), upper)


@inner()
def sweep(H, g, beta, lasso, ridge, lower, upper, unit, chosen, count):
    """One step of each of the first ``count`` coordinates ``chosen``; the largest violation that they had, in units."""
    worst = 0.0
    m = len(beta)
    for i in range(count):
        j = chosen[i]
        curvature = H[j, j] + ridge[j]
        if not curvature > 0.0:
            continue
        old = beta[j]
        new = best(g[j] + H[j, j] * old, curvature, lasso[j], lower[j], upper[j])
        move = new - old
        if move != 0.0:
            beta[j] = new
            for k in range(m):
                g[k] -= move * H[j, k]
            worst = max(worst, abs(move) * curvature / unit[j])
    return worst


@inner()
def descend(H, g, beta, lasso, ridge, lower, upper, unit, tol, sweeps, chosen):
    """Minimise beta' H beta / 2 - ... + sum of ridge / 2 b^2 + lasso |b| within bounds, in place.

    Parameters
    ----------
    H : (m, m) array
        Symmetric, positive semidefinite.
    g : (m,) array
        The negative gradient of the quadratic model without the ridge at ``beta``; kept up.
    beta, lasso, ridge, lower, upper, unit : (m,) arrays
    tol : float
        The violation of the optimality conditions, in units, at which it stops.
    sweeps : int
        The most sweeps over the coefficients that are not zero.
    chosen : (m,) int64 array
        Workspace.

    Returns
    -------
    float
        The largest violation met in the last sweep over all coordinates.
    """
    m, left, worst = len(beta), sweeps, 0.0
    while True:
        for j in range(m):
            chosen[j] = j
        worst = sweep(H, g, beta, lasso, ridge, lower, upper, unit, chosen, m)
        if worst <= tol or left <= 0:
            return worst
        count = 0
        for j in range(m):
            if beta[j] != 0.0:
                chosen[count] = j
                count += 1
        while left > 0:
            left -= 1
            if sweep(H, g, beta, lasso, ridge, lower, upper, unit, chosen, count) <= tol:
                break


@jit()
def mixed_block(addresses, weights, m, real, numbers, out):
    """out = the weighted sum of the rows and columns ``numbers`` of some (m, m) matrices: the lower triangle.

    ``addresses`` (k, m) are those of the rows of the matrices, of the number type ``real``.
    """
    for i in range(len(numbers)):
        own = out[i]
        for k in range(len(addresses)):
            row, weight = carray(pointer(addresses[k, numbers[i]], real), m), weights[k]
            if k == 0:
                for j in range(i + 1):
                    own[j] = weight * row[numbers[j]]
            else:
                for j in range(i + 1):
                    own[j] += weight * row[numbers[j]]


@jit()
def mirror(out):
    """The upper triangle of a matrix from the lower one, in place, by blocks that stay in cache."""
    m = len(out)
    for a in range(0, m, 16):
        for b in range(0, a + 1, 16):
            for i in range(a, min(a + 16, m)):
                for j in range(b, min(b + 16, i)):
                    out[j, i] = out[i, j]
