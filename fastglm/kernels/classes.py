"""The block pass of softmax regression: K classes, the first of them the reference, whose linear predictor is zero.

With mu the class probabilities of a row, y its class and w its weight:

    r_k = w (1[y = k] - mu_k)             the score with respect to eta_k
    w mu_k mu_l                           minus the information between classes k and l
    -2 w log mu_y                         the deviance

The information is a Laplacian: the sum over pairs k < l, the reference included, of X' diag(w mu_k mu_l) X at
(e_k - e_l)(e_k - e_l)'. Its K (K-1) / 2 pair matrices are all the pass sums; each has positive weights, so no digits
cancel, and their number is the least there can be. A narrow block is turned into columns once for all of them, and
once for the products with the coefficients and the scores of all classes.
"""

from __future__ import annotations

import numpy as np
from numba import carray

from . import layout
from .class_columns import add_predictors, add_score_sums
from .compile import at, blas, call, doubles, inner, jit
from .elementary import exp_negative, log1p
from .gram import PAD
from .load import strides
from .passes import (
    curve_terms,
    fill_absent,
    largest,
    open_block,
    predict_terms,
    scatter_terms,
    square_terms,
    total,
)

dgemm = blas("dgemm", 13)

_NUMBERS = np.array([1.0])
_LETTERS = np.frombuffer(b"TN", dtype=np.uint8).copy()


@inner()
def gemm(left, right, m, n, k, a, lda, b, ldb, c, ldc, dims):
    """C += op(A) op(B), column-major, C m x n and the inner length k; ``left`` and ``right`` say what is transposed."""
    dims[0], dims[1], dims[2], dims[3], dims[4], dims[5] = m, n, k, lda, ldb, ldc
    d, one, letter = at(dims), at(_NUMBERS), at(_LETTERS)
    dgemm(letter + (0 if left else 1), letter + (0 if right else 1), d, d + 4, d + 8, one, a, d + 12, b, d + 16,
          one, c, d + 20)  # fmt: skip


@inner()
def predictors(storage, a, lda, n, p, ones, beta, eta, dims):
    """eta[k] = X beta[k] for each class k but the reference: beta (K-1, m), eta (K-1, block)."""
    others, m, block = beta.shape[0], beta.shape[1], eta.shape[1]
    for k in range(others):
        for i in range(n):
            eta[k, i] = beta[k, 0] if ones else 0.0
    if storage == layout.F_ORDER:
        add_predictors(a, lda, n, p, beta, ones, eta)
    elif p > 0:
        gemm(True, False, n, others, p, a, lda, at(beta) + 8 * ones, m, at(eta), block, dims)


@inner()
def add_scores(storage, a, lda, n, p, ones, r, score, dims):
    """score[k] += X' r[k] for each class k but the reference: r (K-1, block), score (K-1, m)."""
    others, block, m = r.shape[0], r.shape[1], score.shape[1]
    if ones:
        for k in range(others):
            score[k, 0] += total(r[k], n)
    if storage == layout.F_ORDER:
        add_score_sums(a, lda, n, p, r, score, ones)
    elif p > 0:
        gemm(False, False, p, others, n, a, lda, at(r), block, at(score) + 8 * ones, m, dims)


@inner()
def exponentials(n, y, eta, mu, largest_eta, seen, unseen):
    """mu (K, block) = exp(eta - the row's largest eta), and its sums over the class seen and over the others."""
    others = eta.shape[0]
    for i in range(n):
        largest_eta[i] = 0.0
        seen[i] = 0.0
        unseen[i] = 0.0
    for k in range(others):
        for i in range(n):
            largest_eta[i] = max(largest_eta[i], eta[k, i])
    for k in range(others + 1):
        for i in range(n):
            value = exp_negative((eta[k - 1, i] if k > 0 else 0.0) - largest_eta[i])
            is_seen = y[i] == k
            mu[k, i] = value
            seen[i] += value if is_seen else 0.0
            unseen[i] += 0.0 if is_seen else value


@inner()
def class_rows(n, y, w, eta, mu, r, deviance, pearson_term, largest_eta, seen, unseen):
    """The formulas of the rows: probabilities mu (K, block), scores r (K-1, block), deviances and Pearson's terms.

    Everything is relative to the largest linear predictor, and the class that was seen is kept apart from the others,
    so that a probability near one keeps its distance from one. The last three vectors are overwritten.
    """
    others = eta.shape[0]
    exponentials(n, y, eta, mu, largest_eta, seen, unseen)
    lead = pearson_term  # of the likeliest class over the one seen, exact where ``seen`` may have underflowed
    for k in range(others):
        for i in range(n):
            lead[i] = largest_eta[i] - eta[k, i] if y[i] == k + 1 else (largest_eta[i] if k == 0 else lead[i])
    inverse_sum, seen_score = largest_eta, seen
    for i in range(n):
        whole = seen[i] + unseen[i]
        # a sum that has the one of the likeliest class loses nothing with it
        loss = lead[i] + log1p(unseen[i] if lead[i] == 0.0 else whole - 1.0)
        counts = w[i] > 0.0
        deviance[i] = 2.0 * w[i] * loss if counts else 0.0
        pearson_term[i] = w[i] * unseen[i] / seen[i] if counts else 0.0
        inverse_sum[i] = 1.0 / whole
        seen_score[i] = w[i] * unseen[i] * inverse_sum[i] if counts else 0.0
    for i in range(n):
        mu[0, i] *= inverse_sum[i]
    for k in range(others):
        for i in range(n):
            value = mu[k + 1, i] * inverse_sum[i]
            share = -w[i] * value if w[i] > 0.0 else 0.0
            mu[k + 1, i] = value
            r[k, i] = seen_score[i] if y[i] == k + 1 else share


@inner()
def turn(n, w, mu, t, r):
    """The scores' change along a direction whose linear predictors are t: r_k = w mu_k (t_k - sum of mu_l t_l)."""
    others = t.shape[0]
    for i in range(n):
        mean = 0.0
        for k in range(others):
            mean += mu[k + 1, i] * t[k, i]
        for k in range(others):
            r[k, i] = w[i] * mu[k + 1, i] * (t[k, i] - mean) if w[i] > 0.0 else 0.0


@inner()
def pair_weights(plan, n, rows, mu, r, first, second, h):
    """The weights of the rows in the matrix of a pair of classes: w mu_first mu_second.

    Where outer products of scores are summed, -r_first r_second: the scores of all classes sum to zero, so that their
    outer product is a Laplacian as well. A row repeated f times has f scores of r / f.
    """
    w, f, y = rows[layout.V_W], rows[layout.V_F], rows[layout.V_Y]
    for i in range(n):
        if plan[layout.MEAT]:
            left = r[first - 1, i] if first > 0 else w[i] * ((1.0 if y[i] == 0.0 else 0.0) - mu[0, i])
            product = -left * r[second - 1, i]
            h[i] = product / (f[i] if plan[layout.F] != 0 else 1.0) if product != 0.0 and w[i] > 0.0 else 0.0
        else:
            h[i] = w[i] * mu[first, i] * mu[second, i] if w[i] > 0.0 else 0.0


@inner()
def add_curvatures(plan, b0, storage, a, lda, n, p, ones, rows, scale, mu, r, order, buffer, info, extra):
    """Add the block's pair matrices to info (pairs, m, m), or each class's own matrix to info (K-1, m, m).

    What terms add goes to ``extra`` (pairs, room).
    """
    n_classes, width, h, root = mu.shape[0], info.shape[1], rows[layout.V_H], rows[layout.V_ROOT]
    if plan[layout.COLUMNS] != 0:
        for i in range(n):
            root[i] = 1.0
        call(plan[layout.COLUMNS], (storage, a, lda, n, p, ones, at(scale), at(root), buffer, width))
    number = 0
    for first in range(n_classes):
        for second in range(first + 1, n_classes):
            if order == layout.ORDER_BLOCKS:
                if first > 0:
                    break
                own_weights(n, rows[layout.V_W], mu[second], h)
            else:
                pair_weights(plan, n, rows, mu, r, first, second, h)
            call(plan[layout.WEIGHTED], (storage, a, lda, n, p, ones, at(scale), at(h), at(root), buffer,
                 at(info) + 8 * number * width * width, width))  # fmt: skip
            curve_terms(plan, b0, n, a, h, extra[number])
            number += 1


@inner()
def own_weights(n, w, mu, h):
    """The information of a class against all others: w mu (1 - mu)."""
    for i in range(n):
        h[i] = w[i] * mu[i] * (1.0 - mu[i]) if w[i] > 0.0 else 0.0


@jit()
def class_pass(plan, beta, direction, scale, runs, order, work, score, score_low, info, extra, sums):
    """One pass over ``runs``, adding to score, information and sums.

    Parameters
    ----------
    plan : (PLAN,) int64
        Where everything is; y holds the numbers of the classes, zero the reference.
    beta, direction : (K-1, m) float64
        Coefficients, the intercept first, and what order 3 multiplies the information by.
    scale : (m,) float64
        What each column is multiplied by in the curvature.
    runs : (k, 2) int64
        Half-open ranges of rows.
    order : int
        0 deviance, 1 with scores and Pearson's chi-square, 2 with the pair matrices too; 3 has the information times
        ``direction`` in place of the scores, 4 the information of each class alone in place of the pairs', 5 its
        diagonal alone, a row of info[0] for each class.
    work : float64
        ``passes.workspace``; overwritten.
    score, score_low : (K-1, m), info : (pairs, width, width), extra : (pairs, room), sums : (SUMS,) float64
        Added to; ``extra`` is ``StructuredSums``' for each pair.
    """
    p, ones, storage, block = plan[layout.P], plan[layout.ONES], plan[layout.STORAGE], plan[layout.BLOCK]
    si, sj, lda = strides(plan)
    others, m = beta.shape[0], beta.shape[1]
    rows = carray(doubles(at(work)), (layout.VECTORS, block))
    fill_absent(plan, rows)
    y, w, h, d = rows[layout.V_Y], rows[layout.V_W], rows[layout.V_H], rows[layout.V_D]
    loaded = at(work) + 8 * layout.VECTORS * block
    # columns of a block are multiplied in half the time of its rows, where there is room for their padding
    enough = work.size >= (layout.VECTORS + 2 * p + 4) * block + PAD * (2 * p + 4)
    turned = storage == layout.C_ORDER and plan[layout.COLUMNS] != 0 and enough
    buffer = loaded + 8 * p * (block + PAD if turned else block)
    products, width = (layout.F_ORDER, 0) if turned else (storage, lda)
    eta, r, t = np.empty((others, block)), np.empty((others, block)), np.empty((others, block))
    mu, spare = np.empty((others + 1, block)), np.empty((2, block))
    dims, unit = np.empty(6, np.int32), np.ones(p)
    for run in range(runs.shape[0]):
        for b0 in range(runs[run, 0], runs[run, 1], block):
            n = min(block, runs[run, 1] - b0)
            a = open_block(plan, b0, n, rows, loaded)
            x = a
            if turned:
                for i in range(n):
                    h[i] = 1.0
                call(plan[layout.COLUMNS], (storage, a, lda, n, p, 0, at(unit), at(h), loaded, p))
                x, width = loaded, n + PAD
            if plan[layout.PRECISE]:
                for k in range(others):
                    for i in range(n):
                        eta[k, i] = 0.0
                    call(plan[layout.PRECISE_ETA], (si, sj, a, n, p, ones, at(beta) + 8 * k * m,
                         at(eta) + 8 * k * block, at(rows[layout.V_LOW])))  # fmt: skip
            else:
                predictors(products, x, width, n, p, ones, beta, eta, dims)
                for k in range(others):
                    predict_terms(plan, b0, n, beta[k], eta[k])
            class_rows(n, y, w, eta, mu, r, d, h, rows[layout.V_ETA], spare[0], spare[1])
            sums[layout.DEVIANCE] += total(d, n)
            if order == 0:
                continue
            sums[layout.PEARSON] += total(h, n)
            for k in range(others):
                sums[layout.MAX_ETA] = max(sums[layout.MAX_ETA], largest(eta[k], n))
            if order == layout.ORDER_PRODUCT:
                predictors(products, x, width, n, p, ones, direction, t, dims)
                for k in range(others):
                    predict_terms(plan, b0, n, direction[k], t[k])
                turn(n, w, mu, t, r)
            if plan[layout.PRECISE]:
                for k in range(others):
                    for i in range(n):
                        rows[layout.V_R, i], rows[layout.V_H, i] = r[k, i], 0.0
                    call(plan[layout.PRECISE_SCORE], (layout.ROUNDED, si, sj, a, n, p, ones, at(rows), block,
                         at(score) + 8 * k * m, at(score_low) + 8 * k * m))  # fmt: skip
            else:
                add_scores(products, x, width, n, p, ones, r, score, dims)
                for k in range(others):
                    scatter_terms(plan, b0, n, r[k], score[k])
            if order == layout.ORDER_DIAGONAL:
                for k in range(others):
                    own_weights(n, w, mu[k + 1], h)
                    call(plan[layout.SQUARES], (si, sj, a, n, p, ones, at(h), at(info[0, k])))
                    square_terms(plan, b0, n, h, info[0, k])
            if order == 2 or order == layout.ORDER_BLOCKS:
                add_curvatures(plan, b0, storage, a, lda, n, p, ones, rows, scale, mu, r, order, buffer, info, extra)
