"""Intervals for new responses, and critical values of bands for many means at once."""

from __future__ import annotations

import numpy as np

from ..errors import InvalidParameterError
from ..family.means import inverse_link
from ..rows.matching import check_column
from . import design_blocks, linear_predictor
from .effects import covariance_of
from .multiplicity import MaximumOfT, scheffe
from .wald import Prediction, mean_interval, quantile

BANDS = ("scheffe", "bonferroni", "sup-t")
FEW, MOST = 25, 2000  # rows whose sup-t band is by integration; and any at all
DRAWS = 200_000  # of the sup-t band of more rows, whose critical value is then right to 0.005


def new_response(result, X, offset, level: float, trials=1) -> Prediction:
    """Limits that a new response of each row of X lies between with a probability; ``se`` is that of the mean.

    Of normal errors they are mean -+ t sqrt(scale + se^2), with the uncertainty of the estimates (R's ``predict.lm``);
    of other families the quantiles of the distribution at the estimated mean and dispersion, without it. Counts of a
    binomial are of ``trials``. Weights of new rows are one.

    Raises
    ------
    InvalidParameterError
        For a family that has no distribution.
    """
    quantile(level)
    family = result.family
    if family.name == "gaussian":
        mean = mean_interval(result, X, offset, "mean", level)
        away = quantile(level, result.test_df) * np.sqrt(result.scale + mean.se**2)
        return Prediction(mean.mean, mean.se, mean.mean - away, mean.mean + away)
    if family.frozen is None or family.saturated is None:
        raise InvalidParameterError(
            f"interval='prediction': family={family.name!r} has no distribution whose quantiles are known"
        )
    trials = check_column("trials", trials, X.shape[0])
    if np.any(trials != 1) and not family.two_outcomes:
        raise InvalidParameterError(f"trials are of a binomial model, not of family={family.name!r}")
    if result.cov_params() is None:
        mu = inverse_link(result.link, linear_predictor(result, X, offset))
        se = np.full(len(mu), np.nan)
    else:
        mu, se, _, _ = mean_interval(result, X, offset, "mean", level)
    distribution = family.frozen(mu, result.scale, trials)
    ends = (np.asarray(distribution.ppf(tail), float) for tail in ((1.0 - level) / 2.0, (1.0 + level) / 2.0))
    return Prediction(mu * trials, se * trials, *ends)


def band_critical(result, X, method: str, level: float) -> float:
    """How many standard errors limits reach that hold for all rows of X together.

    Parameters
    ----------
    method : {"scheffe", "bonferroni", "sup-t"}
        Scheffe's holds for any rows; that of the largest |t| among the given ones is the smallest.

    Raises
    ------
    InvalidParameterError
    """
    quantile(level)
    if method == "scheffe":
        return scheffe(level, result.rank, result.test_df)
    n = X.shape[0]
    if method == "bonferroni":
        return quantile(1.0 - (1.0 - level) / max(n, 1), result.test_df)
    if n > MOST:
        raise InvalidParameterError(
            f"simultaneous='sup-t' is for at most {MOST:,} rows, not {n:,}; 'scheffe' holds for any"
        )
    L = np.concatenate([block for _, block in design_blocks(result, X)])
    V = covariance_of(result, L)
    size = np.sqrt(np.diagonal(V))
    if not (size > 0.0).all():
        raise InvalidParameterError("simultaneous='sup-t': a mean has no variance")
    joint = MaximumOfT(V / np.outer(size, size), result.test_df)
    if n <= FEW:
        return joint.quantile(level)
    rng = np.random.default_rng(20_000)
    largest = []
    for _ in range(0, DRAWS, DRAWS // 40):
        z = rng.standard_normal((DRAWS // 40, joint.C.shape[1]))
        t = np.abs(z @ joint.C.T).max(axis=1)
        if result.test_df is not None:
            t /= np.sqrt(rng.chisquare(result.test_df, len(t)) / result.test_df)
        largest.append(t)
    return float(np.quantile(np.concatenate(largest), level))
