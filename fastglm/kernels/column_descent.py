"""Coordinate descent on a quadratic model of half the deviance, by the columns of the rows themselves.

Friedman, Hastie and Tibshirani (2010), "Regularization paths for generalized linear models via coordinate descent",
Journal of Statistical Software 33: their naive updates, in which the residuals of the rows are kept, so that a step
costs no more than its column has entries. Columns are dense, the rows of one array, or those of a CSC matrix.
"""

from __future__ import annotations

from .compile import inner, jit
from .coordinate_descent import best


@inner(fastmath={"reassoc", "nsz", "contract"})
def column_dot(dense, indptr, indices, values, j, u):
    """The product of a column with u."""
    s = 0.0
    if len(dense):
        column = dense[j]
        for i in range(len(u)):
            s += column[i] * u[i]
    else:
        rows, x = indices[indptr[j] : indptr[j + 1]], values[indptr[j] : indptr[j + 1]]
        for k in range(len(rows)):
            s += x[k] * u[rows[k]]
    return s


@inner(fastmath={"reassoc", "nsz", "contract"})
def add_column(dense, indptr, indices, values, j, size, weights, u):
    """u += size times the column times the weights."""
    if len(dense):
        column = dense[j]
        for i in range(len(u)):
            u[i] += size * column[i] * weights[i]
    else:
        rows, x = indices[indptr[j] : indptr[j + 1]], values[indptr[j] : indptr[j + 1]]
        for k in range(len(rows)):
            u[rows[k]] += size * x[k] * weights[rows[k]]


@jit(fastmath={"reassoc", "nsz", "contract"})
def squares(dense, indptr, indices, values, numbers, h, out):
    """out = the weighted sums of squares of the columns ``numbers``."""
    for k in range(len(numbers)):
        j, s = numbers[k], 0.0
        if len(dense):
            column = dense[j]
            for i in range(len(h)):
                s += column[i] * column[i] * h[i]
        else:
            rows, x = indices[indptr[j] : indptr[j + 1]], values[indptr[j] : indptr[j + 1]]
            for e in range(len(rows)):
                s += x[e] * x[e] * h[rows[e]]
        out[k] = s


@jit()
def dots(dense, indptr, indices, values, numbers, u, out):
    """out = the products of the columns ``numbers`` with u."""
    for k in range(len(numbers)):
        out[k] = column_dot(dense, indptr, indices, values, numbers[k], u)


@jit()
def add_columns(dense, indptr, indices, values, numbers, sizes, ones, u):
    """u += the columns ``numbers`` times their sizes; ``ones`` (n,) are ones."""
    for k in range(len(numbers)):
        if sizes[k] != 0.0:
            add_column(dense, indptr, indices, values, numbers[k], sizes[k], ones, u)


@inner()
def shift(u, h, total):
    """The best move of the intercept, made: u -= move times h."""
    s = 0.0
    for i in range(len(u)):
        s += u[i]
    move = s / total
    for i in range(len(u)):
        u[i] -= move * h[i]
    return move


@jit()
def descend_columns(
    dense, indptr, indices, values, numbers, u, h, total, curvature, beta, lasso, ridge, lower, upper, unit, tol,
    sweeps, chosen,
):  # fmt: skip
    """Minimise a quadratic model plus the sum of ridge / 2 b^2 + lasso |b| within bounds, in place.

    Parameters
    ----------
    dense : (columns, n) array, or (0, n) where ``indptr``, ``indices`` and ``values`` are those of a CSC matrix
    numbers : (k,) int64 array
        The columns that move.
    u : (n,) array
        The scores of the rows under the model; kept up.
    h : (n,) array
        Their information.
    total : float
        The sum of h, where there is an intercept; else zero.
    curvature, beta, lasso, ridge, lower, upper, unit : (k,) arrays
    tol : float
        The violation of the optimality conditions, in units, at which it stops.
    sweeps : int
        The most sweeps.
    chosen : (k,) int64 array
        Workspace.

    Returns
    -------
    float
        The move of the intercept.
    """
    left, moved, every = sweeps, 0.0, True
    count = len(numbers)
    for k in range(count):
        chosen[k] = k
    while True:
        worst = 0.0
        if total > 0.0:
            moved += shift(u, h, total)
        for place in range(count):
            k = chosen[place]
            bend = curvature[k] + ridge[k]
            if not bend > 0.0:
                continue
            old = beta[k]
            want = column_dot(dense, indptr, indices, values, numbers[k], u) + curvature[k] * old
            new = best(want, bend, lasso[k], lower[k], upper[k])
            if new != old:
                beta[k] = new
                add_column(dense, indptr, indices, values, numbers[k], old - new, h, u)
                worst = max(worst, abs(new - old) * bend / unit[k])
        left -= 1
        if left <= 0 or (every and worst <= tol):
            return moved
        if worst <= tol or every:
            # all columns are looked at again when those that are not zero are at rest
            every = not every
            count = 0
            for k in range(len(numbers)):
                if every or beta[k] != 0.0:
                    chosen[count] = k
                    count += 1
