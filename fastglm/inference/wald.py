"""Tests of coefficients, and confidence intervals of coefficients and of means.

The statistic is normal where the dispersion is known and Student's t on the residual degrees of freedom where it was
estimated (R's ``summary.glm``); throughout, ``df=None`` means normal. Probabilities come from the lower tail, never as
one minus something, so that small p-values keep their digits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..errors import InvalidParameterError
from . import check_covariance, linear_predictor, quadratic_form

if TYPE_CHECKING:
    from ..core.records import Array

REGULAR = 1e-8  # least squared pivot of a correlation matrix that is inverted by its Cholesky factor


class Prediction(NamedTuple):
    """Predictions with their standard errors and confidence limits, each an array of the shape of the prediction."""

    mean: Array
    se: Array
    lower: Array
    upper: Array


def p_values(statistic, df=None):
    """Two-sided p-values, 2 P(T <= -|t|), of the shape of the statistic; Student's t with ``df`` degrees of freedom,
    one number or one for each statistic, or the normal distribution for None.
    """
    from scipy.special import betaincc, ndtr, stdtr

    tail = -np.abs(statistic)
    if df is None:
        return 2.0 * ndtr(tail)
    if np.ndim(df) == 0 and not df > 0:
        return np.full(np.shape(statistic), np.nan)
    # Near 0 stdtr is right to 8 digits only; the incomplete beta function is right to all of them.
    square = np.minimum(tail**2, 1.0)
    return np.where(tail > -1.0, betaincc(0.5, df / 2.0, square / (df + square)), 2.0 * stdtr(df, tail))


def quantile(level, df=None):
    """Half-width, in standard errors, of a two-sided interval of confidence ``level``, between 0 and 1."""
    from scipy.special import ndtri, stdtrit

    if not 0.0 < level < 1.0:
        raise InvalidParameterError(f"level must lie between 0 and 1, got {level!r}")
    tail = (1.0 - level) / 2.0
    reach = -(ndtri(tail) if df is None else stdtrit(df, tail))
    return float(reach) if np.ndim(reach) == 0 else reach


def conf_int(params, bse, level=0.95, df=None):
    """Wald intervals b -+ q se, (..., 2), as R has in ``confint.default`` and ``confint.lm``; NaN if aliased."""
    reach = quantile(level, df) * bse
    return np.stack([params - reach, params + reach], axis=-1)


class WaldTest(NamedTuple):
    """A joint test: the chi-square statistic, its degrees of freedom and the p-value."""

    statistic: float
    df: int
    p_value: float


def wald(estimates, covariance):
    """Wald's test that all estimates are zero, b' C^-1 b as chi-square (R's ``car::Anova(test="Wald")``).

    Aliased estimates (NaN) are left out. A singular covariance, such as a sandwich over too few clusters, is inverted
    on its range, and its rank gives the degrees of freedom.

    Parameters
    ----------
    estimates : (k,) array
    covariance : (k, k) array

    Returns
    -------
    WaldTest, NaN with df 0 where nothing can be tested
    """
    from scipy.linalg.lapack import dpotrf, dtrtrs
    from scipy.special import chdtrc

    kept = ~np.isnan(estimates)
    covariance = covariance[np.ix_(kept, kept)]
    se = np.sqrt(np.diagonal(covariance))
    if not (kept.any() and np.isfinite(covariance).all() and (se > 0).all()):
        return WaldTest(np.nan, 0, np.nan)
    correlation = covariance / np.outer(se, se)
    triangle, status = dpotrf(correlation, lower=True)
    if not status and np.square(triangle.diagonal()).min() > REGULAR:
        statistic = float(np.sum(np.square(dtrtrs(triangle, estimates[kept] / se, lower=True)[0])))
        return WaldTest(statistic, len(se), float(chdtrc(len(se), statistic)))
    values, vectors = np.linalg.eigh(correlation)
    regular = values > values[-1] * len(values) * np.finfo(float).eps
    scores = vectors.T[regular] @ (estimates[kept] / se)
    statistic, df = float(np.sum(scores**2 / values[regular])), int(regular.sum())
    return WaldTest(statistic, df, float(chdtrc(df, statistic)))


def mean_interval(result, X, offset, kind="mean", level=0.95, critical=None):
    """Confidence intervals for the mean of each row of X, as returned by ``check_X``; or for kind="link" of the linear
    predictor.

    The interval is computed for the linear predictor and carried to the mean by the inverse link, so it never leaves
    the range of the mean; the standard error of the mean is se(eta) |d mu / d eta| (delta method), as R's
    ``predict.glm(se.fit=TRUE)``. InvalidParameterError if the model was fitted without a covariance. ``critical``, that
    of a band, takes the place of the quantile.
    """
    cov = check_covariance(result.cov_params(), "intervals")
    reach = quantile(level, result.test_df) if critical is None else critical
    eta = linear_predictor(result, X, offset)
    core = result.covariance_core
    if core is None and result.information_root is not None:
        core = np.diag(np.full(len(result.information_root), result.scale))
    se = np.sqrt(quadratic_form(result, X, cov, core))
    lower, upper = eta - reach * se, eta + reach * se
    if kind == "link":
        return Prediction(eta, se, lower, upper)
    return to_mean(result, eta, se, lower, upper)


def to_mean(result, eta, se, lower, upper):
    """Carry an interval for eta over to the mean, ordered also where the link decreases."""
    from ..family.means import inverse_link
    from ..kernels.evaluate import mean_curve

    link = result.link
    mu, slope, _ = mean_curve(result.family, link, eta)
    ends = []
    for bound in (lower, upper):
        if not link.half_line:
            ends.append(inverse_link(link, bound))
            continue
        # an interval for eta that reaches 0 ends at the limit there
        inside = np.sign(bound) == np.sign(eta)
        at_zero = np.where(np.sign(slope) == np.sign(eta), 0.0, np.copysign(np.inf, mu))
        ends.append(np.where(inside, inverse_link(link, np.where(inside, bound, eta)), at_zero))
    return Prediction(mu, se * np.abs(slope), np.minimum(*ends), np.maximum(*ends))
