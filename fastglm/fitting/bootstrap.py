"""``bootstrap``: the coefficients of fits to rows, or clusters of rows, that are drawn again with replacement."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..core.records import VECTORS
from ..errors import ConvergenceWarning, InvalidParameterError, SeparationWarning, warn
from ..inference.grouped_scores import sorted_ids
from ..options.sgd import is_whole
from ..postestimation.covariances import rows_of_fit
from ..source import streaming_qr
from .entry import fit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core.records import Array, ArrayLike
    from ..result.record import GLMResult
    from ..types import Rows, Variable


class Bootstrap(NamedTuple):
    """What fits to rows drawn again say of coefficients.

    Attributes
    ----------
    params : (draws, p) array
        The coefficients of each draw; NaN where it has no fit.
    estimate : (p,) array
        Those of all rows.
    names : tuple of str
    lost : int
        Draws without a fit.
    """

    params: Array
    estimate: Array
    names: tuple[str, ...]
    lost: int

    @property
    def covariance(self) -> Array:
        """The covariance of the draws about their mean, (p, p), divided by draws - 1 (R's ``sandwich::vcovBS``)."""
        whole = self.params[~np.isnan(self.params).all(axis=1)]
        return np.cov(whole, rowvar=False).reshape(len(self.names), len(self.names))

    @property
    def bse(self) -> Array:
        """Standard errors, (p,)."""
        return np.sqrt(self.covariance.diagonal())

    @property
    def bias(self) -> Array:
        """The mean of the draws less the estimate, (p,)."""
        return np.nanmean(self.params, axis=0) - self.estimate

    def conf_int(self, level: float = 0.95, kind: str = "percentile") -> Array:
        """Limits of each coefficient, (p, 2).

        Parameters
        ----------
        level : float
        kind : "percentile", "basic" or "bca"
            Quantiles of the draws (type 7), twice the estimate less these, or those corrected for the bias of the
            median (Efron 1987, without the acceleration).

        Raises
        ------
        InvalidParameterError
        """
        from scipy.special import ndtr, ndtri

        if not 0.0 < level < 1.0 or kind not in ("percentile", "basic", "bca"):
            raise InvalidParameterError(f"level={level!r} or kind={kind!r}: kinds are 'percentile', 'basic' and 'bca'")
        tails = np.array([0.5 * (1.0 - level), 0.5 * (1.0 + level)])
        if kind != "bca":
            limits = np.nanquantile(self.params, tails, axis=0).T
            return limits if kind == "percentile" else 2.0 * self.estimate[:, None] - limits[:, ::-1]
        below = np.nanmean(self.params < self.estimate, axis=0)
        corrected = ndtr(2.0 * ndtri(below)[:, None] + ndtri(tails))
        pairs = zip(self.params.T, corrected, strict=True)
        return np.array([np.nanquantile(column, tail) if np.isfinite(tail).all() else tail * np.nan
                         for column, tail in pairs])  # fmt: skip


def bootstrap(
    result: GLMResult, X: Rows | None = None, y: Variable | None = None, *, data: Rows | None = None, draws: int = 999,
    cluster: ArrayLike | None = None, resamples: Sequence[ArrayLike] | None = None, seed: int = 0,
    weights: Variable | None = None, freq_weights: Variable | None = None, offset: Variable | None = None,
    exposure: Variable | None = None,
) -> Bootstrap:  # fmt: skip
    """Fit a model to rows drawn again with replacement: the pairs bootstrap, of clusters where these are given.

    Parameters
    ----------
    result : GLMResult
    X, y : the rows of the fit; or ``data``, a frame that its formula reads
        In memory.
    draws : int
        At least 2.
    cluster : (n,) array_like, optional
        Whole clusters are drawn, as many as there are.
    resamples : sequence of arrays, optional
        The numbers of the rows of each draw, in place of random ones.
    seed : int
        Fixes the draws.
    weights, freq_weights, offset, exposure
        As they were in the fit.

    Returns
    -------
    Bootstrap

    Raises
    ------
    InvalidParameterError, MissingDataError

    Warns
    -----
    ConvergenceWarning
        Where some draws have no fit, such as one outcome alone.

    References
    ----------
    Efron, B. and Tibshirani, R. J. (1993), An Introduction to the Bootstrap; Cameron, A. C., Gelbach, J. B. and Miller,
    D. L. (2008), Bootstrap-based improvements for inference with clustered errors, Review of Economics and Statistics
    90.

    Examples
    --------
    >>> import numpy as np, fastglm
    >>> X = np.random.default_rng(0).normal(size=(100, 1))
    >>> fit = fastglm.fit(X, 2.0 * X[:, 0] + np.sin(np.arange(100)))
    >>> fastglm.bootstrap(fit, X, 2.0 * X[:, 0] + np.sin(np.arange(100)), draws=50).params.shape
    (50, 2)
    """
    if result.family.response_model == "softmax":
        raise InvalidParameterError(
            "bootstrap is of one mean a row; a softmax regression has several coefficients a name"
        )
    if not is_whole(draws) or draws < 2:
        raise InvalidParameterError(f"draws={draws!r} must be a whole number, at least 2")
    vectors = dict(zip(VECTORS, (weights, freq_weights, offset, exposure), strict=True))
    with rows_of_fit(result, "bootstrap()", X, y, data, vectors) as source:
        rows = _Rows.of(source.gather().data)
    chosen = _drawn(len(rows.y), draws, cluster, seed) if resamples is None else list(resamples)
    params = np.array([_again(result, rows, numbers) for numbers in chosen])
    lost = int(np.isnan(params).all(axis=1).sum())
    if lost:
        warn(ConvergenceWarning, f"bootstrap: {lost} of {len(params)} draws have no fit and are NaN")
    return Bootstrap(params, np.array(result.params), result.names, lost)


class _Rows(NamedTuple):
    """The columns of a design and the vectors of its rows."""

    X: Any
    y: Any
    weights: Any
    frequency: Any
    offset: Any

    @classmethod
    def of(cls, data) -> _Rows:
        n = len(data.y)
        w = None if data.weights is None else np.asarray(data.weights, np.float64)
        f = np.ones(n) if data.freq_weights is None else np.asarray(data.freq_weights, np.float64)
        return cls(
            streaming_qr.design(data, 0, n), np.asarray(data.y), w, f, streaming_qr.offset(data, 0, n) + np.zeros(n)
        )


def _drawn(n, draws, cluster, seed):
    """The numbers of the rows of each draw."""
    draw = np.random.Generator(np.random.Philox(seed))
    if cluster is None:
        return (draw.integers(0, n, n) for _ in range(draws))
    codes = sorted_ids(cluster, n, "cluster")[1]
    groups = np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes))[:-1])
    if len(groups) < 2:
        raise InvalidParameterError("cluster: all rows are of one cluster; there must be two at least")
    return (np.concatenate([groups[g] for g in draw.integers(0, len(groups), len(groups))]) for _ in range(draws))


def _again(result, rows, numbers):
    """The coefficients of a fit to some rows, from those of all; NaN without a fit."""
    counts = np.bincount(np.asarray(numbers, np.int64), minlength=len(rows.y))
    kept = np.flatnonzero(counts)
    used = np.flatnonzero(~np.isnan(result.params))
    out = np.full(len(result.params), np.nan)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", SeparationWarning)
            found = fit(
                rows.X[np.ix_(kept, used)], rows.y[kept], family=result.family, link=result.link, intercept=False,
                weights=None if rows.weights is None else rows.weights[kept], offset=rows.offset[kept], cov=None,
                freq_weights=counts[kept] * rows.frequency[kept], start=result.params[used], threads=1,
            )  # fmt: skip
    except (InvalidParameterError, SeparationWarning):
        return out
    if found.converged:
        out[used] = found.params
    return out
