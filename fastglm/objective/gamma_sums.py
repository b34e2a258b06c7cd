"""The likelihood of the gamma's shape: closed where all prior weights are one, else sums over the weights alone."""

from __future__ import annotations

import numpy as np

from ..source.task import Task


class ShapeSums(Task):
    """The sums of f w (log(k w) - psi(k w)) and of f w (1 / k - w psi'(k w)) for a shape k; X is not read.

    The prior weight w multiplies the shape of its row, as in R's ``MASS::gamma.shape``; f is how often the row is.
    """

    vectors_only = True

    def __init__(self, shape: float):
        self.shape = shape

    def of(self, part, runs):
        total = np.zeros(2)
        for a, b in runs:
            w, f = (
                np.ones(b - a) if v is None else np.asarray(v[a:b], np.float64)
                for v in (part.data.weights, part.data.freq_weights)
            )
            total += shape_terms(self.shape, w[w > 0.0], f[w > 0.0])
        return total


def shape_terms(shape: float, w: np.ndarray, f: np.ndarray) -> np.ndarray:
    """The two sums of ``ShapeSums`` over rows of prior weights w (n,) that are f (n,) times each."""
    from scipy.special import polygamma, psi

    k = shape * w
    # log(k) - psi(k) of a large k cancels: 1 / (2 k) + 1 / (12 k^2) - 1 / (120 k^4)
    large = k > 1e4
    first = np.where(large, (0.5 + (1.0 / 12.0 - 1.0 / (120.0 * k * k)) / k) / k, np.log(k) - psi(k))
    second = np.where(large, -(0.5 + 1.0 / (6.0 * k)) / k, 1.0 - k * polygamma(1, k))
    return np.array([(f * w * first).sum(), (f * w * second).sum() / shape])


def shape_of(deviance: float, nobs: float, source=None) -> tuple[float, float]:
    """The shape of the largest likelihood and its standard error, from the observed information.

    Parameters
    ----------
    deviance : float
    nobs : float
        Rows of weight one, by frequency.
    source : Source or None
        The rows, where they have prior weights.

    References
    ----------
    Venables and Ripley (2002), Modern Applied Statistics with S, section 7.4; R's ``MASS::gamma.shape``.
    """
    if not 0.0 < deviance < np.inf:
        return (np.inf if deviance == 0.0 else np.nan), np.nan
    one = np.ones(1)

    def sums(k):
        return nobs * shape_terms(k, one, one) if source is None else source.reduce(ShapeSums(k))

    shape = nobs / deviance
    for _ in range(100):
        first, second = sums(shape)
        score, bend = first - 0.5 * deviance, second
        # in log(shape), where the likelihood is nearly a parabola
        step = score / (-shape * bend)
        shape *= float(np.exp(np.clip(step, -1.0, 1.0)))
        if abs(step) < 1e-14:
            break
        if abs(step) < 1e-9:
            bend = sums(shape)[1]
            break
    return float(shape), float(1.0 / np.sqrt(-bend))
