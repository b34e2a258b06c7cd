"""Block coordinate descent on a quadratic model plus norms of groups and absolute values.

Yang and Zou (2015), "A fast unified algorithm for solving group-lasso penalized learning problems", Statistics and
Computing 25: a group's quadratic is majorised by the largest eigenvalue of its block, for which the step is closed.
"""

from __future__ import annotations

from math import sqrt

from .compile import inner, jit


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
