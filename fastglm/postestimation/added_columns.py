"""Fits with columns made of the linear predictor: the link test, and Ramsey's RESET."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import chdtrc, fdtrc

from ..errors import InvalidParameterError
from ..inference import design_blocks
from ..inference.test_table import TestTable
from ..inference.wald import p_values
from ..kernels.evaluate import evaluate
from ..rows.matching import check_offset
from .passes_over_rows import RowPasses

SINGULAR = 1e-13  # of the largest eigenvalue of a scaled information, below which a column repeats others
STEPS, HALVINGS = 50, 30  # of Newton's method, each a pass
DONE = 1e-14  # relative change of the deviance, after which a step is the last


class DiagnosticTest(NamedTuple):
    """A test of what a model assumes.

    Attributes
    ----------
    method : str
    statistic, p_value : float
    df : float
    df_resid : float or None
        The second degrees of freedom of an F test.
    """

    method: str
    statistic: float
    p_value: float
    df: float
    df_resid: float | None = None


class Fit(NamedTuple):
    """Coefficients (k,) and their inverse information (k, k), NaN where aliased, at the least deviance; ``started`` is
    the deviance of the first coefficients."""

    params: np.ndarray
    inverse: np.ndarray
    deviance: float
    pearson: float
    nobs: float
    rank: int
    started: float


def minimise(passes: RowPasses, columns, start) -> Fit:
    """Fit the family and link of a result to other columns by Fisher scoring, a pass over the rows for each step.

    Parameters
    ----------
    passes : RowPasses
    columns : callable
        Evaluated -> blocks of (slice of rows, columns (b, k), offset (b,)).
    start : (k,) array

    Raises
    ------
    InvalidParameterError
        Where the deviance is not finite at the start.
    """
    beta, found = np.array(start, float), _sums(passes, columns, start)
    started = float(found[0][0])
    if not np.isfinite(found[0][0]):
        raise InvalidParameterError(f"{passes.what}: the deviance is not finite at the fitted coefficients")
    for _ in range(STEPS):
        step = _inverse(found[2])[0] @ found[1]
        for _ in range(HALVINGS):
            new = _sums(passes, columns, beta + step)
            if new[0][0] <= found[0][0] * (1.0 + DONE):
                break
            step *= 0.5
        else:
            break
        fell, beta, found = found[0][0] - new[0][0], beta + step, new
        if fell <= DONE * abs(found[0][0]):
            break
    inverse, rank, kept = _inverse(found[2])
    beta = np.where(kept, beta, np.nan)
    inverse = np.where(kept & kept[:, None], inverse, np.nan)
    return Fit(beta, inverse, *map(float, found[0]), rank, started)


def _sums(passes, columns, beta):
    """Deviance, Pearson's chi-square and rows; score (k,); information (k, k): one pass."""
    result = passes.result

    def work(e):
        k = len(beta)
        sums, score, information = np.zeros(3), np.zeros(k), np.zeros((k, k))
        for rows, Z, offset in columns(e):
            with np.errstate(all="ignore"):
                y, weight = e.rows.y[rows], e.weight[rows]
                if not weight.all():  # what such rows have need not be finite
                    there = weight > 0.0
                    y, weight, Z, offset = y[there], weight[there], Z[there], np.broadcast_to(offset, y.shape)[there]
                detail = evaluate(result.family, result.link, Z @ beta + offset, y)
                pearson = (y - detail.mu) ** 2 / detail.variance
                nobs = e.frequency[rows][e.weight[rows] > 0.0].sum()
                sums += [(weight * detail.deviance).sum(), (weight * pearson).sum(), nobs]
                score += Z.T @ (weight * detail.score)
                information += (Z.T * (weight * detail.information)) @ Z
        return sums, score, information

    return passes.sum(work)


def _inverse(information):
    """A generalised inverse, its rank, and which columns do not repeat those before them, (k,) bool."""
    size = 1.0 / np.sqrt(np.maximum(np.diagonal(information), np.finfo(float).tiny))
    scaled = information * size * size[:, None]
    kept = np.zeros(len(size), bool)
    for j in np.flatnonzero(np.diagonal(information) > 0.0):
        kept[j] = True
        part = scaled[np.ix_(kept, kept)]
        values = np.linalg.eigvalsh(part) if j else np.ones(1)
        kept[j] = values[0] > SINGULAR * values[-1]
    inverse = np.zeros_like(information)
    inverse[np.ix_(kept, kept)] = np.linalg.inv(scaled[np.ix_(kept, kept)])
    return inverse * size * size[:, None], int(kept.sum()), kept


def link_test(result, data, y=None, **options) -> TestTable:
    """Whether the link is right: the model fitted to its own linear predictor and the square of it (Pregibon 1980,
    "Goodness of link tests for generalized linear models", Applied Statistics 29; Stata's ``linktest``).

    Parameters
    ----------
    result : GLMResult
    data, y : rows, as for ``residuals``
    **options : weights, freq_weights, offset, exposure, threads

    Returns
    -------
    TestTable
        coef, std_error, statistic and p_value of the intercept, ``eta`` and ``eta^2``. The last one is the test: its
        coefficient is zero if the link and the columns are right. An offset is part of eta.

    Notes
    -----
    A pass over the rows for each step of Fisher scoring, some four to eight.
    """
    with RowPasses(result, data, y, "link_test", **options) as passes:

        def columns(e):
            eta = e.rows.eta
            yield slice(None), np.column_stack([np.ones_like(eta), eta, eta * eta]), 0.0

        fit = minimise(passes, columns, [0.0, 1.0, 0.0])
    known = result.family.dispersion == "one"
    df = None if known else fit.nobs - fit.rank
    se = np.sqrt((1.0 if known else fit.pearson / df) * np.diagonal(fit.inverse))
    columns = {"coef": fit.params, "std_error": se, "statistic": fit.params / se}
    columns["p_value"] = p_values(columns["statistic"], df)
    names = ("(Intercept)", "eta", "eta^2")
    return TestTable(title="Link test", terms=names, columns=columns, library=result.schema.library)


def reset_test(result, data, y=None, *, powers=(2, 3), kind="fitted", test=None, **options) -> DiagnosticTest:
    """Ramsey's regression specification error test: whether powers of the linear predictor, or of the columns, add to
    the model (Ramsey 1969; R's ``lmtest::resettest``).

    Parameters
    ----------
    result : GLMResult
    data, y : rows, as for ``residuals``
    powers : sequence of int
    kind : {"fitted", "regressor"}
        Powers of the linear predictor with its offset, or of each column of the model but the constant.
    test : {"F", "LRT"}, optional
        By default F where the dispersion is estimated, for least squares R's statistic; else the likelihood ratio.
    **options : weights, freq_weights, offset, exposure, threads

    Returns
    -------
    DiagnosticTest

    Raises
    ------
    InvalidParameterError
        Also where the powers add no column that the model does not have.
    """
    powers = [powers] if np.ndim(powers) == 0 else list(powers)
    if kind not in ("fitted", "regressor") or not powers or any(int(k) != k or k < 2 for k in powers):
        raise InvalidParameterError(f"reset_test: kind is 'fitted' or 'regressor', not {kind!r}; powers are whole "
                                    f"numbers from 2 on, not {powers!r}")  # fmt: skip
    if test not in (None, "F", "LRT"):
        raise InvalidParameterError(f"reset_test: test={test!r} is unknown; there are 'F' and 'LRT'")
    if result.penalty is not None:
        raise InvalidParameterError("reset_test: a penalised fit has no tests between models")
    kept = np.flatnonzero(~np.isnan(result.params))
    own = kept[1:] if result.intercept else kept

    def columns(e):
        shift = np.broadcast_to(check_offset(result, e.piece.offset, e.piece.exposure, len(e.weight)), e.weight.shape)
        for first, block in design_blocks(result, e.piece.X):
            rows = slice(first, first + len(block))
            base = e.rows.eta[rows, None] if kind == "fitted" else block[:, own]
            yield rows, np.hstack([block[:, kept], *(base**k for k in powers)]), shift[rows]

    n_added = len(powers) * (1 if kind == "fitted" else len(own))
    with RowPasses(result, data, y, "reset_test", **options) as passes:
        fit = minimise(passes, columns, np.append(result.params[kept], np.zeros(n_added)))
    df = fit.rank - len(kept)
    if not df > 0:
        raise InvalidParameterError("reset_test: the powers repeat columns of the model")
    return _compared(result, fit, df, test)


def _compared(result, fit, df, test):
    known = result.family.dispersion == "one"
    rest, fell = fit.nobs - fit.rank, fit.started - fit.deviance
    scale = 1.0 if known else fit.pearson / rest
    if test == "F" or (test is None and not known):
        statistic = fell / df / scale
        return DiagnosticTest("RESET", statistic, float(fdtrc(df, rest, statistic)), df, rest)
    return DiagnosticTest("RESET", fell / scale, float(chdtrc(df, fell / scale)), df)
