"""The row loop at many coefficients for the rows of a block."""

from __future__ import annotations

from .compile import at, call_rows, jit
from .passes import pearson, total


@jit()
def many_rows(loop, par, eta, shift, offset, y, w, of, fits, r, work, sums, complete):
    """Scores of n rows at R linear predictors each.

    Parameters
    ----------
    loop : int
        Address of a row loop.
    par : (4,) array
        Parameters of family and link.
    eta : (R, n) array
        X beta; overwritten.
    shift, offset : (R,) and (n,) arrays
        What is added to it: intercepts and offsets.
    y, w : (n,) arrays
    of : (n,) array of ints
        The part of each row.
    fits : (R, B) bool array
        Whether the rows of a part count.
    r : (R, n) array
        Overwritten.
    work : (3, n or more) array
        Overwritten.
    sums : (R, .) array
        To whose last two columns deviances and Pearson's chi-squares are added if ``complete``.
    """
    n, last = eta.shape[1], sums.shape[1] - 1
    counts, h, d = work[0], work[1], work[2]
    for k in range(eta.shape[0]):
        x = eta[k]
        for i in range(n):
            x[i] += shift[k] + offset[i]
        for i in range(n):
            counts[i] = w[i] if fits[k, of[i]] else 0.0
        call_rows(loop, n, at(par), at(x), at(y), at(counts), at(r[k]), at(h), at(d))
        if complete:
            sums[k, last - 1] += total(d, n)
            sums[k, last] += pearson(r[k], h, n)
