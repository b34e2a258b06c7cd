"""Tests of the errors of least squares: of unequal variances, and of autocorrelation."""

from __future__ import annotations

import numpy as np
from scipy.special import chdtrc, fdtrc, ndtr

from ..errors import InvalidParameterError
from ..inference import design_blocks
from .added_columns import DiagnosticTest, _inverse
from .passes_over_rows import RowPasses

KINDS = ("koenker", "breusch-pagan", "white", "fitted")
MOST_SQUARES = 500  # columns of White's test
EXACT = 100  # rows, below which the distribution of Durbin's and Watson's statistic is exact, as in lmtest


def _check(result, what):
    if result.family.name != "gaussian" or result.link.name != "identity" or result.penalty is not None:
        raise InvalidParameterError(
            f"{what} is of least squares: an unpenalised fit of family='gaussian' with the identity link"
        )


def heteroskedasticity_test(result, data, y=None, *, kind="koenker", **options) -> DiagnosticTest:
    """Whether the variance of the errors depends on the columns: one pass.

    Parameters
    ----------
    result : GLMResult
        Of least squares.
    data, y : rows, as for ``residuals``
    kind : {"koenker", "breusch-pagan", "white", "fitted"}
        n R^2 of the squared residuals on the columns (Koenker 1981; R's ``lmtest::bptest``); half the explained sum of
        squares, right for normal errors only (Breusch and Pagan 1979; ``bptest(studentize=FALSE)``); n R^2 on the
        columns, their squares and products (White 1980); Breusch's and Pagan's on the fitted values (``car::ncvTest``).
    **options : weights, freq_weights, offset, exposure, threads
        Residuals of rows with prior weights are multiplied by their roots.

    Returns
    -------
    DiagnosticTest
        A chi-square.
    """
    _check(result, "heteroskedasticity_test")
    if kind not in KINDS:
        raise InvalidParameterError(f"kind={kind!r} is unknown; there are {', '.join(KINDS)}")
    kept = np.flatnonzero(~np.isnan(result.params))
    q = len(kept)
    if kind == "white" and q * (q + 1) // 2 > MOST_SQUARES:
        many = q * (q + 1) // 2
        raise InvalidParameterError(f"kind='white' has {many:,} columns of products; at most {MOST_SQUARES}")

    def columns(e):
        if kind == "fitted":
            yield slice(None), np.column_stack([np.ones_like(e.weight), e.rows.detail.mu])
            return
        for first, block in design_blocks(result, e.piece.X):
            Z = block[:, kept]
            if kind == "white":
                Z = np.hstack([Z, *(Z[:, j:] * Z[:, [j]] for j in range(q))])
            yield slice(first, first + len(block)), np.hstack([np.ones((len(block), 1)), Z])

    def work(e):
        square = e.prior * (e.rows.y - e.rows.detail.mu) ** 2
        f = np.where(e.prior > 0.0, e.frequency, 0.0)
        total = (np.zeros(()), np.zeros(()), np.zeros(()), 0.0, 0.0)
        for rows, Z in columns(e):
            ff, g = f[rows], square[rows]
            part = (ff.sum(), (ff * g).sum(), (ff * g * g).sum(), Z.T @ (ff * g), (Z.T * ff) @ Z)
            total = tuple(a + b for a, b in zip(total, part, strict=True))
        return total

    with RowPasses(result, data, y, "heteroskedasticity_test", **options) as passes:
        n, total, squares, product, gram = passes.sum(work)
    inverse, rank, _ = _inverse(gram)
    variance = total / n
    centred = product - variance * gram[:, 0]  # of squared residuals less their mean
    explained = float(centred @ inverse @ centred)
    if kind in ("koenker", "white"):
        statistic = n * explained / (squares - n * variance**2)
    else:
        statistic = 0.5 * explained / variance**2
    return DiagnosticTest(kind, float(statistic), float(chdtrc(rank - 1, statistic)), rank - 1)


class _Sequence:
    """Residuals and columns of a least-squares fit in the order of the rows, a block at a time; one read."""

    def __init__(self, result, passes):
        self.result, self.passes = result, passes
        self.kept = np.flatnonzero(~np.isnan(result.params))

    def blocks(self):
        """Pairs of residuals (b,) and columns (b, k), both times the root of the prior weight."""

        def work(e):
            if (e.frequency != 1.0).any():
                raise InvalidParameterError(f"{self.passes.what}: rows with frequencies have no order; repeat them")
            counted = e.prior > 0.0
            root = np.sqrt(e.prior)
            error = root * (e.rows.y - e.rows.detail.mu)
            parts = []
            for first, block in design_blocks(self.result, e.piece.X):
                rows = slice(first, first + len(block))
                chosen = counted[rows]
                parts.append((error[rows][chosen], (block[:, self.kept] * root[rows, None])[chosen]))
            return parts

        for parts in self.passes.each(work):
            yield from parts


def durbin_watson(result, data, y=None, *, alternative="greater", **options) -> DiagnosticTest:
    """Durbin's and Watson's test of autocorrelation of the errors of least squares, in the order of the rows: one pass.

    Parameters
    ----------
    result : GLMResult
        Of least squares.
    data, y : rows, as for ``residuals``
    alternative : {"greater", "less", "two-sided"}
        Autocorrelation that is positive, negative, or any.
    **options : weights, offset, exposure, threads

    Returns
    -------
    DiagnosticTest
        The sum of squared differences of neighbouring residuals over that of their squares, near two without
        autocorrelation. The p-value is exact for fewer than 100 rows (Imhof 1961, "Computing the distribution of
        quadratic forms in normal variables", Biometrika 48), and beyond by a normal distribution of the same mean and
        variance (Durbin and Watson 1950, 1971); as R's ``lmtest::dwtest``.
    """
    _check(result, "durbin_watson")
    if alternative not in ("greater", "less", "two-sided"):
        raise InvalidParameterError(f"alternative={alternative!r} is unknown; there are greater, less, two-sided")
    with RowPasses(result, data, y, "durbin_watson", **options) as passes:
        sums = _differences(_Sequence(result, passes))
    n, squares, steps, gram, stepped, twice, X = sums
    if not n > len(gram) + 1:
        raise InvalidParameterError(f"durbin_watson: {n} rows are too few")
    statistic = steps / squares
    p = _exact(X, statistic) if X is not None else _normal(n, gram, stepped, twice, statistic)
    p = {"greater": p, "less": 1.0 - p, "two-sided": 2.0 * min(p, 1.0 - p)}[alternative]
    return DiagnosticTest("Durbin-Watson", float(statistic), float(p), n - len(gram))


def _differences(sequence):
    """Rows; the sums of squares of residuals and of their differences; X'X, (DX)'DX and (D'DX)'D'DX for the matrix D of
    differences; and X itself of fewer than 100 rows."""
    k = len(sequence.kept)
    n, squares, steps, few = 0, 0.0, 0.0, []
    gram, stepped, twice = np.zeros((k, k)), np.zeros((k, k)), np.zeros((k, k))
    last_e, last_x, last_d = None, None, np.zeros((1, k))
    for error, X in sequence.blocks():
        if not len(error):
            continue
        n, few = n + len(error), few + [X] if n + len(error) < EXACT else []
        e = error if last_e is None else np.append(last_e, error)
        x = X if last_x is None else np.vstack([last_x, X])
        d = np.vstack([last_d, np.diff(x, axis=0)])
        second = d[:-1] - d[1:]  # of all rows but the last
        squares, steps = squares + error @ error, steps + np.sum(np.diff(e) ** 2)
        gram, stepped, twice = gram + X.T @ X, stepped + d[1:].T @ d[1:], twice + second.T @ second
        last_e, last_x, last_d = error[-1], X[-1:], d[-1:]
    twice = twice + last_d.T @ last_d
    return n, squares, steps, gram, stepped, twice, np.vstack(few) if 0 < n < EXACT else None


def _exact(X, statistic):
    """P(DW <= statistic) by Imhof's integral over the eigenvalues of the differences of residuals."""
    from scipy.integrate import quad

    n = len(X)
    Q = np.linalg.qr(X, mode="complete")[0][:, X.shape[1] :]
    D = np.diff(np.eye(n), axis=0) @ Q
    a = np.linalg.eigvalsh(D.T @ D) - statistic
    a = a / np.abs(a).max()

    def integrand(u):
        return np.sin(0.5 * np.arctan(a * u).sum()) / (u * np.exp(0.25 * np.log1p((a * u) ** 2).sum()))

    return min(max(0.5 - quad(integrand, 0.0, np.inf, limit=400, epsabs=1e-13, epsrel=1e-11)[0] / np.pi, 0.0), 1.0)


def _normal(n, gram, stepped, twice, statistic):
    k, inverse = len(gram), _inverse(gram)[0]
    moved = stepped @ inverse
    first = 2.0 * (n - 1) - np.trace(moved)
    second = 2.0 * (3 * n - 4) - 2.0 * np.trace(twice @ inverse) + np.trace(moved @ moved)
    mean = first / (n - k)
    variance = 2.0 / ((n - k) * (n - k + 2.0)) * (second - first * mean)
    return ndtr((statistic - mean) / np.sqrt(variance))


def breusch_godfrey(result, data, y=None, *, order=1, test="chisq", **options) -> DiagnosticTest:
    """Breusch's and Godfrey's test of autocorrelation up to an order, in the order of the rows: one pass.

    Parameters
    ----------
    result : GLMResult
        Of least squares.
    data, y : rows, as for ``residuals``
    order : int
        Lags of the residuals that are added to the columns; before the first row they are zero.
    test : {"chisq", "F"}
    **options : weights, offset, exposure, threads

    Returns
    -------
    DiagnosticTest
        n R^2 of the residuals on the columns and the lags, or the F test of the lags (R's ``lmtest::bgtest``).
    """
    _check(result, "breusch_godfrey")
    if isinstance(order, bool) or not hasattr(order, "__index__") or order < 1:
        raise InvalidParameterError(f"order={order!r} must be a positive whole number")
    if test not in ("chisq", "F"):
        raise InvalidParameterError(f"test={test!r} is unknown; there are 'chisq' and 'F'")
    k = int((~np.isnan(result.params)).sum())
    gram, product, squares, n = np.zeros((k + order, k + order)), np.zeros(k + order), 0.0, 0
    with RowPasses(result, data, y, "breusch_godfrey", **options) as passes:
        before = np.zeros(order)
        for error, X in _Sequence(result, passes).blocks():
            known = np.append(before, error)
            lags = [known[order - j : len(known) - j] for j in range(1, order + 1)]
            Z = np.column_stack([X, *lags])
            gram, product = gram + Z.T @ Z, product + Z.T @ error
            squares, n, before = squares + error @ error, n + len(error), known[len(known) - order :]
    if not n > k + order:
        raise InvalidParameterError(f"breusch_godfrey: {n} rows are too few for {order} lags")
    explained = float(product @ _inverse(gram)[0] @ product)
    if test == "chisq":
        statistic = n * explained / squares
        return DiagnosticTest("Breusch-Godfrey", float(statistic), float(chdtrc(order, statistic)), order)
    rest = n - k - order
    inner = float(product[:k] @ _inverse(gram[:k, :k])[0] @ product[:k])  # zero but for rounding
    statistic = (explained - inner) / order / ((squares - explained) / rest)
    return DiagnosticTest("Breusch-Godfrey", float(statistic), float(fdtrc(order, rest, statistic)), order, rest)
