"""The row loop of softmax regression with a parameter for every class: none is the reference."""

from __future__ import annotations

from functools import cache

from numba import carray

from ..compile import address_of
from ..elementary import exp, log
from ..row_loops import ROWS


@cache
def _compiled():
    def softmax_rows(n, par, eta, y, w, r, h, d):
        k = int(carray(par, 1)[0])
        etas, ys, ws = carray(eta, n * k), carray(y, n), carray(w, n)
        rs, hs, ds = carray(r, n * k), carray(h, n), carray(d, n)
        for i in range(n):
            low = i * k
            top = etas[low]
            for c in range(1, k):
                top = max(top, etas[low + c])
            all_ = 0.0
            for c in range(k):
                rs[low + c] = exp(etas[low + c] - top)
                all_ += rs[low + c]
            seen = int(ys[i])
            counts = ws[i] > 0.0
            scale = ws[i] / all_ if counts else 0.0
            for c in range(k):
                rs[low + c] = -scale * rs[low + c] if counts else 0.0
            rs[low + seen] += ws[i] if counts else 0.0
            hs[i] = 0.5 * ws[i]
            ds[i] = 2.0 * ws[i] * ((top - etas[low + seen]) + log(all_)) if counts else 0.0
        return 0

    return address_of(ROWS, softmax_rows)


def softmax_rows() -> int:
    """Address of (n, par, eta, y, w, r, h, d): a loop as in ``row_loops`` for par[0] = K classes.

    eta and r are (n, K), row by row; y holds the classes' numbers 0 ... K-1; h is w/2, which bounds the largest
    eigenvalue of a row's information w (diag(mu) - mu mu') (Boehning 1992).
    """
    return _compiled().address
