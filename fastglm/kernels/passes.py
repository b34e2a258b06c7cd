"""The block pass: over runs of rows, eta = X b + offset, the row loop, the score X'r, the curvature X' diag(h) X.

One compiled function serves every family, link, storage order and number type: rows are reached through addresses
and strides, the row loop and the loaders through their addresses. It works block by block in a workspace that the
caller preallocates, so a block of X is read from memory once and everything else happens in cache.
"""

from __future__ import annotations

from functools import cache
from math import sqrt

import numpy as np
from numba import carray, types

from . import layout
from .atomic import let_others_run, look_at, take_next, tell
from .compile import address_of, at, blas, call, call_rows, doubles, inner, jit
from .elementary import bits, from_bits, log
from .gram import PAD
from .load import strides
from .newton_steps import ANOTHER
from .rows import add_products, add_weighted_sum

dgemv = blas("dgemv", 11)

WITHOUT_SIGN = 0x7FFFFFFFFFFFFFFF  # the bits of a double's absolute value
DONE = 1  # where ``taken`` counts the units that are done
NO_MORE = 1 << 40  # units taken: there is no other pass
LOOKS = 64  # at a number that another thread will change, between which that one is let run
_NUMBERS = np.array([1.0])
_LETTERS = np.frombuffer(b"TN", dtype=np.uint8).copy()


def workspace(p: int, block: int) -> np.ndarray:
    """Doubles for one thread's pass: the vectors, the block and its scaled copy with up to four padding columns."""
    return np.empty(block * (layout.VECTORS + 2 * p + 4) + PAD * (p + 4))


@inner(fastmath={"reassoc", "nsz", "contract"})
def total(x, n):
    """The sum of x[:n]; free to reassociate, yet NaN and infinity propagate."""
    s = 0.0
    for i in range(n):
        s += x[i]
    return s


@inner(fastmath={"reassoc", "nsz", "contract"})
def pearson(r, h, n):
    """The sum of w (y-mu)^2 / V = r^2 / h over rows with information."""
    s = 0.0
    for i in range(n):
        s += r[i] * r[i] / h[i] if h[i] > 0.0 else 0.0
    return s


@inner()
def largest(x, n):
    """The largest |x| of x[:n]; what it does with NaN does not matter."""
    top = np.int64(0)
    for i in range(n):  # positive doubles are ordered as their bits, whose maximum LLVM vectorises
        v = bits(x[i]) & WITHOUT_SIGN
        top = v if v > top else top
    return from_bits(top)


@inner()
def fill_absent(plan, into):
    """Give the vectors that the plan has not got their neutral values, once for all blocks of a call."""
    for k in range(5):
        if plan[layout.Y + 3 * k] == 0:
            for i in range(into.shape[1]):
                into[k, i] = 1.0 if k != layout.V_SHIFT else 0.0


@inner()
def read_vectors(plan, first, n, into):
    """n rows of response, prior weight, frequency, offset and exposure from row ``first`` on, one a row of ``into``."""
    for k in range(5):
        field = layout.Y + 3 * k
        address, stride, load = plan[field], plan[field + 1], plan[field + 2]
        out = into[k]
        if address == 0:
            continue
        if load == 0:
            source = carray(doubles(address + first * 8), n)
            for i in range(n):
                out[i] = source[i]
        else:
            call(load, (address + first * stride, stride, 0, n, 1, at(out)))


@cache
def combine() -> int:
    """Address of the loop that multiplies weights by frequencies and adds log exposure to the offset.

    Its arguments are integers: (n, rows, block, and whether there are weights, frequencies, offsets, exposures). Rows
    that hold neutral values are written, not updated: they last for all blocks of a call.
    """

    def loop(n, rows, block, weighted, repeated, shifted, exposed):
        into = carray(doubles(rows), (layout.VECTORS, block))
        if repeated:
            for i in range(n):
                into[layout.V_W, i] = into[layout.V_F, i] * (into[layout.V_W, i] if weighted else 1.0)
        if exposed:
            # two plain loops: one with the choice in it would not vectorise
            exposure, shift, before = into[layout.V_EXPOSURE], into[layout.V_SHIFT], into[layout.V_LOW]
            for i in range(n):
                before[i] = shift[i] if shifted else 0.0
            for i in range(n):
                shift[i] = log(exposure[i]) + before[i]
        return 0

    return address_of(types.int64(*[types.int64] * 7), loop).address


@inner()
def gemv(transposed, lda, n, p, a, x, y, dims):
    """y += A x, or A' x, for the matrix of p columns of n numbers at ``a``."""
    dims[0], dims[1], dims[2], dims[3] = n, p, lda, 1
    d = at(dims)
    letter = at(_LETTERS) + (0 if transposed else 1)
    one = at(_NUMBERS)
    dgemv(letter, d, d + 4, one, a, d + 8, x, d + 12, one, y, d + 12)


@inner()
def linear_predictor(storage, a, lda, n, p, ones, beta, eta, dims):
    """eta += X beta, the intercept first where there is one."""
    if ones:
        for i in range(n):
            eta[i] += beta[0]
    b = at(beta) + 8 * ones
    if storage == layout.F_ORDER:
        if p > 0:
            gemv(False, lda, n, p, a, b, at(eta), dims)
    else:
        add_products(a, lda, n, p, b, at(eta))


@inner()
def add_score(storage, a, lda, n, p, ones, r, score, dims):
    """score += X' r."""
    if ones:
        score[0] += total(r, n)
    s = at(score) + 8 * ones
    if storage == layout.F_ORDER:
        if p > 0:
            gemv(True, lda, n, p, a, at(r), s, dims)
    else:
        add_weighted_sum(a, lda, n, p, at(r), s)


@inner()
def predict_terms(plan, first, n, beta, eta):
    """eta += the terms' columns times their coefficients, which follow those of dense columns."""
    if plan[layout.TERMS] != 0:
        b = at(beta) + 8 * (plan[layout.P] + plan[layout.ONES])
        call(plan[layout.T_PREDICT], (plan[layout.TERMS], plan[layout.N_TERMS], first, n, b, at(eta)))


@inner()
def scatter_terms(plan, first, n, r, score):
    """score += the terms' columns transposed times r."""
    if plan[layout.TERMS] != 0:
        s = at(score) + 8 * (plan[layout.P] + plan[layout.ONES])
        call(plan[layout.T_SCATTER], (plan[layout.TERMS], plan[layout.N_TERMS], first, n, at(r), s))


@inner()
def square_terms(plan, first, n, h, out):
    """out += the diagonal of the terms' columns' information."""
    if plan[layout.TERMS] != 0:
        s = at(out) + 8 * (plan[layout.P] + plan[layout.ONES])
        call(plan[layout.T_SQUARES], (plan[layout.TERMS], plan[layout.N_TERMS], first, n, at(h), s))


@inner()
def curve_terms(plan, first, n, a, h, extra):
    """Add the products of the terms' columns, with each other and with dense ones, to ``extra``."""
    if plan[layout.TERMS] != 0:
        call(plan[layout.T_CURVATURE], (at(plan), first, n, a, at(h), at(extra)))


@inner()
def open_block(plan, first, n, rows, loaded):
    """Read n rows' vectors from row ``first`` on into ``rows``; the address of their X, converted where it must be."""
    a = plan[layout.X] + first * plan[layout.ROW_STRIDE]
    if plan[layout.STORAGE] == layout.LOADED and plan[layout.P] > 0:
        call(plan[layout.LOAD], (a, plan[layout.ROW_STRIDE], plan[layout.COL_STRIDE], n, plan[layout.P], loaded))
        a = loaded
    read_vectors(plan, first, n, rows)
    if plan[layout.COMBINE] != 0:
        call(plan[layout.COMBINE], (n, at(rows), rows.shape[1], plan[layout.W], plan[layout.F], plan[layout.OFFSET],
             plan[layout.EXPOSURE]))  # fmt: skip
    return a


@inner()
def roots(plan, n, rows, r, h, root):
    """What each row is multiplied by in a curvature: sqrt(h), or |r| where outer products of scores are summed.

    A row repeated f times has f scores of r / f.
    """
    if plan[layout.MEAT]:
        for i in range(n):
            root[i] = abs(r[i]) / (sqrt(rows[layout.V_F, i]) if plan[layout.F] != 0 else 1.0) if r[i] != 0.0 else 0.0
    else:  # a loop of its own, which vectorises
        for i in range(n):
            root[i] = sqrt(h[i])


@jit(inline="always")  # else LLVM works on it twice
def _unit_pass(plan, par, beta, direction, scale, runs, order, first_eta, work, score, score_low, info, extra, sums):
    """The pass over one unit's ``runs``; parameters as for ``block_pass``, sums without the first axis."""
    p, ones, storage, block = plan[layout.P], plan[layout.ONES], plan[layout.STORAGE], plan[layout.BLOCK]
    si, sj, lda = strides(plan)
    rows = carray(doubles(at(work)), (layout.VECTORS, block))
    y, w, shift = rows[layout.V_Y], rows[layout.V_W], rows[layout.V_SHIFT]
    eta, low = rows[layout.V_ETA], rows[layout.V_LOW]
    r, h, d, root = rows[layout.V_R], rows[layout.V_H], rows[layout.V_D], rows[layout.V_ROOT]
    loaded = at(work) + 8 * layout.VECTORS * block
    buffer = loaded + 8 * p * block
    dims = np.empty(4, np.int32)
    for k in range(runs.shape[0]):
        for b0 in range(runs[k, 0], runs[k, 1], block):
            n = min(block, runs[k, 1] - b0)
            a = open_block(plan, b0, n, rows, loaded)
            # a slice assignment would compile its error messages too, for a second and a half
            for i in range(n):
                eta[i] = shift[i]
            if order == layout.ORDER_MOMENTS:
                for i in range(n):
                    r[i] = h[i] = d[i] = w[i]
                    low[i] = 0.0
            elif first_eta != 0:
                call_rows(first_eta, n, at(par), at(eta), at(y), at(w),
                          at(r), at(h), at(d))  # fmt: skip
            elif plan[layout.PRECISE]:
                call(plan[layout.PRECISE_ETA], (si, sj, a, n, p, ones, at(beta), at(eta), at(low)))
            else:
                linear_predictor(storage, a, lda, n, p, ones, beta, eta, dims)
                predict_terms(plan, b0, n, beta, eta)
            if order != layout.ORDER_MOMENTS:
                call_rows(plan[layout.ROWS], n, at(par), at(eta), at(y), at(w),
                          at(r), at(h), at(d))  # fmt: skip
            sums[layout.DEVIANCE] += total(d, n)
            if order == 0:
                continue
            sums[layout.PEARSON] += pearson(r, h, n)
            sums[layout.MAX_ETA] = max(sums[layout.MAX_ETA], largest(eta, n))
            if first_eta != 0:
                for i in range(n):
                    r[i] += h[i] * (eta[i] - shift[i])
            if order == layout.ORDER_PRODUCT:
                for i in range(n):
                    d[i] = 0.0
                linear_predictor(storage, a, lda, n, p, ones, direction, d, dims)
                predict_terms(plan, b0, n, direction, d)
                for i in range(n):
                    r[i] = h[i] * d[i]
            if plan[layout.PRECISE] and first_eta == 0:
                call(plan[layout.PRECISE_SCORE], (plan[layout.PRECISE], si, sj, a, n, p, ones, at(rows), block,
                     at(score), at(score_low)))  # fmt: skip
            else:
                if order != layout.ORDER_MOMENTS:
                    add_score(storage, a, lda, n, p, ones, r, score, dims)
                scatter_terms(plan, b0, n, r, score)
            if order == layout.ORDER_MOMENTS:
                call(plan[layout.SQUARES], (si, sj, a, n, p, ones, at(h), at(info), at(score)))
                square_terms(plan, b0, n, h, info[0])
            if order == layout.ORDER_DIAGONAL:
                call(plan[layout.SQUARES], (si, sj, a, n, p, ones, at(h), at(info)))
                square_terms(plan, b0, n, h, info[0])
            if order == 2:
                roots(plan, n, rows, r, h, root)
                call(plan[layout.CURVATURE], (storage, a, lda, n, p, ones, at(scale), at(root),
                     buffer, at(info), info.shape[0]))  # fmt: skip
                if plan[layout.TERMS] != 0:
                    for i in range(n):
                        h[i] = root[i] * root[i] if plan[layout.MEAT] else h[i]
                    curve_terms(plan, b0, n, a, h, extra)


@inner()
def _again(taken, units):
    """Wait for the others' units; whether there are some of another pass to take, no longer where none will be."""
    looks = 0
    while True:
        now = look_at(at(taken))
        if now < units:
            return True
        if now >= NO_MORE:
            return False
        looks += 1
        if looks % LOOKS == 0:
            let_others_run()


@inner()
def _step(plan, taken, beta, scale, score, score_low, info, extra, sums, steps):
    """What the thread does that has ended the last unit of a pass: a step, and the units of the next pass are free."""
    call(plan[layout.ADVANCE], (score.shape[0], score.shape[1], info.shape[1], extra.shape[1], steps.size, at(beta),
         at(scale), at(score), at(score_low), at(info), at(extra), at(sums), at(steps)))  # fmt: skip
    taken[DONE] = 0
    tell(at(taken), 0 if steps[ANOTHER] != 0.0 else NO_MORE)


@jit()
def block_pass(
    plan, par, beta, direction, scale, runs, ends, taken, most, order, first_eta, work, score, score_low, info, extra,
    sums, steps,
):  # fmt: skip
    """A pass over units of rows, adding to score, information and sums, or several with Newton steps between them.

    Several threads may call it with the same arrays but ``work``: each takes units until none is left. Between Newton
    steps they wait for each other, but for none that has taken no unit: one thread alone comes to the same end.

    Parameters
    ----------
    plan : (PLAN,) int64
        Where everything is.
    par : (4,) float64
        Parameters of family and link.
    beta : (p + ones,) float64
        Coefficients, the intercept first.
    direction : (p + ones,) float64
        What order 3 multiplies the information by.
    scale : (p + ones,) float64
        What each column is multiplied by in the curvature.
    runs : (k, 2) int64
        Half-open ranges of rows.
    ends : (units,) int64
        How many runs there are up to the end of each unit.
    taken : (1,) int64, (2,) where there are steps
        How many units threads have taken so far, and how many they have ended.
    most : int
        Units that this call may take; with steps, all of each pass.
    order : int
        0 deviance, 1 with score and Pearson's chi-square, 2 with curvature too; 3 has the information times
        ``direction`` in place of the score, 5 the score and in info's first row the information's diagonal; 6 sums w,
        w x and w x^2 in the places of the deviance, the score and that diagonal, in arithmetic that is not precise.
    first_eta : int
        Address of a loop that writes the first linear predictor instead of X beta, or 0. The score is then
        X'(r + h (eta - offset)), so that information^-1 score are the coefficients of the first IRLS step.
    work : float64
        ``workspace``; overwritten.
    score, score_low : (units, p + ones), info : (units, m, m), extra : (units, room), sums : (units, SUMS) float64
        Added to. m is p + ones, up to ``SMALL`` rounded up to a multiple of ``SIDE``; ``extra`` is
        ``StructuredSums``'. Where there are terms, beta, direction, score and info's diagonal go on with their columns.
    steps : float64
        ``newton_steps.PLAIN``, or the array of ``Steps``, for order 2 without terms: beta is overwritten then, and the
        first unit's sums are those of all.
    """
    fill_absent(plan, carray(doubles(at(work)), (layout.VECTORS, plan[layout.BLOCK])))
    units, left = ends.size, most
    while left > 0:
        unit = take_next(at(taken))
        if unit < units:
            begin = ends[unit - 1] if unit > 0 else 0
            _unit_pass(plan, par, beta, direction, scale, runs[begin : ends[unit]], order, first_eta, work,
                       score[unit], score_low[unit], info[unit], extra[unit], sums[unit])  # fmt: skip
            if steps.size == 0:
                left -= 1
            elif take_next(at(taken) + 8 * DONE) + 1 == units:
                _step(plan, taken, beta, scale, score, score_low, info, extra, sums, steps)
        elif steps.size == 0 or not _again(taken, units):
            break
