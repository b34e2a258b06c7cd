"""The weighted empirical adaptive variance of Lumley and Heagerty: how long rows depend is read off their residuals.

Autocorrelations of the residuals y - mu, made decreasing by isotonic regression, say which lags of the scores count:
those before n rho^2 falls to C ("truncate"), or each by min(1, C n rho^2) ("smooth"). R's ``sandwich::weave`` and
``weightsLumley``; Lumley, T. and Heagerty, P. (1999), "Weighted empirical adaptive variance estimators for correlated
data regression", Journal of the Royal Statistical Society B 61.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..errors import InvalidParameterError
from ..kernels.evaluate import evaluate
from ..options.covariance import implement
from ..source.streaming_qr import offset, predictor
from ..source.task import Task
from .grouped_scores import GatheredRows, labelled
from .hac import InMemory, OwnOrder, of_weights, refuse_frequencies, refuse_twice, sums_of_times
from .row_scores import repeats

SMALL = 1e-7  # weights of lags beyond the last larger one are zero, as in weightsLumley
MOST_NUMBERS = 1 << 26  # of the sums of products at all lags, half a gigabyte
CONSTANTS = {"truncate": 4.0, "smooth": 1.0}


class Series(NamedTuple):
    """Numbers of rows in their order; adding two puts one after the other."""

    values: np.ndarray

    def __add__(self, other: Series) -> Series:
        return Series(np.concatenate([self.values, other.values]))


class ResponseResiduals(Task):
    """y - mu of the rows of positive weight in their order: a ``Series``, a number for each row."""

    journaled = False

    def __init__(self, scores):
        self.scores = scores

    def of(self, part, runs):
        return Series(np.concatenate([self._of(part.data, a, b) for a, b in runs.tolist()]))

    def _of(self, data, a, b):
        pair, y = self.scores.pair, np.asarray(data.y[a:b], np.float64)
        eta = predictor(data, a, b, self.scores.beta) + offset(data, a, b)
        with np.errstate(all="ignore"):
            residuals = y - evaluate(pair.family, pair.link, eta, y).mu
        return residuals[repeats(data, a, b) > 0.0]


@implement("Lumley")
def weave(cov, fitted, space) -> np.ndarray:
    """The covariance of one series of rows, in the units of ``space``."""
    refuse_frequencies(cov, fitted)
    if not cov.by:
        residuals = fitted.rows.reduce(ResponseResiduals(fitted.scores)).values
        return of_weights(cov, fitted, space, OwnOrder(fitted, space), _weights(cov, residuals, space.width))
    found = labelled(cov, fitted)
    sums = sums_of_times(found, fitted, space)
    refuse_twice(cov, sums, found)
    rows = found.source.reduce(GatheredRows(fitted.scores, found.ways, (0,), space))
    residuals = rows.columns[np.argsort(rows.codes[:, 0]), 2]
    return of_weights(cov, fitted, space, InMemory(sums.sums[:, :-1]), _weights(cov, residuals, space.width))


def _weights(cov, residuals, width):
    """The weights of lags 0 ..., by the method that was asked for."""
    method, n = cov.option("method"), len(residuals)
    level = CONSTANTS[method] if cov.option("C") is None else float(cov.option("C"))
    strength = n * decreasing_autocorrelations(residuals) ** 2
    if method == "truncate":
        last = np.flatnonzero(strength > level)
        found = np.ones(last[-1] + 1 if len(last) else 1)
    else:
        found = np.minimum(level * strength, 1.0)
        found = found[: np.flatnonzero(found > SMALL)[-1] + 1]
    if len(found) * width**2 > MOST_NUMBERS:
        raise InvalidParameterError(
            f"cov={cov.name!r}: the weights reach to lag {len(found) - 1:,}, whose sums of products do not fit; take "
            "method='truncate', or a larger C of it"
        )
    return found[: n - bool(cov.option("prewhiten"))]


def decreasing_autocorrelations(series: np.ndarray) -> np.ndarray:
    """The autocorrelations of a series (n,) at the lags 0 ... n - 1, pooled to be decreasing (``isoacf``)."""
    from scipy.optimize import isotonic_regression

    n, centred = len(series), series - series.mean()
    length = 1 << (2 * n - 1).bit_length()
    transformed = np.fft.rfft(centred, length)
    gammas = np.fft.irfft(transformed * transformed.conj(), length)[:n]
    rho = gammas / gammas[0] if gammas[0] > 0.0 else np.eye(1, n)[0]
    return isotonic_regression(rho, increasing=False).x
