"""Local regression: at each point the kernel's weights, the moments of the rows in its window, and Newton steps.

Rows are sorted by their first column, so that the window of a point is a run of them. A group of points shares each
tile of rows; tiles begin at the same rows for all points, so that the sums of a point do not depend on the others.
"""

from __future__ import annotations

from math import sqrt

import numpy as np

from .compile import at, call, call_rows, inner, jit

TILE = 256  # rows whose weights and products stay in the first-level cache (24 KiB of a line in one dimension)
GROUP = 8  # points that share a tile; more win nothing once the rows come from the cache
PIVOT = 1e-10  # least pivot of a Gram of unit diagonal: below it a coefficient would keep fewer than six digits
TOLERANCE = 1e-9  # of the distance to the optimum, in standard errors at dispersion one
MOST_STEPS, MOST_HALVINGS = 300, 40  # of Newton's method at a point; chosen: far beyond what certified points take
SLOW = 0.5  # of a distance, that a step left more of when the next one is another part than all
LEAST_PART, MOST_PART = 0.02, 4.0  # of a step; chosen
RIDGE = 1e-8  # of a singular design, relative to the sum of its weights, on columns divided by the bandwidth

# what became of a point
FITTED, EMPTY, SINGULAR, STOPPED, LOWERED, RIDGED = range(6)
# what is done where the local design is singular
AS_NAN, LOWER, ADD_RIDGE = range(3)
# columns of what is told of each point
INVERSE, DEVIANCE, DISTANCE, STEPS, STATUS, DEGREE, WEIGHT = range(7)
FACTS = 7  # numbers that a point has beside its coefficients


@inner(fastmath={"reassoc", "nsz", "contract"})
def _times(a, b, n, out):
    """out = a b of n numbers, and its sum."""
    total = 0.0
    for i in range(n):
        value = a[i] * b[i]
        out[i] = value
        total += value
    return total


@inner(fastmath={"reassoc", "nsz", "contract"})
def dot(a, b, n):
    """The scalar product of n numbers."""
    total = 0.0
    for i in range(n):
        total += a[i] * b[i]
    return total


@jit()
def nearest_distances(x, count, points, out):
    """The distance of the count-th nearest of sorted x (n,) from each of sorted points (m,)."""
    first, most = 0, len(x) - count
    for j in range(len(points)):
        while first < most and points[j] - x[first] > x[first + count] - points[j]:
            first += 1
        out[j] = max(abs(points[j] - x[first]), abs(x[first + count - 1] - points[j]))


@inner()
def place(x, first, n, point, inverse, least, u, s):
    """The distances of n rows from a point in bandwidths, u (d, n), and their squares less the smallest one."""
    for i in range(n):
        u[0, i] = (x[0, first + i] - point[0]) * inverse[0]
        s[i] = u[0, i] * u[0, i] - least
    for j in range(1, len(point)):
        for i in range(n):
            u[j, i] = (x[j, first + i] - point[j]) * inverse[j]
            s[i] += u[j, i] * u[j, i]


@inner()
def add_moments(seed, weights, u, table, count, n, products, sums):
    """Add to ``sums`` those of seed weights times each of ``count`` monomials; row 0 of ``products`` is the first."""
    sums[0] += _times(seed, weights, n, products[0])
    for c in range(1, count):
        sums[c] += _times(products[table[c, 0]], u[table[c, 1]], n, products[c])


@inner(fastmath={"reassoc", "nsz", "contract"})
def add_line(k, u, h, z, n, sums, scores):
    """``add_moments`` of both sums of a line in one column, in one sweep over the rows."""
    s0, s1, s2, t0, t1 = 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(n):
        a, c, v = k[i] * h[i], k[i] * z[i], u[i]
        b = a * v
        s0 += a
        s1 += b
        s2 += b * v
        t0 += c
        t1 += c * v
    sums[0] += s0
    sums[1] += s1
    sums[2] += s2
    scores[0] += t0
    scores[1] += t1


@inner()
def predictor(beta, u, table, q, n, products, eta):
    """Add the local polynomial of coefficients beta (q,) to eta (n,)."""
    for i in range(n):
        products[0, i] = 1.0
        eta[i] += beta[0]
    for c in range(1, q):
        parent, v, b = products[table[c, 0]], u[table[c, 1]], beta[c]
        for i in range(n):
            products[c, i] = parent[i] * v[i]
            eta[i] += b * products[c, i]


@inner()
def factorise(sums, gram, q, ridge, L, scale):
    """The Cholesky factor of the leading Gram (q, q) with unit diagonal; how many columns are regular."""
    for a in range(q):
        diagonal = sums[gram[a, a]] + (ridge if a else 0.0)
        scale[a] = 1.0 / sqrt(diagonal) if diagonal > 0.0 else 0.0
    for a in range(q):
        for b in range(a + 1):
            value = sums[gram[a, b]] + (ridge if a == b and a else 0.0)
            value *= scale[a] * scale[b]
            for c in range(b):
                value -= L[a, c] * L[b, c]
            if a == b:
                if not value > PIVOT:
                    return a
                L[a, a] = sqrt(value)
            else:
                L[a, b] = value / L[b, b]
    return q


@inner()
def solve(L, scale, q, b):
    """Solve in place by the factor of ``factorise``."""
    for a in range(q):
        value = b[a] * scale[a]
        for c in range(a):
            value -= L[a, c] * b[c]
        b[a] = value / L[a, a]
    for a in range(q - 1, -1, -1):
        value = b[a]
        for c in range(a + 1, q):
            value -= L[c, a] * b[c]
        b[a] = value / L[a, a]
    for a in range(q):
        b[a] *= scale[a]


@inner()
def regular(sums, gram, sizes, singular, L, scale):
    """Factorise by what is asked of singular designs; the number of coefficients (0: none), status and degree."""
    degree = len(sizes) - 1
    q = sizes[degree]
    if not sums[0] > 0.0:
        return 0, EMPTY, -1
    found = factorise(sums, gram, q, 0.0, L, scale)
    if found == q:
        return q, FITTED, degree
    if singular == AS_NAN:
        return 0, SINGULAR, -1
    if singular == ADD_RIDGE:
        ridge = RIDGE * sums[0]
        while factorise(sums, gram, q, ridge, L, scale) < q:
            ridge *= 10.0
        return q, RIDGED, degree
    while sizes[degree] > found:
        degree -= 1
    factorise(sums, gram, sizes[degree], 0.0, L, scale)
    return sizes[degree], LOWERED, degree


@inner()
def variances(L, scale, gram, q, squares, column, out):
    """The variance (q,) of the coefficients at dispersion one: rows of the inverse around the moments of squares."""
    for a in range(q):
        column[:q] = 0.0
        column[a] = 1.0
        solve(L, scale, q, column)
        total = 0.0
        for b in range(q):
            for c in range(q):
                total += column[b] * squares[gram[b, c]] * column[c]
        out[a] = total


@inner()
def finish(sums, scores, squares, gram, sizes, singular, with_squares, L, scale, column, step, variance, facts):
    """The Newton step of a point's moments, its facts and variances; the number of its coefficients."""
    q, status, degree = regular(sums, gram, sizes, singular, L, scale)
    facts[STATUS], facts[DEGREE], facts[WEIGHT] = status, degree, sums[0]
    step[:] = 0.0
    if q == 0:
        return 0
    for a in range(q):
        step[a] = scores[a]
    solve(L, scale, q, step)
    facts[DISTANCE] = sqrt(max(dot(step, scores, q), 0.0))
    column[:q] = 0.0
    column[0] = 1.0
    solve(L, scale, q, column)
    facts[INVERSE] = column[0]
    if with_squares:
        variance[:] = np.nan
        variances(L, scale, gram, q, squares, column, variance)
    return q


@inner()
def step_size(iteration, part, pull, ahead, distance):
    """The part of the next step to take: all, unless the last one left much of the ``distance`` that was ``ahead``.

    The expected information of a link that is not canonical may say half of what the score does along a step, so that
    full steps swing to and fro. Its part ``part`` was taken, and ``pull`` is the new score along what was taken
    (Barzilai and Borwein 1988, "Two-point step size gradient methods", IMA Journal of Numerical Analysis 8).
    """
    if iteration < 2 or not distance > SLOW * ahead:
        return 1.0
    square = ahead * ahead
    rate = (part * square - pull) / (part * part * square)
    return min(max(1.0 / rate, LEAST_PART), MOST_PART) if rate > 0.0 else 1.0


@inner()
def _tile(x, y, w, shift, h0, z0, i, n, point, inverse, least, kernel, rows, par, first_step, beta, table, gram,
          q, count, with_squares, vectors, u, products, sums, scores, squares):  # fmt: skip
    """Add n rows from i on to the sums of a point; the weighted deviance."""
    s, k, eta, r, h, d = vectors[0], vectors[1], vectors[2], vectors[3], vectors[4], vectors[5]
    place(x, i, n, point, inverse, least, u, s)
    call(kernel, (np.int64(n), at(s), at(k)))
    deviance = 0.0
    if first_step and count == 3 and q == 2 and not with_squares:
        add_line(k, u[0], h0[i : i + n], z0[i : i + n], n, sums, scores)
        return deviance
    if first_step:
        add_moments(k, h0[i : i + n], u, table, count, n, products, sums)
        if with_squares:
            add_moments(products[0], k, u, table, count, n, products, squares)
        add_moments(k, z0[i : i + n], u, table, q, n, products, scores)
        return deviance
    for a in range(n):
        eta[a] = shift[i + a]
    predictor(beta, u, table, q, n, products, eta)
    call_rows(rows, np.int64(n), at(par), at(eta), at(y[i : i + n]), at(w[i : i + n]), at(r), at(h), at(d))
    deviance = dot(k, d, n)
    add_moments(k, h, u, table, count, n, products, sums)
    if with_squares:
        add_moments(products[0], k, u, table, count, n, products, squares)
    add_moments(k, r, u, table, q, n, products, scores)
    return deviance


@jit()
def fit_points(x, y, w, shift, h0, z0, points, inverse, least, first, last, kernel, rows, par, table, gram, sizes,
               singular, with_squares, begin, stop, coef, variance, facts):  # fmt: skip
    """Fit points ``begin`` to ``stop``: coefficients (m, q) in bandwidths, their variances and facts.

    No slice takes an array here: what Numba compiles for its shapes alone takes three seconds.

    Parameters
    ----------
    x : (d, n), sorted by its first row; y, w, shift : (n,) responses, weights and offsets of the rows
    h0, z0 : (n,) weights and weighted responses of the first step; that of least squares is the last one
    points, inverse : (m, d) and the inverse of their bandwidths
    least : (m,) the square that is taken off all squared distances, so that the largest weight is one
    first, last : (m,) the windows
    kernel : address of a loop (n, s, k) from squared distances to weights
    rows : address of the family's row loop, 0 for least squares; par : its parameters
    table : (count, 2) each monomial's parent and column; gram : (q, q) numbers of monomials
    sizes : (degree + 1,) numbers of coefficients by degree
    """
    d, count, q = x.shape[0], len(table), len(gram)
    vectors, u, products = np.empty((6, TILE)), np.empty((d, TILE)), np.empty((max(count, q), TILE))
    sums, squares, scores = np.zeros((GROUP, count)), np.zeros((GROUP, count)), np.zeros((GROUP, q))
    beta, step, deviance = np.zeros((GROUP, q)), np.zeros((GROUP, q)), np.zeros(GROUP)
    L, scale, column = np.zeros((q, q)), np.zeros(q), np.zeros(q)
    active, halvings, part = np.zeros(GROUP, np.bool_), np.zeros(GROUP, np.int64), np.ones(GROUP)
    for j0 in range(begin, stop, GROUP):
        size = min(GROUP, stop - j0)
        active[:size] = True
        beta[:] = 0.0
        halvings[:] = 0
        part[:] = 1.0
        for iteration in range(MOST_STEPS + MOST_HALVINGS):
            low, high = len(y), 0
            for g in range(size):
                if active[g]:
                    low, high = min(low, first[j0 + g]), max(high, last[j0 + g])
                    sums[g], squares[g], scores[g], deviance[g] = 0.0, 0.0, 0.0, 0.0
            for t in range(low // TILE * TILE, high, TILE):
                for g in range(size):
                    j = j0 + g
                    i, n = max(t, first[j]), min(t + TILE, last[j]) - max(t, first[j])
                    if active[g] and n > 0:
                        deviance[g] += _tile(
                            x, y, w, shift, h0, z0, i, n, points[j], inverse[j], least[j], kernel, rows, par,
                            iteration == 0, beta[g], table, gram, q, count, with_squares, vectors, u, products,
                            sums[g], scores[g], squares[g],
                        )  # fmt: skip
            left = False
            for g in range(size):
                if not active[g]:
                    continue
                j = j0 + g
                before = facts[j, DEVIANCE]
                rises = iteration > 1 and not deviance[g] <= before + 1e-12 * abs(before)
                unusable = iteration > 0 and not (deviance[g] < np.inf and sums[g, 0] < np.inf)
                if (rises or unusable) and halvings[g] < MOST_HALVINGS and facts[j, DISTANCE] > 1e-7:
                    halvings[g] += 1
                    part[g] *= 0.5
                    for a in range(q):
                        step[g, a] *= 0.5
                        beta[g, a] -= step[g, a]
                    left = True
                    continue
                pull, ahead = dot(step[g], scores[g], q), facts[j, DISTANCE]
                used = finish(sums[g], scores[g], squares[g], gram, sizes, singular, with_squares, L, scale, column,
                              step[g], variance[j], facts[j])  # fmt: skip
                facts[j, DEVIANCE], facts[j, STEPS] = deviance[g], iteration
                active[g] = False
                if used == 0:
                    coef[j] = np.nan
                    continue
                for a in range(q):
                    coef[j, a] = beta[g, a] + step[g, a] if a < used else np.nan
                near = iteration > 0 and facts[j, DISTANCE] <= TOLERANCE
                if rows == 0 or near:
                    continue
                if iteration >= MOST_STEPS or unusable or not facts[j, DISTANCE] < np.inf:
                    facts[j, STATUS] = STOPPED
                    continue
                part[g] = step_size(iteration, part[g], pull, ahead, facts[j, DISTANCE])
                for a in range(q):
                    step[g, a] *= part[g]
                    beta[g, a] += step[g, a]
                active[g], left = True, True
            if not left:
                break
        for g in range(size):
            if active[g]:
                facts[j0 + g, STATUS] = STOPPED
