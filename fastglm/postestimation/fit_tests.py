"""Tests of the dispersion that a family assumes: goodness of fit, and overdispersion of counts."""

from __future__ import annotations

import numpy as np
from scipy.special import chdtrc, ndtr

from ..errors import InvalidParameterError
from ..inference import quadratic_form
from ..inference.test_table import TestTable
from .passes_over_rows import RowPasses

ALTERNATIVES = {"greater": lambda z: ndtr(-z), "less": ndtr, "two-sided": lambda z: 2.0 * ndtr(-np.abs(z))}


def goodness_of_fit(result) -> TestTable:
    """Whether the deviance and Pearson's chi-square are as large as the family says, without reading rows.

    Parameters
    ----------
    result : GLMResult
        Of a family with known dispersion.

    Returns
    -------
    TestTable
        statistic, df and p_value of "Pearson" and "deviance" as chi-squares on the residual degrees of freedom.

    Raises
    ------
    InvalidParameterError
        For a family whose dispersion is estimated: it takes up any misfit.

    Notes
    -----
    The chi-square holds for means, or numbers of trials, that are not small; of zeros and ones the deviance says
    nothing about the fit (McCullagh and Nelder 1989, section 4.4.5), and ``hosmer_lemeshow`` does.
    """
    if result.family.response_model == "softmax":
        raise InvalidParameterError("goodness_of_fit is of one mean a row; a softmax regression has one for each class")
    if result.family.dispersion != "one":
        raise InvalidParameterError(
            f"goodness_of_fit: the dispersion of family={result.family.name!r} is estimated and takes up any misfit"
        )
    statistic = np.array([result.pearson_chi2, result.deviance])
    df = np.full(2, float(result.df_resid))
    columns = {"statistic": statistic, "df": df, "p_value": chdtrc(df, statistic)}
    return TestTable(
        title="Goodness of fit", terms=("Pearson", "deviance"), columns=columns, library=result.schema.library
    )


def dispersion_test(result, data, y=None, *, alternative="greater", **options) -> TestTable:
    """Tests of a Poisson model against variances that are larger than its means: one pass.

    Parameters
    ----------
    result : GLMResult
        Of family="poisson".
    data, y : rows, as for ``residuals``
    alternative : {"greater", "less", "two-sided"}
    **options : weights, freq_weights, offset, exposure, threads

    Returns
    -------
    TestTable
        estimate, statistic (standard normal) and p_value. "Cameron-Trivedi NB1" is of variance mu + alpha mu and "NB2"
        of mu + alpha mu^2, the t statistic of alpha in the regression of ((y - mu)^2 - y) / mu on 1 or mu (Cameron,
        A. C. and Trivedi, P. K. 1990, Journal of Econometrics 46; R's ``AER::dispersiontest``, which without
        ``trafo`` has alpha + 1 of the first). "score NB1", "score NB2" are the score tests of the same alternatives,
        and "score NB2, adjusted" that with the leverages in its mean (Dean, C. B. 1992, "Testing for overdispersion in
        Poisson and binomial regression models", JASA 87); it is there if the fit has a covariance.

    Raises
    ------
    InvalidParameterError

    Notes
    -----
    A count with a prior weight w is a mean of w counts.
    """
    if alternative not in ALTERNATIVES:
        raise InvalidParameterError(f"alternative={alternative!r} is unknown; there are {', '.join(ALTERNATIVES)}")
    if result.family.name != "poisson":
        raise InvalidParameterError(f"dispersion_test is of family='poisson', not {result.family.name!r}")
    has_leverage = result.cov_unscaled is not None

    def work(e):
        counted = e.weight > 0.0
        w, f = e.prior[counted], e.frequency[counted]
        mu, y = w * e.rows.detail.mu[counted], w * e.rows.y[counted]
        excess = (y - mu) ** 2 - y
        a = excess / mu
        hat = 0.0
        if has_leverage:
            information = e.prior * e.rows.detail.information
            hat = (information * quadratic_form(result, e.piece.X, result.cov_unscaled))[counted]
        return np.array([(f * v).sum() for v in (1.0 + 0.0 * mu, a, a * a, excess, mu * mu, hat * mu)])

    with RowPasses(result, data, y, "dispersion_test", **options) as passes:
        n, a, aa, excess, square, adjusted = passes.sum(work)
    if not n > 1.0:
        raise InvalidParameterError("dispersion_test: fewer than two rows have a positive weight")
    linear, quadratic = a / n, excess / square
    z = [
        linear / np.sqrt((aa - n * linear**2) / (n - 1.0) / n),
        quadratic / np.sqrt((aa - quadratic**2 * square) / (n - 1.0) / square),
        a / np.sqrt(2.0 * n), excess / np.sqrt(2.0 * square),
    ]  # fmt: skip
    names = ["Cameron-Trivedi NB1", "Cameron-Trivedi NB2", "score NB1", "score NB2"]
    if has_leverage:
        z.append((excess + adjusted) / np.sqrt(2.0 * square))
        names.append("score NB2, adjusted")
    statistic = np.array(z)
    estimate = np.array([linear, quadratic, *[np.nan] * (len(z) - 2)])
    columns = {"estimate": estimate, "statistic": statistic, "p_value": ALTERNATIVES[alternative](statistic)}
    return TestTable(title="Overdispersion", terms=tuple(names), columns=columns, library=result.schema.library)
